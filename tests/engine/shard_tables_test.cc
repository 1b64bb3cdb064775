// The shard's own containers, each against the obvious one.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "engine/body.h"
#include "engine/doors.h"
#include "engine/frames.h"
#include "engine/lease_wheel.h"
#include "engine/slab.h"
#include "engine/slot_index.h"
#include "engine/taken_in.h"
#include "engine/texts.h"

namespace tocsin {
namespace {

// Compares with a map over random insertions and erasures; `hash_of` decides how hard it is.
template <typename HashOf>
void CheckIndex(std::uint64_t seed, int steps, HashOf hash_of) {
  Random random(seed);
  SlotIndex index;
  std::map<std::uint32_t, std::uint32_t> model;  // value to hash
  const auto known = [&](std::uint32_t value) { return model.at(value); };
  for (int step = 0; step < steps; ++step) {
    const auto value = static_cast<std::uint32_t>(random.Below(static_cast<std::uint64_t>(steps) / 2 + 1));
    const auto found = model.find(value);
    if (found == model.end()) {
      const std::uint32_t hash = hash_of(random);
      model[value] = hash;
      index.Insert(hash, value, known);
    } else if (random.OneIn(2)) {
      index.Erase(found->second, value, known);
      model.erase(found);
    }
    index.Erase(hash_of(random), SlotIndex::kMaxValues - 1, known);  // is not there
  }
  ASSERT_EQ(index.size(), model.size());
  for (const auto& [value, hash] : model) {
    ASSERT_EQ(index.Find(hash, [v = value](std::uint32_t candidate) { return candidate == v; }), value);
  }
  std::size_t extra = 0;
  for (const auto& [value, hash] : model) {
    index.Find(hash, [&](std::uint32_t candidate) { return extra += model.contains(candidate) ? 0U : 1U, false; });
  }
  EXPECT_EQ(extra, 0) << "erased values are found no more";
}

TEST(SlotIndexTest, FindsWhatAMapFinds) {
  CheckIndex(1, 100'000, [](Random& random) { return static_cast<std::uint32_t>(random.Next()); });
}

TEST(SlotIndexTest, BearsHashesThatCollideInPartOrWholly) {
  CheckIndex(2, 3'000, [](Random& random) { return 0xABC00000U | static_cast<std::uint32_t>(random.Below(16)); });
  CheckIndex(3, 3'000, [](Random&) { return 0xFFFFFFFFU; });
}

TEST(SlabTest, BlocksKeepTheirBytesAndAreUsedAgain) {
  Random random(5);
  Slab slab;
  struct Block {
    std::uint32_t block;
    std::string bytes;
  };
  std::vector<Block> blocks;
  for (int step = 0; step < 20'000; ++step) {
    if (blocks.size() < 300 || random.OneIn(2)) {
      const std::size_t size = 1 + random.Below(random.OneIn(50) ? 60'000 : 700);
      blocks.push_back({slab.Allocate(size), std::string(size, static_cast<char>(random.Below(256)))});
      blocks.back().bytes.copy(slab.At(blocks.back().block), size);
    } else {
      std::swap(blocks[random.Below(blocks.size())], blocks.back());
      const Block& block = blocks.back();
      ASSERT_EQ(std::string_view(slab.At(block.block), block.bytes.size()), block.bytes);
      slab.Free(block.block, block.bytes.size());
      blocks.pop_back();
    }
  }
  const std::size_t held = slab.bytes();
  for (const Block& block : blocks)
    slab.Free(block.block, block.bytes.size());
  for (const Block& block : blocks)
    slab.Allocate(block.bytes.size());
  EXPECT_EQ(slab.bytes(), held);
}

TEST(SlabTest, TakesBlocksUpToAWholeChunk) {
  Slab slab;
  for (std::size_t size = 1; size <= 1U << 20; size = size * 5 / 4 + 1) {
    const std::uint32_t block = slab.Allocate(size);
    std::fill_n(slab.At(block), size, 'x');
    slab.Free(block, size);
    EXPECT_EQ(slab.Allocate(size), block);
  }
}

// Owners with leases that are renewed lazily, as the shard does, against looking at all of them at every step.
TEST(LeaseWheelTest, ComesUpExactlyWhenAScanOfEverythingWould) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    constexpr std::uint32_t kSlots = 50;
    std::vector<std::uint32_t> until(kSlots, 0);
    std::vector<std::uint32_t> tick(kSlots, 0);
    auto now = static_cast<std::uint32_t>(random.Below(1U << 30));
    LeaseWheel wheel;
    wheel.Reset(now);
    const auto arm = [&](std::uint32_t slot) {
      if (tick[slot] == 0 || tick[slot] > until[slot]) tick[slot] = wheel.Add(slot, until[slot]);
    };
    for (int step = 0; step < 1'000; ++step) {
      for (std::uint64_t i = random.Below(6); i > 0; --i) {
        const auto slot = static_cast<std::uint32_t>(random.Below(kSlots));
        const std::uint64_t reach = std::uint64_t{1} << random.Below(26);
        until[slot] = now + 1 + static_cast<std::uint32_t>(random.Below(reach));
        arm(slot);
      }
      const std::uint64_t reach = std::uint64_t{1} << random.Below(random.OneIn(10) ? 24 : 8);
      now += static_cast<std::uint32_t>(random.Below(reach));
      std::set<std::uint32_t> expected;
      for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
        if (until[slot] != 0 && until[slot] <= now) expected.insert(slot);
      }
      const std::uint32_t next = wheel.Next();
      if (!expected.empty()) {
        ASSERT_LE(next, now);
      }
      std::set<std::uint32_t> came;
      bool reached = false;
      while (!reached) {
        std::size_t budget = 1 + random.Below(5);
        reached = wheel.Advance(
            now, budget, [&](std::uint32_t slot) { return tick[slot]; },
            [&](std::uint32_t slot) {
              if (tick[slot] == 0 || tick[slot] > wheel.now()) return;
              tick[slot] = 0;
              if (until[slot] > now) {
                arm(slot);
              } else if (until[slot] != 0) {
                ASSERT_TRUE(came.insert(slot).second);
                until[slot] = 0;
              }
            });
      }
      ASSERT_EQ(came, expected) << "step " << step;
      ASSERT_EQ(wheel.now(), now);
    }
  }
}

std::string Encoded(const TextStore& texts, TextRef ref) {
  std::string encoded(TextStore::kMostEncoded, '\0');
  encoded.resize(static_cast<std::size_t>(texts.Encode(ref, encoded.data()) - encoded.data()));
  return encoded;
}

TEST(TextStoreTest, InternsWhatIsSeenTwiceAndForgetsItAfterItsLastUse) {
  TextStore texts(1000, 1);
  const std::vector<LabelView> labels = {
      {"alertname", "DiskFull"},
      {"instance",  "db1:9100"}
  };
  const std::vector<LabelView> others = {
      {"alertname", "DiskFull"},
      {"instance",  "db2:9100"}
  };
  const TextRef first = texts.Store({labels, {}, "", "http://x/1"}, TextStore::Sighting::kFirst).ref;
  EXPECT_EQ(texts.interned(), 0);
  const TextRef second = texts.Store({others, {}, "", "http://x/2"}, TextStore::Sighting::kFirst).ref;
  EXPECT_EQ(texts.interned(), 3) << "alertname, DiskFull, instance";
  EXPECT_LT(second.bytes, first.bytes);
  TextBuffer buffer;
  for (const auto& [ref, expected] : {std::pair(first, labels), std::pair(second, others)}) {
    const TextView read = texts.Read(ref, buffer);
    EXPECT_EQ(std::vector<LabelView>(read.labels.begin(), read.labels.end()), expected);
  }
  std::vector<std::string> defined;
  texts.TakeDefinitions([&](std::uint32_t, std::string_view string) { defined.emplace_back(string); });
  EXPECT_THAT(defined, testing::UnorderedElementsAre("alertname", "DiskFull", "instance"));
  texts.Drop(second);
  EXPECT_EQ(texts.interned(), 0);
  EXPECT_EQ(texts.Read(first, buffer).link, "http://x/1");
}

TEST(TextStoreTest, TheTableOfInternedStringsIsBounded) {
  TextStore texts(5, 1);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) {
      const std::string name = "label" + std::to_string(i);
      const std::vector<LabelView> labels = {
          {name, "value"}
      };
      texts.Store({labels, {}, "", ""}, TextStore::Sighting::kFirst);
    }
  }
  EXPECT_EQ(texts.interned(), 5);
}

std::string SummaryOf(int i, const std::string& value) {
  return "error rate of instance db" + std::to_string(i) + ":9100 is at " + value + " per mille";
}

TEST(FramesTest, HoldWhatStringsFromOneTemplateShare) {
  Frames frames;
  EXPECT_EQ(frames.Use(SummaryOf(1, "7")), kNoSlot) << "nothing is known yet";
  const std::uint32_t frame = frames.Use(SummaryOf(22, "31"));
  ASSERT_NE(frame, kNoSlot);
  EXPECT_EQ(frames.before(frame), "error rate of instance ");
  EXPECT_EQ(frames.after(frame), " per mille");
  EXPECT_EQ(frames.Use(SummaryOf(333, "8")), frame);
  const std::uint32_t wider = frames.Use("error rate of cluster eu per mille");
  ASSERT_NE(wider, kNoSlot);
  EXPECT_EQ(frames.before(wider), "error rate of ");
  EXPECT_EQ(frames.Use(SummaryOf(4, "9")), wider) << "the narrower one is used no more";
  EXPECT_EQ(frames.size(), 2);
  frames.Release(frame);
  frames.Release(frame);
  EXPECT_EQ(frames.size(), 1) << "its last use is gone";
}

TEST(FramesTest, TheTwoEndsDoNotOverlap) {
  Frames frames;
  frames.Use("abcdefgh abcdefgh abcdefgh");
  const std::uint32_t frame = frames.Use("abcdefgh abcdefgh");
  if (frame != kNoSlot) {
    EXPECT_LE(frames.before(frame).size() + frames.after(frame).size(), std::string("abcdefgh abcdefgh").size());
  }
}

// What was stored is read, and is the same in the journal's form, and from there in another store.
TEST(TextStoreTest, TextsComeBackWhateverTheyShare) {
  Random random(11);
  TextStore texts(200, 1);
  TextStore recovered(200, 1);
  const auto word = [&] {
    const std::string words[] = {"error rate of ",     "db", " is ", "10.0.0.", ":9100", "é", "", "x",
                                 std::string(300, 'y')};
    std::string text;
    for (std::uint64_t i = random.Below(6); i > 0; --i)
      text += words[random.Below(9)];
    return text + std::to_string(random.Below(random.OneIn(2) ? 4 : 100'000));
  };
  struct Kept {
    std::string strings[6];
    TextRef ref;
    TextRef other;
  };
  std::vector<Kept> kept;
  TextBuffer buffer;
  const auto check = [&](const TextStore& store, TextRef ref, const Kept& of) {
    const TextView text = store.Read(ref, buffer);
    ASSERT_EQ(text.labels.size(), 1);
    ASSERT_EQ(text.annotations.size(), 1);
    const std::string_view read[] = {text.labels[0].name,       text.labels[0].value, text.annotations[0].name,
                                     text.annotations[0].value, text.dedup_key,       text.link};
    for (int i = 0; i < 6; ++i)
      ASSERT_EQ(read[i], of.strings[i]);
    ASSERT_EQ(store.ReadLabels(ref, buffer)[0].value, of.strings[1]);
  };
  for (int step = 0; step < 20'000; ++step) {
    if (kept.size() < 100 || random.OneIn(2)) {
      Kept& of = kept.emplace_back();
      for (std::string& string : of.strings)
        string = word();
      const LabelView pairs[] = {
          {of.strings[0], of.strings[1]},
          {of.strings[2], of.strings[3]}
      };
      const TextView text{
          {&pairs[0], 1},
          {&pairs[1], 1},
          of.strings[4], of.strings[5]
      };
      const TextStore::Stored stored =
          texts.Store(text, random.OneIn(3) ? TextStore::Sighting::kAgain : TextStore::Sighting::kFirst);
      of.ref = stored.ref;
      EXPECT_TRUE(MayHave(stored.signature, texts.SignatureOfLabel(of.strings[0], of.strings[1])));
      texts.TakeDefinitions([&](std::uint32_t number, std::string_view string) { recovered.Define(number, string); });
      const std::string encoded = Encoded(texts, of.ref);
      const std::optional<TextStore::Stored> adopted = recovered.Adopt(encoded);
      ASSERT_TRUE(adopted.has_value());
      of.other = adopted->ref;
      check(recovered, of.other, of);
      ASSERT_EQ(Encoded(recovered, of.other), encoded);
      ASSERT_EQ(adopted->signature, stored.signature);
    } else {
      std::swap(kept[random.Below(kept.size())], kept.back());
      check(texts, kept.back().ref, kept.back());
      texts.Drop(kept.back().ref);
      recovered.DropUncounted(kept.back().other);
      kept.pop_back();
    }
  }
}

// Places of strings that are all different are looked at less; what is said stays what was said, and a string that comes again and
// again there gets its number all the same.
TEST(TextStoreTest, WhatNobodyElseHasIsSoughtSeldomAndFoundAgain) {
  TextStore texts(1000, 1);
  TextBuffer buffer;
  const auto store = [&](int number) {
    const std::string value = "host" + std::to_string(number);
    const std::string summary = "error rate of " + value + " is high";
    const LabelView label{"instance", value};
    const LabelView annotation{"summary", summary};
    TextView said;
    said.labels = {&label, 1};
    said.annotations = {&annotation, 1};
    const TextRef ref = texts.Store(said, TextStore::Sighting::kFirst).ref;
    const TextView text = texts.Read(ref, buffer);
    ASSERT_EQ(text.labels.size(), 1);
    EXPECT_EQ(text.labels[0], label);
    ASSERT_EQ(text.annotations.size(), 1);
    EXPECT_EQ(text.annotations[0], annotation);
  };
  for (int number = 0; number < 2000; ++number)
    store(number);
  EXPECT_EQ(texts.interned(), 2) << "the two names";
  for (int i = 0; i < 100; ++i)
    store(5000);
  EXPECT_EQ(texts.interned(), 4);
}

// Annotations, dedup key and link change again and again; each text stays what was last said, and no use is lost or left over.
TEST(TextStoreTest, AReplacedTextIsTheNewOneWhateverBothShare) {
  Random random(12);
  TextStore texts(200, 1);
  struct Kept {
    std::string strings[7];  // two labels, then what may change
    TextRef ref;
    bool annotated = true;
  };
  const auto word = [&random](std::size_t i) {
    if (random.OneIn(8)) return std::string();
    const std::string unique = std::to_string(random.Below(random.OneIn(2) ? 3 : 100'000));
    return "what string " + std::to_string(i) + " says of " + unique + (random.OneIn(3) ? " today" : " of 7 and more");
  };
  std::vector<Kept> kept(300);
  TextBuffer buffer;
  const auto with = [](const Kept& of, auto use) {
    const LabelView pairs[] = {
        {of.strings[0], of.strings[1]},
        {of.strings[2], of.strings[3]},
        {of.strings[4], "value"      }
    };
    use(TextView{
        {&pairs[0], 1                     },
        {&pairs[1], of.annotated ? 2U : 1U},
        of.strings[5], of.strings[6]
    });
  };
  const auto check = [&](const Kept& of) {
    const TextView read = texts.Read(of.ref, buffer);
    with(of, [&](const TextView& text) {
      ASSERT_TRUE(std::ranges::equal(read.labels, text.labels) &&
                  std::ranges::equal(read.annotations, text.annotations));
      ASSERT_EQ(read.dedup_key, text.dedup_key);
      ASSERT_EQ(read.link, text.link);
    });
  };
  for (Kept& of : kept) {
    for (std::size_t i = 0; i < 7; ++i)
      of.strings[i] = word(i);
    with(of, [&](const TextView& text) { of.ref = texts.Store(text, TextStore::Sighting::kFirst).ref; });
  }
  for (int step = 0; step < 20'000; ++step) {
    Kept& of = kept[random.Below(kept.size())];
    const std::size_t changed = 2 + random.Below(5);
    of.strings[changed] = word(changed);
    if (random.OneIn(20)) of.annotated = !of.annotated;
    with(of, [&](const TextView& text) { of.ref = texts.Replace(of.ref, text); });
    check(of);
    check(kept[random.Below(kept.size())]);
  }
  EXPECT_GT(texts.interned(), 0);
  for (const Kept& of : kept) {
    check(of);
    texts.Drop(of.ref);
  }
  EXPECT_EQ(texts.interned(), 0) << "every use has been counted and let go";
}

TEST(BodyTest, NumbersComeBackAsTheyWere) {
  const std::int64_t numbers[] = {0, 1, -1, 63, 64, -64, -65, 1'800'000'000'000, INT64_MAX, INT64_MIN};
  BodyWriter writer;
  for (const std::int64_t number : numbers)
    writer.Signed(number);
  BodyReader reader(writer.view());
  for (const std::int64_t number : numbers)
    EXPECT_EQ(reader.Signed(), number);
  EXPECT_TRUE(reader.ok() && reader.done());
  reader.Byte();
  EXPECT_FALSE(reader.ok());
}

TEST(BodyTest, AVarintThatIsTooLongIsAnError) {
  BodyReader eleven(std::string_view("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11));
  eleven.Varint();
  EXPECT_FALSE(eleven.ok());
  BodyReader too_large(std::string_view("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10));
  too_large.Varint();
  EXPECT_FALSE(too_large.ok());
  BodyReader largest(std::string_view("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10));
  EXPECT_EQ(largest.Varint(), UINT64_MAX);
  EXPECT_TRUE(largest.ok());
}

TEST(TakenInClockTest, CountsOnlyWhatTheShellTookIn) {
  const auto at = [](std::int64_t seconds) { return Now{absl::Time(), EngineTime(seconds * 1'000'000'000)}; };
  TakenInClock clock;
  clock.Begin(at(100));
  clock.Observe(at(100), EngineTime(40'000'000'000));
  EXPECT_EQ(clock.tick(), 100);
  clock.Observe(at(160), EngineTime(50'000'000'000));
  EXPECT_EQ(clock.tick(), 110) << "fifty seconds were refused";
  EXPECT_EQ(clock.TickAfter(at(165), 1), 116);
  clock.Observe(at(150), EngineTime(30'000'000'000));
  EXPECT_EQ(clock.tick(), 110) << "it does not go back";
  EXPECT_EQ(clock.EngineAt(120), EngineTime(170'000'000'000));

  TakenInClock after_start;
  after_start.Restore(clock.ns());
  after_start.Begin(at(5000));
  after_start.Observe(at(5001), EngineTime(7'000'000'000));
  EXPECT_EQ(after_start.tick(), 111) << "time in which we were not running does not count";
}

TEST(ResendLeaseTest, OnlyThePrometheusDoorExpiresByItself) {
  const absl::Duration lease = absl::Minutes(5);
  EXPECT_EQ(ResendLease("prometheus", lease), lease);
  for (const char* source : {"alertmanager", "datadog", "nagios", "generic", "stream", ""}) {
    EXPECT_EQ(ResendLease(source, lease), absl::ZeroDuration()) << source;
  }
}

TEST(DoorsTest, SharesOfABudgetAddUpToNoLessThanIt) {
  Organisation organisation;
  organisation.integrations.resize(1);
  organisation.integrations[0].id = IntegrationId("a");
  for (const std::uint32_t budget : {0U, 1U, 10U, 1'000U, 1'000'000U}) {
    organisation.integrations[0].active_alerts = budget;
    for (const std::uint32_t shards : {1U, 2U, 3U, 16U}) {
      Doors doors(absl::Minutes(5), shards);
      doors.SetRules(organisation, {IntegrationId("a")});
      EXPECT_GE(std::uint64_t{doors.at(0).budget} * shards, budget);
      EXPECT_LE(doors.at(0).budget, budget);
    }
  }
}

}  // namespace
}  // namespace tocsin
