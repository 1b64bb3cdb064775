#include "base/wakeup.h"

#include <thread>

#include <gtest/gtest.h>

#include "base/spsc_ring.h"

namespace tocsin {
namespace {

// A lost wake-up would hang these tests until ctest ends them: every Wait may last an hour.

TEST(WakeupTest, ANotifyBeforeTheWaitIsNotLost) {
  Wakeup wakeup;
  wakeup.Notify();
  wakeup.Notify();
  wakeup.Wait(absl::InfiniteDuration());
}

TEST(WakeupTest, EndsWithItsPatience) {
  Wakeup wakeup;
  wakeup.Wait(absl::Milliseconds(1));
  wakeup.Wait(-absl::Seconds(1));
}

TEST(WakeupTest, TwoThreadsWakeEachOtherForEveryValue) {
  constexpr int kRounds = 5'000;
  SpscRing<int> there(1);
  SpscRing<int> back(1);
  Wakeup wake_there;
  Wakeup wake_back;
  const auto receive = [](SpscRing<int>& ring, Wakeup& wakeup) {
    for (;;) {
      if (const std::optional<int> value = ring.TryPop()) return *value;
      wakeup.Wait(absl::InfiniteDuration());
    }
  };
  std::thread echo([&] {
    for (int i = 0; i < kRounds; ++i) {
      back.TryPush(receive(there, wake_there));
      wake_back.Notify();
    }
  });
  int wrong = 0;
  for (int i = 0; i < kRounds; ++i) {
    there.TryPush(int{i});
    wake_there.Notify();
    wrong += receive(back, wake_back) == i ? 0 : 1;
  }
  echo.join();
  EXPECT_EQ(wrong, 0);
}

TEST(WakeupTest, ABellWakesAsItsOwnWordDoes) {
  Wakeup wakeup;
  SharedWakeup first;
  SharedWakeup second;
  SharedWakeup* const bells[] = {&first, &second};
  second.Notify();
  wakeup.Wait(absl::InfiniteDuration(), bells);
  wakeup.Wait(absl::InfiniteDuration(), bells);  // it has not been taken yet
  EXPECT_FALSE(first.TakeRing());
  EXPECT_TRUE(second.TakeRing());
  EXPECT_FALSE(second.TakeRing());
  wakeup.Wait(absl::Milliseconds(1), bells);
  for (SharedWakeup* bell : bells) {
    std::thread ringer([bell] { bell->Notify(); });
    wakeup.Wait(absl::InfiniteDuration(), bells);
    ringer.join();
    EXPECT_TRUE(bell->TakeRing());
  }
  std::thread own([&] { wakeup.Notify(); });
  wakeup.Wait(absl::InfiniteDuration(), bells);
  own.join();
}

}  // namespace
}  // namespace tocsin
