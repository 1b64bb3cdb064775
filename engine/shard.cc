#include "engine/shard.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "engine/shard_impl.h"

namespace tocsin {
namespace {

Severity SeverityOf(const EventHeader& header, std::span<const LabelView> labels, std::size_t& at) {
  constexpr std::string_view kName = "severity";
  if (header.severity != Severity::kUnknown) return header.severity;
  // It mostly stands where it stood last.
  if (at < labels.size() && SameString(labels[at].name, kName)) return ParseSeverity(labels[at].value);
  const auto found = std::ranges::find_if(labels, [](const LabelView& label) { return SameString(label.name, kName); });
  if (found == labels.end()) return Severity::kUnknown;
  at = static_cast<std::size_t>(found - labels.begin());
  return ParseSeverity(found->value);
}

// A repeat of an alert that had looked ended: the same start, a later end. A resolved alert that is sent again keeps its
// endsAt; a firing one's moves on, however wrong its sender's clock.
bool HasMovedOn(const StoredAlert& alert, const EventHeader& header) {
  return alert.looked_ended && alert.starts_given && HasStart(header) &&
         FloorMs(header.starts_at_ns) == alert.starts_at() && FloorMs(header.ends_at_ns) > alert.ends_at();
}

}  // namespace

Shard::Impl::Impl(Options options)
    : options_(options),
      texts_(options.max_interned, options.key_seed, &arena_),
      alerts_(&arena_),
      groups_(texts_, alerts_),
      doors_(options.default_lease, options.shard_count) {}

Outcome Shard::Impl::Apply(EventView event, const Now& now) {
  Settle();
  clock_.Begin(now);
  const Instant at(now);
  wall_ms_ = at.wall_ms;
  return ApplyAt(event, kNoSlot, at);
}

Outcome Shard::Impl::ApplyAt(EventView event, std::uint32_t guess, const Instant& at) {
  Outcome outcome = Outcome::kRejected;
  switch (event.header().kind) {
    case EventKind::kTrigger: outcome = Trigger(event, guess, at); break;
    case EventKind::kAcknowledge: outcome = Acknowledge(event, at); break;
    case EventKind::kResolve: outcome = ResolveEvent(event, at); break;
  }
  ++outcomes_[static_cast<std::size_t>(outcome)];
  return outcome;
}

NamedText Shard::Impl::DecodeNamed(EventView event) {
  NamedText text{Decode(event), {}};
  const EventHeader& header = event.header();
  text.names = name_sets_.Of(text, reinterpret_cast<const char*>(&header) + header.size);
  return text;
}

Outcome Shard::Impl::Trigger(EventView event, std::uint32_t guess, const Instant& at) {
  const EventHeader& header = event.header();
  const bool ended = HasEnd(header) && header.ends_at_ns <= at.wall_ns;
  const std::uint32_t slot = alerts_.Find(header.key, header.integration, guess);
  if (slot == kNoSlot) return First(event, at, ended);
  Seen(alerts_.at(slot), at);
  return alerts_.at(slot).firing ? Renew(slot, event, at, ended) : Again(slot, event, at, ended);
}

Outcome Shard::Impl::First(EventView event, const Instant& at, bool ended) {
  Door& door = doors_.at(event.header().integration);
  if (ended) {
    if (door.kept >= door.budget) return Outcome::kAlreadyResolved;
    const std::uint32_t slot = Create(event, DecodeNamed(event), at);
    if (slot == kNoSlot) return Outcome::kAlreadyResolved;
    StoredAlert& alert = alerts_.at(slot);
    alert.resolved_by = ResolvedBy::kEndsAt;
    alert.looked_ended = true;
    CountStanding(slot, +1);
    Arm(slot);
    return Outcome::kAlreadyResolved;
  }
  if (door.active >= door.budget) return Reject(door, at);
  const NamedText text = DecodeNamed(event);
  const std::uint32_t slot = Create(event, text, at);
  if (slot == kNoSlot) return Reject(door, at);
  return Fire(slot, event.header(), text, at, ended, /*is_new=*/true);
}

// A trigger for an alert that is firing.
Outcome Shard::Impl::Renew(std::uint32_t slot, EventView event, const Instant& at, bool ended) {
  StoredAlert& alert = alerts_.at(slot);
  if (ended && !HasMovedOn(alert, event.header())) {
    alert.set_ends_at(FloorMs(event.header().ends_at_ns));
    alert.looked_ended = true;
    TakeLastWords(slot, event);
    Resolve(slot, ResolvedBy::kEndsAt, at);
    return Outcome::kResolved;
  }
  const std::uint64_t content = event.header().content;
  const bool changed = content != alert.content;
  if (changed) alerts_.Mark(slot, Unsealed::kAll);  // first, so that it does not stand among the touched ones as well
  MergeTimes(slot, event.header(), at, ended);
  if (alert.watched || marks_wait()) News(slot, at);
  if (!changed) return Outcome::kDuplicate;
  alert.content = content;
  Update(slot, event.header(), Decode(event));
  return Outcome::kUpdated;
}

// What the last event of an alert says of it is what its end is told with. Not where a key says which alert it is: such senders
// often say less of an end, and the labels would go.
void Shard::Impl::TakeLastWords(std::uint32_t slot, EventView event) {
  if (event.header().annotation_count == 0 || event.header().dedup_key_bytes > 0) return;
  StoredAlert& alert = alerts_.at(slot);
  const std::uint64_t content = event.header().content;
  if (content == alert.content) return;
  alert.content = content;
  Update(slot, event.header(), Decode(event));
}

// A trigger for an alert that is not firing.
Outcome Shard::Impl::Again(std::uint32_t slot, EventView event, const Instant& at, bool ended) {
  StoredAlert& alert = alerts_.at(slot);
  const EventHeader& header = event.header();
  if (ended && !HasMovedOn(alert, header)) {
    alert.looked_ended = true;
    alert.set_ends_at(FloorMs(header.ends_at_ns));
    if (HasStart(header)) {
      alert.set_starts_at(FloorMs(header.starts_at_ns));
      alert.starts_given = true;
    }
    alerts_.Mark(slot, Unsealed::kState);
    return Outcome::kAlreadyResolved;
  }
  Door& door = doors_.at(alert.integration);
  if (door.active >= door.budget) {
    alerts_.Mark(slot, Unsealed::kTouch);
    return Reject(door, at);
  }
  const TextView text = Decode(event);
  const std::uint64_t content = event.header().content;
  if (content != alert.content) {
    alert.content = content;
    Update(slot, header, text);
  }
  return Fire(slot, header, {text, {}}, at, ended, /*is_new=*/false);
}

// A slot for an alert that is new, with its text; not firing as yet, and to be forgotten in time once it is armed. The caller counts it.
std::uint32_t Shard::Impl::Create(EventView event, const NamedText& text, const Instant& at) {
  const EventHeader& header = event.header();
  const std::uint32_t slot = alerts_.Add(header.key);
  if (slot == kNoSlot) return kNoSlot;
  StoredAlert& alert = alerts_.at(slot);
  alert.integration = header.integration;
  alert.content = event.header().content;
  alert.severity = SeverityOf(header, text.labels, severity_at_);
  StoreText(slot, text, TextStore::Sighting::kFirst);
  alert.starts_given = HasStart(header);
  alert.set_starts_at(alert.starts_given ? FloorMs(header.starts_at_ns) : at.wall_ms);
  if (HasEnd(header)) alert.set_ends_at(FloorMs(header.ends_at_ns));
  alerts_.ref(slot).set_resolved_at(at.wall_ms);
  alert.until = clock_.TickAfter(at.now, absl::ToInt64Nanoseconds(options_.keep_resolved));
  alerts_.ref(slot).set_order(++order_);
  Seen(alert, at);
  alerts_.Mark(slot, Unsealed::kAll);
  return slot;
}

Outcome Shard::Impl::Fire(
    std::uint32_t slot, const EventHeader& header, const NamedText& text, const Instant& at, bool ended, bool is_new) {
  StoredAlert& alert = alerts_.at(slot);
  const AlertRef ref = alerts_.ref(slot);
  const Outcome first = alert.fired ? Outcome::kRefired : Outcome::kNew;
  std::optional<std::uint32_t> old_memberships;
  if (!is_new) {
    groups_.Unlink(slot);
    old_memberships = groups_.TakeMemberships(slot);
    CountStanding(slot, -1);
  }

  alert.firing = true;
  alert.counted = false;
  ref.set_hold(Hold());
  alert.fired = true;
  alert.acknowledged = false;
  ref.cold.set_fired_at(at.wall_ms);
  alert.resolved_by = ResolvedBy::kNone;
  alert.starts_given = HasStart(header);
  alert.set_starts_at(alert.starts_given ? FloorMs(header.starts_at_ns) : at.wall_ms);
  alert.explicit_end = false;
  alert.until = 0;
  MergeTimes(slot, header, at, ended);

  CountSource(slot, text.labels);
  ref.set_hold(HoldFor(Hold(), text.labels));
  ref.cold.rules = rules_version();
  const bool leads_somewhere = Route(slot, text.labels, text.names);
  if (alert.watched) News(slot, at);
  if (old_memberships)
    groups_.EndMemberships(*old_memberships);  // last, so that a group that it comes back to goes on with its totals
  CountStanding(slot, +1);
  alerts_.Mark(slot, Unsealed::kAll);
  if (ref.suppressed()) return Outcome::kSilenced;
  return leads_somewhere ? first : Outcome::kUnrouted;
}

// New content for an alert that is there. Its groups stay; with a dedup key its labels may have changed, so that it is
// asked again what holds it back.
void Shard::Impl::Update(std::uint32_t slot, const EventHeader& header, const TextView& text) {
  StoredAlert& alert = alerts_.at(slot);
  const TextRef old = alerts_.cold(slot).text();
  const bool relabelled = alert.firing && !text.dedup_key.empty();
  if (relabelled) DropSource(slot);
  if (text.dedup_key.empty()) {  // its labels are its key
    alerts_.cold(slot).set_text(texts_.Replace(old, text));
  } else {
    StoreText(slot, {text, {}}, TextStore::Sighting::kAgain);
    texts_.Drop(old);
  }
  const Severity severity = SeverityOf(header, text.labels, severity_at_);
  if (alert.firing) {
    if (relabelled) CountSource(slot, text.labels);
    const Hold present = alerts_.ref(slot).hold();
    Restand(slot, severity, relabelled ? HoldFor(present, text.labels) : present);
  } else {
    alert.severity = severity;
  }
  groups_.MarkGroupsChanged(slot);
  alerts_.Mark(slot, Unsealed::kAll);
}

void Shard::Impl::StoreText(std::uint32_t slot, const NamedText& text, TextStore::Sighting sighting) {
  const TextStore::Stored stored = texts_.Store(text, sighting, text.names);
  alerts_.cold(slot).set_text(stored.ref);
  alerts_.SetSignature(slot, stored.signature);
}

Outcome Shard::Impl::Reject(Door& door, const Instant& at) {
  if (!door.over && router_) {
    door.over = true;
    ++door.times_over;
    door.over_since = at.wall_ms;
    door.overflow_route = router_->root().id;
    const LabelView labels[] = {
        {"alertname",   kOverBudgetAlert},
        {"integration", door.id.value() }
    };
    door.overflow_group = router_->KeyOf(router_->root(), labels, Router::Kind::kOwn);
    door.unsealed = doors_unsealed_ = door.changed = true;
  }
  return Outcome::kRejected;
}

Outcome Shard::Impl::Acknowledge(EventView event, const Instant& at) {
  const std::uint32_t slot = alerts_.Find(event.header().key, event.header().integration);
  if (slot == kNoSlot) return Outcome::kAlreadyResolved;
  StoredAlert& alert = alerts_.at(slot);
  Seen(alert, at);
  alerts_.Mark(slot, Unsealed::kState);
  if (!alert.firing) return Outcome::kAlreadyResolved;
  if (!alert.acknowledged) groups_.SetAcknowledged(slot);
  const Door& door = doors_.at(alert.integration);
  if (!alert.explicit_end && door.lease_ns > 0) {
    alert.until = std::max(alert.until, clock_.TickAfter(at.now, door.lease_ns));
    Arm(slot);
  }
  return Outcome::kAcknowledged;
}

Outcome Shard::Impl::ResolveEvent(EventView event, const Instant& at) {
  const EventHeader& header = event.header();
  std::uint32_t slot = alerts_.Find(header.key, header.integration);
  if (slot == kNoSlot) {  // it may overtake its trigger: the fact is kept, and changes nothing
    const Door& door = doors_.at(header.integration);
    slot = door.kept < door.budget ? Create(event, DecodeNamed(event), at) : kNoSlot;
    if (slot == kNoSlot) return Outcome::kAlreadyResolved;
    alerts_.at(slot).resolved_by = ResolvedBy::kEvent;
    CountStanding(slot, +1);
    Arm(slot);
    return Outcome::kAlreadyResolved;
  }
  StoredAlert& alert = alerts_.at(slot);
  Seen(alert, at);
  if (!alert.firing) {
    alerts_.Mark(slot, Unsealed::kTouch);
    return Outcome::kAlreadyResolved;
  }
  alert.set_ends_at(HasEnd(header) ? FloorMs(header.ends_at_ns) : kNoTime);
  alert.looked_ended = false;
  TakeLastWords(slot, event);
  Resolve(slot, ResolvedBy::kEvent, at);
  return Outcome::kResolved;
}

void Shard::Impl::News(std::uint32_t slot, const Instant& at) {
  if (!alerts_.ref(slot).suppressed()) {
    groups_.VisitGroups(slot, [&](std::uint32_t group) {
      if (watches_.Count(group, at.now.engine)) groups_.MarkChanged(group);
    });
  }
  CloseWithoutNews(slot, AutoCloseOf(slot), at);
}

Shard::Shard(Options options) : impl_(std::make_unique<Impl>(options)) {}
Shard::~Shard() = default;
Shard::Shard(Shard&&) noexcept = default;
Shard& Shard::operator=(Shard&&) noexcept = default;

void Shard::SetRules(RulesPtr rules, std::vector<IntegrationId> integrations, const Now& now) {
  impl_->SetRules(std::move(rules), std::move(integrations), now);
}
Outcome Shard::Apply(EventView event, const Now& now) {
  return impl_->Apply(event, now);
}
std::optional<Outcome> Shard::Repeat(const EventHeader& header, const Now& now) {
  return impl_->Repeat(header, now);
}
bool Shard::ApplyAll(const std::byte* events,
                     std::uint32_t count,
                     const Now& now,
                     absl::FunctionRef<std::optional<Outcome>(EventView)> read,
                     absl::FunctionRef<void(std::uint32_t, Outcome)> tell) {
  return impl_->ApplyAll(events, count, now, read, tell);
}
bool Shard::Work(const Now& now, EngineTime taken_in, std::size_t budget) {
  return impl_->Work(now, taken_in, budget);
}
EngineTime Shard::NextExpiry() const {
  impl_->Settle();
  return impl_->NextExpiry();
}
std::optional<SourceReport> Shard::TakeSources() {
  return impl_->TakeSources();
}
bool Shard::Seal(absl::FunctionRef<void(std::string_view body)> out) {
  return impl_->Seal(out);
}
void Shard::TakeReports(std::vector<GroupReport>& out, Reports which) {
  impl_->TakeReports(out, which);
}
void Shard::ReportAll() {
  impl_->ReportAll();
}
absl::Status Shard::Fold(std::string_view body) {
  return impl_->Fold(body);
}
absl::Status Shard::Follow(std::string_view body, absl::FunctionRef<void(const RecordedEvent&)> tell) {
  return impl_->Follow(body, tell);
}
EngineTime Shard::LeaseClock() const {
  return impl_->LeaseClock();
}
void Shard::BeginCheckpoint() {
  impl_->BeginCheckpoint();
}
bool Shard::CheckpointSlice(std::size_t budget, absl::FunctionRef<void(std::string_view body)> out) {
  return impl_->CheckpointSlice(budget, out);
}
std::uint64_t Shard::List(std::uint64_t cursor,
                          std::size_t scan,
                          const AlertFilter& filter,
                          absl::FunctionRef<bool(const AlertRecord&)> visit) const {
  impl_->Settle();
  return impl_->List(cursor, scan, filter, visit);
}
std::optional<AlertRecord> Shard::Find(const AlertKey& key) const {
  impl_->Settle();
  return impl_->Find(key);
}
std::vector<AlertRecord> Shard::ListGroup(GroupKey group, std::size_t limit) const {
  impl_->Settle();
  return impl_->ListGroup(group, limit);
}
ShardStatistics Shard::Statistics() const {
  impl_->Settle();
  return impl_->Statistics();
}
std::uint64_t Shard::StateHash() const {
  impl_->Settle();
  return impl_->StateHash();
}
}  // namespace tocsin
