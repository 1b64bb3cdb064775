// Why was I paged? Why was nobody paged? Told from the timeline, which decisions wrote, and from what is armed now.
#include "api/explain.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "api/explain_groups.h"
#include "api/handlers.h"
#include "api/records.h"
#include "base/status.h"
#include "base/strings.h"
#include "engine/responder_bundles.h"
#include "engine/responder_changes.h"
#include "engine/responder_groups.h"
#include "engine/responder_steps.h"
#include "model/codec/common_proto.h"
#include "model/hold_words.h"
#include "model/labels.h"

namespace tocsin {
namespace {

constexpr std::string_view kBeingPaged = "open, and people are being paged until somebody acknowledges";
constexpr std::size_t kAlertsTold = 5;

std::string VerdictOf(const Incident& incident) {
  switch (incident.state) {
    case Incident::State::kAcknowledged:
      return absl::StrFormat("acknowledged by %s at %s; nobody else is paged", incident.acknowledged_by,
                             ShowUtc(incident.acknowledged_at));
    case Incident::State::kResolved:
      return absl::StrFormat("resolved by %s at %s", incident.resolved_by, ShowUtc(incident.resolved_at));
    case Incident::State::kOpen: break;
  }
  return incident.escalation.set() ? std::string(kBeingPaged)
                                   : "open; it has no policy of its own, so nobody is paged for it";
}

// What is armed for an escalation, with the people that its next step would reach at that time.
void AddEscalation(const Responder& responder, EscalationId id, const Now& now, ExplainAnswer& answer) {
  const auto found = responder.state().escalations.find(id);
  if (found == responder.state().escalations.end()) return;
  const Escalation& escalation = found->second;
  if (escalation.state != Escalation::State::kRunning) return;
  if (escalation.next_at == EngineTime::Infinite()) {
    AddNext(answer, std::nullopt,
            absl::StrCat("policy ", escalation.policy.id.value(), ": ", DescribeNext(escalation, now)));
    return;
  }
  const absl::Time at = ExpectedWall(now, escalation.next_at);
  const auto step = static_cast<std::size_t>(escalation.next_step);
  if (step >= escalation.policy.steps.size()) {
    AddNext(answer, at, absl::StrFormat("policy %s has no further step in this pass", escalation.policy.id.value()));
    return;
  }
  std::string who = "unknown";
  if (responder.roster() != nullptr)
    who = ShowPeople(responder.roster()->Resolve(escalation.policy.steps[step].targets, at),
                     "nobody (the step is skipped at once)");
  AddNext(answer, at,
          absl::StrFormat("policy %s, step %d, pass %d pages %s", escalation.policy.id.value(), step + 1,
                          escalation.pass + 1, who));
}

void AddNotifications(const Responder& responder, EscalationId id, const Now& now, ExplainAnswer& answer) {
  const ResponderState& state = responder.state();
  const auto escalation = state.escalations.find(id);
  if (escalation == state.escalations.end()) return;
  int limited = 0;
  int bundled = 0;
  for (const PageId page_id : escalation->second.pages) {
    const auto page = state.pages.find(page_id);
    if (page == state.pages.end() || page->second.state != Page::State::kActive) continue;
    if (const auto hours = state.timer_of.find({Timer::Kind::kPageHours, page_id.value()});
        hours != state.timer_of.end()) {
      AddNext(answer, state.timers.at(hours->second).due_wall,
              absl::StrFormat("%s is told, as low urgency waits for the person's hours", page->second.user.value()));
      continue;
    }
    for (std::size_t i = static_cast<std::size_t>(page->second.next_rule); i < page->second.rules.size(); ++i) {
      const NotificationRule& rule = page->second.rules[i];
      AddNext(answer, ExpectedWall(now, page->second.started_engine + rule.delay),
              absl::StrFormat("%s is tried by %s, by their own rule", page->second.user.value(), rule.method.value()));
    }
    for (const NotificationId notification : page->second.notifications) {
      const auto sent = state.notifications.find(notification);
      if (sent == state.notifications.end()) continue;
      const bool held = sent->second.state == Notification::State::kHeld && !sent->second.bundle.set();
      if (held) {
        const HeldUntil until = ExplainHeld(state, sent->second, now);
        ++(until.what == Wait::For::kLimits ? limited : bundled);
        AddNext(
            answer, ExpectedWall(now, until.due),
            absl::StrFormat("N%d to %s by %s is expected to be told, with what else waits; %s", notification.value(),
                            page->second.user.value(), sent->second.method.id.value(), until.why));
      }
      if (sent->second.state != Notification::State::kPending) continue;
      AddNext(answer, ExpectedWall(now, sent->second.due),
              absl::StrFormat("N%d to %s by %s, attempt %d", notification.value(), page->second.user.value(),
                              sent->second.method.id.value(), sent->second.attempt + 1));
    }
  }
  if (limited > 0)
    absl::StrAppendFormat(answer.mutable_verdict(), "; held back by the limits: %d of the messages", limited);
  if (bundled > 0)
    absl::StrAppendFormat(answer.mutable_verdict(), "; held back by the bundle window: %d of the messages", bundled);
}

// What else is armed for a group.
void AddTimers(const ResponderState& state, const Group& group, const Now& now, ExplainAnswer& answer) {
  const auto add = [&](Timer::Kind kind, std::string text) {
    const auto found = state.timer_of.find({kind, group.id.value()});
    if (found != state.timer_of.end()) AddNext(answer, ExpectedWall(now, state.timers.at(found->second).due), text);
  };
  add(Timer::Kind::kGroupFlush, "the group is looked at again (group_wait or group_interval)");
  const bool restarts = group.route.acknowledgement.then == AcknowledgementRule::Then::kRestart;
  add(Timer::Kind::kAcknowledgeTimeout,
      absl::StrFormat("the %s of %s ends, and the escalation %s", group.snoozed ? "snooze" : "acknowledgement",
                      group.acknowledged_by, restarts ? "begins again" : "goes on with its last step"));
  add(Timer::Kind::kStable, "it has not changed for stable_for, and flaps no more");
  const auto edge = state.timer_of.find({Timer::Kind::kHoldEdge, group.id.value()});
  if (edge != state.timer_of.end() && !group.held_by.starts_with(kMutedBy)) {
    AddNext(answer, state.timers.at(edge->second).due_wall, "a time interval of its route begins or ends");
  }
}

std::string PeopleAskedBy(const Responder& responder, const Escalation& escalation) {
  std::vector<std::string> names;
  for (const PageId id : escalation.pages) {
    const auto page = responder.state().pages.find(id);
    if (page == responder.state().pages.end()) continue;
    const std::string& name = page->second.user.value();
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return absl::StrJoin(names, ", ");
}

// What becomes of somebody who is told and does not answer is not always that others are: low urgency, people who were
// chosen, hours and rates may all leave it at that.
void RefineVerdict(
    const Responder& responder, EscalationId id, std::string_view low, const Now& now, ExplainAnswer& answer) {
  const auto found = responder.state().escalations.find(id);
  if (found == responder.state().escalations.end() || answer.verdict() != kBeingPaged) return;
  const Escalation& escalation = found->second;
  if (escalation.state != Escalation::State::kRunning) return;
  const std::string asked = PeopleAskedBy(responder, escalation);
  const std::string next = DescribeNext(escalation, now);
  const bool by_low_urgency = escalation.urgency == Urgency::kLow && !escalation.policy.low_urgency_escalates;
  if (escalation.wait == Escalation::Wait::kNothing && !asked.empty()) {
    answer.set_verdict(absl::StrCat("open; asked so far: ", asked,
                                    ", and nobody follows as long as they can be reached",
                                    by_low_urgency ? absl::StrCat(": ", ToAbsl(low)) : ""));
  } else if (asked.empty() && !next.empty()) {
    answer.set_verdict(absl::StrCat("open, and nobody has been paged yet: ", next));
  }
}

// Why a group is of low urgency, and since when that ends.
std::string AddSupportHours(const Responder& responder, const Group& group, ExplainAnswer& answer) {
  const auto timer = responder.state().timer_of.find({Timer::Kind::kSupportHours, group.id.value()});
  const bool lowered = group.urgency < UrgencyOf(group.route, group.peak);
  if (!lowered || timer == responder.state().timer_of.end()) return "it is of low urgency";
  AddNext(answer, responder.state().timers.at(timer->second).due_wall,
          absl::StrFormat("the support hours of service %s are looked at again; inside of them it is of high urgency, "
                          "and its policy begins again",
                          group.service.value()));
  return absl::StrFormat("it is of low urgency, outside of the support hours of service %s", group.service.value());
}

// A group that no labels made: it takes in what would have been groups too many.
void AddOverflow(const Group& group, ExplainAnswer& answer) {
  if (Find(std::span<const Label>(group.labels), "alertname") != kTooManyGroupsAlert) return;
  AddFact(
      answer, group.opened_at,
      absl::StrFormat("it stands for all alerts of route %s that would have made a group too many: it is paged once, "
                      "names the worst of them, and ends when the last of them does",
                      group.route.id.value()));
  AddAdvice(answer,
            absl::StrFormat("`tocsin alerts --group G%d` lists them; fewer labels in `group_by` of route %s make "
                            "fewer groups",
                            group.id.value(), group.route.id.value()));
}

// What changed shortly before it opened, oldest first: as the timeline that follows.
void AddRecentChanges(const ResponderState& state, const Group& group, ExplainAnswer& answer) {
  std::vector<const ChangeEvent*> changes = ChangesAround(state, group);
  std::ranges::reverse(changes);
  for (const ChangeEvent* change : changes) {
    AddFact(answer, change->at,
            absl::StrCat("recent change: ", change->summary,
                         change->service.set() ? absl::StrCat(" (service ", change->service.value(), ")") : ""),
            change->source);
  }
}

// `with_alerts`: what holds its alerts back has not been told yet.
absl::Status ExplainGroup(Api& api, GroupId id, v1::ExplainResponse& response, bool with_alerts = true) {
  TOCSIN_ASSIGN(const Group group, FindGroup(api, id));
  ExplainAnswer& answer = *response.add_answers();
  answer.set_subject(
      absl::StrFormat("group G%d %s, route %s", id.value(), Format(group.labels), group.route.id.value()));
  answer.set_verdict(DescribeState(group));
  AddOverflow(group, answer);
  api.engine.ReadResponderAndWait(
      [&](const Responder& responder, const Now&) { AddRecentChanges(responder.state(), group, answer); });
  TOCSIN_TRY(AddTimeline(api, SubjectOf(id), answer));
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    const std::string low = AddSupportHours(responder, group, answer);
    RefineVerdict(responder, group.escalation, low, now, answer);
    AddEscalation(responder, group.escalation, now, answer);
    AddNotifications(responder, group.escalation, now, answer);
    AddTimers(responder.state(), group, now, answer);
  });
  ExplainHolds(api, group, with_alerts, answer);
  SortNext(answer);
  return absl::OkStatus();
}

absl::Status ExplainIncident(Api& api, IncidentId id, v1::ExplainResponse& response) {
  TOCSIN_ASSIGN(const Incident incident, FindIncident(api, id));
  ExplainAnswer& answer = *response.add_answers();
  answer.set_subject(absl::StrFormat("incident I%d \"%s\"", id.value(), incident.title));
  answer.set_verdict(VerdictOf(incident));
  AddFact(answer, incident.opened_at, "opened because " + incident.opened_reason, incident.opened_by);
  TOCSIN_TRY(AddTimeline(api, SubjectOf(id), answer));
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    RefineVerdict(responder, incident.escalation, "it is of low urgency", now, answer);
    AddEscalation(responder, incident.escalation, now, answer);
    AddNotifications(responder, incident.escalation, now, answer);
  });
  SortNext(answer);
  return absl::OkStatus();
}

