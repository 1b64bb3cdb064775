// Changes of schedules, in words.
#include "absl/strings/str_cat.h"

#include "engine/message.h"
#include "engine/responder_schedules.h"

namespace tocsin {
namespace {

using State = ScheduleChange::State;

std::string PeopleText(const std::vector<Target>& targets) {
  std::string text;
  for (const Target& target : targets) {
    if (const auto* user = std::get_if<UserTarget>(&target))
      absl::StrAppend(&text, text.empty() ? "" : ", ", user->user.value());
  }
  return text.empty() ? "nobody" : text;
}

std::string WhatOf(const ScheduleChange& row) {
  const Override& change = row.change;
  switch (change.type) {
    case Override::Type::kAssign: return "assign " + PeopleText(change.users);
    case Override::Type::kAdd: return "add " + PeopleText(change.users);
    case Override::Type::kRemove: return "remove " + PeopleText(change.users);
    case Override::Type::kSwap:
      return absl::StrCat("swap: ", change.to_user.set() ? change.to_user.value() : "somebody", " for ",
                          change.from_user.value());
  }
  return "";
}

}  // namespace

std::string_view HowOf(const ScheduleChange* before, const ScheduleChange& after, absl::Time now) {
  if (before == nullptr) return after.asked ? "asked for" : "made";
  if (before->state != after.state) return after.state == State::kInForce ? "taken" : "withdrawn";
  if (before->volunteers.size() != after.volunteers.size()) {
    return before->volunteers.size() < after.volunteers.size() ? "offered" : "offer taken back";
  }
  return after.change.end <= now ? "ended" : "changed";
}

std::string Describe(const ScheduleChange& row) {
  std::string layers;
  for (const LayerId& layer : row.change.layers)
    absl::StrAppend(&layers, layers.empty() ? ", layer " : ", ", layer.value());
  return absl::StrCat(WhatOf(row), " on ", row.schedule.value(), layers, " from ", Instant(row.change.start), " to ",
                      Instant(row.change.end), row.change.reason.empty() ? "" : ": ", row.change.reason);
}

std::string_view StateOf(const ScheduleChange& change, absl::Time now) {
  if (change.state == State::kWithdrawn) return "withdrawn";
  const bool over = change.change.end <= now;
  if (change.state == State::kOpen) return over ? "past due" : "open";
  if (change.asked) return "taken";
  if (over) return "over";
  return change.change.start <= now ? "running" : "waits";
}

}  // namespace tocsin
