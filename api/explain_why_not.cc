// Why was this person not paged? Each reason that holds is said; what decides is the verdict.
//
// The order is that of an alert's way: is there a policy at all; is the group told of to anybody; does a step mean this
// person at its time; had it come to that step; could the person be reached; did the messages get through.
#include <algorithm>
#include <set>

#include "absl/strings/str_format.h"

#include "api/explain.h"
#include "api/records.h"
#include "base/status.h"
#include "engine/responder_steps.h"
#include "escalation/roster.h"

namespace tocsin {
namespace {

constexpr absl::Duration kAhead = absl::Hours(24 * 14);

// A group or an incident, as far as the question goes.
struct Matter {
  Subject subject;
  std::string name;    // "group G17"
  PolicyId policy;     // none: nobody is paged for it
  std::string quiet;   // why nobody is told, in words
  std::string closed;  // who took or ended it, and when
  EscalationId escalation;
};

// What the responder holds about the matter and the person.
struct Evidence {
  Now now;
  std::optional<Roster> roster;
  std::uint64_t version = 0;
  std::optional<Escalation> escalation;
  std::vector<Page> pages;  // of the person, oldest first
  std::vector<Notification> messages;
};

absl::StatusOr<Matter> MatterOf(Api& api, const Subject& subject) {
  Matter matter;
  matter.subject = subject;
  matter.name = ShowSubject(subject);
  if (subject.kind == SubjectKind::kIncident) {
    TOCSIN_ASSIGN(const Incident incident, FindIncident(api, IncidentId(subject.id)));
    matter.escalation = incident.escalation;
    if (incident.state == Incident::State::kResolved) {
      matter.closed = absl::StrFormat("resolved by %s at %s", incident.resolved_by, ShowUtc(incident.resolved_at));
    } else if (incident.state == Incident::State::kAcknowledged) {
      matter.closed =
          absl::StrFormat("acknowledged by %s at %s", incident.acknowledged_by, ShowUtc(incident.acknowledged_at));
    }
    return matter;
  }
  TOCSIN_ASSIGN(const Group group, FindGroup(api, GroupId(subject.id)));
  matter.policy = group.route.policy;
  matter.escalation = group.escalation;
  matter.quiet = group.quiet_reason;
  switch (group.state) {
    case Group::State::kMerged:
      matter.quiet = absl::StrFormat("it is a part of group G%d: ask about that one", group.merged_into.value());
      break;
    case Group::State::kResolved:
      matter.closed = absl::StrFormat("resolved by %s at %s", group.resolved_by, ShowUtc(group.resolved_at));
      break;
    case Group::State::kAcknowledged:
      matter.closed = absl::StrFormat("%s by %s at %s", group.snoozed ? "snoozed" : "acknowledged",
                                      group.acknowledged_by, ShowUtc(group.acknowledged_at));
      break;
    case Group::State::kOpen:
      if (group.flapping && matter.quiet.empty()) {
        matter.quiet = absl::StrFormat(
            "it flaps: %d changes since %s; its policy runs once, and further changes page nobody until it is stable",
            group.flaps, ShowUtc(group.flapping_since));
      }
      if (!group.flushed && matter.quiet.empty()) matter.quiet = "group_wait is not over yet";
      break;
  }
  if (!group.route.policy.set()) {
    matter.quiet = absl::StrFormat(
        "route %s has no policy: it pages nobody%s", group.route.id.value(),
        group.route.receiver.set() ? ", and tells receiver " + group.route.receiver.value() : std::string());
  }
  return matter;
}

Evidence Gather(Api& api, const Matter& matter, const UserId& user) {
  Evidence evidence;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    const ResponderState& state = responder.state();
    evidence.now = now;
    evidence.version = state.counters.configuration.value();
    if (responder.roster() != nullptr) evidence.roster = *responder.roster();
    const auto escalation = state.escalations.find(matter.escalation);
    if (escalation != state.escalations.end()) evidence.escalation = escalation->second;
    const auto about = state.about.find(matter.subject);
    if (about == state.about.end()) return;
    for (const PageId id : about->second.pages) {
      if (state.pages.at(id).user == user) evidence.pages.push_back(state.pages.at(id));
    }
    for (const NotificationId id : about->second.notifications) {
      if (state.notifications.at(id).user == user) evidence.messages.push_back(state.notifications.at(id));
    }
  });
  return evidence;
}

