// Private to import: a place in an export, with the path that leads there. Whatever is asked of a place that does not hold it
// is answered by nothing, so a reader need not check each step; what must be there is asked for by name and is a problem
// otherwise.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

#include "import/document.h"
#include "import/report.h"

namespace tocsin::import {

class Item {
 public:
  Item(const Value* value, std::string path, Report* report) : value_(value), path_(std::move(path)), report_(report) {}

  bool present() const { return value_ != nullptr && value_->kind != Value::Kind::kNull; }
  bool is_map() const { return value_ != nullptr && value_->kind == Value::Kind::kMap; }
  bool is_list() const { return value_ != nullptr && value_->kind == Value::Kind::kList; }
  const std::string& path() const { return path_; }
  // The path, and what the object is called there.
  std::string Object() const;
  const Value* value() const { return value_; }
  Report& report() const { return *report_; }

  Item operator[](std::string_view name) const;
  // Of a list. Anything else that is there is a problem.
  std::vector<Item> Items() const;
  std::vector<Item> Items(std::string_view name) const { return (*this)[name].Items(); }
  // Of a map: name and value of each field.
  std::vector<std::pair<std::string, Item>> Fields() const;

  // "" when it is absent, or no text, number or truth value.
  std::string Text() const;
  std::string Text(std::string_view name) const { return (*this)[name].Text(); }
  // The first of them that is there.
  std::string FirstText(std::initializer_list<std::string_view> names) const;
  bool Flag(std::string_view name, bool otherwise = false) const;
  // Whole numbers; one that is out of [low, high], or none at all, is a problem and `otherwise` is taken.
  std::int64_t Number(std::string_view name, std::int64_t low, std::int64_t high, std::int64_t otherwise) const;
  // As ParseTime does; a problem when something is there that is no instant.
  std::optional<absl::Time> Instant(std::string_view name, const absl::TimeZone& zone = absl::UTCTimeZone()) const;
  // The same, and a problem when it is absent.
  std::optional<absl::Time> NeedInstant(std::string_view name, const absl::TimeZone& zone = absl::UTCTimeZone()) const;
  // HH:MM or HH:MM:SS as minutes of the day, up to 1440 for 24:00.
  std::optional<std::int32_t> TimeOfDay(std::string_view name) const;

  void Problem(std::string_view message) const { report_->Problem(path_, message); }
  void Lose(Grade grade, std::string lost, std::string instead) const {
    report_->Lose(grade, Object(), std::move(lost), std::move(instead));
  }
  // Tells which fields of the map are not among `known`, nor what objects are called everywhere. `kind`: "schedules".
  void Expect(std::string_view kind, std::initializer_list<std::string_view> known) const;

 private:
  // What stands between the path and what follows: after the file's name, a space.
  std::string Joint(char otherwise = 0) const;

  const Value* value_;
  std::string path_;  // "pd.json:" at the root
  Report* report_;
};

// RFC 3339 with or without fractions, ISO without an offset (local in `zone`), seconds or milliseconds since 1970.
std::optional<absl::Time> ParseTime(std::string_view text, const absl::TimeZone& zone);
// What schedules are counted in.
absl::Time WholeMinute(absl::Time time);
// 604800 as "1w".
std::string Span(std::int64_t seconds);
// The instant as people read it.
std::string Show(absl::Time time);

}  // namespace tocsin::import
