// Amazon SNS, as far as a door must know it before it reads what is inside: who signed, with which certificate, for which topic, and
// the address by which a new subscription is confirmed. Pure: the door fetches, confirms and keeps the list of topics.
// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
//
// What the message says is only believed when it names Amazon's own hosts (https://sns.REGION.amazonaws.com[.cn]): otherwise whoever
// can post here could sign with a certificate of their own, or make us fetch any address.
//
// A request is one message (application/json or text/plain; the body is JSON whatever the header says), or what a Lambda function got
// and passed on: {"Records": [{"Sns": {...}}]}. Then all of them must agree on certificate and topic.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "ingest/source.h"

namespace tocsin {

enum class SnsType : std::uint8_t {
  kNotification,
  kSubscriptionConfirmation,
  kUnsubscribeConfirmation
};
// An error when it is no message of SNS, as with raw message delivery.
absl::StatusOr<SnsType> SnsMessageType(const SourceRequest& request);

// arn:aws:sns:REGION:ACCOUNT:NAME
absl::StatusOr<std::string> SnsTopic(const SourceRequest& request);

// Where the certificate is that VerifySns needs. The same address always holds the same certificate.
absl::StatusOr<std::string> SnsCertificateUrl(const SourceRequest& request);

// What to GET to confirm a subscription, or to undo that somebody ended it. Only its own topic's: an error otherwise, and when the message
// is a notification.
absl::StatusOr<std::string> SnsSubscribeUrl(const SourceRequest& request);

// Whether Amazon signed all of it. `certificate`: PEM, from SnsCertificateUrl.
absl::Status VerifySns(const SourceRequest& request, std::string_view certificate, absl::Time received);

}  // namespace tocsin
