// A shard's bodies: sealing, checkpoints, recovery. The layout is docs/alert-bodies.md.
//
// Fold only stores what a body says: slots, groups, strings, each absolute. What follows from them (index, lists, counts,
// wheel, uses of strings) is made by Settle when recovery is over. So it does not matter that, while old bodies are folded
// over a newer image of a checkpoint, an alert stands in two slots or a text names a string that is defined later: whatever
// was newer in the image is said again by a later body.
#include <algorithm>
#include <bit>
#include <utility>

#include "base/hash.h"
#include "base/status.h"
#include "engine/shard_impl.h"

namespace tocsin {
namespace {

static_assert(std::endian::native == std::endian::little, "fixed-size numbers in bodies are little-endian");

constexpr std::uint8_t kVersion = 1;
// A body is handed out when it has come to this size, so that one is never much larger than it need be.
constexpr std::size_t kBodyBytes = 256 * 1024;
// The most that an entry has beside its text and memberships.
constexpr std::size_t kEntryBytes = 192;
constexpr std::size_t kMembershipBytes = 5;
// While leases run, the taken-in clock is journalled at least so often; a crash makes them that much longer at most.
constexpr std::int64_t kClockIntervalNs = 60'000'000'000;
// Wall times in records lie within 300 years of 1970: what nanoseconds in 64 bits can say.
constexpr std::int64_t kFarthestMs = 9'300'000'000'000;
constexpr std::uint32_t kMaxGroups = 1U << 26;

// The runs that a body is made of. Part of the format: never renumber.
enum class Run : std::uint8_t {
  kNone = 0,  // ends the body
  kStrings = 1,
  kGroups = 2,
  kTotals = 3,
  kAlerts = 4,
  kStates = 5,
  kTouches = 6,
  kRemovals = 7,
  kDoors = 8,
};
constexpr std::uint8_t kLastRun = 8;

// Flags of a record's state.
enum : std::uint8_t {
  kFiring = 1,
  kAcknowledged = 2,
  kExplicitEnd = 4,
  kLookedEnded = 8,
  kStartsGiven = 16,
  kFired = 32,
  kAllFlags = 63,
};

std::uint8_t FlagsOf(const StoredAlert& alert) {
  return static_cast<std::uint8_t>((alert.firing ? kFiring : 0) | (alert.acknowledged ? kAcknowledged : 0) |
                                   (alert.explicit_end ? kExplicitEnd : 0) | (alert.looked_ended ? kLookedEnded : 0) |
                                   (alert.starts_given ? kStartsGiven : 0) | (alert.fired ? kFired : 0));
}

void SetFlags(StoredAlert& alert, std::uint8_t flags) {
  alert.firing = (flags & kFiring) != 0;
  alert.acknowledged = (flags & kAcknowledged) != 0;
  alert.explicit_end = (flags & kExplicitEnd) != 0;
  alert.looked_ended = (flags & kLookedEnded) != 0;
  alert.starts_given = (flags & kStartsGiven) != 0;
  alert.fired = (flags & kFired) != 0;
}

// What the numbers of a body are counted from, to be short.
struct Base {
  std::int64_t wall_ms = 0;
  std::uint32_t tick = 0;
};

void WriteTouch(BodyWriter& writer, const StoredAlert& alert, const Base& base) {
  writer.Signed(alert.last_seen_at - base.wall_ms);
  writer.Varint(alert.until == StoredAlert::kNever ? 0 : ZigZag(std::int64_t{alert.until} - base.tick) + 1);
  writer.Varint(alert.received);
  writer.Varint(alert.ends_at == kNoTime ? 0 : ZigZag(alert.ends_at - base.wall_ms) + 1);
}

void WriteState(BodyWriter& writer, const StoredAlert& alert, const Base& base) {
  writer.Byte(FlagsOf(alert));
  writer.Byte(static_cast<std::uint8_t>(static_cast<unsigned>(alert.severity) | static_cast<unsigned>(alert.resolved_by)
                                                                                    << 4U));
  WriteTouch(writer, alert, base);
  writer.Signed(alert.starts_at - base.wall_ms);
  if (alert.fired) writer.Signed(alert.fired_at - base.wall_ms);
  if (!alert.firing) writer.Signed(alert.resolved_at - base.wall_ms);
  writer.Varint(alert.order);
  writer.Varint(alert.silence.value());
  writer.Varint(alert.rules);
}

std::int64_t ReadTime(BodyReader& reader, const Base& base) {
  const std::int64_t ms = WrappingSum(reader.Signed(), base.wall_ms);
  if (ms < -kFarthestMs || ms > kFarthestMs) reader.Fail();
  return ms;
}

void ReadTouch(BodyReader& reader, StoredAlert& alert, const Base& base) {
  alert.last_seen_at = ReadTime(reader, base);
  const std::uint64_t until = reader.Varint();
  const std::int64_t tick =
      until == 0 ? std::int64_t{StoredAlert::kNever} : WrappingSum(UnZigZag(until - 1), base.tick);
  if (tick < 0 || tick > StoredAlert::kNever) reader.Fail();
  alert.until = static_cast<std::uint32_t>(tick);
  alert.received = reader.Bounded32(UINT32_MAX);
  const std::uint64_t ends = reader.Varint();
  alert.ends_at = ends == 0 ? kNoTime : WrappingSum(UnZigZag(ends - 1), base.wall_ms);
  if (ends != 0 && (alert.ends_at < -kFarthestMs || alert.ends_at > kFarthestMs)) reader.Fail();
}

void ReadState(BodyReader& reader, StoredAlert& alert, const Base& base) {
  const std::uint8_t flags = reader.Byte();
  if (flags > kAllFlags) reader.Fail();
  const std::uint8_t words = reader.Byte();
  if ((words & 15U) >= kSeverities || words >> 4U > static_cast<unsigned>(ResolvedBy::kExpired)) reader.Fail();
  if (!reader.ok()) return;
  SetFlags(alert, flags);
  alert.severity = static_cast<Severity>(words & 15U);
  alert.resolved_by = static_cast<ResolvedBy>(words >> 4U);
  ReadTouch(reader, alert, base);
  alert.starts_at = ReadTime(reader, base);
  alert.fired_at = alert.fired ? ReadTime(reader, base) : 0;
  alert.resolved_at = alert.firing ? 0 : ReadTime(reader, base);
  alert.order = reader.Varint();
  alert.silence = SilenceId(reader.Varint());
  alert.rules = reader.Bounded32(UINT32_MAX);
}

}  // namespace

// Puts entries into bodies: begins and ends runs, and hands a body out when the next entry might not fit.
class Shard::Impl::BodyBuilder {
 public:
  BodyBuilder(Impl& shard, absl::FunctionRef<void(std::string_view)> out)
      : shard_(shard), out_(out), base_{shard.wall_ms_, shard.clock_.tick()} {}

