#include "replay/compare.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "absl/time/civil_time.h"

#include "base/strings.h"
#include "replay/limits.h"

namespace tocsin::replay {
namespace {

using Pointers = std::vector<const Episode*>;

// Of two episodes about the same, one may have opened a little before the other closed.
bool Overlap(const Episode& a, const Episode& b) {
  return a.opened_at <= b.closed_at + kTolerance && b.opened_at <= a.closed_at + kTolerance;
}

absl::TimeZone ZoneOf(const User* user) {
  absl::TimeZone zone = absl::UTCTimeZone();
  if (user != nullptr && !absl::LoadTimeZone(ToAbsl(user->time_zone), &zone)) zone = absl::UTCTimeZone();
  return zone;
}

std::uint64_t AtNight(const PersonTold& person, const absl::TimeZone& zone) {
  return static_cast<std::uint64_t>(std::ranges::count_if(person.pages, [&](absl::Time at) {
    const int hour = absl::ToCivilHour(at, zone).hour();
    return hour >= 22 || hour < 7;
  }));
}

class Pairing {
 public:
  Pairing(const Told& then, const Told& now) {
    for (const auto& [subject, episode] : now.episodes()) {
      left_.insert(&episode);
      by_key_.emplace(episode.key, &episode);
      for (const AlertKey& alert : episode.alerts)
        by_alert_.emplace(alert, &episode);
    }
    Pointers unpaired;
    for (const Episode* episode : InOrder(then)) {
      if (const Episode* partner = Closest(by_key_.equal_range(episode->key), *episode, /*only_left=*/true)) {
        left_.erase(partner);
        pairs.emplace_back(episode, partner);
      } else {
        unpaired.push_back(episode);
      }
    }
    // Several groups may have become one, or one several: whoever has an alert in common is no loss and no gain.
    for (const Episode* episode : unpaired) {
      const Episode* partner = nullptr;
      for (const AlertKey& alert : episode->alerts) {
        partner = Closest(by_alert_.equal_range(alert), *episode, /*only_left=*/false);
        if (partner != nullptr) break;
      }
      if (partner == nullptr) {
        lost.push_back(episode);
      } else {
        regrouped.emplace_back(episode, partner);
        left_.erase(partner);
      }
    }
    FindGained(then);
  }

  std::vector<std::pair<const Episode*, const Episode*>> pairs;      // then, now
  std::vector<std::pair<const Episode*, const Episode*>> regrouped;  // then, now
  Pointers lost;
  Pointers gained;

 private:
  static Pointers InOrder(const Told& told) {
    Pointers all;
    for (const auto& [subject, episode] : told.episodes())
      all.push_back(&episode);
    std::ranges::sort(all, {}, [](const Episode* e) { return std::pair(e->pages.front().at, e->subject); });
    return all;
  }

  template <typename Range>
  const Episode* Closest(const Range& range, const Episode& to, bool only_left) const {
    const Episode* best = nullptr;
    const auto distance = [&](const Episode& e) { return absl::AbsDuration(e.opened_at - to.opened_at); };
    for (auto at = range.first; at != range.second; ++at) {
      const Episode* candidate = at->second;
      if ((only_left && !left_.contains(candidate)) || !Overlap(*candidate, to)) continue;
      if (best == nullptr || distance(*candidate) < distance(*best)) best = candidate;
    }
    return best;
  }

  // What is left now and shares an alert with anything of then is a part of that.
  void FindGained(const Told& then) {
    std::unordered_multimap<AlertKey, const Episode*, AlertKeyHash> then_by_alert;
    for (const auto& [subject, episode] : then.episodes()) {
      for (const AlertKey& alert : episode.alerts)
        then_by_alert.emplace(alert, &episode);
    }
    Pointers rest(left_.begin(), left_.end());
    std::ranges::sort(rest, {}, [](const Episode* e) { return std::pair(e->pages.front().at, e->subject); });
    for (const Episode* episode : rest) {
      const Episode* partner = nullptr;
      for (const AlertKey& alert : episode->alerts) {
        partner = Closest(then_by_alert.equal_range(alert), *episode, /*only_left=*/false);
        if (partner != nullptr) break;
      }
      if (partner == nullptr) {
        gained.push_back(episode);
      } else {
        regrouped.emplace_back(partner, episode);
      }
    }
  }

