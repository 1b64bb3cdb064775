#include "model/heartbeat.h"

#include <algorithm>

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr absl::Duration kLongest = absl::Hours(24 * limits::kHeartbeatDays);
constexpr absl::Duration kShortest = absl::Seconds(1);

absl::Status CheckText(std::string_view field, std::string_view text, std::size_t bytes) {
  if (text.size() > bytes) return Invalid("%s: has %d bytes, at most %d", field, text.size(), bytes);
  if (!IsValidUtf8(text)) return Invalid("%s: is not UTF-8", field);
  return absl::OkStatus();
}

}  // namespace

std::string HeartbeatDedupKey(const HeartbeatName& name) {
  return "heartbeat/" + name.value();
}

absl::Status Check(const HeartbeatRule& rule) {
  if (!rule.id.set()) return Invalid("name: is missing");
  TOCSIN_TRY(CheckText("name", rule.id.value(), limits::kHeartbeatNameBytes));
  const bool printable = std::ranges::none_of(rule.id.value(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (!printable) return Invalid("name: has control characters in it");
  TOCSIN_TRY(CheckText("description", rule.description, limits::kHeartbeatDescriptionBytes));
  TOCSIN_TRY(CheckText("summary", rule.summary, limits::kHeartbeatTextBytes));
  if (rule.interval < kShortest || rule.interval > kLongest) {
    return Invalid("interval: %s, must be 1s to %d days", absl::FormatDuration(rule.interval), limits::kHeartbeatDays);
  }
  if (rule.grace < absl::ZeroDuration() || rule.grace > kLongest) {
    return Invalid("grace: %s, must be 0s to %d days", absl::FormatDuration(rule.grace), limits::kHeartbeatDays);
  }
  if (rule.labels.size() > limits::kHeartbeatLabels) {
    return Invalid("labels: %d, at most %d", rule.labels.size(), limits::kHeartbeatLabels);
  }
  for (const Label& label : rule.labels) {
    TOCSIN_TRY(CheckText("labels", label.name, limits::kLabelNameBytes));
    TOCSIN_TRY(CheckText("labels", label.value, limits::kHeartbeatTextBytes));
  }
  return absl::OkStatus();
}

}  // namespace tocsin
