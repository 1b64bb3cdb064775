#include "tests/engine/shard_model.h"

#include <algorithm>
#include <set>
#include <span>

#include "base/limits.h"
#include "tests/engine/naive_router.h"

namespace tocsin::shard_test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

Severity SeverityOf(const AlertEvent& event) {
  if (event.severity != Severity::kUnknown) return event.severity;
  return ParseSeverity(Find(std::span<const Label>(event.labels), "severity"));
}

bool SameContent(const AlertEvent& a, const AlertEvent& b) {
  return a.severity == b.severity && a.dedup_key == b.dedup_key && a.labels == b.labels &&
         a.annotations == b.annotations && a.link == b.link;
}

bool MovedOn(const ShardModel::Alert& alert, const AlertEvent& event) {
  return alert.looked_ended && alert.starts_given && event.starts_at == alert.starts_at && alert.ends_at &&
         *event.ends_at > *alert.ends_at;
}

}  // namespace

std::string ModelKey(const AlertEvent& event, IntegrationIndex integration) {
  return std::to_string(integration) + (event.dedup_key.empty() ? Format(event.labels) : "key " + event.dedup_key);
}

std::int64_t ShardModel::TakenNs(const Now& now) const {
  return taken_ns_ + std::max<std::int64_t>(0, now.engine.ns() - engine_->ns());
}

std::int64_t ShardModel::SecondsAfter(const Now& now, absl::Duration distance) const {
  return (TakenNs(now) + absl::ToInt64Nanoseconds(distance) + kSecond - 1) / kSecond;
}

std::uint32_t ShardModel::Active(IntegrationIndex integration) const {
  return static_cast<std::uint32_t>(std::ranges::count_if(
      alerts_, [&](const auto& entry) { return entry.second.firing && entry.second.integration == integration; }));
}

std::uint32_t ShardModel::Kept(IntegrationIndex integration) const {
  return static_cast<std::uint32_t>(std::ranges::count_if(
      alerts_, [&](const auto& entry) { return !entry.second.firing && entry.second.integration == integration; }));
}

std::uint32_t ShardModel::Budget(IntegrationIndex integration) const {
  return rules_->organisation->integrations[integration].active_alerts;
}

absl::Duration ShardModel::Lease(IntegrationIndex integration) const {
  const Integration& declared = rules_->organisation->integrations[integration];
  if (declared.lease > absl::ZeroDuration()) return declared.lease;
  return declared.source == "prometheus" ? options_.default_lease : absl::InfiniteDuration();
}

SilenceId ShardModel::Judge(const Labels& labels) const {
  for (const Silence& silence : rules_->silences) {
    if (NaiveMatch(silence.matchers, labels)) return silence.id;
  }
  return SilenceId();
}

void ShardModel::SetRules(RulesPtr rules) {
  rules_ = std::move(rules);
  for (auto& [key, alert] : alerts_) {
    if (alert.firing) SetSilence(alert, Judge(alert.event.labels));
  }
  for (const auto& [integration, over] : std::map(over_))
    CheckBudget(integration);
}

// What began to fire under a silence is heard of when the silence ends, once.
void ShardModel::SetSilence(Alert& alert, SilenceId silence) {
  alert.silence = silence;
  if (silence.set() || alert.counted) return;
  for (const auto& group : alert.groups)
    ++groups_[group].fired_total;
  alert.counted = true;
}

void ShardModel::CheckBudget(IntegrationIndex integration) {
  if (Active(integration) * 10 <= Budget(integration) * 9) over_[integration] = false;
}

Outcome ShardModel::Apply(const AlertEvent& event, IntegrationIndex integration, const Now& now) {
  if (!engine_) {
    engine_ = now.engine;
    if (taken_ns_ == 0) taken_ns_ = now.engine.ns();
  }
  const std::string key = ModelKey(event, integration);
  const auto found = alerts_.find(key);
  Alert* alert = found == alerts_.end() ? nullptr : &found->second;
  if (alert != nullptr) {
    alert->last_seen_at = now.wall;
    ++alert->received;
  }
  switch (event.kind) {
    case EventKind::kTrigger: return Trigger(alert, key, event, integration, now);
    case EventKind::kAcknowledge:
      if (alert == nullptr || !alert->firing) return Outcome::kAlreadyResolved;
      alert->acknowledged = true;
      if (!alert->explicit_end && Lease(integration) != absl::InfiniteDuration()) {
        alert->until_s = std::max(*alert->until_s, SecondsAfter(now, Lease(integration)));
      }
      return Outcome::kAcknowledged;
    case EventKind::kResolve:
      if (alert == nullptr && Kept(integration) < Budget(integration)) {
        alerts_[key] = Heard(event, integration, now);
        alerts_[key].resolved_reason = "event";
      }
      if (alert == nullptr || !alert->firing) return Outcome::kAlreadyResolved;
      alert->ends_at = event.ends_at;
      alert->looked_ended = false;
      TakeLastWords(*alert, event);
      Resolve(*alert, "event", now);
      return Outcome::kResolved;
  }
  return Outcome::kRejected;
}