  std::set<const Episode*> left_;  // of now, without a partner
  std::unordered_multimap<std::uint64_t, const Episode*> by_key_;
  std::unordered_multimap<AlertKey, const Episode*, AlertKeyHash> by_alert_;
};

EpisodeRow RowOf(const Episode* then, const Episode* now) {
  const Episode& named = now != nullptr ? *now : *then;
  EpisodeRow row;
  row.title = named.title;
  row.route = named.route.value();
  row.service = named.service.value();
  if (then != nullptr) {
    row.then = then->pages.front().at;
    row.pages.then = then->page_count;
    row.then_users.assign(then->users.begin(), then->users.end());
  }
  if (now != nullptr) {
    row.now = now->pages.front().at;
    row.pages.now = now->page_count;
    row.now_users.assign(now->users.begin(), now->users.end());
  }
  if (then == nullptr) row.reason = now->elsewhere;
  if (now == nullptr) row.reason = then->elsewhere;
  return row;
}

void Add(EpisodeList& list, const Episode* then, const Episode* now) {
  ++list.count;
  if (list.rows.size() < limits::kListed) list.rows.push_back(RowOf(then, now));
}

bool IsSame(const Episode& then, const Episode& now) {
  return then.page_count == now.page_count && then.users == now.users &&
         absl::AbsDuration(then.pages.front().at - now.pages.front().at) <= kTolerance;
}

template <typename Row>
std::vector<Row> Largest(std::vector<Row> rows) {
  std::ranges::stable_sort(rows, std::greater(),
                           [](const Row& row) { return std::max(row.pages.then, row.pages.now); });
  if (rows.size() > limits::kRows) rows.resize(limits::kRows);
  return rows;
}

std::vector<PersonRow> People(const Told& then, const Told& now, const Organisation& organisation) {
  std::map<UserId, PersonRow> rows;
  const auto add = [&](const Told& told, std::uint64_t ThenNow::*side) {
    for (const auto& [user, person] : told.people()) {
      PersonRow& row = rows[user];
      row.user = user;
      row.pages.*side = person.page_count;
      row.at_night.*side = AtNight(person, ZoneOf(organisation.Find(user)));
      row.messages.*side = person.messages;
    }
  };
  add(then, &ThenNow::then);
  add(now, &ThenNow::now);
  std::vector<PersonRow> list;
  for (auto& [user, row] : rows)
    list.push_back(std::move(row));
  return Largest(std::move(list));
}

template <typename NameOf>
std::vector<PlaceRow> Places(const Told& then, const Told& now, NameOf name_of) {
  std::map<std::string, PlaceRow> rows;
  const auto add = [&](const Told& told, std::uint64_t ThenNow::*side) {
    for (const auto& [subject, episode] : told.episodes()) {
      const std::string name = name_of(episode);
      if (name.empty()) continue;
      PlaceRow& row = rows[name];
      row.name = name;
      row.episodes.*side += 1;
      row.pages.*side += episode.page_count;
    }
  };
  add(then, &ThenNow::then);
  add(now, &ThenNow::now);
  std::vector<PlaceRow> list;
  for (auto& [name, row] : rows)
    list.push_back(std::move(row));
  return Largest(std::move(list));
}

std::vector<PlaceRow> Receivers(const Told& then, const Told& now) {
  std::map<ReceiverId, PlaceRow> rows;
  for (const auto& [receiver, messages] : then.receivers())
    rows[receiver].pages.then = messages;
  for (const auto& [receiver, messages] : now.receivers())
    rows[receiver].pages.now = messages;
  std::vector<PlaceRow> list;
  for (auto& [receiver, row] : rows) {
    row.name = receiver.value();
    list.push_back(std::move(row));
  }
  return Largest(std::move(list));
}

}  // namespace

Comparison Compare(const Told& then, const Told& now, const Organisation& organisation) {
  Comparison result;
  result.episodes = {then.episodes().size() + then.unlisted_episodes(),
                     now.episodes().size() + now.unlisted_episodes()};
  result.unlisted = then.unlisted_episodes() + now.unlisted_episodes();
  result.groups = {then.groups_opened(), now.groups_opened()};
  result.pages = {then.pages(), now.pages()};
  result.messages = {then.messages(), now.messages()};
  result.people = People(then, now, organisation);
  for (const PersonRow& person : result.people) {
    result.pages_at_night.then += person.at_night.then;
    result.pages_at_night.now += person.at_night.now;
  }
  result.routes = Places(then, now, [](const Episode& episode) { return episode.route.value(); });
  result.services = Places(then, now, [](const Episode& episode) { return episode.service.value(); });
  result.receivers = Receivers(then, now);

  const Pairing pairing(then, now);
  for (const auto& [before, after] : pairing.pairs) {
    if (IsSame(*before, *after)) {
      ++result.same;
    } else {
      Add(result.changed, before, after);
    }
  }
  for (const Episode* episode : pairing.gained)
    Add(result.gained, nullptr, episode);
  for (const Episode* episode : pairing.lost)
    Add(result.lost, episode, nullptr);
  for (const auto& [before, after] : pairing.regrouped)
    Add(result.regrouped, before, after);
  return result;
}

}  // namespace tocsin::replay
