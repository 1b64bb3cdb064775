// Users, teams, schedules, services.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

#include "base/limits.h"
#include "config/check_context.h"
#include "config/secrets.h"

namespace tocsin {
namespace {

constexpr absl::Duration kLongestGapNotice = absl::Hours(24 * 30);
constexpr absl::Duration kLongestAhead = absl::Hours(24 * 7);
constexpr std::size_t kMethodsPerUser = 50;

void CheckNotice(CheckContext& context, const std::string& path, absl::Duration notice, absl::Duration longest) {
  if (notice >= absl::ZeroDuration() && notice <= longest) return;
  context.Report(path, absl::StrFormat("%s is not between 0s and %s", DurationText(notice), DurationText(longest)));
}

// The people of layers, overrides and shifts: what only steps of policies may name is refused.
void CheckCrew(CheckContext& context, const std::string& path, const std::vector<Target>& targets) {
  CheckTargets(context, path, targets);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const std::string target_path = absl::StrFormat("%s[%d]", path, i);
    const auto* schedule = std::get_if<ScheduleTarget>(&targets[i]);
    if (schedule != nullptr && schedule->turn != ScheduleTarget::Turn::kPresent) {
      context.Report(target_path + ".turn", "only steps of policies ask for another turn than the present");
    }
    if (std::holds_alternative<PolicyTarget>(targets[i])) {
      context.Report(target_path + ".policy", "only steps of policies may name a policy");
    }
  }
}

void CheckUser(CheckContext& context, const std::string& path, const User& user) {
  context.Require(path + ".name", CheckLine(user.name));
  context.Require(path + ".time_zone", CheckTimeZone(user.time_zone));
  if (user.handoff_notices) {
    CheckNotice(context, path + ".handoff_notices.ahead", user.handoff_notices->ahead, kLongestAhead);
  }
  if (user.holidays.set()) context.Refer(path + ".holidays", user.holidays.value(), context.holidays);
  context.CheckIds(path + ".contact_methods", user.contact_methods, "contact method");
  if (user.contact_methods.size() > kMethodsPerUser || user.notification_rules.size() > kMethodsPerUser) {
    context.Report(path, absl::StrFormat("more than %d contact methods or notification rules", kMethodsPerUser));
  }
  Names methods{"contact method", {}, {}};
  std::set<std::string_view> used;
  for (std::size_t i = 0; i < user.contact_methods.size(); ++i) {
    methods.all.push_back(user.contact_methods[i].id.value());
    methods.position.try_emplace(methods.all.back(), i);
  }
  for (std::size_t i = 0; i < user.notification_rules.size(); ++i) {
    const NotificationRule& rule = user.notification_rules[i];
    const std::string rule_path = absl::StrFormat("%s.notification_rules[%d]", path, i);
    CheckDelay(context, rule_path + ".delay", rule.delay);
    context.Refer(rule_path + ".method", rule.method.value(), methods);
    context.ReferAll(rule_path + ".only_during", rule.only_during, context.time_intervals);
    if (rule.important && rule.urgency != Urgency::kHigh) {
      context.Report(rule_path + ".important", "only rules of high urgency are for important steps");
    }
    used.insert(rule.method.value());
  }
  for (std::size_t i = 0; i < user.contact_methods.size(); ++i) {
    const ContactMethod& method = user.contact_methods[i];
    CheckContactMethod(context, absl::StrFormat("%s.contact_methods[%d]", path, i), method,
                       used.contains(method.id.value()));
  }
}

void CheckStartIndex(CheckContext& context, const std::string& path, const Layer& layer, std::int32_t start_index) {
  const auto turns = static_cast<std::int64_t>(layer.participants.size());
  if (turns > 0 && start_index >= turns) {
    context.Report(path + ".start_index", absl::StrFormat("is %d, but there are %d participants", start_index, turns));
  }
}

// What belongs to a field; escalation/schedule_check.h has the rest.
void CheckPattern(CheckContext& context, const std::string& path, const Layer& layer) {
  if (const auto* rotation = std::get_if<Rotation>(&layer.pattern)) {
    CheckStartIndex(context, path + ".rotation", layer, rotation->start_index);
    if (rotation->type == Rotation::Type::kShifts && layer.restrictions.empty()) {
      context.Report(path + ".rotation.type", "turns by shift need restrictions: they are the shifts");
    }
  } else if (const auto* recurrence = std::get_if<Recurrence>(&layer.pattern)) {
    CheckStartIndex(context, path + ".recurrence", layer, recurrence->start_index);
    if (recurrence->end <= recurrence->start) context.Report(path + ".recurrence.end", "is not after start");
  } else {
    const std::vector<FixedShift>& shifts = std::get<FixedShifts>(layer.pattern).shifts;
    for (std::size_t k = 0; k < shifts.size(); ++k) {
      const std::string shift_path = absl::StrFormat("%s.shifts[%d]", path, k);
      if (shifts[k].end <= shifts[k].start) context.Report(shift_path + ".end", "is not after start");
      CheckCrew(context, shift_path + ".members", shifts[k].members);
    }
  }
}

void CheckLayers(CheckContext& context, const std::string& path, const Schedule& schedule) {
  context.CheckIds(path + ".layers", schedule.layers, "layer");
  for (std::size_t i = 0; i < schedule.layers.size(); ++i) {
    const Layer& layer = schedule.layers[i];
    const std::string layer_path = absl::StrFormat("%s.layers[%d]", path, i);
    context.Require(layer_path + ".name", CheckLine(layer.name));
    if (!layer.time_zone.empty()) context.Require(layer_path + ".time_zone", CheckTimeZone(layer.time_zone));
    const bool is_fixed = std::holds_alternative<FixedShifts>(layer.pattern);
    if (layer.participants.empty() && !is_fixed) {
      context.Report(layer_path + ".participants", "is empty: nobody takes a turn");
    }
    for (std::size_t k = 0; k < layer.participants.size(); ++k) {
      CheckCrew(context, absl::StrFormat("%s.participants[%d]", layer_path, k), layer.participants[k].members);
    }
    CheckPattern(context, layer_path, layer);
    if (layer.holidays.holidays.set()) {
      context.Refer(layer_path + ".holidays.calendar", layer.holidays.holidays.value(), context.holidays);
    }
    if (layer.effective_since && layer.effective_until && *layer.effective_since >= *layer.effective_until) {
      context.Report(layer_path + ".effective_until", "is not after effective_since");
    }
  }
}

void CheckOverride(CheckContext& context, const std::string& path, const Override& change, const Names& layers) {
  if (change.start >= change.end) context.Report(path + ".end", "is not after start");
  CheckCrew(context, path + ".users", change.users);
  for (std::size_t i = 0; i < change.layers.size(); ++i) {
    context.Refer(absl::StrFormat("%s.layers[%d]", path, i), change.layers[i].value(), layers);
  }
  context.Require(path + ".reason", CheckLine(change.reason));
  context.Require(path + ".created_by", CheckLine(change.created_by));
  if (change.type == Override::Type::kSwap) {
    context.Refer(path + ".from", change.from_user.value(), context.users);
    context.Refer(path + ".to", change.to_user.value(), context.users);
    if (!change.users.empty()) context.Report(path + ".users", "a swap has from and to, and no users");
  } else {
    if (change.from_user.set()) context.Report(path + ".from", "only a swap has it");
    if (change.to_user.set()) context.Report(path + ".to", "only a swap has it");
    if (change.users.empty() && change.type != Override::Type::kAssign) context.Report(path + ".users", "names nobody");
  }
}

void CheckTemporary(CheckContext& context, const std::string& path, const TemporarySchedule& temporary) {
  if (temporary.start >= temporary.end) context.Report(path + ".end", "is not after start");
  for (std::size_t i = 0; i < temporary.shifts.size(); ++i) {
    const FixedShift& shift = temporary.shifts[i];
    const std::string shift_path = absl::StrFormat("%s.shifts[%d]", path, i);
    if (shift.start >= shift.end) context.Report(shift_path + ".end", "is not after start");
    if (shift.end <= temporary.start || shift.start >= temporary.end) {
      context.Report(shift_path, "lies outside of its temporary schedule");
    }
    CheckCrew(context, shift_path + ".members", shift.members);
  }
}

void CheckLimits(CheckContext& context, const std::string& path, const std::vector<MessageLimit>& limits) {
  constexpr std::size_t kMostLimits = 8;
  if (limits.size() > kMostLimits) context.Report(path, absl::StrFormat("has more than %d limits", kMostLimits));
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const std::string limit_path = absl::StrFormat("%s[%d]", path, i);
    const MessageLimit& limit = limits[i];
    if (limit.messages < 1)
      context.Report(limit_path + ".messages", "must be 1 at least: nobody is silenced by a limit");
    if (limit.critical < 0 || limit.critical >= std::max(limit.messages, 1)) {
      context.Report(limit_path + ".critical", "must be less than messages, so that others go out, too");
    }
    if (limit.window < absl::Seconds(1) || limit.window > absl::Hours(24)) {
      context.Report(limit_path + ".window", "must be 1s to 1d");
    }
  }
}

}  // namespace

