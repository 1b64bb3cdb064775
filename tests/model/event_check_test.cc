// CheckRecord against its oracle: whatever passes is, byte for byte, what EventBatch::Append would have made of it.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/random.h"
#include "base/status.h"
#include "model/event.h"

namespace tocsin {
namespace {

constexpr std::uint64_t kSeed = 7;
constexpr IntegrationIndex kDoor = 3;

std::string RandomText(Random& random, std::size_t most, bool any) {
  static const std::string kWords[] = {"a", "alertname", "\xC3\xA9t\xC3\xA9", "x-y", "Disk", "0"};
  std::string text(kWords[random.Below(6)]);
  while (text.size() < most / 2 && random.OneIn(2))
    text += kWords[random.Below(6)];
  return any && random.OneIn(4) ? "" : text;
}

AlertEvent RandomEvent(Random& random) {
  AlertEvent event;
  event.kind = static_cast<EventKind>(random.Below(3));
  event.severity = static_cast<Severity>(random.Below(6));
  for (std::uint64_t i = 1 + random.Below(6); i > 0; --i)
    event.labels.push_back({RandomText(random, 64, false) + std::to_string(i), RandomText(random, 64, false)});
  for (std::uint64_t i = random.Below(4); i > 0; --i)
    event.annotations.push_back({RandomText(random, 64, false) + std::to_string(i), RandomText(random, 64, true)});
  if (random.OneIn(3)) event.dedup_key = RandomText(random, 64, false);
  if (random.OneIn(3)) event.link = RandomText(random, 64, false);
  if (random.OneIn(2)) event.starts_at = absl::FromUnixNanos(static_cast<std::int64_t>(random.Next() >> 2U));
  return event;
}

// A copy of a record in memory of exactly its size, so that a sanitizer sees a byte too many.
struct Copy {
  explicit Copy(std::span<const std::byte> from) : words((from.size() + 7) / 8), size(from.size()) {
    std::memcpy(words.data(), from.data(), size);
  }
  std::span<std::byte> bytes() { return {reinterpret_cast<std::byte*>(words.data()), size}; }
  std::vector<std::uint64_t> words;
  std::size_t size;
};

TEST(CheckRecordTest, TakesWhateverABatchHolds) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed);
    EventBatch batch(kSeed, kDoor);
    for (int i = 0; i < 5; ++i)
      ASSERT_TRUE(batch.Append(RandomEvent(random)).ok());
    std::span<const std::byte> rest = batch.bytes();
    while (!rest.empty()) {
      const absl::Status status = CheckRecord(rest, kSeed);
      ASSERT_TRUE(status.ok()) << status;
      rest = rest.subspan(EventView(rest.data()).header().size);
    }
  }
}

// Whether the record is what Append makes of what it says.
bool IsAsAppended(std::span<const std::byte> bytes) {
  const EventView view(bytes.data());
  EventBatch again(kSeed, view.header().integration);
  if (!again.Append(view.ToEvent()).ok() || again.bytes().size() != view.header().size) return false;
  // ToEvent and back may round what a clock says, and a record may say that nobody has checked it; the rest has to be the same.
  EventHeader header = again.at(0).header();
  header.starts_at_ns = view.header().starts_at_ns;
  header.ends_at_ns = view.header().ends_at_ns;
  if (view.header().form == EventHeader::Form::kUnchecked) header.form = EventHeader::Form::kUnchecked;
  return std::memcmp(&header, bytes.data(), sizeof header) == 0 &&
         std::ranges::equal(again.bytes().subspan(sizeof header),
                            bytes.subspan(sizeof header, header.size - sizeof header));
}

TEST(CheckRecordTest, TakesNothingThatABatchWouldNotHold) {
  int taken = 0;
  for (std::uint64_t seed = 0; seed < 40'000; ++seed) {
    Random random(seed);
    EventBatch batch(kSeed, kDoor);
    ASSERT_TRUE(batch.Append(RandomEvent(random)).ok());
    Copy copy(batch.bytes());
    for (std::uint64_t i = 1 + random.Below(3); i > 0; --i) {
      // The header and the lengths behind it more often than text.
      const std::size_t reach = random.OneIn(2) ? copy.size : std::min<std::size_t>(copy.size, 72);
      copy.bytes()[random.Below(reach)] = static_cast<std::byte>(random.OneIn(2) ? random.Below(4) : random.Next());
    }
    std::span<const std::byte> bytes = copy.bytes();
    if (random.OneIn(8)) bytes = bytes.first(random.Below(bytes.size() + 1));
    if (!CheckRecord(bytes, kSeed).ok()) continue;
    ++taken;
    ASSERT_TRUE(IsAsAppended(bytes)) << "seed " << seed;
  }
  EXPECT_GT(taken, 0) << "times and the like may be anything";
}

TEST(CheckRecordTest, SaysWhatIsWrong) {
  EventBatch batch(kSeed, kDoor);
  AlertEvent event;
  event.labels = {
      {"b", "1"},
      {"c", "2"}
  };
  ASSERT_TRUE(batch.Append(event).ok());
  Copy other_key(batch.bytes());
  EXPECT_EQ(Message(CheckRecord(other_key.bytes(), kSeed + 1)), "record: the key is not that of its labels");
  Copy swapped(batch.bytes());
  std::byte* const text = swapped.bytes().data() + sizeof(EventHeader) + 2 * sizeof(TextLengths);
  std::swap(text[0], text[2]);
  EXPECT_EQ(Message(CheckRecord(swapped.bytes(), kSeed)), "labels: not in order");
  Copy not_utf8(batch.bytes());
  not_utf8.bytes()[sizeof(EventHeader) + 2 * sizeof(TextLengths) + 1] = std::byte{0xFF};
  EXPECT_EQ(Message(CheckRecord(not_utf8.bytes(), kSeed)), "labels: value of \"b\" is not UTF-8");
  EXPECT_EQ(Message(CheckRecord(swapped.bytes().first(8), kSeed)), "record: 8 bytes");
}

}  // namespace
}  // namespace tocsin
