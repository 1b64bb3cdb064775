#include "ingest/intake.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/random.h"
#include "base/strings.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

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

}  // namespace
}  // namespace tocsin
