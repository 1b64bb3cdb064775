#include "notify/exchange.h"

#include <gtest/gtest.h>

namespace tocsin::notify {
namespace {

TEST(RetryAfterTest, IsSecondsOrADateAndNeverAbsurd) {
  const absl::Time now = absl::FromUnixSeconds(784111777);  // Sun, 06 Nov 1994 08:49:37 GMT
  struct Case {
    const char* value;
    absl::Duration pause;
  };
  const Case cases[] = {
      {"",                              absl::ZeroDuration()},
      {"0",                             absl::ZeroDuration()},
      {"120",                           absl::Seconds(120)  },
      {" 7 ",                           absl::Seconds(7)    },
      {"-1",                            absl::ZeroDuration()},
      {"1.5",                           absl::ZeroDuration()},
      {"soon",                          absl::ZeroDuration()},
      {"601",                           kLongestRetryAfter  },
      {"999999999",                     kLongestRetryAfter  },
      {"18446744073709551617",          kLongestRetryAfter  },
      {"Sun, 06 Nov 1994 08:50:37 GMT", absl::Seconds(60)   },
      {"Sun, 06 Nov 1994 08:48:37 GMT", absl::ZeroDuration()},
      {"Wed, 06 Nov 2094 08:49:37 GMT", kLongestRetryAfter  },
      {"Sun, 99 Nov 1994 08:49:37 GMT", absl::ZeroDuration()},
  };
  for (const Case& c : cases)
    EXPECT_EQ(ParseRetryAfter(c.value, now), c.pause) << c.value;
}

TEST(UnansweredTest, IsRetriedAmbiguousOrRejectedByHowFarItCame) {
  using Kind = AttemptResult::Kind;
  using Reached = Reply::Reached;
  using Trouble = Reply::Trouble;
  struct Case {
    Reached reached;
    Trouble trouble;
    Kind kind;
    bool loud;
  };
  const Case cases[] = {
      {Reached::kNothing, Trouble::kConnect,    Kind::kRetryLater, false},
      {Reached::kNothing, Trouble::kTls,        Kind::kRetryLater, true },
      {Reached::kNothing, Trouble::kLogin,      Kind::kRetryLater, true },
      {Reached::kNothing, Trouble::kDeadline,   Kind::kRetryLater, false},
      {Reached::kNothing, Trouble::kPeerDenied, Kind::kRejected,   false},
      {Reached::kSent,    Trouble::kDeadline,   Kind::kAmbiguous,  false},
      {Reached::kSent,    Trouble::kBroken,     Kind::kAmbiguous,  false},
  };
  for (const Case& c : cases) {
    Reply reply;
    reply.reached = c.reached;
    reply.trouble = c.trouble;
    EXPECT_EQ(JudgeUnanswered(reply).kind, c.kind);
    EXPECT_EQ(JudgeUnanswered(reply).loud, c.loud);
  }
}

}  // namespace
}  // namespace tocsin::notify
