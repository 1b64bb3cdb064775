// schedule show: a calendar in the terminal, days by weeks.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/output.h"
#include "cli/schedule.h"
#include "cli/session.h"
#include "cli/table.h"

namespace tocsin {
namespace {

using v1::OnCallService;
using ShiftMessage = v1::FinalScheduleResponse::Shift;

constexpr std::size_t kShiftsPerDay = 8;

struct Shown {
  absl::Time start;
  absl::Time end;
  const ShiftMessage* shift = nullptr;
};

absl::Time At(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds());
}

// How a week is laid out. Where seven columns are too narrow for a time and a name, these stand below each other.
struct Layout {
  absl::TimeZone zone;
  absl::Time now;
  bool narrow = false;
};

constexpr std::size_t kWideDay = 15;  // columns that "08:00 alexandra" takes
constexpr std::size_t kBetweenDays = 2;

bool IsNarrow(std::size_t width) {
  return width != 0 && width < 7 * (kWideDay + kBetweenDays);
}

Cell WhoCell(const Shown& shown, std::string_view who, const Layout& layout) {
  const bool nobody = who.empty();
  const std::string mark = shown.shift->overridden() ? "*" : "";  // in front: what is cut is cut at the end
  if (nobody) return {mark + "NOBODY", shown.end <= layout.now ? Tone::kFaint : Tone::kBad};
  return {mark + Printable(who), shown.shift->overridden() ? Tone::kWatch : Tone::kPlain};
}

void AddLines(const Shown& shown, bool since_midnight, const Layout& layout, std::vector<Cell>& lines) {
  const std::string clock = since_midnight ? "" : absl::FormatTime("%H:%M", shown.start, layout.zone);
  if (!layout.narrow) {
    const Cell who = WhoCell(shown, absl::StrJoin(shown.shift->users(), ", "), layout);
    lines.emplace_back(clock.empty() ? who.text : clock + " " + who.text, who.tone);
    return;
  }
  if (!clock.empty()) lines.emplace_back(clock, Tone::kFaint);
  if (shown.shift->users().empty()) lines.push_back(WhoCell(shown, "", layout));
  for (const std::string& user : shown.shift->users())
    lines.push_back(WhoCell(shown, user, layout));
}

// What one day shows: who is on at its beginning, then each change.
std::vector<Cell> LinesOf(absl::CivilDay day, const Layout& layout, const std::vector<Shown>& shifts) {
  const absl::Time begin = absl::FromCivil(day, layout.zone);
  const absl::Time end = absl::FromCivil(day + 1, layout.zone);
  std::vector<Cell> lines;
  std::size_t told = 0;
  std::size_t left_out = 0;
  for (const Shown& shown : shifts) {
    if (shown.end <= begin || shown.start >= end) continue;
    if (told == kShiftsPerDay) {
      ++left_out;
      continue;
    }
    ++told;
    AddLines(shown, shown.start <= begin, layout, lines);
  }
  if (left_out > 0) lines.emplace_back(absl::StrFormat("+%d more", left_out), Tone::kFaint);
  return lines;
}

// "Mon 16 Nov"; narrow, the month stands on Mondays and on the first only: "16 Nov", "Tue 17".
std::string DateText(absl::CivilDay day, const Layout& layout) {
  const bool with_month = absl::GetWeekday(day) == absl::Weekday::monday || day.day() == 1;
  const char* format = !layout.narrow ? "%a %d %b" : with_month ? "%d %b" : "%a %d";
  return absl::FormatTime(format, absl::FromCivil(day, layout.zone) + absl::Hours(12), layout.zone);
}

void AddWeek(Table& table, absl::CivilDay monday, const Layout& layout, const std::vector<Shown>& shifts) {
  const absl::CivilDay today = absl::ToCivilDay(layout.now, layout.zone);
  std::vector<Cell> header;
  std::vector<std::vector<Cell>> days;
  std::size_t lines = 0;
  for (int i = 0; i < 7; ++i) {
    const absl::CivilDay day = monday + i;
    const std::string date = DateText(day, layout);
    header.emplace_back(day == today ? "[" + date + "]" : date, Tone::kStrong);
    days.push_back(LinesOf(day, layout, shifts));
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
  const Layout layout = {.zone = zone, .now = absl::Now(), .narrow = IsNarrow(StandardOutput().width)};
  for (std::uint32_t week = 0; week < weeks; ++week)
    AddWeek(table, monday + 7 * static_cast<int>(week), layout, shifts);
  table.Print();
  std::printf("* changed by an override or a temporary schedule; NOBODY: a gap, `tocsin schedule gaps` says why\n");
  return absl::OkStatus();
}

}  // namespace tocsin
