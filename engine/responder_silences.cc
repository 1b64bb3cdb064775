#include "engine/responder_silences.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"

#include "base/limits.h"
#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_holds.h"
#include "escalation/time_intervals.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;

constexpr std::size_t kCommentBytes = 4096;
constexpr std::size_t kNameBytes = limits::kLabelNameBytes;
constexpr std::size_t kValueBytes = limits::kLabelValueBytes;

TimerKey EdgeTimer(SilenceId id) {
  return {Timer::Kind::kSilenceEdge, id.value()};
}
TimerKey RetentionTimer(SilenceId id) {
  return {Timer::Kind::kRetention, id.value()};
}

std::size_t Unended(const Turn& turn) {
  return static_cast<std::size_t>(std::ranges::count_if(turn.state().silences, [&](const auto& entry) {
    return turn.state().timer_of.contains(EdgeTimer(entry.first));
  }));
}

// A compiled pattern takes memory by its length, many times over.
std::size_t RegexBytes(const Silence& silence) {
  std::size_t bytes = 0;
  for (const Matcher& matcher : silence.matchers) {
    if (matcher.op == MatchOp::kRegex || matcher.op == MatchOp::kNotRegex) bytes += matcher.value.size();
  }
  return bytes;
}

absl::Status CheckRoom(const Turn& turn, const Silence& wanted) {
  const std::size_t own = RegexBytes(wanted);
  if (!wanted.id.set() && Unended(turn) >= limits::kSilences) {
    return Exhausted("there are %d silences already; end some that are not needed", limits::kSilences);
  }
  std::size_t all = own;
  for (const auto& [id, silence] : turn.state().silences) {
    if (id != wanted.id && turn.state().timer_of.contains(EdgeTimer(id))) all += RegexBytes(silence);
  }
  if (own > 0 && all > limits::kSilenceRegexBytes) {
    return Exhausted(
        "the regular expressions of all silences would have %d bytes, at most %d; end some, or match with = "
        "instead of =~",
        all, limits::kSilenceRegexBytes);
  }
  return absl::OkStatus();
}

// "S5", "M6".
std::string NameOf(const Silence& silence) {
  return absl::StrCat(silence.maintenance ? "M" : "S", silence.id.value());
}

std::string WhatOf(const Silence& silence) {
  if (silence.service.set()) return absl::StrCat("service ", silence.service.value());
  return OneLine(Format(std::span<const Matcher>(silence.matchers)), 300);
}

// The groups of a window's service are held back and let go by the responder; alerts that match, by the shards.
void TakeEffect(Turn& turn, const Silence& silence) {
  for (const GroupKey key : OpenGroupsOf(turn.state(), silence.service))
    turn.ReviewLater(key);
  if (!silence.matchers.empty()) turn.PublishRules();
}

absl::Status CheckMatchers(const std::vector<Matcher>& matchers) {
  if (matchers.empty()) return Invalid("a silence needs at least one matcher");
  if (matchers.size() > limits::kMatchersPerSilence) {
    return Invalid("a silence has %d matchers, at most %d", matchers.size(), limits::kMatchersPerSilence);
  }
  for (const Matcher& matcher : matchers) {
    if (matcher.name.empty()) return Invalid("a matcher has no label name");
    if (matcher.name.size() > kNameBytes || matcher.value.size() > kValueBytes) {
      return Invalid("matcher %s is too long", OneLine(Format(matcher), 100));
    }
    if (!IsValidUtf8(matcher.name) || !IsValidUtf8(matcher.value)) return Invalid("a matcher is not UTF-8");
  }
  TOCSIN_ASSIGN(const CompiledMatchers compiled, CompiledMatchers::Compile(matchers));
  // A matcher that the empty string satisfies says nothing about an alert without the label. All such would silence
  // whatever there is.
  for (const Matcher& matcher : matchers) {
    TOCSIN_ASSIGN(const CompiledMatchers one, CompiledMatchers::Compile(std::span<const Matcher>(&matcher, 1)));
    if (!one.Match(std::span<const Label>())) return absl::OkStatus();
  }
  return Invalid("at least one matcher must not match the empty string: %s would silence everything",
                 OneLine(Format(std::span<const Matcher>(matchers)), 200));
}

absl::Status CheckMaintenance(const Turn& turn, const Silence& silence) {
  if (silence.service.set() != silence.matchers.empty()) {
    return Invalid("a maintenance window has either matchers or a service");
  }
  if (silence.service.set() &&
      (turn.organisation() == nullptr || turn.organisation()->Find(silence.service) == nullptr)) {
    return NotFound("service \"%s\" does not exist", OneLine(silence.service.value(), 100));
  }
  if (silence.recurrence.size() > limits::kRecurringTimes) {
    return Invalid("the window has %d recurring times, at most %d", silence.recurrence.size(), limits::kRecurringTimes);
  }
  if (silence.recurrence.empty() && silence.ends_at == absl::InfiniteFuture()) {
    return Invalid("a maintenance window that does not come round needs an end");
  }
  return Annotate(TimeIntervals::Compile(silence.recurrence).status(), "recurring time");
}

