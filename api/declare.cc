#include "api/declare.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include "absl/strings/str_format.h"
#include <arpa/inet.h>

#include "base/status.h"
#include "base/strings.h"
#include "config/problem.h"
#include "config/text.h"
#include "escalation/coverage.h"
#include "escalation/roster.h"
#include "escalation/schedule_use.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

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

// "from 2027-03-28T01:00+01:00 to 2027-03-28T03:00+02:00 (1h): no layer is on; and 3 more gaps, 26h in all".
std::string Describe(const Schedule& schedule, const std::vector<Shift>& gaps, const Gap& first) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(schedule.time_zone, &zone)) zone = absl::UTCTimeZone();
  const auto show = [&](absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M%Ez", time, zone); };
  absl::Duration all;
  for (const Shift& gap : gaps)
    all += gap.end - gap.start;
  std::string text = absl::StrFormat("from %s to %s (%s): %s", show(gaps.front().start), show(gaps.front().end),
                                     DurationText(gaps.front().end - gaps.front().start), first.why);
  if (gaps.size() > 1) {
    absl::StrAppendFormat(&text, "; and %d more %s, %.0f hours in all", gaps.size() - 1,
                          gaps.size() == 2 ? "gap" : "gaps", absl::ToDoubleHours(all));
  }
  return text;
}

// Sources that have doors of their own, whether or not they also come in by an integration's webhook.
constexpr std::string_view kDoors[] = {"stream", "opsgenie", "pagerduty"};

// What would be ignored in silence.
void AddProblemsOf(const Integration& integration,
                   const Source& source,
                   const std::string& path,
                   std::vector<Problem>& problems) {
  const auto report = [&](std::string_view field, std::string what) {
    problems.push_back({"", 0, 0, absl::StrFormat("%s.%s", path, field), std::move(what)});
  };
  if (!integration.signing_secret.empty() && source.verify == nullptr)
    report("signing_secret", absl::StrFormat("%s signs nothing", source.product));
  if (!integration.topics.empty() && source.name != "cloudwatch_sns")
    report("topics", "only source cloudwatch_sns has topics");
  if (integration.mapping && source.name != "generic") report("mapping", "only source generic can have one");
}

}  // namespace

std::vector<Problem> ProblemsOfSources(const Organisation& organisation) {
  std::vector<Problem> problems;
  std::vector<std::string_view> names(std::begin(kDoors), std::end(kDoors));
  for (const Source* source : SourceTable()) {
    if (std::ranges::find(kDoors, source->name) == std::end(kDoors)) names.push_back(source->name);
  }
  for (std::size_t i = 0; i < organisation.integrations.size(); ++i) {
    const Integration& integration = organisation.integrations[i];
    const std::string path = absl::StrFormat("integrations[%d]", i);
    const bool has_door = std::ranges::find(kDoors, integration.source) != std::end(kDoors);
    const Source* source = FindSource(integration.source);
    if (source != nullptr) AddProblemsOf(integration, *source, path, problems);
    if (has_door || source != nullptr || integration.source.empty()) continue;
    std::string all;
    for (const std::string_view name : names)
      all += (all.empty() ? "" : ", ") + std::string(name);
    problems.push_back({"", 0, 0, path + ".source",
                        absl::StrFormat("source %s is unknown%s; there are: %s", JsonQuote(integration.source),
                                        Suggestion(integration.source, names), all)});
  }
  return problems;
}

std::vector<std::string> ProblemsBeyondText(const Organisation& organisation) {
  std::vector<std::string> problems = Roster::Problems(organisation);
  for (const Problem& problem : ProblemsOfSources(organisation))
    problems.push_back(Format(problem));
  return problems;
}

std::vector<Problem> WarningsBeyondText(const Organisation& organisation, const PeerRules& webhook_peers) {
  std::vector<Problem> warnings;
  const auto look_at = [&](std::string path, const std::string& url, const PeerRules& peers) {
    const std::string address = AddressOf(HostOfUrl(url));
    if (address.empty() || peers.Permits(address)) return;
    warnings.push_back(
        {"", 0, 0, std::move(path),
         absl::StrFormat("%s is not reachable from everywhere, and this server sends messages there only when "
                         "it is started with --allow_webhooks_to=%s: until then they fail",
                         address, address)});
  };
  const auto look = [&](std::string path, const ContactMethod& method) {
    if (method.kind == ContactMethod::Kind::kWebhook) look_at(std::move(path), method.address, webhook_peers);
  };
  look_at("slack.url", organisation.slack.url, webhook_peers);
  look_at("twilio.url", organisation.twilio.url, webhook_peers);
  if (organisation.second_twilio != Twilio())
    look_at("second_twilio.url", organisation.second_twilio.url, webhook_peers);
  look_at("dead_man.url", organisation.dead_man.url, webhook_peers);
  look_at("smtp.url", organisation.smtp.url, webhook_peers.WithOwnNetworks());
  look_at("second_smtp.url", organisation.second_smtp.url, webhook_peers.WithOwnNetworks());
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
  return warnings;
}

CoverageProof ProveCoverage(const Roster& roster, absl::Time now) {
  CoverageProof proof;
  const Organisation& organisation = roster.organisation();
  Coverage coverage(roster);
  const std::map<ScheduleId, PolicyId> used = SchedulesInUse(organisation);
  // Edges are whole minutes: so is what is shown of the first. What is applied now counts from within this one.
  const absl::Time since = absl::FromUnixSeconds((absl::ToUnixSeconds(now) / 60 + 1) * 60);
  for (std::size_t i = 0; i < organisation.schedules.size(); ++i) {
    const Schedule& schedule = organisation.schedules[i];
    const bool refuse = schedule.gaps == Schedule::Gaps::kRefuse;
    const auto use = used.find(schedule.id);
    if (schedule.gaps == Schedule::Gaps::kAllow || (use == used.end() && !refuse)) continue;
    std::vector<Problem>& found = refuse ? proof.refusals : proof.warnings;
    if (found.size() == kGapWarnings) continue;
    const std::string path = absl::StrFormat("schedules[%d]", i);
    const absl::StatusOr<std::vector<Shift>> gaps = roster.Gaps(schedule.id, since, since + kCoverageHorizon);
    if (!gaps.ok()) {
      found.push_back({"", 0, 0, path, "cannot be looked through for gaps: " + Message(gaps.status())});
      continue;
    }
    if (gaps->empty()) continue;
    const absl::StatusOr<std::vector<Gap>> first = coverage.Gaps(schedule.id, since, since + kCoverageHorizon, 1);
    std::string text =
        absl::StrFormat("schedule %s: in the next 52 weeks nobody is on call %s", JsonQuote(schedule.id.value()),
                        Describe(schedule, *gaps, first.ok() && !first->empty() ? first->front() : Gap()));
    if (use != used.end() && use->second.set()) {
      absl::StrAppendFormat(&text,
                            ". Policy %s goes by it alone: then the policy's team is paged, or the fallback user",
                            JsonQuote(use->second.value()));
    }
    text += refuse ? ". It says `gaps: refuse`: close them by a layer of lower priority or by overrides"
                   : " (`gaps: allow` in the schedule says that they are meant)";
    found.push_back({"", 0, 0, path, std::move(text)});
  }
  return proof;
}

}  // namespace tocsin
