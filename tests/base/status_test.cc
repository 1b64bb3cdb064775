#include "base/status.h"

#include <memory>
#include <utility>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

absl::StatusOr<std::unique_ptr<int>> Half(int x) {
  if (x % 2 != 0) return Invalid("%d is odd", x);
  return std::make_unique<int>(x / 2);
}

absl::StatusOr<int> Quarter(int x) {
  TOCSIN_ASSIGN(const std::unique_ptr<int> half, Half(x));
  TOCSIN_ASSIGN(const std::unique_ptr<int> quarter, Half(*half));
  return *quarter;
}

absl::Status Check(int x) {
  TOCSIN_TRY(Quarter(x).status());
  return absl::OkStatus();
}

TEST(StatusTest, AssignUnwrapsOrReturns) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(6).status(), absl::InvalidArgumentError("3 is odd"));
  EXPECT_TRUE(Check(4).ok());
  EXPECT_EQ(Message(Check(5)), "5 is odd");
}

TEST(StatusTest, AnnotateReadsLikeAPath) {
  const absl::Status status = Annotate(Annotate(NotFound("not found"), "user \"zoe\""), "step 2");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Message(status), "step 2: user \"zoe\": not found");
  EXPECT_TRUE(Annotate(absl::OkStatus(), "anything").ok());
}

TEST(StatusTest, EachKindHasItsCode) {
  EXPECT_EQ(Precondition("x").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Exhausted("x").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Unavailable("x").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(DataLoss("x").code(), absl::StatusCode::kDataLoss);
}

TEST(CheckDeathTest, ABrokenInvariantEndsTheProcessAndSaysWhere) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const int answer = 41;
  TOCSIN_CHECK(answer == 41, "never printed");
  EXPECT_DEATH(TOCSIN_CHECK(answer == 42, "the answer has changed"),
               "invariant broken at .*status_test.cc:[0-9]+: answer == 42: the answer has changed");
}

}  // namespace
}  // namespace tocsin
