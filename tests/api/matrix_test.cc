// Who may call what: every method, by every role, about what is their team's, another team's and nobody's, over both faces; and the
// tables of docs/access.md, which are written from the same rows.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "tests/api/needs.h"
#include "tests/api/world.h"

namespace tocsin {
namespace {

// Teams web (ann, who manages it: mia) and db (bob); of nobody: dave, and what is called all.
constexpr std::string_view kThreeOwners = R"(
name: matrix
fallback_user: dave
users:
  - {id: ann, contact_methods: [{id: desk, kind: terminal, address: ann}]}
  - {id: mia, contact_methods: [{id: desk, kind: terminal, address: mia}]}
  - {id: bob, contact_methods: [{id: desk, kind: terminal, address: bob}]}
  - {id: dave, contact_methods: [{id: desk, kind: terminal, address: dave}]}
teams: [{id: web, members: [ann], managers: [mia]}, {id: db, members: [bob]}]
limits: {bundle_window: 300ms, webhook: [], terminal: []}
schedules:
  - {id: web, team: web, time_zone: UTC, layers: [{id: a, rotation: {type: weekly, start: '2026-11-02T09:00'}, participants: [ann]}]}
  - {id: db, team: db, time_zone: UTC, layers: [{id: a, rotation: {type: weekly, start: '2026-11-02T09:00'}, participants: [bob]}]}
  - {id: all, time_zone: UTC, layers: [{id: a, rotation: {type: weekly, start: '2026-11-02T09:00'}, participants: [bob]}]}
policies:
  - {id: web, team: web, steps: [{delay: 10m, targets: [{user: mia}]}]}
  - {id: db, team: db, steps: [{delay: 10m, targets: [{user: bob}]}]}
  - {id: all, steps: [{delay: 10m, targets: [{user: dave}]}]}
services:
  - {id: web, team: web, matchers: ['service="web"']}
  - {id: db, team: db, matchers: ['service="db"']}
  - {id: all, matchers: ['service="all"']}
heartbeats:
  - {id: web, team: web, interval: 1h}
  - {id: db, team: db, interval: 1h}
  - {id: all, interval: 1h}
integrations: [{id: stream, source: stream, key: stream-key-which-nobody-may-see}]
route:
  policy: all
  group_by: [alertname]
  group_wait: 0s
  routes:
    - {id: web, matchers: ['service="web"'], policy: web}
    - {id: db, matchers: ['service="db"'], policy: db}
)";

// What a test calls as: a token, or somebody who has logged in.
struct Tried {
  std::string name;
  std::string token;
  Role everywhere = Role::kIntegration;  // what they may do about anything
  Role in_web = Role::kIntegration;      // and about what is of team web
  bool session = false;
};

class MatrixTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    ApplySample(std::string(kThreeOwners));
    admin_ = token_;
    for (const std::string owner : {"web", "db", "all"})
      MakeThings(owner);
    MakeCallers();
  }

  std::uint64_t Do(std::string_view method, const std::string& json) {
    const HttpResponse answer = Post(method, json);
    EXPECT_EQ(answer.status, 200) << method << " " << json << ": " << answer.body;
    google::protobuf::Struct made;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(answer.body, &made).ok()) << answer.body;
    const auto& fields =
        made.fields().contains("change") ? made.fields().at("change").struct_value().fields() : made.fields();
    std::uint64_t id = 0;
    EXPECT_TRUE(fields.contains("id") && absl::SimpleAtoi(fields.at("id").string_value(), &id)) << answer.body;
    return id;
  }

  // The organisation with the owner's policy changed, and nothing else.
  static std::string Changed(const std::string& owner) {
    const std::string policy =
        "{id: " + owner + ", " + (owner == "all" ? "" : "team: " + owner + ", ") + "steps: [{delay: ";
    return absl::StrReplaceAll(std::string(kThreeOwners), {
                                                              {policy + "10m", policy + "7m"}
    });
  }
  std::uint64_t VersionOf(const std::string& yaml) {
    v1::ApplyOrganisationRequest request;
    auto& file = *request.add_files();
    file.set_name("o.yaml");
    file.set_text(yaml);
    v1::ApplyOrganisationResponse response;
    EXPECT_TRUE(Call("OrganisationService/ApplyOrganisation", request, response).ok());
    return response.version();
  }

  // One of everything that may be somebody's.
  void MakeThings(const std::string& owner) {
    auto& things = things_[owner];
    const std::string user = owner == "web" ? "mia" : owner == "db" ? "bob" : "dave";
    const auto later = absl::FormatTime(absl::RFC3339_sec, absl::Now() + absl::Hours(2), absl::UTCTimeZone());
    const auto soon = absl::FormatTime(absl::RFC3339_sec, absl::Now() + absl::Hours(1), absl::UTCTimeZone());
    std::uint64_t group = 0;
    for (const std::string name : {"First", "Second", "Third"}) {
      Send({
          {"alertname", name + owner},
          {"service",   owner       }
      });
      ASSERT_TRUE(Eventually([&] {
        for (const v1::Group& each : Groups()) {
          if (each.labels_size() == 1 && each.labels(0).value() == name + owner && each.flushed()) group = each.id();
        }
        return group != 0;
      }));
    }
    std::uint64_t bundle = 0;
    ASSERT_TRUE(Eventually([&] {
      const MutexLock lock(mutex_);
      for (const Notification& each : attempts_) {
        if (!each.members.empty() && each.user == UserId(user)) bundle = each.id.value();
      }
      return bundle != 0;
    })) << owner;
    things = {
        {"$group",     std::to_string(group)             },
        {"$bundle",    std::to_string(bundle)            },
        {"$service",   owner                             },
        {"$value",     owner                             },
        {"$schedule",  owner                             },
        {"$heartbeat", owner                             },
        {"$team",      owner == "all" ? "" : owner       },
        {"$user",      owner == "web" ? "ann" : user     },
        {"$now",       soon                              },
        {"$later",     later                             },
        {"$yaml",      absl::Base64Escape(Changed(owner))},
    };
    const auto made = [&](std::string_view method, std::string_view json) {
      return std::to_string(Do(method, Fill(json, owner)));
    };
    things["$version"] = std::to_string(VersionOf(Changed(owner)));
    ApplySample(std::string(kThreeOwners));
    things["$incident"] = made("IncidentService/OpenIncident", R"({"title":"t","severity":3,"service":"$service"})");
    things["$silence"] =
        made("SilenceService/CreateSilence", R"({"matchers":["service=\"$value\"","other=\"x\""],"endsAt":"$later"})");
    things["$window"] =
        made("MaintenanceService/CreateMaintenance", R"({"service":"$service","startsAt":"$now","endsAt":"$later"})");
    things["$override"] =
        made("ScheduleService/OverrideSchedule",
             R"({"schedule":"$schedule","type":"TYPE_ADD","users":["dave"],"start":"$now","end":"$later"})");
  }

  std::string Fill(std::string_view json, const std::string& owner) {
    std::string text(json);
    for (const auto& [name, value] : things_.at(owner)) {
      const std::string quoted = JsonQuote(value);
      text = absl::StrReplaceAll(text, {
                                           {name, quoted.substr(1, quoted.size() - 2)}
      });
    }
    return absl::StrReplaceAll(text, {
                                         {"\"teams\":[\"\"]", "\"teams\":[]"          },
                                         {"$n",               std::to_string(++names_)}
    });
  }

  void MakeCallers() {
    const auto make = [&](Role role, const std::string& team) {
      v1::CreateTokenRequest request;
      request.set_role(static_cast<v1::Role>(role));
      request.set_name(absl::StrCat(Name(role).data(), "-", team));
      if (role == Role::kIntegration) {
        request.set_integration("stream");
      } else {
        request.set_user("ann");
      }
      if (!team.empty()) request.add_teams(team);
      v1::CreateTokenResponse response;
      EXPECT_TRUE(Call("AccessService/CreateToken", request, response).ok());
      callers_.push_back({request.name(), response.token(), team.empty() ? role : Role::kIntegration, role});
    };
    for (const Role role : {Role::kIntegration, Role::kViewer, Role::kResponder, Role::kManager, Role::kAdmin})
      make(role, "");
    for (const Role role : {Role::kViewer, Role::kResponder, Role::kManager})
      make(role, "web");
    for (const auto& [user, role] : {
             std::pair<std::string, Role>("ann", Role::kResponder), {"mia", Role::kManager}
    }) {
      v1::InviteUserRequest invite;
      invite.set_user(user);
      v1::InviteUserResponse invited;
      ASSERT_TRUE(Call("SignInService/InviteUser", invite, invited).ok());
      v1::AcceptInvitationRequest accept;
      accept.set_invitation(invited.invitation());
      accept.set_password("a long enough password");
      v1::AcceptInvitationResponse accepted;
      ASSERT_TRUE(Call("SignInService/AcceptInvitation", accept, accepted).ok());
      v1::SignInRequest sign_in;
      sign_in.set_user(user);
      sign_in.set_password(accept.password());
      v1::SignInResponse session;
      ASSERT_TRUE(Call("SignInService/SignIn", sign_in, session).ok());
      callers_.push_back({"session of " + user, session.token(), Role::kViewer, role, true});
    }
  }

  // What the tables and docs/access.md say, said as plainly as possible.
  static bool MayCall(const Tried& caller, const Need& need, const std::string& owner) {
    const Role needed = std::max(need.role, need.asks);
    if (caller.everywhere >= needed) return true;
    if (caller.in_web < needed) return false;
    if (need.whose == Whose::kAnybodys || owner == "web") return true;
    return owner == "all" && need.whose == Whose::kTeams;
  }

  grpc::StatusCode RpcCode(const Method& method, const std::string& token, const std::string& json) {
    const std::string path = "/" + std::string(method.service) + "/" + std::string(method.name);
    const auto* pool = google::protobuf::DescriptorPool::generated_pool();
    const auto* described = pool->FindMethodByName(std::string(method.service) + "." + std::string(method.name));
    const std::unique_ptr<google::protobuf::Message> message(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(described->input_type())->New());
    const auto parsed = google::protobuf::util::JsonStringToMessage(json, message.get());
    EXPECT_TRUE(parsed.ok()) << method.name << " " << parsed.ToString() << " " << json;
    const std::string bytes = message->SerializeAsString();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    const grpc::Slice slice(bytes.data(), bytes.size());
    const grpc::ByteBuffer sent(&slice, 1);
    grpc::ByteBuffer received;
    const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
    return grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer>(
               channel_.get(), rpc, &context, sent, &received)
        .error_code();
  }
  static std::string PathOf(const Method& method) {
    return std::string(method.service.substr(std::string_view("tocsin.v1.").size())) + "/" + std::string(method.name);
  }
  // One cell, over both faces.
  void Check(const Method& method, const Tried& caller, const Need& need, const std::string& owner) {
    SCOPED_TRACE(absl::StrCat(std::string(method.name), " by ", caller.name, " about what is ", owner, "'s"));
    const bool may = MayCall(caller, need, owner);
    token_ = caller.token;
    const HttpResponse answer = Post(PathOf(method), Fill(need.request, owner));
    EXPECT_EQ(answer.status != 403, may) << answer.body;
    EXPECT_NE(answer.status, 401) << answer.body;
    if (method.service == "tocsin.v1.BackupService") api_->backups->Stop();
    const grpc::StatusCode code = RpcCode(method, caller.token, Fill(need.request, owner));
    EXPECT_EQ(code != grpc::StatusCode::PERMISSION_DENIED, may);
    EXPECT_NE(code, grpc::StatusCode::UNAUTHENTICATED);
    if (method.service == "tocsin.v1.BackupService") api_->backups->Stop();
    ++cells_;
  }

  std::string admin_;
  std::map<std::string, std::map<std::string, std::string>> things_;  // by owner
  std::vector<Tried> callers_;
  int names_ = 0;
  int cells_ = 0;
};

