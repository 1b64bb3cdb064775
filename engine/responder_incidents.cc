#include "engine/responder_incidents.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "engine/message.h"
#include "engine/responder_escalations.h"
#include "engine/responder_holds.h"
#include "engine/responder_outbox.h"
#include "engine/responder_reassign.h"
#include "incident/lifecycle.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;

constexpr std::size_t kTitleBytes = 512;
constexpr std::size_t kGroupsPerCommand = 1000;

TimerKey CheckTimer(GroupId id) {
  return {Timer::Kind::kIncidentCheck, id.value()};
}

bool HasFired(const Group& group, const IncidentRuleId& rule) {
  return std::ranges::find(group.fired_rules, rule) != group.fired_rules.end();
}

// Values of a group: those that shards report now, or those that were last decided on.
struct Values {
  std::uint32_t firing = 0;
  Severity highest = Severity::kUnknown;
  std::vector<AlertSummary> alerts;
};

Values ValuesOf(const Turn& turn, const Group& group) {
  const LiveGroup live = turn.Live(group);
  if (live.any == nullptr || !turn.AllShardsReported()) return {group.firing, group.highest, group.exemplars};
  return {live.firing, live.highest, turn.LiveExemplars(group)};
}

Verdict Evaluate(const Turn& turn, const CompiledIncidentRule& rule, const Group& group, const Values& values) {
  const Escalation* escalation = turn.Find<Escalation>(group.escalation);
  const auto fired_within = [&](absl::Duration window) {
    return turn.rates().Within(group.key, turn.now().engine, window);
  };
  return rule.Evaluate({
      .firing = values.firing,
      .highest = values.highest,
      .acknowledged = group.state == Group::State::kAcknowledged,
      .exhausted = escalation != nullptr && escalation->state == Escalation::State::kExhausted,
      .open_for = turn.now().engine - group.opened_engine,
      .labels = group.labels,
      .alerts = values.alerts,
      .fired_within = fired_within,
  });
}

IncidentContext ContextOf(const Group& group, const std::string& name, const std::string& about) {
  return {.labels = group.labels, .group = name, .service = group.service.value(), .about = about};
}

void Link(Incident& incident, Group& group) {
  // An earlier episode of the group may have joined before.
  if (std::ranges::find(incident.groups, group.id) == incident.groups.end()) incident.groups.push_back(group.id);
  group.incidents.push_back(incident.id);
}

void Escalate(Turn& turn, IncidentId id, const PolicyId& policy) {
  if (!policy.set()) return;
  const Incident& incident = *turn.Find<Incident>(id);
  EscalationStart start;
  start.subject = SubjectOf(id);
  start.policy = PolicyFor(turn, policy);
  start.urgency = incident.severity <= 3 ? Urgency::kHigh : Urgency::kLow;
  start.why = absl::StrFormat("incident I%d, SEV%d", id.value(), incident.severity);
  StartEscalation(turn, std::move(start));
}

Incident* Joinable(Turn& turn, const IncidentRuleId& rule, const std::string& key) {
  if (key.empty()) return nullptr;
  const auto joins = [&](const Incident* incident) {
    return incident != nullptr && incident->state != Incident::State::kResolved && incident->rule == rule &&
           incident->join_key == key && turn.now().engine <= incident->join_until;
  };
  if (const auto created = turn.OpenedIncident(rule, key); created && joins(turn.Find<Incident>(*created))) {
    return &turn.Edit<Incident>(*created);
  }
  const auto found = turn.state().joinable.find({rule, key});
  if (found == turn.state().joinable.end() || !joins(turn.Find<Incident>(found->second))) return nullptr;
  return &turn.Edit<Incident>(found->second);
}

void Join(Turn& turn, Incident& incident, Group& group, const IncidentRule& rule, const Verdict& verdict) {
  Link(incident, group);
  const std::string text = absl::StrFormat("rule %s: %s; G%d joins I%d, which has the same %s", rule.id.value(),
                                           verdict.reason, group.id.value(), incident.id.value(), incident.join_key);
  turn.Note(Kind::kIncidentJoined, SubjectOf(incident.id), text);
  turn.Note(Kind::kIncidentJoined, SubjectOf(group.id), text);
}

