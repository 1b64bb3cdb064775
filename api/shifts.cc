// ListNextShifts, ListGaps, GetFairness, DiffSchedules: what schedules come to.
#include <algorithm>
#include <set>

#include "api/handlers.h"
#include "api/on_call.h"
#include "base/status.h"
#include "base/strings.h"
#include "config/load.h"
#include "escalation/coverage.h"
#include "escalation/schedule_edit.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

constexpr std::uint32_t kUsualShifts = 5;
constexpr std::uint32_t kMostShifts = 100;
constexpr int kMostGaps = 1000;  // of an answer
constexpr int kMostStretches = 1000;
constexpr absl::Duration kDiffHorizon = absl::Hours(24 * 28);
constexpr std::size_t kFilesBytes = 8 * 1024 * 1024;

struct Range {
  absl::Time since;
  absl::Time until;
};

template <typename Request>
absl::StatusOr<Range> RangeOf(const Request& request, absl::Time since, absl::Duration usual) {
  Range range{since, {}};
  if (request.has_since()) TOCSIN_TRY(Annotate(FromProto(request.since(), range.since), "since"));
  range.until = range.since + usual;
  if (request.has_until()) TOCSIN_TRY(Annotate(FromProto(request.until(), range.until), "until"));
  return range;
}

// The schedule that was asked for, or all of them.
absl::StatusOr<std::vector<const Schedule*>> Chosen(const Organisation& organisation, const std::string& id) {
  std::vector<const Schedule*> chosen;
  for (const Schedule& schedule : organisation.schedules) {
    if (id.empty() || schedule.id.value() == id) chosen.push_back(&schedule);
  }
  if (chosen.empty() && !id.empty()) {
    return NotFound("schedule %s does not exist", JsonQuote(TruncateUtf8(id, 100)));
  }
  return chosen;
}

void AddUsers(const std::vector<UserId>& users, google::protobuf::RepeatedPtrField<std::string>& to) {
  for (const UserId& user : users)
    *to.Add() = user.value();
}

using NextEntry = v1::ListNextShiftsResponse::Entry;

absl::Status AddShiftsOf(const Roster& roster,
                         const Schedule& schedule,
                         const UserId& user,
                         absl::Time since,
                         std::size_t count,
                         std::vector<NextEntry>& entries) {
  TOCSIN_ASSIGN(const std::vector<Shift> shifts, roster.ShiftsOf(user, schedule.id, since, count));
  for (const Shift& shift : shifts) {
    NextEntry& entry = entries.emplace_back();
    entry.set_schedule(schedule.id.value());
    ToProto(shift.start, *entry.mutable_start());
    ToProto(shift.end, *entry.mutable_end());
    AddUsers(shift.users, *entry.mutable_users());
  }
  return absl::OkStatus();
}

void AddHandoffs(const Roster& roster,
                 const Schedule& schedule,
                 absl::Time since,
                 std::size_t count,
                 std::vector<NextEntry>& entries) {
  std::optional<absl::Time> at = roster.NextChange(schedule.id, since);
  for (std::size_t i = 0; i < count && at; ++i) {
    const std::optional<absl::Time> end = roster.NextChange(schedule.id, *at);
    NextEntry& entry = entries.emplace_back();
    entry.set_schedule(schedule.id.value());
    ToProto(*at, *entry.mutable_start());
    if (end) ToProto(*end, *entry.mutable_end());
    AddUsers(roster.OnCall(schedule.id, *at), *entry.mutable_users());
    AddUsers(roster.OnCall(schedule.id, *at - absl::Seconds(1)), *entry.mutable_before());
    at = end;
  }
}

v1::ListGapsResponse::Gap::Kind KindOf(Gap::Cause cause) {
  switch (cause) {
    case Gap::Cause::kNoLayer: return v1::ListGapsResponse::Gap::KIND_NO_LAYER;
    case Gap::Cause::kEmptySlot: return v1::ListGapsResponse::Gap::KIND_EMPTY_SLOT;
    case Gap::Cause::kSilenced: return v1::ListGapsResponse::Gap::KIND_SILENCED;
  }
  return v1::ListGapsResponse::Gap::KIND_UNSPECIFIED;
}

// The people of a schedule over a range; nobody where a roster does not have it.
absl::StatusOr<std::vector<Shift>> FinalOf(const Roster& roster, const ScheduleId& schedule, const Range& range) {
  if (roster.organisation().Find(schedule) == nullptr)
    return std::vector<Shift>{
        {range.since, range.until, {}}
    };
  return roster.FinalSchedule(schedule, range.since, range.until);
}