void CheckMessageLimits(CheckContext& context) {
  const MessageLimits& limits = context.organisation().limits;
  if (limits.bundle_window < absl::ZeroDuration() || limits.bundle_window > absl::Hours(1)) {
    context.Report("limits.bundle_window", "must be 0s to 1h");
  }
  for (const KindLimits& kind : limits.kinds)
    CheckLimits(context, absl::StrCat("limits.", ToAbsl(Name(kind.kind))), kind.limits);
}

void CheckContactMethod(CheckContext& context, const std::string& path, const ContactMethod& method, bool used) {
  const std::string address = path + ".address";
  const Organisation& organisation = context.organisation();
  switch (method.kind) {
    case ContactMethod::Kind::kTerminal:
      if (method.address.empty()) context.Report(address, "is empty");
      context.Require(address, CheckLine(method.address));
      break;
    case ContactMethod::Kind::kEmail:
      context.Require(address, CheckEmailAddress(method.address));
      if (used && organisation.smtp.url.empty())
        context.Report(path + ".kind", "e-mail cannot be sent without the section smtp");
      break;
    case ContactMethod::Kind::kSms:
    case ContactMethod::Kind::kVoice:
      context.Require(address, CheckPhoneNumber(method.address));
      if (used && organisation.twilio.account_sid.empty()) {
        context.Report(path + ".kind", "SMS and calls cannot be made without the section twilio");
      }
      break;
    case ContactMethod::Kind::kWebhook: context.Require(address, CheckHttpUrl(method.address)); break;
    case ContactMethod::Kind::kSlackWebhook:
      context.Require(address, CheckLine(method.address));
      if (method.secret.empty())
        context.Report(path, "the secret is missing: it is the webhook's URL");
      else if (method.secret != kUnchanged && !CheckHttpUrl(method.secret).ok())
        context.Report(path + ".secret", "is not the URL of a Slack webhook");
      break;
    case ContactMethod::Kind::kSlack:
      if (method.address.empty()) context.Report(address, "is empty: the channel's id (C0123ABCD) or #name");
      context.Require(address, CheckLine(method.address, 80));
      if (used && organisation.slack.token.empty()) {
        context.Report(path + ".kind", "Slack cannot be reached without the section slack");
      }
      break;
  }
  const bool may_have_secret =
      method.kind == ContactMethod::Kind::kWebhook || method.kind == ContactMethod::Kind::kSlackWebhook;
  if (!method.secret.empty() && !may_have_secret) context.Report(path + ".secret", "only a webhook has a secret");
  CheckLimits(context, path + ".limits", method.limits);
  context.Require(path + ".secret", CheckLine(method.secret));
}

