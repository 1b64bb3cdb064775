// What a shard does to alerts: the transitions between firing, resolved and forgotten, and the work that time and new rules
// cause.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "engine/shard_impl.h"

namespace tocsin {

void Shard::Impl::CountStanding(std::uint32_t slot, std::int32_t by) {
  const StoredAlert& alert = alerts_.at(slot);
  const Hold hold = alerts_.ref(slot).hold();
  const auto add = [by](auto& count) { count += static_cast<std::decay_t<decltype(count)>>(by); };
  Door& door = doors_.at(alert.integration);
  if (!alert.firing) {
    add(kept_);
    add(door.kept);
    return;
  }
  add(hold.set() ? suppressed_ : firing_);
  if (hold.set()) {
    const auto held = held_.try_emplace(hold.value()).first;
    add(held->second);
    if (held->second == 0) held_.erase(held);
  }
  add(door.active);
  if (groups_.IsInNone(slot)) add(unrouted_);
}

// Each group is a report, a row and perhaps a page: a route that tears a storm into a group for each alert would bury the
// responder, and the people.
std::uint32_t Shard::Impl::OverflowGroupOf(const Router::Node& node) {
  const LabelView labels[] = {
      {"alertname", kTooManyGroupsAlert},
      {"route",     node.id.value()    }
  };
  const GroupKey key = router_->KeyOf(node, labels, Router::Kind::kOwn);
  const std::uint32_t group = groups_.Find(key);
  if (group != kNoSlot) return group;
  return groups_.Create(key, texts_.Store({labels, {}, node.id.value(), {}}, TextStore::Sighting::kFirst).ref);
}

bool Shard::Impl::Route(std::uint32_t slot, std::span<const LabelView> labels, NameSets::Set names) {
  StoredAlert& alert = alerts_.at(slot);
  bool leads_somewhere = false;
  alert.watched = false;
  const std::span<RouteMemory::Target> targets =
      routed_ ? routed_->Find(labels, names, texts_) : std::span<RouteMemory::Target>();
  for (RouteMemory::Target& target : targets) {
    const Router::Node& node = router_->node(target.node);
    leads_somewhere = leads_somewhere || node.leads_somewhere;
    std::uint32_t group = groups_.Find(target.group, target.number);
    if (group == kNoSlot && groups_.size() >= options_.max_groups) {
      group = OverflowGroupOf(node);
    } else if (group == kNoSlot) {
      const TextView text{router_->GroupLabels(node, labels, group_labels_), {}, node.id.value(), {}};
      group = groups_.Create(target.group, texts_.Store(text, TextStore::Sighting::kFirst).ref);
      watches_.Begin(group, node.watch);
    }
    target.number = group;
    groups_.Join(slot, group);
    if (watches_.empty() || watches_.Find(group) == nullptr) continue;
    alert.watched = true;
    watches_.AddValues(group, labels);
  }
  alerts_.ref(slot).set_order(++order_);
  groups_.Link(slot);
  if (alerts_.ref(slot).suppressed()) return leads_somewhere;
  groups_.CountFired(slot);
  alert.counted = true;
  return leads_somewhere;
}

void Shard::Impl::Resolve(std::uint32_t slot, ResolvedBy by, const Instant& at) {
  DropSource(slot);
  StoredAlert& alert = alerts_.at(slot);
  const AlertRef ref = alerts_.ref(slot);
  CountStanding(slot, -1);
  groups_.Unlink(slot);
  if (!ref.suppressed()) groups_.CountResolved(slot);
  alert.firing = false;
  alert.acknowledged = false;
  alert.explicit_end = false;
  alert.counted = false;
  alert.resolved_by = by;
  ref.set_resolved_at(at.wall_ms);
  ref.set_order(++order_);
  groups_.Link(slot);
  Door& door = doors_.at(alert.integration);
  // Resolved alerts have the same budget as active ones; past it they are forgotten at once.
  const absl::Duration keep = door.kept < door.budget ? options_.keep_resolved : absl::ZeroDuration();
  alert.until = clock_.TickAfter(at.now, absl::ToInt64Nanoseconds(keep));
  CountStanding(slot, +1);
  alerts_.Mark(slot, Unsealed::kState);
  Arm(slot);
  CheckBudget(door);
}

void Shard::Impl::Forget(std::uint32_t slot) {
  CountStanding(slot, -1);
  groups_.Unlink(slot);
  groups_.EndMemberships(groups_.TakeMemberships(slot));
  texts_.Drop(alerts_.cold(slot).text());
  alerts_.Remove(slot);
}

void Shard::Impl::Restand(std::uint32_t slot, Severity severity, Hold hold) {
  StoredAlert& alert = alerts_.at(slot);
  const AlertRef ref = alerts_.ref(slot);
  const Hold before = ref.hold();
  if (alert.severity == severity && before == hold) return;
  if (before != hold) ref.cold.rules = rules_version();
  CountStanding(slot, -1);
  if (ListOf(alert.firing, severity, hold.set()) == ListOf(alert.firing, alert.severity, before.set())) {
    groups_.SetSeverity(slot, severity);
    ref.set_hold(hold);
  } else {
    groups_.Unlink(slot);
    alert.severity = severity;
    ref.set_hold(hold);
    ref.set_order(++order_);
    groups_.Link(slot);
  }
  CountStanding(slot, +1);
  // It began to fire while it was held back, and is heard of only now.
  if (!hold.set() && !alert.counted) {
    groups_.CountFired(slot);
    alert.counted = true;
  }
  groups_.MarkGroupsChanged(slot);
  alerts_.Mark(slot, Unsealed::kState);
}

void Shard::Impl::CheckBudget(Door& door) {
  if (!door.over || std::uint64_t{door.active} * 10 > std::uint64_t{door.budget} * 9) return;
  door.over = false;
  door.unsealed = doors_unsealed_ = door.changed = true;
}

void Shard::Impl::SetRules(RulesPtr rules, std::vector<IntegrationId> integrations, const Now& now) {
  Settle();
  clock_.Begin(now);
  const OrganisationPtr before = rules_ == nullptr ? nullptr : rules_->organisation;
  const std::shared_ptr<const InhibitionState> inhibition_before = rules_ == nullptr ? nullptr : rules_->inhibition;
  const bool same_silences = rules_ != nullptr && rules != nullptr && rules_->silences == rules->silences;
  rules_ = std::move(rules);
  const OrganisationPtr organisation = rules_ == nullptr ? nullptr : rules_->organisation;
  if (organisation == nullptr) {
    routed_.reset();
    router_.reset();
  } else if (organisation != before) {
    router_.emplace(organisation->route, options_.key_seed);
    routed_.emplace(*router_, options_.key_seed);
    if (router_->watches() || !watches_.empty()) WatchGroups();
  }
  if (organisation != before) SetInhibitions(organisation);
  // Which reports list all of their alerts may be otherwise now; before there were rules none did.
  const auto tells_of_each = [](const OrganisationPtr& of) {
    return of != nullptr && std::ranges::any_of(of->receivers, &Receiver::drop_resolved_when_held);
  };
  if (organisation != before && (tells_of_each(before) || tells_of_each(organisation))) ReportAll();
  const Organisation none;
  doors_.SetRules(organisation == nullptr ? none : *organisation, integrations);
  for (Door& door : doors_.all())
    CheckBudget(door);

  if (!same_silences) suppressor_ = rules_ == nullptr ? Suppressor() : Suppressor(rules_->silences, suppressor_);
  const bool silences_matter = !same_silences && (suppressed_ > 0 || !suppressor_.empty());
  // The scan goes on from where an earlier one stands and comes round, so that frequent changes starve no slot.
  if (silences_matter || unrouted_ > 0) scan_.all_left = alerts_.end();
  const bool sources_matter = rules_ != nullptr && rules_->inhibition != inhibition_before && !inhibitions_.empty();
  scan_.left = std::max({scan_.left, scan_.all_left, sources_matter ? alerts_.end() : 0});
  if (suppressed_ > 0) ExplainHolds();
}

void Shard::Impl::WatchGroups() {
  std::unordered_map<std::string_view, const WatchRule*> rules;
  for (const Router::Node& node : router_->nodes())
    rules.try_emplace(node.id.value(), &node.watch);
  const WatchRule none;
  for (std::uint32_t group = 0; group < groups_.end(); ++group) {
    if (!groups_.Has(group)) continue;
    TextBuffer buffer;
    const auto found = rules.find(texts_.Read(groups_.at(group).text, buffer).dedup_key);
    if (watches_.Change(group, found == rules.end() ? none : *found->second)) groups_.MarkChanged(group);
  }
  scan_.all_left = alerts_.end();  // marks the alerts
}

void Shard::Impl::WatchAlert(std::uint32_t slot, std::span<const LabelView> labels, const Instant& at) {
  StoredAlert& alert = alerts_.at(slot);
  alert.watched = false;
  groups_.VisitGroups(slot, [&](std::uint32_t group) {
    if (watches_.Find(group) == nullptr) return;
    alert.watched = true;
    watches_.AddValues(group, labels);
  });
  if (alert.watched) CloseWithoutNews(slot, AutoCloseOf(slot), at);
}

std::int64_t Shard::Impl::AutoCloseOf(std::uint32_t slot) const {
  std::int64_t shortest = 0;
  groups_.VisitGroups(slot, [&](std::uint32_t group) {
    const GroupWatch* watch = watches_.Find(group);
    const std::int64_t after = watch == nullptr ? 0 : watch->rule.auto_close_ns;
    if (after > 0 && (shortest == 0 || after < shortest)) shortest = after;
  });
  return shortest;
}

void Shard::Impl::CloseWithoutNews(std::uint32_t slot, std::int64_t after_ns, const Instant& at) {
  if (after_ns == 0) return;
  StoredAlert& alert = alerts_.at(slot);
  const std::uint32_t until = clock_.TickAfter(at.now, after_ns);
  if (until >= alert.until) return;
  alert.until = until;
  alerts_.Mark(slot, Unsealed::kTouch);
  Arm(slot);
}

// Why its time is over: its lease or its sender's word, or its route's, where that is the shorter.
ResolvedBy Shard::Impl::EndOf(std::uint32_t slot, const Instant& at) {
  const StoredAlert& alert = alerts_.at(slot);
  const std::int64_t after = watches_.empty() ? 0 : AutoCloseOf(slot);  // marks may not have been made since the start
  if (after == 0) return ResolvedBy::kExpired;
  if (alert.explicit_end) return alert.ends_at() > at.wall_ms ? ResolvedBy::kNoNews : ResolvedBy::kExpired;
  const std::int64_t lease = doors_.at(alert.integration).lease_ns;
  return lease > 0 && lease <= after ? ResolvedBy::kExpired : ResolvedBy::kNoNews;
}

bool Shard::Impl::JudgeAgain(const Instant& at, std::size_t& budget) {
  // Thousands of silences that only a regular expression tells apart make one alert as dear as hundreds: new alerts wait
  // for a slice to end, so it is measured in work and not in alerts.
  constexpr std::size_t kMatchersAnAlert = 16;
  const std::size_t price = 1 + suppressor_.unindexed() / kMatchersAnAlert;
  // Where only sources of inhibition have changed, all but their targets are passed over.
  constexpr std::uint32_t kPassedOverAnAlert = 16;
  for (; scan_.left > 0 && budget > 0; scan_.Passed()) {
    if (scan_.next >= alerts_.end()) scan_.next = 0;
    const std::uint32_t slot = scan_.next++;
    const bool due =
        alerts_.IsLive(slot) && alerts_.at(slot).firing &&
        (scan_.all_left > 0 || alerts_.at(slot).inhibition_epoch != inhibition_epoch_ || alerts_.at(slot).is_target);
    if (due || scan_.left % kPassedOverAnAlert == 0) budget -= std::min(budget, due ? price : 1);
    if (!due) continue;
    StoredAlert& alert = alerts_.at(slot);
    TextBuffer buffer;
    const std::span<const LabelView> labels = LabelsOf(slot, buffer);
    CountSource(slot, labels);
    Restand(slot, alert.severity, HoldFor(alerts_.ref(slot).hold(), labels));
    if (alert.watched || !watches_.empty()) WatchAlert(slot, labels, at);
    if (groups_.IsInNone(slot) && router_) {
      CountStanding(slot, -1);
      Route(slot, labels);
      CountStanding(slot, +1);
      alerts_.Mark(slot, Unsealed::kAll);
    }
  }
  if (scan_.uncounted_left == 0 && !inhibitions_.empty()) sources_.CountedAll();
  return scan_.left == 0;
}

void Shard::Impl::ComeDue(std::uint32_t slot, const Instant& at) {
  if (!alerts_.IsLive(slot)) return;
  StoredAlert& alert = alerts_.at(slot);
  if (alert.wheel_tick == 0 || alert.wheel_tick > wheel_.now()) return;  // a stale entry
  alert.wheel_tick = 0;
  if (alert.until > clock_.tick()) {
    Arm(slot);
  } else if (alert.firing) {
    Resolve(slot, EndOf(slot, at), at);
  } else {
    Forget(slot);
  }
}

bool Shard::Impl::Work(const Now& now, EngineTime taken_in, std::size_t budget) {
  Settle();
  clock_.Begin(now);
  clock_.Observe(now, taken_in);
  const Instant at(now);
  wall_ms_ = at.wall_ms;
  const bool reached = wheel_.Advance(
      clock_.tick(), budget,
      [this](std::uint32_t slot) { return alerts_.IsLive(slot) ? alerts_.at(slot).wheel_tick : 0; },
      [&](std::uint32_t slot) { ComeDue(slot, at); });
  return !JudgeAgain(at, budget) || !reached;
}

EngineTime Shard::Impl::NextExpiry() const {
  if (scan_.left > 0) return EngineTime();  // long ago: alerts are judged again while leases stand still, too
  const std::uint32_t tick = wheel_.Next();
  return tick == LeaseWheel::kNever ? EngineTime::Infinite() : clock_.ShellAt(tick);
}

}  // namespace tocsin
