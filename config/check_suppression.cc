// Inhibition rules, time intervals, maintenance windows.
#include <algorithm>

#include "base/limits.h"
#include "config/check_context.h"

namespace tocsin {
namespace {

// A side that any alert would match, for want of a matcher that asks for a label, is a slip of the pen and would hold back
// everything, or for ever.
void CheckSide(CheckContext& context, const std::string& path, const std::vector<Matcher>& matchers) {
  CheckMatchers(context, path, matchers);
  const bool asks = std::ranges::any_of(matchers, [](const Matcher& matcher) {
    const auto compiled = CompiledMatchers::Compile({&matcher, 1});
    return compiled.ok() && !compiled->Match(std::span<const Label>());
  });
  if (!asks) context.Report(path, "at least one matcher must not match the empty string: it would match every alert");
}

}  // namespace

void CheckInhibitionRules(CheckContext& context) {
  const std::vector<InhibitionRule>& rules = context.organisation().inhibition_rules;
  context.CheckIds("inhibition_rules", rules, "inhibition rule");
  if (rules.size() > limits::kInhibitionRules) {
    context.Report("inhibition_rules", absl::StrFormat("%d rules, at most %d", rules.size(), limits::kInhibitionRules));
  }
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string path = absl::StrFormat("inhibition_rules[%d]", i);
    CheckSide(context, path + ".source_matchers", rules[i].source_matchers);
    CheckSide(context, path + ".target_matchers", rules[i].target_matchers);
    CheckLabelNames(context, path + ".equal", rules[i].equal);
  }
}

void CheckTimeIntervals(CheckContext& context) {
  const std::vector<TimeInterval>& intervals = context.organisation().time_intervals;
  context.CheckIds("time_intervals", intervals, "time interval");
  if (intervals.size() > limits::kTimeIntervals) {
    context.Report("time_intervals",
                   absl::StrFormat("%d intervals, at most %d", intervals.size(), limits::kTimeIntervals));
  }
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    const std::string path = absl::StrFormat("time_intervals[%d].time_intervals", i);
    const std::vector<RecurringTime>& times = intervals[i].time_intervals;
    if (times.empty()) context.Report(path, "is empty: nothing is ever inside");
    if (times.size() > limits::kRecurringTimes) {
      context.Report(path, absl::StrFormat("%d of them, at most %d", times.size(), limits::kRecurringTimes));
    }
    for (std::size_t k = 0; k < times.size(); ++k) {
      const std::string item = absl::StrFormat("%s[%d]", path, k);
      context.Require(item, CheckRecurringTime(times[k]));
      if (times[k].location == "Local") {
        context.Report(item + ".location", "Local is whatever the machine says: name the zone, such as Europe/Berlin");
      } else if (!times[k].location.empty()) {
        context.Require(item + ".location", CheckTimeZone(times[k].location));
      }
    }
  }
}

void CheckMaintenance(CheckContext& context) {
  const std::vector<MaintenanceWindow>& windows = context.organisation().maintenance;
  context.CheckIds("maintenance", windows, "maintenance window");
  if (windows.size() > limits::kSilences) {
    context.Report("maintenance", absl::StrFormat("%d windows, at most %d", windows.size(), limits::kSilences));
  }
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const MaintenanceWindow& window = windows[i];
    const std::string path = absl::StrFormat("maintenance[%d]", i);
    if (window.matchers.empty() != window.service.set()) {
      context.Report(path, "must have either matchers or a service");
    }
    if (window.service.set()) context.Refer(path + ".service", window.service.value(), context.services);
    if (!window.matchers.empty()) CheckSide(context, path + ".matchers", window.matchers);
    for (std::size_t k = 0; k < window.time_intervals.size(); ++k) {
      context.Refer(absl::StrFormat("%s.time_intervals[%d]", path, k), window.time_intervals[k].value(),
                    context.time_intervals);
    }
    if (window.time_intervals.empty() && !(window.starts_at && window.ends_at)) {
      context.Report(path, "needs starts_at and ends_at, or time_intervals in which it comes round");
    }
    if (window.starts_at && window.ends_at && *window.ends_at <= *window.starts_at) {
      context.Report(path + ".ends_at", "is not after starts_at");
    }
    context.Require(path + ".comment", CheckLine(window.comment));
  }
}

}  // namespace tocsin