  // Begins an entry for slot, group, string or integration `number` with at most `most` further bytes.
  BodyWriter& Entry(Run run, std::uint32_t number, std::size_t most) {
    BodyWriter& writer = shard_.writer_;
    if (begun_ && (writer.size() > kBodyBytes || writer.room() < most + kEntryBytes)) Finish();
    EnsureBegun();
    if (run != run_) {
      if (run_ != Run::kNone) writer.Byte(0);
      writer.Byte(static_cast<std::uint8_t>(run));
      run_ = run;
    }
    writer.Varint(ZigZag(std::int64_t{number} - previous_) + 1);
    previous_ = number;
    return writer;
  }
  void EnsureBegun() {
    if (begun_) return;
    BodyWriter& writer = shard_.writer_;
    writer.Clear();
    writer.Byte(kVersion);
    writer.Signed(base_.wall_ms);
    writer.Varint(base_.tick);
    writer.Varint(static_cast<std::uint64_t>(shard_.clock_.ns()));
    run_ = Run::kNone;
    previous_ = 0;
    begun_ = true;
  }
  void Finish() {
    if (!begun_) return;
    if (run_ != Run::kNone) shard_.writer_.Byte(0);
    shard_.writer_.Byte(static_cast<std::uint8_t>(Run::kNone));
    begun_ = false;
    any_ = true;
    out_(shard_.writer_.view());
  }
  bool any() const { return any_; }

