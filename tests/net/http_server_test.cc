#include "net/http_server.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "net/gzip.h"
#include "net/http_client.h"
#include "tests/net/raw_client.h"

namespace tocsin {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// Whatever takes so long hangs.
constexpr absl::Duration kPatience = absl::Minutes(2);

HttpResponse Text(std::string body) {
  return {.status = 200, .headers = {{"Content-Type", "text/plain"}}, .body = std::move(body)};
}

// /echo gives the body back; /late answers from another thread; /size says how long the body was; /never does not answer;
// /dropped forgets to; /stream sends three pieces; /files/... says what is left of the path.
class HttpServerTest : public ::testing::Test {
 protected:
  ~HttpServerTest() override {
    if (server_) server_->Stop(absl::ZeroDuration());  // no handler starts a thread any more
    for (std::thread& thread : threads_)
      thread.join();
  }

  void Start(HttpServer::Options options = {}) {
    HttpRouter router;
    router.Add(HttpMethod::kPost, "/echo", [](HttpRequest request, HttpResponder responder) {
      std::move(responder).Send(Text(std::move(request.body)));
    });
    router.Add(HttpMethod::kGet, "/echo", [](const HttpRequest& request, HttpResponder responder) {
      std::move(responder).Send(Text(request.query));
    });
    router.Add(HttpMethod::kPost, "/late", [this](HttpRequest request, HttpResponder responder) {
      threads_.emplace_back([responder = std::move(responder), body = std::move(request.body)]() mutable {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        std::move(responder).Send(Text("late " + body));
      });
    });
    router.Add(HttpMethod::kPost, "/size",
               [](const HttpRequest& request, HttpResponder responder) {
                 std::move(responder).Send(Text(absl::StrFormat("%d", request.body.size())));
               },
               {.max_body_bytes = 1000});
    router.Add(HttpMethod::kGet, "/never",
               [this](const HttpRequest&, HttpResponder responder) { Keep(std::move(responder)); });
    router.Add(HttpMethod::kGet, "/dropped", [](const HttpRequest&, const HttpResponder&) {});
    router.Add(HttpMethod::kGet, "/stream", [this](const HttpRequest&, HttpResponder responder) {
      threads_.emplace_back([stream = std::move(responder).Stream(Text("one,"))]() mutable {
        stream.Write("two,");
        stream.Write("three");
      });
    });
    router.AddPrefix(HttpMethod::kGet, "/files", [](const HttpRequest& request, HttpResponder responder) {
      std::move(responder).Send(Text("rest=" + request.rest));
    });
    router.AddSubtree({.prefix = "/peer",
                       .problem =
                           [](const HttpProblem& p) {
                             HttpResponse response = Text("peer says " + p.message);
                             response.status = p.status;
                             return response;
                           },
                       .head = false});
    router.Add(HttpMethod::kGet, "/peer/thing",
               [](const HttpRequest&, HttpResponder responder) { std::move(responder).Send(Text("thing")); });
    absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start(std::move(options), std::move(router));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::string Url(std::string_view path) const {
    return absl::StrFormat("http://127.0.0.1:%d%s", server_->port(), path);
  }

  // Sends `bytes` on a connection of its own and returns everything that came back until the server closed.
  std::string Talk(std::string_view bytes) {
    RawClient client(server_->port());
    client.Send(bytes);
    client.EndSending();
    return client.ReadAll();
  }

  std::vector<std::thread> threads_;
  void Keep(HttpResponder responder) {
    {
      const MutexLock lock(mutex_);
      kept_.push_back(std::move(responder));
    }
    came_.NotifyAll();
  }
  // Waits for a request to /never; its answer is owed by the caller then.
  HttpResponder TakeKept() {
    const MutexLock lock(mutex_);
    came_.Wait(mutex_, [this] { return !kept_.empty(); });
    HttpResponder responder = std::move(kept_.back());
    kept_.pop_back();
    return responder;
  }

  Mutex mutex_;
  ConditionVariable came_;
  std::vector<HttpResponder> kept_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<HttpServer> server_;
};

std::string Post(std::string_view path, std::string_view body, std::string_view extra = "") {
  return absl::StrFormat("POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", path, extra, body.size(),
                         body);
}

TEST_F(HttpServerTest, KeepsAConnectionAlive) {
  Start();
  RawClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.Send(Post("/echo", absl::StrFormat("body %d", i))));
    EXPECT_THAT(client.ReadResponse(), EndsWith(absl::StrFormat("\r\n\r\nbody %d", i)));
  }
  EXPECT_EQ(server_->ReadStatistics().connections_accepted, 1);
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrderEvenWhenTheFirstIsSlow) {
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send(Post("/late", "1") + Post("/echo", "2") + Post("/late/", "3") +
                          "GET /echo?4 HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\nlate 1"));
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\n2"));
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\nlate 3"));
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\n4"));
}

