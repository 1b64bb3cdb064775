#include "ingest/event_builder.h"

#include <algorithm>

#include "absl/strings/match.h"

#include "base/limits.h"
#include "base/strings.h"
#include "ingest/fields.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

// More than an alert may have, so that what is over that shows as it does for every sender; a bound all the same.
constexpr std::size_t kMostLabels = 200;
constexpr std::size_t kMostAnnotations = 200;

struct StatusWord {
  std::string_view word;
  EventKind kind;
};
constexpr StatusWord kStatusWords[] = {
    {"ack",          EventKind::kAcknowledge},
    {"acked",        EventKind::kAcknowledge},
    {"acknowledge",  EventKind::kAcknowledge},
    {"acknowledged", EventKind::kAcknowledge},
    {"clear",        EventKind::kResolve    },
    {"cleared",      EventKind::kResolve    },
    {"close",        EventKind::kResolve    },
    {"closed",       EventKind::kResolve    },
    {"inactive",     EventKind::kResolve    },
    {"normal",       EventKind::kResolve    },
    {"ok",           EventKind::kResolve    },
    {"recovered",    EventKind::kResolve    },
    {"recovery",     EventKind::kResolve    },
    {"resolve",      EventKind::kResolve    },
    {"resolved",     EventKind::kResolve    },
    {"success",      EventKind::kResolve    },
    {"up",           EventKind::kResolve    },
    {"active",       EventKind::kTrigger    },
    {"alert",        EventKind::kTrigger    },
    {"alerting",     EventKind::kTrigger    },
    {"down",         EventKind::kTrigger    },
    {"error",        EventKind::kTrigger    },
    {"firing",       EventKind::kTrigger    },
    {"open",         EventKind::kTrigger    },
    {"opened",       EventKind::kTrigger    },
    {"problem",      EventKind::kTrigger    },
    {"trigger",      EventKind::kTrigger    },
    {"triggered",    EventKind::kTrigger    },
};

bool SaysSomething(std::string_view text) {
  return !Trim(text).empty() && !IsUnfilledPlaceholder(Trim(text));
}

bool IsWebAddress(std::string_view url) {
  return absl::StartsWithIgnoreCase(ToAbsl(url), "http://") || absl::StartsWithIgnoreCase(ToAbsl(url), "https://");
}

}  // namespace

EventBuilder& EventBuilder::Key(std::initializer_list<std::string_view> parts) {
  std::string key;
  bool says_something = false;
  for (const std::string_view& part : parts) {
    if (&part != parts.begin()) key += '/';
    if (!SaysSomething(part)) continue;
    says_something = true;
    for (const char c : Trim(part)) {
      if (c == '/' || c == '\\') key += '\\';
      key += c;
    }
  }
  event_.dedup_key = says_something ? std::move(key) : "";
  return *this;
}

EventBuilder& EventBuilder::WholeKey(std::string_view key) {
  event_.dedup_key = Trim(key);
  return *this;
}

EventBuilder& EventBuilder::Kind(EventKind kind) {
  event_.kind = kind;
  return *this;
}

EventBuilder& EventBuilder::Severity(tocsin::Severity severity) {
  event_.severity = severity;
  return *this;
}

EventBuilder& EventBuilder::StartsAt(std::string_view text) {
  return StartsAt(ParseAnyTime(text));
}

EventBuilder& EventBuilder::StartsAt(std::optional<absl::Time> time) {
  if (time) event_.starts_at = time;
  return *this;
}

EventBuilder& EventBuilder::EndsAt(std::optional<absl::Time> time) {
  if (time) event_.ends_at = time;
  return *this;
}

EventBuilder& EventBuilder::Link(std::string_view url) {
  if (event_.link.empty() && SaysSomething(url) && IsWebAddress(Trim(url))) event_.link = Trim(url);
  return *this;
}

EventBuilder& EventBuilder::Label(std::string_view name, std::string_view value) {
  name = Trim(name);
  value = Trim(value);
  if (name.empty() || !SaysSomething(value) || !Find(event_.labels, name).empty()) return *this;
  if (event_.labels.size() >= kMostLabels) return Annotation(name, value);
  event_.labels.push_back({std::string(name), std::string(value)});
  return *this;
}

EventBuilder& EventBuilder::Annotation(std::string_view name, std::string_view text) {
  text = Trim(text);
  if (event_.annotations.size() >= kMostAnnotations) return *this;
  if (name.empty() || !SaysSomething(text) || !Find(event_.annotations, name).empty()) return *this;
  event_.annotations.push_back({std::string(TruncateUtf8(name, limits::kLabelNameBytes)), std::string(text)});
  return *this;
}

Reading EventBuilder::Finish(std::string_view missing) && {
  if (event_.dedup_key.empty()) return Reading::Rejected(std::string(missing));
  return Reading::Of(std::move(event_));
}

Reading EventBuilder::FinishAs(std::string_view key, std::string_view missing) && {
  event_.dedup_key = key;
  if (key.empty() && event_.labels.empty()) return Reading::Rejected(std::string(missing));
  return Reading::Of(std::move(event_));
}

std::optional<EventKind> ParseStatusWord(std::string_view word) {
  const std::string lower = ToLower(Trim(word));
  const auto* found = std::ranges::find(kStatusWords, std::string_view(lower), &StatusWord::word);
  if (found == std::end(kStatusWords)) return std::nullopt;
  return found->kind;
}

}  // namespace tocsin