std::string VerdictOf(const Page& page, const std::vector<Notification>& messages) {
  const bool came_through = std::ranges::any_of(messages, [](const Notification& row) {
    return row.state == Notification::State::kAccepted || row.state == Notification::State::kDelivered;
  });
  switch (page.state) {
    case Page::State::kActive:
      return came_through ? "told, and not answered yet" : "under way: nothing has come through";
    case Page::State::kDone: return came_through ? "told; nothing more is to be tried" : "over";
    case Page::State::kCancelled: return came_through ? "told, then ended" : "ended before anything was sent";
    case Page::State::kUnreachable: return page.user.value() + " could not be reached";
  }
  return "";
}

absl::Status ExplainPage(Api& api, PageId id, v1::ExplainResponse& response) {
  TOCSIN_ASSIGN(const Page page, FindPage(api, id));
  ExplainAnswer& answer = *response.add_answers();
  answer.set_subject(
      absl::StrFormat("page P%d to %s for %s", id.value(), page.user.value(), ShowSubject(page.subject)));
  AddFact(answer, page.started_at, "paged because " + page.reason);
  const Now now = api.engine.Read();
  std::vector<Notification> messages;
  for (const NotificationId message : page.notifications) {
    const absl::StatusOr<Notification> row = FindNotification(api, message);
    if (!row.ok()) continue;
    AddFact(answer, row->created_at,
            absl::StrFormat("N%d by %s: %s", message.value(), row->method.id.value(), Describe(*row, now)));
    messages.push_back(*row);
  }
  answer.set_verdict(VerdictOf(page, messages));
  if (page.state == Page::State::kActive) {
    for (std::size_t i = static_cast<std::size_t>(page.next_rule); i < page.rules.size(); ++i) {
      AddNext(answer, ExpectedWall(now, page.started_engine + page.rules[i].delay),
              absl::StrFormat("%s is tried by %s, by their own rule", page.user.value(), page.rules[i].method.value()));
    }
  }
  if (page.subject.kind == SubjectKind::kGroup) return ExplainGroup(api, GroupId(page.subject.id), response);
  if (page.subject.kind == SubjectKind::kIncident) return ExplainIncident(api, IncidentId(page.subject.id), response);
  return AddTimeline(api, page.subject, answer);
}

