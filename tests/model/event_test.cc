#include "model/event.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/random.h"
#include "base/status.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kSeed = 99;
constexpr IntegrationIndex kDoor = 3;

AlertEvent FullEvent() {
  AlertEvent event;
  event.kind = EventKind::kResolve;
  event.severity = Severity::kHigh;
  event.dedup_key = "disk-full/h1";
  event.labels = {{"alertname", "DiskFull"}, {"instance", "h1:9100"}};
  event.annotations = {{"again", "1"}, {"empty", ""}, {"summary", "full"}};
  event.starts_at = absl::FromUnixNanos(1'700'000'000'123'456'789);
  event.ends_at = absl::FromUnixSeconds(1'700'000'600);
  event.link = "http://prometheus/graph?g0.expr=up";
  return event;
}

AlertEvent WithLabels(Labels labels) {
  AlertEvent event;
  event.labels = std::move(labels);
  return event;
}

AlertKey KeyAlone(const AlertEvent& event, std::uint64_t seed = kSeed, IntegrationIndex door = kDoor) {
  EventBatch batch(seed, door);
  EXPECT_TRUE(batch.Append(event).ok());
  return batch.at(0).header().key;
}

TEST(EventBatchTest, GivesBackWhatWasAppended) {
  EventBatch batch(kSeed, kDoor);
  const AlertEvent full = FullEvent();
  const AlertEvent small = WithLabels({{"a", "b"}});
  ASSERT_TRUE(batch.Append(full).ok());
  ASSERT_TRUE(batch.Append(small).ok());
  ASSERT_EQ(batch.count(), 2U);
  EXPECT_EQ(batch.at(0).ToEvent(), full);
  EXPECT_EQ(batch.at(1).ToEvent(), small);
  EXPECT_EQ(batch.at(0).dedup_key(), full.dedup_key);
  EXPECT_EQ(batch.at(0).link(), full.link);
  EXPECT_EQ(batch.at(1).header().integration, kDoor);
}

TEST(EventBatchTest, RecordsLieEndToEndAndAligned) {
  EventBatch batch(kSeed, kDoor);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(batch.Append(WithLabels({{"a", std::string(static_cast<std::size_t>(i) + 1, 'x')}})).ok());
  }
  std::size_t offset = 0;
  for (std::size_t i = 0; i < batch.count(); ++i) {
    const EventView view(batch.bytes().data() + offset);
    EXPECT_EQ(view.header().key, batch.at(i).header().key);
    EXPECT_EQ(view.header().size % 8, 0U);
    offset += view.header().size;
  }
  EXPECT_EQ(offset, batch.bytes().size());
}

TEST(EventBatchTest, NormalisesLabelsAndKeepsEmptyAnnotations) {
  EventBatch batch(kSeed, kDoor);
  AlertEvent event = WithLabels({{"z", "1"}, {"a", "first"}, {"gone", ""}, {"a", "last"}});
  event.annotations = {{"z", ""}, {"a", "1"}, {"a", "2"}};
  ASSERT_TRUE(batch.Append(event).ok());
  EXPECT_EQ(batch.at(0).ToEvent().labels, (Labels{{"a", "last"}, {"z", "1"}}));
  EXPECT_EQ(batch.at(0).ToEvent().annotations, (Labels{{"a", "2"}, {"z", ""}}));
}

TEST(EventBatchTest, ClearMakesItReusableForAnotherDoor) {
  EventBatch batch(kSeed, kDoor);
  ASSERT_TRUE(batch.Append(WithLabels({{"a", "b"}})).ok());
  const AlertKey before = batch.at(0).header().key;
  batch.Clear(kDoor + 1);
  EXPECT_TRUE(batch.empty());
  ASSERT_TRUE(batch.Append(WithLabels({{"a", "b"}})).ok());
  EXPECT_EQ(batch.at(0).header().integration, kDoor + 1);
  EXPECT_NE(batch.at(0).header().key, before);
}