TEST_F(MatrixTest, EveryMethodHasARowAndEveryRowAMethod) {
  std::set<std::string_view> named;
  for (const Method& method : Methods()) {
    named.insert(method.name);
    const bool open = std::ranges::find(kOpen, method.name) != std::end(kOpen);
    EXPECT_EQ(method.open, open) << method.name;
    if (open) continue;
    ASSERT_TRUE(kNeeds.contains(method.name)) << method.name << ": which role does it need? See tests/api/needs.h";
    const Need& need = kNeeds.at(method.name);
    EXPECT_EQ(method.role, need.role) << method.name;
    if (method.scoped) {
      EXPECT_NE(need.whose, Whose::kAnybodys) << method.name << ": whose is what it changes?";
    }
    // What changes something is a team's; what changes nothing, or is judged by who has begun it, says so here.
    const bool changes_nothing_of_a_team = method.service == "tocsin.v1.ReplayService";
    if (need.role == Role::kResponder && !changes_nothing_of_a_team) {
      EXPECT_TRUE(method.scoped) << method.name << ": whose is what it changes?";
    }
  }
  for (const auto& [name, need] : kNeeds)
    EXPECT_TRUE(named.contains(name)) << name << " is no method any more";
}

TEST_F(MatrixTest, EachMayWhatItsRowSaysAndNothingElseOnBothFaces) {
  // What is refused leaves everything as it is, so that comes first.
  for (const bool permitted : {false, true}) {
    for (const Method& method : Methods()) {
      if (method.open) continue;
      const Need& need = kNeeds.at(method.name);
      for (const Tried& caller : callers_) {
        if (caller.session && method.name == "SignOut") continue;  // it ends the session: tests/api/sign_in_test.cc
        for (const std::string owner : {"web", "db", "all"}) {
          if (MayCall(caller, need, owner) == permitted) Check(method, caller, need, owner);
          if (need.whose == Whose::kAnybodys) break;
        }
      }
    }
  }
  EXPECT_GT(cells_, 1000);
}