ShardModel::Alert ShardModel::Heard(const AlertEvent& event, IntegrationIndex integration, const Now& now) const {
  Alert alert;
  alert.event = event;
  alert.integration = integration;
  alert.severity = SeverityOf(event);
  alert.starts_given = event.starts_at.has_value();
  alert.starts_at = event.starts_at.value_or(now.wall);
  alert.ends_at = event.ends_at;
  alert.last_seen_at = alert.resolved_at = now.wall;
  alert.received = 1;
  alert.until_s = SecondsAfter(now, options_.keep_resolved);
  return alert;
}

Outcome ShardModel::Trigger(
    Alert* alert, const std::string& key, const AlertEvent& event, IntegrationIndex integration, const Now& now) {
  const bool ended = event.ends_at && *event.ends_at <= now.wall;
  if (alert != nullptr && alert->firing) {
    if (ended && !MovedOn(*alert, event)) {
      alert->ends_at = event.ends_at;
      alert->looked_ended = true;
      TakeLastWords(*alert, event);
      Resolve(*alert, "ends_at", now);
      return Outcome::kResolved;
    }
    Merge(*alert, event, now, ended);
    if (SameContent(alert->event, event)) return Outcome::kDuplicate;
    Take(*alert, event);
    return Outcome::kUpdated;
  }
  if (ended && (alert == nullptr || !MovedOn(*alert, event))) {
    if (alert == nullptr && Kept(integration) >= Budget(integration)) return Outcome::kAlreadyResolved;
    if (alert == nullptr) {
      alert = &(alerts_[key] = Heard(event, integration, now));
      alert->resolved_reason = "ends_at";
    }
    alert->looked_ended = true;
    alert->ends_at = event.ends_at;
    if (event.starts_at) {
      alert->starts_at = *event.starts_at;
      alert->starts_given = true;
    }
    return Outcome::kAlreadyResolved;
  }
  if (Active(integration) >= Budget(integration)) {
    over_[integration] = true;
    return Outcome::kRejected;
  }
  if (alert == nullptr) alert = &(alerts_[key] = Heard(event, integration, now));
  if (!SameContent(alert->event, event)) Take(*alert, event);
  return Fire(*alert, event, now, ended);
}

void ShardModel::TakeLastWords(Alert& alert, const AlertEvent& event) {
  if (event.annotations.empty() || !event.dedup_key.empty() || SameContent(alert.event, event)) return;
  Take(alert, event);
}

void ShardModel::Take(Alert& alert, const AlertEvent& event) {
  alert.event = event;
  alert.severity = SeverityOf(event);
  if (alert.firing && !event.dedup_key.empty()) SetSilence(alert, Judge(event.labels));
}

Outcome ShardModel::Fire(Alert& alert, const AlertEvent& event, const Now& now, bool ended) {
  const Outcome first = alert.fired ? Outcome::kRefired : Outcome::kNew;
  alert.firing = alert.fired = true;
  alert.acknowledged = alert.explicit_end = false;
  alert.fired_at = now.wall;
  alert.starts_given = event.starts_at.has_value();
  alert.starts_at = event.starts_at.value_or(now.wall);
  Merge(alert, event, now, ended);
  alert.silence = Judge(event.labels);
  alert.groups.clear();
  bool leads_somewhere = false;
  for (const Route* route : NaiveRoutes(rules_->organisation->route, event.labels)) {
    alert.groups.emplace_back(route->id.value(), Format(NaiveGroupLabels(*route, event.labels)));
    if (!alert.silence.set()) ++groups_[alert.groups.back()].fired_total;
    groups_[alert.groups.back()];
    leads_somewhere = leads_somewhere || route->policy.set() || route->receiver.set();
  }
  DropEmptyGroups();
  alert.counted = !alert.silence.set();
  if (alert.silence.set()) return Outcome::kSilenced;
  return leads_somewhere ? first : Outcome::kUnrouted;
}