TEST_F(HttpServerTest, ReadsChunkedBodiesAndClosesWhenAsked) {
  Start();
  EXPECT_THAT(Talk("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                   "5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n"),
              EndsWith("\r\n\r\nhello, world"));
}

TEST_F(HttpServerTest, AnswersRequestsThatArriveByteByByte) {
  Start();
  RawClient client(server_->port());
  for (const char c : Post("/echo", "slow but steady"))
    ASSERT_TRUE(client.Send(std::string_view(&c, 1)));
  EXPECT_THAT(client.ReadResponse(), EndsWith("slow but steady"));
}

TEST_F(HttpServerTest, RoutesByPathMethodAndPrefix) {
  Start();
  struct Case {
    std::string_view name;
    std::string_view request;
    std::string_view status;
    std::string_view body;
  };
  const Case cases[] = {
      {"trailing slash",      "GET /echo/?a=1",        "200", "a=1"                                                                         },
      {"prefix",              "GET /files/a/b%20c/",   "200", "rest=a/b c"                                                                  },
      {"prefix itself",       "GET /files",            "200", "rest="                                                                       },
      {"not a segment",       "GET /filesystem",       "404", R"({"code":404,"message":"path /filesystem was not found"})"                  },
      {"method",              "DELETE /echo",          "405", R"({"code":405,"message":"method DELETE is not allowed, but [GET,POST] are"})"},
      {"unknown method",      "BREW /echo",            "405",
       R"({"code":405,"message":"method BREW is not allowed, but [GET,POST] are"})"                                                         },
      {"subtree's own words", "GET /peer/nope",        "404", "peer says path /peer/nope was not found"                                     },
      {"absolute target",     "GET http://x:1/echo?b", "200", "b"                                                                           },
      {"options",             "OPTIONS /echo",         "204", ""                                                                            },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string response = Talk(absl::StrFormat("%s HTTP/1.1\r\nHost: x\r\n\r\n", c.request));
    EXPECT_THAT(response, StartsWith(absl::StrFormat("HTTP/1.1 %s ", c.status)));
    EXPECT_THAT(response, EndsWith(absl::StrFormat("\r\n\r\n%s", c.body)));
  }
}

TEST_F(HttpServerTest, AnswersHeadWithoutABodyUnlessTheSubtreeRefusesIt) {
  Start();
  RawClient client(server_->port());
  client.Send("HEAD /echo?abc HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(/*has_body=*/false), HasSubstr("Content-Length: 3\r\n"));
  client.Send("HEAD /peer/thing HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string refused = client.ReadResponse(/*has_body=*/false);
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(refused, HasSubstr("Allow: GET\r\n"));
}

TEST_F(HttpServerTest, SaysContinueBeforeABodyThatAsksForIt) {
  Start();
  RawClient client(server_->port());
  client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.ReadResponse(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("body");
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\nbody"));
}

TEST_F(HttpServerTest, RefusesALargeBodyBeforeItIsSent) {
  Start();
  RawClient client(server_->port());
  client.Send("POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerTest, RefusesChunksWithoutEndAtTheCap) {
  Start();
  RawClient client(server_->port());
  client.Send("POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 200 && client.Send("10\r\n0123456789abcdef\r\n"); ++i) {
  }
  EXPECT_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerTest, TakesABodyOfExactlyTheCap) {
  Start();
  EXPECT_THAT(Talk(Post("/size", std::string(1000, 'x'))), EndsWith("\r\n\r\n1000"));
}

TEST_F(HttpServerTest, InflatesGzipAndRefusesBombs) {
  Start();
  EXPECT_THAT(Talk(Post("/echo", Gzip("packed"), "Content-Encoding: gzip\r\n")), EndsWith("\r\n\r\npacked"));
  const std::string bomb = Gzip(std::string(64U << 20U, '0'));
  EXPECT_THAT(Talk(Post("/echo", bomb, "Content-Encoding: gzip\r\n")), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Talk(Post("/echo", Gzip("x") + "junk", "Content-Encoding: gzip\r\n")), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Talk(Post("/echo", "x", "Content-Encoding: br\r\n")), StartsWith("HTTP/1.1 415 "));
}

TEST_F(HttpServerTest, CutsOffSlowPeers) {
  Start(
      {.header_timeout = absl::Milliseconds(100), .body_timeout = absl::Milliseconds(100), .min_body_rate = 1'000'000});
  const std::string_view beginnings[] = {
      "",
      "POST /echo HT",
      "POST /echo HTTP/1.1\r\nHost: x\r\nX: ",
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
  };
  for (const std::string_view beginning : beginnings) {
    SCOPED_TRACE(beginning);
    RawClient client(server_->port());
    ASSERT_TRUE(client.Send(beginning));
    EXPECT_THAT(client.ReadAll(), IsEmpty());
  }
  server_->Stop(kPatience);  // the peer may see the end before it is counted
  EXPECT_EQ(server_->ReadStatistics().timeouts, std::size(beginnings));
}

TEST_F(HttpServerTest, CutsOffQuietConnectionsButNotTheOthers) {
  Start({.idle_timeout = absl::Milliseconds(50)});
  RawClient client(server_->port());
  client.Send(Post("/echo", "1"));
  EXPECT_THAT(client.ReadAll(), EndsWith("\r\n\r\n1"));
  EXPECT_THAT(Talk(Post("/echo", "2")), EndsWith("\r\n\r\n2"));
}

TEST_F(HttpServerTest, RefusesWhatIsNotHttp) {
  Start();
  struct Case {
    std::string_view name;
    std::string request;
    std::string_view status;
  };
  const Case cases[] = {
      {"noise",               "\x16\x03\x01\x02\r\n\r\n",                                                            "400"            },
      {"no host",             "GET /echo HTTP/1.1\r\n\r\n",                                                          "400"            },
      {"two hosts",           "GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",                                    "400"            },
      {"two lengths",         "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",  "400"            },
      {"length and chunks",
       "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",         "400"            },
      {"negative length",     "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",                        "400"            },
      {"odd transfer coding", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
       "400"                                                                                                                          },
      {"bad chunk",           "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",          "400"            },
      {"odd expectation",     "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: cake\r\nContent-Length: 1\r\n\r\na",        "417"            },
      {"large header",        "GET /echo HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000,                           'x') + "\r\n\r\n", "431"},
      {"relative target",                     "GET echo HTTP/1.1\r\nHost: a\r\n\r\n",                                                                                          "400"                                                },
      {"NUL in the path",                     "GET /echo%00 HTTP/1.1\r\nHost: a\r\n\r\n",                                                                                          "400"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(Talk(c.request), StartsWith(absl::StrFormat("HTTP/1.1 %s ", c.status)));
  }
  EXPECT_THAT(Talk(Post("/echo", "alive")), EndsWith("alive"));
}

TEST_F(HttpServerTest, AnswersForHandlersThatDoNot) {
  Start({.answer_timeout = absl::Milliseconds(50)});
  EXPECT_THAT(Talk("GET /never HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 503 "));
  TakeKept().Send(Text("too late"));  // goes nowhere, harms nobody
}

TEST_F(HttpServerTest, AnswersForHandlersThatForgetTo) {
  Start();
  EXPECT_THAT(Talk("GET /dropped HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 500 "));
}

TEST_F(HttpServerTest, StreamsInChunksAndGoesOnAfterwards) {
  Start();
  RawClient client(server_->port());
  client.Send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\n4\r\none,\r\n4\r\ntwo,\r\n5\r\nthree\r\n0\r\n\r\n"));
  client.Send(Post("/echo", "after"));
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\nafter"));
}

TEST_F(HttpServerTest, RefusesConnectionsBeyondTheLimit) {
  Start({.max_connections = 2, .reserved_connections = 0});
  RawClient first(server_->port());
  RawClient second(server_->port());
  for (RawClient* client : {&first, &second}) {
    client->Send(Post("/echo", "in"));
    EXPECT_THAT(client->ReadResponse(), EndsWith("in"));
  }
  RawClient third(server_->port());
  EXPECT_THAT(third.ReadAll(), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: ")));
  EXPECT_EQ(server_->ReadStatistics().connections_refused, 1);
}

TEST_F(HttpServerTest, KeepsToTheLimitWhenAllComeAtOnce) {
  constexpr std::uint64_t kCome = 200, kMay = 10;
  Start({.header_timeout = absl::Minutes(10), .max_connections = kMay, .reserved_connections = 0});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::uint64_t i = 0; i < kCome; ++i)
    clients.push_back(std::make_unique<RawClient>(server_->port()));
  const auto all_have_come = [&] {
    const HttpServer::Statistics now = server_->ReadStatistics();
    return now.connections_accepted == kCome && now.connections_refused + now.connections_open == kCome;
  };
  for (const absl::Time end = absl::Now() + kPatience; absl::Now() < end && !all_have_come();)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(server_->ReadStatistics().connections_accepted, kCome);
  EXPECT_EQ(server_->ReadStatistics().connections_refused, kCome - kMay);
  EXPECT_EQ(server_->ReadStatistics().connections_open, kMay);
}

TEST_F(HttpServerTest, BoundsTheMemoryOfAllBodiesTogether) {
  Start({.max_body_memory_bytes = 300'000});
  const std::string large = Post("/echo", std::string(200'000, 'x'));
  RawClient claims(server_->port());
  claims.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 290000\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(claims.ReadResponse(), HasSubstr("100 Continue"));
  EXPECT_THAT(Talk(large), StartsWith("HTTP/1.1 200 ")) << "what is claimed takes no room";
  RawClient& holder = claims;
  holder.Send(std::string(280'000, 'y'));
  std::string refused;
  const absl::Time end = absl::Now() + kPatience;
  while (!refused.starts_with("HTTP/1.1 503 ") && absl::Now() < end)  // what it has sent may still be on its way
    refused = Talk(large);
  EXPECT_THAT(refused, AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: ")));
  EXPECT_THAT(Talk(Post("/echo", std::string(50'000, 'x'))), StartsWith("HTTP/1.1 200 ")) << "small ones still fit";
  holder.Send(std::string(10'000, 'y'));
  EXPECT_THAT(holder.ReadResponse(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Talk(large), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, FinishesRequestsUnderWayWhenItStops) {
  Start({.threads = 1});
  RawClient idle(server_->port());
  RawClient waiting(server_->port());
  waiting.Send("GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  HttpResponder owed = TakeKept();
  std::thread stopper([this] { server_->Stop(kPatience); });
  EXPECT_THAT(idle.ReadAll(), IsEmpty());
  std::move(owed).Send(Text("in the end"));
  EXPECT_THAT(waiting.ReadAll(), AllOf(HasSubstr("Connection: close\r\n"), EndsWith("in the end")));
  stopper.join();
}

TEST_F(HttpServerTest, OutlivedResponderIsHarmless) {
  Start();
  RawClient client(server_->port());
  client.Send("GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  HttpResponder owed = TakeKept();
  server_->Stop(absl::ZeroDuration());
  server_.reset();
  std::move(owed).Send(Text("to nobody"));
}

TEST_F(HttpServerTest, NoHeaderOfOursCanBeSplit) {
  HttpRouter router;
  router.Add(HttpMethod::kGet, "/", [](const HttpRequest& request, HttpResponder responder) {
    HttpResponse response = Text("ok");
    response.headers.push_back({"X-Echo", PercentDecode(request.query, true)});
    std::move(responder).Send(std::move(response));
  });
  const auto server = HttpServer::Start({}, std::move(router));
  ASSERT_TRUE(server.ok());
  const auto response =
      Perform({.url = absl::StrFormat("http://127.0.0.1:%d/?a%%0d%%0aSet-Cookie:x", (*server)->port())});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(FindHeader(response->headers, "Set-Cookie"), IsEmpty());
}

TEST_F(HttpServerTest, ManyClientsOnManyThreads) {
  Start({.threads = 3});
  std::atomic<int> right = 0;
  std::vector<std::thread> clients;
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&, c] {
      RawClient client(server_->port());
      for (int i = 0; i < 50; ++i) {
        const std::string body(static_cast<std::size_t>(1 + c * 1000 + i), static_cast<char>('a' + c));
        client.Send(Post("/echo", body));
        if (client.ReadResponse().ends_with("\r\n\r\n" + body)) ++right;
      }
    });
  }
  for (std::thread& client : clients)
    client.join();
  EXPECT_EQ(right, 8 * 50);
}

TEST_F(HttpServerTest, SaysWhyItCannotListen) {
  Start();
  EXPECT_THAT(HttpServer::Start({.port = server_->port()}, HttpRouter()).status().message(), HasSubstr("in use"));
  EXPECT_THAT(HttpServer::Start({.address = "localhost"}, HttpRouter()).status().message(),
              HasSubstr("not an IP address"));
  EXPECT_THAT(TlsKeeper::Open({.certificate = "/nowhere.pem", .key = "/nowhere"}, absl::Now()).status().message(),
              HasSubstr("/nowhere.pem"));
}

TEST_F(HttpServerTest, ClientIsBoundedInSize) {
  Start();
  HttpCall call{.method = "POST", .url = Url("/echo"), .body = std::string(1000, 'x'), .max_response_bytes = 999};
  EXPECT_EQ(Perform(call).status().code(), absl::StatusCode::kResourceExhausted);
  call.max_response_bytes = 1000;
  EXPECT_TRUE(Perform(call).ok());
  EXPECT_EQ(Perform({.url = "file:///etc/passwd"}).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(HttpServerTest, ClientConnectsToNoAddressThatItsCallerDoesNotPermit) {
  Start();
  std::vector<sa_family_t> judged;
  HttpCall call{.method = "POST", .url = Url("/echo"), .body = "x"};
  call.permits = [&](const sockaddr& address, socklen_t) {
    judged.push_back(address.sa_family);
    return false;
  };
  EXPECT_EQ(Perform(call).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(judged, std::vector<sa_family_t>{AF_INET});
  call.permits = [](const sockaddr&, socklen_t) { return true; };
  EXPECT_TRUE(Perform(call).ok());
}

}  // namespace
}  // namespace tocsin
