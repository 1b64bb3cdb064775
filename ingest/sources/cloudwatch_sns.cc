// Amazon SNS: CloudWatch's alarms, whatever EventBridge sends through a topic, and plain messages. The body is JSON, although its
// Content-Type says text/plain; the alarm is JSON within its `Message`, or is already opened by a relay. With raw message delivery, and
// from a Lambda function (Records), it comes without or in another wrapping.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
//
// Identity: AlarmArn; account, region and name where messages of old lack it. MessageId is new each time. A message that is no alarm is
// an alert of its topic and subject, which nobody ends but people.
// State: NewStateValue ALARM, OK; INSUFFICIENT_DATA is neither. Confirmations are the door's (ingest/sns.h) and no alerts.
// Signature: Amazon's certificate (ingest/sns.h).
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/aws_events.h"
#include "ingest/payload.h"
#include "ingest/sns.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kFirstLineBytes = 200;

Reading ReadPlainMessage(const Payload& envelope) {
  const std::string topic = envelope.Text({"topicarn"});
  const std::string text = envelope.Text({"message"});
  std::string subject = envelope.Text({"subject"});
  if (subject.empty()) subject = TruncateUtf8(std::string_view(text).substr(0, text.find('\n')), kFirstLineBytes);
  EventBuilder event;
  event.Key({"message", topic, subject});
  event.Label("alertname", subject).Label("topic", AfterLast(topic, ':')).Label("region", RegionOfArn(topic));
  event.Summary(subject).Description(text);
  event.StartsAt(envelope.Text({"timestamp"}));
  if (text.empty() && subject.empty()) event.Key({});
  return std::move(event).Finish("Message: missing or empty");
}

Reading ReadMessage(const Payload& envelope) {
  const std::string type = envelope.Text({"type"});
  if (type == "SubscriptionConfirmation") {
    return Reading::Ignored(
        absl::StrCat("SubscriptionConfirmation of ", envelope.Text({"topicarn"}), " says nothing about an alarm"));
  }
  if (type == "UnsubscribeConfirmation") {
    return Reading::Ignored(absl::StrCat("UnsubscribeConfirmation: ", envelope.Text({"topicarn"}),
                                         " sends nothing more until somebody subscribes again"));
  }
  JsonReader reader;
  const std::optional<Payload> message = OpenObject(reader, envelope.Find("message"));
  if (!message) return ReadPlainMessage(envelope);
  const std::string topic = envelope.Text({"topicarn"});
  if (IsCloudWatchMessage(*message)) return ReadCloudWatchMessage(*message, RegionOfArn(topic));
  if (IsEventBridgeEvent(*message)) return ReadEventBridgeEvent(*message);
  return ReadPlainMessage(envelope);
}

absl::StatusOr<Readings> ReadBody(const Payload& body) {
  const std::vector<dom::element> records = body.List("records");
  if (records.empty()) {
    if (IsCloudWatchMessage(body)) return Readings{ReadCloudWatchMessage(body, "")};  // raw message delivery
    if (IsEventBridgeEvent(body)) return Readings{ReadEventBridgeEvent(body)};
    return Readings{ReadMessage(body)};
  }
  Readings readings;
  for (const dom::element& record : records) {
    std::optional<Payload> sns;
    if (record.is_object()) sns = Payload(dom::object(record)).Object("sns");
    readings.push_back(sns ? ReadMessage(*sns)
                           : Reading::Rejected(absl::StrCat("Records[", readings.size(), "].Sns: missing")));
  }
  return readings;
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachOfMany(request, ReadBody);
}

}  // namespace

const Source kCloudwatchSnsSource = {
    .name = "cloudwatch_sns",
    .also = "sns cloudwatch",
    .product = "CloudWatch by Amazon SNS",
    .parse = Parse,
    .verify = VerifySns,
    .example =
        R"({"Type":"Notification","TopicArn":"arn:aws:sns:eu-west-1:123456789012:alarms","Message":"{\"AlarmName\":\"cpu\",\"AlarmArn\":\"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu\",\"NewStateValue\":\"ALARM\"}"})",
    .setup =
        R"(SNS > your topic > Create subscription: protocol HTTPS, endpoint as here, "Enable raw message delivery" off (raw messages are not
signed). Or with the AWS CLI:

aws sns subscribe --protocol https --topic-arn arn:aws:sns:eu-west-1:123456789012:alarms \
  --notification-endpoint {url}

Give your alarms the topic as their action for ALARM and for OK: without the latter nothing ever recovers.)",
};

}  // namespace tocsin
