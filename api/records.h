// What several handlers share: alerts in the API's form, matchers read, running a command, finding rows in memory or in the store.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "api/methods.h"
#include "model/command.h"
#include "model/ids.h"
#include "model/matcher.h"
#include "model/timeline.h"
#include "tocsin/v1/api.pb.h"

namespace tocsin {

// The key of an alert as whoever asks is told it. Never the key itself: that is a hash which can be undone, and whoever has one of a text
// that he knows has the store's seed, and with it what makes his alerts fall together with those of others.
AlertKey ToldKey(const AlertKey& key);

// A group as whoever asks is told it: alerts by their told keys, and nothing of the hashes that shards know it by.
void Tell(const Group& from, v1::Group& to);

void ToProto(Api& api, std::span<const AlertRecord> from, google::protobuf::RepeatedPtrField<v1::AlertDetails>& to);

// Executes and waits until the answer is durable.
absl::Status Run(
    Api& api, const Caller& caller, const std::string& request_id, Command::Body body, v1::CommandResponse& response);

// Refuses more matchers than anybody means: a question is asked of every alert.
absl::Status CheckMatcherCount(std::span<const Matcher> matchers);

// Each text is one matcher, or a list such as {a="1", b="2"}.
absl::StatusOr<std::vector<Matcher>> ReadMatchers(const google::protobuf::RepeatedPtrField<std::string>& texts);

// Whom a command names; at most a hundred.
absl::StatusOr<std::vector<Target>> ReadTargets(const google::protobuf::RepeatedPtrField<v1::Target>& targets);

// A copy of a row, from memory or, when it has left that, from the store. NotFound names it ("group G7").
absl::StatusOr<Group> FindGroup(Api& api, GroupId id);
absl::StatusOr<Incident> FindIncident(Api& api, IncidentId id);
absl::StatusOr<Page> FindPage(Api& api, PageId id);
absl::StatusOr<Notification> FindNotification(Api& api, NotificationId id);

// The timeline of a subject, oldest first, the last `limit` entries.
absl::StatusOr<std::vector<TimelineEntry>> Timeline(Api& api, Subject subject, std::size_t limit);

// In a few words, what holds an open group back, so that nobody is told of it: "silenced", "muted"; empty: nothing does.
std::string HoldNameOf(const Group& group);
using Counts = std::map<std::string, std::uint64_t, std::less<>>;
void Add(const Counts& counts, google::protobuf::RepeatedPtrField<v1::GetLoadResponse::Count>& to);

// The alerts of a group's key, from all shards, at most `limit`.
std::vector<AlertRecord> AlertsOf(Api& api, GroupKey key, std::size_t limit);

}  // namespace tocsin
