// The two faces of the API: who may call, what they speak, and that they say the same.
#include <gmock/gmock.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <gtest/gtest.h>

#include "tests/api/world.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ConnectTest : public ApiTest {
 protected:
  // One call over gRPC, in bytes.
  grpc::Status Rpc(const std::string& path,
                   std::string_view request,
                   std::string_view authorization,
                   std::string& out) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    if (!authorization.empty()) context.AddMetadata("authorization", std::string(authorization));
    const grpc::Slice slice(request.data(), request.size());
    const grpc::ByteBuffer sent(&slice, 1);
    grpc::ByteBuffer received;
    const grpc::internal::RpcMethod method(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
    const grpc::Status status =
        grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer>(
            channel_.get(), method, &context, sent, &received);
    std::vector<grpc::Slice> slices;
    out.clear();
    if (status.ok() && received.Dump(&slices).ok()) {
      for (const grpc::Slice& each : slices)
        out.append(reinterpret_cast<const char*>(each.begin()), each.size());
    }
    return status;
  }
};

TEST_F(ConnectTest, CallsNothingWithoutTheToken) {
  for (const Method& method : Methods()) {
    if (method.open) continue;  // it lets people in
    const std::string path = "/" + std::string(method.service) + "/" + std::string(method.name);
    for (const std::string& authorization : {std::string(), std::string("Bearer wrong"), "Basic " + token_, token_}) {
      HttpHeaders headers = {
          {"Content-Type", "application/json"}
      };
      if (!authorization.empty()) headers.push_back({"Authorization", authorization});
      const HttpResponse response = Http("POST", path, headers, "{}");
      EXPECT_EQ(response.status, 401) << path;
      EXPECT_EQ(ErrorOf(response).first, "unauthenticated") << path;
      std::string ignored;
      EXPECT_EQ(Rpc(path, "", authorization, ignored).error_code(), grpc::StatusCode::UNAUTHENTICATED) << path;
    }
  }
  EXPECT_THAT(Http("POST", "/tocsin.v1.StatusService/GetStatus").body, Not(HasSubstr(token_)));
}

// What a call with an empty request comes to.
const std::map<std::string_view, std::string_view> kRefusals = {
    {"GetGroup",            "not_found"          },
    {"AcknowledgeGroup",    "not_found"          },
    {"AcknowledgeBundle",   "not_found"          },
    {"ResolveGroup",        "not_found"          },
    {"SnoozeGroup",         "not_found"          },
    {"UnacknowledgeGroup",  "not_found"          },
    {"MergeGroups",         "not_found"          },
    {"SplitGroup",          "not_found"          },
    {"RerouteGroup",        "not_found"          },
    {"CreateMaintenance",   "invalid_argument"   },
    {"EndMaintenance",      "not_found"          },
    {"ReassignGroup",       "not_found"          },
    {"AddResponders",       "invalid_argument"   },
    {"SimulatePolicy",      "not_found"          },
    {"OverrideSchedule",    "invalid_argument"   },
    {"EndOverride",         "not_found"          },
    {"TakeShift",           "invalid_argument"   },
    {"RequestSwap",         "invalid_argument"   },
    {"OfferSwap",           "invalid_argument"   },
    {"AcceptSwap",          "not_found"          },
    {"TakeSwap",            "invalid_argument"   },
    {"WithdrawSwap",        "not_found"          },
    {"ListEditions",        "not_found"          },
    {"EscalateGroup",       "not_found"          },
    {"AddNote",             "invalid_argument"   },
    {"GetIncident",         "not_found"          },
    {"OpenIncident",        "invalid_argument"   },
    {"AcknowledgeIncident", "not_found"          },
    {"ResolveIncident",     "not_found"          },
    {"CreateSilence",       "invalid_argument"   },
    {"ExpireSilence",       "not_found"          },
    {"FinalSchedule",       "not_found"          },
    {"GetFairness",         "not_found"          },
    {"DiffSchedules",       "invalid_argument"   },
    {"CreateCalendarLink",  "invalid_argument"   },
    {"ImportCalendars",     "invalid_argument"   },
    {"ApplyOrganisation",   "invalid_argument"   },
    {"GetVersion",          "not_found"          },
    {"CreateToken",         "invalid_argument"   },
    {"RevokeToken",         "not_found"          },
    {"SignIn",              "unauthenticated"    },
    {"FinishSignIn",        "failed_precondition"},
    {"AcceptInvitation",    "permission_denied"  },
    {"ChangePassword",      "failed_precondition"},
    {"SignOut",             "failed_precondition"},
    {"InviteUser",          "not_found"          },
    {"LockUser",            "not_found"          },
    {"RollBack",            "not_found"          },
    {"ReadBackup",          "not_found"          },
    {"EndBackup",           "not_found"          },
    {"StartReplay",         "invalid_argument"   },
    {"PreviewSilence",      "invalid_argument"   },
    {"GetReplay",           "not_found"          },
    {"CancelReplay",        "not_found"          },
    {"TestPage",            "not_found"          },
    {"GetPage",             "not_found"          },
    {"RecordChange",        "invalid_argument"   },
    {"PingHeartbeat",       "not_found"          },
    {"Explain",             "invalid_argument"   }
};

