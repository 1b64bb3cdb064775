// Which waiting attempt may start next. Pure bookkeeping; one thread.
//
//   - Critical before normal before the rest; within a lane destinations take turns, and each is first come, first served.
//   - A part of all slots, and of each destination's slots, is only for the critical lane: however much of the rest is
//     stuck at a slow provider, a critical page finds a slot.
//   - One destination never has more than its own share of slots, so a slow one cannot take all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "model/response.h"

namespace tocsin::notify {

class Lanes {
 public:
  using Lane = Notification::Lane;
  using Ticket = std::uint64_t;  // of a waiting attempt; given by the caller in rising order
  struct Limits {
    std::size_t slots = 512;
    std::size_t reserved = 64;         // of `slots`
    std::size_t per_destination = 64;  // a quarter of them, rounded up, are reserved too unless there is only one
  };
  explicit Lanes(const Limits& limits) : limits_(limits) {}

  // A destination with other limits than Limits::per_destination.
  void SetShare(const std::string& destination, std::size_t slots) { shares_[destination] = slots; }

  void Push(Lane lane, const std::string& destination, Ticket ticket);
  // The next to start; it takes a slot until Release(). Nothing when nobody may start now.
  std::optional<Ticket> Pop();
  void Release(const std::string& destination);
  // Forgets one that waits.
  void Remove(Lane lane, const std::string& destination, Ticket ticket);

  std::size_t waiting(Lane lane) const { return waiting_[static_cast<std::size_t>(lane)].count; }
  std::size_t in_flight() const { return in_flight_; }

 private:
  struct Waiting {
    std::map<std::string, std::set<Ticket>> by_destination;  // no empty sets
    std::string served_last;
    std::size_t count = 0;
  };
  bool HasSlot(Lane lane, const std::string& destination) const;
  std::optional<Ticket> PopFrom(Lane lane);

  const Limits limits_;
  std::map<std::string, std::size_t> shares_;
  std::array<Waiting, 3> waiting_;
  std::map<std::string, std::size_t> busy_;  // no zeros
  std::size_t in_flight_ = 0;
};

}  // namespace tocsin::notify
