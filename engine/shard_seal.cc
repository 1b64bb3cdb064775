// What a shard writes: bodies of what has changed, and checkpoints.
#include <algorithm>

#include "engine/alert_body.h"
#include "engine/shard_impl.h"

namespace tocsin {

namespace {

// A body is handed out when it has come to this size, so that one is never much larger than it need be.
constexpr std::size_t kBodyBytes = 256 * 1024;
// The most that an entry has beside its text and memberships.
constexpr std::size_t kEntryBytes = 192;
constexpr std::size_t kMembershipBytes = 5;
// While leases run, the taken-in clock is journalled at least so often; a crash makes them that much longer at most.
constexpr std::int64_t kClockIntervalNs = 60'000'000'000;

// So many records ahead of the one that is written are asked for: since they were touched they may have left the cache.
constexpr std::size_t kFetchedAhead = 8;

}  // namespace

// Puts entries into bodies: begins and ends runs, and hands a body out when the next entry might not fit.
class Shard::Impl::BodyBuilder {
 public:
  BodyBuilder(Impl& shard, absl::FunctionRef<void(std::string_view)> out)
      : shard_(shard), out_(out), base_{shard.wall_ms_, shard.clock_.tick()} {}

  // Begins an entry for slot, group, string or integration `number` with at most `most` further bytes.
  BodyWriter& Entry(BodyRun run, std::uint32_t number, std::size_t most) {
    BodyWriter& writer = shard_.writer_;
    if (begun_ && (writer.size() > kBodyBytes || writer.room() < most + kEntryBytes)) Finish();
    EnsureBegun();
    if (run != run_) {
      if (run_ != BodyRun::kNone) writer.Byte(0);
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
    writer.Byte(kAlertBodyVersion);
    writer.Signed(base_.wall_ms);
    writer.Varint(base_.tick);
    writer.Varint(static_cast<std::uint64_t>(shard_.clock_.ns()));
    run_ = BodyRun::kNone;
    previous_ = 0;
    begun_ = true;
  }
  void Finish() {
    if (!begun_) return;
    if (run_ != BodyRun::kNone) shard_.writer_.Byte(0);
    shard_.writer_.Byte(static_cast<std::uint8_t>(BodyRun::kNone));
    begun_ = false;
    any_ = true;
    out_(shard_.writer_.view());
  }
  bool any() const { return any_; }

  void String(std::uint32_t number, std::string_view string) {
    BodyWriter& writer = Entry(BodyRun::kStrings, number, string.size());
    writer.Varint(string.size());
    writer.Bytes(string);
  }
  void Group(std::uint32_t number) {
    const StoredGroup& group = shard_.groups_.at(number);
    BodyWriter& writer = Entry(BodyRun::kGroups, number, TextStore::kMostEncoded);
    writer.Fixed64(group.key.value());
    writer.Varint(group.fired_total);
    writer.Varint(group.resolved_total);
    Text(writer, group.text);
  }
  void Totals(std::uint32_t number) {
    const StoredGroup& group = shard_.groups_.at(number);
    BodyWriter& writer = Entry(BodyRun::kTotals, number, 0);
    writer.Varint(group.fired_total);
    writer.Varint(group.resolved_total);
  }
  void Alert(std::uint32_t slot) {
    const StoredAlert& alert = shard_.alerts_.at(slot);
    std::size_t memberships = 0;
    shard_.groups_.VisitGroups(slot, [&](std::uint32_t) { ++memberships; });
    BodyWriter& writer = Entry(BodyRun::kAlerts, slot, TextStore::kMostEncoded + memberships * kMembershipBytes);
    writer.Together([&](char* to) {
      to = WriteFixed64(to, alert.key.high);
      to = WriteFixed64(to, alert.key.low);
      to = WriteFixed64(to, alert.content);
      to = WriteVarint(to, alert.integration);
      to = WriteState(to, shard_.alerts_.ref(slot), base_);
      return WriteVarint(to, memberships);
    });
    shard_.groups_.VisitGroups(slot, [&](std::uint32_t group) { writer.Varint(group); });
    Text(writer, shard_.alerts_.cold(slot).text());
  }
  void State(std::uint32_t slot) {
    Entry(BodyRun::kStates, slot, 0).Together([&](char* to) {
      return WriteState(to, shard_.alerts_.ref(slot), base_);
    });
  }
  void Touch(std::uint32_t slot) {
    Entry(BodyRun::kTouches, slot, 0).Together([&](char* to) {
      return WriteTouch(to, shard_.alerts_.at(slot), base_);
    });
  }
  void Removal(std::uint32_t slot) { Entry(BodyRun::kRemovals, slot, 0); }
  void Door(IntegrationIndex integration) {
    const tocsin::Door& door = shard_.doors_.at(integration);
    const std::string& route = door.overflow_route.value();
    BodyWriter& writer = Entry(BodyRun::kDoors, integration, route.size());
    writer.Byte(door.over ? 1 : 0);
    writer.Fixed64(door.overflow_group.value());
    writer.Varint(door.times_over);
    writer.Signed(door.over_since - base_.wall_ms);
    writer.Varint(route.size());
    writer.Bytes(route);
  }

 private:
  void Text(BodyWriter& writer, TextRef text) {
    writer.Sized([&](char* to) { return shard_.texts_.Encode(text, to); });
  }

  Impl& shard_;
  absl::FunctionRef<void(std::string_view)> out_;
  BodyBase base_;
  BodyRun run_ = BodyRun::kNone;
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
  const std::vector<std::uint32_t>& touched = alerts_.touched();
  for (std::size_t i = 0; i < touched.size(); ++i) {
    if (i + kFetchedAhead < touched.size()) alerts_.PrefetchHot(touched[i + kFetchedAhead]);
    const std::uint32_t slot = touched[i];
    StoredAlert& alert = alerts_.at(slot);
    if (alert.unsealed != Unsealed::kTouch) continue;  // it stands among the changed ones, too
    builder.Touch(slot);
    alert.unsealed = Unsealed::kNothing;
  }
  alerts_.touched().clear();
  const std::vector<std::uint32_t>& changed = alerts_.changed();
  for (std::size_t i = 0; i < changed.size(); ++i) {
    if (i + 2 * kFetchedAhead < changed.size()) {
      alerts_.PrefetchHot(changed[i + 2 * kFetchedAhead]);
      alerts_.PrefetchCold(changed[i + 2 * kFetchedAhead]);
    }
    if (i + kFetchedAhead < changed.size()) texts_.Prefetch(alerts_.cold(changed[i + kFetchedAhead]).text());
    const std::uint32_t slot = changed[i];
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

}  // namespace tocsin
