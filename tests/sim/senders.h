// The monitoring systems of the simulated world, and their ledger: which state of each alert they have been told is safe.
//
// A sender does what senders should: what was not acknowledged it says again, refused, crashed or not; and it never says an
// older thing after a newer one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/pipeline.h"
#include "tests/sim/society.h"

namespace tocsin::sim {

class Senders {
 public:
  // An alert is known to be in this state: it was first said at `from`, and acknowledged now.
  struct Known {
    std::int64_t alert = 0;
    bool firing = false;
    Severity severity = Severity::kUnknown;
    EngineTime from;
    // The worst that it was said to fire with since it was last known, and that was acknowledged together with what came after it.
    std::optional<Severity> passed;
  };
  struct Hooks {
    std::function<void(std::int64_t alert, Severity severity)> said;  // submitted
    std::function<void(const Known&)> known;
    std::function<void(std::string)> violate;
  };
  explicit Senders(Hooks hooks) : hooks_(std::move(hooks)), alerts_(kAlerts) {}

  // From now on the alerts first, first + kServices ... are in this state.
  void Want(std::int64_t first, std::int64_t count, bool firing, Severity severity, EngineTime now);
  // Says what has not been said, or not with success.
  void Send(Engine& engine);
  bool has_unsaid() const { return !unsaid_.empty(); }
  // Nobody will answer any more for what is under way.
  void Crash();

  // I1, I7: the table is what some event at or after the last acknowledged one made it. From here on that is what is known.
  // `settled`: nothing is under way; it is the last one.
  void Check(Engine& engine, bool settled);
  std::uint64_t sequence() const { return sequence_; }  // the highest that was acknowledged

  struct Counters {
    std::uint64_t said = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t refused = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  struct Event {
    std::uint64_t serial = 0;
    bool firing = false;
    std::uint64_t number = 0;
    Severity severity = Severity::kUnknown;
  };
  struct Alert {
    bool firing = false;  // as it is out there
    Severity severity = Severity::kUnknown;
    std::uint64_t number = 0;
    EngineTime since;                      // when that was first said
    std::deque<Event> events = {Event()};  // all that were sent, from the last acknowledged one on
    int under_way = 0;
    std::optional<Severity> passed;  // as in Known
    std::optional<std::pair<IntegrationIndex, AlertKey>> key;
  };
  void Acknowledge(std::int64_t number, std::uint64_t serial);
  std::optional<AlertRecord> Look(Engine& engine, IntegrationIndex integration, std::int64_t alert);
  void CheckOne(Engine& engine, IntegrationIndex integration, std::int64_t alert, bool settled);

  const Hooks hooks_;
  std::vector<Alert> alerts_;
  std::set<std::int64_t> unsaid_;
  std::uint64_t serials_ = 0;
  std::uint64_t numbers_ = 0;
  std::uint64_t sequence_ = 0;
  int life_ = 0;
  Counters counters_;
};

}  // namespace tocsin::sim