// The groups that the alerts of an answer belong to, each once.
struct Mentioned {
  Group group;
  bool holds_told = false;  // what holds its alerts back has been told of one of them
};

void Mention(const std::vector<Group>& groups, bool holds_told, std::vector<Mentioned>& mentioned) {
  for (const Group& group : groups) {
    const auto known = std::ranges::find(mentioned, group.id, [](const Mentioned& each) { return each.group.id; });
    if (known == mentioned.end()) {
      mentioned.push_back({group, holds_told});
    } else {
      known->holds_told = known->holds_told || holds_told;
    }
  }
}

// The alert's own facts; its groups are for later.
void ExplainAlert(Api& api,
                  const AlertRecord& alert,
                  v1::ExplainResponse& response,
                  std::vector<Mentioned>& mentioned) {
  ExplainAnswer& answer = *response.add_answers();
  answer.set_subject(
      absl::StrFormat("alert %s from integration %s", Format(alert.summary.labels), alert.summary.integration.value()));
  AddFact(answer, alert.summary.fired_at,
          absl::StrFormat("fired; received %s, severity %s",
                          alert.received == 1 ? "once" : absl::StrFormat("%d times since", alert.received),
                          Name(alert.summary.severity)));
  if (alert.received > 1) AddFact(answer, alert.last_seen_at, "last seen");
  if (!alert.summary.firing) AddFact(answer, alert.resolved_at, "resolved: " + alert.resolved_reason);
  for (const RouteId& route : alert.routes) {
    AddFact(answer, std::nullopt,
            absl::StrFormat("rules version %d route it to %s", alert.rules.value(), route.value()));
  }
  std::vector<Group> groups;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    for (const GroupKey key : alert.groups) {
      const auto found = state.current_group.find(key);
      if (found != state.current_group.end()) groups.push_back(state.groups.at(found->second));
    }
  });
  SortByWhatIsDone(groups);
  if (!alert.summary.firing) {
    answer.set_verdict("it is over");
  } else if (alert.hold.set()) {
    answer.set_verdict("nobody is paged for it: it is " + HeldClause(api, alert));
    ExplainHolds(api, alert, answer);
    SortNext(answer);
  } else if (alert.groups.empty()) {
    answer.set_verdict("nobody is paged for it: there was no route when it came");
  } else if (groups.empty()) {
    answer.set_verdict("it has just come; its group is being made");
  } else {
    answer.set_verdict(DescribeMembership(groups));
  }
  Mention(groups, alert.hold.set(), mentioned);
}

