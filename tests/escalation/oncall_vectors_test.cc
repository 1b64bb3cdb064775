// The shared on-call vectors: schedules with what every query, final schedule, gap and fairness count must be, computed
// elsewhere by two independent methods. Compared exactly.
//
// TOCSIN_ONCALL_VECTORS names the files (colon-separated). Without it, ../shared/fixtures/oncall/vectors.json beside
// the source tree or a parent of it is used; where there is none, the test says that it was skipped.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/strings.h"
#include "boost/json.hpp"
#include "escalation/roster.h"
#include "model/organisation.h"

namespace tocsin {
namespace {

namespace json = boost::json;

// A vector that cannot be read is a failure, not a skip: these throw, and the test catches in one place.
std::string Text(const json::value& value) {
  return std::string(value.as_string());
}
absl::Time Time(const json::value& value) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, Text(value), &time, &error)) throw std::runtime_error(error);
  return time;
}
std::vector<UserId> Users(const json::value& value) {
  std::vector<UserId> users;
  for (const json::value& user : value.as_array())
    users.emplace_back(Text(user));
  return users;
}

template <typename Value>
Value OneOf(const json::value& name, std::initializer_list<std::pair<std::string_view, Value>> names) {
  for (const auto& [known, value] : names) {
    if (known == name.as_string()) return value;
  }
  throw std::runtime_error("unknown name " + Text(name));
}

// Every field of the vectors must mean something to us: an unknown one must not be passed over.
void ExpectOnly(const json::object& object, std::initializer_list<std::string_view> known) {
  for (const auto& field : object) {
    const std::string_view name(field.key().data(), field.key().size());
    if (std::find(known.begin(), known.end(), name) == known.end()) throw std::runtime_error("unknown field");
  }
}

std::int32_t MinuteOfDay(const std::string& text) {
  return std::stoi(text.substr(0, 2)) * 60 + std::stoi(text.substr(3, 2));
}

class Reader {
 public:
  OrganisationPtr Read(const json::object& from) {
    ExpectOnly(from, {"time_zone", "layers", "overrides", "temporary_schedules", "user_time_zones"});
    Schedule schedule;
    schedule.id = ScheduleId("s");
    schedule.time_zone = Text(from.at("time_zone"));
    for (const json::value& layer : from.at("layers").as_array())
      schedule.layers.push_back(ReadLayer(layer.as_object()));
    if (const json::value* overrides = from.if_contains("overrides")) {
      for (const json::value& change : overrides->as_array()) {
        schedule.overrides.push_back(ReadOverride(change.as_object()));
      }
    }
    if (const json::value* temporaries = from.if_contains("temporary_schedules")) {
      for (const json::value& temporary : temporaries->as_array()) {
        schedule.temporary_schedules.push_back(ReadTemporary(temporary.as_object()));
      }
    }
    auto organisation = std::make_shared<Organisation>();
    organisation->schedules.push_back(std::move(schedule));
    for (const std::string& id : users_)
      organisation->users.emplace_back().id = UserId(id);
    if (const json::value* zones = from.if_contains("user_time_zones")) {
      for (User& user : organisation->users) {
        if (const json::value* zone = zones->as_object().if_contains(user.id.value())) user.time_zone = Text(*zone);
      }
    }
    return organisation;
  }

 private:
  std::vector<Target> Targets(const json::value& from) {
    std::vector<Target> targets;
    for (const UserId& user : Users(from))
      targets.emplace_back(UserTarget{Named(user.value())});
    return targets;
  }
  UserId Named(const std::string& id) {
    users_.insert(id);
    return UserId(id);
  }

  static Rotation ReadRotation(const json::object& from) {
    ExpectOnly(from, {"type", "length", "start", "clock", "month_overflow", "start_index"});
    Rotation rotation;
    using Type = Rotation::Type;
    rotation.type = OneOf<Type>(from.at("type"), {
                                                     {"hourly",  Type::kHourly },
                                                     {"daily",   Type::kDaily  },
                                                     {"weekly",  Type::kWeekly },
                                                     {"monthly", Type::kMonthly},
                                                     {"shifts",  Type::kShifts }
    });
    rotation.length = static_cast<std::int32_t>(from.at("length").as_int64());
    if (!absl::ParseCivilTime(Text(from.at("start")), &rotation.start)) throw std::runtime_error("bad rotation start");
    if (const json::value* clock = from.if_contains("clock")) {
      rotation.count =
          OneOf<Rotation::Count>(*clock, {
                                             {"wall",    Rotation::Count::kWall   },
                                             {"elapsed", Rotation::Count::kElapsed}
      });
    }
    if (const json::value* overflow = from.if_contains("month_overflow")) {
      using Overflow = Rotation::MonthOverflow;
      rotation.month_overflow = OneOf<Overflow>(
          *overflow, {
                         {"clamp",    Overflow::kClamp   },
                         {"overflow", Overflow::kOverflow},
                         {"skip",     Overflow::kSkip    }
      });
    }
    if (const json::value* index = from.if_contains("start_index")) {
      rotation.start_index = static_cast<std::int32_t>(index->as_int64());
    }
    return rotation;
  }

