// What providers report, by the form and the signature in which Twilio does.
#include "notify/receipts.h"

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http.h"
#include "notify/channel.h"
#include "tests/notify/attempts.h"

namespace tocsin::notify {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Method = ContactMethod::Kind;

constexpr const char* kNumber = "+4915112345678";

Organisation Reporting(const std::string& public_url = "https://tocsin.example.com/") {
  Organisation organisation = OrganisationWithTwilio("https://api.twilio.com");
  organisation.public_url = public_url;
  organisation.twilio.receipts = true;
  return organisation;
}

std::string BodyOf(const Notification& row, const Organisation& organisation) {
  const auto exchange = ChannelOf(row.method.kind).compose(row, organisation, absl::UnixEpoch());
  EXPECT_TRUE(exchange.ok()) << exchange.status();
  return exchange.ok() ? std::get<WebRequest>(*exchange).body : "";
}

struct Said {
  absl::StatusCode code = absl::StatusCode::kOk;
  std::optional<ProviderReceipt> receipt;
};

// What is understood of a report about `row` that the account has signed.
Said Report(const Organisation& organisation, const Notification& row, const std::string& form) {
  const std::string url = ReceiptUrl(organisation, row);
  const std::string rest = url.substr(url.find("/receipts/") + 10);
  const auto read = ReadReceipt(organisation, rest, form, SignTwilio(organisation.twilio.auth_token, url, form));
  return {read.status().code(), read.ok() ? *read : std::nullopt};
}

// https://www.twilio.com/docs/usage/security, the example with the call to mycompany.com.
TEST(ReceiptsTest, SignsAsTwilioDoes) {
  const std::string form =
      "CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234&From=%2B12349013030&To=%2B18005551212";
  EXPECT_EQ(SignTwilio("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form), "0/KCTR6DLpKmkAf8muzZqo1nDgQ=");
  const std::string otherwise =
      "To=%2B18005551212&From=%2B12349013030&CallSid=CA1234567890ABCDE&Digits=1234&Caller=%2B12349013030";
  EXPECT_EQ(SignTwilio("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", otherwise),
            "0/KCTR6DLpKmkAf8muzZqo1nDgQ=");
}

TEST(ReceiptsTest, AreAskedForWhereTheyAreWanted) {
  const Notification sms = PageBy(Method::kSms, kNumber);
  const Notification call = PageBy(Method::kVoice, kNumber);
  const std::string where = absl::StrCat("https://tocsin.example.com/receipts/N", sms.id.value(), "/");
  EXPECT_THAT(ReceiptUrl(Reporting(), sms), HasSubstr(where));
  EXPECT_THAT(BodyOf(sms, Reporting()), HasSubstr("&StatusCallback=https%3A%2F%2Ftocsin.example.com%2Freceipts%2FN"));
  EXPECT_THAT(BodyOf(sms, Reporting()), Not(HasSubstr("StatusCallbackEvent")));
  EXPECT_THAT(BodyOf(call, Reporting()), HasSubstr("&StatusCallbackEvent=answered&StatusCallbackEvent=completed"));
  Organisation silent = Reporting();
  silent.twilio.receipts = false;
  EXPECT_THAT(BodyOf(sms, silent), Not(HasSubstr("StatusCallback")));
}

TEST(ReceiptsTest, EveryWordOfTheirsIsUnderstood) {
  struct Case {
    const char* form;
    std::optional<bool> delivered;
    const char* detail;
  };
  const Case cases[] = {
      {"MessageSid=SM1&MessageStatus=queued",                      std::nullopt, ""                       },
      {"MessageSid=SM1&MessageStatus=sent",                        std::nullopt, ""                       },
      {"MessageSid=SM1&MessageStatus=delivered",                   true,         "delivered"              },
      {"MessageSid=SM1&MessageStatus=read",                        true,         "read"                   },
      {"MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30006", false,        "undelivered, code 30006"},
      {"MessageSid=SM1&MessageStatus=failed&ErrorCode=30034",      false,        "failed, code 30034"     },
      {"CallSid=SM1&CallStatus=ringing",                           std::nullopt, ""                       },
      {"CallSid=SM1&CallStatus=in-progress",                       true,         "in-progress"            },
      {"CallSid=SM1&CallStatus=completed",                         true,         "completed"              },
      {"CallSid=SM1&CallStatus=no-answer",                         false,        "no-answer"              },
      {"CallSid=SM1&CallStatus=busy",                              false,        "busy"                   },
  };
  const Notification row = PageBy(Method::kSms, kNumber);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.form);
    const Said said = Report(Reporting(), row, c.form);
    ASSERT_EQ(said.code, absl::StatusCode::kOk);
    ASSERT_EQ(said.receipt.has_value(), c.delivered.has_value());
    if (!said.receipt) continue;
    EXPECT_EQ(said.receipt->delivered, *c.delivered);
    EXPECT_EQ(said.receipt->detail, c.detail);
    EXPECT_EQ(said.receipt->provider_id, "SM1");
    EXPECT_EQ(said.receipt->notification, row.id);
    EXPECT_EQ(said.receipt->key, row.idempotency_key);
  }
  EXPECT_EQ(Report(Reporting(), row, "MessageSid=SM1").code, absl::StatusCode::kInvalidArgument);
}

TEST(ReceiptsTest, WhatNoAccountOfOursHasSignedCountsForNothing) {
  const Organisation organisation = Reporting();
  const Notification row = PageBy(Method::kSms, kNumber);
  const std::string url = ReceiptUrl(organisation, row);
  const std::string rest = url.substr(url.find("/receipts/") + 10);
  const std::string form = "MessageSid=SM1&MessageStatus=delivered";
  const std::string& token = organisation.twilio.auth_token;
  const auto code = [&](const Organisation& to, const std::string& at, const std::string& body,
                        const std::string& mac) { return ReadReceipt(to, at, body, mac).status().code(); };
  constexpr absl::StatusCode kNo = absl::StatusCode::kPermissionDenied;
  EXPECT_EQ(code(organisation, rest, form, SignTwilio(token, url, form)), absl::StatusCode::kOk);
  EXPECT_EQ(code(organisation, rest, form, ""), kNo);
  EXPECT_EQ(code(organisation, rest, form, SignTwilio("another token", url, form)), kNo);
  EXPECT_EQ(code(organisation, rest, form + "&x=1", SignTwilio(token, url, form)), kNo);
  EXPECT_EQ(code(organisation, "N99/" + row.idempotency_key, form, SignTwilio(token, url, form)), kNo);
  Organisation not_asked = organisation;
  not_asked.twilio.receipts = false;
  EXPECT_EQ(code(not_asked, rest, form, SignTwilio(token, url, form)), kNo);
  Organisation nobody = organisation;
  nobody.twilio.auth_token.clear();
  EXPECT_EQ(code(nobody, rest, form, SignTwilio("", url, form)), kNo);
}

// Each account signs with its own token, and is asked for by itself.
TEST(ReceiptsTest, AnAttemptByTheSecondProviderIsTheSecondAccounts) {
  Organisation organisation = Reporting();
  organisation.second_twilio = {"https://other.example.com", "AC2", "second-token", "+15005550007", true};
  Notification row = PageBy(Method::kSms, kNumber);
  row.provider = 1;
  const auto exchange = ChannelOf(Method::kSms).compose(row, organisation, absl::UnixEpoch());
  ASSERT_TRUE(exchange.ok());
  const auto& request = std::get<WebRequest>(*exchange);
  EXPECT_EQ(request.url, "https://other.example.com/2010-04-01/Accounts/AC2/Messages.json");
  EXPECT_EQ(request.password, "second-token");
  EXPECT_THAT(request.body, HasSubstr("From=%2B15005550007"));
  EXPECT_EQ(ChannelOf(Method::kSms).destination(row, organisation), "https://other.example.com");
  const std::string url = ReceiptUrl(organisation, row);
  const std::string rest = url.substr(url.find("/receipts/") + 10);
  const std::string form = "MessageSid=SM1&MessageStatus=delivered";
  EXPECT_TRUE(ReadReceipt(organisation, rest, form, SignTwilio("second-token", url, form)).ok());
  EXPECT_TRUE(ReadReceipt(organisation, rest, form, SignTwilio(organisation.twilio.auth_token, url, form)).ok());
  organisation.second_twilio.receipts = false;
  EXPECT_FALSE(ReadReceipt(organisation, rest, form, SignTwilio("second-token", url, form)).ok());
  EXPECT_THAT(BodyOf(row, organisation), Not(HasSubstr("StatusCallback")));
}

TEST(ReceiptsTest, AMailByTheSecondProviderGoesByTheSecondRelay) {
  Organisation organisation;
  organisation.smtp = {"smtp://a.example.com", "a@example.com"};
  organisation.second_smtp = {"smtps://b.example.com", "b@example.com", "me", "password"};
  Notification row = PageBy(Method::kEmail, "ann@example.com");
  row.provider = 1;
  const auto exchange = ChannelOf(Method::kEmail).compose(row, organisation, absl::UnixEpoch());
  ASSERT_TRUE(exchange.ok());
  const auto& mail = std::get<MailRequest>(*exchange);
  EXPECT_EQ(mail.url, "smtps://b.example.com");
  EXPECT_EQ(mail.sender, "b@example.com");
  EXPECT_EQ(mail.password, "password");
  EXPECT_EQ(ChannelOf(Method::kEmail).destination(row, organisation), "smtps://b.example.com");
}

TEST(ReceiptsTest, AreSignedWithAPortOrWithout) {
  const Organisation organisation = Reporting("https://tocsin.example.com:8443");
  const Notification row = PageBy(Method::kSms, kNumber);
  const std::string url = ReceiptUrl(organisation, row);
  const std::string rest = url.substr(url.find("/receipts/") + 10);
  const std::string form = "MessageSid=SM1&MessageStatus=delivered";
  std::string without = url;
  without.erase(without.find(":8443"), 5);
  for (const std::string& each : {url, without})
    EXPECT_TRUE(ReadReceipt(organisation, rest, form, SignTwilio(organisation.twilio.auth_token, each, form)).ok());
}

TEST(ReceiptsTest, AddressesThatNameNoMessageAreRefused) {
  const Organisation organisation = Reporting();
  const std::string form = "MessageSid=SM1&MessageStatus=delivered";
  for (const std::string rest : {"", "N", "N1", "N1/", "N0/key", "17/key", "Nx/key", "N99999999999999999999/key"}) {
    SCOPED_TRACE(rest);
    const std::string url = "https://tocsin.example.com/receipts/" + rest;
    const auto read = ReadReceipt(organisation, rest, form, SignTwilio(organisation.twilio.auth_token, url, form));
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace tocsin::notify
