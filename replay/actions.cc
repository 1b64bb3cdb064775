#include "replay/actions.h"

#include <charconv>
#include <optional>

#include "absl/strings/str_split.h"

#include "base/strings.h"
#include "replay/why.h"

namespace tocsin::replay {
namespace {

// G17: the number.
std::optional<std::uint64_t> NumberOf(const std::string& object) {
  std::uint64_t number = 0;
  const char* const end = object.data() + object.size();
  if (object.size() < 2) return std::nullopt;
  const auto [stop, error] = std::from_chars(object.data() + 1, end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

// "takes in G18, G19": the groups.
std::vector<GroupId> NamedIn(std::string_view text) {
  std::vector<GroupId> groups;
  const std::vector<std::string> words = absl::StrSplit(ToAbsl(text), absl::ByAnyChar(" ,"), absl::SkipEmpty());
  for (const std::string& word : words) {
    if (const auto number = NumberOf(word); number && word[0] == 'G') groups.emplace_back(*number);
  }
  return groups;
}

// What pages nobody, or what the replay has its own of.
bool IsOfNoConsequence(const std::string& action) {
  for (const std::string_view name :
       {"AddNote", "ApplyOrganisation", "RollBack", "CreateToken", "RevokeToken", "TestPage", "InviteUser",
        "AcceptInvitation", "ChangePassword", "LockUser", "UnlockUser", "SignIn"}) {
    if (action == name) return true;
  }
  return false;
}

// `was`: the recorded group, as it was left by the action.
std::optional<Command::Body> OnGroup(const std::string& action, GroupId group, const Group& was) {
  if (action == "SnoozeGroup") return SnoozeGroup{group, std::nullopt, was.acknowledged_until, std::nullopt};
  if (action == "UnacknowledgeGroup") return UnacknowledgeGroup{group, std::nullopt};
  if (action == "SplitGroup") return SplitGroup{group};
  if (action == "RerouteGroup") return RerouteGroup{group, std::nullopt, was.route.policy};
  if (action == "AcknowledgeGroup") return AcknowledgeGroup{group, std::nullopt};
  if (action == "ResolveGroup") return ResolveGroup{group, std::nullopt};
  if (action == "EscalateGroup") return EscalateGroup{group};
  return std::nullopt;
}

}  // namespace

void Actions::Repeat(const Change& change) {
  for (const Row& row : change.rows) {
    const auto* entry = std::get_if<AuditEntry>(&row);
    if (entry != nullptr && !IsOfNoConsequence(entry->action)) Repeat(*entry, change);
  }
}

void Actions::Repeat(const AuditEntry& entry, const Change& change) {
  const std::optional<std::uint64_t> number = NumberOf(entry.object);
  const char kind = number ? entry.object[0] : ' ';
  if (kind == 'G') return OnGroups(entry, GroupId(*number));
  if (kind == 'I') return OnIncident(entry, IncidentId(*number));
  if (entry.action == "AcknowledgeBundle") return OnAcknowledged(entry, change);
  if (kind == 'O') return OnSchedule(entry, ScheduleChangeId(*number), change);
  if (kind == 'S' || kind == 'M') return OnSilence(entry, SilenceId(*number), change);
  ++left_out_[entry.action];
}

CommandResult Actions::Do(const AuditEntry& entry, Command::Body body) {
  Command command;
  command.actor = entry.actor;
  command.body = std::move(body);
  CommandResult result = world_.Do(std::move(command));
  ++(result.status.ok() ? done_ : left_out_[entry.action]);
  return result;
}

void Actions::OnGroups(const AuditEntry& entry, GroupId recorded) {
  const auto found = recorded_.groups.find(recorded);
  std::vector<GroupId> groups;
  if (found != recorded_.groups.end()) groups = Like(found->second);
  if (entry.action == "MergeGroups") return Merge(entry, groups);
  bool any = false;
  for (const GroupId group : groups) {
    const std::optional<Command::Body> body = OnGroup(entry.action, group, found->second);
    if (!body) continue;
    Do(entry, *body);
    any = true;
  }
  if (!any) ++left_out_[entry.action];
}

std::vector<GroupId> Actions::Like(const Group& recorded) const {
  return OpenGroupsLike(world_.responder().state(), replayed_, recorded);
}

void Actions::Merge(const AuditEntry& entry, const std::vector<GroupId>& into) {
  MergeGroups merge;
  if (!into.empty()) merge.into = into.front();
  for (const GroupId part : NamedIn(entry.text)) {
    const auto found = recorded_.groups.find(part);
    if (found == recorded_.groups.end()) continue;
    for (const GroupId group : Like(found->second)) {
      if (group != merge.into) merge.groups.push_back(group);
    }
  }
  if (!into.empty() && !merge.groups.empty()) {
    Do(entry, std::move(merge));
  } else {
    ++left_out_[entry.action];
  }
}

// All that a message named: whatever was acknowledged by it.
void Actions::OnAcknowledged(AuditEntry entry, const Change& change) {
  for (const TimelineEntry& fact : change.entries) {
    if (fact.kind != TimelineEntry::Kind::kAcknowledged) continue;
    const bool is_group = fact.subject.kind == SubjectKind::kGroup;
    entry.action = is_group ? "AcknowledgeGroup" : "AcknowledgeIncident";
    is_group ? OnGroups(entry, GroupId(fact.subject.id)) : OnIncident(entry, IncidentId(fact.subject.id));
  }
}

void Actions::OnIncident(const AuditEntry& entry, IncidentId recorded) {
  if (entry.action == "OpenIncident") return Open(entry, recorded);
  const auto found = recorded_.incidents.find(recorded);
  IncidentId id;
  if (const auto opened = incidents_.find(recorded); opened != incidents_.end()) {
    id = opened->second;
  } else if (found != recorded_.incidents.end()) {
    const auto joinable = world_.responder().state().joinable.find({found->second.rule, found->second.join_key});
    if (joinable != world_.responder().state().joinable.end()) id = joinable->second;
  }
  if (id.set() && entry.action == "AcknowledgeIncident") {
    Do(entry, AcknowledgeIncident{id, std::nullopt});
  } else if (id.set() && entry.action == "ResolveIncident") {
    Do(entry, ResolveIncident{id, std::nullopt});
  } else {
    ++left_out_[entry.action];
  }
}

void Actions::Open(const AuditEntry& entry, IncidentId recorded) {
  const auto found = recorded_.incidents.find(recorded);
  if (found == recorded_.incidents.end()) {
    ++left_out_[entry.action];
    return;
  }
  const Incident& incident = found->second;
  OpenIncident open;
  open.title = incident.title;
  open.severity = incident.severity;
  open.service = incident.service;
  if (const auto run = recorded_.escalations.find(incident.escalation); run != recorded_.escalations.end()) {
    open.policy = run->second.policy.id;
  }
  for (const GroupId id : incident.groups) {
    const auto group = recorded_.groups.find(id);
    if (group == recorded_.groups.end()) continue;
    const std::vector<GroupId> like = Like(group->second);
    open.groups.insert(open.groups.end(), like.begin(), like.end());
  }
  const CommandResult result = Do(entry, std::move(open));
  if (result.status.ok()) incidents_[recorded] = IncidentId(result.id);
}

// Those that are declared in YAML come with the organisation.
void Actions::OnSilence(const AuditEntry& entry, SilenceId recorded, const Change& change) {
  const auto made = silences_.find(recorded);
  const SilenceId id = made != silences_.end() ? made->second : SilenceId();
  const bool known = id.set() || world_.responder().state().silences.contains(recorded);
  for (const Row& row : change.rows) {
    const auto* silence = std::get_if<Silence>(&row);
    if (silence == nullptr || silence->id != recorded || silence->declared.set()) continue;
    const SilenceId here = id.set() ? id : recorded;
    if (silence->ends_at <= change.now.wall) {
      if (!known) break;
      Do(entry, ExpireSilence{here, silence->maintenance});
      return;
    }
    Silence copy = *silence;
    copy.id = known ? here : SilenceId();
    const CommandResult result = Do(entry, CreateSilence{std::move(copy)});
    if (result.status.ok()) silences_[recorded] = SilenceId(result.id);
    return;
  }
  ++left_out_[entry.action];
}

// What counts: an override, a swap once it is taken, and the end of one. Requests and offers change nothing.
void Actions::OnSchedule(const AuditEntry& entry, ScheduleChangeId recorded, const Change& change) {
  const auto made = schedule_changes_.find(recorded);
  const ScheduleChangeId here = made != schedule_changes_.end() ? made->second : recorded;
  const auto& known = world_.responder().state().schedule_changes;
  for (const Row& row : change.rows) {
    const auto* after = std::get_if<ScheduleChange>(&row);
    if (after == nullptr || after->id != recorded) continue;
    const auto before = known.find(here);
    const bool counts = before != known.end() && before->second.state == ScheduleChange::State::kInForce;
    if (after->state == ScheduleChange::State::kInForce && after->change.end > change.now.wall) {
      const CommandResult result = Do(entry, OverrideSchedule{after->schedule, after->change});
      if (result.status.ok()) schedule_changes_[recorded] = ScheduleChangeId(result.id);
    } else if (counts) {
      Do(entry, EndOverride{here});
    }
    return;
  }
}

}  // namespace tocsin::replay
