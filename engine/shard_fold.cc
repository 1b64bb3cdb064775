// Recovery: what a shard makes of its bodies.
//
// Fold only stores what a body says: slots, groups, strings, each absolute. What follows from them (index, lists, counts,
// wheel, uses of strings) is made by Settle when recovery is over. So it does not matter that, while old bodies are folded
// over a newer image of a checkpoint, an alert stands in two slots or a text names a string that is defined later: whatever
// was newer in the image is said again by a later body.
#include <algorithm>
#include <array>
#include <bit>
#include <optional>
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
    if (version > kAlertBodyVersion)
      return Precondition("alert body: format version %d, this program reads %d: use a newer tocsin", version,
                          kAlertBodyVersion);
    if (version != kAlertBodyVersion) return DataLoss("alert body: no version");
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
    const std::string_view bytes = TextBytes();
    if (number >= kMaxGroups || !key.set()) reader_.Fail();
    if (const std::optional<TextStore::Stored> text = Adopt(bytes))
      shard_.groups_.Restore(number, key, text->ref, fired_total, resolved_total);
  }

  void Totals(std::uint32_t number) {
    const std::uint64_t fired_total = reader_.Varint();
    const std::uint64_t resolved_total = reader_.Varint();
    if (reader_.ok()) shard_.groups_.RestoreTotals(number, fired_total, resolved_total);
  }

  void Alert(std::uint32_t slot) {
    AlertImage read;
    read.hot.live = true;
    read.hot.key.high = reader_.Fixed64();
    read.hot.key.low = reader_.Fixed64();
    read.hot.content = reader_.Fixed64();
    read.hot.integration = reader_.Bounded32(Doors::kMaxIntegrations - 1);
    ReadState(reader_, read.ref(), base_);
    std::array<std::uint32_t, Router::kRoutesPerAlert> groups;
    const std::size_t memberships = reader_.Bounded(groups.size());
    for (std::size_t i = 0; i < memberships; ++i)
      groups[i] = reader_.Bounded32(kMaxGroups - 1);
    const std::string_view bytes = TextBytes();
    if (slot >= AlertTable::kMaxSlots) reader_.Fail();
    const std::optional<TextStore::Stored> text = Adopt(bytes);
    if (!text) return;
    const AlertImage before = Before(slot);
    Remove(slot);
    const AlertRef alert = shard_.alerts_.Restore(slot);
    alert.hot = read.hot;
    alert.cold = read.cold;
    alert.cold.set_text(text->ref);
    shard_.alerts_.SetSignature(slot, text->signature);
    for (std::size_t i = 0; i < memberships; ++i)
      shard_.groups_.RestoreMembership(slot, groups[i]);
    changed_(slot, before);
  }

  // State and touch of a slot without an alert are those of one that was forgotten before the checkpoint's image of the
  // slot was taken; the body that says so follows.
  void State(std::uint32_t slot) {
    Restate(slot, [this](AlertRef alert) { ReadState(reader_, alert, base_); });
  }
  void Touch(std::uint32_t slot) {
    Restate(slot, [this](AlertRef alert) { ReadTouch(reader_, alert.hot, base_); });
  }
  template <typename Read>
  void Restate(std::uint32_t slot, Read read) {
    const AlertImage before = Before(slot);
    AlertImage ignored;
    read(before.hot.live ? shard_.alerts_.ref(slot) : ignored.ref());
    if (before.hot.live && reader_.ok()) changed_(slot, before);
  }

  AlertImage Before(std::uint32_t slot) const {
    if (!shard_.alerts_.IsLive(slot)) return AlertImage();
    return {shard_.alerts_.at(slot), shard_.alerts_.cold(slot)};
  }

  void Remove(std::uint32_t slot) {
    if (!shard_.alerts_.IsLive(slot)) return;
    shard_.groups_.RestoreNoMemberships(slot);
    shard_.texts_.DropUncounted(shard_.alerts_.cold(slot).text());
    shard_.alerts_.at(slot) = StoredAlert();
    shard_.alerts_.cold(slot) = ColdAlert();
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

  std::string_view TextBytes() { return reader_.Bytes(reader_.Bounded(limits::kJournalEntryBytes)); }
  // Nullopt, and the reader has failed, when these bytes or any before them are damaged.
  std::optional<TextStore::Stored> Adopt(std::string_view bytes) {
    std::optional<TextStore::Stored> text;
    if (reader_.ok()) text = shard_.texts_.Adopt(bytes);
    if (!text) reader_.Fail();
    return text;
  }

  Impl& shard_;
  BodyReader reader_;
  Changed changed_;
  BodyBase base_;
};

absl::Status Shard::Impl::Fold(std::string_view body) {
  return Fold(body, [](std::uint32_t, const AlertImage&) {});
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
  alerts_.Rebuild([&](std::uint32_t slot) {
    texts_.Count(alerts_.cold(slot).text());
    groups_.RebuildMember(slot);
    CountStanding(slot, +1);
    alerts_.at(slot).wheel_tick = 0;
    Arm(slot);
    const std::uint64_t order = alerts_.ref(slot).order();
    order_ = std::max(order_, order);
    in_order.emplace_back(order, slot);
  });
  groups_.EndRebuild();
  texts_.EndCount();
  if (!std::ranges::is_sorted(in_order)) std::ranges::sort(in_order);
  for (const auto& [order, slot] : in_order)
    groups_.Link(slot);
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
    const ConstAlertRef ref = alerts_.ref(slot);
    const std::int64_t ends_at =
        alert.ends_at() == kNoTime ? INT64_MIN : alert.ends_at();  // what "none" has always hashed as
    const std::int64_t fired_at = alert.fired ? ref.cold.fired_at() : 0;
    bytes.AddAll('a', alert.key.high, alert.key.low, alert.content, alert.integration, FlagsOf(alert), alert.severity,
                 alert.resolved_by, alert.last_seen_at(), alert.until, alert.received, ends_at, alert.starts_at(),
                 fired_at, ref.resolved_at(), ref.order(), ref.hold().value(), ref.cold.rules);
    bytes.AddText(texts_.Read(ref.cold.text(), buffer));
    groups_.VisitGroups(slot, [&](std::uint32_t group) { bytes.Add(groups_.at(group).key.value()); });
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
