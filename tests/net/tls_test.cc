#include <filesystem>
#include <fstream>

#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "net/http_client.h"
#include "net/http_server.h"
#include "tests/net/raw_client.h"
#include "tests/net/self_signed.h"

namespace tocsin {
namespace {

using ::testing::IsEmpty;

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    std::string pattern = ::testing::TempDir() + "tocsin-tls-XXXXXX";
    TOCSIN_CHECK(mkdtemp(pattern.data()) != nullptr, "a folder for certificates");
    folder_ = pattern;
  }
  ~TlsTest() override { std::filesystem::remove_all(folder_); }

  std::string File(std::string_view name, std::string_view content) const {
    const std::filesystem::path path = folder_ / name;
    std::ofstream(path) << content;
    return path.string();
  }

  std::unique_ptr<HttpServer> Start(const SelfSigned& pair, absl::Duration header_timeout = absl::Minutes(2)) {
    HttpRouter router;
    router.Add(HttpMethod::kPost, "/echo", [](HttpRequest request, HttpResponder responder) {
      std::move(responder).Send({.body = std::move(request.body)});
    });
    auto server = HttpServer::Start({.tls_certificate_file = File("certificate.pem", pair.certificate),
                                     .tls_key_file = File("key.pem", pair.key),
                                     .header_timeout = header_timeout},
                                    std::move(router));
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }

  absl::StatusOr<HttpResponse> Echo(const HttpServer& server, const std::string& ca_file, std::string body) {
    return Perform({.method = "POST",
                    .url = absl::StrFormat("https://127.0.0.1:%d/echo", server.port()),
                    .body = std::move(body),
                    .ca_file = ca_file});
  }

  std::filesystem::path folder_;
};

TEST_F(TlsTest, ServesLargeBodiesBothWays) {
  const SelfSigned pair = MakeSelfSigned();
  const auto server = Start(pair);
  const std::string body(3'000'000, 'x');
  const auto response = Echo(*server, File("ca.pem", pair.certificate), body);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, body);
}

TEST_F(TlsTest, ClientRefusesACertificateThatNobodyVouchesFor) {
  const auto server = Start(MakeSelfSigned());
  EXPECT_FALSE(Echo(*server, "", "x").ok());
}

TEST_F(TlsTest, CutsOffPeersThatDoNotShakeHands) {
  const auto server = Start(MakeSelfSigned(), absl::Milliseconds(300));
  RawClient silent(server->port());
  EXPECT_THAT(silent.ReadAll(), IsEmpty());
  RawClient plain(server->port());
  plain.Send("POST /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(plain.ReadAll().find("HTTP/"), std::string::npos);
}

TEST_F(TlsTest, ReloadsAPairAndKeepsTheOldOneWhenTheNewIsBad) {
  const SelfSigned first = MakeSelfSigned();
  const SelfSigned second = MakeSelfSigned();
  const auto server = Start(first);
  const std::string first_ca = File("first.pem", first.certificate);
  const std::string second_ca = File("second.pem", second.certificate);
  File("certificate.pem", second.certificate);
  EXPECT_FALSE(server->ReloadTls().ok()) << "the key is still the first one's";
  EXPECT_TRUE(Echo(*server, first_ca, "x").ok());
  File("key.pem", second.key);
  EXPECT_TRUE(server->ReloadTls().ok());
  EXPECT_TRUE(Echo(*server, second_ca, "x").ok());
  EXPECT_FALSE(Echo(*server, first_ca, "x").ok());
}

}  // namespace
}  // namespace tocsin
