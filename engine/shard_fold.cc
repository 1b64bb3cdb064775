// Recovery: what a shard makes of its bodies.
//
// Fold only stores what a body says: slots, groups, strings, each absolute. What follows from them (index, lists, counts,
// wheel, uses of strings) is made by Settle when recovery is over. So it does not matter that, while old bodies are folded
// over a newer image of a checkpoint, an alert stands in two slots or a text names a string that is defined later: whatever
// was newer in the image is said again by a later body.
#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "absl/strings/str_format.h"

#include "base/hash.h"
#include "base/status.h"
#include "engine/alert_body.h"
#include "engine/shard_impl.h"

namespace tocsin {

// Reads one body into the tables.
class Shard::Impl::Folder {
 public:
  Folder(Impl& shard, std::string_view body, Changed changed) : shard_(shard), reader_(body), changed_(changed) {}

  absl::Status Fold() {
    const std::uint8_t version = reader_.Byte();
    if (version != kAlertBodyVersion)
      return DataLoss("alert body: format version %d, this program reads %d", version, kAlertBodyVersion);
    base_.wall_ms = reader_.Signed();
    if (base_.wall_ms < -kFarthestMs || base_.wall_ms > kFarthestMs) reader_.Fail();
    base_.tick = reader_.Bounded32(UINT32_MAX);
    const auto clock_ns = static_cast<std::int64_t>(reader_.Bounded(INT64_MAX / 2));
    if (reader_.ok()) shard_.clock_.Restore(clock_ns);
    std::int64_t previous = 0;
    while (reader_.ok()) {
      const std::uint8_t run = reader_.Byte();
      if (run > kLastBodyRun) reader_.Fail();
      if (run == 0 || !reader_.ok()) break;
      while (const std::uint64_t step = reader_.Varint()) {
        const std::int64_t number = WrappingSum(previous, UnZigZag(step - 1));
        if (number < 0 || number > UINT32_MAX) reader_.Fail();
        if (reader_.ok()) Entry(static_cast<BodyRun>(run), static_cast<std::uint32_t>(number));
        if (!reader_.ok()) break;
        previous = number;
      }
    }
    if (!reader_.ok() || !reader_.done()) return DataLoss("alert body: damaged");
    return absl::OkStatus();
  }

 private:
  void Entry(BodyRun run, std::uint32_t number) {
    switch (run) {
      case BodyRun::kNone: return;
      case BodyRun::kStrings: return String(number);
      case BodyRun::kGroups: return Group(number);
      case BodyRun::kTotals: return Totals(number);
      case BodyRun::kAlerts: return Alert(number);
      case BodyRun::kStates: return State(number);
      case BodyRun::kTouches: return Touch(number);
      case BodyRun::kRemovals: return Remove(number);
      case BodyRun::kDoors: return Door(number);
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
    const StoredAlert before = Before(slot);
    Remove(slot);
    StoredAlert& alert = shard_.alerts_.Restore(slot);
    alert = read;
    alert.text = shard_.texts_.Adopt(text);
    for (std::size_t i = 0; i < memberships; ++i)
      shard_.groups_.RestoreMembership(alert, slot, groups[i]);
    changed_(slot, before);
  }

  // State and touch of a slot without an alert are those of one that was forgotten before the checkpoint's image of the
  // slot was taken; the body that says so follows.
  void State(std::uint32_t slot) {
    Restate(slot, [this](StoredAlert& alert) { ReadState(reader_, alert, base_); });
  }
  void Touch(std::uint32_t slot) {
    Restate(slot, [this](StoredAlert& alert) { ReadTouch(reader_, alert, base_); });
  }
  template <typename Read>
  void Restate(std::uint32_t slot, Read read) {
    const StoredAlert before = Before(slot);
    StoredAlert ignored;
    read(before.live ? shard_.alerts_.at(slot) : ignored);
    if (before.live && reader_.ok()) changed_(slot, before);
  }

  StoredAlert Before(std::uint32_t slot) const {
    return shard_.alerts_.IsLive(slot) ? shard_.alerts_.at(slot) : StoredAlert();
  }

  void Remove(std::uint32_t slot) {
    if (!shard_.alerts_.IsLive(slot)) return;
    StoredAlert& alert = shard_.alerts_.at(slot);
    shard_.groups_.RestoreNoMemberships(alert);
    shard_.texts_.DropUncounted(alert.text);
    alert = StoredAlert();
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
  Changed changed_;
  BodyBase base_;
};

absl::Status Shard::Impl::Fold(std::string_view body) {
  return Fold(body, [](std::uint32_t, const StoredAlert&) {});
}

absl::Status Shard::Impl::Fold(std::string_view body, Changed changed) {
  folded_ = true;
  return Folder(*this, body, changed).Fold();
}

void Shard::Impl::Settle() {
  if (!folded_) return;
  folded_ = false;
  firing_ = suppressed_ = kept_ = 0;
  held_.clear();
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

namespace {

// The fields of one alert or group, one after the other, each of a known length: no two of them give the same bytes. A shard
// stands still while it hashes itself, so nothing is formatted here.
class Bytes {
 public:
  template <typename T>
  void Add(T value) {
    const auto wide = static_cast<std::uint64_t>(value);
    const auto raw = std::bit_cast<std::array<char, sizeof wide>>(wide);
    bytes_.append(raw.data(), raw.size());
  }
  template <typename... T>
  void AddAll(T... values) {
    (Add(values), ...);
  }
  void AddText(std::string_view text) {
    Add(text.size());
    bytes_ += text;
  }
  void AddText(const TextView& text) {
    for (const std::span<const LabelView> pairs : {text.labels, text.annotations}) {
      Add(pairs.size());
      for (const LabelView& pair : pairs) {
        AddText(pair.name);
        AddText(pair.value);
      }
    }
    AddText(text.dedup_key);
    AddText(text.link);
  }
  std::uint64_t Take() {
    const std::uint64_t hash = Hash64(bytes_);
    bytes_.clear();
    return hash;
  }

 private:
  std::string bytes_;
};

}  // namespace

// Sums of hashes, so that the order of slots does not matter.
std::uint64_t Shard::Impl::StateHash() const {
  std::uint64_t total = 0;
  Bytes bytes;
  TextBuffer buffer;
  for (std::uint32_t slot = 0; slot < alerts_.end(); ++slot) {
    if (!alerts_.IsLive(slot)) continue;
    const StoredAlert& alert = alerts_.at(slot);
    bytes.AddAll('a', alert.key.high, alert.key.low, alert.content, alert.integration, FlagsOf(alert), alert.severity,
                 alert.resolved_by, alert.last_seen_at, alert.until, alert.received, alert.ends_at, alert.starts_at,
                 alert.fired ? alert.fired_at : 0, alert.firing ? 0 : alert.resolved_at, alert.order,
                 alert.hold.value(), alert.rules);
    bytes.AddText(texts_.Read(alert.text, buffer));
    groups_.VisitGroups(alert, [&](std::uint32_t group) { bytes.Add(groups_.at(group).key.value()); });
    total += bytes.Take();
  }
  for (std::uint32_t number = 0; number < groups_.end(); ++number) {
    if (!groups_.Has(number)) continue;
    const StoredGroup& group = groups_.at(number);
    bytes.AddAll('G', group.key.value(), group.fired_total, group.resolved_total);
    bytes.AddText(texts_.Read(group.text, buffer));
    total += bytes.Take();
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
