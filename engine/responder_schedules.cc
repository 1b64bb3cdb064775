#include "engine/responder_schedules.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_notices.h"
#include "engine/responder_schedule_effect.h"
#include "engine/responder_watches.h"

namespace tocsin {
namespace {

using State = ScheduleChange::State;

constexpr std::size_t kReasonBytes = 500;
constexpr std::size_t kChangesToCome = limits::kScheduleChanges / 4;  // of one schedule
constexpr int kEndYear = 2400;                                        // schedules end there
constexpr absl::Duration kLongestSwap = absl::Hours(24 * 400);
constexpr absl::Duration kKeepUnused = absl::Hours(24 * 30);  // what never counted

// Schedules count in whole seconds.
absl::Time Second(absl::Time time) {
  return absl::FromUnixSeconds(absl::ToUnixSeconds(time));
}

bool IsOver(const ScheduleChange& change, absl::Time now) {
  return change.state == State::kWithdrawn || change.change.end <= now;
}

absl::Status CheckPerson(const Organisation& organisation, const UserId& user, std::string_view what) {
  if (!user.set()) return Invalid("%s: who?", what);
  if (organisation.Find(user) != nullptr) return absl::OkStatus();
  return NotFound("%s: user %s does not exist", what, JsonQuote(OneLine(user.value(), 100)));
}

absl::Status CheckReason(const std::string& reason) {
  if (reason.size() > kReasonBytes) return Invalid("reason: %d bytes, at most %d", reason.size(), kReasonBytes);
  if (!IsValidUtf8(reason)) return Invalid("reason: not UTF-8");
  return absl::OkStatus();
}

// Cuts a stretch of time to what is not past yet.
absl::Status CutToFuture(Override& change, absl::Time now) {
  change.start = std::max(Second(change.start), Second(now));
  change.end = Second(change.end);
  if (change.end >= absl::FromCivil(absl::CivilSecond(kEndYear), absl::UTCTimeZone())) {
    return Invalid("end: must be before the year %d", kEndYear);
  }
  if (change.end <= now) {
    return Invalid("it ends at %s, which is past: who was on call then stays so", Instant(change.end));
  }
  if (change.start >= change.end) {
    return Invalid("it ends at %s, which is not after its start at %s", Instant(change.end), Instant(change.start));
  }
  return absl::OkStatus();
}

absl::StatusOr<const Schedule*> FindSchedule(const Organisation& organisation, const ScheduleId& id) {
  const Schedule* schedule = organisation.Find(id);
  if (schedule == nullptr) return NotFound("schedule %s does not exist", JsonQuote(OneLine(id.value(), 100)));
  return schedule;
}

absl::Status CheckLayers(const Schedule& schedule, const std::vector<LayerId>& layers) {
  if (layers.size() > limits::kLayersPerSchedule) return Invalid("layers: more than a schedule can have");
  for (const LayerId& layer : layers) {
    if (std::ranges::find(schedule.layers, layer, &Layer::id) == schedule.layers.end()) {
      return NotFound("schedule %s has no layer %s", schedule.id.value(), JsonQuote(OneLine(layer.value(), 100)));
    }
  }
  return absl::OkStatus();
}

// Makes plans, each a row.
class Planner {
 public:
  Planner(const ResponderState& state, const Roster& roster, const std::string& actor, absl::Time now)
      : state_(state), roster_(roster), organisation_(roster.organisation()), actor_(actor), now_(now) {}

  absl::StatusOr<ScheduleChange> operator()(const OverrideSchedule& c) const {
    TOCSIN_ASSIGN(const Schedule* schedule, FindSchedule(organisation_, c.schedule));
    ScheduleChange row = New(c.schedule);
    row.change = c.change;
    row.change.id.clear();
    row.change.seq = 0;
    row.change.created_by = actor_;
    TOCSIN_TRY(CutToFuture(row.change, now_));
    TOCSIN_TRY(CheckLayers(*schedule, row.change.layers));
    TOCSIN_TRY(CheckReason(row.change.reason));
    TOCSIN_TRY(CheckPeople(row.change));
    return row;
  }

