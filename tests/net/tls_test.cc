#include "net/tls.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>

#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "net/http_client.h"
#include "net/http_server.h"
#include "tests/net/raw_client.h"
#include "tests/net/self_signed.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
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

  TlsFiles Files(const SelfSigned& pair) const {
    return {.certificate = File("certificate.pem", pair.certificate), .key = File("key.pem", pair.key)};
  }

  std::unique_ptr<HttpServer> Start(const SelfSigned& pair, absl::Duration header_timeout = absl::Minutes(2)) {
    return Start(Files(pair), header_timeout);
  }
  std::unique_ptr<HttpServer> Start(TlsFiles files, absl::Duration header_timeout = absl::Minutes(2)) {
    HttpRouter router;
    router.Add(HttpMethod::kPost, "/echo", [](HttpRequest request, HttpResponder responder) {
      std::move(responder).Send({.body = std::move(request.body)});
    });
    auto keeper = TlsKeeper::Open(std::move(files), absl::Now());
    EXPECT_TRUE(keeper.ok()) << keeper.status();
    keeper_ = *std::move(keeper);
    auto server = HttpServer::Start({.tls = keeper_, .header_timeout = header_timeout}, std::move(router));
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
  std::shared_ptr<TlsKeeper> keeper_;
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
  EXPECT_FALSE(keeper_->Reload(absl::Now()).ok()) << "the key is still the first one's";
  EXPECT_TRUE(Echo(*server, first_ca, "x").ok());
  EXPECT_TRUE(keeper_->ReadStatistics().refuses);
  File("key.pem", second.key);
  EXPECT_TRUE(keeper_->Reload(absl::Now()).ok());
  EXPECT_TRUE(Echo(*server, second_ca, "x").ok());
  EXPECT_FALSE(Echo(*server, first_ca, "x").ok());
}

TEST_F(TlsTest, AChangeIsTakenByItselfAndABadOneRefusedWhenItStays) {
  const SelfSigned first = MakeSelfSigned();
  const SelfSigned second = MakeSelfSigned();
  const auto server = Start(first);
  keeper_->Look(absl::Now());
  File("certificate.pem", second.certificate);
  keeper_->Look(absl::Now());
  EXPECT_EQ(keeper_->ReadStatistics().refused, 0) << "the key may be on its way";
  keeper_->Look(absl::Now());
  keeper_->Look(absl::Now());
  EXPECT_EQ(keeper_->ReadStatistics().refused, 1);
  EXPECT_TRUE(keeper_->ReadStatistics().refuses);
  File("key.pem", second.key);
  keeper_->Look(absl::Now());
  EXPECT_EQ(keeper_->ReadStatistics().taken, 1);
  EXPECT_FALSE(keeper_->ReadStatistics().refuses);
  EXPECT_EQ(keeper_->current()->texts().certificate, second.certificate);
}

TEST_F(TlsTest, APutBackPairIsRefusedNoMore) {
  const SelfSigned first = MakeSelfSigned();
  const auto server = Start(first);
  File("key.pem", "no key");
  EXPECT_FALSE(keeper_->Reload(absl::Now()).ok());
  File("key.pem", first.key);
  keeper_->Look(absl::Now());
  EXPECT_FALSE(keeper_->ReadStatistics().refuses);
  EXPECT_EQ(keeper_->ReadStatistics().taken, 0) << "it was in use all the time";
}

struct BadPair {
  std::string_view name;
  std::string_view says;
  std::function<void(SelfSigned& pair)> spoil;
};

