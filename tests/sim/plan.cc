#include "tests/sim/plan.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

#include "base/status.h"
#include "base/strings.h"

namespace tocsin::sim {
namespace {

struct Setting {
  std::string_view name;
  std::int64_t Settings::*value;
};
constexpr Setting kSettings[] = {
    {"seed",         &Settings::seed        },
    {"length_ms",    &Settings::length_ms   },
    {"shards",       &Settings::shards      },
    {"organisation", &Settings::organisation},
    {"checkpoint_s", &Settings::checkpoint_s},
    {"audit_s",      &Settings::audit_s     },
    {"segment_kb",   &Settings::segment_kb  },
    {"restless",     &Settings::restless    },
    {"canary_s",     &Settings::canary_s    },
    {"lying_disk",   &Settings::lying_disk  },
};

// By Line::Kind: its name, whether something breaks, and what its numbers are.
struct KindText {
  std::string_view name;
  bool fault;
  std::array<std::string_view, 4> values;
};
constexpr KindText kKindTexts[] = {
    {"fire",          false, {"key", "count", "severity"}              }, // severity 0: the service's own
    {"resolve",       false, {"key", "count"}                          },
    {"acknowledge",   false, {"pick", "user"}                          },
    {"snooze",        false, {"pick", "user", "for_ms"}                },
    {"unacknowledge", false, {"pick"}                                  },
    {"merge",         false, {"pick", "part"}                          },
    {"split",         false, {"pick"}                                  },
    {"close",         false, {"pick"}                                  },
    {"escalate",      false, {"pick"}                                  },
    {"reroute",       false, {"pick"}                                  },
    {"silence",       false, {"service", "for_ms", "in_ms", "window"}  }, // window: of maintenance
    {"expire",        false, {"pick"}                                  },
    {"reload",        false, {"organisation"}                          },
    {"ping",          false, {"pick"}                                  },
    {"test_page",     false, {"user"}                                  },
    {"cut",           true,  {"kind", "down_ms", "operations", "steps"}}, // of the disk before it, steps of stages before that
    {"kill",          true,  {"down_ms", "steps"}                      },
    {"fail_sync",     true,  {"nth", "down_ms"}                        },
    {"fail_write",    true,  {"nth", "down_ms"}                        },
    {"full",          true,  {"free_kb", "for_ms"}                     },
    {"read_only",     true,  {"for_ms"}                                },
    {"jump",          true,  {"by_ms"}                                 },
    {"sleep",         true,  {"for_ms"}                                },
    {"provider",      true,  {"method", "mood", "for_ms"}              },
    {"stall",         true,  {"stage", "for_ms"}                       },
    {"stuck_cut",     true,  {"kind", "down_ms", "for_ms"}             }, // the committer stands still for so long before it
    {"open_incident", false, {"pick", "user", "escalates"}             }, // about that group
    {"own_incident",  false, {"pick", "user"}                          },
    {"end_incident",  false, {"pick", "user"}                          },
};
static_assert(std::size(kKindTexts) == Line::kKinds);

const KindText& TextOf(Line::Kind kind) {
  return kKindTexts[static_cast<std::size_t>(kind)];
}

std::optional<std::int64_t> ReadNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// hh:mm:ss.mmm since the world began.
absl::StatusOr<absl::Duration> ReadTime(std::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(text), absl::ByAnyChar(":."));
  std::int64_t numbers[4] = {};
  if (parts.size() != 4) return Invalid("\"%s\" is not a time such as 01:02:03.004", text);
  for (std::size_t i = 0; i < 4; ++i) {
    const std::optional<std::int64_t> number = ReadNumber(parts[i]);
    if (!number) return Invalid("\"%s\" is not a time such as 01:02:03.004", text);
    numbers[i] = *number;
  }
  return absl::Hours(numbers[0]) + absl::Minutes(numbers[1]) + absl::Seconds(numbers[2]) +
         absl::Milliseconds(numbers[3]);
}

absl::Status ReadSetting(const std::vector<std::string>& words, Settings& settings) {
  if (words.size() != 3) return Invalid("a setting is \"set NAME NUMBER\"");
  const auto* found = std::ranges::find(kSettings, std::string_view(words[1]), &Setting::name);
  const std::optional<std::int64_t> number = ReadNumber(words[2]);
  if (found == std::end(kSettings)) return Invalid("there is no setting \"%s\"", words[1]);
  if (!number) return Invalid("\"%s\" is not a number", words[2]);
  settings.*(found->value) = *number;
  return absl::OkStatus();
}

absl::Status ReadValue(const std::string& word, const KindText& text, Line& line) {
  const std::size_t equal = word.find('=');
  const std::string_view name = std::string_view(word).substr(0, equal);
  const auto* found = std::ranges::find(text.values, name);
  if (equal == std::string::npos || found == text.values.end() || name.empty()) {
    return Invalid("%s has no \"%s\"", text.name, word);
  }
  const std::optional<std::int64_t> number = ReadNumber(std::string_view(word).substr(equal + 1));
  if (!number) return Invalid("\"%s\" is not a number", word);
  line.values[static_cast<std::size_t>(found - text.values.begin())] = *number;
  return absl::OkStatus();
}

absl::StatusOr<Line> ReadLine(const std::vector<std::string>& words) {
  Line line;
  TOCSIN_ASSIGN(line.at, ReadTime(words[0]));
  if (words.size() < 2) return Invalid("nothing happens at %s", words[0]);
  const auto* found = std::ranges::find(kKindTexts, std::string_view(words[1]), &KindText::name);
  if (found == std::end(kKindTexts)) return Invalid("there is no operation \"%s\"", words[1]);
  line.kind = static_cast<Line::Kind>(found - std::begin(kKindTexts));
  for (std::size_t i = 2; i < words.size(); ++i)
    TOCSIN_TRY(ReadValue(words[i], *found, line));
  return line;
}

}  // namespace