  absl::StatusOr<ScheduleChange> operator()(const EndOverride& c) const {
    TOCSIN_ASSIGN(ScheduleChange row, Find(c.change));
    if (row.state == State::kOpen) {
      return Precondition("O%d is a swap that nobody has taken: withdraw it", row.id.value());
    }
    if (row.state == State::kWithdrawn) return Precondition("O%d was taken back already", row.id.value());
    if (IsOver(row, now_)) {
      return Precondition("O%d ended at %s: what is past stays", row.id.value(), Instant(row.change.end));
    }
    Settle(row);
    if (row.change.start >= Second(now_)) {
      row.state = State::kWithdrawn;
    } else {
      row.change.end = Second(now_);
    }
    return row;
  }

  absl::StatusOr<ScheduleChange> operator()(const RequestSwap& c) const {
    TOCSIN_ASSIGN(const Schedule* schedule, FindSchedule(organisation_, c.schedule));
    TOCSIN_TRY(CheckPerson(organisation_, c.user, "user"));
    TOCSIN_TRY(CheckLayers(*schedule, c.layers));
    TOCSIN_TRY(CheckReason(c.reason));
    ScheduleChange row = New(c.schedule);
    row.state = State::kOpen;
    row.asked = true;
    row.of = c.of;
    row.change.type = Override::Type::kSwap;
    row.change.start = c.start;
    row.change.end = c.end;
    row.change.from_user = c.user;
    row.change.layers = c.layers;
    row.change.created_by = actor_;
    row.change.reason = c.reason;
    TOCSIN_TRY(CutToFuture(row.change, now_));
    if (row.change.end - row.change.start > kLongestSwap) return Invalid("a swap is for 400 days at most");
    if (row.of.size() > limits::kPeoplePerScheduleChange) {
      return Invalid("of: %d people, at most %d", row.of.size(), limits::kPeoplePerScheduleChange);
    }
    for (const UserId& user : row.of) {
      TOCSIN_TRY(CheckPerson(organisation_, user, "of"));
      if (user == c.user) return Invalid("of: %s cannot take his own shift", user.value());
    }
    TOCSIN_TRY(BindToShifts(row));
    TOCSIN_TRY(CheckNoOther(row));
    return row;
  }

  absl::StatusOr<ScheduleChange> operator()(const OfferSwap& c) const {
    TOCSIN_ASSIGN(ScheduleChange row, FindOpen(c.swap));
    TOCSIN_TRY(CheckMayTake(row, c.user));
    if (std::ranges::find(row.volunteers, c.user) != row.volunteers.end()) {
      return absl::AlreadyExistsError(
          absl::StrCat(c.user.value(), " has offered to take O", row.id.value(), " already"));
    }
    if (row.volunteers.size() >= limits::kPeoplePerScheduleChange) {
      return Exhausted("O%d has %d volunteers already", row.id.value(), row.volunteers.size());
    }
    row.volunteers.push_back(c.user);
    return row;
  }

  absl::StatusOr<ScheduleChange> operator()(const TakeSwap& c) const {
    TOCSIN_ASSIGN(ScheduleChange row, FindOpen(c.swap));
    TOCSIN_TRY(CheckMayTake(row, c.user));
    row.change.start = std::max(row.change.start, Second(now_));
    row.change.to_user = c.user;
    row.state = State::kInForce;
    Settle(row);
    if (!OnCallIn(row)) {
      return Precondition("%s is not on call any more on %s from %s to %s: there is nothing to take",
                          row.change.from_user.value(), row.schedule.value(), Instant(row.change.start),
                          Instant(row.change.end));
    }
    return row;
  }

  absl::StatusOr<ScheduleChange> operator()(const WithdrawSwap& c) const {
    TOCSIN_ASSIGN(ScheduleChange row, FindOpen(c.swap));
    if (!c.volunteer.set()) {
      row.state = State::kWithdrawn;
      Settle(row);
      return row;
    }
    if (std::erase(row.volunteers, c.volunteer) == 0) {
      return NotFound("%s has not offered to take O%d", c.volunteer.value(), row.id.value());
    }
    return row;
  }

  template <typename Other>
  absl::StatusOr<ScheduleChange> operator()(const Other& /*command*/) const {
    return absl::InternalError("no command about schedules");
  }

 private:
  ScheduleChange New(const ScheduleId& schedule) const {
    ScheduleChange row;
    row.schedule = schedule;
    row.created_at = now_;
    return row;
  }

