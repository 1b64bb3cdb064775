// E-mail through a real mail server.
#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/strings.h"
#include "tests/notify/attempts.h"
#include "tests/support/fake_http.h"
#include "tests/support/smtp_server.h"

namespace tocsin::notify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = AttemptResult::Kind;

constexpr absl::Duration kShort = absl::Seconds(3);

class MailTest : public ::testing::Test {
 protected:
  MailTest() : folder_(::testing::TempDir() + absl::StrCat("tocsin-mail-", getpid())) {
    std::filesystem::create_directories(folder_);
    certificate_.emplace(folder_, "127.0.0.1");
  }
  ~MailTest() override { std::filesystem::remove_all(folder_); }

  void SetUp() override {
    if (!AiosmtpServer::Available())
      GTEST_SKIP() << "aiosmtpd is not under build/programs; ./dev fetch-programs gets it";
  }

  Organisation With(const std::string& url) const {
    Organisation organisation;
    organisation.smtp.url = url;
    organisation.smtp.from = "Tocsin <tocsin@example.com>";
    organisation.smtp.ca_file = certificate_->certificate_file();
    return organisation;
  }
  // What comes of one page to `to`.
  AttemptResult Send(const Organisation& organisation,
                     const std::string& to,
                     absl::Duration deadline = kGenerous) const {
    Reports reports;
    Notifier notifier(LoopbackOptions(), reports.Taker());
    notifier.SetOrganisation(Shared(organisation));
    const Notification page = PageBy(ContactMethod::Kind::kEmail, to);
    notifier.Start(page, deadline, nullptr);
    return reports.Of(page.id);
  }

  const std::string folder_;
  std::optional<Certificate> certificate_;
};

// The header's names in order, with folded lines joined, and what follows them.
struct Parsed {
  std::vector<std::string> names;
  std::map<std::string, std::string> values;
  std::string body;
};
Parsed Parse(const std::string& raw) {
  Parsed parsed;
  const std::size_t end = raw.find("\r\n\r\n");
  parsed.body = end == std::string::npos ? "" : raw.substr(end + 4);
  for (const auto piece : absl::StrSplit(ToAbsl(std::string_view(raw).substr(0, end)), "\r\n")) {
    const std::string line(piece);
    if (line.starts_with(' ')) {
      parsed.values[parsed.names.back()] += line;
      continue;
    }
    const std::size_t colon = line.find(':');
    parsed.names.push_back(line.substr(0, colon));
    parsed.values[parsed.names.back()] = colon == std::string::npos ? "" : line.substr(colon + 2);
  }
  return parsed;
}

constexpr std::string_view kHeaders[] = {"From",
                                         "To",
                                         "Subject",
                                         "Date",
                                         "Message-ID",
                                         "References",
                                         "Auto-Submitted",
                                         "X-Tocsin-Notification",
                                         "X-Tocsin-Subject",
                                         "X-Tocsin-Purpose",
                                         "X-Tocsin-Attempt",
                                         "MIME-Version",
                                         "Content-Type",
                                         "Content-Transfer-Encoding"};

TEST_F(MailTest, APageArrivesOverTlsWithExactlyTheIntendedHeaders) {
  AiosmtpServer server({.certificate = &*certificate_});
  const AttemptResult result = Send(With(server.url()), "alice@example.com");
  ASSERT_EQ(result.kind, Kind::kAccepted) << result.detail;
  EXPECT_THAT(result.detail, HasSubstr("4711"));
  const std::vector<AiosmtpServer::Mail> mails = server.WaitForMails(1);
  ASSERT_EQ(mails.size(), 1U);
  EXPECT_TRUE(mails[0].tls);
  EXPECT_EQ(mails[0].sender, "tocsin@example.com");
  EXPECT_THAT(mails[0].recipients, ElementsAre("alice@example.com"));
  const Parsed mail = Parse(mails[0].raw);
  EXPECT_THAT(mail.names, ::testing::ElementsAreArray(kHeaders));
  EXPECT_EQ(mail.values.at("From"), "\"Tocsin\" <tocsin@example.com>");
  EXPECT_EQ(mail.values.at("Subject"), "[PAGE] CRITICAL DiskFull on db-1");
  EXPECT_THAT(mail.values.at("Message-ID"), ::testing::MatchesRegex("<key-[0-9]+@example.com>"));
  EXPECT_THAT(mail.body, HasSubstr("/var is 99% full\r\ninstance=3Ddb-1\r\n"));
  EXPECT_THAT(mail.body, HasSubstr("tocsin ack G17"));
}

