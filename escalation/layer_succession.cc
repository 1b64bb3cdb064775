#include "escalation/layer_succession.h"

#include <algorithm>
#include <optional>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "escalation/layer_turns.h"

namespace tocsin {
namespace {

std::optional<std::int32_t*> StartIndexOf(Layer& layer) {
  if (auto* rotation = std::get_if<Rotation>(&layer.pattern)) return &rotation->start_index;
  if (auto* recurrence = std::get_if<Recurrence>(&layer.pattern)) return &recurrence->start_index;
  return std::nullopt;
}

bool SameMembers(const Participant& a, const Participant& b) {
  return a.members.size() == b.members.size() &&
         std::is_permutation(a.members.begin(), a.members.end(), b.members.begin());
}

bool ShareMember(const Participant& a, const Participant& b) {
  return std::ranges::any_of(
      a.members, [&](const Target& member) { return std::ranges::find(b.members, member) != b.members.end(); });
}

// How many of those who follow in the old order follow in the new one, too.
std::size_t Following(const std::vector<Participant>& before,
                      std::size_t i,
                      const std::vector<Participant>& after,
                      std::size_t j) {
  std::size_t same = 0;
  const std::size_t most = std::min(before.size(), after.size());
  while (same < most && SameMembers(before[(i + same) % before.size()], after[(j + same) % after.size()]))
    ++same;
  return same;
}

// Where in the new order stands who has slot `i` of the old one; of several places the one that goes on most like before.
template <typename Same>
std::optional<std::size_t> PlaceOf(const std::vector<Participant>& before,
                                   std::size_t i,
                                   const std::vector<Participant>& after,
                                   const Same& same) {
  std::optional<std::size_t> best;
  std::size_t most = 0;
  for (std::size_t j = 0; j < after.size(); ++j) {
    if (!same(before[i], after[j])) continue;
    const std::size_t following = Following(before, i, after, j);
    if (best && (following < most || (following == most && j != i))) continue;
    best = j;
    most = following;
  }
  return best;
}

// He himself, or part of his group; if gone, the next of the old order who is still listed.
std::optional<std::size_t> Successor(const std::vector<Participant>& before,
                                     std::size_t slot,
                                     const std::vector<Participant>& after) {
  for (std::size_t step = 0; step < before.size(); ++step) {
    const std::size_t i = (slot + step) % before.size();
    if (const auto place = PlaceOf(before, i, after, SameMembers)) return place;
    if (const auto place = PlaceOf(before, i, after, ShareMember)) return place;
  }
  return std::nullopt;
}

std::string NameOf(const Target& target) {
  if (const auto* team = std::get_if<TeamTarget>(&target)) return "team " + team->team.value();
  if (const auto* nested = std::get_if<ScheduleTarget>(&target)) return "schedule " + nested->schedule.value();
  const auto* user = std::get_if<UserTarget>(&target);
  return user != nullptr ? user->user.value() : "nobody";
}

std::string NameOf(const Participant& participant) {
  std::string text;
  for (const Target& member : participant.members)
    absl::StrAppend(&text, text.empty() ? "" : ", ", NameOf(member));
  return text.empty() ? "nobody" : text;
}

Instant EndOf(const Layer& layer) {
  return layer.effective_until ? ToInstant(*layer.effective_until) : kNever;
}

}  // namespace

std::string LocalText(Instant at, const std::string& zone) {
  absl::TimeZone loaded = absl::UTCTimeZone();
  const bool known = absl::LoadTimeZone(zone, &loaded);
  const absl::Time time = ToTime(at);
  const char* format = at.seconds % kMinuteSeconds == 0 ? "%Y-%m-%d %H:%M" : "%Y-%m-%d %H:%M:%S";
  return absl::StrCat(absl::FormatTime(format, time, loaded), " ", known ? zone : "UTC");
}

LayerEdit::LayerEdit(const std::vector<Layer>& versions, Instant now, const ScheduleTransition& transition)
    : versions_(versions), now_(now), transition_(transition), at_(now) {
  const Layer* present = VersionAt(now);
  if (present == nullptr) return;
  switch (transition.from) {
    case ScheduleTransition::From::kNow: return;
    case ScheduleTransition::From::kTime: at_ = std::max(now, ToInstant(transition.at)); return;
    case ScheduleTransition::From::kNextHandoff:
      if (const auto turns = LayerTurns::Of(*present)) {
        const auto turn = turns->At(now);
        if (turn && turn->end != kNever) at_ = turn->end;
      }
      break;
    case ScheduleTransition::From::kFullRotation: at_ = FullRotation(*present); break;
  }
  at_ = std::min(at_, EndOf(*present));
}

// The next beginning of slot 0, a turn at a time: there are at most as many as participants.
Instant LayerEdit::FullRotation(const Layer& version) const {
  const auto turns = LayerTurns::Of(version);
  if (!turns) return now_;
  auto turn = turns->At(now_);
  for (std::size_t left = version.participants.size(); turn && turn->end != kNever && left > 0; --left) {
    const Instant end = turn->end;
    turn = turns->At(end);
    if (turn && turns->Slot(turn->number) == 0) return end;
  }
  return now_;
}

const Layer* LayerEdit::VersionAt(Instant at) const {
  for (const Layer& version : versions_) {
    if (BeginningOf(version) <= at && at < EndOf(version)) return &version;
  }
  return nullptr;
}

std::vector<Layer> LayerEdit::CutAt(Instant at) const {
  std::vector<Layer> cut;
  for (const Layer& version : versions_) {
    const Instant end = std::min(EndOf(version), at);
    if (end <= now_ || BeginningOf(version) >= at) continue;
    cut.push_back(version);
    if (end != kNever) cut.back().effective_until = ToTime(end);
  }
  return cut;
}

Succession LayerEdit::End() const {
  const std::string name = absl::StrCat("layer ", versions_.back().id.value());
  if (at_ <= now_) return {{}, absl::StrCat(name, " ends now")};
  return {CutAt(at_), absl::StrCat(name, " ends at ", LocalText(at_, versions_.back().time_zone))};
}

// Chooses the start index by which the new order leaves the turn that there is at `at` to whoever has it.
void LayerEdit::KeepTurn(Instant at, Layer& declared) const {
  const Layer* before = nullptr;
  for (const Layer& version : versions_) {
    if (BeginningOf(version) <= at) before = &version;
  }
  const auto start_index = StartIndexOf(declared);
  const auto old_turns = before != nullptr ? LayerTurns::Of(*before) : std::nullopt;
  const auto new_turns = LayerTurns::Of(declared);
  if (!start_index || !old_turns || !new_turns) return;
  const auto old_turn = old_turns->At(at);
  const auto new_turn = new_turns->At(at);
  if (!old_turn || !new_turn) return;
  std::size_t slot = old_turns->Slot(old_turn->number);
  // A new turn of which little is left is no turn to begin with: who had the one before keeps it that much longer.
  const bool begins = old_turn->start == at && at > now_;
  if (begins && new_turn->start < at && new_turn->end != kNever && new_turn->end - at < at - new_turn->start) {
    slot = old_turns->Slot(old_turn->number - 1);
  }
  const auto place = Successor(before->participants, slot, declared.participants);
  if (!place) return;
  const auto count = static_cast<std::int64_t>(declared.participants.size());
  **start_index =
      static_cast<std::int32_t>(FloorMod(static_cast<std::int64_t>(*place) - FloorMod(new_turn->number, count), count));
}

std::string LayerEdit::Describe(const Layer& declared, Instant at) const {
  std::string line = absl::StrCat("layer ", declared.id.value(), ": new version from ",
                                  at <= now_ ? "now" : LocalText(at, declared.time_zone));
  const auto turns = LayerTurns::Of(declared);
  const auto turn = turns ? turns->At(std::max(at, now_)) : std::nullopt;
  if (!turn) return line;
  const std::string holder = NameOf(declared.participants[turns->Slot(turn->number)]);
  const Layer* present = VersionAt(now_);
  const auto old_turns = present != nullptr ? LayerTurns::Of(*present) : std::nullopt;
  const auto old_turn = old_turns ? old_turns->At(now_) : std::nullopt;
  const std::string before = old_turn ? NameOf(present->participants[old_turns->Slot(old_turn->number)]) : "";
  if (std::holds_alternative<Recurrence>(declared.pattern)) {  // between its shifts nobody is on
    absl::StrAppend(&line, "; it is the turn of ", holder);
    if (turn->end != kNever) {
      absl::StrAppend(&line, ", then from ", LocalText(turn->end, declared.time_zone), " of ",
                      NameOf(declared.participants[turns->Slot(turn->number + 1)]));
    }
    return line;
  }
  absl::StrAppend(&line, "; ", holder, before == holder ? " stays on" : " is on");
  if (turn->end != kNever) absl::StrAppend(&line, " until ", LocalText(turn->end, declared.time_zone));
  if (!before.empty() && before != holder && at <= now_) absl::StrAppend(&line, ", after ", before);
  return line;
}

Succession LayerEdit::TakeOver(Layer declared, bool keep_order) const {
  Instant at = at_;
  const Instant begins = BeginningOf(declared);
  const bool later = begins > at;  // the declared order begins then, as it says
  if (later) at = begins;
  if (!later && !keep_order && transition_.keep_holder) KeepTurn(at, declared);
  const Instant end = EndOf(declared);
  if (end <= at) {  // it never comes
    at = std::max(now_, end);
    return {at <= now_ ? std::vector<Layer>() : CutAt(at),
            absl::StrCat("layer ", declared.id.value(), " ends ",
                         at <= now_ ? "now" : "at " + LocalText(at, declared.time_zone))};
  }
  Succession out;
  if (at > now_) {
    out.versions = CutAt(at);
    declared.effective_since = ToTime(at);
  }
  out.line = Describe(declared, at);
  out.versions.push_back(std::move(declared));
  return out;
}

}  // namespace tocsin
