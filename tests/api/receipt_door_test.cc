// The door at which providers report: signed reports move a message on, others are refused.
#include "api/receipt_door.h"

#include "absl/strings/str_replace.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "notify/receipts.h"
#include "tests/api/world.h"

namespace tocsin {
namespace {

constexpr const char* kDelivered = "MessageSid=SM1&MessageStatus=delivered";

class ReceiptDoorTest : public ApiTest {
 protected:
  // ann by SMS; the message about an alert is under way.
  void SetUp() override {
    ApiTest::SetUp();
    ApplySample(absl::StrReplaceAll(
        OrganisationYaml(), {
                                {"kind: webhook, address: 'http://127.0.0.1:1/'", "kind: sms, address: '+15005550100'"},
                                {absl::StrCat(", secret: ",                       std::string(kHookSecret)),            ""},
                                {"from: '+15005550006'}",                                               "from: '+15005550006', receipts: true}"                                                            }
    }));
    Send({
        {"alertname", "DiskFull"}
    });
    EXPECT_TRUE(Eventually([&] {
      const MutexLock lock(mutex_);
      for (const Notification& each : attempts_)
        if (each.method.kind == ContactMethod::Kind::kSms) sms_ = each;
      return sms_.id.set();
    }));
  }
  std::string Url() { return notify::ReceiptUrl(*engine_->access()->organisation, sms_); }
  int Report(const std::string& path, const std::string& signature, const std::string& form = kDelivered) {
    return Http("POST", path,
                {
                    {"Content-Type",       "application/x-www-form-urlencoded"},
                    {"X-Twilio-Signature", signature                          }
    },
                form)
        .status;
  }
  std::string Sign(const std::string& url, const std::string& form = kDelivered) {
    return notify::SignTwilio(kTwilioToken, url, form);
  }
  Notification::State State() {
    Notification::State state{};
    engine_->ReadResponderAndWait(
        [&](const Responder& responder, const Now&) { state = responder.state().notifications.at(sms_.id).state; });
    return state;
  }

  Notification sms_;
};

TEST_F(ReceiptDoorTest, TakesWhatTheAccountHasSignedAndNothingElse) {
  const std::string url = Url();
  const std::string path = url.substr(url.find("/receipts/"));
  EXPECT_EQ(Report(path, ""), 403);
  EXPECT_EQ(Report(path, "AAAA"), 403);
  const std::string ringing = "MessageSid=SM1&MessageStatus=sent";
  EXPECT_EQ(Report(path, Sign(url, ringing), ringing), 204);
  EXPECT_EQ(State(), Notification::State::kLeased);
  EXPECT_EQ(Report(path, Sign(url)), 204);
  EXPECT_EQ(State(), Notification::State::kDelivered);
  EXPECT_EQ(Report(path, Sign(url)), 204) << "once more";
  EXPECT_EQ(Report(path, Sign(url, "x=1"), "x=1"), 400);
  EXPECT_EQ(Report(path + "x", Sign(url + "x")), 404) << "another message's key";
  EXPECT_EQ(Http("GET", path).status, 405);
}

}  // namespace
}  // namespace tocsin
