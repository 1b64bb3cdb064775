#include "ingest/mail_door.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "ingest/source.h"
#include "tests/ingest/door_world.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class MailDoorTest : public DoorTest {
 protected:
  void Open(Integration integration) {
    auto organisation = std::make_shared<Organisation>();
    organisation->integrations.push_back(std::move(integration));
    Apply(std::move(organisation));
  }
  SmtpReply Deliver(std::string data, std::string from = "mon@example.com") {
    SmtpReply told{.code = 0, .text = {}};
    door_.Deliver({.from = std::move(from), .to = {"key-1@tocsin"}, .data = std::move(data), .peer = {}},
                  [&](const SmtpReply& reply) { told = reply; });
    return told;
  }

  MailDoor door_{inlet_, keys_, clock_};
};

constexpr std::string_view kZhe = "\xD0\xB6";

TEST_F(MailDoorTest, WhatIsAnsweredYesIsAnAlert) {
  Open(Door("mails", "generic", "key-1"));
  std::string text = "x";
  for (int i = 0; i < 400; ++i)
    text += kZhe;
  EXPECT_EQ(Deliver("From: a@b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text).code, 250);
  EXPECT_EQ(Deliver("Subject: x\r\n\r\nhello", "j\xFCrgen@x").code, 250);
  EXPECT_EQ(Deliver("").code, 250);
  EXPECT_THAT(inlet_.events(), SizeIs(3));
  for (const AlertEvent& event : inlet_.events())
    EXPECT_NE(Find(event.labels, "alertname"), kUnreadablePayload);
}

// \C is a byte: a rule can take a character apart.
TEST_F(MailDoorTest, AnAlertStandsInForAMailThatMakesNone) {
  Integration integration = Door("mails", "generic", "key-1");
  integration.mail_rules = {{.from = "", .subject = R"(x(?P<half>\C))", .body = "", .key = "{{half}}"}};
  Open(std::move(integration));
  EXPECT_EQ(Deliver("Subject: =?UTF-8?Q?x=D0=B6?=\r\n\r\nhello").code, 250);
  ASSERT_THAT(inlet_.events(), SizeIs(1));
  const AlertEvent event = inlet_.events().front();
  EXPECT_EQ(Find(event.labels, "alertname"), kUnreadablePayload);
  EXPECT_THAT(Find(event.annotations, "summary"), HasSubstr("not UTF-8"));
  EXPECT_THAT(Find(event.annotations, "payload"), HasSubstr("hello"));
  EXPECT_EQ(door_.ReadStatistics().unreadable, 1U);
  ASSERT_THAT(door_.ReadRefusals(), SizeIs(1));
  EXPECT_EQ(door_.ReadRefusals()[0].reason, Refusals::Reason::kUnreadable);
}

TEST_F(MailDoorTest, AnIntegrationFullOfLabelsTakesMails) {
  Integration integration = Door("mails", "generic", "key-1");
  for (std::size_t i = 0; i < limits::kLabelsPerAlert; ++i)
    integration.labels.push_back({absl::StrFormat("label%d", i), "x"});
  Open(std::move(integration));
  EXPECT_EQ(Deliver("Subject: x\r\n\r\nhello").code, 250);
  EXPECT_THAT(inlet_.events(), SizeIs(1));
}

TEST_F(MailDoorTest, WhatMustBeSignedDoesNotComeByMail) {
  Integration integration = Door("hub", "github", "key-1");
  EXPECT_EQ((Open(integration), door_.CheckRecipient("key-1@tocsin", true).code), 250);
  integration.signing_secret = "s";
  EXPECT_EQ((Open(integration), door_.CheckRecipient("key-1@tocsin", true).code), 550);
}

TEST_F(MailDoorTest, WhatSaysNothingAboutAnAlertIsTakenAndNoted) {
  Open(Door("mails", "generic", "key-1"));
  const SmtpReply reply = Deliver("Subject: away\r\nAuto-Submitted: auto-replied\r\n\r\nhello");
  EXPECT_EQ(reply.code, 250);
  EXPECT_THAT(reply.text, HasSubstr("nothing about an alert"));
  EXPECT_EQ(door_.ReadRefusals().back().reason, Refusals::Reason::kIgnored);
}

}  // namespace
}  // namespace tocsin
