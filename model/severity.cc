#include "model/severity.h"

#include <algorithm>
#include <iterator>

#include "base/strings.h"

namespace tocsin {
namespace {

struct Word {
  std::string_view word;
  Severity severity;
};

constexpr Word kWords[] = {
    {"critical",      Severity::kCritical},
    {"crit",          Severity::kCritical},
    {"fatal",         Severity::kCritical},
    {"emergency",     Severity::kCritical},
    {"emerg",         Severity::kCritical},
    {"disaster",      Severity::kCritical},
    {"page",          Severity::kCritical},
    {"down",          Severity::kCritical},
    {"unreachable",   Severity::kCritical},
    {"p1",            Severity::kCritical},
    {"s1",            Severity::kCritical},
    {"sev1",          Severity::kCritical},
    {"high",          Severity::kHigh    },
    {"major",         Severity::kHigh    },
    {"error",         Severity::kHigh    },
    {"err",           Severity::kHigh    },
    {"p2",            Severity::kHigh    },
    {"s2",            Severity::kHigh    },
    {"sev2",          Severity::kHigh    },
    {"warning",       Severity::kWarning },
    {"warn",          Severity::kWarning },
    {"medium",        Severity::kWarning },
    {"minor",         Severity::kWarning },
    {"average",       Severity::kWarning },
    {"p3",            Severity::kWarning },
    {"s3",            Severity::kWarning },
    {"sev3",          Severity::kWarning },
    {"low",           Severity::kLow     },
    {"p4",            Severity::kLow     },
    {"s4",            Severity::kLow     },
    {"sev4",          Severity::kLow     },
    {"info",          Severity::kInfo    },
    {"information",   Severity::kInfo    },
    {"informational", Severity::kInfo    },
    {"notice",        Severity::kInfo    },
    {"debug",         Severity::kInfo    },
    {"ok",            Severity::kInfo    },
    {"up",            Severity::kInfo    },
    {"p5",            Severity::kInfo    },
    {"s5",            Severity::kInfo    },
    {"sev5",          Severity::kInfo    },
};

constexpr std::string_view kNames[] = {"unknown", "info", "low", "warning", "high", "critical"};

bool EqualIgnoringCase(std::string_view word, std::string_view lower) {
  return std::equal(word.begin(), word.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; });
}

}  // namespace

std::string_view Name(Severity severity) {
  return kNames[static_cast<std::size_t>(severity)];
}

Severity ParseSeverity(std::string_view word) {
  if (word.empty()) return Severity::kUnknown;
  if (const std::optional<Severity> known = SeverityFromName(word)) return *known;  // nearly always
  const std::string_view trimmed = Trim(word);
  const auto* found = std::find_if(std::begin(kWords), std::end(kWords),
                                   [&](const Word& w) { return EqualIgnoringCase(trimmed, w.word); });
  return found == std::end(kWords) ? Severity::kUnknown : found->severity;
}

std::optional<Severity> SeverityFromName(std::string_view name) {
  // By size and first letter before all else: no two of them agree in both.
  const auto* found = std::find_if(std::begin(kNames), std::end(kNames), [name](std::string_view known) {
    return known.size() == name.size() && known.front() == name.front() && known == name;
  });
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<Severity>(found - std::begin(kNames));
}

}  // namespace tocsin
