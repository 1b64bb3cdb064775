// The server at a Unix socket, for a process of this user that hands requests on.
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/status.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace tocsin {
namespace {

class HttpLocalTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "http-local-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static HttpRouter WhoIsIt() {
    HttpRouter router;
    router.AddPrefix(HttpMethod::kPost, "/", [](const HttpRequest& request, HttpResponder responder) {
      std::move(responder).Send({.status = 200,
                                 .headers = {},
                                 .body = request.raw_path + "?" + request.query + " " + request.peer +
                                         (request.is_loopback ? " loopback " : " ") + request.body});
    });
    return router;
  }

  std::string folder_;
};

TEST_F(HttpLocalTest, TheOneWhoHandsOnSaysWhomItIsFrom) {
  HttpServer::Options options;
  options.unix_socket = folder_ + "/http";
  const auto server = HttpServer::Start(options, WhoIsIt());
  ASSERT_TRUE(server.ok()) << server.status();
  struct stat status {};
  ASSERT_EQ(stat(options.unix_socket.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  for (const std::string& peer : {std::string("10.1.2.3"), std::string("127.0.0.1")}) {
    const absl::StatusOr<HttpResponse> answer = Perform({.method = "POST",
                                                         .url = "http://engine/a/../b%2Fc?x=1",
                                                         .headers = {{std::string(kForwardedForHeader), peer}},
                                                         .body = "hello",
                                                         .unix_socket = options.unix_socket});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->body, "/a/../b%2Fc?x=1 " + peer + " hello") << "as sent, and never loopback";
  }
}

TEST_F(HttpLocalTest, ByAnAddressNobodySaysWhoHeIs) {
  const auto server = HttpServer::Start({}, WhoIsIt());
  ASSERT_TRUE(server.ok()) << server.status();
  const absl::StatusOr<HttpResponse> answer =
      Perform({.method = "POST",
               .url = "http://127.0.0.1:" + std::to_string((*server)->port()) + "/",
               .headers = {{std::string(kForwardedForHeader), "10.1.2.3"}}});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->body, "/? 127.0.0.1 loopback ");
}

TEST_F(HttpLocalTest, OfWhatComesThroughAFrontItsHeaderSaysWhomItIsFrom) {
  HttpServer::Options options;
  const auto trusted = TrustedProxies::Parse({"127.0.0.1"});
  ASSERT_TRUE(trusted.ok());
  for (const bool trusts : {false, true}) {
    if (trusts) options.proxies = *trusted;
    const auto server = HttpServer::Start(options, WhoIsIt());
    ASSERT_TRUE(server.ok()) << server.status();
    const absl::StatusOr<HttpResponse> answer = Perform({
        .method = "POST",
        .url = "http://127.0.0.1:" + std::to_string((*server)->port()) + "/",
        .headers = {{"X-Forwarded-For", "127.0.0.1, 6.6.6.6"}, {"X-FORWARDED-FOR", "203.0.113.7:99"}}
    });
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->body, trusts ? "/? 203.0.113.7 " : "/? 127.0.0.1 ");
  }
}

TEST_F(HttpLocalTest, APathThatIsTooLongIsAnError) {
  HttpServer::Options options;
  options.unix_socket = folder_ + "/" + std::string(120, 'x');
  EXPECT_TRUE(absl::IsUnavailable(HttpServer::Start(options, WhoIsIt()).status()));
}

}  // namespace
}  // namespace tocsin
