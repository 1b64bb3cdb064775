#include "api/calendar.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/hash.h"
#include "base/status.h"
#include "base/strings.h"
#include "base/version.h"

namespace tocsin {
namespace {

// So much further is looked, so that shifts at the edges are shown whole: their beginnings are what they are known by.
constexpr absl::Duration kMargin = absl::Hours(24 * 60);

struct Range {
  absl::Time since;
  absl::Time until;
};

// Moves once a day, so that what is asked for again on the same day is the same.
Range RangeAt(absl::Time now) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::Time day = absl::FromCivil(absl::ToCivilDay(now, utc), utc);
  return {day - kCalendarPast, day + kCalendarAhead};
}

std::string UidOf(const CalendarContext& context, const ScheduleId& schedule, const Shift& shift, bool is_whole) {
  std::string key = absl::StrCat(schedule.value(), "\n", is_whole ? absl::ToUnixSeconds(shift.start) : 0);
  for (const UserId& user : shift.users)
    absl::StrAppend(&key, "\n", user.value());
  const Hash128 hash = HashTo128(key, context.seed);
  return absl::StrFormat("%016x%016x@tocsin", hash.high, hash.low);
}

std::string NameOf(const Roster& roster, const UserId& id) {
  const User* user = roster.organisation().Find(id);
  return user == nullptr || user->name.empty() ? id.value() : user->name;
}

// "Mon 2026-11-23 09:00 to Mon 2026-11-30 09:00, Europe/Berlin".
std::string LocalTimes(const Shift& shift, const std::string& zone_name) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(zone_name, &zone)) zone = absl::UTCTimeZone();
  const auto show = [&](absl::Time time) { return absl::FormatTime("%a %Y-%m-%d %H:%M", time, zone); };
  return absl::StrCat(show(shift.start), " to ", show(shift.end), ", ", zone_name);
}

class Writer {
 public:
  Writer(const Roster& roster, const CalendarContext& context)
      : roster_(roster), context_(context), range_(RangeAt(context.now)) {
    feed_.product = absl::StrCat("-//tocsin//tocsin ", ToAbsl(kVersion), "//EN");
    feed_.sequence = context.sequence;
    feed_.modified = context.modified;
    feed_.address = roster.organisation().public_url;
  }

  // All shifts of a schedule, or those of one person.
  absl::Status Add(const Schedule& schedule, const UserId& only) {
    const absl::Time first = range_.since - kMargin;
    TOCSIN_ASSIGN(const std::vector<Shift> shifts, roster_.FinalSchedule(schedule.id, first, range_.until + kMargin));
    std::vector<Shift> shown;
    for (const Shift& shift : shifts) {
      if (!only.set()) {
        shown.push_back(shift);
        continue;
      }
      if (std::ranges::find(shift.users, only) == shift.users.end()) continue;
      if (!shown.empty() && shown.back().end == shift.start) {
        shown.back().end = shift.end;
      } else {
        shown.push_back({shift.start, shift.end, {only}});
      }
    }
    for (const Shift& shift : shown) {
      if (shift.end <= range_.since || shift.start >= range_.until) continue;
      AddEvent(schedule, shift, only, shift.start != first);
    }
    return absl::OkStatus();
  }

  ical::Feed Take(std::string name, std::string time_zone) {
    feed_.name = std::move(name);
    feed_.time_zone = std::move(time_zone);
    std::ranges::stable_sort(feed_.events, {}, &ical::Event::start);
    if (feed_.events.size() > kCalendarEvents) feed_.events.resize(kCalendarEvents);
    return std::move(feed_);
  }

 private:
  void AddEvent(const Schedule& schedule, const Shift& shift, const UserId& only, bool is_whole) {
    ical::Event& event = feed_.events.emplace_back();
    event.uid = UidOf(context_, schedule.id, shift, is_whole);
    event.start = shift.start;
    event.end = shift.end;
    event.categories = {"ON-CALL"};
    if (shift.users.empty()) {
      event.summary = absl::StrCat("NOBODY is on call: ", schedule.name);
      event.categories.emplace_back("GAP");
    } else if (only.set()) {
      event.summary = absl::StrCat("On call: ", schedule.name);
    } else {
      for (const UserId& user : shift.users)
        absl::StrAppend(&event.summary, event.summary.empty() ? "" : ", ", NameOf(roster_, user));
      absl::StrAppend(&event.summary, " on call: ", schedule.name);
    }
    event.description = LocalTimes(shift, schedule.time_zone);
    const Target target = ScheduleTarget{schedule.id};
    for (const Person& person : roster_.Resolve({&target, 1}, shift.start)) {
      if (only.set() && person.user != only) continue;
      absl::StrAppend(&event.description, "\n", NameOf(roster_, person.user), " (", person.user.value(),
                      "): ", person.reason);
    }
  }

  const Roster& roster_;
  const CalendarContext& context_;
  Range range_;
  ical::Feed feed_;
};

}  // namespace

std::uint64_t CalendarSequence(ConfigurationId version, std::vector<absl::Time> moments) {
  std::ranges::sort(moments);
  const absl::Time origin = absl::FromCivil(absl::CivilYear(2020), absl::UTCTimeZone());
  std::int64_t sequence = 0;
  for (const absl::Time moment : moments)
    sequence = std::max(sequence + 1, absl::ToInt64Seconds(moment - origin));
  return static_cast<std::uint64_t>(sequence) + version.value();
}

absl::StatusOr<ical::Feed> CalendarOfSchedule(const Roster& roster,
                                              const ScheduleId& id,
                                              const CalendarContext& context) {
  const Schedule* schedule = roster.organisation().Find(id);
  if (schedule == nullptr) return NotFound("schedule %s does not exist", JsonQuote(id.value()));
  Writer writer(roster, context);
  TOCSIN_TRY(writer.Add(*schedule, UserId()));
  return writer.Take("On call: " + schedule->name, schedule->time_zone);
}

absl::StatusOr<ical::Feed> CalendarOfUser(const Roster& roster, const UserId& id, const CalendarContext& context) {
  const User* user = roster.organisation().Find(id);
  if (user == nullptr) return NotFound("user %s does not exist", JsonQuote(id.value()));
  Writer writer(roster, context);
  for (const Schedule& schedule : roster.organisation().schedules)
    TOCSIN_TRY(writer.Add(schedule, id));
  return writer.Take("On call: " + NameOf(roster, id), user->time_zone);
}

}  // namespace tocsin
