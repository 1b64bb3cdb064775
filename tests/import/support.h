// What the tests of importers share: import, compile, and compare with somebody who says who is on call.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "escalation/roster.h"
#include "import/import.h"
#include "tests/import/naive.h"

namespace tocsin::import {

inline constexpr std::string_view kNow = "2026-01-10T12:00:00Z";

// Of text that is expected to be fine.
Imported ImportText(std::string_view source, const std::string& text);
// `check_span`: rules of the source are worked out a second way for so long from `check_since` on.
Imported ImportFiles(std::string_view source,
                     const std::vector<File>& files,
                     absl::Time check_since = {},
                     absl::Duration check_span = {});

Roster Compiled(const Imported& imported);

// Sorted ids, as the evaluator gives them.
using OnCall = std::function<std::vector<std::string>(absl::Time)>;
// The organisation's schedule against `naive`, each hour of [since, until) and at one more minute within it.
void ExpectSame(
    const Imported& imported, const ScheduleId& schedule, absl::Time since, absl::Time until, const OnCall& naive);

// "who: file: path: lost" of each.
std::vector<std::string> Told(const Imported& imported, Grade grade);
// YAML of it, read again with senders beside it: what could be applied.
std::vector<std::string> ProblemsWhenApplied(const Imported& imported);

}  // namespace tocsin::import
