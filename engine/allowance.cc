#include "engine/allowance.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "base/strings.h"

namespace tocsin {
namespace {

using Lane = Notification::Lane;

constexpr MessageLimit kVoice[] = {
    {3, 1, absl::Minutes(15)},
    {8, 3, absl::Hours(1)   },
};
constexpr MessageLimit kSms[] = {
    {6,  2, absl::Minutes(5)},
    {20, 6, absl::Hours(1)  },
};
constexpr MessageLimit kEmail[] = {
    {10, 3,  absl::Minutes(5)},
    {60, 20, absl::Hours(1)  },
};
constexpr MessageLimit kSlack[] = {
    {20, 6, absl::Minutes(1)},
};
constexpr MessageLimit kPrograms[] = {
    {120, 30, absl::Minutes(1)},
};

// The part of a limit that a lane may fill up.
std::int32_t Share(const MessageLimit& limit, Lane lane) {
  switch (lane) {
    case Lane::kCritical: return std::max(limit.messages, 1);
    case Lane::kNormal: return std::max(limit.messages - limit.critical, 1);
    case Lane::kRest: return std::max((limit.messages - limit.critical + 1) / 2, 1);
  }
  return 1;
}

// Whether one limit lets a message through at `at`; when not, when to ask again.
struct LimitVerdict {
  bool allowed = false;
  EngineTime ask_again = EngineTime::Infinite();
};
LimitVerdict Judge(const MessageLimit& limit, std::span<const Throttle::Sent> sent, Lane lane, EngineTime at) {
  std::int32_t mine = 0;
  std::int32_t others = 0;
  EngineTime last;
  LimitVerdict verdict;
  for (const Throttle::Sent& message : sent) {
    const EngineTime leaves = message.at + limit.window;
    if (leaves <= at) continue;
    verdict.ask_again = std::min(verdict.ask_again, leaves);
    if (message.lane == lane) {
      ++mine;
      last = std::max(last, message.at);
    } else {
      ++others;
    }
  }
  const std::int32_t budget = Share(limit, lane) - others;
  if (mine >= budget) return verdict;
  const std::int32_t burst = (budget + 1) / 2;
  const EngineTime spread = last + limit.window / (budget - burst + 1);
  verdict.allowed = mine < burst || spread <= at;
  if (!verdict.allowed) verdict.ask_again = std::min(verdict.ask_again, spread);
  return verdict;
}

// A message that names more than these stands for every topic.
constexpr std::size_t kTopicsNamed = 16;

bool IsAbout(std::string_view topics, std::string_view topic) {
  if (topics.empty()) return true;
  for (const auto each : absl::StrSplit(ToAbsl(topics), '\n'))
    if (ToStd(each) == topic) return true;
  return false;
}

bool StandsInTheWay(Lane sent, Lane asked) {
  switch (asked) {
    case Lane::kCritical: return false;
    case Lane::kNormal: return sent != Lane::kRest;
    case Lane::kRest: return sent == Lane::kRest;
  }
  return true;
}

}  // namespace

std::span<const MessageLimit> DefaultLimits(ContactMethod::Kind kind) {
  switch (kind) {
    case ContactMethod::Kind::kEmail: return kEmail;
    case ContactMethod::Kind::kSms: return kSms;
    case ContactMethod::Kind::kVoice: return kVoice;
    case ContactMethod::Kind::kSlackWebhook:
    case ContactMethod::Kind::kSlack: return kSlack;
    case ContactMethod::Kind::kTerminal:
    case ContactMethod::Kind::kWebhook: return kPrograms;
  }
  return kEmail;
}

std::span<const MessageLimit> LimitsOf(const Organisation* organisation, const ContactMethod& method) {
  if (!method.limits.empty()) return method.limits;
  if (organisation != nullptr) {
    const auto found = std::ranges::find(organisation->limits.kinds, method.kind, &KindLimits::kind);
    if (found != organisation->limits.kinds.end()) return found->limits;
  }
  return DefaultLimits(method.kind);
}

EngineTime WhenAllowed(std::span<const MessageLimit> limits,
                       std::span<const Throttle::Sent> sent,
                       Lane lane,
                       EngineTime now) {
  for (EngineTime at = now;;) {
    EngineTime next = at;
    for (const MessageLimit& limit : limits) {
      const LimitVerdict verdict = Judge(limit, sent, lane, at);
      if (!verdict.allowed) next = std::max(next, verdict.ask_again);
    }
    if (next == at) return at;
    at = next;
  }
}

std::string JoinTopics(const std::set<std::string>& topics) {
  return topics.size() <= kTopicsNamed ? absl::StrJoin(topics, "\n") : "";
}

EngineTime WhenUnbundled(
    absl::Duration window, std::span<const Throttle::Sent> sent, Lane lane, std::string_view topic, EngineTime now) {
  EngineTime when = now;
  for (const Throttle::Sent& message : sent) {
    if (!StandsInTheWay(message.lane, lane) || !IsAbout(message.topic, topic)) continue;
    when = std::max(when, message.at + window);
  }
  return when;
}

absl::Duration LongestWindow(std::span<const MessageLimit> limits, absl::Duration bundle_window) {
  absl::Duration longest = bundle_window;
  for (const MessageLimit& limit : limits)
    longest = std::max(longest, limit.window);
  return longest;
}

}  // namespace tocsin
