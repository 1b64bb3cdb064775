// PagerDuty's shift-based schedules: rotations of events, each with an RRULE of its own. A turn is so many shifts, not so much
// time. Rotations run together, so all layers have one priority; custom shifts join them; an override puts one person in the
// place of another in one rotation.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "import/layers.h"
#include "import/pagerduty.h"

namespace tocsin::import {
namespace {

// {date_time, time_zone}, or a plain instant. The zone is the event's own or the schedule's.
std::optional<absl::Time> InstantOf(const Item& item, const std::string& zone) {
  if (!item.is_map()) {
    const auto time = ParseTime(item.Text(), ZoneNamed(zone));
    if (!time) item.Problem("is no instant: {date_time, time_zone}, or 2026-03-04T09:00:00Z");
    return time;
  }
  return item.NeedInstant("date_time", ZoneNamed(zone));
}

std::string ZoneOf(const Item& item, const std::string& otherwise, Draft& draft) {
  return item["time_zone"].present() ? draft.Zone(item, "time_zone") : otherwise;
}

// Members of a kind of assignment: a user, or nobody.
std::vector<Target> MemberOf(const Item& item, Draft& draft) {
  if (item.Text("type") == "empty_member") return {};
  const std::string key = item["user"].present() ? item["user"].Text("id") : item.FirstText({"user_id", "id"});
  const auto user = draft.NeedUser(item, key);
  if (!user) return {};
  return {UserTarget{*user}};
}

std::vector<Participant> ParticipantsOf(const Item& assignment, Draft& draft) {
  std::vector<Participant> participants;
  const bool together = assignment.Text("type").starts_with("every_member");
  for (const Item& member : assignment.Items("members")) {
    const std::vector<Target> targets = MemberOf(member, draft);
    if (together && !participants.empty()) {
      auto& all = participants.front().members;
      all.insert(all.end(), targets.begin(), targets.end());
    } else {
      participants.push_back({targets});
    }
  }
  return participants;
}

// 20250304T090000, with a Z when it is UTC.
std::optional<absl::CivilMinute> ReadDate(std::string_view text, const std::string& zone) {
  const bool utc = text.ends_with("Z");
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  if (text.size() < 15 || text[8] != 'T' || !absl::SimpleAtoi(ToAbsl(text.substr(0, 4)), &year) ||
      !absl::SimpleAtoi(ToAbsl(text.substr(4, 2)), &month) || !absl::SimpleAtoi(ToAbsl(text.substr(6, 2)), &day) ||
      !absl::SimpleAtoi(ToAbsl(text.substr(9, 2)), &hour) || !absl::SimpleAtoi(ToAbsl(text.substr(11, 2)), &minute)) {
    return std::nullopt;
  }
  const absl::CivilMinute read(year, month, day, hour, minute);
  if (read.month() != month || read.day() != day || read.hour() != hour || year < 1970 || year > 2200)
    return std::nullopt;
  return utc ? LocalMinute(absl::FromCivil(read, absl::UTCTimeZone()), zone) : read;
}

std::vector<absl::CivilMinute> ReadDates(std::string_view line, const std::string& zone, const Item& item) {
  std::vector<absl::CivilMinute> dates;
  std::string_view values = line.substr(std::min(line.size(), line.find(':') + 1));
  while (!values.empty()) {
    const std::string_view one = values.substr(0, values.find(','));
    values.remove_prefix(std::min(values.size(), one.size() + 1));
    if (const auto date = ReadDate(one, zone)) {
      dates.push_back(*date);
    } else {
      item.Problem(absl::StrFormat("%s is no date of a recurrence", JsonQuote(TruncateUtf8(one, 60))));
    }
  }
  return dates;
}

void ReadRecurrence(const Item& event, const std::string& zone, Recurrence& to) {
  const Item lines = event["recurrence"].present() ? event["recurrence"] : event["recurrences"];
  for (const Item& item : lines.Items()) {
    const std::string line = item.Text();
    if (absl::StartsWithIgnoreCase(line, "EXDATE")) {
      to.except = ReadDates(line, zone, item);
    } else if (absl::StartsWithIgnoreCase(line, "RDATE")) {
      to.also = ReadDates(line, zone, item);
    } else if (to.rule.empty()) {
      to.rule = absl::StartsWithIgnoreCase(line, "RRULE:") ? line.substr(6) : line;
    } else {
      item.Lose(Grade::kWho, "a second rule of recurrence", "left out");
    }
  }
}

void ReadEvent(const Item& event, const Item& rotation, LayerIds& ids, Draft& draft, Schedule& schedule) {
  event.Expect("events", {"start_time", "end_time", "effective_since", "effective_until", "recurrence", "recurrences",
                          "assignment_strategy", "time_zone"});
  const std::string zone = ZoneOf(event["start_time"], ZoneOf(event, schedule.time_zone, draft), draft);
  const auto start = InstantOf(event["start_time"], zone);
  const auto end = InstantOf(event["end_time"], zone);
  if (!start || !end) return;
  Layer layer;
  layer.id = ids.Claim(rotation.FirstText({"name", "id"}) + "-" + event.FirstText({"name", "id"}));
  layer.name = Line(event.FirstText({"name", "summary"}), layer.id.value());
  if (zone != schedule.time_zone) layer.time_zone = zone;
  Recurrence recurrence;
  recurrence.start = LocalMinute(*start, zone);
  recurrence.end = LocalMinute(*end, zone);
  if (recurrence.end <= recurrence.start) {
    event.Problem("end_time is not after start_time");
    return;
  }
  ReadRecurrence(event, zone, recurrence);
  const Item assignment = event["assignment_strategy"];
  recurrence.shifts_per_participant = static_cast<std::int32_t>(assignment.Number("shifts_per_member", 1, 10'000, 1));
  if (const auto since = event.Instant("effective_since")) layer.effective_since = WholeMinute(*since);
  if (const auto until = event.Instant("effective_until")) layer.effective_until = WholeMinute(*until);
  if (layer.effective_since && layer.effective_until && *layer.effective_since >= *layer.effective_until) return;
  layer.pattern = std::move(recurrence);
  layer.participants = ParticipantsOf(assignment, draft);
  if (!layer.participants.empty()) schedule.layers.push_back(std::move(layer));
}

// Each becomes a layer of its own, so that an override can name it.
void ReadCustomShift(const Item& item,
                     LayerIds& ids,
                     std::map<std::string, std::vector<LayerId>>& layers,
                     Draft& draft,
                     Schedule& schedule) {
  const auto start = InstantOf(item["start_time"], schedule.time_zone);
  const auto end = InstantOf(item["end_time"], schedule.time_zone);
  if (!start || !end || WholeMinute(*start) >= WholeMinute(*end)) return;
  FixedShift shift{WholeMinute(*start), WholeMinute(*end), {}};
  const Item assignments = item["assignments"].present() ? item["assignments"] : item["members"];
  for (const Item& member : assignments.Items()) {
    const std::vector<Target> targets = MemberOf(member["member"].present() ? member["member"] : member, draft);
    shift.members.insert(shift.members.end(), targets.begin(), targets.end());
  }
  Layer layer;
  layer.id = ids.Claim("custom-" + item.FirstText({"name", "id"}));
  layer.name = layer.id.value();
  layer.pattern = FixedShifts{{shift}};
  layers[item.Text("id")].push_back(layer.id);
  schedule.layers.push_back(std::move(layer));
}

void ReadSwap(const Item& item,
              const std::map<std::string, std::vector<LayerId>>& layers,
              Draft& draft,
              Schedule& schedule) {
  const auto start = InstantOf(item["start_time"], schedule.time_zone);
  const auto end = InstantOf(item["end_time"], schedule.time_zone);
  if (!start || !end || WholeMinute(*start) >= WholeMinute(*end)) return;
  const std::vector<Target> from = MemberOf(item["overridden_member"], draft);
  const std::vector<Target> to = MemberOf(item["overriding_member"], draft);
  Override change;
  change.start = WholeMinute(*start);
  change.end = WholeMinute(*end);
  change.reason = "imported from PagerDuty";
  const std::string scope = item.FirstText({"rotation_id", "custom_shift_id"});
  const auto found = layers.find(scope);
  if (found != layers.end()) change.layers = found->second;
  if (!scope.empty() && found == layers.end()) {
    item.Lose(Grade::kWho, "an override of a rotation that is not in the export", "left out");
    return;
  }
  if (from.empty()) {
    if (to.empty()) return;
    change.type = Override::Type::kAdd;
    change.users = to;
  } else if (to.empty()) {
    change.type = Override::Type::kRemove;
    change.users = from;
  } else {
    change.type = Override::Type::kSwap;
    change.from_user = std::get<UserTarget>(from.front()).user;
    change.to_user = std::get<UserTarget>(to.front()).user;
    if (change.from_user == change.to_user) return;
  }
  Draft::Override(schedule, std::move(change));
}

}  // namespace

void ReadShiftSchedule(const Item& item, Draft& draft) {
  item.Expect("schedules", {"time_zone", "rotations", "custom_shifts", "overrides", "final_schedule", "teams", "users",
                            "escalation_policies", "created_at", "updated_at"});
  Schedule schedule;
  schedule.id = ScheduleId(draft.schedules.Known(item.Text("id"), item.FirstText({"name", "summary"})));
  schedule.name = Line(item.FirstText({"name", "summary"}), schedule.id.value());
  schedule.time_zone = draft.Zone(item, "time_zone");
  schedule.team = OwnerOf(item, draft);
  LayerIds ids;
  std::map<std::string, std::vector<LayerId>> layers;  // by what they are called there
  for (const Item& rotation : item.Items("rotations")) {
    const std::size_t before = schedule.layers.size();
    for (const Item& event : rotation.Items("events"))
      ReadEvent(event, rotation, ids, draft, schedule);
    for (std::size_t i = before; i < schedule.layers.size(); ++i)
      layers[rotation.Text("id")].push_back(schedule.layers[i].id);
  }
  for (const Item& shift : item.Items("custom_shifts"))
    ReadCustomShift(shift, ids, layers, draft, schedule);
  for (const Item& change : item.Items("overrides"))
    ReadSwap(change, layers, draft, schedule);
  Render(draft, schedule.id, "final_schedule",
         RenderedEntries(item["final_schedule"]["rendered_schedule_entries"], draft));
  draft.organisation().schedules.push_back(std::move(schedule));
}

}  // namespace tocsin::import