const std::map<std::string_view, std::pair<int, grpc::StatusCode>> kOfCode = {
    {"not_found",           {404, grpc::StatusCode::NOT_FOUND}          },
    {"invalid_argument",    {400, grpc::StatusCode::INVALID_ARGUMENT}   },
    {"failed_precondition", {400, grpc::StatusCode::FAILED_PRECONDITION}},
    {"permission_denied",   {403, grpc::StatusCode::PERMISSION_DENIED}  },
    {"unauthenticated",     {401, grpc::StatusCode::UNAUTHENTICATED}    },
};

TEST_F(ConnectTest, AnswersEveryMethodTheSameAsJsonAsProtobufAndOverGrpc) {
  for (const Method& method : Methods()) {
    SCOPED_TRACE(method.name);
    const std::string name =
        std::string(method.service.substr(std::string_view("tocsin.v1.").size())) + "/" + std::string(method.name);
    const HttpResponse json = Post(name, "{}");
    api_->backups->Stop();  // there is one backup at a time
    const HttpResponse proto = Post(name, "", "application/proto");
    api_->backups->Stop();
    std::string bytes;
    const grpc::Status rpc = Rpc("/tocsin.v1." + name, "", "Bearer " + token_, bytes);
    EXPECT_EQ(json.status, proto.status);
    const auto refused = kRefusals.find(method.name);
    if (refused == kRefusals.end()) {
      EXPECT_EQ(json.status, 200) << json.body;
      EXPECT_EQ(FindHeader(json.headers, "content-type"), "application/json");
      EXPECT_EQ(FindHeader(proto.headers, "content-type"), "application/proto");
      EXPECT_TRUE(rpc.ok()) << rpc.error_message();
      continue;
    }
    const auto [code, message] = ErrorOf(json);
    EXPECT_EQ(code, refused->second) << message;
    EXPECT_EQ(json.status, kOfCode.at(code).first);
    EXPECT_EQ(json.body, proto.body) << "errors are JSON, whatever was asked";
    EXPECT_EQ(rpc.error_message(), message);
    EXPECT_EQ(rpc.error_code(), kOfCode.at(code).second);
    EXPECT_GT(message.size(), 10U) << "words: " << message;
  }
}

TEST_F(ConnectTest, SaysWhatIsWrongWithARequest) {
  const struct {
    std::string_view name;
    std::string type;
    std::string body;
    int status;
    std::string_view words;
  } cases[] = {
      {"no type",               "",                                "{}",                415, "only application/json"          },
      {"another type",          "text/plain",                      "{}",                415, "only application/json"          },
      {"half an object",        "application/json",                "{\"id\":",          400, "GetGroupRequest in JSON"        },
      {"an unknown field",      "application/json",                "{\"idd\":1}",       400, "idd"                            },
      {"text for a number",     "application/json",                "{\"id\":\"x\"}",    400, "id"                             },
      {"a number too large",    "application/json",                "{\"id\":1e30}",     400, "id"                             },
      {"a list",                "application/json",                "[1]",               400, "GetGroupRequest in JSON"        },
      {"not UTF-8",             "application/json",                "{\"id\":\"\xFF\"}", 400, "not UTF-8"                      },
      {"not a message",         "application/proto",               "\xFF",              400, "not a tocsin.v1.GetGroupRequest"},
      {"JSON with its charset", "application/json; charset=utf-8", "{\"id\":77}",       404, "G77"                            },
      {"a type in capitals",    "Application/JSON",                "{\"id\":77}",       404, "G77"                            },
      {"a number as text",      "application/json",                "{\"id\":\"77\"}",   404, "G77"                            },
  };
  for (const auto& [name, type, body, status, words] : cases) {
    SCOPED_TRACE(name);
    const HttpResponse response = Post("GroupService/GetGroup", body, type);
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_THAT(response.body, HasSubstr(words));
  }
  EXPECT_EQ(Post("GroupService/GetGroup", std::string(100'000, '[')).status, 400) << "deep nesting";
  EXPECT_EQ(Post("GroupService/Nonsense", "{}").status, 404);
  EXPECT_EQ(Http("GET", "/tocsin.v1.GroupService/ListGroups").status, 405);
}

TEST(WorkersTest, RefuseWhatWaitsTooLongAndFinishWhatTheyTook) {
  Mutex mutex;
  ConditionVariable changed;
  bool open = false;
  int started = 0;
  int done = 0;
  {
    using Lane = Workers::Lane;
    Workers workers(2, 2);
    const auto task = [&] {
      MutexLock lock(mutex);
      ++started;
      changed.NotifyAll();
      changed.Wait(mutex, [&] { return open; });
      ++done;
    };
    ASSERT_TRUE(workers.Post(Lane::kAsking, task));
    {
      MutexLock lock(mutex);
      changed.Wait(mutex, [&] { return started == 1; });
    }
    EXPECT_TRUE(workers.Post(Lane::kAsking, task));
    EXPECT_TRUE(workers.Post(Lane::kAsking, task));
    EXPECT_FALSE(workers.Post(Lane::kAsking, task)) << "two wait";
    // Whatever is asked, something can be done.
    bool acknowledged = false;
    EXPECT_TRUE(workers.Post(Lane::kDoing, [&] {
      MutexLock lock(mutex);
      acknowledged = true;
      changed.NotifyAll();
    }));
    MutexLock lock(mutex);
    changed.Wait(mutex, [&] { return acknowledged; });
    EXPECT_EQ(started, 1);
    open = true;
    changed.NotifyAll();
  }
  EXPECT_EQ(done, 3);
}

}  // namespace
}  // namespace tocsin
