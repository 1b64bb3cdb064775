#include "api/records.h"

#include <utility>

#include "absl/strings/str_format.h"

#include "base/limits.h"
#include "base/status.h"
#include "engine/responder_holds.h"
#include "model/codec/common_proto.h"
#include "model/codec/response_proto.h"
#include "model/hold_words.h"
#include "model/integration_key.h"

namespace tocsin {
namespace {

constexpr std::size_t kTimelinePage = 1000;

// A row of type T by id: `rows` picks the responder's table.
template <typename T, typename Id>
absl::StatusOr<T> FindRow(Api& api, Id id, std::string_view what, std::map<Id, T> ResponderState::*rows) {
  std::optional<T> found;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const auto& table = responder.state().*rows;
    if (const auto at = table.find(id); at != table.end()) found = at->second;
  });
  if (found) return *std::move(found);
  T probe;
  probe.id = id;
  TOCSIN_ASSIGN(std::optional<Row> stored, api.engine.store().ReadRow(KeyOf(Row(probe))));
  if (!stored) return NotFound("%s%d does not exist, or is older than the retention", what, id.value());
  return std::get<T>(*std::move(stored));
}

}  // namespace

namespace {

void ToProto(const AlertRecord& from, v1::AlertDetails& to) {
  ToProto(from.summary, *to.mutable_summary());
  to.mutable_summary()->set_key(ToHex(ToldKey(from.summary.key)));
  to.set_fingerprint(absl::StrFormat("%016x", from.fingerprint));
  to.set_acknowledged_at_source(from.acknowledged);
  PutTime(from.last_seen_at, to, &v1::AlertDetails::mutable_last_seen_at);
  if (!from.summary.firing) PutTime(from.resolved_at, to, &v1::AlertDetails::mutable_resolved_at);
  to.set_resolved_reason(from.resolved_reason);
  to.set_received(from.received);
  to.set_silence(from.hold.silence().value());
  to.set_held_by(from.held_by);
  to.set_rules_version(from.rules.value());
  for (const RouteId& route : from.routes)
    to.add_routes(route.value());
}

}  // namespace

AlertKey ToldKey(const AlertKey& key) {
  constexpr std::size_t kDigits = 32;
  return AlertKeyFromHex(HashKey(ToHex(key)).substr(0, kDigits)).value_or(AlertKey());
}

void Tell(const Group& from, v1::Group& to) {
  ToProto(from, to);
  to.clear_key();
  to.clear_fired();
  for (int i = 0; i < to.exemplars_size(); ++i)
    to.mutable_exemplars(i)->set_key(ToHex(ToldKey(from.exemplars[static_cast<std::size_t>(i)].key)));
}

void ToProto(Api& api, std::span<const AlertRecord> from, google::protobuf::RepeatedPtrField<v1::AlertDetails>& to) {
  for (const AlertRecord& alert : from)
    ToProto(alert, *to.Add());
  if (from.empty()) return;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const auto& current = responder.state().current_group;
    for (std::size_t i = 0; i < from.size(); ++i) {
      for (const GroupKey key : from[i].groups) {
        const auto found = current.find(key);
        to.at(static_cast<int>(i)).add_groups(found == current.end() ? 0 : found->second.value());
      }
    }
  });
}

absl::Status Run(
    Api& api, const Caller& caller, const std::string& request_id, Command::Body body, v1::CommandResponse& response) {
  const CommandResult result =
      api.engine.ExecuteAndWait({request_id, caller.name, std::move(body), caller.origin, caller.token});
  TOCSIN_TRY(result.status);
  response.set_id(result.id);
  response.set_sequence(result.sequence);
  return absl::OkStatus();
}

absl::Status CheckMatcherCount(std::span<const Matcher> matchers) {
  std::size_t bytes = 0;
  for (const Matcher& matcher : matchers)
    bytes += matcher.name.size() + matcher.value.size();
  // Two for each label that an alert may have. Each is tried on every alert by the threads that take alerts in.
  constexpr std::size_t kMatchers = 2 * limits::kLabelsPerAlert;
  constexpr std::size_t kBytes = 64 * 1024;
  if (matchers.size() <= kMatchers && bytes <= kBytes) return absl::OkStatus();
  return Invalid("%d matchers of %d bytes: at most %d of %d bytes in all are possible", matchers.size(), bytes,
                 kMatchers, kBytes);
}

absl::StatusOr<std::vector<Matcher>> ReadMatchers(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::vector<Matcher> matchers;
  for (const std::string& text : texts) {
    TOCSIN_ASSIGN(const std::vector<Matcher> some, ParseMatchers(text));
    matchers.insert(matchers.end(), some.begin(), some.end());
    TOCSIN_TRY(CheckMatcherCount(matchers));
  }
  return matchers;
}

absl::StatusOr<std::vector<Target>> ReadTargets(const google::protobuf::RepeatedPtrField<v1::Target>& targets) {
  constexpr int kMost = 100;
  if (targets.size() > kMost) return Invalid("%d targets, at most %d", targets.size(), kMost);
  std::vector<Target> out(static_cast<std::size_t>(targets.size()));
  for (int i = 0; i < targets.size(); ++i)
    TOCSIN_TRY(Annotate(FromProto(targets[i], out[static_cast<std::size_t>(i)]), absl::StrFormat("targets[%d]", i)));
  return out;
}

absl::StatusOr<Group> FindGroup(Api& api, GroupId id) {
  return FindRow(api, id, "group G", &ResponderState::groups);
}
absl::StatusOr<Incident> FindIncident(Api& api, IncidentId id) {
  return FindRow(api, id, "incident I", &ResponderState::incidents);
}
absl::StatusOr<Page> FindPage(Api& api, PageId id) {
  return FindRow(api, id, "page P", &ResponderState::pages);
}

absl::StatusOr<Notification> FindNotification(Api& api, NotificationId id) {
  return FindRow(api, id, "notification N", &ResponderState::notifications);
}

absl::StatusOr<std::vector<TimelineEntry>> Timeline(Api& api, Subject subject, std::size_t limit) {
  std::vector<TimelineEntry> all;
  std::uint64_t cursor = 0;
  do {
    std::uint64_t next = 0;
    TOCSIN_ASSIGN(std::vector<TimelineEntry> some,
                  api.engine.store().ReadTimeline(subject, cursor, kTimelinePage, &next));
    std::move(some.begin(), some.end(), std::back_inserter(all));
    if (all.size() > limit) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(limit));
    cursor = next;
  } while (cursor != 0);
  return all;
}

std::string HoldNameOf(const Group& group) {
  if (group.state != Group::State::kOpen || group.below_threshold || !IsHeld(group)) return "";
  if (group.held_by.starts_with(kHeldBack)) return "held back by a dependency";
  const std::string_view word = HoldWord(group.quiet_reason);
  return word.empty() ? "held back" : std::string(word);
}

void Add(const Counts& counts, google::protobuf::RepeatedPtrField<v1::GetLoadResponse::Count>& to) {
  for (const auto& [name, count] : counts) {
    to.Add()->set_name(name);
    to.rbegin()->set_count(count);
  }
}

std::vector<AlertRecord> AlertsOf(Api& api, GroupKey key, std::size_t limit) {
  std::vector<AlertRecord> all;
  api.engine.ReadShardsAndWait([&](const Shard& shard) {
    if (all.size() >= limit) return;
    std::vector<AlertRecord> some = shard.ListGroup(key, limit - all.size());
    std::move(some.begin(), some.end(), std::back_inserter(all));
  });
  return all;
}

}  // namespace tocsin
