#include "notify/lanes.h"

#include "base/status.h"

namespace tocsin::notify {

void Lanes::Push(Lane lane, const std::string& destination, Ticket ticket) {
  Waiting& waiting = waiting_[static_cast<std::size_t>(lane)];
  const bool fresh = waiting.by_destination[destination].insert(ticket).second;
  TOCSIN_CHECK(fresh, "a ticket waits once");
  ++waiting.count;
}

void Lanes::Remove(Lane lane, const std::string& destination, Ticket ticket) {
  Waiting& waiting = waiting_[static_cast<std::size_t>(lane)];
  const auto found = waiting.by_destination.find(destination);
  if (found == waiting.by_destination.end() || found->second.erase(ticket) == 0) return;
  if (found->second.empty()) waiting.by_destination.erase(found);
  --waiting.count;
}

bool Lanes::HasSlot(Lane lane, const std::string& destination) const {
  const auto share = shares_.find(destination);
  const std::size_t own = share == shares_.end() ? limits_.per_destination : share->second;
  const std::size_t own_reserve = own > 1 ? (own + 3) / 4 : 0;
  const bool critical = lane == Lane::kCritical;
  const auto busy = busy_.find(destination);
  const std::size_t used = busy == busy_.end() ? 0 : busy->second;
  return in_flight_ + (critical ? 0 : limits_.reserved) < limits_.slots && used + (critical ? 0 : own_reserve) < own;
}

std::optional<Lanes::Ticket> Lanes::PopFrom(Lane lane) {
  Waiting& waiting = waiting_[static_cast<std::size_t>(lane)];
  if (in_flight_ >= limits_.slots) return std::nullopt;
  auto next = waiting.by_destination.upper_bound(waiting.served_last);
  for (std::size_t tried = 0; tried < waiting.by_destination.size(); ++tried, ++next) {
    if (next == waiting.by_destination.end()) next = waiting.by_destination.begin();
    const std::string destination = next->first;
    if (!HasSlot(lane, destination)) continue;
    const Ticket ticket = *next->second.begin();
    Remove(lane, destination, ticket);
    waiting.served_last = destination;
    ++busy_[destination];
    ++in_flight_;
    return ticket;
  }
  return std::nullopt;
}

std::optional<Lanes::Ticket> Lanes::Pop() {
  for (const Lane lane : {Lane::kCritical, Lane::kNormal, Lane::kRest}) {
    if (const std::optional<Ticket> ticket = PopFrom(lane)) return ticket;
  }
  return std::nullopt;
}

void Lanes::Release(const std::string& destination) {
  const auto found = busy_.find(destination);
  TOCSIN_CHECK(found != busy_.end() && in_flight_ > 0, "only what was popped is released");
  if (--found->second == 0) busy_.erase(found);
  --in_flight_;
}

}  // namespace tocsin::notify
