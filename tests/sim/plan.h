// What happens in a simulated world, as data: settings, and what people, senders, providers and fate do at which time.
//
// Choices are numbers that mean something whatever else the plan holds: "some open group" is the number modulo how many there
// are by then. So a line can be taken away, and what is left is a plan. The text form is one line for each:
//
//   set seed 17
//   00:10:02.500 fire key=3 count=2 severity=0
//   00:11:00.000 cut kind=0 down_ms=20000 operations=7 steps=3
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace tocsin::sim {

// What a number of the settings means stands in plan.cc, beside its name.
struct Settings {
  std::int64_t seed = 1;       // of the order of stages, of what power cuts spare, of providers' moods
  std::int64_t length_ms = 0;  // of the restless part; quiet hours follow
  std::int64_t shards = 1;
  std::int64_t organisation = 0;   // variant, see society.h
  std::int64_t checkpoint_s = 60;  // between checkpoints of the alert table
  std::int64_t audit_s = 30;
  std::int64_t segment_kb = 256;  // of the journal
  std::int64_t restless = 0;  // one in so many operations is not waited for: the next one meets half-done work; 0: none
  std::int64_t canary_s = 0;  // between canaries, and beats to outside; 0: none
  std::int64_t lying_disk = 0;  // the negative control: an fsync that says OK and does nothing
  friend bool operator==(const Settings&, const Settings&) = default;
};

struct Line {
  enum class Kind : std::uint8_t {
    kFire,
    kResolve,
    kAcknowledge,
    kSnooze,
    kUnacknowledge,
    kMerge,
    kSplit,
    kClose,
    kEscalate,
    kReroute,
    kSilence,
    kExpire,
    kReload,
    kPing,
    kTestPage,
    kCut,
    kKill,
    kFailSync,
    kFailWrite,
    kFull,
    kReadOnly,
    kJump,
    kSleep,
    kProvider,
    kStall,
    kStuckCut,
    kOpenIncident,
    kOwnIncident,
    kEndIncident,
  };
  static constexpr std::size_t kKinds = 29;
  absl::Duration at;
  Kind kind = Kind::kFire;
  std::array<std::int64_t, 4> values = {};
  friend bool operator==(const Line&, const Line&) = default;
};
std::string_view Name(Line::Kind kind);
// Something breaks, as opposed to somebody doing something.
bool IsFault(Line::Kind kind);

struct Plan {
  Settings settings;
  std::vector<Line> lines;  // in the order of their times
  friend bool operator==(const Plan&, const Plan&) = default;
};

std::string Print(const Plan& plan);
std::string Print(const Line& line);
// Numbers that mean nothing for its kind become zero, as in a file.
void DropWhatIsNotPrinted(Line& line);
// Comments begin with #. All that Print writes, reads back as it was.
absl::StatusOr<Plan> ParsePlan(std::string_view text);

// A world for `seed`: which faults there are, and how often, is drawn anew for each.
Plan GeneratePlan(std::uint64_t seed, absl::Duration length);

}  // namespace tocsin::sim
