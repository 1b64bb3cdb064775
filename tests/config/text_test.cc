#include "config/text.h"

#include "gtest/gtest.h"

#include "base/random.h"
#include "config/problem.h"

namespace tocsin {
namespace {

TEST(TextTest, DurationsAreReadUnitByUnit) {
  struct Case {
    const char* text;
    std::optional<absl::Duration> duration;
  };
  const Case cases[] = {
      {"0",                     absl::ZeroDuration()                                                 },
      {"0s",                    absl::ZeroDuration()                                                 },
      {"30s",                   absl::Seconds(30)                                                    },
      {"1h30m",                 absl::Minutes(90)                                                    },
      {"1w2d3h4m5s6ms",         absl::Hours(9 * 24 + 3) + absl::Minutes(4) + absl::Milliseconds(5006)},
      {"90m",                   absl::Minutes(90)                                                    },
      {"520w",                  absl::Hours(24 * 7 * 520)                                            },
      {"",                      std::nullopt                                                         },
      {"5",                     std::nullopt                                                         },
      {"s",                     std::nullopt                                                         },
      {"-5m",                   std::nullopt                                                         },
      {"+5m",                   std::nullopt                                                         },
      {"1.5h",                  std::nullopt                                                         },
      {"5 m",                   std::nullopt                                                         },
      {"5M",                    std::nullopt                                                         },
      {"30m1h",                 std::nullopt                                                         },
      {"1m1m",                  std::nullopt                                                         },
      {"11y",                   std::nullopt                                                         },
      {"9999w",                 std::nullopt                                                         },
      {"99999999999999999999s", std::nullopt                                                         },
      {"9223372036854775807w",  std::nullopt                                                         },
  };
  for (const Case& c : cases) {
    const absl::StatusOr<absl::Duration> duration = ParseDuration(c.text);
    EXPECT_EQ(duration.ok(), c.duration.has_value()) << c.text;
    if (!duration.ok()) continue;
    EXPECT_EQ(*duration, c.duration) << c.text;
  }
}

TEST(TextTest, DurationsAreWrittenAsTheyAreRead) {
  EXPECT_EQ(DurationText(absl::ZeroDuration()), "0s");
  EXPECT_EQ(DurationText(absl::Minutes(90)), "1h30m");
  EXPECT_EQ(DurationText(absl::Hours(24 * 14)), "2w");
  EXPECT_EQ(DurationText(absl::Hours(24 * 8)), "8d");
  Random random(1);
  for (int i = 0; i < 10'000; ++i) {
    const absl::Duration duration = absl::Milliseconds(random.Between(0, 3650LL * 24 * 3600 * 1000));
    ASSERT_EQ(*ParseDuration(DurationText(duration)), duration) << DurationText(duration);
  }
}

TEST(TextTest, TimesOfDayHaveTwoDigitsEach) {
  EXPECT_EQ(*ParseTimeOfDay("00:00"), 0);
  EXPECT_EQ(*ParseTimeOfDay("23:59"), 1439);
  EXPECT_EQ(TimeOfDayText(9 * 60 + 5), "09:05");
  for (const char* wrong : {"", "9:00", "24:00", "09:60", "09:00:00", "0900", " 09:00", "aa:bb", "-1:00"}) {
    EXPECT_FALSE(ParseTimeOfDay(wrong).ok()) << wrong;
  }
}

TEST(TextTest, WeekdaysAreReadInFullAndShort) {
  for (std::int32_t day = 1; day <= 7; ++day) {
    EXPECT_EQ(*ParseWeekday(WeekdayName(day)), day);
    EXPECT_EQ(*ParseWeekday(WeekdayName(day).substr(0, 3)), day);
  }
  EXPECT_EQ(*ParseWeekday("FRIDAY"), 5);
  EXPECT_FALSE(ParseWeekday("montag").ok());
  EXPECT_FALSE(ParseWeekday("m").ok());
}

TEST(TextTest, InstantsAreLocalOrHaveAnOffset) {
  absl::TimeZone berlin;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  struct Case {
    const char* text;
    const char* utc;  // nullptr: refused
  };
  const Case cases[] = {
      {"2024-03-04T09:00",       "2024-03-04T08:00:00Z"},
      {"2024-07-04 09:00",       "2024-07-04T07:00:00Z"},
      {"2024-03-04T09:00:30Z",   "2024-03-04T09:00:30Z"},
      {"2024-03-04T09:00-05:30", "2024-03-04T14:30:00Z"},
      {"2024-03-31T02:30",       "2024-03-31T01:00:00Z"}, // does not exist: the jump
      {"2024-10-27T02:30",       "2024-10-27T00:30:00Z"}, // twice: the first pass
      {"2024-02-30T00:00",       nullptr               },
      {"2024-03-04",             nullptr               },
      {"2024-03-04T09:00+1",     nullptr               },
      {"2024-03-04T09:00+25:00", nullptr               },
      {"2024-03-04T09:00 CET",   nullptr               },
      {"tomorrow",               nullptr               },
  };
  for (const Case& c : cases) {
    const absl::StatusOr<absl::Time> time = ParseInstant(c.text, berlin);
    ASSERT_EQ(time.ok(), c.utc != nullptr) << c.text;
    if (!time.ok()) continue;
    EXPECT_EQ(InstantText(*time), c.utc) << c.text;
  }
}

TEST(TextTest, AddressesAreCheckedByKind) {
  struct Case {
    absl::Status (*check)(std::string_view);
    const char* text;
    bool fine;
  };
  const Case cases[] = {
      {CheckEmailAddress, "alice@example.com",           true },
      {CheckEmailAddress, "a.b+c@mail.example.co.uk",    true },
      {CheckEmailAddress, "root@localhost",              true },
      {CheckEmailAddress, "alice",                       false},
      {CheckEmailAddress, "@example.com",                false},
      {CheckEmailAddress, "alice@",                      false},
      {CheckEmailAddress, "a@b@c",                       false},
      {CheckEmailAddress, "alice@-example.com",          false},
      {CheckEmailAddress, "alice@example..com",          false},
      {CheckEmailAddress, "Alice <alice@example.com>",   false},
      {CheckEmailAddress, "a@b.c\nBcc: d@e.f",           false},
      {CheckEmailAddress, "a@b.c\r",                     false},
      {CheckEmailAddress, ".a@b.c",                      false},
      {CheckPhoneNumber,  "+4930123456",                 true },
      {CheckPhoneNumber,  "+123456789012345",            true },
      {CheckPhoneNumber,  "+1234567890123456",           false},
      {CheckPhoneNumber,  "+0930123456",                 false},
      {CheckPhoneNumber,  "030123456",                   false},
      {CheckPhoneNumber,  "+49 30 123456",               false},
      {CheckPhoneNumber,  "",                            false},
      {CheckHttpUrl,      "https://example.com/x?y=1",   true },
      {CheckHttpUrl,      "HTTP://[::1]:8080/",          true },
      {CheckHttpUrl,      "https:///x",                  false},
      {CheckHttpUrl,      "https://a b/",                false},
      {CheckHttpUrl,      "https://a/\r\nX: y",          false},
      {CheckHttpUrl,      "javascript:alert(1)",         false},
      {CheckHttpUrl,      "https://a:99999/",            false},
      {CheckHttpUrl,      "example.com",                 false},
      {CheckSmtpUrl,      "smtp://mail.example.com:587", true },
      {CheckSmtpUrl,      "smtps://mail.example.com",    true },
      {CheckSmtpUrl,      "http://mail.example.com",     false},
      {CheckTimeZone,     "Europe/Berlin",               true },
      {CheckTimeZone,     "UTC",                         true },
      {CheckTimeZone,     "America/Argentina/Salta",     true },
      {CheckTimeZone,     "Mars/Olympus",                false},
      {CheckTimeZone,     "/usr/share/zoneinfo/UTC",     false},
      {CheckTimeZone,     "localtime",                   false},
      {CheckTimeZone,     "Fixed/UTC+01:00:00",          false},
      {CheckTimeZone,     "Europe/../Europe/Berlin",     false},
      {CheckTimeZone,     "",                            false},
  };
  for (const Case& c : cases)
    EXPECT_EQ(c.check(c.text).ok(), c.fine) << c.text << ": " << c.check(c.text);
}

TEST(TextTest, OnlyThisMachineIsLoopback) {
  EXPECT_TRUE(IsLoopbackUrl("smtp://127.0.0.1:25"));
  EXPECT_TRUE(IsLoopbackUrl("smtp://localhost"));
  EXPECT_TRUE(IsLoopbackUrl("smtp://[::1]:25"));
  EXPECT_FALSE(IsLoopbackUrl("smtp://127.0.0.1.example.com"));
  EXPECT_FALSE(IsLoopbackUrl("smtp://10.0.0.1"));
  EXPECT_FALSE(IsLoopbackUrl("nonsense"));
}

TEST(TextTest, SuggestionsAreNear) {
  constexpr std::string_view kWords[] = {"matchers", "members", "name"};
  EXPECT_EQ(Suggestion("matcher", kWords), " (did you mean \"matchers\"?)");
  EXPECT_EQ(Suggestion("mebmers", kWords), " (did you mean \"members\"?)");
  EXPECT_EQ(Suggestion("Name", kWords), " (did you mean \"name\"?)");
  EXPECT_EQ(Suggestion("colour", kWords), "");
  EXPECT_EQ(Suggestion("", kWords), "");
}

}  // namespace
}  // namespace tocsin
