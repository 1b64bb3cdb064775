#include "engine/responder_silences.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/limits.h"
#include "base/strings.h"
#include "engine/message.h"

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

absl::Status Check(const Turn& turn, const Silence& silence) {
  TOCSIN_TRY(CheckMatchers(silence.matchers));
  if (silence.ends_at <= silence.starts_at) {
    return Invalid("the silence ends at %s, which is not after its start at %s", Instant(silence.ends_at),
                   Instant(silence.starts_at));
  }
  if (silence.ends_at <= turn.now().wall) {
    return Invalid("the silence ends at %s, which is past; it is %s", Instant(silence.ends_at),
                   Instant(turn.now().wall));
  }
  if (silence.comment.size() > kCommentBytes) return Invalid("the comment is longer than %d bytes", kCommentBytes);
  if (!IsValidUtf8(silence.comment) || !IsValidUtf8(silence.created_by)) return Invalid("the comment is not UTF-8");
  return absl::OkStatus();
}

void ArmEdge(Turn& turn, const Silence& silence) {
  turn.ArmWall(EdgeTimer(silence.id), silence.starts_at > turn.now().wall ? silence.starts_at : silence.ends_at);
}

void Ended(Turn& turn, const Silence& silence, std::string_view how) {
  turn.Disarm(EdgeTimer(silence.id));
  turn.Arm(RetentionTimer(silence.id), turn.now().engine + turn.options().keep_closed);
  turn.Note(Kind::kSilenceEnded, SubjectOf(silence.id),
            absl::StrCat("S", silence.id.value(), " ", OneLine(Format(std::span<const Matcher>(silence.matchers)), 300),
                         " ", ToAbsl(how)));
  turn.PublishRules();
}

absl::StatusOr<const Silence*> FindUnended(const Turn& turn, SilenceId id) {
  const Silence* silence = turn.Find<Silence>(id);
  if (silence == nullptr) return NotFound("silence S%d is not known", id.value());
  if (turn.FindTimer(EdgeTimer(id)) == nullptr) {
    return Precondition("silence S%d ended at %s: make a new one", id.value(), Instant(silence->ends_at));
  }
  return silence;
}

}  // namespace

// By its timer, not by the clock: one that has ended does not come back when the wall clock jumps back, and one that has
// begun holds until its end.
std::vector<Silence> SilencesInEffect(const ResponderState& state) {
  std::vector<Silence> active;
  for (const auto& [id, silence] : state.silences) {
    const auto edge = state.timer_of.find(EdgeTimer(id));
    if (edge == state.timer_of.end()) continue;
    if (state.timers.at(edge->second).due_wall == silence.ends_at) active.push_back(silence);
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
    TOCSIN_ASSIGN(const Silence* before, FindUnended(turn, wanted.id));
    if (before->ActiveAt(turn.now().wall)) wanted.starts_at = std::min(wanted.starts_at, before->starts_at);
  } else {
    wanted.id = turn.Create<Silence>().id;
  }
  if (wanted.created_by.empty()) wanted.created_by = turn.actor();
  wanted.updated_at = turn.now().wall;
  Silence& silence = turn.Edit<Silence>(wanted.id);
  silence = std::move(wanted);
  ArmEdge(turn, silence);
  turn.Note(Kind::kSilenceCreated, SubjectOf(silence.id),
            absl::StrCat("S", silence.id.value(), replaces ? " changed: " : ": ",
                         OneLine(Format(std::span<const Matcher>(silence.matchers)), 300), " from ",
                         Instant(silence.starts_at), " to ", Instant(silence.ends_at), ", by ", silence.created_by,
                         silence.comment.empty() ? "" : ": ", OneLine(silence.comment, 300)));
  turn.PublishRules();
  return silence.id;
}

absl::Status ExpireSilenceBy(Turn& turn, const ExpireSilence& command) {
  TOCSIN_TRY(FindUnended(turn, command.silence).status());
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
  ArmEdge(turn, *silence);
  turn.PublishRules();
}

}  // namespace tocsin
