#include "config/check.h"

#include "base/limits.h"
#include "config/check_context.h"
#include "config/reach.h"
#include "model/codec/organisation_proto.h"

namespace tocsin {
namespace {

template <typename T>
void Collect(const std::vector<T>& list, Names& names) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (names.position.try_emplace(list[i].id.value(), i).second) names.all.push_back(list[i].id.value());
  }
}

// The organisation is one row, and must fit into one journal entry.
void CheckSize(CheckContext& context) {
  v1::Organisation message;
  ToProto(context.organisation(), message);
  if (message.ByteSizeLong() > limits::kOrganisationBytes) {
    context.Report("", absl::StrFormat("the organisation takes %d bytes, at most %d", message.ByteSizeLong(),
                                       limits::kOrganisationBytes));
  }
}

void CheckFallback(CheckContext& context) {
  const UserId& fallback = context.organisation().fallback_user;
  if (!fallback.set()) {
    context.Report("fallback_user", "is missing: somebody must be paged when nobody else can be");
    return;
  }
  context.Refer("fallback_user", fallback.value(), context.users);
  if (context.users.Has(fallback.value()) && !Reach(context.organisation()).Reaches(fallback, Urgency::kHigh)) {
    context.Report("fallback_user", absl::StrFormat("%s has no notification rule of high urgency, so cannot be reached",
                                                    JsonQuote(fallback.value())));
  }
}

}  // namespace

CheckContext::CheckContext(const Organisation& organisation) : organisation_(organisation) {
  Collect(organisation.users, users);
  Collect(organisation.teams, teams);
  Collect(organisation.schedules, schedules);
  Collect(organisation.policies, policies);
  Collect(organisation.services, services);
  Collect(organisation.receivers, receivers);
  Collect(organisation.time_intervals, time_intervals);
  Collect(organisation.holidays, holidays);
}

void CheckContext::Refer(const std::string& path, std::string_view name, const Names& names) {
  if (names.Has(name)) return;
  Report(path, absl::StrFormat("%s %s is unknown%s", names.what, JsonQuote(TruncateUtf8(name, 100)),
                               problems_.size() < kSuggestions ? Suggestion(name, names.all) : ""));
}

void CheckContext::Refer(const std::string& path, const Target& target) {
  if (const auto* user = std::get_if<UserTarget>(&target)) Refer(path + ".user", user->user.value(), users);
  if (const auto* team = std::get_if<TeamTarget>(&target)) Refer(path + ".team", team->team.value(), teams);
  if (const auto* policy = std::get_if<PolicyTarget>(&target))
    Refer(path + ".policy", policy->policy.value(), policies);
  if (const auto* schedule = std::get_if<ScheduleTarget>(&target)) {
    Refer(path + ".schedule", schedule->schedule.value(), schedules);
  }
}

void CheckMatchers(CheckContext& context, const std::string& path, const std::vector<Matcher>& matchers) {
  if (matchers.size() > limits::kMatchersPerRoute) {
    context.Report(path, absl::StrFormat("%d matchers, at most %d", matchers.size(), limits::kMatchersPerRoute));
  }
  for (std::size_t i = 0; i < matchers.size(); ++i) {
    const std::string item = absl::StrFormat("%s[%d]", path, i);
    context.Require(item, CompiledMatchers::Compile({&matchers[i], 1}).status());
    if (matchers[i].name.empty()) context.Report(item, "the name of the label is empty");
  }
}

void CheckLabelNames(CheckContext& context, const std::string& path, const std::vector<std::string>& names) {
  std::unordered_map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string item = absl::StrFormat("%s[%d]", path, i);
    if (names[i].empty()) context.Report(item, "is empty");
    context.Require(item, CheckLine(names[i], limits::kLabelNameBytes));
    if (!seen.try_emplace(names[i], i).second)
      context.Report(item, absl::StrFormat("label %s is there twice", JsonQuote(names[i])));
  }
  if (names.size() > limits::kLabelsPerAlert) {
    context.Report(path, absl::StrFormat("%d labels, at most %d", names.size(), limits::kLabelsPerAlert));
  }
}

std::vector<Problem> Check(const Organisation& organisation) {
  CheckContext context(organisation);
  context.Require("name", CheckLine(organisation.name));
  CheckPeople(context);
  CheckMessageLimits(context);
  CheckHolidays(context);
  CheckSchedules(context);
  CheckPolicies(context);
  CheckServices(context);
  CheckIntegrations(context);
  CheckHeartbeats(context);
  CheckReceivers(context);
  CheckRoutes(context);
  CheckIncidentRules(context);
  CheckInhibitionRules(context);
  CheckTimeIntervals(context);
  CheckMaintenance(context);
  CheckSenders(context);
  CheckFallback(context);
  CheckSize(context);
  return std::move(context.problems());
}

}  // namespace tocsin