// Each alert, then each of their groups once.
absl::Status ExplainAlerts(Api& api, const std::vector<AlertRecord>& alerts, v1::ExplainResponse& response) {
  std::vector<Mentioned> mentioned;
  for (const AlertRecord& alert : alerts)
    ExplainAlert(api, alert, response, mentioned);
  for (const Mentioned& each : mentioned)
    TOCSIN_TRY(ExplainGroup(api, each.group.id, response, /*with_alerts=*/!each.holds_told));
  return absl::OkStatus();
}

absl::Status ExplainKey(Api& api, std::string_view name, v1::ExplainResponse& response) {
  const std::string wanted = ToLower(Trim(name));
  const std::optional<AlertKey> key = AlertKeyFromHex(wanted);
  const std::vector<AlertRecord> found = FindAlerts(api, kAlertsTold, {}, [&](const AlertRecord& alert) {
    if (!key) return absl::StrFormat("%016x", alert.fingerprint) == wanted;
    return ToldKey(alert.summary.key) == *key || alert.summary.key == *key;
  });
  if (found.empty()) ExplainNothing(api, {}, "key or fingerprint " + wanted, response);
  return ExplainAlerts(api, found, response);
}

absl::Status ExplainMatching(Api& api, const std::string& text, v1::ExplainResponse& response) {
  TOCSIN_ASSIGN(const std::vector<Matcher> matchers, ParseMatchers(text));
  TOCSIN_TRY(CheckMatcherCount(matchers));
  TOCSIN_ASSIGN(const CompiledMatchers compiled, CompiledMatchers::Compile(matchers));
  std::size_t matching = 0;
  // One more is never found, so all are counted.
  const std::vector<AlertRecord> found = FindAlerts(api, kAlertsTold + 1, {.matchers = &compiled},
                                                    [&](const AlertRecord&) { return ++matching <= kAlertsTold; });
  if (found.empty()) ExplainNothing(api, matchers, text, response);
  if (matching > found.size()) {
    ExplainAnswer& answer = *response.add_answers();
    answer.set_subject(absl::StrFormat("%d alerts match", matching));
    answer.set_verdict(absl::StrFormat(
        "%d of them are explained here; `tocsin alerts` lists them all, further matchers choose among them",
        found.size()));
  }
  return ExplainAlerts(api, found, response);
}

}  // namespace

