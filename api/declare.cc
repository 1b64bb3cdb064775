#include "api/declare.h"

#include <array>
#include <memory>
#include <set>

#include "absl/strings/str_format.h"
#include <arpa/inet.h>

#include "base/strings.h"
#include "config/problem.h"
#include "config/text.h"
#include "escalation/roster.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

constexpr absl::Duration kLookAhead = absl::Hours(24 * 28);
constexpr std::size_t kGapWarnings = 100;

// The address that a URL's host is, without asking anybody; empty for names.
std::string AddressOf(std::string host) {
  if (host == "localhost") return "127.0.0.1";
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  const bool is_address =
      inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 || inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
  return is_address ? host : "";
}

// Policies that have one schedule to go by, and when that has nobody on call in the four weeks from now.
void WarnOfGaps(const Organisation& organisation, absl::Time now, std::vector<Problem>& warnings) {
  const absl::StatusOr<Roster> roster = Roster::Compile(std::make_shared<const Organisation>(organisation));
  if (!roster.ok()) return;
  for (std::size_t i = 0; i < organisation.policies.size() && warnings.size() < kGapWarnings; ++i) {
    std::set<ScheduleId> schedules;
    bool others = false;
    for (const PolicyStep& step : organisation.policies[i].steps) {
      for (const Target& target : step.targets) {
        const auto* schedule = std::get_if<ScheduleTarget>(&target);
        others |= schedule == nullptr;
        if (schedule != nullptr) schedules.insert(schedule->schedule);
      }
    }
    if (others || schedules.size() != 1) continue;
    const absl::StatusOr<std::vector<Shift>> gaps = roster->Gaps(*schedules.begin(), now, now + kLookAhead);
    if (!gaps.ok() || gaps->empty()) continue;
    warnings.push_back(
        {"", 0, 0, absl::StrFormat("policies[%d]", i),
         absl::StrFormat("goes by schedule %s alone, which has nobody on call %s in the next four weeks, from %s "
                         "on: then the policy's team is paged, or the fallback user",
                         JsonQuote(schedules.begin()->value()),
                         gaps->size() == 1 ? "once" : absl::StrFormat("%d times", gaps->size()),
                         InstantText(gaps->front().start))});
  }
}

}  // namespace

std::vector<std::string> ProblemsBeyondText(const Organisation& organisation) {
  std::vector<std::string> problems = Roster::Problems(organisation);
  std::vector<std::string_view> names = {"stream"};
  for (const Source& source : SourceTable())
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

std::vector<Problem> WarningsBeyondText(const Organisation& organisation,
                                        const PeerRules& webhook_peers,
                                        absl::Time now) {
  std::vector<Problem> warnings;
  const auto look = [&](std::string path, const ContactMethod& method) {
    if (method.kind != ContactMethod::Kind::kWebhook) return;
    const std::string address = AddressOf(HostOfUrl(method.address));
    if (address.empty() || webhook_peers.Permits(address)) return;
    warnings.push_back(
        {"", 0, 0, std::move(path),
         absl::StrFormat("%s is not reachable from everywhere, and this server sends webhooks there only when "
                         "it is started with --allow_webhooks_to=%s: until then such messages fail",
                         address, address)});
  };
  for (std::size_t i = 0; i < organisation.users.size(); ++i) {
    const auto& methods = organisation.users[i].contact_methods;
    for (std::size_t k = 0; k < methods.size(); ++k)
      look(absl::StrFormat("users[%d].contact_methods[%d].address", i, k), methods[k]);
  }
  for (std::size_t i = 0; i < organisation.receivers.size(); ++i) {
    const auto& targets = organisation.receivers[i].targets;
    for (std::size_t k = 0; k < targets.size(); ++k)
      look(absl::StrFormat("receivers[%d].targets[%d].address", i, k), targets[k]);
  }
  WarnOfGaps(organisation, now, warnings);
  return warnings;
}

}  // namespace tocsin
