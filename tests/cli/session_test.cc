#include "cli/session.h"

#include <cstdlib>
#include <limits>
#include <optional>

#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "cli/times.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;

TEST(ReferenceTest, IsALetterAndANumber) {
  const struct {
    std::string_view text;
    std::string_view letters;
    std::optional<std::pair<char, std::uint64_t>> reference;
  } cases[] = {
      {"G17",                   "GI",          std::pair('G',                      std::uint64_t{17})},
      {"i3",                       "GI",                                 std::pair('I',                                         std::uint64_t{3})},
      {"G007",      "GI",                   std::pair('G',        std::uint64_t{7})},
      {"G18446744073709551615",          "GI",std::pair('G',               std::numeric_limits<std::uint64_t>::max())},
      {"G18446744073709551616",          "GI",                       std::nullopt},
      {"S5", "GI", std::nullopt},
      {"",                    "GI",                             std::nullopt                                                  },
      {"G",                      "GI",            std::nullopt     },
      {"17",                     "GI",         std::nullopt                   },
      {"G-1",                    "GI",         std::nullopt                      },
      {"G+1",                   "GI",         std::nullopt                      },
      {"G 1",                   "GI",          std::nullopt                       },
      {"G1 ",                   "GI",          std::nullopt                      },
      {"G1x",                   "GI",          std::nullopt                      },
      {"GG1",                   "GI",          std::nullopt                      },
      {"G0",                   "GI",          std::pair('G',                       std::uint64_t{0})},
      {"é1",                    "GI",           std::nullopt                      },
  };
  for (const auto& [text, letters, expected] : cases) {
    const absl::StatusOr<Reference> reference = ParseReference(text, letters);
    ASSERT_EQ(reference.ok(), expected.has_value()) << text << reference.status();
    if (!expected) {
      EXPECT_TRUE(absl::IsInvalidArgument(reference.status()));
      EXPECT_THAT(Message(reference.status()), HasSubstr("such as G17"));
      continue;
    }
    EXPECT_EQ(reference->letter, expected->first) << text;
    EXPECT_EQ(reference->id, expected->second) << text;
  }
}

TEST(SpanTest, IsNumbersWithUnits) {
  const struct {
    std::string_view text;
    std::optional<absl::Duration> span;
  } cases[] = {
      {"90s",                   absl::Seconds(90)     },
      {"30m",                   absl::Minutes(30)     },
      {"2h",                    absl::Hours(2)        },
      {"1d12h",                 absl::Hours(36)       },
      {"1h1h",                  absl::Hours(2)        },
      {"0s",                    absl::ZeroDuration()  },
      {"100000d",               absl::Hours(2'400'000)},
      {"100001d",               std::nullopt          },
      {"",                      std::nullopt          },
      {"90",                    std::nullopt          },
      {"1h30",                  std::nullopt          },
      {"h",                     std::nullopt          },
      {"-1h",                   std::nullopt          },
      {"+1h",                   std::nullopt          },
      {"1.5h",                  std::nullopt          },
      {"1 h",                   std::nullopt          },
      {"1w",                    std::nullopt          },
      {"1H",                    std::nullopt          },
      {" 1h",                   std::nullopt          },
      {"99999999999999999999s", std::nullopt          },
  };
  for (const auto& [text, expected] : cases) {
    const absl::StatusOr<absl::Duration> span = ParseSpan(text);
    ASSERT_EQ(span.ok(), expected.has_value()) << text << span.status();
    if (expected) {
      EXPECT_EQ(*span, *expected) << text;
    } else {
      EXPECT_THAT(Message(span.status()), HasSubstr("is not a duration"));
    }
  }
}

