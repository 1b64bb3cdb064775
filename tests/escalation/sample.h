// Small organisations for tests: as few words as possible between a test and its claim.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "base/strings.h"
#include "escalation/roster.h"
#include "model/organisation.h"

namespace tocsin {

// "2024-03-10T07:00Z", or with seconds.
inline absl::Time At(const std::string& text) {
  absl::Time time;
  std::string error;
  const bool good = absl::ParseTime("%Y-%m-%dT%H:%MZ", text, &time, &error) ||
                    absl::ParseTime("%Y-%m-%dT%H:%M:%E*SZ", text, &time, &error);
  EXPECT_TRUE(good) << text << ": " << error;
  return time;
}

inline absl::CivilMinute Civil(const std::string& text) {
  absl::CivilMinute minute;
  EXPECT_TRUE(absl::ParseCivilTime(text, &minute)) << text;
  return minute;
}

inline Target ToUser(const char* id) {
  return UserTarget{UserId(id)};
}
inline Target ToTeam(const char* id) {
  return TeamTarget{TeamId(id)};
}
inline Target ToSchedule(const char* id) {
  return ScheduleTarget{ScheduleId(id)};
}

// A layer in which each of `targets` has one turn.
inline Layer MakeLayer(const char* id, Rotation::Type type, const char* start, const std::vector<Target>& targets) {
  Layer layer;
  layer.id = LayerId(id);
  std::get<Rotation>(layer.pattern).type = type;
  std::get<Rotation>(layer.pattern).start = Civil(start);
  for (const Target& target : targets)
    layer.participants.push_back({.members = {target}});
  return layer;
}

inline Schedule MakeSchedule(const char* id, const char* zone, const std::vector<Layer>& layers) {
  Schedule schedule;
  schedule.id = ScheduleId(id);
  schedule.time_zone = zone;
  schedule.layers = layers;
  return schedule;
}

// alice, bob, carol, dave, eva; team "db" is carol and dave.
inline Organisation MakeOrganisation(const std::vector<Schedule>& schedules) {
  Organisation organisation;
  for (const char* id : {"eva", "dave", "carol", "bob", "alice"})
    organisation.users.emplace_back().id = UserId(id);
  organisation.teams.push_back({
      .id = TeamId("db"), .name = "", .members = {UserId("dave"), UserId("carol")}
  });
  organisation.schedules = schedules;
  return organisation;
}

inline Roster Compile(const Organisation& organisation) {
  absl::StatusOr<Roster> roster = Roster::Compile(std::make_shared<const Organisation>(organisation));
  EXPECT_TRUE(roster.ok()) << roster.status();
  return *std::move(roster);
}

// The ids of users, with blanks between.
template <class Users>
std::string Names(const Users& users) {
  std::string text;
  for (const UserId& user : users)
    text += (text.empty() ? "" : " ") + user.value();
  return text;
}

inline std::string OnCall(const Roster& roster, const char* schedule, absl::Time at) {
  return Names(roster.OnCall(ScheduleId(schedule), at));
}

}  // namespace tocsin