// Reasons in the order in which they count; the first one is the verdict.
class Reasons {
 public:
  explicit Reasons(ExplainAnswer& answer) : answer_(answer) {}
  void Add(std::string text) {
    if (answer_.verdict().empty()) {
      answer_.set_verdict(std::move(text));
    } else {
      AddFact(answer_, std::nullopt, std::move(text));
    }
  }

 private:
  ExplainAnswer& answer_;
};

void AddPages(const Evidence& evidence, ExplainAnswer& answer, Reasons& reasons) {
  if (evidence.pages.empty()) return;
  const bool came_through = std::ranges::any_of(evidence.messages, [](const Notification& row) {
    return row.state == Notification::State::kAccepted || row.state == Notification::State::kDelivered;
  });
  const Page& last = evidence.pages.back();
  if (last.state == Page::State::kUnreachable) {
    reasons.Add(absl::StrFormat("was paged (P%d), but could not be reached", last.id.value()));
  } else if (came_through) {
    reasons.Add(absl::StrFormat("was paged: P%d, %s", last.id.value(), last.reason));
  } else {
    reasons.Add(absl::StrFormat("was paged (P%d), but no message has come through", last.id.value()));
  }
  for (const Page& page : evidence.pages)
    AddFact(answer, page.started_at, absl::StrFormat("page P%d: %s", page.id.value(), page.reason));
  for (const Notification& row : evidence.messages) {
    AddFact(answer, row.created_at,
            absl::StrFormat("N%d by %s: %s", row.id.value(), row.method.id.value(), Describe(row, evidence.now)));
  }
}

std::string NextShift(const Roster& roster, const UserId& user, const ScheduleId& schedule, absl::Time now) {
  const absl::StatusOr<std::vector<Shift>> shifts = roster.FinalSchedule(schedule, now, now + kAhead);
  if (!shifts.ok()) return "";
  for (const Shift& shift : *shifts) {
    if (std::ranges::find(shift.users, user) == shift.users.end()) continue;
    if (shift.start <= now) return absl::StrFormat("; is on call there now, until %s", ShowUtc(shift.end));
    return absl::StrFormat("; is on call there next at %s", ShowUtc(shift.start));
  }
  return "; is not on call there in the next 14 days";
}

// Why the step at which a run stands is not executed soon, in words; empty: it is, at its time.
std::string WhyNoFurther(const Evidence& evidence) {
  if (!evidence.escalation || evidence.escalation->state != Escalation::State::kRunning) return "";
  if (evidence.escalation->wait == Escalation::Wait::kTime) return "";
  return DescribeNext(*evidence.escalation, evidence.now);
}

