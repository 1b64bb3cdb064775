// What goes through, and what waits: `tocsin top`.
#include <algorithm>
#include <filesystem>
#include <system_error>

#include "api/handlers.h"
#include "api/records.h"
#include "model/canary.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

// As lists call it.
std::string WordOf(const Group& group) {
  if (group.state == Group::State::kAcknowledged) return group.snoozed ? "snoozed" : "acknowledged";
  if (group.below_threshold) return "below threshold";
  if (group.flapping) return "flapping";
  if (group.quiet_reason.empty()) return "open";
  if (const std::string hold = HoldNameOf(group); !hold.empty()) return hold;
  if (!group.route.policy.set()) return "told only";
  return group.quiet_reason.find("exhausted") != std::string::npos ? "unanswered" : "held back";
}

// Empty for those that are over.
std::string_view WordOf(Notification::State state) {
  if (state == Notification::State::kPending) return "pending";
  if (state == Notification::State::kHeld) return "held by limits";
  return state == Notification::State::kLeased ? "being sent" : "";
}

void CountRows(const Responder& responder, const Now& now, v1::GetLoadResponse& response) {
  const ResponderState& state = responder.state();
  Counts groups;
  Counts notifications;
  for (const GroupId id : state.open_groups) {
    const Group& group = state.groups.at(id);
    if (group.state != Group::State::kMerged) ++groups[WordOf(group)];
  }
  std::uint64_t incidents = 0;
  for (const auto& [id, incident] : state.incidents)
    incidents += incident.state != Incident::State::kResolved ? 1U : 0U;
  std::uint64_t pages = 0;
  for (const auto& [id, page] : state.pages)
    pages += page.state == Page::State::kActive ? 1U : 0U;
  absl::Duration oldest;
  for (const auto& [id, row] : state.notifications) {
    const std::string_view word = WordOf(row.state);
    if (word.empty() || row.bundle.set() || IsCanary(row))
      continue;  // over, told by another one that is counted, or nobody's
    ++notifications[std::string(word)];
    if (row.due <= now.engine || row.attempt > 0) oldest = std::max(oldest, now.wall - row.created_at);
  }
  Add(groups, *response.mutable_groups());
  Add(notifications, *response.mutable_notifications());
  response.set_incidents_open(incidents);
  response.set_pages(pages);
  response.set_oldest_undelivered_seconds(absl::ToDoubleSeconds(oldest));
}

void CountOutside(const Outside& outside, v1::GetLoadResponse& response) {
  response.set_attempts_under_way(outside.attempts_under_way);
  constexpr std::string_view kLanes[] = {"critical", "normal", "rest"};
  for (std::size_t i = 0; i < 3; ++i) {
    auto& count = *response.add_attempts_waiting();
    count.set_name(std::string(kLanes[i]));
    count.set_count(outside.attempts_waiting[i]);
  }
  for (const Outside::Count& each : outside.not_taken) {
    auto& count = *response.add_not_taken();
    count.set_name(each.name);
    count.set_count(each.count);
  }
}

}  // namespace

absl::Status GetLoad(Api& api, const Caller&, const v1::GetLoadRequest&, v1::GetLoadResponse& response) {
  const Engine::Statistics statistics = api.engine.ReadStatistics();
  ToProto(api.engine.Read().wall, *response.mutable_now());
  response.set_events(statistics.submitted_events);
  response.set_batches(statistics.submitted_batches);
  response.set_commits(statistics.commits);
  response.set_ring_bytes(statistics.ring_bytes_used);
  for (const ShardStatistics& shard : statistics.shards) {
    response.set_alerts_firing(response.alerts_firing() + shard.firing);
    response.set_alerts_held_back(response.alerts_held_back() + shard.suppressed);
  }
  for (const Admission why :
       {Admission::kOverloaded, Admission::kDiskLow, Admission::kTooLarge, Admission::kStopping}) {
    auto& count = *response.add_refused();
    count.set_name(std::string(Name(why)));
    count.set_count(statistics.refused[static_cast<std::size_t>(why)]);
  }
  api.engine.ReadResponderAndWait(
      [&](const Responder& responder, const Now& now) { CountRows(responder, now, response); });
  if (api.outside) CountOutside(api.outside(), response);
  if (!api.data_folder.empty()) {
    std::error_code error;
    const std::filesystem::space_info space = std::filesystem::space(api.data_folder, error);
    if (!error) {
      response.set_disk_free_bytes(space.available);
      response.set_disk_bytes(space.capacity);
    }
  }
  return absl::OkStatus();
}

}  // namespace tocsin