void OpenByRule(Turn& turn, Group& group, const IncidentRule& rule, const Verdict& verdict) {
  const std::string name = NameOf(SubjectOf(group.id));
  const std::string about = ShortName(group);
  const IncidentContext context = ContextOf(group, name, about);
  Incident& incident = turn.Create<Incident>();
  incident.generation = Generation(1);
  incident.title = IncidentTitle(rule, context);
  incident.severity = rule.incident_severity;
  incident.service = group.service;
  incident.rule = rule.id;
  incident.join_key = JoinKey(rule, context);
  incident.join_until = turn.now().engine + rule.join_window;
  incident.opened_reason = absl::StrCat("rule ", rule.id.value(), ": ", verdict.reason);
  incident.opened_by = absl::StrCat("rule:", rule.id.value());
  incident.opened_at = turn.now().wall;
  turn.RememberIncident(rule.id, incident.join_key, incident.id);
  Link(incident, group);
  const std::string text =
      absl::StrFormat("I%d, SEV%d, opened for %s by %s (rules version %d)", incident.id.value(), incident.severity,
                      name, incident.opened_reason, turn.state().counters.rules.value());
  turn.Note(Kind::kIncidentOpened, SubjectOf(incident.id), text);
  turn.Note(Kind::kIncidentOpened, SubjectOf(group.id), text);
  Escalate(turn, incident.id, rule.policy);
}

void Fire(Turn& turn, GroupId id, const IncidentRule& rule, const Verdict& verdict) {
  const std::string actor = turn.actor();
  turn.SetActor(absl::StrCat("rule:", rule.id.value()));
  Group& group = turn.Edit<Group>(id);
  group.fired_rules.push_back(rule.id);
  const std::string name = NameOf(SubjectOf(id));
  if (Incident* incident = Joinable(turn, rule.id, JoinKey(rule, ContextOf(group, name, "")))) {
    Join(turn, *incident, group, rule, verdict);
  } else {
    OpenByRule(turn, group, rule, verdict);
  }
  turn.SetActor(actor);
}

void Close(Turn& turn, Incident& incident) {
  StopEscalation(turn, SubjectOf(incident.id), absl::StrCat("resolved by ", incident.resolved_by));
  turn.Note(Kind::kResolved, SubjectOf(incident.id), absl::StrCat("resolved by ", incident.resolved_by));
  QueueResolved(turn, {.subject = SubjectOf(incident.id),
                       .message = ResolvedMessage(incident, turn.now()),
                       .sent = turn.About(SubjectOf(incident.id)).notifications.Copy()});
  turn.Arm({Timer::Kind::kRetention, incident.id.value()}, turn.now().engine + turn.options().keep_closed);
}

void ReviewIncidentOf(Turn& turn, IncidentId id) {
  const Incident* before = turn.Find<Incident>(id);
  if (before == nullptr || before->state == Incident::State::kResolved) return;
  const bool all_resolved = std::ranges::all_of(before->groups, [&](GroupId group) {
    const Group* row = turn.Find<Group>(group);
    return row == nullptr || row->state == Group::State::kResolved;
  });
  if (!all_resolved) return;
  turn.Note(Kind::kNote, SubjectOf(id), absl::StrFormat("all %d groups are resolved", before->groups.size()));
  if (!before->rule.set()) return;
  Incident& incident = turn.Edit<Incident>(id);
  if (Resolve(incident, "rule", turn.now()).ok()) Close(turn, incident);
}

absl::StatusOr<const Incident*> FindIncident(const Turn& turn, IncidentId id, const std::optional<Generation>& seen) {
  const Incident* incident = turn.Find<Incident>(id);
  if (incident == nullptr) {
    return NotFound("incident I%d is not known, or was resolved more than %s ago", id.value(),
                    absl::FormatDuration(turn.options().keep_closed));
  }
  if (seen && *seen != incident->generation) {
    return Precondition("incident I%d %s, you saw generation %d: look again", id.value(), Describe(*incident),
                        seen->value());
  }
  return incident;
}

}  // namespace

void ReviewIncidentRules(Turn& turn, GroupId id) {
  const Group* group = turn.Find<Group>(id);
  if (turn.index() == nullptr || group == nullptr || group->firing == 0 || group->below_threshold) return;
  if (group->state == Group::State::kResolved || group->state == Group::State::kMerged) return;
  if (IsHeld(*group)) return;  // what is held back is no reason to bother anybody else either
  const absl::Duration open_for = turn.now().engine - group->opened_engine;
  if (turn.index()->incident_rules().empty()) {
    turn.Disarm(CheckTimer(id));
    return;
  }
  std::optional<absl::Duration> next;
  const Values values = ValuesOf(turn, *group);
  for (const CompiledIncidentRule& rule : turn.index()->incident_rules()) {
    if (HasFired(*turn.Find<Group>(id), rule.rule().id)) continue;
    const Verdict verdict = Evaluate(turn, rule, *turn.Find<Group>(id), values);
    if (verdict.met) {
      Fire(turn, id, rule.rule(), verdict);
    } else if (const auto check = rule.NextCheck(open_for)) {
      next = next ? std::min(*next, *check) : *check;
    }
  }
  group = turn.Find<Group>(id);
  if (next) {
    turn.Arm(CheckTimer(id), group->opened_engine + *next);
  } else {
    turn.Disarm(CheckTimer(id));
  }
}