// Specs of header injection: F2 of the reliability rules.
TEST_F(MailTest, NoTextBreaksOutOfItsHeaderOrAddsARecipient) {
  AiosmtpServer server({.certificate = &*certificate_});
  const std::vector<std::string> texts = {
      "a\r\nBcc: eve@example.com",
      "a\nBcc: eve@example.com",
      "a\rBcc: eve@example.com",
      "a\r\n\r\nbody",
      "a\r\n.\r\nMAIL FROM:<eve@example.com>",
      "\r\n.\r\n",
      ".",
      "..",
      ".\r\nQUIT",
      std::string("a\0b", 3),
      "a\xE2\x80\xA8"
      "Bcc: eve@example.com",
      "a\xE2\x80\xA9"
      "Bcc: eve@example.com",
      "a\xC2\x85"
      "Bcc: eve@example.com",
      "a\x0B"
      "Bcc: eve@example.com",
      "a\x0C"
      "Bcc: eve@example.com",
      "=?UTF-8?Q?a=0D=0ABcc:_eve@example.com?=",
      "\xFF\xFE\xFA",
      "\x1b[2J\x1b]0;owned\x07",
      std::string(5000, 'x'),
      std::string(3000, '\n'),
      "grüße aus münchen: größte störung überhaupt, bitte sofort ansehen, sonst wird es noch größer",
      "\xE2\x80\xAE"
      "drowssap",
  };
  Reports reports;
  Notifier notifier(LoopbackOptions(), reports.Taker());
  std::size_t sent = 0;
  for (const std::string& text : texts) {
    for (int where = 0; where < 5; ++where) {
      Organisation organisation = With(server.url());
      if (where == 4) organisation.smtp.from = absl::StrCat(text, " <tocsin@example.com>");
      notifier.SetOrganisation(Shared(organisation));
      Notification page = PageBy(ContactMethod::Kind::kEmail, "alice@example.com");
      if (where == 0) page.title = text;
      if (where == 1) page.body = text;
      if (where == 2) page.idempotency_key = text;
      if (where == 3) page.acknowledge_url = text;
      notifier.Start(page, kGenerous, nullptr);
      const AttemptResult result = reports.Of(page.id);
      // A sender's name with brackets of its own is our own configuration gone wrong, and said so.
      if (result.kind == Kind::kAccepted) ++sent;
      EXPECT_TRUE(result.kind == Kind::kAccepted || where == 4) << result.detail;
    }
  }
  EXPECT_GT(sent, texts.size() * 4);
  const std::vector<AiosmtpServer::Mail> mails = server.WaitForMails(sent);
  ASSERT_EQ(mails.size(), sent);
  for (const AiosmtpServer::Mail& mail : mails) {
    SCOPED_TRACE(mail.raw);
    EXPECT_EQ(mail.sender, "tocsin@example.com");
    EXPECT_THAT(mail.recipients, ElementsAre("alice@example.com"));
    const Parsed parsed = Parse(mail.raw);
    EXPECT_THAT(parsed.names, ::testing::ElementsAreArray(kHeaders));
    EXPECT_TRUE(std::ranges::all_of(mail.raw, [](char c) { return c == '\r' || c == '\n' || (c >= ' ' && c < 0x7F); }));
    for (const auto line : absl::StrSplit(mail.raw, "\r\n")) {
      EXPECT_LE(line.size(), 998U);
      EXPECT_EQ(line.find_first_of("\r\n"), line.npos) << "only CRLF ends a line";
    }
  }
}

TEST_F(MailTest, WhatIsNoAddressIsNeverGivenToAServer) {
  AiosmtpServer server({.certificate = &*certificate_});
  for (const char* to : {"", "alice", "@example.com", "alice@", "alice@example.com,eve@example.com", "a b@example.com",
                         "alice@example.com\r\nRCPT TO:<eve@example.com>", "<alice@example.com>x", "alice@a@b",
                         "\"alice\"@example.com", "alice@example.com\n",
                         "alice@ex\xE2\x80\xA8"
                         "ample.com",
                         "-x@example.com", "alice@example.com> SIZE=1"}) {
    SCOPED_TRACE(to);
    EXPECT_EQ(Send(With(server.url()), to).kind, Kind::kRejected);
  }
  EXPECT_TRUE(server.mails().empty());
}

TEST_F(MailTest, WhatAServerSaysIsClassified) {
  AiosmtpServer server({.certificate = &*certificate_});
  struct Case {
    const char* to;
    Kind kind;
    bool silent;
  };
  const Case cases[] = {
      {"greylisted@example.com", Kind::kRetryLater, false},
      {"nobody@example.com",     Kind::kRejected,   false},
      {"full@example.com",       Kind::kRetryLater, false},
      {"spam@example.com",       Kind::kRejected,   false},
      {"vanish@example.com",     Kind::kAmbiguous,  false},
      {"slow@example.com",       Kind::kAmbiguous,  true },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.to);
    const std::size_t before = server.mails().size();
    AttemptResult result = Send(With(server.url()), c.to, c.silent ? kShort : kGenerous);
    // There is doubt once the server has the whole mail, for which kShort may be too short.
    for (int more = 4; c.silent && server.mails().size() == before && more <= 16; more *= 4)
      result = Send(With(server.url()), c.to, more * kShort);
    EXPECT_EQ(result.kind, c.kind) << result.detail;
  }
}

