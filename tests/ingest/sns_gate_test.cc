#include "ingest/sns_gate.h"

#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kTopic = "arn:aws:sns:eu-west-1:123456789012:alarms";

std::shared_ptr<const HttpRequest> Message(std::string_view type, std::string_view extra = "") {
  auto request = std::make_shared<HttpRequest>();
  request->body = absl::StrFormat(
      R"({"Type":"%s","MessageId":"m","TopicArn":"%s","Message":"x","Timestamp":"2026-11-21T10:00:00.000Z",)"
      R"("SignatureVersion":"1","Signature":"AAAA",)"
      R"("SigningCertURL":"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"%s})",
      type, kTopic, extra);
  return request;
}

class SnsGateTest : public ::testing::Test {
 protected:
  absl::StatusOr<SnsGate::Verdict> Judge(std::shared_ptr<const HttpRequest> request, std::vector<std::string> topics) {
    absl::StatusOr<SnsGate::Verdict> result = absl::UnknownError("not decided");
    gate_->Judge(std::move(request), topics, absl::FromUnixSeconds(1'795'289'000),
                 [&](absl::StatusOr<SnsGate::Verdict> verdict) { result = std::move(verdict); });
    return result;
  }

  std::vector<std::string> fetched_;
  absl::StatusOr<HttpResponse> answer_ = HttpResponse{.status = 200, .headers = {}, .body = "no certificate"};
  bool busy_ = false;
  std::shared_ptr<SnsGate> gate_ =
      std::make_shared<SnsGate>([this](std::string url, absl::AnyInvocable<void(absl::StatusOr<HttpResponse>)> done) {
        if (busy_) return false;
        fetched_.push_back(std::move(url));
        done(answer_);
        return true;
      });
};

TEST_F(SnsGateTest, WithoutTopicsItTakesWhatComesAndConfirmsNothing) {
  EXPECT_EQ(*Judge(Message("Notification"), {}), SnsGate::Verdict::kRead);
  auto raw = std::make_shared<HttpRequest>();
  raw->body = R"({"AlarmName":"cpu"})";
  EXPECT_EQ(*Judge(raw, {}), SnsGate::Verdict::kRead);
  const auto confirmation =
      Judge(Message("SubscriptionConfirmation", R"(,"Token":"t","SubscribeURL":"https://x/")"), {});
  EXPECT_TRUE(absl::IsPermissionDenied(confirmation.status()));
  EXPECT_THAT(confirmation.status().message(), HasSubstr(kTopic)) << "it says what to list";
  EXPECT_TRUE(fetched_.empty());
}

TEST_F(SnsGateTest, WithTopicsOnlyTheseAreTakenAndOnlyWithASignature) {
  EXPECT_THAT(Judge(Message("Notification"), {"arn:aws:sns:eu-west-1:123456789012:other"}).status().message(),
              HasSubstr("not among"));
  EXPECT_TRUE(fetched_.empty()) << "nothing is fetched for strangers";
  EXPECT_TRUE(absl::IsPermissionDenied(Judge(Message("Notification"), {std::string(kTopic)}).status()));
  EXPECT_THAT(fetched_, ::testing::ElementsAre("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"));
  EXPECT_TRUE(absl::IsPermissionDenied(Judge(Message("Notification"), {"arn:aws:sns:eu-west-1:*"}).status()));
  EXPECT_EQ(fetched_.size(), 1U) << "the certificate is kept";
  auto raw = std::make_shared<HttpRequest>();
  raw->body = R"({"AlarmName":"cpu"})";
  EXPECT_TRUE(absl::IsPermissionDenied(Judge(raw, {std::string(kTopic)}).status()));
}

TEST_F(SnsGateTest, OurTroubleIsToldAsOurs) {
  answer_ = absl::UnavailableError("no route");
  EXPECT_TRUE(absl::IsUnavailable(Judge(Message("Notification"), {std::string(kTopic)}).status()));
  answer_ = HttpResponse{.status = 404};
  EXPECT_TRUE(absl::IsUnavailable(Judge(Message("Notification"), {std::string(kTopic)}).status()));
  busy_ = true;
  EXPECT_TRUE(absl::IsUnavailable(Judge(Message("Notification"), {std::string(kTopic)}).status()));
}

}  // namespace
}  // namespace tocsin
