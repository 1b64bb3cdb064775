// A duplicate costs no allocation: counted by replacing operator new in this program.
#include <cstdlib>
#include <new>

#include "absl/strings/str_format.h"
#include "gtest/gtest.h"

#include "tests/engine/shard_world.h"

namespace {
std::size_t allocations = 0;

void* Counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) std::abort();
  return memory;
}
}  // namespace

// All forms, so that nothing of ours meets a sanitizer's. Not inlined, or GCC takes the free for a mismatch with new.
#define TOCSIN_COUNTED [[gnu::noinline]]
TOCSIN_COUNTED void* operator new(std::size_t size) {
  return Counted(size, alignof(std::max_align_t));
}
TOCSIN_COUNTED void* operator new[](std::size_t size) {
  return Counted(size, alignof(std::max_align_t));
}
TOCSIN_COUNTED void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return Counted(size, alignof(std::max_align_t));
}
TOCSIN_COUNTED void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return Counted(size, alignof(std::max_align_t));
}
TOCSIN_COUNTED void* operator new(std::size_t size, std::align_val_t alignment) {
  return Counted(size, static_cast<std::size_t>(alignment));
}
TOCSIN_COUNTED void* operator new[](std::size_t size, std::align_val_t alignment) {
  return Counted(size, static_cast<std::size_t>(alignment));
}
TOCSIN_COUNTED void operator delete(void* memory) noexcept {
  std::free(memory);
}
TOCSIN_COUNTED void operator delete[](void* memory) noexcept {
  std::free(memory);
}
TOCSIN_COUNTED void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
TOCSIN_COUNTED void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
TOCSIN_COUNTED void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
TOCSIN_COUNTED void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
TOCSIN_COUNTED void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
TOCSIN_COUNTED void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
TOCSIN_COUNTED void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
TOCSIN_COUNTED void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace tocsin::shard_test {
namespace {

TEST(ShardAllocationTest, ADuplicateAllocatesNothing) {
  Shard shard(ShardWorld::DefaultOptions());
  Now now{kStart, EngineTime(1)};
  shard.SetRules(RulesOf(1, std::make_shared<const Organisation>(SampleOrganisation()),
                         {
                             SilenceOf(1, {{"instance", MatchOp::kRegex, "i1.*"}}
                              )
  }),
                 SampleIntegrations(), now);
  EventBatch batch(kSeed, 0);
  for (int i = 0; i < 5000; ++i) {
    AlertEvent event = Firing({
        {"alertname", absl::StrFormat("A%d", i % 50)},
        {"instance",  absl::StrFormat("i%d", i)     }
    });
    event.annotations = {
        {"summary", absl::StrFormat("summary number %d", i)}
    };
    ASSERT_TRUE(batch.Append(event).ok());
  }
  for (std::size_t i = 0; i < batch.count(); ++i)
    shard.Apply(batch.at(i), now);
  shard.Seal([](std::string_view) {});

  std::size_t bytes = 0;
  const std::size_t before = allocations;
  for (int round = 0; round < 10; ++round) {
    now.wall += absl::Seconds(60);
    now.engine = now.engine + absl::Seconds(60);
    for (std::size_t i = 0; i < batch.count(); ++i)
      ASSERT_EQ(shard.Apply(batch.at(i), now), Outcome::kDuplicate);
    shard.Seal([&](std::string_view body) { bytes += body.size(); });
  }
  EXPECT_EQ(allocations, before) << "sealing included";
  EXPECT_LE(bytes, 24 * 10 * batch.count());
}

}  // namespace
}  // namespace tocsin::shard_test