  static Restriction ReadRestriction(const json::object& from) {
    ExpectOnly(from, {"type", "start_time_of_day", "start_day_of_week", "duration_seconds"});
    Restriction restriction;
    restriction.type = OneOf<Restriction::Type>(
        from.at("type"), {
                             {"daily",  Restriction::Type::kDaily },
                             {"weekly", Restriction::Type::kWeekly}
    });
    restriction.start_minute = MinuteOfDay(Text(from.at("start_time_of_day")));
    restriction.duration_minutes = static_cast<std::int32_t>(from.at("duration_seconds").as_int64() / 60);
    if (const json::value* day = from.if_contains("start_day_of_week")) {
      restriction.start_day_of_week = static_cast<std::int32_t>(day->as_int64());
    }
    return restriction;
  }

  Layer ReadLayer(const json::object& from) {
    ExpectOnly(from, {"id", "priority", "rotation", "participants", "restrictions", "time_zone", "effective_since",
                      "effective_until"});
    Layer layer;
    layer.id = LayerId(Text(from.at("id")));
    layer.priority = static_cast<std::int32_t>(from.at("priority").as_int64());
    layer.pattern = ReadRotation(from.at("rotation").as_object());
    for (const json::value& participant : from.at("participants").as_array()) {
      layer.participants.push_back({.members = Targets(participant)});
    }
    if (const json::value* restrictions = from.if_contains("restrictions")) {
      for (const json::value& restriction : restrictions->as_array()) {
        layer.restrictions.push_back(ReadRestriction(restriction.as_object()));
      }
    }
    if (const json::value* zone = from.if_contains("time_zone")) layer.time_zone = Text(*zone);
    if (const json::value* since = from.if_contains("effective_since")) layer.effective_since = Time(*since);
    if (const json::value* until = from.if_contains("effective_until")) layer.effective_until = Time(*until);
    return layer;
  }

  Override ReadOverride(const json::object& from) {
    ExpectOnly(from, {"id", "seq", "type", "start", "end", "users", "from", "to", "layers"});
    Override change;
    change.id = Text(from.at("id"));
    change.seq = static_cast<std::uint64_t>(from.at("seq").as_int64());
    using Type = Override::Type;
    change.type = OneOf<Type>(
        from.at("type"),
        {
            {"assign", Type::kAssign},
            {"add",    Type::kAdd   },
            {"remove", Type::kRemove},
            {"swap",   Type::kSwap  }
    });
    change.start = Time(from.at("start"));
    change.end = Time(from.at("end"));
    if (const json::value* users = from.if_contains("users")) change.users = Targets(*users);
    if (const json::value* user = from.if_contains("from")) change.from_user = Named(Text(*user));
    if (const json::value* user = from.if_contains("to")) change.to_user = Named(Text(*user));
    if (const json::value* layers = from.if_contains("layers")) {
      for (const json::value& layer : layers->as_array())
        change.layers.emplace_back(Text(layer));
    }
    return change;
  }

  TemporarySchedule ReadTemporary(const json::object& from) {
    ExpectOnly(from, {"start", "end", "shifts"});
    TemporarySchedule temporary = {.start = Time(from.at("start")), .end = Time(from.at("end")), .shifts = {}};
    for (const json::value& shift : from.at("shifts").as_array()) {
      temporary.shifts.push_back(
          {.start = Time(shift.at("start")), .end = Time(shift.at("end")), .members = Targets(shift.at("users"))});
    }
    return temporary;
  }

  std::set<std::string> users_;
};

std::vector<Shift> Shifts(const json::value& from) {
  std::vector<Shift> shifts;
  for (const json::value& shift : from.as_array()) {
    const json::value* users = shift.as_object().if_contains("on_call");
    shifts.push_back({.start = Time(shift.at("start")),
                      .end = Time(shift.at("end")),
                      .users = users == nullptr ? std::vector<UserId>() : Users(*users)});
  }
  return shifts;
}

const ScheduleId kSchedule("s");