std::string_view Name(Line::Kind kind) {
  return TextOf(kind).name;
}
bool IsFault(Line::Kind kind) {
  return TextOf(kind).fault;
}

// Each line that is played is printed, so without the formats.
std::string Print(const Line& line) {
  const std::int64_t ms = absl::ToInt64Milliseconds(line.at);
  std::string text =
      absl::StrCat(absl::Dec(ms / 3'600'000, absl::kZeroPad2), ":", absl::Dec(ms / 60'000 % 60, absl::kZeroPad2), ":",
                   absl::Dec(ms / 1000 % 60, absl::kZeroPad2), ".");
  absl::StrAppend(&text, absl::Dec(ms % 1000, absl::kZeroPad3), " ", ToAbsl(TextOf(line.kind).name));
  for (std::size_t i = 0; i < line.values.size(); ++i) {
    const std::string_view name = TextOf(line.kind).values[i];
    if (!name.empty()) absl::StrAppend(&text, " ", ToAbsl(name), "=", line.values[i]);
  }
  return text;
}

void DropWhatIsNotPrinted(Line& line) {
  for (std::size_t i = 0; i < line.values.size(); ++i)
    if (TextOf(line.kind).values[i].empty()) line.values[i] = 0;
}

std::string Print(const Plan& plan) {
  std::string text;
  for (const Setting& setting : kSettings)
    absl::StrAppendFormat(&text, "set %s %d\n", setting.name, plan.settings.*(setting.value));
  for (const Line& line : plan.lines)
    absl::StrAppendFormat(&text, "%s\n", Print(line));
  return text;
}

absl::StatusOr<Plan> ParsePlan(std::string_view text) {
  Plan plan;
  int number = 0;
  for (const auto& row : absl::StrSplit(ToAbsl(text), '\n')) {
    ++number;
    const std::string whole(row.substr(0, row.find('#')));
    const std::vector<std::string> words = absl::StrSplit(whole, ' ', absl::SkipWhitespace());
    if (words.empty()) continue;
    if (words[0] == "set") {
      TOCSIN_TRY(Annotate(ReadSetting(words, plan.settings), absl::StrFormat("line %d", number)));
      continue;
    }
    const absl::StatusOr<Line> line = ReadLine(words);
    TOCSIN_TRY(Annotate(line.status(), absl::StrFormat("line %d", number)));
    if (!plan.lines.empty() && line->at < plan.lines.back().at)
      return Invalid("line %d: it is earlier than the one before", number);
    plan.lines.push_back(*line);
  }
  return plan;
}

}  // namespace tocsin::sim
