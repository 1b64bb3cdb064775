// Expands recurrence rules for recurrence_rules_test.py: `START RULE LAST LIMIT` on each line in, the yield on each line out.
#include <cstdio>
#include <iostream>
#include <string>

#include "escalation/recurrence_rule.h"

namespace tocsin {
namespace {

void Run() {
  std::string start_text;
  std::string rule_text;
  std::string last_text;
  std::size_t limit = 0;
  while (std::cin >> start_text >> rule_text >> last_text >> limit) {
    absl::CivilMinute start;
    absl::CivilMinute last;
    const absl::StatusOr<RecurrenceRule> rule = ParseRecurrenceRule(rule_text);
    if (!rule.ok() || !absl::ParseCivilTime(start_text, &start) || !absl::ParseCivilTime(last_text, &last)) {
      std::puts("wrong");
      continue;
    }
    std::string out;
    for (const WallTime each : Expand(*rule, start, ToWallTime(absl::CivilSecond(last)), limit)) {
      out += absl::FormatCivilTime(absl::CivilMinute(absl::CivilSecond(1970) + each.seconds)) + " ";
    }
    std::puts(out.c_str());
  }
}

}  // namespace
}  // namespace tocsin

int main() {
  tocsin::Run();
}