static void CheckNamed(CheckContext& context, const std::string& list, const std::vector<UserId>& people) {
  std::set<UserId> seen;
  for (std::size_t k = 0; k < people.size(); ++k) {
    const std::string path = absl::StrFormat("%s[%d]", list, k);
    context.Refer(path, people[k].value(), context.users);
    if (!seen.insert(people[k]).second) context.Report(path, "is there twice");
  }
}

static void CheckTeam(CheckContext& context, const std::string& path, const Team& team) {
  context.Require(path + ".name", CheckLine(team.name));
  CheckNamed(context, path + ".members", team.members);
  CheckNamed(context, path + ".managers", team.managers);
  CheckNamed(context, path + ".viewers", team.viewers);
  for (std::size_t k = 0; k < team.viewers.size(); ++k) {
    const UserId& viewer = team.viewers[k];
    const std::string of_viewer = absl::StrFormat("%s.viewers[%d]", path, k);
    if (std::ranges::find(team.members, viewer) == team.members.end()) {
      context.Report(of_viewer,
                     "is no member: everybody sees everything; the list takes from members that they may do more");
    } else if (std::ranges::find(team.managers, viewer) != team.managers.end()) {
      context.Report(of_viewer, "is among the managers, too: one of the two");
    } else if (const User* user = context.organisation().Find(viewer);
               user != nullptr && user->role.value_or(Role::kViewer) > Role::kViewer) {
      context.Report(of_viewer, absl::StrFormat("may do more in everything (role: %s): a team cannot take that away",
                                                Name(*user->role)));
    }
  }
}

void CheckPeople(CheckContext& context) {
  const Organisation& organisation = context.organisation();
  context.CheckIds("users", organisation.users, "user");
  for (std::size_t i = 0; i < organisation.users.size(); ++i) {
    CheckUser(context, absl::StrFormat("users[%d]", i), organisation.users[i]);
  }
  context.CheckIds("teams", organisation.teams, "team");
  for (std::size_t i = 0; i < organisation.teams.size(); ++i) {
    CheckTeam(context, absl::StrFormat("teams[%d]", i), organisation.teams[i]);
  }
}