TEST_F(MailTest, WithoutTlsNothingIsSentUnlessConfigured) {
  AiosmtpServer plain({});
  EXPECT_EQ(Send(With(plain.url()), "alice@example.com").kind, Kind::kRetryLater);
  EXPECT_TRUE(plain.mails().empty()) << "STARTTLS was stripped";

  Organisation relay = With(plain.url());
  relay.smtp.require_tls = false;
  EXPECT_EQ(Send(relay, "alice@example.com").kind, Kind::kAccepted);
  ASSERT_EQ(plain.WaitForMails(1).size(), 1U);
  EXPECT_FALSE(plain.mails()[0].tls);

  AiosmtpServer tls({.certificate = &*certificate_});
  Organisation distrustful = With(tls.url());
  distrustful.smtp.ca_file = "";  // the system's authorities do not know this certificate
  EXPECT_EQ(Send(distrustful, "alice@example.com").kind, Kind::kRetryLater);
  EXPECT_TRUE(tls.mails().empty());
}

TEST_F(MailTest, LogsInAndAWrongPasswordIsNotThePersonsFault) {
  AiosmtpServer server({.certificate = &*certificate_, .authenticate = true});
  Organisation organisation = With(server.url());
  organisation.smtp.username = "tocsin";
  organisation.smtp.password = "hunter2";
  EXPECT_EQ(Send(organisation, "alice@example.com").kind, Kind::kAccepted);
  ASSERT_EQ(server.WaitForMails(1).size(), 1U);
  EXPECT_EQ(server.mails()[0].user, "tocsin");
  organisation.smtp.password = "wrong-secret";
  const AttemptResult refused = Send(organisation, "alice@example.com");
  EXPECT_EQ(refused.kind, Kind::kRetryLater);
  EXPECT_THAT(refused.detail, Not(HasSubstr("wrong-secret")));
  organisation.smtp.username = "";
  EXPECT_EQ(Send(organisation, "alice@example.com").kind, Kind::kRetryLater) << "530: the server wants a login";
}

TEST_F(MailTest, AServerThatIsNotThereOrSaysNothingIsTriedAgainWithoutDoubt) {
  EXPECT_EQ(Send(With(absl::StrCat("smtp://127.0.0.1:", ClosedPort())), "alice@example.com").kind, Kind::kRetryLater);
  FakeHttp silent([](const FakeRequest&) { return FakeAnswer{}; });  // waits for us to speak first
  EXPECT_EQ(Send(With(absl::StrCat("smtp://127.0.0.1:", silent.port())), "alice@example.com", kShort).kind,
            Kind::kRetryLater);
}

TEST_F(MailTest, AServerThatIsSlowToSayGoodbyeHoldsNobodyUp) {
  AiosmtpServer server({.certificate = &*certificate_, .slow_quit = true});
  Reports reports;
  Notifier::Options options = LoopbackOptions();
  options.max_per_mail_server = 1;
  Notifier notifier(options, reports.Taker());
  notifier.SetOrganisation(Shared(With(server.url())));
  for (int i = 0; i < 5; ++i)
    notifier.Start(PageBy(ContactMethod::Kind::kEmail, "alice@example.com"), kGenerous, nullptr);
  const std::vector<AttemptResult> results = reports.WaitFor(5);
  ASSERT_EQ(results.size(), 5U);
  for (const AttemptResult& result : results)
    EXPECT_EQ(result.kind, Kind::kAccepted) << result.detail;
}

TEST_F(MailTest, ASlowServerHoldsNoOtherChannelUpAndEachMailIsReportedOnce) {
  AiosmtpServer server({.certificate = &*certificate_});
  FakeHttp healthy([](const FakeRequest&) { return FakeAnswer{}; });
  Reports reports;
  {
    Notifier::Options options = LoopbackOptions();
    options.max_per_mail_server = 3;
    Notifier notifier(options, reports.Taker());
    notifier.SetOrganisation(Shared(With(server.url())));
    for (int i = 0; i < 8; ++i)
      notifier.Start(PageBy(ContactMethod::Kind::kEmail, "slow@example.com"), kGenerous, nullptr);
    ASSERT_GE(server.WaitForMails(2).size(), 2U);  // a quarter of three, rounded up, is for critical pages
    const Notification page = PageBy(ContactMethod::Kind::kWebhook, healthy.url());
    notifier.Start(page, kGenerous, nullptr);
    EXPECT_EQ(reports.Of(page.id).kind, Kind::kAccepted);
    Notification critical = PageBy(ContactMethod::Kind::kEmail, "alice@example.com");
    critical.lane = Notification::Lane::kCritical;
    notifier.Start(critical, kGenerous, nullptr);
    EXPECT_EQ(reports.Of(critical.id).kind, Kind::kAccepted);
  }
  std::map<NotificationId, int> times;
  std::map<Kind, int> kinds;
  for (const AttemptResult& result : reports.all()) {
    ++times[result.notification];
    ++kinds[result.kind];
  }
  EXPECT_EQ(times.size(), 10U);
  EXPECT_TRUE(std::ranges::all_of(times, [](const auto& each) { return each.second == 1; }));
  EXPECT_EQ(kinds[Kind::kAccepted], 2);
  EXPECT_EQ(kinds[Kind::kAmbiguous], 2);
  EXPECT_EQ(kinds[Kind::kNotStarted], 6);
}

}  // namespace
}  // namespace tocsin::notify
