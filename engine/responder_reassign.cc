#include "engine/responder_reassign.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_acknowledgement.h"
#include "engine/responder_episode.h"
#include "engine/responder_escalations.h"
#include "engine/responder_groups.h"
#include "engine/responder_outbox.h"
#include "engine/responder_pages.h"
#include "engine/responder_steps.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;

constexpr std::size_t kTargets = 100;
constexpr std::size_t kNoteBytes = 500;

absl::StatusOr<std::vector<Person>> PeopleBehind(const Turn& turn, const std::vector<Target>& targets) {
  if (targets.empty()) return Invalid("say whom: a user, a team, a schedule or a policy");
  if (targets.size() > kTargets) return Invalid("%d targets, at most %d", targets.size(), kTargets);
  std::vector<Person> people = turn.Resolve(targets);
  if (people.empty()) return NotFound("nobody is behind that: no such user, or nobody is on call there now");
  return people;
}

}  // namespace

void GiveTo(Turn& turn, Group& group, const std::vector<Target>& targets, std::string_view why) {
  EscalationStart start;
  start.subject = SubjectOf(group.id);
  const PolicyId before = group.policy ? group.policy->id : group.route.policy;
  start.policy.id = PolicyId(absl::StrCat(before.set() ? before.value() : "none", " (reassigned)"));
  start.policy.name = start.policy.id.value();
  if (group.policy) start.policy.team = group.policy->team;
  start.policy.steps.push_back({.delay = kShortestEmptyRetry, .targets = targets});
  start.urgency = group.urgency;
  start.why = why;
  start.stays = true;
  group.quiet_reason.clear();
  StartEscalation(turn, std::move(start));
}

absl::Status ReassignGroupBy(Turn& turn, const ReassignGroup& command) {
  TOCSIN_ASSIGN(const Group* before, FindUnresolved(turn, command.group, command.generation));
  if (IsHeld(*before)) {
    return Precondition("group G%d is %s: end that first", command.group.value(), before->quiet_reason);
  }
  TOCSIN_ASSIGN(const std::vector<Person> people, PeopleBehind(turn, command.targets));
  const std::string why = absl::StrCat("reassigned by ", turn.actor());
  StopEscalation(turn, SubjectOf(command.group), why, /*besides=*/false);
  Group& group = turn.Edit<Group>(command.group);
  group.state = Group::State::kOpen;
  group.snoozed = false;
  group.acknowledged_until = absl::Time();
  group.flushed = true;
  group.below_threshold = false;
  NextGeneration(group);
  turn.Disarm(AcknowledgeTimer(group.id));
  turn.Note(Kind::kReassigned, SubjectOf(group.id), absl::StrCat(why, " to ", Names(people)));
  GiveTo(turn, group, command.targets, why);
  const bool tells = group.route.receiver.set() && turn.FindTimer(FlushTimer(group.id)) == nullptr;
  if (tells) turn.Arm(FlushTimer(group.id), turn.now().engine);  // it may have waited for its threshold
  return absl::OkStatus();
}

absl::Status PageBesides(Turn& turn, const Subject& subject, const std::vector<Target>& targets, std::string_view why) {
  TOCSIN_ASSIGN(const std::vector<Person> people, PeopleBehind(turn, targets));
  turn.Note(Kind::kRespondersAdded, subject, absl::StrCat(ToAbsl(why), ": ", Names(people)));
  std::vector<PageRequest> requests;
  for (const Person& person : people) {
    PageRequest request;
    request.subject = subject;
    request.user = person.user;
    request.reason = absl::StrCat(ToAbsl(why), ": ", person.reason);
    request.until = Page::Until::kOwn;
    requests.push_back(std::move(request));
  }
  StartPages(turn, requests);
  return absl::OkStatus();
}

absl::Status AddRespondersBy(Turn& turn, const AddResponders& command) {
  const Subject& subject = command.subject;
  if (subject.kind == SubjectKind::kGroup) {
    TOCSIN_TRY(FindUnresolved(turn, GroupId(subject.id), std::nullopt).status());
  } else {
    if (subject.kind != SubjectKind::kIncident) return Invalid("people are asked about a group or an incident");
    const Incident* incident = turn.Find<Incident>(IncidentId(subject.id));
    if (incident == nullptr) return NotFound("%s is not known (any more)", NameOf(subject));
    if (incident->state == Incident::State::kResolved) return Precondition("%s is resolved", NameOf(subject));
  }
  const std::string note = OneLine(command.note, kNoteBytes);
  return PageBesides(turn, subject, command.targets,
                     absl::StrCat("asked for by ", turn.actor(), note.empty() ? "" : ": ", note));
}

}  // namespace tocsin
