// What keeps alerts quiet by declaration: inhibition rules, time intervals, maintenance windows.
#include "config/read.h"
#include "config/recurring.h"
#include "config/text.h"

namespace tocsin {
namespace {

// A list of texts, each as `parse` reads it.
template <typename T>
void ReadRanges(YamlFields& fields,
                std::string_view name,
                std::vector<T>& to,
                absl::StatusOr<T> (*parse)(std::string_view)) {
  fields.List(name, [&](const YamlNode& item, const std::string& path) {
    const YamlNode* text = AsText(fields.reader(), item, path);
    if (text == nullptr) return;
    absl::StatusOr<T> range = parse(text->text);
    fields.reader().Check(item, path, range.status());
    if (range.ok()) to.push_back(*std::move(range));
  });
}

// 09:00-17:00, or Alertmanager's {start_time: '09:00', end_time: '17:00'}.
void ReadTimes(YamlFields& fields, std::vector<TimeRange>& to) {
  fields.List("times", [&](const YamlNode& item, const std::string& path) {
    std::string text = item.text;
    if (item.kind == YamlNode::Kind::kMap) {
      YamlFields of_range(fields.reader(), item, path);
      std::string start;
      std::string end;
      of_range.Require("start_time");
      of_range.Text("start_time", start);
      of_range.Require("end_time");
      of_range.Text("end_time", end);
      if (start.empty() || end.empty()) return;
      text = start + "-" + end;
    } else if (AsText(fields.reader(), item, path) == nullptr) {
      return;
    }
    const absl::StatusOr<TimeRange> range = ParseTimeRange(text);
    fields.reader().Check(item, path, range.status());
    if (range.ok()) to.push_back(*range);
  });
}

}  // namespace

void ReadInhibitionRule(Reader& reader, const YamlNode& node, const std::string& path, InhibitionRule& to) {
  YamlFields fields(reader, node, path);
  fields.Require("id");
  fields.Name("id", to.id);
  fields.Require("source_matchers");
  ReadMatchers(fields, "source_matchers", to.source_matchers);
  fields.Require("target_matchers");
  ReadMatchers(fields, "target_matchers", to.target_matchers);
  fields.TextList("equal", to.equal);
}

void ReadTimeInterval(Reader& reader, const YamlNode& node, const std::string& path, TimeInterval& to) {
  YamlFields fields(reader, node, path);
  fields.Require("id");
  fields.Name("id", to.id);
  fields.Require("time_intervals");
  fields.List("time_intervals", [&](const YamlNode& item, const std::string& item_path) {
    RecurringTime& time = to.time_intervals.emplace_back();
    YamlFields of_time(reader, item, item_path);
    ReadTimes(of_time, time.times);
    ReadRanges(of_time, "weekdays", time.weekdays, ParseWeekdays);
    ReadRanges(of_time, "days_of_month", time.days_of_month, ParseDaysOfMonth);
    ReadRanges(of_time, "months", time.months, ParseMonths);
    ReadRanges(of_time, "years", time.years, ParseYears);
    of_time.Text("location", time.location);
  });
}

void ReadMaintenance(Reader& reader, const YamlNode& node, const std::string& path, MaintenanceWindow& to) {
  YamlFields fields(reader, node, path);
  fields.Require("id");
  fields.Name("id", to.id);
  ReadMatchers(fields, "matchers", to.matchers);
  fields.Name("service", to.service);
  std::string zone_name = "UTC";
  fields.Text("time_zone", zone_name);
  absl::TimeZone zone = absl::UTCTimeZone();
  if (const absl::Status status = CheckTimeZone(zone_name); !status.ok()) {
    fields.Report("time_zone", Message(status));
  } else {
    absl::LoadTimeZone(zone_name, &zone);
  }
  const auto instant = [&](std::string_view text) -> absl::StatusOr<std::optional<absl::Time>> {
    TOCSIN_ASSIGN(const absl::Time time, ParseInstant(text, zone));
    return std::optional<absl::Time>(time);
  };
  fields.Parsed("starts_at", to.starts_at, instant);
  fields.Parsed("ends_at", to.ends_at, instant);
  fields.NameList("time_intervals", to.time_intervals);
  fields.Text("comment", to.comment);
}

}  // namespace tocsin