  void String(std::uint32_t number, std::string_view string) {
    BodyWriter& writer = Entry(Run::kStrings, number, string.size());
    writer.Varint(string.size());
    writer.Bytes(string);
  }
  void Group(std::uint32_t number) {
    const StoredGroup& group = shard_.groups_.at(number);
    BodyWriter& writer = Entry(Run::kGroups, number, group.text.bytes);
    writer.Fixed64(group.key.value());
    writer.Varint(group.fired_total);
    writer.Varint(group.resolved_total);
    writer.Varint(group.text.bytes);
    writer.Bytes(shard_.texts_.Encoded(group.text));
  }
  void Totals(std::uint32_t number) {
    const StoredGroup& group = shard_.groups_.at(number);
    BodyWriter& writer = Entry(Run::kTotals, number, 0);
    writer.Varint(group.fired_total);
    writer.Varint(group.resolved_total);
  }
  void Alert(std::uint32_t slot) {
    const StoredAlert& alert = shard_.alerts_.at(slot);
    std::size_t memberships = 0;
    shard_.groups_.VisitGroups(alert, [&](std::uint32_t) { ++memberships; });
    BodyWriter& writer = Entry(Run::kAlerts, slot, alert.text.bytes + memberships * kMembershipBytes);
    writer.Fixed64(alert.key.high);
    writer.Fixed64(alert.key.low);
    writer.Fixed64(alert.content);
    writer.Varint(alert.integration);
    WriteState(writer, alert, base_);
    writer.Varint(memberships);
    shard_.groups_.VisitGroups(alert, [&](std::uint32_t group) { writer.Varint(group); });
    writer.Varint(alert.text.bytes);
    writer.Bytes(shard_.texts_.Encoded(alert.text));
  }
  void State(std::uint32_t slot) { WriteState(Entry(Run::kStates, slot, 0), shard_.alerts_.at(slot), base_); }
  void Touch(std::uint32_t slot) { WriteTouch(Entry(Run::kTouches, slot, 0), shard_.alerts_.at(slot), base_); }
  void Removal(std::uint32_t slot) { Entry(Run::kRemovals, slot, 0); }
  void Door(IntegrationIndex integration) {
    const tocsin::Door& door = shard_.doors_.at(integration);
    const std::string& route = door.overflow_route.value();
    BodyWriter& writer = Entry(Run::kDoors, integration, route.size());
    writer.Byte(door.over ? 1 : 0);
    writer.Fixed64(door.overflow_group.value());
    writer.Varint(door.times_over);
    writer.Signed(door.over_since - base_.wall_ms);
    writer.Varint(route.size());
    writer.Bytes(route);
  }

