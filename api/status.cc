#include "api/handlers.h"
#include "api/records.h"
#include "model/canary.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

bool Undelivered(const Notification& notification) {
  return notification.state == Notification::State::kPending || notification.state == Notification::State::kLeased ||
         notification.state == Notification::State::kHeld;
}

// Alerts, by what holds them back.
void CountHeldAlerts(const std::vector<ShardStatistics>& shards, const ResponderState& state, Counts& counts) {
  for (const ShardStatistics& shard : shards) {
    for (const auto& [hold, count] : shard.held) {
      const auto silence = state.silences.find(hold.silence());
      const bool maintenance = silence != state.silences.end() && silence->second.maintenance;
      const bool silenced = hold.kind() == Hold::Kind::kSilence;
      counts[maintenance ? "in maintenance" : silenced ? "silenced" : "inhibited"] += count;
    }
  }
}

}  // namespace

absl::Status GetStatus(Api& api, const Caller&, const v1::GetStatusRequest&, v1::GetStatusResponse& response) {
  const Engine::Statistics statistics = api.engine.ReadStatistics();
  response.set_version(api.version);
  response.set_store_id(api.engine.store().store_id());
  ToProto(api.engine.Read().wall, *response.mutable_now());
  response.set_journal_sequence(statistics.committed_sequence);
  std::uint64_t firing = 0;
  std::uint64_t suppressed = 0;
  for (const ShardStatistics& shard : statistics.shards) {
    firing += shard.firing;
    suppressed += shard.suppressed;
  }
  response.set_firing(firing);
  response.set_suppressed(suppressed);
  response.set_why_not_paging(api.engine.WhyNotPaging());
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    Counts held_alerts;
    Counts held_groups;
    CountHeldAlerts(statistics.shards, state, held_alerts);
    for (const GroupId id : state.open_groups)
      if (const std::string name = HoldNameOf(state.groups.at(id)); !name.empty()) ++held_groups[name];
    Add(held_alerts, *response.mutable_held_alerts());
    Add(held_groups, *response.mutable_held_groups());
    std::uint64_t open = 0;
    std::uint64_t acknowledged = 0;
    for (const auto& [id, group] : state.groups) {
      open += group.state == Group::State::kOpen ? 1U : 0U;
      acknowledged += group.state == Group::State::kAcknowledged ? 1U : 0U;
    }
    std::uint64_t incidents = 0;
    for (const auto& [id, incident] : state.incidents)
      incidents += incident.state != Incident::State::kResolved ? 1U : 0U;
    std::uint64_t undelivered = 0;
    for (const auto& [id, notification] : state.notifications)
      undelivered += Undelivered(notification) && !IsCanary(notification) ? 1U : 0U;
    response.set_open_groups(open);
    response.set_acknowledged_groups(acknowledged);
    response.set_open_incidents(incidents);
    response.set_undelivered_notifications(undelivered);
    if (state.organisation) {
      response.set_organisation(state.organisation->name);
    } else {
      response.set_why_not_paging("no organisation is declared: alerts are refused until `tocsin apply FILE...`");
    }
    response.set_rules_version(state.counters.rules.value());
  });
  return absl::OkStatus();
}

}  // namespace tocsin
