#include "escalation/occurrences.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/time/civil_time.h"

#include "base/limits.h"
#include "base/status.h"
#include "escalation/recurrence_rule.h"

namespace tocsin {
namespace {

WallTime Reading(absl::CivilMinute minute) {
  return ToWallTime(absl::CivilSecond(minute));
}

constexpr WallTime kFirstReading = {INT64_MIN};
constexpr WallTime kLastReading = {kEndInstant.seconds};

// The last reading that UNTIL allows.
WallTime LastOf(const RecurrenceRule& rule, const ZoneClock& zone) {
  if (!rule.until) return kLastReading;
  const WallTime written = ToWallTime(*rule.until);
  const WallTime local = rule.until_is_utc ? zone.HighWater(Instant{written.seconds}) : written;
  return std::min(local, kLastReading);
}

std::int64_t UpTo(const std::vector<WallTime>& ascending, WallTime at) {
  return std::upper_bound(ascending.begin(), ascending.end(), at) - ascending.begin();
}

bool Holds(const std::vector<WallTime>& ascending, WallTime reading) {
  return std::binary_search(ascending.begin(), ascending.end(), reading);
}

std::vector<WallTime> Sorted(const std::vector<absl::CivilMinute>& minutes) {
  std::vector<WallTime> out;
  for (const absl::CivilMinute minute : minutes)
    out.push_back(Reading(minute));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string Text(WallTime reading) {
  return absl::FormatCivilTime(absl::CivilMinute(absl::CivilSecond(1970) + reading.seconds));
}

}  // namespace

std::int64_t Occurrences::Periodic::CountUpTo(WallTime at) const {
  const auto per_period = static_cast<std::int64_t>(offsets.size());
  const std::int64_t within = FloorMod(at - origin, period_s);
  const std::int64_t passed = std::upper_bound(offsets.begin(), offsets.end(), within) - offsets.begin();
  return std::clamp(FloorDiv(at - origin, period_s) * per_period + passed, first, end) - first;
}

WallTime Occurrences::Periodic::Nth(std::int64_t n) const {
  const auto per_period = static_cast<std::int64_t>(offsets.size());
  const std::int64_t number = n + first;
  return origin +
         (FloorDiv(number, per_period) * period_s + offsets[static_cast<std::size_t>(FloorMod(number, per_period))]);
}

// The period that holds the start, read off the rule itself: a stretch of one period without bounds.
Occurrences::Periodic Occurrences::MakePeriodic(const Recurrence& recurrence, const RecurrenceRule& rule) {
  Periodic out;
  const absl::CivilDay day(recurrence.start);
  const bool weekly = rule.frequency == RecurrenceRule::Frequency::kWeekly;
  const auto weekday = static_cast<std::int64_t>(absl::GetWeekday(day)) + 1;
  const absl::CivilDay begin = weekly ? day - FloorMod(weekday - rule.week_start, 7) : day;
  out.origin = ToWallTime(absl::CivilSecond(begin));
  out.period_s = rule.interval * (weekly ? kWeekSeconds : kDaySeconds);
  // From a start at the period's first minute, with what the true start leaves open filled in.
  RecurrenceRule filled = rule;
  filled.count.reset();
  if (filled.by_hour.empty()) filled.by_hour = {recurrence.start.hour()};
  if (filled.by_minute.empty()) filled.by_minute = {recurrence.start.minute()};
  if (weekly && filled.by_day.empty())
    filled.by_day = {
        {static_cast<int>(weekday), 0}
    };
  const WallTime last = out.origin + (out.period_s - 1);
  for (const WallTime each : Expand(filled, absl::CivilMinute(begin), last, limits::kOccurrences)) {
    out.offsets.push_back(each - out.origin);
  }
  const std::int64_t before_start = Reading(recurrence.start) - out.origin;
  out.first = std::lower_bound(out.offsets.begin(), out.offsets.end(), before_start) - out.offsets.begin();
  if (rule.count) out.end = out.first + *rule.count;
  return out;
}

absl::StatusOr<Occurrences> Occurrences::Make(const Recurrence& recurrence, const ZoneClock& zone) {
  Occurrences out;
  out.length_s_ = Reading(recurrence.end) - Reading(recurrence.start);
  if (out.length_s_ <= 0) return Invalid("its end is not after its start");
  if (recurrence.rule.empty()) {
    out.table_ = {Reading(recurrence.start)};
  } else {
    TOCSIN_ASSIGN(const RecurrenceRule rule, ParseRecurrenceRule(recurrence.rule));
    const WallTime last = LastOf(rule, zone);
    if (rule.IsPeriodic()) {
      out.periodic_ = MakePeriodic(recurrence, rule);
      out.periodic_->end = std::min(out.periodic_->end, out.periodic_->first + out.periodic_->CountUpTo(last));
    } else {
      out.table_ = Expand(rule, recurrence.start, last, limits::kOccurrences + 1);
      if (out.table_.size() > limits::kOccurrences) {
        return Invalid("the rule yields more than %d shifts until the year %d", limits::kOccurrences, kEndYear);
      }
    }
    if (out.RuleSize() == 0) return Invalid("the rule never yields a shift");
  }
  const auto yields = [&](WallTime reading) {
    const std::int64_t upto = out.RuleCountUpTo(reading);
    return upto > 0 && out.RuleNth(upto - 1) == reading;
  };
  const std::vector<WallTime> except = Sorted(recurrence.except);
  std::ranges::copy_if(except, std::back_inserter(out.excluded_), yields);
  std::ranges::copy_if(Sorted(recurrence.also), std::back_inserter(out.added_),
                       [&](WallTime reading) { return !Holds(except, reading) && !yields(reading); });
  TOCSIN_TRY(out.CheckApart());
  return out;
}

std::int64_t Occurrences::RuleSize() const {
  return periodic_ ? periodic_->end - periodic_->first : static_cast<std::int64_t>(table_.size());
}
std::int64_t Occurrences::RuleCountUpTo(WallTime at) const {
  return periodic_ ? periodic_->CountUpTo(at) : UpTo(table_, at);
}
WallTime Occurrences::RuleNth(std::int64_t n) const {
  return periodic_ ? periodic_->Nth(n) : table_[static_cast<std::size_t>(n)];
}

std::optional<Occurrences::Occurrence> Occurrences::Last(WallTime at) const {
  const std::int64_t by_rule = RuleCountUpTo(at);
  const std::int64_t added = UpTo(added_, at);
  std::int64_t excluded = UpTo(excluded_, at);
  const std::int64_t number = by_rule - excluded + added - 1;
  if (number < 0) return std::nullopt;
  // Past those in a row that are excluded.
  std::int64_t n = by_rule - 1;
  for (; n >= 0 && excluded > 0 && excluded_[static_cast<std::size_t>(excluded - 1)] == RuleNth(n); --n)
    --excluded;
  std::optional<WallTime> start;
  if (n >= 0) start = RuleNth(n);
  if (added > 0) start = std::max(start.value_or(kFirstReading), added_[static_cast<std::size_t>(added - 1)]);
  return Occurrence{.start = *start, .number = number};
}

std::optional<WallTime> Occurrences::Next(WallTime at) const {
  std::int64_t n = RuleCountUpTo(at);
  for (auto excluded = static_cast<std::size_t>(UpTo(excluded_, at));
       n < RuleSize() && excluded < excluded_.size() && excluded_[excluded] == RuleNth(n); ++excluded)
    ++n;
  std::optional<WallTime> next;
  if (n < RuleSize()) next = RuleNth(n);
  const auto added = static_cast<std::size_t>(UpTo(added_, at));
  if (added < added_.size()) next = std::min(next.value_or(added_[added]), added_[added]);
  if (next && *next > kLastReading) return std::nullopt;
  return next;
}

absl::Status Occurrences::CheckApart() const {
  const auto overlap = [&](WallTime start, WallTime next) {
    return Invalid(
        "the shift that begins at %s has not ended when the one of %s begins: shorten it, or make two layers",
        Text(start), Text(next));
  };
  // One period after another for what repeats, all of a table: two neighbours are a shift and the next one.
  const std::int64_t in_rule =
      periodic_ ? std::min<std::int64_t>(RuleSize(), static_cast<std::int64_t>(periodic_->offsets.size()) + 1)
                : RuleSize();
  for (std::int64_t n = 1; n < in_rule; ++n) {
    if (RuleNth(n) - RuleNth(n - 1) < length_s_) return overlap(RuleNth(n - 1), RuleNth(n));
  }
  for (const WallTime each : added_) {
    const std::optional<Occurrence> before = Last(each - 1);
    const std::optional<WallTime> after = Next(each);
    if (before && each - before->start < length_s_) return overlap(before->start, each);
    if (after && *after - each < length_s_) return overlap(each, *after);
  }
  return absl::OkStatus();
}

}  // namespace tocsin