  void Settle(ScheduleChange& row) const {
    row.settled_at = now_;
    row.settled_by = actor_;
  }

  absl::StatusOr<ScheduleChange> Find(ScheduleChangeId id) const {
    const auto found = state_.schedule_changes.find(id);
    if (found == state_.schedule_changes.end()) return NotFound("O%d is not known (any more)", id.value());
    return found->second;
  }

  absl::StatusOr<ScheduleChange> FindOpen(ScheduleChangeId id) const {
    TOCSIN_ASSIGN(ScheduleChange row, Find(id));
    if (!row.asked) return Precondition("O%d is an override, not a swap that somebody asked for", id.value());
    if (row.state == State::kInForce) {
      return Precondition("O%d was taken by %s; `tocsin schedule override end O%d` undoes it", id.value(),
                          row.change.to_user.value(), id.value());
    }
    if (row.state == State::kWithdrawn) return Precondition("O%d was withdrawn", id.value());
    if (IsOver(row, now_)) return Precondition("O%d is past due since %s", id.value(), Instant(row.change.end));
    return row;
  }

  absl::Status CheckPeople(const Override& change) const {
    if (change.users.size() > limits::kPeoplePerScheduleChange) {
      return Invalid("users: %d, at most %d", change.users.size(), limits::kPeoplePerScheduleChange);
    }
    for (const Target& target : change.users) {
      const auto* user = std::get_if<UserTarget>(&target);
      if (user == nullptr) return Invalid("users: an override names people, not teams or schedules");
      TOCSIN_TRY(CheckPerson(organisation_, user->user, "users"));
    }
    if (change.type != Override::Type::kSwap) {
      if (change.from_user.set() || change.to_user.set()) return Invalid("only a swap has people from and to");
      // To assign nobody silences the schedule; to add or remove nobody is a mistake.
      if (change.users.empty() && change.type != Override::Type::kAssign) return Invalid("users: nobody is named");
      return absl::OkStatus();
    }
    if (!change.users.empty()) return Invalid("a swap names two people, from and to, and no list of users");
    TOCSIN_TRY(CheckPerson(organisation_, change.from_user, "from"));
    TOCSIN_TRY(CheckPerson(organisation_, change.to_user, "to"));
    if (change.from_user == change.to_user) return Invalid("a swap needs two different people");
    return absl::OkStatus();
  }

  absl::Status CheckMayTake(const ScheduleChange& row, const UserId& user) const {
    TOCSIN_TRY(CheckPerson(organisation_, user, "user"));
    if (user == row.change.from_user) return Invalid("%s cannot take his own shift", user.value());
    const bool asked = row.of.empty() ? PeopleOf(organisation_, row.schedule).contains(user)
                                      : std::ranges::find(row.of, user) != row.of.end();
    if (asked) return absl::OkStatus();
    return Precondition("O%d is not for %s: %s", row.id.value(), user.value(),
                        row.of.empty() ? "the schedule does not name him" : "others were asked");
  }

  // The shifts of whoever asks, within the stretch.
  absl::StatusOr<std::vector<Shift>> Own(const ScheduleChange& row) const {
    TOCSIN_ASSIGN(std::vector<Shift> shifts, roster_.FinalSchedule(row.schedule, row.change.start, row.change.end));
    std::erase_if(shifts,
                  [&](const Shift& shift) { return !std::ranges::binary_search(shift.users, row.change.from_user); });
    return shifts;
  }

  bool OnCallIn(const ScheduleChange& row) const {
    const absl::StatusOr<std::vector<Shift>> own = Own(row);
    return own.ok() && !own->empty();
  }

  absl::Status BindToShifts(ScheduleChange& row) const {
    TOCSIN_ASSIGN(const std::vector<Shift> own, Own(row));
    if (own.empty()) {
      return Precondition("%s is not on call on %s from %s to %s: there is nothing to swap",
                          row.change.from_user.value(), row.schedule.value(), Instant(row.change.start),
                          Instant(row.change.end));
    }
    row.change.start = own.front().start;
    row.change.end = own.back().end;
    return absl::OkStatus();
  }