void CheckQueries(const Roster& roster, const json::object& from, absl::Time until) {
  for (const json::value& query : from.at("queries").as_array()) {
    SCOPED_TRACE(json::serialize(query));
    ExpectOnly(query.as_object(), {"at", "on_call", "next_change"});
    const absl::Time at = Time(query.at("at"));
    EXPECT_EQ(roster.OnCall(kSchedule, at), Users(query.at("on_call")));
    // The same answer by the way in which pages are addressed.
    const Target target = ScheduleTarget{kSchedule};
    std::vector<UserId> resolved;
    for (const Person& person : roster.Resolve(std::span(&target, 1), at))
      resolved.push_back(person.user);
    EXPECT_EQ(resolved, Users(query.at("on_call")));
    // Absent means: not within the range. Ours looks beyond it.
    std::optional<absl::Time> change = roster.NextChange(kSchedule, at);
    if (change && *change >= until) change.reset();
    const json::value* expected = query.as_object().if_contains("next_change");
    EXPECT_EQ(change, expected == nullptr ? std::nullopt : std::optional(Time(*expected)));
  }
}

void CheckFairness(const Roster& roster, const json::object& from, absl::Time since, absl::Time until) {
  const absl::StatusOr<std::map<UserId, Duty>> duties = roster.Fairness(kSchedule, since, until);
  ASSERT_TRUE(duties.ok()) << duties.status();
  std::map<UserId, absl::Duration> totals;
  for (const auto& [user, duty] : *duties)
    totals[user] = duty.total;
  std::map<UserId, absl::Duration> expected_totals;
  for (const auto& field : from.at("seconds_on_call").as_object()) {
    expected_totals[UserId(std::string(field.key()))] = absl::Seconds(field.value().as_int64());
  }
  EXPECT_EQ(totals, expected_totals);
  const json::value* fairness = from.if_contains("fairness");
  if (fairness == nullptr) return;
  std::map<UserId, Duty> expected;
  for (const auto& field : fairness->as_object()) {
    const json::value& duty = field.value();
    expected[UserId(std::string(field.key()))] = {.total = absl::Seconds(duty.at("seconds").as_int64()),
                                                  .night = absl::Seconds(duty.at("night_seconds").as_int64()),
                                                  .weekend = absl::Seconds(duty.at("weekend_seconds").as_int64())};
  }
  std::map<UserId, Duty> told;  // what the vectors know of
  for (const auto& [user, duty] : *duties)
    told[user] = {.total = duty.total, .night = duty.night, .weekend = duty.weekend};
  EXPECT_TRUE(told == expected) << json::serialize(*fairness);
}

void CheckCase(const json::object& from) {
  ExpectOnly(from, {"id", "title", "tags", "note", "schedule", "range", "queries", "final_schedule", "gaps",
                    "seconds_on_call", "fairness"});
  const absl::StatusOr<Roster> roster = Roster::Compile(Reader().Read(from.at("schedule").as_object()));
  ASSERT_TRUE(roster.ok()) << roster.status();
  const absl::Time since = Time(from.at("range").at("since"));
  const absl::Time until = Time(from.at("range").at("until"));
  CheckQueries(*roster, from, until);
  const absl::StatusOr<std::vector<Shift>> shifts = roster->FinalSchedule(kSchedule, since, until);
  ASSERT_TRUE(shifts.ok()) << shifts.status();
  EXPECT_TRUE(*shifts == Shifts(from.at("final_schedule")));
  const absl::StatusOr<std::vector<Shift>> gaps = roster->Gaps(kSchedule, since, until);
  ASSERT_TRUE(gaps.ok()) << gaps.status();
  EXPECT_TRUE(*gaps == Shifts(from.at("gaps")));
  CheckFairness(*roster, from, since, until);
}

std::vector<std::string> Files() {
  if (const char* named = std::getenv("TOCSIN_ONCALL_VECTORS"); named != nullptr && *named != '\0') {
    return absl::StrSplit(named, ':', absl::SkipEmpty());
  }
  for (std::filesystem::path folder = TOCSIN_SOURCE_DIR; folder.has_relative_path(); folder = folder.parent_path()) {
    const std::filesystem::path file = folder.parent_path() / "shared/fixtures/oncall/vectors.json";
    if (std::filesystem::exists(file)) return {file.string()};
  }
  return {};
}

TEST(OncallVectorsTest, EveryAnswerIsExactlyTheVectors) {
  const std::vector<std::string> files = Files();
  if (files.empty()) GTEST_SKIP() << "no on-call vectors here: set TOCSIN_ONCALL_VECTORS to compare with them";
  for (const std::string& file : files) {
    SCOPED_TRACE(file);
    std::ifstream in(file);
    ASSERT_TRUE(in) << "cannot be read";
    std::stringstream bytes;
    bytes << in.rdbuf();
    std::size_t cases = 0;
    try {
      const json::value document = json::parse(bytes.str());
      for (const json::value& value : document.at("cases").as_array()) {
        SCOPED_TRACE(json::serialize(value.at("id")));
        CheckCase(value.as_object());
        ++cases;
      }
    } catch (const std::exception& error) {
      ADD_FAILURE() << "case " << cases + 1 << ": " << error.what();
    }
    EXPECT_GT(cases, 0U);
    std::cout << file << ": " << cases << " cases\n";
  }
}

}  // namespace
}  // namespace tocsin
