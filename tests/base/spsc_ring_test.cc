#include "base/spsc_ring.h"

#include <deque>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "base/random.h"

namespace tocsin {
namespace {

TEST(SpscRingTest, AgreesWithADeque) {
  Random random(11);
  SpscRing<std::unique_ptr<std::uint64_t>> ring(8);
  std::deque<std::uint64_t> model;
  for (std::uint64_t step = 0; step < 10'000; ++step) {
    if (random.OneIn(2)) {
      auto value = std::make_unique<std::uint64_t>(step);
      const bool fits = model.size() < ring.capacity();
      ASSERT_EQ(ring.TryPush(std::move(value)), fits);
      ASSERT_EQ(value == nullptr, fits) << "a refused value stays with its owner";
      if (fits) model.push_back(step);
    } else {
      const std::optional<std::unique_ptr<std::uint64_t>> value = ring.TryPop();
      ASSERT_EQ(value.has_value(), !model.empty());
      if (!value) continue;
      ASSERT_EQ(**value, model.front());
      model.pop_front();
    }
    ASSERT_EQ(ring.size(), model.size());
  }
}

TEST(SpscRingTest, DestroysWhatIsPoppedAndWhatIsLeft) {
  const auto witness = std::make_shared<int>(0);
  {
    SpscRing<std::shared_ptr<int>> ring(4);
    for (int i = 0; i < 3; ++i)
      ASSERT_TRUE(ring.TryPush(std::shared_ptr<int>(witness)));
    EXPECT_EQ(witness.use_count(), 4);
    ring.TryPop();
    EXPECT_EQ(witness.use_count(), 3);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(SpscRingTest, CarriesEveryValueInOrderBetweenThreads) {
  constexpr std::uint64_t kValues = 50'000;
  SpscRing<std::uint64_t> ring(16);
  std::thread producer([&ring] {
    for (std::uint64_t value = 0; value < kValues; ++value) {
      while (!ring.TryPush(std::uint64_t{value}))
        std::this_thread::yield();
    }
  });
  std::uint64_t out_of_order = 0;
  for (std::uint64_t expected = 0; expected < kValues;) {
    const std::optional<std::uint64_t> value = ring.TryPop();
    if (!value) {
      std::this_thread::yield();
      continue;
    }
    if (*value != expected) ++out_of_order;
    ++expected;
  }
  producer.join();
  EXPECT_EQ(out_of_order, 0U);
  EXPECT_EQ(ring.size(), 0U);
}

}  // namespace
}  // namespace tocsin