TEST(InstantTest, IsRfc3339OrAMinuteOfTheLocalZone) {
  const absl::TimeZone local = absl::LocalTimeZone();
  const auto at = [](absl::CivilSecond civil, absl::TimeZone zone) { return absl::FromCivil(civil, zone); };
  const absl::TimeZone utc = absl::UTCTimeZone();
  const struct {
    std::string_view text;
    std::optional<absl::Time> time;
  } cases[] = {
      {"2026-11-21T09:00:00Z",     at(absl::CivilSecond(2026,                11, 21, 9), utc)},
      {"2026-11-21T09:00:00+01:00",                        at(absl::CivilSecond(2026,                                                              11, 21, 8), utc)},
      {"2026-11-21T09:00:00.5Z",                          at(absl::CivilSecond(2026,                                        11, 21, 9), utc) + absl::Milliseconds(500)},
      {"2026-11-21 09:00",                        at(absl::CivilSecond(2026, 11, 21, 9), local)},
      {"",                      std::nullopt                                                             },
      {"2026-11-21",at(absl::CivilSecond(2026,11, 21), local)},
      {"2026-11-21 09:00:00 UTC",                        at(absl::CivilSecond(2026,                                  11, 21, 9), utc)},
      {"2026-11-21 09:00 UTC",         at(absl::CivilSecond(2026, 11, 21, 9), utc)},
      {"2026-11-21 09:00:00+01:00",                        at(absl::CivilSecond(2026,                                                              11, 21, 8), utc)},
      {"2026-11-31",                          std::nullopt                                                                },
      {"2026-02-30T09:00:00Z",                          std::nullopt},
      {"2026-11-21T25:00:00Z",                        std::nullopt                                                                                      },
      {"tomorrow",                          std::nullopt                                         },
      {"2026-11-21 09:00 and more",                        std::nullopt                            },
      {"infinite-future",                      std::nullopt                                                             },
      {"infinite-past",std::nullopt                              },
  };
  for (const auto& [text, expected] : cases) {
    const absl::StatusOr<absl::Time> time = ParseInstant(text);
    ASSERT_EQ(time.ok(), expected.has_value()) << text << time.status();
    if (expected) {
      EXPECT_EQ(*time, *expected) << text;
    } else {
      EXPECT_THAT(Message(time.status()), HasSubstr("is not a time such as"));
    }
  }
}

TEST(TimesTest, AreShownInOneWayThatCanBeGivenAgain) {
  const absl::Time at = absl::FromCivil(absl::CivilSecond(2026, 11, 21, 9, 0, 5), absl::UTCTimeZone());
  const std::string shown = ShowTime(at);
  const bool is_utc = absl::LocalTimeZone().At(at).offset == 0;
  if (is_utc) {
    EXPECT_EQ(shown, "2026-11-21 09:00:05 UTC");
  }
  const absl::StatusOr<absl::Time> again = ParseInstant(shown);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, at);
}

TEST(TimesTest, ABeginningMayBeSaidAsHowLongAgo) {
  const absl::Time before = absl::Now() - absl::Hours(48);
  const absl::StatusOr<absl::Time> since = ParseSince("2d");
  ASSERT_TRUE(since.ok()) << since.status();
  EXPECT_GE(*since, before);
  EXPECT_LE(*since, absl::Now() - absl::Hours(48));
  EXPECT_EQ(*ParseSince("2026-11-21T09:00:00Z"), *ParseInstant("2026-11-21T09:00:00Z"));
  EXPECT_THAT(Message(ParseSince("yesterday").status()), HasSubstr("or how long ago: 2h, 7d"));
}

TEST(SessionTest, AWordWhereOnlyOptionsStandIsAMistake) {
  const auto never = [](const Arguments&) {
    ADD_FAILURE() << "it was run";
    return absl::OkStatus();
  };
  const std::string words[] = {"foo"};
  for (const char* command : {"audit", "status", "top", "export"})
    EXPECT_EQ(WithArguments(command, words, {}, never), 2);
}

// What a command returns to the shell for what its body says.
TEST(SessionTest, TurnsAStatusIntoAnExitCode) {
  const struct {
    absl::Status status;
    int code;
  } cases[] = {
      {absl::OkStatus(),       0},
      {Invalid("not so"),      2},
      {NotFound("not there"),  1},
      {Unavailable("not now"), 1},
  };
  for (const auto& [status, code] : cases)
    EXPECT_EQ(WithArguments("groups", {}, {}, [&](const Arguments&) { return status; }), code);
}

TEST(SessionTest, DoesNotRunABodyForHelpOrForArgumentsItCannotRead) {
  const auto never = [](const Arguments&) {
    ADD_FAILURE();
    return absl::OkStatus();
  };
  EXPECT_EQ(WithArguments("groups", std::vector<std::string>{"--help"}, {}, never), 0);
  EXPECT_EQ(WithArguments("groups", std::vector<std::string>{"-h"}, {}, never), 0);
  EXPECT_EQ(WithArguments("groups", std::vector<std::string>{"--nonsense"}, {}, never), 2);
}

}  // namespace
}  // namespace tocsin