void NoteThresholds(Turn& turn, GroupId id) {
  const Group& group = *turn.Find<Group>(id);
  if (turn.index() == nullptr || !group.incidents.empty()) return;
  const Values values{group.firing, group.peak, group.exemplars};
  std::string missed;
  for (const CompiledIncidentRule& rule : turn.index()->incident_rules()) {
    absl::StrAppend(&missed, missed.empty() ? "" : "; ", "rule ", rule.rule().id.value(), ": ",
                    Evaluate(turn, rule, group, values).reason);
  }
  if (missed.empty()) return;
  turn.Note(Kind::kThresholdNotMet, SubjectOf(id), absl::StrCat("no incident: ", OneLine(missed, 1000)));
}

void GroupResolved(Turn& turn, GroupId id) {
  turn.Disarm(CheckTimer(id));
  const std::vector<IncidentId> incidents = turn.Find<Group>(id)->incidents;
  for (const IncidentId incident : incidents)
    ReviewIncidentOf(turn, incident);
}

void CloseIncident(Turn& turn, IncidentId id, std::string_view by) {
  Incident& incident = turn.Edit<Incident>(id);
  if (Resolve(incident, std::string(by), turn.now()).ok()) Close(turn, incident);
}

absl::StatusOr<IncidentId> OpenIncidentBy(Turn& turn, const OpenIncident& command) {
  const std::string title = OneLine(command.title, kTitleBytes);
  if (title.empty()) return Invalid("an incident needs a title");
  if (command.severity < 1 || command.severity > 5) {
    return Invalid("severity is %d, must be 1 (SEV1, the worst) to 5", command.severity);
  }
  if (command.groups.size() > kGroupsPerCommand) return Invalid("at most %d groups at once", kGroupsPerCommand);
  const Organisation* organisation = turn.organisation();
  if (command.service.set() && (organisation == nullptr || organisation->Find(command.service) == nullptr)) {
    return NotFound("service \"%s\" does not exist", OneLine(command.service.value(), 100));
  }
  if (command.policy.set() && (organisation == nullptr || organisation->Find(command.policy) == nullptr)) {
    return NotFound("policy \"%s\" does not exist", OneLine(command.policy.value(), 100));
  }
  for (const GroupId group : command.groups) {
    if (turn.Find<Group>(group) == nullptr) return NotFound("group G%d is not known (any more)", group.value());
  }
  if (!command.responders.empty() && turn.Resolve(command.responders).empty()) {
    return NotFound("nobody is behind the people asked for: no such user, or nobody is on call there now");
  }
  Incident& incident = turn.Create<Incident>();
  incident.generation = Generation(1);
  incident.title = title;
  incident.severity = command.severity;
  incident.service = command.service;
  incident.opened_reason = absl::StrCat("opened by ", turn.actor());
  incident.opened_by = turn.actor();
  incident.opened_at = turn.now().wall;
  const IncidentId id = incident.id;
  const std::string text =
      absl::StrFormat("I%d, SEV%d: %s; opened by %s", id.value(), incident.severity, title, turn.actor());
  turn.Note(Kind::kIncidentOpened, SubjectOf(id), text);
  for (const GroupId group : command.groups) {
    Group& row = turn.Edit<Group>(group);
    if (std::ranges::find(row.incidents, id) != row.incidents.end()) continue;  // named twice
    Link(incident, row);
    turn.Note(Kind::kIncidentOpened, SubjectOf(group), text);
  }
  if (!command.responders.empty()) {
    TOCSIN_TRY(PageBesides(turn, SubjectOf(id), command.responders, absl::StrCat("asked for by ", turn.actor())));
  }
  Escalate(turn, id, command.policy);
  return id;
}

absl::Status AcknowledgeIncidentBy(Turn& turn, const AcknowledgeIncident& command) {
  TOCSIN_ASSIGN(const Incident* before, FindIncident(turn, command.incident, command.generation));
  const bool already = before->state == Incident::State::kAcknowledged;
  Incident& incident = turn.Edit<Incident>(command.incident);
  TOCSIN_TRY(Acknowledge(incident, turn.actor(), turn.now()));
  if (already) {
    AnswerToo(turn, SubjectOf(incident.id));
    return absl::OkStatus();
  }
  turn.Note(Kind::kAcknowledged, SubjectOf(incident.id), absl::StrCat("acknowledged by ", turn.actor()));
  AnswerEscalation(turn, SubjectOf(incident.id), turn.actor());
  return absl::OkStatus();
}

absl::Status ResolveIncidentBy(Turn& turn, const ResolveIncident& command) {
  TOCSIN_TRY(FindIncident(turn, command.incident, command.generation).status());
  Incident& incident = turn.Edit<Incident>(command.incident);
  TOCSIN_TRY(Resolve(incident, turn.actor(), turn.now()));
  Close(turn, incident);
  return absl::OkStatus();
}

}  // namespace tocsin