absl::Status Check(const Turn& turn, const Silence& silence) {
  if (silence.maintenance) TOCSIN_TRY(CheckMaintenance(turn, silence));
  if (!silence.service.set()) TOCSIN_TRY(CheckMatchers(silence.matchers));
  if (!silence.maintenance && (!silence.recurrence.empty() || silence.ends_at == absl::InfiniteFuture())) {
    return Invalid("a silence has an end and does not come round: that is a maintenance window");
  }
  if (silence.ends_at <= silence.starts_at) {
    return Invalid("it ends at %s, which is not after its start at %s", Instant(silence.ends_at),
                   Instant(silence.starts_at));
  }
  if (silence.ends_at <= turn.now().wall) {
    return Invalid("it ends at %s, which is past; it is %s", Instant(silence.ends_at), Instant(turn.now().wall));
  }
  if (silence.comment.size() > kCommentBytes) return Invalid("the comment is longer than %d bytes", kCommentBytes);
  if (!IsValidUtf8(silence.comment) || !IsValidUtf8(silence.created_by)) return Invalid("the comment is not UTF-8");
  return absl::OkStatus();
}

// Where it stands now, and when it is to be asked again.
void Stand(Turn& turn, Silence& silence) {
  const absl::Time now = turn.now().wall;
  absl::Time next = silence.starts_at > now ? silence.starts_at : silence.ends_at;
  bool in_effect = silence.starts_at <= now;
  if (in_effect && !silence.recurrence.empty()) {
    const absl::StatusOr<TimeIntervals> intervals = TimeIntervals::Compile(silence.recurrence);
    in_effect = intervals.ok() && intervals->Contains(now);
    if (intervals.ok()) next = std::min(next, intervals->NextChange(now));
  }
  if (silence.maintenance) silence.in_effect = in_effect;
  turn.ArmWall(EdgeTimer(silence.id), next);
}

void Ended(Turn& turn, const Silence& silence, std::string_view how) {
  turn.Disarm(EdgeTimer(silence.id));
  turn.Arm(RetentionTimer(silence.id), turn.now().engine + turn.options().keep_closed);
  turn.Note(Kind::kSilenceEnded, SubjectOf(silence.id),
            absl::StrCat(NameOf(silence), " ", WhatOf(silence), " ", ToAbsl(how)));
  TakeEffect(turn, silence);
}

absl::StatusOr<const Silence*> FindUnended(const Turn& turn, SilenceId id, bool maintenance) {
  const Silence* silence = turn.Find<Silence>(id);
  if (silence == nullptr || silence->maintenance != maintenance) {
    return maintenance ? NotFound("maintenance window M%d is not known", id.value())
                       : NotFound("silence S%d is not known", id.value());
  }
  if (turn.FindTimer(EdgeTimer(id)) == nullptr) {
    return Precondition("%s ended at %s: make a new one",
                        maintenance ? NameOf(*silence) : "silence " + NameOf(*silence), Instant(silence->ends_at));
  }
  if (silence->declared.set()) {
    return Precondition("M%d is declared in the organisation's YAML as %s: change it there and apply", id.value(),
                        silence->declared.value());
  }
  return silence;
}

void NoteMade(Turn& turn, const Silence& silence, bool replaces) {
  turn.Note(Kind::kSilenceCreated, SubjectOf(silence.id),
            absl::StrCat(NameOf(silence), replaces ? " changed: " : ": ", WhatOf(silence), " from ",
                         Instant(silence.starts_at), " to ",
                         silence.ends_at == absl::InfiniteFuture() ? "no end" : Instant(silence.ends_at),
                         silence.recurrence.empty() ? "" : ", inside of its time intervals", ", by ",
                         silence.created_by, silence.comment.empty() ? "" : ": ", OneLine(silence.comment, 300)));
}

// What a declared window comes to: the row that it should have.
Silence RowOf(const Turn& turn, const MaintenanceWindow& window) {
  Silence row;
  row.maintenance = true;
  row.declared = window.id;
  row.matchers = window.matchers;
  row.service = window.service;
  row.starts_at = window.starts_at.value_or(absl::UnixEpoch());
  row.ends_at = window.ends_at.value_or(absl::InfiniteFuture());
  row.comment = window.comment;
  row.created_by = "organisation";
  for (const TimeIntervalId& name : window.time_intervals) {
    const TimeInterval* interval = turn.organisation()->Find(name);
    if (interval == nullptr) continue;
    row.recurrence.insert(row.recurrence.end(), interval->time_intervals.begin(), interval->time_intervals.end());
  }
  return row;
}

