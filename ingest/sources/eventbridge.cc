// Amazon EventBridge, by an API destination: changes of CloudWatch's alarms, AWS Health, GuardDuty's findings; and what CloudWatch calls a
// Lambda function with, passed on. An input transformer may send the detail alone.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
//
// Identity: the alarm's ARN (resources[0], alarmArn), else account, region and name; of an alarm over many series, which of them. The
// event's `id` is new each time.
// State: ALARM, OK; INSUFFICIENT_DATA is neither. A deleted alarm is over. An ALARM whose actions are suppressed is held back by its
// owner. A Health event ends with statusCode closed, a finding when it is archived. Other events are no alarms.
#include "ingest/aws_events.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

Reading ReadOne(const Payload& event) {
  if (!IsEventBridgeEvent(event)) return Reading::Rejected("detail-type: missing");
  return ReadEventBridgeEvent(event);
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kEventbridgeSource = {
    .name = "eventbridge",
    .product = "Amazon EventBridge",
    .parse = Parse,
    .example =
        R"({"detail-type":"CloudWatch Alarm State Change","resources":["arn:aws:cloudwatch:us-east-1:123456789012:alarm:cpu"],"detail":{"alarmName":"cpu","state":{"value":"ALARM"}}})",
    .setup =
        R"(EventBridge > API destinations > Create: endpoint {url}, method POST, any connection (the key is in the address). Then a rule
with this pattern and the destination as its target:

{"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change", "CloudWatch Alarm Configuration Change"]}

Or with the AWS CLI:

aws events create-api-destination --name tocsin --http-method POST --connection-arn CONNECTION \
  --invocation-endpoint {url})",
};

}  // namespace tocsin
