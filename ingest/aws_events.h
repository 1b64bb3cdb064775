// Private to ingest: what Amazon says of alarms, in the two shapes in which it comes by several ways: CloudWatch's own message (through
// SNS) and EventBridge's envelope (from its API destinations, through SNS, and in what a Lambda function is called with).
#pragma once

#include <string_view>

#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {

// {"AlarmName", "NewStateValue", "Trigger" ...}
bool IsCloudWatchMessage(const Payload& message);
// `region` is where the message came from, for messages of old that do not say.
Reading ReadCloudWatchMessage(const Payload& message, std::string_view region);

// {"detail-type", "source", "detail" ...}, or {"alarmData" ...}
bool IsEventBridgeEvent(const Payload& event);
Reading ReadEventBridgeEvent(const Payload& event);

// The fourth part of arn:PARTITION:SERVICE:REGION:..., "" when it is no ARN.
std::string_view RegionOfArn(std::string_view arn);

}  // namespace tocsin