TEST_F(TlsTest, BadPairsAreRefusedInWords) {
  const BadPair cases[] = {
      {"no certificate", "holds no certificate",       [](SelfSigned& p) { p.certificate = "-----BEGIN nothing"; }         },
      {"another's key",  "does not belong",            [](SelfSigned& p) { p.key = MakeSelfSigned().key; }                 },
      {"half a key",     "holds no key",               [](SelfSigned& p) { p.key.resize(p.key.size() / 2); }               },
      {"empty key",      "holds no key",               [](SelfSigned& p) { p.key.clear(); }                                },
      {"expired",        "ran out",                    [](SelfSigned& p) { p = MakeSelfSigned({.until = -60}); }           },
      {"not yet valid",  "not valid before",           [](SelfSigned& p) { p = MakeSelfSigned({.from = 600}); }            },
      {"broken chain",   "chain is broken",            [](SelfSigned& p) { p.certificate += MakeSelfSigned().certificate; }},
      {"a name lost",    "no longer serves 127.0.0.1",
       [](SelfSigned& p) { p = MakeSelfSigned({.names = "IP:127.0.0.2"}); }                                                },
  };
  const SelfSigned first = MakeSelfSigned();
  const auto server = Start(first);
  const std::string ca = File("first.pem", first.certificate);
  for (const BadPair& bad : cases) {
    SCOPED_TRACE(bad.name);
    SelfSigned next = MakeSelfSigned();
    bad.spoil(next);
    Files(next);
    EXPECT_THAT(keeper_->Reload(absl::Now()).ToString(), HasSubstr(bad.says));
    EXPECT_TRUE(Echo(*server, ca, "x").ok());
  }
  std::filesystem::remove(folder_ / "key.pem");
  EXPECT_THAT(keeper_->Reload(absl::Now()).ToString(), HasSubstr("cannot be read"));
  std::filesystem::create_directory(folder_ / "key.pem");  // as container engines do when what they mount is gone
  EXPECT_THAT(keeper_->Reload(absl::Now()).ToString(), HasSubstr("key.pem cannot be read: a folder stands there"));
  std::filesystem::remove(folder_ / "key.pem");
  std::filesystem::create_symlink("/dev/zero", folder_ / "key.pem");
  EXPECT_THAT(keeper_->Reload(absl::Now()).ToString(), HasSubstr("key.pem cannot be read: a pipe or a device"));
  EXPECT_TRUE(Echo(*server, ca, "x").ok());
  std::filesystem::remove(folder_ / "key.pem");
  Files(MakeSelfSigned({.names = "IP:127.0.0.1,DNS:alerts.example.com"}));
  EXPECT_TRUE(keeper_->Reload(absl::Now()).ok()) << "one name more";
}

TEST_F(TlsTest, AWildcardMayTakeThePlaceOfItsNames) {
  const auto server = Start(MakeSelfSigned({.names = "DNS:a.example.com,DNS:*.b.example.com"}));
  Files(MakeSelfSigned({.names = "DNS:*.example.com"}));
  EXPECT_THAT(keeper_->Reload(absl::Now()).ToString(), HasSubstr("no longer serves *.b.example.com"));
  Files(MakeSelfSigned({.names = "DNS:*.example.com,DNS:*.b.example.com"}));
  EXPECT_TRUE(keeper_->Reload(absl::Now()).ok());
}

// What a client that shows a certificate (empty: none) reads from a server: empty when it is not let in.
std::string AskShowing(const HttpServer& server, const std::string& certificate, const std::string& key) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!certificate.empty()) {
    SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM);
  }
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new_ssl_connect(context.get()), BIO_free_all);
  BIO_ctrl(bio.get(), BIO_C_SET_CONNECT, 0, absl::StrFormat("127.0.0.1:%d", server.port()).data());
  constexpr std::string_view kRequest =
      "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
  std::string answer;
  if (BIO_write(bio.get(), kRequest.data(), static_cast<int>(kRequest.size())) <= 0) return answer;
  std::array<char, 4096> bytes{};
  for (int n = 0; (n = BIO_read(bio.get(), bytes.data(), bytes.size())) > 0;)
    answer.append(bytes.data(), static_cast<std::size_t>(n));
  return answer;
}

TEST_F(TlsTest, LetsInOnlyClientsWhoseCertificatesRestOnTheAuthority) {
  const SelfSigned friendly = MakeSelfSigned();
  const SelfSigned stranger = MakeSelfSigned();
  TlsFiles files = Files(MakeSelfSigned());
  files.client_ca = File("clients.pem", friendly.certificate);
  const auto server = Start(files);
  EXPECT_THAT(AskShowing(*server, files.client_ca, File("friendly.key", friendly.key)), HasSubstr("200 OK"));
  EXPECT_THAT(AskShowing(*server, "", ""), IsEmpty());
  EXPECT_THAT(AskShowing(*server, File("stranger.pem", stranger.certificate), File("stranger.key", stranger.key)),
              IsEmpty());
  File("clients.pem", stranger.certificate);
  EXPECT_TRUE(keeper_->Reload(absl::Now()).ok());
  EXPECT_THAT(AskShowing(*server, File("friendly.pem", friendly.certificate), File("friendly.key", friendly.key)),
              IsEmpty());
  EXPECT_THAT(AskShowing(*server, File("stranger.pem", stranger.certificate), File("stranger.key", stranger.key)),
              HasSubstr("200 OK"));
}

TEST_F(TlsTest, StartsWithACertificateThatHasRunOutButNotWithoutItsKey) {
  const SelfSigned old = MakeSelfSigned({.from = -600, .until = -60});
  EXPECT_TRUE(TlsKeeper::Open(Files(old), absl::Now()).ok()) << "people must be paged all the same";
  EXPECT_FALSE(TlsKeeper::Open(Files({old.certificate, MakeSelfSigned().key}), absl::Now()).ok());
}

}  // namespace
}  // namespace tocsin
