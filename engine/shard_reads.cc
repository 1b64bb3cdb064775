// What a shard tells: reports to the responder, and look-ups.
#include <algorithm>
#include <tuple>

#include "absl/strings/str_format.h"

#include "base/hash.h"
#include "engine/alertmanager_message.h"
#include "engine/shard_impl.h"

namespace tocsin {
namespace {

Labels Owned(std::span<const LabelView> views) {
  Labels labels(views.size());
  for (std::size_t i = 0; i < views.size(); ++i) {
    labels[i].name = views[i].name;
    labels[i].value = views[i].value;
  }
  return labels;
}

std::string_view Name(ResolvedBy by) {
  switch (by) {
    case ResolvedBy::kNone: return "";
    case ResolvedBy::kEvent: return "event";
    case ResolvedBy::kEndsAt: return "ends_at";
    case ResolvedBy::kExpired: return "expired";
    case ResolvedBy::kNoNews: return "no news";
  }
  return "";
}

// Which of two reports the responder should see first.
bool MoreUrgent(const GroupReport& a, const GroupReport& b) {
  return std::tuple(b.highest, a.oldest_start, a.key) < std::tuple(a.highest, b.oldest_start, b.key);
}

}  // namespace

IntegrationId Shard::Impl::NameOf(IntegrationIndex integration) const {
  return integration < doors_.all().size() ? doors_.all()[integration].id : IntegrationId();
}

AlertSummary Shard::Impl::SummaryOf(std::uint32_t slot, TextBuffer& buffer) const {
  const StoredAlert& alert = alerts_.at(slot);
  const TextView text = texts_.Read(alerts_.cold(slot).text(), buffer);
  AlertSummary summary;
  summary.key = alert.key;
  summary.integration = NameOf(alert.integration);
  summary.severity = alert.severity;
  summary.labels = Owned(text.labels);
  summary.annotations = Owned(text.annotations);
  summary.link = text.link;
  summary.fired_at = alert.fired ? absl::FromUnixMillis(alerts_.cold(slot).fired_at()) : absl::Time();
  summary.starts_at = absl::FromUnixMillis(alert.starts_at());
  summary.firing = alert.firing;
  return summary;
}

AlertRecord Shard::Impl::RecordOf(std::uint32_t slot) const {
  const StoredAlert& alert = alerts_.at(slot);
  const ConstAlertRef ref = alerts_.ref(slot);
  AlertRecord record;
  TextBuffer buffer;
  record.summary = SummaryOf(slot, buffer);
  record.acknowledged = alert.acknowledged;
  record.last_seen_at = absl::FromUnixMillis(alert.last_seen_at());
  record.received = alert.received;
  if (alert.firing) {
    record.lease_until = alert.until == StoredAlert::kNever ? EngineTime::Infinite() : clock_.EngineAt(alert.until);
  } else {
    record.resolved_at = absl::FromUnixMillis(ref.resolved_at());
    record.resolved_reason = Name(alert.resolved_by);
  }
  record.hold = ref.hold();
  record.rules = RulesVersion(ref.cold.rules);
  groups_.VisitGroups(slot, [&](std::uint32_t group) {
    record.groups.push_back(groups_.at(group).key);
    record.routes.emplace_back(texts_.Read(groups_.at(group).text, buffer).dedup_key);
  });
  const std::span<const LabelView> labels = LabelsOf(slot, buffer);
  record.fingerprint = Fingerprint(labels);
  record.held_by = WordsFor(record.hold, labels);
  return record;
}

// The route when its receiver is told of each alert (engine/responder_receivers.h), else null.
const tocsin::Route* Shard::Impl::TellsOfEach(const RouteId& id) const {
  if (rules_ == nullptr || rules_->organisation == nullptr) return nullptr;
  const Organisation& organisation = *rules_->organisation;
  if (std::ranges::none_of(organisation.receivers, &Receiver::drop_resolved_when_held)) return nullptr;
  const tocsin::Route* route = organisation.Find(id);
  const Receiver* receiver = route != nullptr && route->receiver.set() ? organisation.Find(route->receiver) : nullptr;
  return receiver != nullptr && receiver->drop_resolved_when_held ? route : nullptr;
}

// All that fires and is not held back, then what has ended lately and would not be held back; of that `fired_at` says when.
void Shard::Impl::ListMembers(std::uint32_t number, absl::Duration lately, std::vector<AlertSummary>& members) const {
  members.clear();
  TextBuffer buffer;
  for (std::size_t severity = kSeverities; severity-- > 0;) {
    groups_.VisitList(number, severity, [&](std::uint32_t slot) {
      if (members.size() == kMembersTold) return false;
      members.push_back(SummaryOf(slot, buffer));
      return true;
    });
  }
  const std::int64_t since = wall_ms_ - absl::ToInt64Milliseconds(lately);
  const std::uint32_t ended = groups_.at(number).lists[kResolvedList].count;
  std::size_t early = ended > kMembersTold ? ended - kMembersTold : 0;  // the list is in the order of their ends
  groups_.VisitList(number, kResolvedList, [&](std::uint32_t slot) {
    const StoredAlert& alert = alerts_.at(slot);
    if (early > 0) {
      --early;
      return true;
    }
    const std::int64_t resolved_at = alerts_.ref(slot).resolved_at();
    if (resolved_at < since || HoldFor(Hold(), LabelsOf(slot, buffer)).set()) return true;
    const bool said = alert.ends_at() != kNoTime && alert.ends_at() <= resolved_at;
    members.push_back(SummaryOf(slot, buffer));
    members.back().fired_at = absl::FromUnixMillis(said ? alert.ends_at() : resolved_at);
    return true;
  });
}

GroupReport Shard::Impl::ReportOf(std::uint32_t number) const {
  const StoredGroup& group = groups_.at(number);
  TextBuffer buffer;
  const TextView text = texts_.Read(group.text, buffer);
  GroupReport report;
  report.key = group.key;
  report.shard = options_.index;
  report.route = RouteId(text.dedup_key);
  report.labels = Owned(text.labels);
  report.firing = group.firing();
  report.suppressed = group.lists[kSuppressedList].count;
  report.acknowledged = group.acknowledged;
  report.fired_total = group.fired_total;
  report.resolved_total = group.resolved_total;
  report.highest = report.firing > 0 ? group.highest() : group.highest_suppressed();
  const std::uint32_t held = groups_.HeadOf(number, kSuppressedList);
  if (held != kNoSlot) {
    TextBuffer held_buffer;
    report.hold = alerts_.ref(held).hold();
    report.held_by = WhyHeld(report.hold, LabelsOf(held, held_buffer));
  }
  const std::uint32_t ended = groups_.TailOf(number, kResolvedList);
  if (ended != kNoSlot) report.last_end = Name(alerts_.at(ended).resolved_by);
  if (const GroupWatch* watch = watches_.Find(number)) {
    report.counted = watch->rule.threshold.count > 0;
    report.events = watch->events;
    report.values.assign(watch->values.begin(), watch->values.end());
  }

  std::uint32_t oldest = kNoSlot;
  report.exemplars.reserve(std::min<std::size_t>(report.firing, limits::kExemplarsPerGroup));
  for (std::size_t severity = kSeverities; severity-- > 0;) {
    const std::uint32_t head = groups_.HeadOf(number, severity);
    if (head == kNoSlot) continue;
    if (oldest == kNoSlot || alerts_.cold(head).fired_at() < alerts_.cold(oldest).fired_at()) oldest = head;
    if (report.exemplars.size() == limits::kExemplarsPerGroup) continue;
    groups_.VisitList(number, severity, [&](std::uint32_t slot) {
      report.exemplars.push_back(SummaryOf(slot, buffer));
      return report.exemplars.size() < limits::kExemplarsPerGroup;
    });
  }
  if (const tocsin::Route* route = TellsOfEach(report.route)) {
    ListMembers(number, 2 * route->group_interval, report.exemplars);
  }
  if (oldest != kNoSlot) {
    const std::int64_t fired_at = alerts_.cold(oldest).fired_at();
    report.oldest_start = absl::FromUnixMillis(std::min(fired_at, alerts_.at(oldest).starts_at()));
  }
  return report;
}

GroupReport Shard::Impl::OverflowReportOf(const Door& door) const {
  GroupReport report;
  report.key = door.overflow_group;
  report.shard = options_.index;
  report.route = door.overflow_route;
  report.labels = {
      {"alertname",   std::string(kOverBudgetAlert)},
      {"integration", door.id.value()              }
  };
  report.fired_total = door.times_over;
  report.resolved_total = door.times_over - (door.over ? 1 : 0);
  if (!door.over) return report;
  report.firing = 1;
  report.highest = Severity::kCritical;
  report.oldest_start = absl::FromUnixMillis(door.over_since);
  AlertSummary alert;
  alert.key = HashTo128(door.id.value(), door.overflow_group.value());
  alert.integration = door.id;
  alert.severity = Severity::kCritical;
  alert.labels = report.labels;
  alert.annotations = {
      {"summary", absl::StrFormat("integration %s is over its budget of active alerts: new alerts are rejected",
       door.id.value())}
  };
  alert.fired_at = alert.starts_at = report.oldest_start;
  report.exemplars.push_back(std::move(alert));
  return report;
}

void Shard::Impl::TakeReports(std::vector<GroupReport>& out, Reports which) {
  Settle();
  const std::size_t first = out.size();
  std::erase_if(groups_.changed(), [&](std::uint32_t number) {
    StoredGroup& group = groups_.at(number);
    if (group.key.set()) {
      if (which == Reports::kUrgent && !group.urgent()) return false;
      out.push_back(ReportOf(number));
      group.reported_firing = out.back().firing > 0;
      if (out.back().firing + out.back().suppressed == 0) watches_.ForgetValues(number);
      group.reported_highest = group.highest();
      group.unexplained = out.back().suppressed > 0 && out.back().held_by.empty();
    }
    group.changed = false;
    return true;
  });
  for (Door& door : doors_.all()) {
    if (door.changed) out.push_back(OverflowReportOf(door));
    door.changed = false;
  }
  std::sort(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(), MoreUrgent);
}

void Shard::Impl::ReportAll() {
  Settle();
  for (std::uint32_t group = 0; group < groups_.end(); ++group) {
    if (groups_.Has(group)) groups_.MarkChanged(group);
  }
  for (Door& door : doors_.all())
    door.changed = door.times_over > 0;
}

std::optional<AlertRecord> Shard::Impl::Find(const AlertKey& key) const {
  const std::uint32_t slot = alerts_.Find(key);
  if (slot == kNoSlot) return std::nullopt;
  return RecordOf(slot);
}

std::vector<AlertRecord> Shard::Impl::ListGroup(GroupKey key, std::size_t limit) const {
  std::vector<AlertRecord> records;
  const std::uint32_t group = groups_.Find(key);
  if (group == kNoSlot || limit == 0) return records;
  const auto add = [&](std::size_t list) {
    if (records.size() == limit) return;
    groups_.VisitList(group, list, [&](std::uint32_t slot) {
      records.push_back(RecordOf(slot));
      return records.size() < limit;
    });
  };
  for (std::size_t severity = kSeverities; severity-- > 0;)
    add(severity);
  add(kSuppressedList);
  add(kResolvedList);
  return records;
}

ShardStatistics Shard::Impl::Statistics() const {
  ShardStatistics statistics;
  statistics.firing = firing_;
  statistics.suppressed = suppressed_;
  statistics.resolved_kept = kept_;
  statistics.groups = groups_.size();
  statistics.interned_strings = texts_.interned();
  statistics.table_bytes = texts_.bytes() + alerts_.bytes() + groups_.bytes() + watches_.bytes() + wheel_.bytes() +
                           doors_.bytes() + (routed_ ? routed_->bytes() : 0);
  std::ranges::copy(outcomes_, statistics.outcomes);
  for (const auto& [hold, count] : held_)
    statistics.held.emplace_back(Hold::FromJournal(hold), count);
  return statistics;
}

}  // namespace tocsin