// Both tile the range: walks them side by side.
void AddDifferences(const ScheduleId& schedule,
                    const std::vector<Shift>& before,
                    const std::vector<Shift>& after,
                    v1::DiffSchedulesResponse& response) {
  std::size_t i = 0;
  std::size_t k = 0;
  while (i < before.size() && k < after.size()) {
    const absl::Time start = std::max(before[i].start, after[k].start);
    const absl::Time end = std::min(before[i].end, after[k].end);
    if (before[i].users != after[k].users) {
      if (response.stretches_size() >= kMostStretches) return response.set_truncated(true);
      v1::DiffSchedulesResponse::Stretch* stretch = response.add_stretches();
      stretch->set_schedule(schedule.value());
      ToProto(start, *stretch->mutable_start());
      ToProto(end, *stretch->mutable_end());
      AddUsers(before[i].users, *stretch->mutable_before());
      AddUsers(after[k].users, *stretch->mutable_after());
    }
    const bool before_ends = before[i].end == end;
    const bool after_ends = after[k].end == end;
    i += before_ends ? 1 : 0;
    k += after_ends ? 1 : 0;
  }
}

absl::StatusOr<std::vector<SourceFile>> FilesOf(const v1::DiffSchedulesRequest& request) {
  std::vector<SourceFile> files;
  std::size_t bytes = 0;
  for (const auto& file : request.files()) {
    bytes += file.text().size();
    files.push_back({file.name(), file.text()});
  }
  if (files.empty()) return Invalid("files: none");
  if (bytes > kFilesBytes) return Invalid("files: %d bytes in all, at most %d", bytes, kFilesBytes);
  return files;
}

// What would be evaluated when `wanted` was applied now: whoever has the turn of an edited layer keeps it, or the present order
// goes on for a while, and what people have changed counts on top.
absl::StatusOr<Roster> RosterAfter(Api& api,
                                   OrganisationPtr wanted,
                                   const ScheduleTransition& transition,
                                   v1::DiffSchedulesResponse& response) {
  // Copied out, so that the responder is not held up by the edit of all schedules.
  OrganisationPtr present;
  std::vector<ScheduleEdition> editions;
  std::vector<ScheduleChange> changes;
  absl::Time wall;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    present = responder.state().organisation;
    wall = now.wall;
    for (const auto& [id, row] : responder.state().editions)
      editions.push_back(row);
    for (const auto& [id, row] : responder.state().schedule_changes)
      changes.push_back(row);
  });
  ScheduleRecord record;
  for (const ScheduleEdition& edition : editions)
    record.editions.push_back(&edition);
  for (const ScheduleChange& change : changes)
    record.changes.push_back(&change);
  TOCSIN_TRY(Roster::Compile(wanted).status());
  ScheduleEdit edit;
  if (present != nullptr) {
    TOCSIN_ASSIGN(edit, EditSchedules(*present, *wanted, record, wall, transition));
  }
  for (const std::string& line : edit.lines)
    response.add_transitions(line);
  return Roster::Compile(std::move(wanted), Edited(record, edit));
}

}  // namespace

absl::Status ListNextShifts(Api& api,
                            const Caller&,
                            const v1::ListNextShiftsRequest& request,
                            v1::ListNextShiftsResponse& response) {
  TOCSIN_ASSIGN(const Roster roster, CurrentRoster(api));
  absl::Time since = api.engine.Read().wall;
  if (request.has_since()) TOCSIN_TRY(Annotate(FromProto(request.since(), since), "since"));
  const std::uint32_t count = std::min(request.count() == 0 ? kUsualShifts : request.count(), kMostShifts);
  TOCSIN_ASSIGN(const auto schedules, Chosen(roster.organisation(), request.schedule()));
  std::vector<NextEntry> entries;
  for (const Schedule* schedule : schedules) {
    if (request.user().empty()) {
      AddHandoffs(roster, *schedule, since, count, entries);
    } else {
      TOCSIN_TRY(AddShiftsOf(roster, *schedule, UserId(request.user()), since, count, entries));
    }
  }
  std::ranges::stable_sort(entries, {}, [](const NextEntry& entry) { return entry.start().seconds(); });
  for (NextEntry& entry : entries)
    *response.add_entries() = std::move(entry);
  return absl::OkStatus();
}

absl::Status ListGaps(Api& api, const Caller&, const v1::ListGapsRequest& request, v1::ListGapsResponse& response) {
  TOCSIN_ASSIGN(const Roster roster, CurrentRoster(api));
  TOCSIN_ASSIGN(const Range range, RangeOf(request, api.engine.Read().wall, kCoverageHorizon));
  TOCSIN_ASSIGN(const auto schedules, Chosen(roster.organisation(), request.schedule()));
  Coverage coverage(roster);
  for (const Schedule* schedule : schedules) {
    TOCSIN_ASSIGN(const std::vector<Gap> gaps,
                  coverage.Gaps(schedule->id, range.since, range.until, std::size_t{kMostGaps} + 1));
    for (const Gap& gap : gaps) {
      if (response.gaps_size() == kMostGaps) {
        response.set_truncated(true);
        return absl::OkStatus();
      }
      auto& shown = *response.add_gaps();
      shown.set_schedule(schedule->id.value());
      ToProto(gap.start, *shown.mutable_start());
      ToProto(gap.end, *shown.mutable_end());
      shown.set_kind(KindOf(gap.cause));
      shown.set_why(gap.why);
    }
  }
  return absl::OkStatus();
}

