// What the parts of `explain` share: an answer is put together from facts, most of them written by decisions when they were
// made, and from what is armed now.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "api/methods.h"
#include "engine/shard.h"
#include "escalation/roster.h"
#include "model/matcher.h"
#include "model/response.h"
#include "tocsin/v1/api.pb.h"

namespace tocsin {

using ExplainAnswer = v1::ExplainResponse::Answer;
using ExplainLine = v1::ExplainResponse::Line;

std::string ShowUtc(absl::Time t);
std::string ShowSubject(const Subject& subject);  // "group G17"

// "ann (schedule primary: layer weekly, turn 3), bob (named directly)"
std::string ShowPeople(const std::vector<Person>& people, std::string_view if_nobody);

// Without a time: what holds now.
void AddFact(ExplainAnswer& answer, std::optional<absl::Time> at, std::string text, std::string actor = "");
// Without a time: once what the text names comes true.
void AddNext(ExplainAnswer& answer, std::optional<absl::Time> at, std::string text);
// Once, however often it is said.
void AddAdvice(ExplainAnswer& answer, std::string text);
// By time.
void SortNext(ExplainAnswer& answer);
// What has been written about `subject`: the last entries.
absl::Status AddTimeline(Api& api, Subject subject, ExplainAnswer& answer);

// What became of a group, in a clause: "open, and ...".
std::string DescribeState(const Group& group);
// What became of a message, in a sentence; `now` tells when a further attempt is due.
std::string Describe(const Notification& notification, const Now& now);

// The first `limit` alerts that `filter` takes and that are wanted, in all shards.
std::vector<AlertRecord> FindAlerts(Api& api,
                                    std::size_t limit,
                                    const AlertFilter& filter,
                                    const std::function<bool(const AlertRecord&)>& wanted);

// When a silence or window that holds at `now` ends, or this time of it; InfiniteFuture: never.
absl::Time EndOfHold(const Silence& silence, absl::Time now);
// "until 2026-11-22 14:02:00 UTC".
std::string Until(absl::Time at);
// "silenced by S5, until ...": what holds the alert back, and how long as far as that is known.
std::string HeldClause(Api& api, const AlertRecord& alert);
// All that holds the alert back, with what comes when it ends.
void ExplainHolds(Api& api, const AlertRecord& alert, ExplainAnswer& answer);
// What holds the whole group back; with what holds its alerts back, when that is all of them.
void ExplainHolds(Api& api, const Group& group, bool with_alerts, ExplainAnswer& answer);
// Nothing in memory is what was asked for: what was not taken lately, what matches in part, and where to look next.
// `asked`: in the words of whoever asks; `matchers`: none when it was asked for by key.
void ExplainNothing(Api& api, std::span<const Matcher> matchers, std::string_view asked, v1::ExplainResponse& response);

// A message, and what it told of.
absl::Status ExplainNotification(Api& api, NotificationId id, v1::ExplainResponse& response);
// A person: reachable how, on call when, paged for what, waiting for what.
absl::Status ExplainPerson(Api& api, const UserId& user, v1::ExplainResponse& response);
// Whether `user` was paged for a group or an incident; if not, each reason that holds, the most telling first.
absl::Status ExplainWhyNot(Api& api, const UserId& user, const Subject& subject, v1::ExplainResponse& response);

}  // namespace tocsin