void Declare(Turn& turn, Silence wanted, const Silence* before) {
  if (wanted.ends_at <= turn.now().wall) {
    if (before != nullptr) {
      Silence& row = turn.Edit<Silence>(before->id);
      row.ends_at = wanted.ends_at;
      Ended(turn, row, "is over, by the organisation as it is now");
    }
    return;
  }
  if (before != nullptr) {
    wanted.id = before->id;
    wanted.updated_at = before->updated_at;
    wanted.in_effect = before->in_effect;
    if (wanted == *before) return;
  }
  Silence& row = before != nullptr ? turn.Edit<Silence>(before->id) : turn.Create<Silence>();
  wanted.id = row.id;
  wanted.updated_at = turn.now().wall;
  if (before != nullptr) TakeEffect(turn, row);  // what it was
  row = std::move(wanted);
  Stand(turn, row);
  NoteMade(turn, row, before != nullptr);
  TakeEffect(turn, row);
}

}  // namespace

bool IsInEffect(const ResponderState& state, const Silence& silence) {
  const auto edge = state.timer_of.find(EdgeTimer(silence.id));
  if (edge == state.timer_of.end()) return false;
  return silence.maintenance ? silence.in_effect : state.timers.at(edge->second).due_wall == silence.ends_at;
}

std::vector<Silence> SilencesInEffect(const ResponderState& state) {
  std::vector<Silence> active;
  for (const auto& [id, silence] : state.silences) {
    if (!silence.matchers.empty() && IsInEffect(state, silence)) active.push_back(silence);
  }
  return active;
}

absl::StatusOr<SilenceId> CreateSilenceBy(Turn& turn, const CreateSilence& command) {
  Silence wanted = command.silence;
  if (wanted.starts_at < turn.now().wall) wanted.starts_at = turn.now().wall;  // the past is not silenced
  TOCSIN_TRY(Check(turn, wanted));
  TOCSIN_TRY(CheckRoom(turn, wanted));
  const bool replaces = wanted.id.set();
  if (replaces) {
    TOCSIN_ASSIGN(const Silence* before, FindUnended(turn, wanted.id, wanted.maintenance));
    if (before->ActiveAt(turn.now().wall)) wanted.starts_at = std::min(wanted.starts_at, before->starts_at);
  } else {
    wanted.id = turn.Create<Silence>().id;
  }
  if (wanted.created_by.empty()) wanted.created_by = turn.actor();
  wanted.updated_at = turn.now().wall;
  Silence& silence = turn.Edit<Silence>(wanted.id);
  silence = std::move(wanted);
  Stand(turn, silence);
  NoteMade(turn, silence, replaces);
  TakeEffect(turn, silence);
  return silence.id;
}

absl::Status ExpireSilenceBy(Turn& turn, const ExpireSilence& command) {
  TOCSIN_TRY(FindUnended(turn, command.silence, command.maintenance).status());
  Silence& silence = turn.Edit<Silence>(command.silence);
  silence.ends_at = turn.now().wall;
  silence.starts_at = std::min(silence.starts_at, silence.ends_at);
  silence.updated_at = turn.now().wall;
  Ended(turn, silence, absl::StrCat("ended by ", turn.actor()));
  return absl::OkStatus();
}

void SilenceEdge(Turn& turn, SilenceId id) {
  const Silence* silence = turn.Find<Silence>(id);
  if (silence == nullptr) return;
  if (silence->ends_at <= turn.now().wall) {
    Ended(turn, *silence, "has run out");
    return;
  }
  const bool was = IsInEffect(turn.state(), *silence);
  Silence& row = turn.Edit<Silence>(id);
  Stand(turn, row);
  if (row.recurrence.empty()) {
    TakeEffect(turn, row);
  } else if (row.in_effect != was) {
    turn.Note(Kind::kNote, SubjectOf(id),
              absl::StrCat(NameOf(row), " ", WhatOf(row), row.in_effect ? " begins" : " is over until it comes round"));
    TakeEffect(turn, row);
  }
}

void ApplyDeclaredMaintenance(Turn& turn) {
  std::map<MaintenanceId, const Silence*> rows;
  for (const auto& [id, row] : turn.state().silences) {
    if (row.declared.set() && turn.FindTimer(EdgeTimer(id)) != nullptr) rows[row.declared] = &row;
  }
  for (const MaintenanceWindow& window : turn.organisation()->maintenance) {
    const auto found = rows.find(window.id);
    Declare(turn, RowOf(turn, window), found == rows.end() ? nullptr : found->second);
    if (found != rows.end()) rows.erase(found);
  }
  for (const auto& [name, row] : rows) {
    Silence& gone = turn.Edit<Silence>(row->id);
    gone.ends_at = std::min(gone.ends_at, turn.now().wall);
    gone.starts_at = std::min(gone.starts_at, gone.ends_at);
    Ended(turn, gone, "is not declared any more");
  }
}

}  // namespace tocsin
