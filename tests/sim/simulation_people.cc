// What people and senders do, and what the checkers hear of it.
#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

#include "tests/sim/simulation_impl.h"

namespace tocsin::sim {
namespace {

// Whether an OK is always an entry of the audit log. These may be told what is so already, which changes nothing.
bool IsRecorded(const Command::Body& body, const Checker& checker) {
  if (const auto* acknowledge = std::get_if<AcknowledgeGroup>(&body)) return checker.IsAskedOnce(acknowledge->group);
  return !std::holds_alternative<ApplyOrganisation>(body) && !std::holds_alternative<AcknowledgeIncident>(body);
}

}  // namespace

void Simulation::Execute(Command::Body body, const UserId& user, CommandDone done) {
  const std::string request = absl::StrFormat("request-%d", ++requests_);
  Trace(absl::StrFormat("%s %s", request, Name(body)));
  const bool recorded = IsRecorded(body, checker_);
  engine_->Execute(
      {.request_id = request, .actor = "user:" + user.value(), .body = std::move(body), .origin = request},
      [this, request, recorded, life = life_, done = std::move(done)](const CommandResult& result) mutable {
        if (life != life_) return;
        if (recorded && result.status.ok()) history_.Answered(request);
        Trace(absl::StrFormat("answered %d", static_cast<int>(result.status.code())));
        done(result);
      });
}

std::optional<Group> Simulation::Pick(std::int64_t pick, Group::State state) {
  std::vector<const Group*> found;
  for (const auto& [id, group] : responder().state().groups)
    if (group.state == state) found.push_back(&group);
  if (found.empty()) return std::nullopt;
  return *found[static_cast<std::size_t>(pick) % found.size()];
}

// -1: none that is known by a number.
std::int64_t Simulation::ServiceOf(const Subject& subject) {
  if (subject.kind != SubjectKind::kGroup) return -1;
  const auto& groups = responder().state().groups;
  const auto group = groups.find(GroupId(subject.id));
  if (group == groups.end()) return -1;
  const std::string_view name = Find(std::span<const Label>(group->second.labels), "service");
  for (std::int64_t i = 0; i < kServices; ++i)
    if (name == ServiceName(i)) return i;
  return -1;
}

void Simulation::Apply(std::int64_t organisation) {
  wanted_organisation_ = organisation;
  const EngineTime from = clock_.Read().engine;
  const OrganisationPtr wanted = OrganisationOf(organisation);
  Execute(ApplyOrganisation{wanted, "simulation"}, UserId("admin"),
          [this, organisation, wanted, from](const CommandResult& result) {
            if (!result.status.ok())
              return Violate("the organisation is refused: " + std::string(result.status.message()));
            organisation_ = organisation;
            oracle_.Applied(wanted, IsLimited(organisation), from, clock_.Read());
          });
}

void Simulation::Acknowledge(const Line& line) {
  const std::optional<Group> group = Pick(line.values[0], Group::State::kOpen);
  if (!group) return;
  const UserId user = UserNumber(line.values[1]);
  const EngineTime from = clock_.Read().engine;
  const std::int64_t service = ServiceOf({SubjectKind::kGroup, group->id.value()});
  const absl::Duration timeout = group->policy ? group->policy->acknowledge_timeout : absl::ZeroDuration();
  const EngineTime until = timeout > absl::ZeroDuration() ? from + timeout : EngineTime::Infinite();
  checker_.AskToOwn(group->id);
  oracle_.Ask(service);
  Execute(AcknowledgeGroup{group->id, std::nullopt, group->episode}, user,
          [=, this, id = group->id, episode = group->episode, peak = group->peak](const CommandResult& result) {
            oracle_.Answer(service);
            if (!result.status.ok()) return checker_.NotOwned(id);
            checker_.Own(id, {.episode = episode, .until = until, .peak = peak, .asked = from});
            oracle_.Acknowledged(service, user, from, clock_.Read());
          });
}

void Simulation::Snooze(const Line& line) {
  const std::optional<Group> group =
      Pick(line.values[0], line.values[0] % 2 == 0 ? Group::State::kOpen : Group::State::kAcknowledged);
  if (!group) return;
  const UserId user = UserNumber(line.values[1]);
  const absl::Duration duration = absl::Milliseconds(line.values[2]);
  const EngineTime from = clock_.Read().engine;
  const std::int64_t service = ServiceOf({SubjectKind::kGroup, group->id.value()});
  checker_.AskToOwn(group->id);
  oracle_.Ask(service);
  Execute(SnoozeGroup{group->id, group->generation, std::nullopt, duration}, user,
          [=, this, id = group->id, episode = group->episode, peak = group->peak](const CommandResult& result) {
            oracle_.Answer(service);
            if (!result.status.ok()) return checker_.NotOwned(id);
            checker_.Own(id,
                         {.episode = episode, .until = from + duration, .peak = peak, .asked = from, .snoozed = true});
            oracle_.Snoozed(service, user, duration, from, clock_.Read());
          });
}

void Simulation::Unacknowledge(const Line& line) {
  const std::optional<Group> group = Pick(line.values[0], Group::State::kAcknowledged);
  if (!group) return;
  const EngineTime from = clock_.Read().engine;
  const std::int64_t service = ServiceOf({SubjectKind::kGroup, group->id.value()});
  checker_.GiveUp(group->id);
  checker_.AskToOwn(group->id);
  oracle_.Ask(service);
  Execute(UnacknowledgeGroup{group->id, std::nullopt}, UserNumber(0),
          [=, this, id = group->id](const CommandResult& result) {
            checker_.NotOwned(id);
            if (result.status.ok()) checker_.GiveUp(id);  // what was owned while it was asked, too
            oracle_.Answer(service);
            if (result.status.ok()) oracle_.GivenBack(service, from, clock_.Read());
          });
}

void Simulation::Merge(const Line& line) {
  const std::optional<Group> whole =
      Pick(line.values[0], line.values[0] % 2 == 0 ? Group::State::kOpen : Group::State::kAcknowledged);
  const std::optional<Group> part =
      Pick(line.values[1], line.values[1] % 2 == 0 ? Group::State::kOpen : Group::State::kAcknowledged);
  if (!whole || !part || whole->id == part->id) return;
  if (ServiceOf(SubjectOf(whole->id)) < 0 || ServiceOf(SubjectOf(part->id)) < 0)
    return;  // nobody would know when it is over
  oracle_.LoseTogether(ServiceOf({SubjectKind::kGroup, whole->id.value()}),
                       ServiceOf({SubjectKind::kGroup, part->id.value()}));
  Execute(MergeGroups{whole->id, {part->id}}, UserNumber(1), [](const CommandResult&) {});
}

// What takes a group out of its policy's hands.
void Simulation::DisturbGroup(const Line& line) {
  const bool split = line.kind == Line::Kind::kSplit;
  const std::optional<Group> group = Pick(line.values[0], split                     ? Group::State::kMerged
                                                          : line.values[0] % 2 == 0 ? Group::State::kOpen
                                                                                    : Group::State::kAcknowledged);
  if (!group) return;
  const Subject subject{SubjectKind::kGroup, group->id.value()};
  oracle_.Lose(ServiceOf(subject));
  checker_.GiveUp(group->id);
  checker_.AskToOwn(group->id);
  Command::Body body = ResolveGroup{group->id, std::nullopt};
  if (split) body = SplitGroup{group->id};
  if (line.kind == Line::Kind::kEscalate) body = EscalateGroup{group->id};
  if (line.kind == Line::Kind::kReroute) body = RerouteGroup{group->id, std::nullopt, PolicyId()};
  Execute(std::move(body), UserNumber(2), [this, id = group->id](const CommandResult&) {
    checker_.NotOwned(id);
    checker_.GiveUp(id);
  });
}

void Simulation::MakeSilence(const Line& line) {
  const std::int64_t service = line.values[0] % kServices;
  const absl::Time starts = clock_.Read().wall + absl::Milliseconds(line.values[2]);
  const absl::Time ends = starts + absl::Milliseconds(line.values[1]);
  const bool maintenance = line.values[3] != 0;
  const EngineTime from = clock_.Read().engine;
  oracle_.Ask(service, /*silence=*/true);
  Execute(CreateSilence{SilenceOf(service, starts, ends, maintenance)}, UserNumber(0),
          [=, this](const CommandResult& result) {
            oracle_.Answer(service, /*silence=*/true);
            if (!result.status.ok()) return;
            silences_[SilenceId(result.id)] = service;
            oracle_.Silenced({SilenceId(result.id), service, maintenance, starts, ends}, clock_.Read());
            if (clock_.Read().engine > from) oracle_.Lose(service);  // in between it held or not
          });
}

void Simulation::ExpireSilence(const Line& line) {
  if (silences_.empty()) return;
  const auto chosen = std::next(
      silences_.begin(), static_cast<std::ptrdiff_t>(static_cast<std::size_t>(line.values[0]) % silences_.size()));
  const SilenceId id = chosen->first;
  const std::int64_t service = chosen->second;
  const auto row = responder().state().silences.find(id);
  const bool maintenance = row != responder().state().silences.end() && row->second.maintenance;
  const EngineTime from = clock_.Read().engine;
  oracle_.Ask(service, /*silence=*/true);
  Execute(tocsin::ExpireSilence{id, maintenance}, UserNumber(0), [=, this](const CommandResult& result) {
    oracle_.Answer(service, /*silence=*/true);
    if (!result.status.ok()) return;
    oracle_.Expired(id, clock_.Read());
    if (clock_.Read().engine > from) oracle_.Lose(service);
  });
}

void Simulation::TouchIncident(const Line& line) {
  const UserId user = UserNumber(line.values[1]);
  if (line.kind == Line::Kind::kOpenIncident) {
    const std::optional<Group> group = Pick(line.values[0], Group::State::kOpen);
    if (!group) return;
    OpenIncident open;
    open.title = "Somebody has to look at this";
    open.groups = {group->id};
    if (line.values[2] != 0) open.policy = PolicyId("people");
    return Execute(std::move(open), user, [](const CommandResult&) {});
  }
  const auto& incidents = responder().state().incidents;
  if (incidents.empty()) return;
  const auto number = static_cast<std::size_t>(line.values[0]) % incidents.size();
  const IncidentId id = std::next(incidents.begin(), static_cast<std::ptrdiff_t>(number))->first;
  Command::Body body = AcknowledgeIncident{id, std::nullopt};
  if (line.kind == Line::Kind::kEndIncident) body = ResolveIncident{id, std::nullopt};
  Execute(std::move(body), user, [](const CommandResult&) {});
}

void Simulation::Operate(const Line& line) {
  using Kind = Line::Kind;
  const auto& values = line.values;
  switch (line.kind) {
    case Kind::kFire:
    case Kind::kResolve:
      senders_.Want(values[0] % kAlerts, values[1], line.kind == Kind::kFire,
                    values[2] == 5 ? Severity::kCritical : Severity::kUnknown, clock_.Read().engine);
      senders_.Send(*engine_);
      return;
    case Kind::kAcknowledge: return Acknowledge(line);
    case Kind::kSnooze: return Snooze(line);
    case Kind::kUnacknowledge: return Unacknowledge(line);
    case Kind::kMerge: return Merge(line);
    case Kind::kSplit:
    case Kind::kClose:
    case Kind::kEscalate:
    case Kind::kReroute: return DisturbGroup(line);
    case Kind::kSilence: return MakeSilence(line);
    case Kind::kExpire: return ExpireSilence(line);
    case Kind::kReload: return Apply(values[0] % kOrganisations);
    case Kind::kPing: engine_->Execute({"", "user:cyd", PingHeartbeat{HeartbeatName("pulse")}}, nullptr); return;
    case Kind::kTestPage:
      return Execute(TestPage{UserNumber(values[0])}, UserNumber(values[0]), [](const CommandResult&) {});
    case Kind::kOpenIncident:
    case Kind::kOwnIncident:
    case Kind::kEndIncident: return TouchIncident(line);
    case Kind::kCut:
    case Kind::kKill:
    case Kind::kFailSync:
    case Kind::kFailWrite:
    case Kind::kFull:
    case Kind::kReadOnly:
    case Kind::kJump:
    case Kind::kSleep:
    case Kind::kProvider:
    case Kind::kStall:
    case Kind::kStuckCut: return;  // faults
  }
}

}  // namespace tocsin::sim