Labels ManyLabels(std::size_t count) {
  Labels labels;
  for (std::size_t i = 0; i < count; ++i)
    labels.push_back({"l" + std::to_string(i), "v"});
  return labels;
}

AlertEvent With(auto change) {
  AlertEvent event = WithLabels({{"a", "b"}});
  change(event);
  return event;
}

TEST(EventBatchTest, RefusesWhatIsOverALimitAndNamesTheField) {
  struct Case {
    std::string name;
    AlertEvent event;
    std::string error;
  };
  const std::string long_name(limits::kLabelNameBytes + 1, 'n');
  const std::string long_value(limits::kLabelValueBytes + 1, 'v');
  const Case cases[] = {
      {"no labels", AlertEvent(), "at least one label"},
      {"only empty labels", WithLabels({{"a", ""}}), "at least one label"},
      {"label without name", WithLabels({{"", "x"}}), "labels: a name is empty"},
      {"too many labels", WithLabels(ManyLabels(limits::kLabelsPerAlert + 1)), "labels"},
      {"long label name", WithLabels({{long_name, "x"}}), "labels: name \"nnnn"},
      {"long label value", WithLabels({{"a", long_value}}), "labels: \"a\" has 4097 bytes, at most 4096"},
      {"label name not UTF-8", WithLabels({{"a\xFF", "x"}}), "labels: name"},
      {"label value not UTF-8", WithLabels({{"a", "\xC0\xAF"}}), "labels: value of \"a\" is not UTF-8"},
      {"too many annotations",
       With([](AlertEvent& e) { e.annotations = ManyLabels(limits::kAnnotationsPerAlert + 1); }), "annotations"},
      {"long annotation", With([](AlertEvent& e) {
         e.annotations = {{"a", std::string(16'385, 'v')}};
       }),
       "annotations: \"a\" has 16385 bytes"},
      {"annotation not UTF-8", With([](AlertEvent& e) {
         e.annotations = {{"a", "\xED\xA0\x80"}};
       }),
       "not UTF-8"},
      {"long dedup key", With([](AlertEvent& e) { e.dedup_key = std::string(1'025, 'k'); }), "dedup_key: has 1025"},
      {"dedup key not UTF-8", With([](AlertEvent& e) { e.dedup_key = "\xFF"; }), "UTF-8"},
      {"long link", With([](AlertEvent& e) { e.link = std::string(4'097, 'l'); }), "link: has 4097"},
      {"link not UTF-8", With([](AlertEvent& e) { e.link = "\xFF"; }), "UTF-8"},
      {"all together too long", With([](AlertEvent& e) {
         for (int i = 0; i < 5; ++i)
           e.annotations.push_back({std::to_string(i), std::string(16'000, 'v')});
       }),
       "bytes in all, at most 65536"},
  };
  for (const Case& c : cases) {
    EventBatch batch(kSeed, kDoor);
    ASSERT_TRUE(batch.Append(WithLabels({{"before", "1"}})).ok());
    const std::size_t bytes = batch.bytes().size();
    const absl::Status status = batch.Append(c.event);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.name;
    EXPECT_THAT(Message(status), HasSubstr(c.error)) << c.name;
    EXPECT_EQ(batch.count(), 1U) << c.name << ": nothing may have been appended";
    EXPECT_EQ(batch.bytes().size(), bytes) << c.name;
  }
}

TEST(EventBatchTest, TakesEverythingThatIsExactlyAtALimit) {
  EventBatch batch(kSeed, kDoor);
  EXPECT_TRUE(batch.Append(WithLabels(ManyLabels(limits::kLabelsPerAlert))).ok());
  EXPECT_TRUE(
      batch
          .Append(WithLabels({{std::string(limits::kLabelNameBytes, 'n'), std::string(limits::kLabelValueBytes, 'v')}}))
          .ok());
  EXPECT_TRUE(batch
                  .Append(With([](AlertEvent& e) {
                    e.annotations = {{"a", std::string(limits::kAnnotationBytes, 'v')}};
                    e.dedup_key = std::string(limits::kDedupKeyBytes, 'k');
                    e.link = std::string(limits::kLabelValueBytes, 'l');
                  }))
                  .ok());
  AlertEvent keyed;
  keyed.dedup_key = "a key is enough";
  EXPECT_TRUE(batch.Append(keyed).ok());
  EXPECT_EQ(batch.at(3).ToEvent(), keyed);
}

TEST(EventBatchTest, RefusesMoreEventsThanABatchMayHold) {
  EventBatch batch(kSeed, kDoor);
  const AlertEvent event = WithLabels({{"a", "b"}});
  for (std::size_t i = 0; i < limits::kEventsPerBatch; ++i)
    ASSERT_TRUE(batch.Append(event).ok());
  EXPECT_EQ(batch.Append(event).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(batch.count(), limits::kEventsPerBatch);
}

TEST(EventBatchTest, TimesBeyondTheRangeOfNanosecondsStayTimes) {
  EventBatch batch(kSeed, kDoor);
  AlertEvent event = WithLabels({{"a", "b"}});
  event.ends_at = absl::InfiniteFuture();
  event.starts_at = absl::FromCivil(absl::CivilSecond(1, 1, 1), absl::UTCTimeZone());  // Go's zero time: no time
  ASSERT_TRUE(batch.Append(event).ok());
  EXPECT_GT(batch.at(0).ToEvent().ends_at, absl::FromUnixSeconds(9'000'000'000));
  EXPECT_EQ(batch.at(0).ToEvent().starts_at, std::nullopt);
}

TEST(AlertKeyTest, DependsOnDoorSeedAndLabelsButNotOnTheirOrderNorOnAnnotations) {
  const AlertKey key = KeyAlone(WithLabels({{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(KeyAlone(WithLabels({{"b", "2"}, {"a", "1"}, {"c", ""}})), key);
  AlertEvent other = WithLabels({{"a", "1"}, {"b", "2"}});
  other.kind = EventKind::kResolve;
  other.annotations = {{"x", "y"}};
  other.link = "l";
  EXPECT_EQ(KeyAlone(other), key);
  EXPECT_NE(KeyAlone(WithLabels({{"a", "1"}, {"b", "3"}})), key);
  EXPECT_NE(KeyAlone(WithLabels({{"a", "1"}, {"b", "2"}}), kSeed + 1), key);
  EXPECT_NE(KeyAlone(WithLabels({{"a", "1"}, {"b", "2"}}), kSeed, kDoor + 1), key);
}

TEST(AlertKeyTest, TextCannotMoveBetweenNameAndValue) {
  const AlertKey key = KeyAlone(WithLabels({{"ab", "c"}}));
  EXPECT_NE(KeyAlone(WithLabels({{"a", "bc"}})), key);
  EXPECT_NE(KeyAlone(WithLabels({{"a", "b"}, {"c", "d"}})), KeyAlone(WithLabels({{"a", "bcd"}})));
}

TEST(AlertKeyTest, ADedupKeyReplacesTheLabels) {
  const auto keyed = [](std::string key, Labels labels) {
    AlertEvent event = WithLabels(std::move(labels));
    event.dedup_key = std::move(key);
    return KeyAlone(event);
  };
  EXPECT_EQ(keyed("k", {{"a", "1"}}), keyed("k", {{"b", "2"}}));
  EXPECT_NE(keyed("k", {{"a", "1"}}), keyed("l", {{"a", "1"}}));
  EXPECT_NE(keyed("k", {{"a", "1"}}), KeyAlone(WithLabels({{"a", "1"}})));
}

std::string RandomText(Random& random, std::size_t at_most) {
  constexpr std::string_view kPieces[] = {
      "a", "b", "0", "_", " ", "\"", "\n", "ü", "→", "🔥", std::string_view("\0", 1)};
  std::string text;
  for (std::uint64_t pieces = random.Below(12); pieces > 0; --pieces) {
    const std::string_view piece = kPieces[random.Below(std::size(kPieces))];
    if (text.size() + piece.size() <= at_most) text += piece;
  }
  return text;
}

AlertEvent RandomEvent(Random& random) {
  AlertEvent event;
  event.kind = static_cast<EventKind>(random.Below(3));
  event.severity = static_cast<Severity>(random.Below(6));
  for (std::uint64_t i = random.Below(9); i > 0; --i) {
    event.labels.push_back({RandomText(random, 6) + "n", RandomText(random, 40)});
  }
  for (std::uint64_t i = random.Below(4); i > 0; --i) {
    event.annotations.push_back({RandomText(random, 6) + "n", RandomText(random, 40)});
  }
  event.dedup_key = random.OneIn(2) ? "k" + RandomText(random, 40) : "";
  event.link = RandomText(random, 40);
  if (random.OneIn(2)) event.starts_at = absl::FromUnixNanos(random.Between(-1'000'000'000, 1'000'000'000'000));
  if (random.OneIn(2)) event.ends_at = absl::FromUnixNanos(random.Between(-1'000'000'000, 1'000'000'000'000));
  return event;
}

void KeepLastOfEqualNames(Labels& annotations) {
  std::map<std::string, std::string> last;
  for (const Label& annotation : annotations)
    last[annotation.name] = annotation.value;
  annotations.clear();
  for (const auto& [name, value] : last)
    annotations.push_back({name, value});
}

TEST(EventBatchTest, AnyEventComesBackNormalisedAndNothingElseChanged) {
  Random random(31);
  for (int round = 0; round < 500; ++round) {
    EventBatch batch(kSeed, kDoor);
    std::vector<AlertEvent> expected;
    for (int i = 0; i < 20; ++i) {
      AlertEvent event = RandomEvent(random);
      const bool taken = batch.Append(event).ok();
      Normalise(event.labels);
      KeepLastOfEqualNames(event.annotations);
      ASSERT_EQ(taken, !event.labels.empty() || !event.dedup_key.empty());
      if (taken) expected.push_back(std::move(event));
    }
    ASSERT_EQ(batch.count(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(batch.at(i).ToEvent(), expected[i]);
      std::array<LabelView, limits::kLabelsPerAlert> views;
      const EventView view = batch.at(i);
      ASSERT_EQ(view.header().key, KeyOf(kSeed, kDoor, view.dedup_key(), view.labels(views)));
    }
  }
}

TEST(EventViewTest, EqualBytesMeanEqualLabels) {
  EventBatch batch(kSeed, kDoor);
  AlertEvent event = FullEvent();
  ASSERT_TRUE(batch.Append(event).ok());
  std::ranges::reverse(event.labels);
  event.link = "other";
  ASSERT_TRUE(batch.Append(event).ok());
  event.annotations[0].value = "fuller";
  ASSERT_TRUE(batch.Append(event).ok());
  const auto equal = [](std::span<const std::byte> a, std::span<const std::byte> b) {
    return std::ranges::equal(a, b);
  };
  EXPECT_TRUE(equal(batch.at(0).label_bytes(), batch.at(1).label_bytes()));
  EXPECT_TRUE(equal(batch.at(0).annotation_bytes(), batch.at(1).annotation_bytes()));
  EXPECT_TRUE(equal(batch.at(1).label_bytes(), batch.at(2).label_bytes()));
  EXPECT_FALSE(equal(batch.at(1).annotation_bytes(), batch.at(2).annotation_bytes()));

  batch.Clear(kDoor);
  ASSERT_TRUE(batch.Append(WithLabels({{"ab", "c"}})).ok());
  ASSERT_TRUE(batch.Append(WithLabels({{"a", "bc"}})).ok());
  EXPECT_FALSE(equal(batch.at(0).label_bytes(), batch.at(1).label_bytes()));
}

}  // namespace
}  // namespace tocsin
