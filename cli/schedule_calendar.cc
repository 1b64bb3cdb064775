// schedule show: a calendar in the terminal, days by weeks.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/output.h"
#include "cli/schedule.h"
#include "cli/session.h"

namespace tocsin {
namespace {

using v1::OnCallService;
using ShiftMessage = v1::FinalScheduleResponse::Shift;

constexpr std::size_t kLinesPerDay = 8;

struct Shown {
  absl::Time start;
  absl::Time end;
  const ShiftMessage* shift = nullptr;
};

absl::Time At(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds());
}

Cell WhoCell(const ShiftMessage& shift, const std::string& clock) {
  std::string text = clock;
  if (shift.users().empty()) return {text + "NOBODY" + (shift.overridden() ? "*" : ""), Tone::kBad};
  for (int i = 0; i < shift.users_size(); ++i)
    text += (i == 0 ? "" : ", ") + Printable(shift.users(i));
  if (shift.overridden()) return {text + "*", Tone::kWatch};
  return {std::move(text)};
}

// What one day shows: who is on at its beginning, then each change.
std::vector<Cell> LinesOf(absl::CivilDay day, const absl::TimeZone& zone, const std::vector<Shown>& shifts) {
  const absl::Time begin = absl::FromCivil(day, zone);
  const absl::Time end = absl::FromCivil(day + 1, zone);
  std::vector<Cell> lines;
  std::size_t left_out = 0;
  for (const Shown& shown : shifts) {
    if (shown.end <= begin || shown.start >= end) continue;
    if (lines.size() == kLinesPerDay) {
      ++left_out;
      continue;
    }
    const std::string clock = shown.start <= begin ? "" : absl::FormatTime("%H:%M ", shown.start, zone);
    lines.push_back(WhoCell(*shown.shift, clock));
  }
  if (left_out > 0) lines.back() = Cell(absl::StrFormat("+ %d more", left_out + 1), Tone::kFaint);
  return lines;
}

void AddWeek(Table& table,
             absl::CivilDay monday,
             absl::CivilDay today,
             const absl::TimeZone& zone,
             const std::vector<Shown>& shifts) {
  std::vector<Cell> header;
  std::vector<std::vector<Cell>> days;
  std::size_t lines = 0;
  for (int i = 0; i < 7; ++i) {
    const absl::CivilDay day = monday + i;
    const std::string date = absl::FormatTime("%a %d %b", absl::FromCivil(day, zone) + absl::Hours(12), zone);
    header.emplace_back(day == today ? "[" + date + "]" : date, Tone::kStrong);
    days.push_back(LinesOf(day, zone, shifts));
    lines = std::max(lines, days.back().size());
  }
  table.Add(std::move(header));
  for (std::size_t line = 0; line < lines; ++line) {
    std::vector<Cell> row;
    for (const std::vector<Cell>& day : days)
      row.push_back(line < day.size() ? day[line] : Cell(""));
    table.Add(std::move(row));
  }
}

absl::StatusOr<absl::TimeZone> ZoneOf(const std::string& name) {
  absl::TimeZone zone;
  if (absl::LoadTimeZone(name, &zone)) return zone;
  return Invalid("--zone: %s is no time zone such as Europe/Berlin", JsonQuote(name));
}

}  // namespace

absl::Status ShowScheduleCalendar(const Arguments& arguments, const Client& client) {
  if (arguments.positional().size() != 2) return Invalid("which schedule? tocsin schedule show SCHEDULE");
  TOCSIN_ASSIGN(const std::uint32_t weeks, NumberOf(arguments, "weeks", 4, 1, 104));
  absl::Time from = absl::Now();
  if (arguments.has("since")) {
    TOCSIN_ASSIGN(from, ParseInstant(arguments.get("since")));
  }
  v1::FinalScheduleRequest request;
  request.set_schedule(arguments.positional()[1]);
  // A day more on each side than any zone can need; which one is known when the answer is there.
  request.mutable_since()->set_seconds(absl::ToUnixSeconds(from - absl::Hours(24 * 8)));
  request.mutable_until()->set_seconds(absl::ToUnixSeconds(from + absl::Hours(24) * (7 * weeks + 2)));
  TOCSIN_ASSIGN(const auto response, client.Call<OnCallService>(&OnCallService::Stub::FinalSchedule, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  const std::string zone_name = arguments.get("zone", response.time_zone());
  TOCSIN_ASSIGN(const absl::TimeZone zone, ZoneOf(zone_name));
  std::vector<Shown> shifts;
  for (const ShiftMessage& shift : response.shifts())
    shifts.push_back({At(shift.start()), At(shift.end()), &shift});
  const absl::CivilDay today = absl::ToCivilDay(from, zone);
  const absl::CivilDay monday = today == absl::NextWeekday(today - 1, absl::Weekday::monday)
                                    ? today
                                    : absl::PrevWeekday(today, absl::Weekday::monday);
  std::printf("%s (%s), times of %s\n", Printable(response.name()).c_str(), Printable(request.schedule()).c_str(),
              Printable(zone_name).c_str());
  Table table(std::vector<std::string>(7, ""));
  for (std::uint32_t week = 0; week < weeks; ++week)
    AddWeek(table, monday + 7 * static_cast<int>(week), absl::ToCivilDay(absl::Now(), zone), zone, shifts);
  table.Print();
  std::printf("* changed by an override or a temporary schedule; NOBODY: a gap, `tocsin schedule gaps` says why\n");
  return absl::OkStatus();
}

}  // namespace tocsin