TEST_F(MatrixTest, NobodyComesInWithoutAToken) {
  for (const Method& method : Methods()) {
    if (method.open) continue;
    const std::string request = Fill(kNeeds.at(method.name).request, "web");
    EXPECT_EQ(RpcCode(method, "", request), grpc::StatusCode::UNAUTHENTICATED) << method.name;
    const HttpResponse answer = Http("POST", "/tocsin.v1." + PathOf(method),
                                     {
                                         {"Content-Type", "application/json"}
    },
                                     request);
    EXPECT_EQ(answer.status, 401) << method.name;
  }
}

std::string TableOfMethods() {
  std::map<std::string_view, std::map<Role, std::vector<std::string>>> services;
  for (const Method& method : Methods()) {
    const bool judged = !method.open && kNeeds.at(method.name).whose != Whose::kAnybodys;
    services[method.service][method.open ? Role::kIntegration : method.role].push_back(std::string(method.name) +
                                                                                       (judged ? "*" : ""));
  }
  std::string table = "| service | anybody | viewer | responder | manager | admin |\n|---|---|---|---|---|---|\n";
  for (auto& [service, roles] : services) {
    table += absl::StrCat("| ", std::string(service.substr(std::string_view("tocsin.v1.").size())), " |");
    for (const Role role : {Role::kIntegration, Role::kViewer, Role::kResponder, Role::kManager, Role::kAdmin}) {
      std::ranges::sort(roles[role]);
      table += absl::StrCat(" ", absl::StrJoin(roles[role], ", "), roles[role].empty() ? "|" : " |");
    }
    table += "\n";
  }
  return table;
}

// To write it: TOCSIN_WRITE_DOCS=1 api_test --gtest_filter=AccessDocumentTest.*
TEST(AccessDocumentTest, HasTheTableOfMethodsAsItIs) {
  const std::string path = std::string(TOCSIN_SOURCE_DIR) + "/docs/access.md";
  std::stringstream read;
  read << std::ifstream(path).rdbuf();
  const std::string text = read.str();
  const std::string begin = "<!-- methods: written by tests/api/matrix_test.cc -->\n";
  const std::string end = "<!-- end of methods -->";
  const std::size_t from = text.find(begin);
  const std::size_t to = text.find(end);
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  const std::string wanted = text.substr(0, from + begin.size()) + "\n" + TableOfMethods() + "\n" + text.substr(to);
  if (std::getenv("TOCSIN_WRITE_DOCS") != nullptr) std::ofstream(path) << wanted;
  EXPECT_EQ(text, wanted) << "docs/access.md is of another day: TOCSIN_WRITE_DOCS=1 writes it";
}

}  // namespace
}  // namespace tocsin
