// Plans from seeds. Each service has outages that come and go; people do things at random; of faults each world has some, at a
// rate of its own (swarm testing: what never happens together with something else is found by leaving that out).
#include <algorithm>
#include <iterator>

#include "base/random.h"
#include "tests/sim/plan.h"
#include "tests/sim/society.h"

namespace tocsin::sim {
namespace {

using Kind = Line::Kind;
using Values = std::array<std::int64_t, 4>;

constexpr std::int64_t kAnything = 1'000'000;  // a choice, whatever there is to choose from

class Generator {
 public:
  Generator(std::uint64_t seed, absl::Duration length) : random_(seed ^ 0x706c616e), length_(length) {
    plan_.settings.seed = static_cast<std::int64_t>(seed);
    plan_.settings.length_ms = absl::ToInt64Milliseconds(length);
  }

  Plan Generate() {
    Settings& settings = plan_.settings;
    settings.shards = random_.Between(1, 3);
    settings.organisation = random_.Between(0, kOrganisations - 1);
    settings.checkpoint_s = random_.Between(5, 600);
    settings.audit_s = random_.Between(5, 60);
    settings.segment_kb = random_.OneIn(2) ? 64 : 256;
    settings.restless = random_.OneIn(2) ? random_.Between(2, 10) : 0;
    const std::int64_t pace = random_.Between(1, 8);  // how much happens
    for (std::int64_t service = 0; service < kServices; ++service)
      Outages(service, pace);
    People(pace);
    Faults();
    Incidents();
    settings.canary_s = random_.OneIn(4) ? random_.Between(30, 300) : 0;
    if (settings.canary_s > 0) Canaries();
    std::ranges::stable_sort(plan_.lines, {}, &Line::at);
    return std::move(plan_);
  }

 private:
  void Add(absl::Duration at, Kind kind, Values values) {
    if (at < absl::ZeroDuration() || at >= length_) return;
    plan_.lines.push_back({absl::Floor(at, absl::Milliseconds(1)), kind, values});
  }
  absl::Duration Within(absl::Duration least, absl::Duration most) {
    return absl::Milliseconds(random_.Between(absl::ToInt64Milliseconds(least), absl::ToInt64Milliseconds(most)));
  }

  // Most of it recovers, and is forgotten; something goes on for so long that nobody is asked any more, and then something else begins.
  absl::Duration Drag(std::int64_t service, absl::Duration from) {
    Add(from, Kind::kFire, {service, 1, 0, 0});
    Add(from + absl::Seconds(1), Kind::kResolve, {service + kServices, kInstances - 1, 0, 0});
    const absl::Duration again = from + Within(absl::Minutes(20), absl::Minutes(90));
    Add(again, Kind::kFire, {service + kServices * random_.Between(1, kInstances - 1), 1, 0, 0});
    return again + Within(absl::Minutes(1), absl::Minutes(20));
  }

  // It breaks, more of it breaks, it is said again and again, it recovers.
  void Outages(std::int64_t service, std::int64_t pace) {
    absl::Duration at = Within(absl::Seconds(1), absl::Minutes(20));
    while (at < length_) {
      const absl::Duration lasts =
          random_.OneIn(3) ? Within(absl::Seconds(1), absl::Minutes(1)) : Within(absl::Minutes(1), absl::Minutes(45));
      const absl::Duration end = at + lasts;
      for (absl::Duration t = at; t < end; t += Within(absl::Seconds(5), absl::Minutes(8) / pace)) {
        const std::int64_t instance = random_.Between(0, kInstances - 1);
        const std::int64_t count = random_.OneIn(4) ? random_.Between(1, kInstances) : 1;
        const std::int64_t severity = random_.OneIn(30) ? 5 : 0;
        Add(t, Kind::kFire, {service + kServices * instance, count, severity, 0});
        if (random_.OneIn(6))
          Add(t + Within(absl::Seconds(1), absl::Minutes(2)), Kind::kResolve,
              {service + kServices * instance, 1, 0, 0});
      }
      const absl::Duration over = random_.OneIn(4) ? Drag(service, end) : end;
      Add(over, Kind::kResolve, {service, kInstances, 0, 0});
      at = over +
           (random_.OneIn(4) ? Within(absl::Seconds(1), absl::Minutes(1)) : Within(absl::Minutes(1), absl::Hours(1)));
    }
  }

  // Every `mean` on average, for as long as the world lasts.
  template <typename Make>
  void Often(absl::Duration mean, const Make& make) {
    for (absl::Duration at = Within(absl::Seconds(1), 2 * mean); at < length_;
         at += Within(absl::Milliseconds(1), 2 * mean))
      make(at);
  }
  // As Often, in one world of `one_in`.
  template <typename Make>
  void Sometimes(std::uint64_t one_in, absl::Duration mean, const Make& make) {
    const bool has = random_.OneIn(one_in);
    if (has) Often(mean, make);
  }
  std::int64_t Pick() { return random_.Between(0, kAnything); }

