#include "import/calendar_import.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_format.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "escalation/recurrence_rule.h"
#include "escalation/roster.h"
#include "ical/content_lines.h"
#include "ical/document.h"
#include "import/calendar_events.h"

namespace tocsin {
namespace {

constexpr std::size_t kEvents = 10'000;
constexpr std::size_t kRecurringEvents = 1'000;
constexpr std::size_t kProblems = 1'000;
constexpr std::size_t kOccurrences = 1'000'000;  // of all rules together
constexpr std::size_t kRuleLayers = limits::kLayersPerSchedule - 16;
constexpr std::size_t kLevels = 16;
constexpr absl::Duration kPast = kCalendarBehind;
constexpr absl::Duration kAhead = kCalendarHorizon;
constexpr std::size_t kCounted = 200'000;

// What one UID stands for: an event, and what has become of single occurrences of it.
struct Series {
  std::optional<CalendarEvent> event;
  std::vector<CalendarEvent> changed;
};

std::vector<Target> TargetsOf(const CalendarEvent& event) {
  std::vector<Target> targets;
  for (const UserId& user : event.users)
    targets.emplace_back(UserTarget{user});
  return targets;
}

class Importer {
 public:
  Importer(const Organisation& people,
           const ScheduleId& id,
           const std::string& time_zone,
           absl::Time now,
           std::vector<CalendarOccurrence>* occurrences)
      : people_(people), zone_{time_zone, absl::UTCTimeZone()}, now_(now), occurrences_(occurrences) {
    if (!absl::LoadTimeZone(time_zone, &zone_.zone)) {
      Tell("", 0, absl::StrFormat("the time zone %s is not known: UTC", JsonQuote(time_zone)));
      zone_ = {"UTC", absl::UTCTimeZone()};
    }
    result_.schedule.id = id;
    result_.schedule.name = id.value();
    result_.schedule.time_zone = zone_.name;
  }

  void Read(const CalendarFile& file) {
    file_ = file.name;
    const ical::Document document = ical::Parse(file.text);
    for (const ical::Trouble& trouble : document.troubles)
      Tell(file.name, trouble.line, trouble.message);
    const TellTrouble tell = [this](int line, std::string message) { Tell(file_, line, std::move(message)); };
    std::map<std::string, Series> all;
    for (const ical::Component& calendar : document.calendars) {
      const CalendarZone zone = ZoneOfCalendar(calendar, zone_, tell);
      for (const ical::Component& component : calendar.components) {
        if (component.name != "VEVENT") continue;
        if (++seen_ > kEvents) {
          if (seen_ == kEvents + 1) tell(component.line, absl::StrFormat("more than %d events: left out", kEvents));
          continue;
        }
        std::optional<CalendarEvent> event = ReadCalendarEvent(calendar, component, zone, people_, tell);
        if (event) Sort(*std::move(event), all);
      }
    }
    for (const auto& [uid, series] : all)
      Put(series);
  }

  CalendarImport Take() {
    for (auto& [level, layer] : singles_)
      result_.schedule.layers.push_back(std::move(layer));
    return std::move(result_);
  }

 private:
  void Tell(const std::string& file, int line, std::string message) {
    if (result_.problems.size() == kProblems) return;
    const std::string where = line > 0 ? absl::StrFormat("%s:%d: ", file, line) : file.empty() ? "" : file + ": ";
    result_.problems.push_back(where + std::move(message));
  }

  // Of several with one UID the latest counts.
  void Sort(CalendarEvent event, std::map<std::string, Series>& all) {
    const std::string uid = event.uid.empty() ? absl::StrFormat("\n%d", event.line) : event.uid;
    Series& series = all[uid];
    if (event.replaces) {
      series.changed.push_back(std::move(event));
    } else if (!series.event) {
      series.event = std::move(event);
    } else {
      const bool newer = event.sequence >= series.event->sequence;
      Tell(file_, newer ? series.event->line : event.line,
           absl::StrFormat("the UID %s is that of another event, too, in line %d: only the latest counts",
                           JsonQuote(TruncateUtf8(uid, 80)), newer ? event.line : series.event->line));
      if (newer) series.event = std::move(event);
    }
  }