 private:
  Impl& shard_;
  absl::FunctionRef<void(std::string_view)> out_;
  Base base_;
  Run run_ = Run::kNone;
  std::int64_t previous_ = 0;
  bool begun_ = false;
  bool any_ = false;
};

bool Shard::Impl::Seal(absl::FunctionRef<void(std::string_view body)> out) {
  Settle();
  BodyBuilder builder(*this, out);
  texts_.TakeDefinitions([&](std::uint32_t number, std::string_view string) { builder.String(number, string); });
  for (const std::uint32_t group : groups_.unsealed()) {
    Unsealed& unsealed = groups_.at(group).unsealed;
    if (groups_.Has(group)) unsealed == Unsealed::kAll ? builder.Group(group) : builder.Totals(group);
    unsealed = Unsealed::kNothing;
  }
  groups_.unsealed().clear();
  for (const std::uint32_t slot : alerts_.touched()) {
    StoredAlert& alert = alerts_.at(slot);
    if (alert.unsealed != Unsealed::kTouch) continue;  // it stands among the changed ones, too
    builder.Touch(slot);
    alert.unsealed = Unsealed::kNothing;
  }
  alerts_.touched().clear();
  for (const std::uint32_t slot : alerts_.changed()) {
    StoredAlert& alert = alerts_.at(slot);
    if (!alert.live) {
      builder.Removal(slot);
    } else if (alert.unsealed == Unsealed::kAll) {
      builder.Alert(slot);
    } else {
      builder.State(slot);
    }
    alert.unsealed = Unsealed::kNothing;
  }
  alerts_.changed().clear();
  if (doors_unsealed_) {
    for (IntegrationIndex i = 0; i < doors_.all().size(); ++i) {
      if (doors_.at(i).unsealed) builder.Door(i);
      doors_.at(i).unsealed = false;
    }
    doors_unsealed_ = false;
  }
  const bool clock_due = clock_.ns() - sealed_clock_ns_ >= kClockIntervalNs && sealed_clock_ns_ != 0;
  if (clock_due && !wheel_.empty()) builder.EnsureBegun();
  builder.Finish();
  if (builder.any() || sealed_clock_ns_ == 0) sealed_clock_ns_ = clock_.ns();
  return builder.any();
}

void Shard::Impl::BeginCheckpoint() {
  Settle();
  checkpoint_ = Phase::kStrings;
  checkpoint_next_ = 0;
}

bool Shard::Impl::CheckpointSlice(std::size_t budget, absl::FunctionRef<void(std::string_view body)> out) {
  Settle();
  BodyBuilder builder(*this, out);
  // Visits `end` numbers from where the last slice stopped; goes on to the phase `next` when all were visited.
  const auto scan = [&](std::uint32_t end, Phase next, auto visit) {
    for (; checkpoint_next_ < end && budget > 0; ++checkpoint_next_, --budget)
      visit(checkpoint_next_);
    if (checkpoint_next_ < end) return;
    checkpoint_ = next;
    checkpoint_next_ = 0;
  };
  while (budget > 0 && checkpoint_ != Phase::kNone) {
    switch (checkpoint_) {
      case Phase::kNone: break;
      case Phase::kStrings:
        scan(texts_.interned_end(), Phase::kGroups, [&](std::uint32_t number) {
          texts_.VisitDefinition(number, [&](std::uint32_t n, std::string_view string) { builder.String(n, string); });
        });
        break;
      case Phase::kGroups:
        scan(groups_.end(), Phase::kDoors, [&](std::uint32_t group) {
          if (groups_.Has(group)) builder.Group(group);
        });
        break;
      case Phase::kDoors:
        scan(static_cast<std::uint32_t>(doors_.all().size()), Phase::kAlerts, [&](std::uint32_t integration) {
          if (doors_.at(integration).times_over > 0) builder.Door(integration);
        });
        break;
      case Phase::kAlerts:
        scan(alerts_.end(), Phase::kNone, [&](std::uint32_t slot) {
          if (alerts_.IsLive(slot)) builder.Alert(slot);
        });
        break;
    }
  }
  builder.Finish();
  return checkpoint_ != Phase::kNone;
}

// Reads one body into the tables.
class Shard::Impl::Folder {
 public:
  Folder(Impl& shard, std::string_view body) : shard_(shard), reader_(body) {}

  absl::Status Fold() {
    const std::uint8_t version = reader_.Byte();
    if (version != kVersion) return DataLoss("alert body: format version %d, this program reads %d", version, kVersion);
    base_.wall_ms = reader_.Signed();
    if (base_.wall_ms < -kFarthestMs || base_.wall_ms > kFarthestMs) reader_.Fail();
    base_.tick = reader_.Bounded32(UINT32_MAX);
    const auto clock_ns = static_cast<std::int64_t>(reader_.Bounded(INT64_MAX / 2));
    if (reader_.ok()) shard_.clock_.Restore(clock_ns);
    std::int64_t previous = 0;
    while (reader_.ok()) {
      const std::uint8_t run = reader_.Byte();
      if (run > kLastRun) reader_.Fail();
      if (run == 0 || !reader_.ok()) break;
      while (const std::uint64_t step = reader_.Varint()) {
        const std::int64_t number = WrappingSum(previous, UnZigZag(step - 1));
        if (number < 0 || number > UINT32_MAX) reader_.Fail();
        if (reader_.ok()) Entry(static_cast<Run>(run), static_cast<std::uint32_t>(number));
        if (!reader_.ok()) break;
        previous = number;
      }
    }
    if (!reader_.ok() || !reader_.done()) return DataLoss("alert body: damaged");
    return absl::OkStatus();
  }