  void People(std::int64_t pace) {
    const auto one = [this](Kind kind) {
      return [this, kind](absl::Duration at) { Add(at, kind, {Pick(), Pick(), 0, 0}); };
    };
    Often(absl::Minutes(40) / pace, one(Kind::kAcknowledge));
    Sometimes(2, absl::Minutes(60), one(Kind::kUnacknowledge));
    Sometimes(2, absl::Minutes(60), [this](absl::Duration at) {
      Add(at, Kind::kSnooze, {Pick(), Pick(), random_.Between(1'000, 1'200'000), 0});
    });
    Sometimes(4, absl::Minutes(60), one(Kind::kMerge));
    Sometimes(4, absl::Minutes(60), one(Kind::kSplit));
    Sometimes(4, absl::Minutes(90), one(Kind::kClose));
    Sometimes(4, absl::Minutes(90), one(Kind::kEscalate));
    Sometimes(6, absl::Minutes(90), one(Kind::kReroute));
    Sometimes(2, absl::Minutes(50), [this](absl::Duration at) {
      const std::int64_t ahead = random_.OneIn(2) ? 0 : random_.Between(0, 600'000);
      Add(at, Kind::kSilence,
          {random_.Between(0, kServices - 1), random_.Between(1'000, 1'800'000), ahead, random_.OneIn(4) ? 1 : 0});
    });
    Sometimes(3, absl::Minutes(60), one(Kind::kExpire));
    Sometimes(3, absl::Minutes(60), [this](absl::Duration at) {
      Add(at, Kind::kReload, {random_.Between(0, kOrganisations - 1), 0, 0, 0});
    });
    Sometimes(3, absl::Minutes(5), one(Kind::kPing));
    Sometimes(6, absl::Minutes(60), one(Kind::kTestPage));
  }

  void Incidents() {
    Sometimes(2, absl::Minutes(40), [this](absl::Duration at) {
      Add(at, Kind::kOpenIncident, {Pick(), Pick(), random_.Between(0, 1), 0});
    });
    Sometimes(2, absl::Minutes(40), [this](absl::Duration at) { Add(at, Kind::kOwnIncident, {Pick(), Pick(), 0, 0}); });
    Sometimes(2, absl::Minutes(60), [this](absl::Duration at) { Add(at, Kind::kEndIncident, {Pick(), Pick(), 0, 0}); });
  }

  // They do not arrive for a while; what the server makes of that ends with that while.
  void Canaries() {
    Sometimes(2, absl::Minutes(60), [this](absl::Duration at) {
      Add(at, Kind::kProvider, {kCanarysProvider, random_.Between(1, kMoods - 1), random_.Between(1'000, 600'000), 0});
    });
  }

  absl::Duration Rate() { return absl::Minutes(random_.Between(5, 90)); }
  std::int64_t Down() { return random_.OneIn(4) ? random_.Between(0, 1'800'000) : random_.Between(0, 30'000); }

  void Faults() {
    Sometimes(2, Rate(), [this](absl::Duration at) {
      Add(at, Kind::kCut,
          {random_.Between(0, 5), Down(), random_.OneIn(2) ? random_.Between(0, 12) : -1, random_.Between(0, 12)});
    });
    Sometimes(2, Rate(), [this](absl::Duration at) { Add(at, Kind::kKill, {Down(), random_.Between(0, 12), 0, 0}); });
    Sometimes(4, Rate(), [this](absl::Duration at) {
      Add(at, Kind::kFailSync, {random_.Between(1, 6), Down(), 0, 0});
    });
    Sometimes(4, Rate(), [this](absl::Duration at) {
      Add(at, Kind::kFailWrite, {random_.Between(1, 6), Down(), 0, 0});
    });
    Sometimes(6, absl::Minutes(60), [this](absl::Duration at) {
      Add(at, Kind::kFull, {random_.Between(0, 512), random_.Between(1'000, 600'000), 0, 0});
    });
    Sometimes(6, absl::Minutes(60), [this](absl::Duration at) {
      Add(at, Kind::kReadOnly, {random_.Between(1'000, 120'000), 0, 0, 0});
    });
    Sometimes(4, absl::Minutes(60), [this](absl::Duration at) {
      constexpr std::int64_t kJumps[] = {1'000, 60'000, 3'600'000, 86'400'000};
      const std::int64_t by = random_.Between(1, kJumps[random_.Below(std::size(kJumps))]);
      Add(at, Kind::kJump, {random_.OneIn(2) ? by : -by, 0, 0, 0});
    });
    Sometimes(4, absl::Minutes(90), [this](absl::Duration at) {
      Add(at, Kind::kSleep, {random_.Between(1'000, 3'600'000), 0, 0, 0});
    });
    Sometimes(2, absl::Minutes(30), [this](absl::Duration at) {
      Add(at, Kind::kProvider,
          {random_.Between(0, kMethods - 1), random_.Between(1, kMoods - 1), random_.Between(1'000, 1'800'000), 0});
    });
    Sometimes(3, absl::Minutes(30), [this](absl::Duration at) {
      Add(at, Kind::kStall, {random_.Between(0, 3), random_.Between(100, 60'000), 0, 0});
    });
    Sometimes(3, Rate(), [this](absl::Duration at) {
      Add(at, Kind::kStuckCut, {random_.Between(0, 5), Down(), random_.Between(100, 60'000), 0});
    });
  }

  Random random_;
  const absl::Duration length_;
  Plan plan_;
};

}  // namespace

Plan GeneratePlan(std::uint64_t seed, absl::Duration length) {
  Plan plan = Generator(seed, length).Generate();
  std::ranges::for_each(plan.lines, DropWhatIsNotPrinted);
  return plan;
}

}  // namespace tocsin::sim
