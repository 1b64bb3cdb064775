#include "ingest/intake.h"

#include <algorithm>
#include <array>
#include <map>

#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include "base/limits.h"
#include "base/random.h"
#include "base/strings.h"
#include "ingest/wire_decoder.h"
#include "tests/ingest/random_wire.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::Bytes;
using wire::Entry;
using wire::Request;

const absl::Time kReceived = absl::FromUnixSeconds(1'795'289'000);

TEST(IntakeTest, AnnotationsInAnyOrderAreTheSameBytes) {
  Intake intake(1);
  intake.Begin(0, nullptr, kReceived, Intake::Manner::kStrict);
  AlertEvent event;
  event.labels = {
      {"a", "b"}
  };
  event.annotations = {
      {"x", "1"},
      {"c", "2"}
  };
  intake.Add(event);
  std::swap(event.annotations[0], event.annotations[1]);
  intake.Add(event);
  EXPECT_TRUE(std::ranges::equal(intake.batch().at(0).annotation_bytes(), intake.batch().at(1).annotation_bytes()))
      << "a sender that iterates a hash map would look as if it had changed the alert each time";
}

TEST(IntakeTest, LenientlyCutsStrictlyRefuses) {
  AlertEvent event;
  event.labels = {
      {"a", "b"}
  };
  event.dedup_key = std::string(2000, 'k');
  event.link = std::string(5000, 'l');
  for (int i = 0; i < 64; ++i)
    event.annotations.push_back({std::to_string(i), std::string(20'000, 'x')});
  Intake strict(1);
  strict.Begin(0, nullptr, kReceived, Intake::Manner::kStrict);
  strict.Add(event);
  EXPECT_THAT(strict.refused(), SizeIs(1));
  Intake lenient(1);
  lenient.Begin(0, nullptr, kReceived, Intake::Manner::kLenient);
  lenient.Add(event);
  event.dedup_key.back() = 'K';
  lenient.Add(event);
  EXPECT_THAT(lenient.refused(), IsEmpty());
  ASSERT_EQ(lenient.batch().count(), 2U);
  EXPECT_NE(lenient.batch().at(0).header().key, lenient.batch().at(1).header().key) << "cut keys stay different";
  EXPECT_LE(lenient.batch().at(0).header().size, limits::kEventBytes);
  EXPECT_THAT(std::string(lenient.batch().at(0).link()), IsEmpty());
}

// What does not fit is shown, not lost, and two alerts stay two.
TEST(IntakeTest, LabelsThatDoNotFitStayPartOfTheIdentity) {
  const Labels own = {
      {"zz_team", "ops"}
  };
  Intake intake(1);
  intake.Begin(0, &own, kReceived, Intake::Manner::kLenient);
  const auto key_of = [&](Labels labels) {
    AlertEvent event;
    event.labels = std::move(labels);
    intake.Add(event);
    EXPECT_THAT(intake.refused(), IsEmpty());
    const EventView added = intake.batch().at(intake.batch().count() - 1);
    std::array<LabelView, limits::kLabelsPerAlert> room;
    EXPECT_EQ(std::ranges::count(added.labels(room), "zz_team", &LabelView::name), 1);
    EXPECT_LE(added.header().label_count, limits::kLabelsPerAlert);
    return added.header().key;
  };
  Labels many = {
      {"alertname", "A"}
  };
  for (int i = 0; i < 63; ++i)
    many.push_back({absl::StrFormat("k%02d", i), "v"});
  Labels other = many;
  other.back().value = "w";
  Labels shuffled(many.rbegin(), many.rend());
  EXPECT_NE(key_of(many), key_of(other));
  EXPECT_EQ(key_of(many), key_of(shuffled));
  const std::string long_value(5000, 'x');
  EXPECT_NE(key_of({
                {"a", long_value + "1"}
  }),
            key_of({{"a", long_value + "2"}}));
  EXPECT_EQ(key_of({
                {"a", long_value}
  }),
            key_of({{"a", long_value}}));
  Labels large;
  for (int i = 0; i < 40; ++i)
    large.push_back({absl::StrFormat("k%02d", i), std::string(4000, 'y')});
  EXPECT_NE(key_of(large), key_of({large.begin() + 1, large.end()}));
}

TEST(IntakeTest, MergesOutcomesWithRefusalsInTheMessagesOrder) {
  const std::vector<Refused> refused = {
      {0,    "x"                    },
      { 3, "y", Refused::Kind::kIgnored}
  };
  const Receipt receipt{
      .sequence = 1, .outcomes = {Outcome::kNew, Outcome::kDuplicate}
  };
  EXPECT_THAT(Intake::Merge(receipt, refused, 4),
              ElementsAre(Outcome::kRejected, Outcome::kNew, Outcome::kDuplicate, Outcome::kRejected));
}

// What is allocated; nothing where a sanitizer allocates.
std::size_t BytesInUse() {
  const struct mallinfo2 now = mallinfo2();
  return now.uordblks + now.hblkhd;
}

// A stream may be one of thousands that say nothing more after a message of the largest kind.
TEST(IntakeTest, NothingOfALargeMessageStaysWithAStreamThatRests) {
  constexpr std::size_t kKept = std::size_t{1} << 20U;
  std::string large_alerts;
  for (int i = 0; i < 60; ++i)
    large_alerts += Request(Bytes(2, Entry("alertname", "A")) + Bytes(3, Entry("text", std::string(16'000, 'x'))) +
                            Bytes(3, Entry("more", std::string(16'000, 'x'))));
  std::string many_labels;
  for (int i = 0; i < 300'000; ++i)
    many_labels += Bytes(2, Entry("", ""));
  many_labels = Request(many_labels);
  std::string many_refusals;
  for (std::size_t i = 0; i < limits::kEventsPerBatch; ++i)
    many_refusals += Request("");
  for (const std::string& message : {large_alerts, many_labels, many_refusals}) {
    const std::size_t before = BytesInUse();
    WireDecoder decoder;
    Intake intake(1);
    intake.Begin(0, nullptr, kReceived, Intake::Manner::kStrict);
    const std::string_view pieces[] = {std::string_view(message).substr(0, 1000),
                                       std::string_view(message).substr(1000)};
    ASSERT_TRUE(decoder.Decode(pieces, intake).ok());
    intake.Rest();
    EXPECT_LE(BytesInUse(), before + kKept);
  }
}

}  // namespace
}  // namespace tocsin