void ShardModel::Merge(Alert& alert, const AlertEvent& event, const Now& now, bool ended) {
  if (event.starts_at && *event.starts_at != alert.starts_at) {
    const bool overlaps =
        *event.starts_at > alert.starts_at && (!alert.explicit_end || *event.starts_at < *alert.ends_at);
    if (!alert.starts_given || !overlaps) alert.starts_at = *event.starts_at;
    alert.starts_given = true;
  }
  const bool explicit_end = event.ends_at && !ended;
  const absl::Duration lease = explicit_end ? *event.ends_at - now.wall : Lease(alert.integration);
  std::optional<std::int64_t> until;
  if (lease != absl::InfiniteDuration()) until = SecondsAfter(now, lease);
  alert.looked_ended = ended;
  if (alert.explicit_end && !ended && until && *alert.until_s > *until) return;  // the later end stays
  alert.explicit_end = explicit_end;
  alert.until_s = until;
  alert.ends_at = event.ends_at;
}

void ShardModel::Resolve(Alert& alert, const std::string& reason, const Now& now) {
  const bool room = Kept(alert.integration) < Budget(alert.integration);
  if (!alert.silence.set()) {
    for (const auto& group : alert.groups)
      ++groups_[group].resolved_total;
  }
  alert.firing = alert.acknowledged = alert.explicit_end = false;
  alert.silence = SilenceId();
  alert.resolved_reason = reason;
  alert.resolved_at = now.wall;
  // The wheel looks at a tick that has begun no more: what is due at once is due at the next.
  alert.until_s = room ? SecondsAfter(now, options_.keep_resolved)
                       : std::max(SecondsAfter(now, absl::ZeroDuration()), taken_ns_ / kSecond + 1);
  CheckBudget(alert.integration);
}

void ShardModel::Work(const Now& now, EngineTime taken_in) {
  if (!engine_) {
    engine_ = now.engine;
    if (taken_ns_ == 0) taken_ns_ = now.engine.ns();
  }
  const absl::Duration passed = taken_in_ ? taken_in - *taken_in_ : now.engine - *engine_;
  taken_ns_ += std::max<std::int64_t>(0, absl::ToInt64Nanoseconds(passed));
  taken_in_ = taken_in;
  engine_ = now.engine;
  const std::int64_t tick = taken_ns_ / kSecond;
  std::set<std::string> due;
  for (const auto& [key, alert] : alerts_) {
    if (alert.until_s && *alert.until_s <= tick) due.insert(key);
  }
  for (const std::string& key : due) {
    Alert& alert = alerts_[key];
    if (alert.firing) {
      Resolve(alert, "expired", now);
    } else {
      alerts_.erase(key);
    }
  }
  DropEmptyGroups();
}

void ShardModel::DropEmptyGroups() {
  std::set<std::pair<std::string, std::string>> used;
  for (const auto& [key, alert] : alerts_)
    used.insert(alert.groups.begin(), alert.groups.end());
  std::erase_if(groups_, [&](const auto& entry) { return !used.contains(entry.first); });
}

void ShardModel::Crash() {
  taken_ns_ = sealed_ns_;
  engine_.reset();
  taken_in_.reset();
}

std::map<std::pair<std::string, std::string>, GroupReport> ShardModel::Reports() const {
  std::map<std::pair<std::string, std::string>, GroupReport> reports;
  std::map<std::pair<std::string, std::string>, Severity> held;
  for (const auto& [name, group] : groups_) {
    GroupReport& report = reports[name];
    report.fired_total = group.fired_total;
    report.resolved_total = group.resolved_total;
    for (const auto& [key, alert] : alerts_) {
      if (!alert.firing || std::ranges::find(alert.groups, name) == alert.groups.end()) continue;
      if (alert.silence.set()) {
        ++report.suppressed;
        held[name] = std::max(held[name], alert.severity);
        continue;
      }
      ++report.firing;
      if (alert.acknowledged) ++report.acknowledged;
      report.highest = std::max(report.highest, alert.severity);
    }
    if (report.firing == 0) report.highest = held[name];
  }
  return reports;
}

}  // namespace tocsin::shard_test
