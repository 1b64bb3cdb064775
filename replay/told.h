// Who was told of what, in one course of events: read off the decisions of a responder, recorded or replayed alike.
//
// An episode is a group or an incident of which somebody was paged. What was decided before the replay began is not looked
// at: rows below the first new id. Bounded: beyond limits::kEpisodes (replay/limits.h) episodes are counted and not listed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "absl/time/time.h"

#include "engine/responder_state.h"

namespace tocsin::replay {

struct Page {
  absl::Time at;
  UserId user;
  std::string reason;  // "step 1 of 2: schedule primary"
};

struct Episode {
  Subject subject;
  std::uint64_t key = 0;  // the group's, or what an incident is known by
  std::string title;
  RouteId route;
  ServiceId service;
  absl::Time opened_at;
  absl::Time closed_at = absl::InfiniteFuture();
  std::vector<AlertKey> alerts;  // of the listed ones
  std::vector<Page> pages;       // the first few
  std::uint64_t page_count = 0;
  std::set<UserId> users;
  // At its first page: why the other course of events was not paging for the same alerts.
  std::string elsewhere;
};

struct AlertKeyHash {
  std::size_t operator()(const AlertKey& key) const { return static_cast<std::size_t>(key.low); }
};

struct PersonTold {
  std::vector<absl::Time> pages;  // when, the first limits::kPages of them
  std::uint64_t page_count = 0;
  std::uint64_t messages = 0;
};

class Told {
 public:
  // `first_new`: rows with lower ids were there before.
  Told(const ResponderState& state, std::uint64_t first_new);

  // A change that `state` has folded already. `first_paged` sees each episode when it is paged about for the first time.
  void See(const Change& change, const ResponderState& state, const std::function<void(Episode&)>& first_paged);

  // The group that lists this alert, or did so last.
  std::optional<GroupId> HolderOf(const AlertKey& alert) const;

  const std::map<Subject, Episode>& episodes() const { return episodes_; }
  const std::map<UserId, PersonTold>& people() const { return people_; }
  const std::map<ReceiverId, std::uint64_t>& receivers() const { return receivers_; }
  std::uint64_t pages() const { return pages_; }
  std::uint64_t messages() const { return messages_; }
  std::uint64_t groups_opened() const { return groups_opened_; }
  std::uint64_t unlisted_episodes() const { return unlisted_.size(); }

 private:
  void SeePage(const tocsin::Page& row, const ResponderState& state, const std::function<void(Episode&)>& first_paged);
  void SeeGroup(const Group& row);
  void SeeNotification(const Notification& row);
  Episode* EpisodeOf(const Subject& subject, const ResponderState& state);

  std::uint64_t first_new_;
  std::map<Subject, Episode> episodes_;
  std::set<Subject> unlisted_;
  std::map<UserId, PersonTold> people_;
  std::map<ReceiverId, std::uint64_t> receivers_;  // messages of notify-only routes
  std::unordered_map<AlertKey, GroupId, AlertKeyHash> holders_;
  std::unordered_set<std::uint64_t> seen_;  // rows of pages, groups and messages that were counted
  std::uint64_t pages_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t groups_opened_ = 0;
};

}  // namespace tocsin::replay
