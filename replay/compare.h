// Two courses of events side by side: who was told of what then, and who would be told now. Pure.
//
// Episodes are paired by what they are about: a group with the group of the same route and labels that was open at the same
// time; what is left, with one that has an alert in common, because the changed configuration groups differently.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "model/organisation.h"
#include "replay/told.h"

namespace tocsin::replay {

struct ThenNow {
  std::uint64_t then = 0;
  std::uint64_t now = 0;
  friend bool operator==(const ThenNow&, const ThenNow&) = default;
};

struct PersonRow {
  UserId user;
  ThenNow pages;
  ThenNow at_night;  // of these, from 22:00 to 07:00 where the person lives
  ThenNow messages;
};
struct PlaceRow {  // a route, a service, or a receiver of a notify-only route
  std::string name;
  ThenNow episodes;  // that paged
  ThenNow pages;     // of a receiver: messages
};
// An episode that differs. Times are those of the first page; InfiniteFuture where there was none.
struct EpisodeRow {
  std::string title;
  std::string route;
  std::string service;
  absl::Time then = absl::InfiniteFuture();
  absl::Time now = absl::InfiniteFuture();
  ThenNow pages;
  std::vector<UserId> then_users;
  std::vector<UserId> now_users;
  std::string reason;  // why the other course of events did not page
};
// A list of at most limits::kListed of `count`, earliest first.
struct EpisodeList {
  std::uint64_t count = 0;
  std::vector<EpisodeRow> rows;
};

struct Comparison {
  ThenNow episodes;  // groups and incidents that paged
  ThenNow groups;    // opened
  ThenNow pages;
  ThenNow pages_at_night;
  ThenNow messages;
  std::uint64_t unlisted = 0;  // episodes beyond what could be compared
  std::vector<PersonRow> people;
  std::vector<PlaceRow> routes;
  std::vector<PlaceRow> services;
  std::vector<PlaceRow> receivers;
  EpisodeList gained;     // would page now and did not
  EpisodeList lost;       // paged then and would not now
  EpisodeList changed;    // both page, but not the same people, or so often, or within kTolerance of the same time
  EpisodeList regrouped;  // its alerts page as part of another group
  std::uint64_t same = 0;

  bool equal() const {
    return gained.count + lost.count + changed.count + regrouped.count == 0 && pages.then == pages.now;
  }
};

// What a fsync, a busy thread or the granularity of a lease makes of the same decision.
inline constexpr absl::Duration kTolerance = absl::Seconds(3);

// People are looked up in `organisation`, for the zone they live in.
Comparison Compare(const Told& then, const Told& now, const Organisation& organisation);

}  // namespace tocsin::replay