absl::Status GetFairness(Api& api,
                         const Caller&,
                         const v1::GetFairnessRequest& request,
                         v1::GetFairnessResponse& response) {
  TOCSIN_ASSIGN(const Roster roster, CurrentRoster(api));
  TOCSIN_ASSIGN(const Range range, RangeOf(request, api.engine.Read().wall, kCoverageHorizon));
  const ScheduleId schedule(request.schedule());
  TOCSIN_ASSIGN(const auto duties, roster.Fairness(schedule, range.since, range.until));
  TOCSIN_ASSIGN(const std::vector<Shift> gaps, roster.Gaps(schedule, range.since, range.until));
  absl::Duration all;
  for (const auto& [user, duty] : duties)
    all += duty.total;
  for (const auto& [id, duty] : duties) {
    auto& entry = *response.add_entries();
    entry.set_user(id.value());
    if (const User* user = roster.organisation().Find(id)) entry.set_name(user->name);
    ToProto(duty.total, *entry.mutable_total());
    ToProto(duty.night, *entry.mutable_night());
    ToProto(duty.weekend, *entry.mutable_weekend());
    ToProto(duty.holiday, *entry.mutable_holiday());
    ToProto(duty.longest, *entry.mutable_longest());
    entry.set_shifts(static_cast<std::uint32_t>(duty.shifts));
    entry.set_night_handoffs(static_cast<std::uint32_t>(duty.night_handoffs));
    entry.set_share(absl::FDivDuration(duty.total, all));
  }
  absl::Duration uncovered;
  for (const Shift& gap : gaps)
    uncovered += gap.end - gap.start;
  response.set_balance(Roster::Balance(duties));
  response.set_covered(1 - absl::FDivDuration(uncovered, range.until - range.since));
  ToProto(range.since, *response.mutable_since());
  ToProto(range.until, *response.mutable_until());
  return absl::OkStatus();
}

absl::Status DiffSchedules(Api& api,
                           const Caller&,
                           const v1::DiffSchedulesRequest& request,
                           v1::DiffSchedulesResponse& response) {
  TOCSIN_ASSIGN(const std::vector<SourceFile> files, FilesOf(request));
  TOCSIN_ASSIGN(const Roster before, CurrentRoster(api));
  TOCSIN_ASSIGN(const Range range, RangeOf(request, api.engine.Read().wall, kDiffHorizon));
  LoadResult loaded = Load(files);
  for (const Problem& problem : loaded.problems) {
    auto& shown = *response.add_problems();
    shown.set_file(problem.file);
    shown.set_line(static_cast<std::uint32_t>(problem.line));
    shown.set_column(static_cast<std::uint32_t>(problem.column));
    shown.set_path(problem.path);
    shown.set_message(problem.message);
  }
  if (!loaded.ok()) return absl::OkStatus();
  ScheduleTransition transition;
  TOCSIN_TRY(ReadTransition(request.schedules(), transition));
  TOCSIN_ASSIGN(
      const Roster after,
      RosterAfter(api, std::make_shared<const Organisation>(std::move(loaded.organisation)), transition, response));
  std::set<ScheduleId> ids;
  for (const Organisation* organisation : {&before.organisation(), &after.organisation()}) {
    for (const Schedule& schedule : organisation->schedules)
      ids.insert(schedule.id);
  }
  if (!request.schedule().empty() && !ids.contains(ScheduleId(request.schedule()))) {
    return NotFound("schedule %s is neither in force nor in the files",
                    JsonQuote(TruncateUtf8(request.schedule(), 100)));
  }
  for (const ScheduleId& id : ids) {
    if (!request.schedule().empty() && id.value() != request.schedule()) continue;
    if (before.organisation().Find(id) == nullptr) response.add_added_schedules(id.value());
    if (after.organisation().Find(id) == nullptr) response.add_removed_schedules(id.value());
    TOCSIN_ASSIGN(const std::vector<Shift> was, FinalOf(before, id, range));
    TOCSIN_ASSIGN(const std::vector<Shift> will, FinalOf(after, id, range));
    AddDifferences(id, was, will, response);
  }
  return absl::OkStatus();
}

}  // namespace tocsin