  absl::Status CheckNoOther(const ScheduleChange& row) const {
    for (const auto& [id, other] : state_.schedule_changes) {
      const bool same = other.state == State::kOpen && other.schedule == row.schedule &&
                        other.change.from_user == row.change.from_user && other.change.start < row.change.end &&
                        other.change.end > row.change.start;
      if (same) {
        return absl::AlreadyExistsError(absl::StrCat("O", id.value(), " asks for the same already, from ",
                                                     Instant(other.change.start), " to ", Instant(other.change.end)));
      }
    }
    return absl::OkStatus();
  }

  const ResponderState& state_;
  const Roster& roster_;
  const Organisation& organisation_;
  const std::string& actor_;
  const absl::Time now_;
};

// Makes room: what is over long since goes, and when there is too much, the oldest of what is over.
absl::Status MakeRoom(Turn& turn, const ScheduleId& schedule) {
  const absl::Time now = turn.now().wall;
  const absl::Time past = now - absl::Hours(24) * limits::kScheduleChangeDays;
  std::vector<ScheduleChangeId> over;
  std::size_t kept = 0;
  std::size_t of_schedule = 0;
  for (const auto& [id, row] : turn.state().schedule_changes) {
    const bool unused =
        row.state != State::kInForce && IsOver(row, now - kKeepUnused) && row.created_at < now - kKeepUnused;
    if (unused || row.change.end < past) {
      turn.Remove<ScheduleChange>(id);
      continue;
    }
    ++kept;
    if (IsOver(row, now)) {
      over.push_back(id);
    } else if (row.schedule == schedule && row.state != State::kWithdrawn) {
      ++of_schedule;
    }
  }
  // No schedule's people can use up what is there for all.
  if (of_schedule >= kChangesToCome) {
    return Exhausted("schedule %s has %d overrides and swaps that are not over: end some that are not needed",
                     JsonQuote(schedule.value()), of_schedule);
  }
  if (kept < limits::kScheduleChanges) return absl::OkStatus();
  if (over.empty()) return Exhausted("there are %d overrides and swaps already: end some that are not needed", kept);
  turn.Remove<ScheduleChange>(over.front());
  return absl::OkStatus();
}

void AddPeople(const Organisation& organisation,
               const ScheduleId& id,
               std::set<ScheduleId>& seen,
               std::set<UserId>& people) {
  const Schedule* schedule = organisation.Find(id);
  if (schedule == nullptr || !seen.insert(id).second) return;
  for (const Layer& layer : schedule->layers) {
    ForEachCrew(layer, [&](const std::vector<Target>& targets) {
      for (const Target& target : targets) {
        if (const auto* user = std::get_if<UserTarget>(&target)) people.insert(user->user);
        if (const auto* nested = std::get_if<ScheduleTarget>(&target))
          AddPeople(organisation, nested->schedule, seen, people);
        const auto* named = std::get_if<TeamTarget>(&target);
        const Team* team = named != nullptr ? organisation.Find(named->team) : nullptr;
        if (team != nullptr) people.insert(team->members.begin(), team->members.end());
      }
    });
  }
}

void NoteChange(Turn& turn, const ScheduleChange& row, std::string_view how) {
  turn.Note(TimelineEntry::Kind::kNote, {SubjectKind::kOrganisation, 0},
            OneLine(absl::StrCat("O", row.id.value(), " ", ToAbsl(how), ": ", Describe(row)), 500));
}

// Steps and pages that wait for a shift look again, by the roster as it is then.
void ReviewWaiting(Turn& turn) {
  turn.PublishRules();
  for (const GroupId id : turn.state().open_groups)
    turn.ReviewLater(turn.state().groups.at(id).key);
  for (const auto& [id, incident] : turn.state().incidents)
    if (incident.state == Incident::State::kOpen) turn.ReviewLater(id);
}

}  // namespace

ScheduleRecord RecordOf(const ResponderState& state) {
  ScheduleRecord record;
  for (const auto& [id, edition] : state.editions)
    record.editions.push_back(&edition);
  for (const auto& [id, change] : state.schedule_changes)
    record.changes.push_back(&change);
  return record;
}

absl::StatusOr<ScheduleChange> PlanScheduleChange(const ResponderState& state,
                                                  const Roster& roster,
                                                  const Command::Body& body,
                                                  const std::string& actor,
                                                  absl::Time now) {
  TOCSIN_ASSIGN(ScheduleChange row, std::visit(Planner(state, roster, actor, now), body));
  TOCSIN_TRY(CheckGaps(state, roster, row, now));
  return row;
}

absl::StatusOr<ScheduleChangeId> ChangeScheduleBy(Turn& turn, const Command::Body& body) {
  if (turn.roster() == nullptr)
    return Precondition("there is no organisation yet; `tocsin apply FILE...` declares one");
  TOCSIN_ASSIGN(ScheduleChange row,
                PlanScheduleChange(turn.state(), *turn.roster(), body, turn.actor(), turn.now().wall));
  std::optional<ScheduleChange> before;
  if (const ScheduleChange* found = row.id.set() ? turn.Find<ScheduleChange>(row.id) : nullptr) before = *found;
  const ScheduleChange* was = before ? &*before : nullptr;
  const bool counts = MovesPeople(was, row);
  ScheduleEffect effect;
  if (counts) effect = EffectOf(turn, row);
  if (was == nullptr) {
    TOCSIN_TRY(MakeRoom(turn, row.schedule));
    row.id = turn.Create<ScheduleChange>().id;
  }
  if (counts) WatchAfterChange(turn, row.schedule);
  turn.Edit<ScheduleChange>(row.id) = row;
  NoteChange(turn, row, HowOf(was, row, turn.now().wall));
  TellOfChange(turn, was, row, effect);
  if (counts) ReviewWaiting(turn);
  return row.id;
}

absl::StatusOr<AppliedSchedules> SchedulesAfter(const ResponderState& state,
                                                const ApplyOrganisation& apply,
                                                absl::Time now) {
  ScheduleEdit edit;
  const ScheduleRecord record = RecordOf(state);
  if (state.organisation != nullptr) {
    TOCSIN_ASSIGN(edit, EditSchedules(*state.organisation, *apply.organisation, record, now, apply.transition));
  }
  TOCSIN_ASSIGN(Roster roster, Roster::Compile(apply.organisation, Edited(record, edit)));
  return AppliedSchedules{std::move(edit), std::move(roster)};
}

void RecordScheduleEdit(Turn& turn, const ScheduleEdit& edit, ConfigurationId version) {
  for (const ScheduleEdition& edition : edit.editions) {
    const ScheduleEditionId id = edition.id.set() ? edition.id : turn.Create<ScheduleEdition>().id;
    ScheduleEdition& row = turn.Edit<ScheduleEdition>(id);
    row = edition;
    row.id = id;
    if (row.InForce()) continue;
    row.ended_by = version;
    row.ended_actor = turn.actor();
  }
  for (const ScheduleEditionId id : edit.removed)
    turn.Remove<ScheduleEdition>(id);
  for (const std::string& line : edit.lines)
    turn.Note(TimelineEntry::Kind::kNote, {SubjectKind::kOrganisation, 0}, OneLine(line, 500));
}

void EndChangesOfTheGone(Turn& turn, const Organisation& after) {
  const absl::Time now = turn.now().wall;
  const auto gone = [&](const UserId& user) { return user.set() && after.Find(user) == nullptr; };
  for (const auto& [id, row] : turn.state().schedule_changes) {
    if (IsOver(row, now)) continue;
    const bool lost = after.Find(row.schedule) == nullptr || gone(row.change.from_user) || gone(row.change.to_user) ||
                      std::ranges::any_of(row.change.users, [&](const Target& target) {
                        const auto* user = std::get_if<UserTarget>(&target);
                        return user != nullptr && gone(user->user);
                      });
    if (!lost && !std::ranges::any_of(row.volunteers, gone)) continue;
    ScheduleChange& edited = turn.Edit<ScheduleChange>(id);
    std::erase_if(edited.volunteers, gone);
    if (!lost) continue;
    edited.settled_at = now;
    edited.settled_by = "organisation";
    if (edited.state == State::kOpen || edited.change.start >= Second(now)) {
      edited.state = State::kWithdrawn;
    } else {
      edited.change.end = Second(now);
    }
    NoteChange(turn, edited, "ends, what it names is gone");
  }
}

std::set<UserId> PeopleOf(const Organisation& organisation, const ScheduleId& schedule) {
  std::set<ScheduleId> seen;
  std::set<UserId> people;
  AddPeople(organisation, schedule, seen, people);
  return people;
}

}  // namespace tocsin