  void Put(const Series& series) {
    std::map<absl::Time, const CalendarEvent*> changed;  // by what they replace
    for (const CalendarEvent& each : series.changed) {
      const auto [place, is_first] = changed.try_emplace(*each.replaces, &each);
      if (!is_first && place->second->sequence <= each.sequence) place->second = &each;
    }
    for (const auto& [replaced, each] : changed) {
      if (!each->cancelled) Count(*each, each->start);
      if (!each->cancelled) PutSingle(*each, each->start);
    }
    if (!series.event || series.event->cancelled) return;
    std::set<absl::Time> replaced;
    for (const auto& [time, each] : changed)
      replaced.insert(time);
    if (!series.event->rule.empty() || !series.event->also.empty()) return PutRecurring(*series.event, replaced);
    if (replaced.contains(series.event->StartOf(series.event->start))) return;
    Count(*series.event, series.event->start);
    PutSingle(*series.event, series.event->start);
  }

  void Count(const CalendarEvent& event, absl::CivilMinute at) {
    if (occurrences_ == nullptr || occurrences_->size() == kCounted) return;
    const CalendarOccurrence counted{event.StartOf(at), event.EndOf(at), event.level, event.users};
    const bool shown = counted.start < counted.end && counted.end > now_ - kPast && counted.start < now_ + kAhead;
    if (shown) occurrences_->push_back(counted);
  }

  void PutSingle(const CalendarEvent& event, absl::CivilMinute start) {
    const absl::Time begin = event.StartOf(start);
    const absl::Time end = event.EndOf(start);
    if (end <= begin) return Tell(file_, event.line, "the clocks skip all of it: left out");
    if (++single_shifts_ > limits::kFixedShiftsPerSchedule) {
      if (single_shifts_ == limits::kFixedShiftsPerSchedule + 1) {
        Tell(file_, event.line,
             absl::StrFormat("more than %d single shifts: left out", limits::kFixedShiftsPerSchedule));
      }
      return;
    }
    if (!singles_.contains(event.level) && singles_.size() == kLevels) {
      return Tell(file_, event.line, absl::StrFormat("more than %d levels: left out", kLevels));
    }
    Layer& layer = singles_[event.level];
    if (!layer.id.set()) {
      layer.id = LayerId(event.level == 0 ? "events" : absl::StrFormat("events-l%d", event.level));
      layer.name = layer.id.value();
      layer.priority = event.level;
      layer.pattern = FixedShifts();
    }
    std::get<FixedShifts>(layer.pattern).shifts.push_back({begin, end, TargetsOf(event)});
    ++result_.events;
  }

  // What the rule yields until the horizon, and what is put beside it; nullopt: it cannot be read, which is told.
  std::optional<std::vector<absl::CivilMinute>> Expansion(const CalendarEvent& event) {
    std::vector<absl::CivilMinute> found;
    if (!event.rule.empty()) {
      const absl::StatusOr<RecurrenceRule> rule = ParseRecurrenceRule(event.rule);
      if (!rule.ok()) {
        Tell(file_, event.line, "RRULE: " + Message(rule.status()) + ": left out");
        return std::nullopt;
      }
      if (++recurring_ > kRecurringEvents || left_ == 0) {
        Tell(file_, event.line, "too many events and occurrences that recur: left out");
        return std::nullopt;
      }
      const WallTime last = ToWallTime(absl::ToCivilSecond(now_ + kAhead, event.zone.zone));
      for (const WallTime each : Expand(*rule, event.start, last, left_)) {
        --left_;
        const absl::CivilMinute at(absl::CivilSecond(1970) + each.seconds);
        const bool over =
            rule->until && (rule->until_is_utc ? event.StartOf(at) > absl::FromCivil(*rule->until, absl::UTCTimeZone())
                                               : absl::CivilSecond(at) > *rule->until);
        if (over) break;
        found.push_back(at);
      }
    }
    return found;
  }