 private:
  void Entry(Run run, std::uint32_t number) {
    switch (run) {
      case Run::kNone: return;
      case Run::kStrings: return String(number);
      case Run::kGroups: return Group(number);
      case Run::kTotals: return Totals(number);
      case Run::kAlerts: return Alert(number);
      case Run::kStates: return State(number);
      case Run::kTouches: return Touch(number);
      case Run::kRemovals: return Remove(number);
      case Run::kDoors: return Door(number);
    }
  }

  void String(std::uint32_t number) {
    const std::string_view string = reader_.Bytes(reader_.Bounded(limits::kEventBytes));
    if (number >= TextStore::kMaxInterned || string.empty()) reader_.Fail();
    if (reader_.ok()) shard_.texts_.Define(number, string);
  }

  void Group(std::uint32_t number) {
    const GroupKey key(reader_.Fixed64());
    const std::uint64_t fired_total = reader_.Varint();
    const std::uint64_t resolved_total = reader_.Varint();
    const std::string_view text = Text();
    if (number >= kMaxGroups || !key.set()) reader_.Fail();
    if (reader_.ok()) shard_.groups_.Restore(number, key, shard_.texts_.Adopt(text), fired_total, resolved_total);
  }

  void Totals(std::uint32_t number) {
    const std::uint64_t fired_total = reader_.Varint();
    const std::uint64_t resolved_total = reader_.Varint();
    if (reader_.ok()) shard_.groups_.RestoreTotals(number, fired_total, resolved_total);
  }

  void Alert(std::uint32_t slot) {
    StoredAlert read;
    read.live = true;
    read.key.high = reader_.Fixed64();
    read.key.low = reader_.Fixed64();
    read.content = reader_.Fixed64();
    read.integration = reader_.Bounded32(Doors::kMaxIntegrations - 1);
    ReadState(reader_, read, base_);
    std::array<std::uint32_t, Router::kRoutesPerAlert> groups;
    const std::size_t memberships = reader_.Bounded(groups.size());
    for (std::size_t i = 0; i < memberships; ++i)
      groups[i] = reader_.Bounded32(kMaxGroups - 1);
    const std::string_view text = Text();
    if (slot >= AlertTable::kMaxSlots) reader_.Fail();
    if (!reader_.ok()) return;
    Remove(slot);
    StoredAlert& alert = shard_.alerts_.Restore(slot);
    alert = read;
    alert.text = shard_.texts_.Adopt(text);
    for (std::size_t i = 0; i < memberships; ++i)
      shard_.groups_.RestoreMembership(alert, slot, groups[i]);
  }

  // State and touch of a slot without an alert are those of one that was forgotten before the checkpoint's image of the
  // slot was taken; the body that says so follows.
  void State(std::uint32_t slot) {
    StoredAlert ignored;
    ReadState(reader_, shard_.alerts_.IsLive(slot) ? shard_.alerts_.at(slot) : ignored, base_);
  }
  void Touch(std::uint32_t slot) {
    StoredAlert ignored;
    ReadTouch(reader_, shard_.alerts_.IsLive(slot) ? shard_.alerts_.at(slot) : ignored, base_);
  }

  void Remove(std::uint32_t slot) {
    if (!shard_.alerts_.IsLive(slot)) return;
    StoredAlert& alert = shard_.alerts_.at(slot);
    shard_.groups_.RestoreNoMemberships(alert);
    shard_.texts_.DropUncounted(alert.text);
    alert = {};
  }

  void Door(IntegrationIndex integration) {
    const std::uint8_t over = reader_.Byte();
    const GroupKey group(reader_.Fixed64());
    const std::uint64_t times_over = reader_.Varint();
    const std::int64_t since = ReadTime(reader_, base_);
    const std::string_view route = reader_.Bytes(reader_.Bounded(limits::kEventBytes));
    if (integration >= Doors::kMaxIntegrations || over > 1) reader_.Fail();
    if (!reader_.ok()) return;
    tocsin::Door& door = shard_.doors_.at(integration);
    door.over = over == 1;
    door.overflow_group = group;
    door.overflow_route = RouteId(route);
    door.times_over = times_over;
    door.over_since = since;
  }

