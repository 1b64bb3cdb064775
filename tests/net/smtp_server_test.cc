#include "net/smtp_server.h"

#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/net/raw_client.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class SmtpServerTest : public ::testing::Test {
 protected:
  void Start(SmtpServer::Options options) {
    auto server = SmtpServer::Start(
        std::move(options),
        [](std::string_view, bool) {
          return SmtpReply{250, "2.1.5 go on"};
        },
        [](const SmtpMessage&, absl::AnyInvocable<void(SmtpReply)> answer) {
          answer({250, "2.0.0 taken"});
        });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  // Connected, and greeted or told to come again.
  struct Client : RawClient {
    explicit Client(const SmtpServer& server) : RawClient(server.port()), greeting(ReadLine()) {}
    std::string Ask(std::string_view command) {
      Send(command);
      Send("\r\n");
      return ReadLine();
    }
    const std::string greeting;
  };

  std::unique_ptr<SmtpServer> server_;
};

const absl::Duration kGrace = absl::Milliseconds(50);

TEST_F(SmtpServerTest, WhoIsSilentForLongestMakesRoom) {
  Start({.max_connections = 8, .max_connections_loopback = 2, .grace = kGrace});
  Client first(*server_);
  Client second(*server_);
  absl::SleepFor(2 * kGrace);
  EXPECT_THAT(second.Ask("NOOP"), StartsWith("250"));
  absl::SleepFor(2 * kGrace);
  Client newcomer(*server_);
  EXPECT_THAT(newcomer.greeting, StartsWith("220"));
  EXPECT_THAT(first.ReadAll(), StartsWith("421"));
  EXPECT_THAT(second.Ask("NOOP"), StartsWith("250"));
  EXPECT_EQ(server_->ReadStatistics().refused_connections, 1U);
}

TEST_F(SmtpServerTest, ThePlacesOfAllAreGivenUpAsThoseOfOnePeer) {
  Start({.max_connections = 1, .max_connections_loopback = 2, .grace = kGrace});
  Client first(*server_);
  absl::SleepFor(2 * kGrace);
  EXPECT_THAT(Client(*server_).greeting, StartsWith("220"));
  EXPECT_THAT(first.ReadAll(), StartsWith("421"));
}

TEST_F(SmtpServerTest, WhoHasBegunAMailGoesLast) {
  Start({.max_connections_loopback = 2, .grace = kGrace});
  Client sender(*server_);
  EXPECT_THAT(sender.Ask("HELO me"), StartsWith("250"));
  EXPECT_THAT(sender.Ask("MAIL FROM:<a@b>"), StartsWith("250"));
  Client silent(*server_);
  absl::SleepFor(2 * kGrace);
  EXPECT_THAT(Client(*server_).greeting, StartsWith("220"));
  EXPECT_THAT(silent.ReadAll(), StartsWith("421"));
  EXPECT_THAT(sender.Ask("RCPT TO:<key@x>"), StartsWith("250"));
}

TEST_F(SmtpServerTest, WhereAllAreAtWorkTheNewcomerComesAgain) {
  Start({.max_connections_loopback = 1, .grace = absl::Hours(1)});
  Client first(*server_);
  EXPECT_THAT(Client(*server_).greeting, HasSubstr("too many connections"));
  EXPECT_THAT(first.Ask("NOOP"), StartsWith("250"));
}

TEST_F(SmtpServerTest, SilenceBeforeAMailIsShort) {
  Start({.idle_timeout = absl::Milliseconds(300)});
  std::unique_ptr<Client> sender;
  do {  // again when we are so slow that we count as silent
    sender = std::make_unique<Client>(*server_);
  } while (!sender->Ask("HELO me").starts_with("250") || !sender->Ask("MAIL FROM:<a@b>").starts_with("250"));
  Client silent(*server_);
  Client drips(*server_);
  const absl::Time end = absl::Now() + absl::Minutes(2);
  while (drips.Send("x")) {
    ASSERT_LT(absl::Now(), end) << "single bytes are no word";
    absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_THAT(silent.ReadAll(), StartsWith("421"));
  EXPECT_THAT(sender->Ask("RCPT TO:<key@x>"), StartsWith("250")) << "a mail that has been begun has its time";
}

}  // namespace
}  // namespace tocsin
