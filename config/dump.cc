#include "config/dump.h"

#include <utility>

#include "absl/strings/str_format.h"

#include "config/assumed.h"
#include "config/dump_fields.h"
#include "config/recurring.h"
#include "config/text.h"
#include "config/words.h"
#include "config/yaml_writer.h"

namespace tocsin {
namespace {

using words::WordFor;

YamlValue DumpLimit(const MessageLimit& limit) {
  YamlValue map = YamlValue::Map();
  SetNumber(map, "messages", limit.messages, 0);
  SetNumber(map, "critical", limit.critical, 0);
  SetDuration(map, "window", limit.window);
  return map;
}

YamlValue DumpMethod(const ContactMethod& method) {
  YamlValue map = YamlValue::Map();
  map.SetUnless("id", method.id.value(), Name(method.kind));
  map.Set("kind", Name(method.kind));
  map.Set("address", method.address);
  map.SetUnless("secret", method.secret, "");
  SetList(map, "limits", method.limits, DumpLimit);
  return map;
}

YamlValue DumpNotificationRule(const NotificationRule& rule) {
  YamlValue map = YamlValue::Map();
  map.Set("urgency", WordFor(words::kUrgencies, rule.urgency));
  SetDuration(map, "delay", rule.delay);
  map.Set("method", rule.method.value());
  SetFlag(map, "important", rule.important, false);
  SetNames(map, "only_during", rule.only_during);
  return map;
}

YamlValue DumpUser(const User& user) {
  YamlValue map = YamlValue::Map();
  map.Set("id", user.id.value());
  map.SetUnless("name", user.name, user.id.value());
  map.SetUnless("time_zone", user.time_zone, "UTC");
  map.SetUnless("holidays", user.holidays.value(), "");
  if (user.role) map.Set("role", WordFor(words::kRoles, *user.role));
  if (user.quiet_hours != QuietHours()) {
    YamlValue night = YamlValue::Map();
    night.Set("from", TimeOfDayText(user.quiet_hours.start_minute));
    night.Set("until", TimeOfDayText(user.quiet_hours.end_minute));
    map.Set("quiet_hours", std::move(night));
  }
  if (user.handoff_notices) map.Set("handoff_notices", DumpHandoffNotices(*user.handoff_notices));
  SetList(map, "contact_methods", user.contact_methods, DumpMethod);
  SetList(map, "notification_rules", user.notification_rules, DumpNotificationRule);
  // Said, because without the field there would be rules for the first method.
  if (user.notification_rules.empty() && !user.contact_methods.empty())
    map.Set("notification_rules", YamlValue::List());
  return map;
}

YamlValue DumpTeam(const Team& team) {
  YamlValue map = YamlValue::Map();
  map.Set("id", team.id.value());
  map.SetUnless("name", team.name, team.id.value());
  SetNames(map, "members", team.members);
  SetNames(map, "managers", team.managers);
  SetNames(map, "viewers", team.viewers);
  return map;
}

YamlValue DumpService(const Service& service) {
  YamlValue map = YamlValue::Map();
  map.Set("id", service.id.value());
  map.SetUnless("name", service.name, service.id.value());
  map.SetUnless("team", service.team.value(), "");
  SetMatchers(map, service.matchers);
  SetNames(map, "depends_on", service.depends_on);
  SetFlag(map, "hold_back", service.hold_back, false);
  if (service.support_hours != SupportHours()) {
    YamlValue hours = YamlValue::Map();
    SetNames(hours, "time_intervals", service.support_hours.time_intervals);
    if (service.support_hours.during) hours.Set("during", WordFor(words::kUrgencies, *service.support_hours.during));
    SetWord(hours, "outside", words::kUrgencies, service.support_hours.outside, Urgency::kLow);
    map.Set("support_hours", std::move(hours));
  }
  return map;
}

YamlValue DumpReceiver(const Receiver& receiver) {
  YamlValue map = YamlValue::Map();
  map.Set("id", receiver.id.value());
  SetList(map, "targets", receiver.targets, DumpMethod);
  SetFlag(map, "send_resolved", receiver.send_resolved, true);
  SetFlag(map, "as_alertmanager", receiver.drop_resolved_when_held, false);
  return map;
}

std::vector<std::string> GroupBy(const Route& route) {
  return route.group_by_all ? std::vector<std::string>{std::string(words::kAllLabels)} : route.group_by;
}

void SetPart(YamlValue& map, std::string_view name, YamlValue part, bool differs) {
  if (differs) map.Set(name, std::move(part));
}

YamlValue DumpAcknowledgement(const AcknowledgementRule& rule, const AcknowledgementRule& parent) {
  YamlValue map = YamlValue::Map();
  if (rule.timeout != parent.timeout) {
    map.Set("timeout", rule.timeout ? DurationText(*rule.timeout) : std::string(words::kOfPolicy));
  }
  if (rule.then != parent.then) map.Set("then", WordFor(words::kAfterAcknowledgement, rule.then));
  if (rule.ask_again != parent.ask_again) map.Set("ask_again", WordFor(words::kAskAgain, rule.ask_again));
  return map;
}

// Field by field, as a child inherits them.
void SetGroupLife(YamlValue& map, const Route& route, const Route& parent) {
  YamlValue threshold = YamlValue::Map();
  SetNumber(threshold, "count", route.threshold.count, parent.threshold.count);
  SetDuration(threshold, "window", route.threshold.window, parent.threshold.window);
  SetPart(map, "threshold", std::move(threshold), route.threshold != parent.threshold);
  YamlValue flapping = YamlValue::Map();
  SetNumber(flapping, "changes", route.flapping.changes, parent.flapping.changes);
  SetDuration(flapping, "window", route.flapping.window, parent.flapping.window);
  SetDuration(flapping, "stable_for", route.flapping.stable_for, parent.flapping.stable_for);
  SetPart(map, "flapping", std::move(flapping), route.flapping != parent.flapping);
  YamlValue break_through = YamlValue::Map();
  SetFlag(break_through, "severity", route.break_through.severity, parent.break_through.severity);
  if (route.break_through.labels != parent.break_through.labels) {
    YamlValue labels = YamlValue::List();
    for (const std::string& label : route.break_through.labels)
      labels.Add(label);
    break_through.Set("labels", std::move(labels));
  }
  SetPart(map, "break_through", std::move(break_through), route.break_through != parent.break_through);
  SetPart(map, "acknowledgement", DumpAcknowledgement(route.acknowledgement, parent.acknowledgement),
          route.acknowledgement != parent.acknowledgement);
  SetDuration(map, "reopen_window", route.reopen_window, parent.reopen_window);
  SetDuration(map, "auto_close", route.auto_close, parent.auto_close);
}

// Only what it does not take over from `parent`.
YamlValue DumpRoute(const Route& route, const Route& parent, std::string_view assumed_id) {
  YamlValue map = YamlValue::Map();
  map.SetUnless("id", route.id.value(), assumed_id);
  SetMatchers(map, route.matchers);
  SetFlag(map, "continue", route.continue_matching, false);
  map.SetUnless("policy", route.policy.value(), parent.policy.value());
  map.SetUnless("receiver", route.receiver.value(), parent.receiver.value());
  map.SetUnless("service", route.service.value(), parent.service.value());
  if (route.urgency != parent.urgency) {
    map.Set("urgency", route.urgency ? WordFor(words::kUrgencies, *route.urgency) : words::kBySeverity);
  }
  if (GroupBy(route) != GroupBy(parent)) {
    YamlValue list = YamlValue::List();
    for (const std::string& name : GroupBy(route))
      list.Add(name);
    map.Set("group_by", std::move(list));
  }
  SetDuration(map, "group_wait", route.group_wait, parent.group_wait);
  SetDuration(map, "group_interval", route.group_interval, parent.group_interval);
  SetDuration(map, "repeat_interval", route.repeat_interval, parent.repeat_interval);
  SetNames(map, "mute_time_intervals", route.mute_time_intervals);
  SetNames(map, "active_time_intervals", route.active_time_intervals);
  SetGroupLife(map, route, parent);
  if (!route.children.empty()) {
    YamlValue list = YamlValue::List();
    for (std::size_t i = 0; i < route.children.size(); ++i) {
      list.Add(DumpRoute(route.children[i], route, absl::StrFormat("%s/%d", route.id.value(), i)));
    }
    map.Set("routes", std::move(list));
  }
  return map;
}

YamlValue DumpCondition(const IncidentCondition& condition) {
  using Kind = IncidentCondition::Kind;
  YamlValue map = YamlValue::Map();
  switch (condition.kind) {
    case Kind::kAll: SetList(map, "all", condition.operands, DumpCondition); break;
    case Kind::kAny: SetList(map, "any", condition.operands, DumpCondition); break;
    case Kind::kGroupSize: SetNumber(map, "group_size", condition.count, 0); break;
    case Kind::kRate: {
      YamlValue rate = YamlValue::Map();
      SetNumber(rate, "count", condition.count, 0);
      SetDuration(rate, "window", condition.window);
      map.Set("rate", std::move(rate));
      break;
    }
    case Kind::kSeverity: map.Set("severity", Name(condition.severity)); break;
    case Kind::kUnacknowledged: SetDuration(map, "unacknowledged", condition.window); break;
    case Kind::kExhausted: map.Set("exhausted", "true"); break;
    case Kind::kMatchers: SetMatchers(map, condition.matchers); break;
  }
  return map;
}

YamlValue DumpIncidentRule(const IncidentRule& rule) {
  YamlValue map = YamlValue::Map();
  map.Set("id", rule.id.value());
  map.Set("when", DumpCondition(rule.condition));
  SetNumber(map, "severity", rule.incident_severity, IncidentRule().incident_severity);
  map.Set("title", rule.title);
  map.SetUnless("policy", rule.policy.value(), "");
  SetDuration(map, "join_window", rule.join_window, IncidentRule().join_window);
  SetTexts(map, "join_by", rule.join_by);
  return map;
}

YamlValue DumpInhibitionRule(const InhibitionRule& rule) {
  YamlValue map = YamlValue::Map();
  map.Set("id", rule.id.value());
  SetMatchers(map, rule.source_matchers, "source_matchers");
  SetMatchers(map, rule.target_matchers, "target_matchers");
  SetTexts(map, "equal", rule.equal);
  return map;
}

template <typename Range>
void SetRanges(YamlValue& map,
               std::string_view name,
               const std::vector<Range>& ranges,
               std::string (*text)(const Range&)) {
  std::vector<std::string> texts;
  for (const Range& range : ranges)
    texts.push_back(text(range));
  SetTexts(map, name, texts);
}

YamlValue DumpRecurringTime(const RecurringTime& time) {
  YamlValue map = YamlValue::Map();
  SetRanges(map, "times", time.times, TimeRangeText);
  SetRanges(map, "weekdays", time.weekdays, WeekdaysText);
  SetRanges(map, "days_of_month", time.days_of_month, NumbersText);
  SetRanges(map, "months", time.months, MonthsText);
  SetRanges(map, "years", time.years, NumbersText);
  map.SetUnless("location", time.location, "");
  return map;
}

YamlValue DumpTimeInterval(const TimeInterval& interval) {
  YamlValue map = YamlValue::Map();
  map.Set("id", interval.id.value());
  SetList(map, "time_intervals", interval.time_intervals, DumpRecurringTime);
  return map;
}

YamlValue DumpMaintenance(const MaintenanceWindow& window) {
  YamlValue map = YamlValue::Map();
  map.Set("id", window.id.value());
  SetMatchers(map, window.matchers);
  map.SetUnless("service", window.service.value(), "");
  if (window.starts_at) map.Set("starts_at", InstantText(*window.starts_at));
  if (window.ends_at) map.Set("ends_at", InstantText(*window.ends_at));
  SetNames(map, "time_intervals", window.time_intervals);
  map.SetUnless("comment", window.comment, "");
  return map;
}

void DumpSmtp(const Smtp& smtp, std::string_view name, YamlValue& map) {
  if (smtp == Smtp()) return;
  YamlValue section = YamlValue::Map();
  section.Set("url", smtp.url);
  section.Set("from", smtp.from);
  section.SetUnless("username", smtp.username, "");
  section.SetUnless("password", smtp.password, "");
  SetFlag(section, "require_tls", smtp.require_tls, true);
  section.SetUnless("ca_file", smtp.ca_file, "");
  map.Set(name, std::move(section));
}

void DumpTwilio(const Twilio& twilio, std::string_view name, YamlValue& map) {
  if (twilio == Twilio()) return;
  YamlValue section = YamlValue::Map();
  section.SetUnless("url", twilio.url, Twilio().url);
  section.Set("account_sid", twilio.account_sid);
  section.SetUnless("auth_token", twilio.auth_token, "");
  section.Set("from", twilio.from);
  SetFlag(section, "receipts", twilio.receipts, false);
  SetDuration(section, "receipt_timeout", twilio.receipt_timeout, Twilio().receipt_timeout);
  map.Set(name, std::move(section));
}

void DumpSenders(const Organisation& organisation, YamlValue& map) {
  DumpSmtp(organisation.smtp, "smtp", map);
  DumpTwilio(organisation.twilio, "twilio", map);
  DumpSmtp(organisation.second_smtp, "second_smtp", map);
  DumpTwilio(organisation.second_twilio, "second_twilio", map);
  if (const Slack& slack = organisation.slack; slack != Slack()) {
    YamlValue section = YamlValue::Map();
    section.SetUnless("url", slack.url, Slack().url);
    section.SetUnless("token", slack.token, "");
    map.Set("slack", std::move(section));
  }
  if (const DeadMan& dead_man = organisation.dead_man; dead_man != DeadMan()) {
    YamlValue section = YamlValue::Map();
    section.Set("url", dead_man.url);
    SetDuration(section, "interval", dead_man.interval, DeadMan().interval);
    map.Set("dead_man", std::move(section));
  }
}

void DumpSelfTests(const SelfTests& tests, YamlValue& map) {
  constexpr SelfTests kAssumed;
  if (tests == kAssumed) return;
  YamlValue section = YamlValue::Map();
  section.Set("enabled", tests.enabled ? "true" : "false");
  SetDuration(section, "interval", tests.interval, kAssumed.interval);
  SetFlag(section, "at_creation", tests.at_creation, kAssumed.at_creation);
  SetFlag(section, "at_shift_start", tests.at_shift_start, kAssumed.at_shift_start);
  SetFlag(section, "widen_steps", tests.widen_steps, kAssumed.widen_steps);
  map.Set("self_tests", std::move(section));
}

void DumpLimits(const MessageLimits& limits, YamlValue& map) {
  if (limits == MessageLimits()) return;
  YamlValue section = YamlValue::Map();
  SetDuration(section, "bundle_window", limits.bundle_window, MessageLimits().bundle_window);
  for (const KindLimits& kind : limits.kinds) {
    YamlValue list = YamlValue::List();  // empty, too: it says that there are none
    for (const MessageLimit& limit : kind.limits)
      list.Add(DumpLimit(limit));
    section.Set(WordFor(words::kContactKinds, kind.kind), std::move(list));
  }
  map.Set("limits", std::move(section));
}

}  // namespace

std::string DumpWithSecrets(const Organisation& organisation) {
  YamlValue map = YamlValue::Map();
  map.SetUnless("name", organisation.name, "");
  map.SetUnless("public_url", organisation.public_url, "");
  map.SetUnless("fallback_user", organisation.fallback_user.value(), "");
  DumpSenders(organisation, map);
  DumpLimits(organisation.limits, map);
  DumpSelfTests(organisation.self_tests, map);
  SetList(map, "users", organisation.users, DumpUser);
  SetList(map, "teams", organisation.teams, DumpTeam);
  SetList(map, "holidays", organisation.holidays, DumpHolidayCalendar);
  SetList(map, "schedules", organisation.schedules, DumpSchedule);
  SetList(map, "policies", organisation.policies, DumpPolicy);
  SetList(map, "services", organisation.services, DumpService);
  SetList(map, "integrations", organisation.integrations, DumpIntegration);
  SetList(map, "heartbeats", organisation.heartbeats, DumpHeartbeat);
  SetList(map, "receivers", organisation.receivers, DumpReceiver);
  // A root that says nothing is none: this is a part that goes beside the rest.
  YamlValue route = DumpRoute(organisation.route, AssumedRoute(), "root");
  if (!route.empty()) map.Set("route", std::move(route));
  SetList(map, "incident_rules", organisation.incident_rules, DumpIncidentRule);
  SetList(map, "inhibition_rules", organisation.inhibition_rules, DumpInhibitionRule);
  SetList(map, "time_intervals", organisation.time_intervals, DumpTimeInterval);
  SetList(map, "maintenance", organisation.maintenance, DumpMaintenance);
  return map.Print();
}

std::string Dump(const Organisation& organisation) {
  return DumpWithSecrets(Redacted(organisation));
}

}  // namespace tocsin