  std::string_view Text() {
    const std::string_view text = reader_.Bytes(reader_.Bounded(limits::kJournalEntryBytes));
    if (!shard_.texts_.IsText(text)) reader_.Fail();
    return text;
  }

  Impl& shard_;
  BodyReader reader_;
  Base base_;
};

absl::Status Shard::Impl::Fold(std::string_view body) {
  folded_ = true;
  return Folder(*this, body).Fold();
}

void Shard::Impl::Settle() {
  if (!folded_) return;
  folded_ = false;
  firing_ = suppressed_ = kept_ = 0;
  unrouted_ = 0;
  order_ = 0;
  for (Door& door : doors_.all())
    door.active = door.kept = 0;
  wheel_.Reset(clock_.tick());
  texts_.BeginCount();
  groups_.BeginRebuild();
  std::vector<std::pair<std::uint64_t, std::uint32_t>> in_order;
  alerts_.Rebuild([&](std::uint32_t slot, StoredAlert& alert) {
    texts_.Count(alert.text);
    groups_.RebuildMember(alert);
    CountStanding(alert, +1);
    alert.wheel_tick = 0;
    Arm(slot);
    order_ = std::max(order_, alert.order);
    in_order.emplace_back(alert.order, slot);
  });
  groups_.EndRebuild();
  texts_.EndCount();
  std::ranges::sort(in_order);
  for (const auto& [order, slot] : in_order)
    groups_.Link(alerts_.at(slot));
}

// Sums of hashes, so that the order of slots does not matter.
std::uint64_t Shard::Impl::StateHash() const {
  std::uint64_t total = 0;
  std::string bytes;
  const auto add_text = [&](TextRef ref) {
    TextBuffer buffer;
    const TextView text = texts_.Read(ref, buffer);
    for (const std::span<const LabelView> pairs : {text.labels, text.annotations}) {
      bytes += absl::StrFormat("%d:", pairs.size());
      for (const LabelView& pair : pairs)
        bytes += absl::StrFormat("%d:%s%d:%s", pair.name.size(), pair.name, pair.value.size(), pair.value);
    }
    bytes += absl::StrFormat("%d:%s%d:%s", text.dedup_key.size(), text.dedup_key, text.link.size(), text.link);
  };
  for (std::uint32_t slot = 0; slot < alerts_.end(); ++slot) {
    if (!alerts_.IsLive(slot)) continue;
    const StoredAlert& alert = alerts_.at(slot);
    bytes = absl::StrFormat("a%x.%x.%x.%d.%d.%d.%d.%d.%d.%d.%d.%d.%d.%d.%d.%d.%d;", alert.key.high, alert.key.low,
                            alert.content, alert.integration, FlagsOf(alert), static_cast<int>(alert.severity),
                            static_cast<int>(alert.resolved_by), alert.last_seen_at, alert.until, alert.received,
                            alert.ends_at, alert.starts_at, alert.fired ? alert.fired_at : 0,
                            alert.firing ? 0 : alert.resolved_at, alert.order, alert.silence.value(), alert.rules);
    add_text(alert.text);
    groups_.VisitGroups(alert,
                        [&](std::uint32_t group) { bytes += absl::StrFormat("g%x", groups_.at(group).key.value()); });
    total += Hash64(bytes);
  }
  for (std::uint32_t number = 0; number < groups_.end(); ++number) {
    if (!groups_.Has(number)) continue;
    const StoredGroup& group = groups_.at(number);
    bytes = absl::StrFormat("G%x.%d.%d;", group.key.value(), group.fired_total, group.resolved_total);
    add_text(group.text);
    total += Hash64(bytes);
  }
  for (std::size_t i = 0; i < doors_.all().size(); ++i) {
    const Door& door = doors_.all()[i];
    if (door.times_over == 0) continue;
    total += Hash64(absl::StrFormat("D%d.%d.%x.%d.%d.%s", i, door.over, door.overflow_group.value(), door.times_over,
                                    door.over_since, door.overflow_route.value()));
  }
  return total;
}

}  // namespace tocsin