std::vector<AlertRecord> FindAlerts(Api& api,
                                    std::size_t limit,
                                    const AlertFilter& filter,
                                    const std::function<bool(const AlertRecord&)>& wanted) {
  std::vector<AlertRecord> found;
  for (std::uint32_t i = 0; i < api.engine.shard_count(); ++i) {
    std::uint64_t cursor = 0;
    do {
      api.engine.ReadShardAndWait(i, [&](const Shard& shard) {
        cursor = shard.List(cursor, kReadSlice, filter, [&](const AlertRecord& alert) {
          if (wanted(alert)) found.push_back(alert);
          return found.size() < limit;
        });
      });
    } while (cursor != 0 && found.size() < limit);
  }
  return found;
}

std::string DescribeState(const Group& group) {
  switch (group.state) {
    case Group::State::kAcknowledged: {
      const bool ends = group.acknowledged_until != absl::Time();
      return absl::StrFormat("%s by %s at %s%s; nobody else is paged", group.snoozed ? "snoozed" : "acknowledged",
                             group.acknowledged_by, ShowUtc(group.acknowledged_at),
                             ends ? ", until " + ShowUtc(group.acknowledged_until) : "");
    }
    case Group::State::kMerged:
      return absl::StrFormat("a part of group G%d, which is paged and acknowledged for both",
                             group.merged_into.value());
    case Group::State::kResolved:
      return absl::StrFormat("resolved by %s at %s", group.resolved_by, ShowUtc(group.resolved_at));
    case Group::State::kOpen: break;
  }
  if (group.flapping) {
    return absl::StrFormat(
        "open and flapping: %d changes since %s; its policy runs once, and further changes page nobody until it is "
        "stable",
        group.flaps, ShowUtc(group.flapping_since));
  }
  if (!group.quiet_reason.empty()) return "open, and nobody is being paged: " + group.quiet_reason;
  if (!group.flushed) {
    return group.route.policy.set()
               ? "open, waiting for group_wait so that what belongs together is paged together"
               : absl::StrFormat(
                     "open, waiting for group_wait; then only receiver %s is told, as route %s has no policy",
                     group.route.receiver.value(), group.route.id.value());
  }
  return std::string(kBeingPaged);
}

absl::Status Explain(Api& api, const Caller&, const v1::ExplainRequest& request, v1::ExplainResponse& response) {
  const UserId person(request.why_not());
  const bool asks_why_not = request.has_group() || request.has_incident();
  if (person.set() && !asks_why_not) return Invalid("why_not: asked of a group or an incident only");
  switch (request.subject_case()) {
    case v1::ExplainRequest::kGroup:
      if (!person.set()) return ExplainGroup(api, GroupId(request.group()), response);
      return ExplainWhyNot(api, person, SubjectOf(GroupId(request.group())), response);
    case v1::ExplainRequest::kIncident:
      if (!person.set()) return ExplainIncident(api, IncidentId(request.incident()), response);
      return ExplainWhyNot(api, person, SubjectOf(IncidentId(request.incident())), response);
    case v1::ExplainRequest::kPage: return ExplainPage(api, PageId(request.page()), response);
    case v1::ExplainRequest::kNotification:
      return ExplainNotification(api, NotificationId(request.notification()), response);
    case v1::ExplainRequest::kBundle: return ExplainNotification(api, NotificationId(request.bundle()), response);
    case v1::ExplainRequest::kUser: return ExplainPerson(api, UserId(request.user()), response);
    case v1::ExplainRequest::kAlert: return ExplainKey(api, request.alert(), response);
    case v1::ExplainRequest::kMatchers: return ExplainMatching(api, request.matchers(), response);
    case v1::ExplainRequest::SUBJECT_NOT_SET: break;
  }
  return Invalid("subject: say which group, incident, page, notification, user or alert");
}

}  // namespace tocsin
