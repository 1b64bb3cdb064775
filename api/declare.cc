#include "api/declare.h"

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "config/problem.h"
#include "escalation/roster.h"
#include "ingest/source.h"

namespace tocsin {

std::vector<std::string> ProblemsBeyondText(const Organisation& organisation) {
  std::vector<std::string> problems = Roster::Problems(organisation);
  std::vector<std::string_view> names = {"stream"};
  for (const Source& source : Sources())
    names.push_back(source.name);
  for (const Integration& integration : organisation.integrations) {
    if (integration.source == "stream" || FindSource(integration.source) != nullptr) continue;
    std::string all;
    for (const std::string_view name : names)
      all += (all.empty() ? "" : ", ") + std::string(name);
    problems.push_back(absl::StrFormat("integration %s: source %s is unknown%s; there are: %s",
                                       JsonQuote(integration.id.value()), JsonQuote(integration.source),
                                       Suggestion(integration.source, names), all));
  }
  return problems;
}

}  // namespace tocsin
