// A stretch of the recorded history through a changed configuration: who would have been told of what, and who was.
//
//   1  recover to the beginning: the newest base before it, and the entries from there on (storage/history.h)
//   2  apply the changed configuration, as `tocsin apply` would have done at that moment
//   3  what came in comes in again at its time, people do what they did, timers come due (replay/world.h)
//   4  compare with what was recorded (replay/compare.h)
//
// Reads what is durable and nothing else; writes nothing. docs/replay.md says what is assumed. One thread, which may be any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "model/matcher.h"
#include "model/organisation.h"
#include "model/silence.h"
#include "replay/compare.h"
#include "replay/world.h"
#include "storage/store.h"

namespace tocsin::replay {

struct Request {
  absl::Time from;
  absl::Time to;
  OrganisationPtr organisation;    // null: as it was, version by version
  std::optional<Silence> silence;  // made at the beginning, and there to the end
  std::vector<Matcher> matchers;   // alerts that began to fire and match are counted; none: not counted
};

struct Result {
  absl::Time from;  // later than was asked for when the history does not reach so far back
  absl::Time to;
  bool is_cut_short = false;
  std::uint64_t entries = 0;
  std::uint64_t events = 0;
  std::uint64_t began = 0;             // alerts that began to fire
  std::uint64_t refused = 0;           // events of integrations that the changed configuration does not have
  std::uint64_t matched = 0;           // of `began`, those that match
  std::uint64_t matched_alerts = 0;    // different alerts among them
  std::uint64_t versions_applied = 0;  // in the recorded course
  std::uint64_t downtimes = 0;         // in which the server did not run; nor does the replay
  std::uint64_t actions = 0;           // of people, done again
  std::map<std::string, std::uint64_t> actions_left_out;
  Comparison comparison;
};

// For whoever waits. Any thread.
struct Control {
  std::function<bool()>
      is_over;  // set before Run, asked now and then by its thread: it has taken too long; may be empty
  std::atomic<bool> cancelled{false};
  std::atomic<std::uint32_t> permille{0};
};

// NotFound: nothing is recorded for that time. Cancelled: as asked. DeadlineExceeded: it is over. FailedPrecondition: the configuration cannot be applied.
absl::StatusOr<Result> Run(Store& store, const World::Options& options, const Request& request, Control& control);

}  // namespace tocsin::replay
