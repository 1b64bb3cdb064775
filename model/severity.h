// How bad an alert is, as told by its sender. Words are free text out there; they are mapped without regard to case and
// never refused (specs/sources.md trap 14). Severity never implies state: a recovery may well say "critical" (trap 13).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tocsin {

enum class Severity : std::uint8_t {
  kUnknown = 0,
  kInfo = 1,
  kLow = 2,
  kWarning = 3,
  kHigh = 4,
  kCritical = 5
};

// "critical", "high", "warning", "low", "info", "unknown".
std::string_view Name(Severity severity);

// Understands the common words of all senders ("crit", "fatal", "P1", "sev2", "warn", "notice" ...); anything else is
// kUnknown.
Severity ParseSeverity(std::string_view word);

// Exactly one of the six names, for configuration and APIs.
std::optional<Severity> SeverityFromName(std::string_view name);

}  // namespace tocsin
