// The verbs of `tocsin schedule`. Each file has some of them, with their options.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "cli/arguments.h"
#include "cli/client.h"

namespace tocsin {

struct ScheduleVerb {
  std::string_view name;
  std::string_view usage;
  absl::Status (*run)(const Arguments& arguments, const Client& client);  // positional()[0] is the verb
};

// The one that is named first, or which there are.
absl::Status RunVerb(std::span<const ScheduleVerb> verbs, const Arguments& arguments, const Client& client);

// show: who is on when, as days by weeks.
absl::Status ShowScheduleCalendar(const Arguments& arguments, const Client& client);

// Those that only ask: show, gaps, fairness, next, diff, link, from-ical.
bool IsScheduleQuestion(std::string_view verb);
int RunScheduleQuestion(std::span<const std::string> arguments);

// override, swap, take; and history.
bool IsScheduleChange(std::string_view verb);
int RunScheduleChange(std::span<const std::string> arguments);
std::span<const ScheduleVerb> ScheduleChangeVerbs();
std::span<const OptionSpec> ScheduleChangeOptions();

}  // namespace tocsin