void CheckHolidays(CheckContext& context) {
  const std::vector<HolidayCalendar>& calendars = context.organisation().holidays;
  context.CheckIds("holidays", calendars, "calendar of holidays");
  for (std::size_t i = 0; i < calendars.size(); ++i) {
    const std::string path = absl::StrFormat("holidays[%d]", i);
    context.Require(path + ".name", CheckLine(calendars[i].name));
    const std::size_t days = calendars[i].days.size();
    if (days > limits::kHolidaysPerCalendar) {
      context.Report(path + ".days", absl::StrFormat("%d days, at most %d", days, limits::kHolidaysPerCalendar));
    }
    for (std::size_t k = 0; k < days; ++k) {
      context.Require(absl::StrFormat("%s.days[%d].name", path, k), CheckLine(calendars[i].days[k].name));
    }
  }
}

void CheckSchedules(CheckContext& context) {
  const std::vector<Schedule>& schedules = context.organisation().schedules;
  context.CheckIds("schedules", schedules, "schedule");
  for (std::size_t i = 0; i < schedules.size(); ++i) {
    const Schedule& schedule = schedules[i];
    const std::string path = absl::StrFormat("schedules[%d]", i);
    context.Require(path + ".name", CheckLine(schedule.name));
    context.Require(path + ".time_zone", CheckTimeZone(schedule.time_zone));
    if (schedule.team.set()) context.Refer(path + ".team", schedule.team.value(), context.teams);
    CheckNotice(context, path + ".gap_notice", schedule.gap_notice, kLongestGapNotice);
    CheckNotice(context, path + ".handoff_notices.ahead", schedule.handoff_notices.ahead, kLongestAhead);
    CheckLayers(context, path, schedule);
    Names layers{"layer", {}, {}};
    for (std::size_t k = 0; k < schedule.layers.size(); ++k) {
      layers.all.push_back(schedule.layers[k].id.value());
      layers.position.try_emplace(layers.all.back(), k);
    }
    for (std::size_t k = 0; k < schedule.overrides.size(); ++k) {
      CheckOverride(context, absl::StrFormat("%s.overrides[%d]", path, k), schedule.overrides[k], layers);
    }
    for (std::size_t k = 0; k < schedule.temporary_schedules.size(); ++k) {
      CheckTemporary(context, absl::StrFormat("%s.temporary_schedules[%d]", path, k), schedule.temporary_schedules[k]);
    }
  }
}

namespace {

// Services that depend on each other in a ring would hold each other back, and nobody would hear of either.
void CheckDependencies(CheckContext& context) {
  const std::vector<Service>& services = context.organisation().services;
  enum class Visit : std::uint8_t {
    kNew,
    kOpen,
    kDone
  };
  std::vector<Visit> visits(services.size(), Visit::kNew);
  std::vector<std::pair<std::size_t, std::size_t>> path;  // service, and which of its dependencies comes next
  for (std::size_t root = 0; root < services.size(); ++root) {
    if (visits[root] == Visit::kNew) path.emplace_back(root, 0);
    while (!path.empty()) {
      auto& [at, next] = path.back();
      visits[at] = Visit::kOpen;
      if (next == services[at].depends_on.size()) {
        visits[at] = Visit::kDone;
        path.pop_back();
        continue;
      }
      const std::string item = absl::StrFormat("services[%d].depends_on[%d]", at, next);
      const auto found = context.services.position.find(services[at].depends_on[next++].value());
      if (found == context.services.position.end()) continue;
      if (visits[found->second] == Visit::kOpen) {
        context.Report(item, absl::StrFormat("service %s depends on itself this way",
                                             JsonQuote(services[found->second].id.value())));
      } else if (visits[found->second] == Visit::kNew) {
        path.emplace_back(found->second, 0);
      }
    }
  }
}

}  // namespace

void CheckServices(CheckContext& context) {
  const std::vector<Service>& services = context.organisation().services;
  context.CheckIds("services", services, "service");
  for (std::size_t i = 0; i < services.size(); ++i) {
    const std::string path = absl::StrFormat("services[%d]", i);
    context.Require(path + ".name", CheckLine(services[i].name));
    if (services[i].team.set()) context.Refer(path + ".team", services[i].team.value(), context.teams);
    CheckMatchers(context, path + ".matchers", services[i].matchers);
    for (std::size_t k = 0; k < services[i].depends_on.size(); ++k) {
      context.Refer(absl::StrFormat("%s.depends_on[%d]", path, k), services[i].depends_on[k].value(), context.services);
    }
    context.ReferAll(path + ".support_hours.time_intervals", services[i].support_hours.time_intervals,
                     context.time_intervals);
    if (services[i].hold_back && services[i].depends_on.empty()) {
      context.Report(path + ".hold_back", "says nothing without depends_on");
    }
  }
  CheckDependencies(context);
}

}  // namespace tocsin
