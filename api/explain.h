// What the parts of `explain` share: an answer is put together from facts, most of them written by decisions when they were
// made, and from what is armed now.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "api/methods.h"
#include "model/response.h"
#include "tocsin/v1/api.pb.h"

namespace tocsin {

using ExplainAnswer = v1::ExplainResponse::Answer;
using ExplainLine = v1::ExplainResponse::Line;

std::string ShowUtc(absl::Time t);
std::string ShowSubject(const Subject& subject);  // "group G17"

// Without a time: what holds now.
void AddFact(ExplainAnswer& answer, std::optional<absl::Time> at, std::string text, std::string actor = "");
void AddNext(ExplainAnswer& answer, absl::Time at, std::string text);
// By time.
void SortNext(ExplainAnswer& answer);
// What has been written about `subject`: the last entries.
absl::Status AddTimeline(Api& api, Subject subject, ExplainAnswer& answer);

// What became of a group, in a clause: "open, and ...".
std::string DescribeState(const Group& group);
// What became of a message, in a sentence; `now` tells when a further attempt is due.
std::string Describe(const Notification& notification, const Now& now);

// A message, and what it told of.
absl::Status ExplainNotification(Api& api, NotificationId id, v1::ExplainResponse& response);
// A person: reachable how, on call when, paged for what, waiting for what.
absl::Status ExplainPerson(Api& api, const UserId& user, v1::ExplainResponse& response);
// Whether `user` was paged for a group or an incident; if not, each reason that holds, the most telling first.
absl::Status ExplainWhyNot(Api& api, const UserId& user, const Subject& subject, v1::ExplainResponse& response);

}  // namespace tocsin