  void PutRecurring(const CalendarEvent& event, const std::set<absl::Time>& replaced) {
    const auto expansion = Expansion(event);
    if (!expansion) return;
    Layer layer;
    Recurrence recurrence{.start = event.start, .end = event.end, .rule = event.rule, .also = event.also};
    recurrence.count = event.elapsed ? Rotation::Count::kElapsed : Rotation::Count::kWall;
    std::vector<absl::CivilMinute> skipped;  // whose beginning the clocks skip
    const auto happens = [&](absl::CivilMinute at) {
      return std::ranges::find(event.except, at) == event.except.end() &&
             std::ranges::find(event.except_days, absl::CivilDay(at)) == event.except_days.end() &&
             !replaced.contains(event.StartOf(at));
    };
    std::erase_if(recurrence.also, [&](absl::CivilMinute at) { return !happens(at); });
    for (const absl::CivilMinute at : *expansion) {
      const bool is_skipped = event.zone.zone.At(absl::CivilSecond(at)).kind == absl::TimeZone::TimeInfo::SKIPPED;
      if (is_skipped || !happens(at)) recurrence.except.push_back(at);
      if (is_skipped && happens(at) && event.EndOf(at) > now_ - kPast) skipped.push_back(at);
    }
    std::set<absl::CivilMinute> counted(expansion->begin(), expansion->end());
    counted.insert(recurrence.also.begin(), recurrence.also.end());
    // Without a rule the first one is what RDATE is put beside.
    if (event.rule.empty()) counted.insert(event.start);
    for (const absl::CivilMinute at : counted) {
      if (happens(at)) Count(event, at);
    }
    layer.pattern = recurrence;
    if (!PutLayer(event, layer)) return WriteOut(event, *expansion, recurrence.also, happens);
    for (const absl::CivilMinute at : skipped)
      PutSingle(event, at);
  }

  // False: it is not what a layer can be.
  bool PutLayer(const CalendarEvent& event, Layer layer) {
    if (result_.schedule.layers.size() >= kRuleLayers) return false;
    const std::size_t number = result_.schedule.layers.size() + 1;
    layer.id = LayerId(absl::StrFormat("event-%d", number));
    layer.name = std::string(TruncateUtf8(event.title, 60));
    if (!IsValidUtf8(layer.name) || layer.name.find('\n') != std::string::npos) layer.name = layer.id.value();
    layer.priority = event.level;
    if (event.zone.name != result_.schedule.time_zone) layer.time_zone = event.zone.name;
    layer.participants = {{TargetsOf(event)}};
    Organisation alone;
    alone.users = people_.users;
    alone.schedules.push_back({.id = result_.schedule.id, .time_zone = result_.schedule.time_zone, .layers = {layer}});
    if (!Roster::Problems(alone).empty()) return false;
    result_.schedule.layers.push_back(std::move(layer));
    ++result_.events;
    return true;
  }

  template <typename Happens>
  void WriteOut(const CalendarEvent& event,
                const std::vector<absl::CivilMinute>& expansion,
                const std::vector<absl::CivilMinute>& also,
                const Happens& happens) {
    Tell(file_, event.line,
         absl::StrFormat(
             "its occurrences are no layer (they overlap, or there are too many layers): written out until %s",
             absl::FormatTime("%Y-%m-%d", now_ + kAhead, absl::UTCTimeZone())));
    for (const auto* part : {&expansion, &also}) {
      for (const absl::CivilMinute at : *part) {
        if (happens(at) && event.EndOf(at) > now_ - kPast && event.StartOf(at) < now_ + kAhead) PutSingle(event, at);
      }
    }
  }

  const Organisation& people_;
  CalendarZone zone_;
  absl::Time now_;
  std::vector<CalendarOccurrence>* occurrences_;
  CalendarImport result_;
  std::string file_;
  std::map<std::int32_t, Layer> singles_;  // by level
  std::size_t seen_ = 0;
  std::size_t recurring_ = 0;
  std::size_t single_shifts_ = 0;
  std::size_t left_ = kOccurrences;
};

}  // namespace

CalendarImport ImportCalendars(std::span<const CalendarFile> files,
                               const Organisation& people,
                               const ScheduleId& id,
                               const std::string& time_zone,
                               absl::Time now,
                               std::vector<CalendarOccurrence>* occurrences) {
  Importer importer(people, id, time_zone, now, occurrences);
  for (const CalendarFile& file : files)
    importer.Read(file);
  return importer.Take();
}

std::vector<std::string> NamesInCalendar(std::string_view text, std::size_t most) {
  std::vector<std::string> names;
  std::set<std::string, std::less<>> known;
  const ical::Document document = ical::Parse(text);
  for (const ical::Component& calendar : document.calendars) {
    for (const ical::Component& event : calendar.components) {
      if (event.name != "VEVENT") continue;
      for (std::string& name : ReadCalendarSummary(event).names) {
        if (names.size() == most) return names;
        if (known.insert(ToLower(name)).second) names.push_back(std::move(name));
      }
    }
  }
  return names;
}

}  // namespace tocsin