// Which steps mean the person, each at the time at which it ran or would run, by the schedules as they are now.
void AddSteps(const Matter& matter,
              const Evidence& evidence,
              const EscalationPolicy& policy,
              const UserId& user,
              ExplainAnswer& answer,
              Reasons& reasons) {
  const Roster& roster = *evidence.roster;
  absl::Time at = evidence.escalation ? evidence.escalation->started_at : evidence.now.wall;
  bool meant = false;
  const std::string why_no_further = WhyNoFurther(evidence);
  std::set<ScheduleId> schedules;
  for (std::size_t i = 0; i < policy.steps.size(); ++i) {
    const bool stands_here = evidence.escalation && evidence.escalation->state == Escalation::State::kRunning &&
                             static_cast<std::int32_t>(i) == evidence.escalation->next_step;
    if (stands_here && evidence.escalation->next_at != EngineTime::Infinite()) {
      at = std::max(at, ExpectedWall(evidence.now, evidence.escalation->next_at));
    }
    const std::vector<Person> people = roster.Resolve(policy.steps[i].targets, at);
    const bool here = std::ranges::find(people, user, &Person::user) != people.end();
    const bool ran = evidence.escalation &&
                     (evidence.escalation->pass > 0 || static_cast<std::int32_t>(i) < evidence.escalation->next_step);
    AddFact(answer, std::nullopt,
            absl::StrFormat("step %d of policy %s, at %s: %s", i + 1, policy.id.value(), ShowUtc(at),
                            ShowPeople(people, "nobody")));
    if (here && !ran && !meant) {
      const bool running = evidence.escalation && evidence.escalation->state == Escalation::State::kRunning;
      reasons.Add(running && !why_no_further.empty()
                      ? absl::StrFormat("it does not come to step %d, which would page them: what follows is %s", i + 1,
                                        why_no_further)
                  : running ? absl::StrFormat("it has not come to step %d yet, which pages them", i + 1)
                            : absl::StrFormat("it never came to step %d, which would have paged them: %s", i + 1,
                                              matter.closed.empty() ? matter.quiet : matter.closed));
    } else if (here && ran && !meant) {
      reasons.Add(absl::StrFormat(
          "step %d would page them by the schedules as they are now; they have changed since it ran", i + 1));
    }
    meant = meant || here;
    if (!people.empty()) at += policy.steps[i].delay;
  }
  if (!meant) reasons.Add(absl::StrFormat("no step of policy %s means them at its time", policy.id.value()));
  for (const PolicyStep& step : policy.steps) {
    for (const Target& target : step.targets) {
      if (const auto* schedule = std::get_if<ScheduleTarget>(&target)) {
        if (!schedules.insert(schedule->schedule).second) continue;
        AddFact(answer, std::nullopt,
                absl::StrFormat("schedule %s%s", schedule->schedule.value(),
                                NextShift(roster, user, schedule->schedule, evidence.now.wall)));
      }
    }
  }
}

}  // namespace

absl::Status ExplainWhyNot(Api& api, const UserId& user, const Subject& subject, v1::ExplainResponse& response) {
  TOCSIN_ASSIGN(const Matter matter, MatterOf(api, subject));
  const Evidence evidence = Gather(api, matter, user);
  if (!evidence.roster) return Precondition("there is no organisation yet; `tocsin apply FILE...` declares one");
  ExplainAnswer& answer = *response.add_answers();
  answer.set_subject(absl::StrFormat("user %s and %s", user.value(), matter.name));
  Reasons reasons(answer);
  const User* person = evidence.roster->organisation().Find(user);
  if (person == nullptr) {
    reasons.Add(
        absl::StrFormat("there is no user \"%s\" in version %d of the configuration", user.value(), evidence.version));
    return absl::OkStatus();
  }
  AddPages(evidence, answer, reasons);
  if (evidence.pages.empty() && person->contact_methods.empty()) {
    reasons.Add("they have no contact method, so nothing could reach them");
  }
  // Where a policy has run, its steps say why it was not them; that it has ended says why it is not them now.
  const bool has_run = evidence.escalation.has_value();
  if (evidence.pages.empty() && !matter.quiet.empty() && !has_run) {
    reasons.Add("nobody is paged for it: " + matter.quiet);
  }
  const EscalationPolicy* policy =
      evidence.escalation ? &evidence.escalation->policy : evidence.roster->organisation().Find(matter.policy);
  if (evidence.pages.empty() && policy != nullptr) AddSteps(matter, evidence, *policy, user, answer, reasons);
  if (evidence.pages.empty() && !matter.quiet.empty() && has_run) {
    reasons.Add("nobody is paged for it any more: " + matter.quiet);
  }
  if (!matter.closed.empty()) reasons.Add(matter.name + " is " + matter.closed + ": nobody else is paged");
  if (answer.verdict().empty()) {
    reasons.Add("no policy runs for " + matter.name + ", and what was kept about earlier pages is no longer in memory");
  }
  SortNext(answer);
  return absl::OkStatus();
}

}  // namespace tocsin
