// When a proof of life goes, and when none does.
#include "server/watchdog.h"

#include <functional>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

constexpr absl::Duration kAllowed = absl::Seconds(60);

// An engine and a notifier that do as they are told.
struct Process {
  bool engine_works = true;
  bool notifier_works = true;
  bool supervisor_hears = true;
  std::uint64_t turns = 0;
  int probes = 0;
  std::vector<std::function<void()>> waiting;
  std::vector<EngineTime> beats;
  EngineTime now;

  Watchdog MakeWatchdog(absl::Duration allowed = kAllowed, bool may_be_lost = false) {
    return Watchdog(allowed,
                    {.name = "the engine",
                     .probe =
                         [this](std::function<void()> passed) {
                           ++probes;
                           waiting.push_back(std::move(passed));
                         },
                     .may_be_lost = may_be_lost,
                     .sender_turns = [this] { return turns; }},
                    [this] {
                      if (supervisor_hears) beats.push_back(now);
                      return supervisor_hears;
                    });
  }
  void Run(Watchdog& watchdog, int seconds) {
    for (int i = 0; i < seconds; ++i) {
      now = now + absl::Seconds(1);
      watchdog.Tick(now);
      if (notifier_works) ++turns;
      if (!engine_works) continue;
      for (const auto& passed : std::exchange(waiting, {}))
        passed();
    }
  }
};

TEST(WatchdogTest, BeatsFourTimesInTheTimeThatIsAllowedAsLongAsEverythingWorks) {
  Process process;
  Watchdog watchdog = process.MakeWatchdog();
  process.Run(watchdog, 600);
  EXPECT_GE(process.beats.size(), 30U);
  for (std::size_t i = 1; i < process.beats.size(); ++i)
    EXPECT_LE(process.beats[i] - process.beats[i - 1], kAllowed / 3);
}

TEST(WatchdogTest, NoBeatGoesWhileAnyPartStandsStill) {
  for (bool Process::*part : {&Process::engine_works, &Process::notifier_works}) {
    Process process;
    Watchdog watchdog = process.MakeWatchdog();
    process.Run(watchdog, 100);
    process.*part = false;
    process.Run(watchdog, 16);  // a probe that had passed may still be told
    const std::size_t before = process.beats.size();
    const int probes = process.probes;
    process.Run(watchdog, 1000);
    EXPECT_EQ(process.beats.size(), before);
    EXPECT_LE(process.probes, probes + 1) << "what stands still is not buried in questions";
    process.*part = true;
    process.Run(watchdog, 30);
    EXPECT_GT(process.beats.size(), before) << "it works again";
  }
}

TEST(WatchdogTest, AProbeThatMayBeLostIsSentAgain) {
  Process process;
  Watchdog watchdog = process.MakeWatchdog(kAllowed, /*may_be_lost=*/true);
  process.Run(watchdog, 20);
  process.engine_works = false;
  process.Run(watchdog, 30);
  process.waiting.clear();  // lost
  process.engine_works = true;
  const std::size_t before = process.beats.size();
  process.Run(watchdog, 20);
  EXPECT_GT(process.beats.size(), before);
}

TEST(WatchdogTest, WhatWasNotHeardIsSaidAgainAtOnce) {
  Process process;
  process.supervisor_hears = false;
  Watchdog watchdog = process.MakeWatchdog();
  process.Run(watchdog, 30);
  EXPECT_TRUE(process.beats.empty());
  process.supervisor_hears = true;
  process.Run(watchdog, 1);
  EXPECT_EQ(process.beats.size(), 1U);
}

TEST(WatchdogTest, NobodyWantsBeats) {
  Process process;
  Watchdog watchdog = process.MakeWatchdog(absl::ZeroDuration());
  process.Run(watchdog, 100);
  EXPECT_EQ(process.probes, 0);
  EXPECT_TRUE(process.beats.empty());
}

}  // namespace
}  // namespace tocsin
