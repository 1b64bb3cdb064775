#include "api/compat/alertmanager_config.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "api/compat/alertmanager_rules.h"
#include "base/strings.h"

namespace tocsin::alertmanager {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"sunday",   "monday", "tuesday", "wednesday",
                                                   "thursday", "friday", "saturday"};

// A scalar that cannot be taken for anything but text, or else in quotes; in double ones JSON's escapes are YAML's.
std::string Scalar(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  constexpr std::string_view kWords[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  const bool plain = !text.empty() && letter(text.front()) && std::ranges::all_of(text, printable) &&
                     text.find(": ") == std::string_view::npos && text.find(" #") == std::string_view::npos &&
                     text.back() != ' ' && text.back() != ':' &&
                     std::ranges::find(kWords, ToLower(text)) == std::end(kWords);
  if (plain) return std::string(text);
  const bool simple = std::ranges::all_of(text, printable) && text.find('\'') == std::string_view::npos;
  return simple ? absl::StrCat("'", ToAbsl(text), "'") : JsonQuote(text);
}

// As Prometheus writes durations: 1h30m, 500ms.
std::string DurationOf(absl::Duration duration) {
  std::int64_t rest = std::max<std::int64_t>(0, absl::ToInt64Milliseconds(duration));
  if (rest == 0) return "0s";
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"d",  86'400'000},
      {"h",  3'600'000 },
      {"m",  60'000    },
      {"s",  1'000     },
      {"ms", 1         }
  };
  std::string text;
  for (const auto& [unit, ms] : kUnits) {
    if (rest >= ms) absl::StrAppend(&text, rest / ms, ToAbsl(unit));
    rest %= ms;
  }
  return text;
}

class Writer {
 public:
  void Line(std::size_t indent, std::string_view text) {
    text_.append(indent, ' ');
    text_ += text;
    text_ += '\n';
  }
  // name:
  // - item
  void List(std::size_t indent, std::string_view name, const std::vector<std::string>& items) {
    if (items.empty()) return Line(indent, absl::StrCat(ToAbsl(name), ": []"));
    Line(indent, absl::StrCat(ToAbsl(name), ":"));
    for (const std::string& item : items)
      Line(indent, absl::StrCat("- ", Scalar(item)));
  }
  // Lines that were written with `indent`, as one item of a list: the first has the dash.
  void Item(std::size_t indent, Writer lines) {
    lines.text_[indent - 2] = '-';
    text_ += lines.text_;
  }
  bool empty() const { return text_.empty(); }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

std::vector<std::string> Texts(const std::vector<Matcher>& matchers) {
  std::vector<std::string> texts;
  for (const Matcher& matcher : matchers)
    texts.push_back(Format(matcher));
  return texts;
}

std::vector<std::string> Names(const std::vector<TimeIntervalId>& ids) {
  std::vector<std::string> names;
  for (const TimeIntervalId& id : ids)
    names.push_back(id.value());
  return names;
}

std::vector<std::string> GroupBy(const Route& route) {
  return route.group_by_all ? std::vector<std::string>{"..."} : route.group_by;
}

// Alertmanager's order. What is as it is above is left out, as in a file that somebody wrote.
void WriteRoute(Writer& out, std::size_t indent, const Route& route, const Route* parent) {
  out.Line(indent, "receiver: " + Scalar(ReceiverOf(route)));
  if (parent == nullptr ? !GroupBy(route).empty() : GroupBy(route) != GroupBy(*parent)) {
    out.List(indent, "group_by", GroupBy(route));
  }
  if (parent != nullptr) {  // the root has none of these
    if (!route.matchers.empty()) out.List(indent, "matchers", Texts(route.matchers));
    if (!route.mute_time_intervals.empty()) out.List(indent, "mute_time_intervals", Names(route.mute_time_intervals));
    if (!route.active_time_intervals.empty()) {
      out.List(indent, "active_time_intervals", Names(route.active_time_intervals));
    }
  }
  out.Line(indent, parent != nullptr && route.continue_matching ? "continue: true" : "continue: false");
  if (!route.children.empty()) out.Line(indent, "routes:");
  for (const Route& child : route.children) {
    Writer lines;
    WriteRoute(lines, indent + 2, child, &route);
    out.Item(indent + 2, std::move(lines));
  }
  const auto duration = [&](std::string_view name, absl::Duration Route::*field, absl::Duration least) {
    if (parent != nullptr && route.*field == parent->*field) return;
    out.Line(indent, absl::StrCat(ToAbsl(name), ": ", DurationOf(std::max(route.*field, least))));
  };
  duration("group_wait", &Route::group_wait, absl::ZeroDuration());
  // Zero is nothing that Alertmanager would load.
  duration("group_interval", &Route::group_interval, absl::Milliseconds(1));
  duration("repeat_interval", &Route::repeat_interval, absl::Milliseconds(1));
}

std::string RangeOf(const NumberRange& range, const auto& name) {
  return range.first == range.last ? name(range.first) : name(range.first) + ":" + name(range.last);
}

std::string RangesOf(const std::vector<NumberRange>& ranges, const auto& name) {
  std::vector<std::string> texts;
  for (const NumberRange& range : ranges)
    texts.push_back("'" + RangeOf(range, name) + "'");
  return absl::StrCat("[", absl::StrJoin(texts, ", "), "]");
}

std::string ClockTime(std::int32_t minute) {
  return absl::StrFormat("\"%02d:%02d\"", minute / 60, minute % 60);
}

void WriteTime(Writer& out, const RecurringTime& time) {
  const auto number = [](std::int32_t value) { return absl::StrCat(value); };
  const auto day = [](std::int32_t value) {
    return std::string(kDays[static_cast<std::size_t>(value) % kDays.size()]);
  };
  Writer lines;
  if (!time.times.empty()) lines.Line(4, "times:");
  for (const TimeRange& range : time.times) {
    lines.Line(4, "- start_time: " + ClockTime(range.start_minute));
    lines.Line(4, "  end_time: " + ClockTime(range.end_minute));
  }
  if (!time.weekdays.empty()) lines.Line(4, "weekdays: " + RangesOf(time.weekdays, day));
  if (!time.days_of_month.empty()) lines.Line(4, "days_of_month: " + RangesOf(time.days_of_month, number));
  if (!time.months.empty()) lines.Line(4, "months: " + RangesOf(time.months, number));
  if (!time.years.empty()) lines.Line(4, "years: " + RangesOf(time.years, number));
  if (!time.location.empty()) lines.Line(4, "location: " + Scalar(time.location));
  if (lines.empty()) return out.Line(2, "- {}");
  out.Item(4, std::move(lines));
}

void WriteInhibition(Writer& out, const std::vector<InhibitionRule>& rules) {
  if (rules.empty()) return;
  out.Line(0, "inhibit_rules:");
  for (const InhibitionRule& rule : rules) {
    Writer lines;
    lines.List(2, "source_matchers", Texts(rule.source_matchers));
    lines.List(2, "target_matchers", Texts(rule.target_matchers));
    if (!rule.equal.empty()) lines.List(2, "equal", rule.equal);
    out.Item(2, std::move(lines));
  }
}

}  // namespace

std::string RenderConfiguration(const Organisation& organisation) {
  Writer out;
  out.Line(0, "global:");
  out.Line(2, "resolve_timeout: 5m");
  out.Line(0, "route:");
  WriteRoute(out, 2, organisation.route, nullptr);
  WriteInhibition(out, organisation.inhibition_rules);
  out.Line(0, "receivers:");
  for (const std::string& name : ReceiversOf(organisation))
    out.Line(0, "- name: " + Scalar(name));
  out.Line(0, "templates: []");
  if (!organisation.time_intervals.empty()) out.Line(0, "time_intervals:");
  for (const TimeInterval& interval : organisation.time_intervals) {
    out.Line(0, "- name: " + Scalar(interval.id.value()));
    out.Line(2, interval.time_intervals.empty() ? "time_intervals: []" : "time_intervals:");
    for (const RecurringTime& time : interval.time_intervals)
      WriteTime(out, time);
  }
  return out.Take();
}

}  // namespace tocsin::alertmanager
