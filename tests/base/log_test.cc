#include "base/log.h"

#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/strings.h"

namespace tocsin {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const absl::Time kTime = absl::FromUnixMillis(1'700'000'000'123);

std::string Line(LogFields fields) {
  return FormatLogLine(kTime, LogLevel::kInfo, "said", fields);
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

TEST(LogLineTest, IsTimeLevelMessageAndFields) {
  EXPECT_EQ(
      FormatLogLine(kTime, LogLevel::kWarning, "a provider is slow",
                    {
                        {"channel", "sms"                   },
                        {"attempt", 3                       },
                        {"waited",  absl::Milliseconds(1500)},
                        {"late",    true                    }
  }),
      "2023-11-14T22:13:20.123Z WARNING a provider is slow channel=sms attempt=3 waited=1.5s late=true");
}

TEST(LogLineTest, EveryKindOfValueHasItsText) {
  EXPECT_THAT(Line({
                  {"d", 0.25}
  }),
              EndsWith(" d=0.25"));
  EXPECT_THAT(Line({
                  {"n", std::int64_t{-7}}
  }),
              EndsWith(" n=-7"));
  EXPECT_THAT(Line({
                  {"n", UINT64_MAX}
  }),
              EndsWith(" n=18446744073709551615"));
  EXPECT_THAT(Line({
                  {"t", kTime}
  }),
              EndsWith(" t=2023-11-14T22:13:20.123Z"));
  EXPECT_THAT(Line({
                  {"s", absl::NotFoundError("no user")}
  }),
              EndsWith(" s=\"NOT_FOUND: no user\""));
  EXPECT_THAT(Line({
                  {"empty", ""}
  }),
              EndsWith(" empty=\"\""));
  EXPECT_THAT(Line({
                  {"view", std::string_view("x/y:z")}
  }),
              EndsWith(" view=x/y:z"));
}

TEST(LogLineTest, HostileTextCannotForgeALineAFieldOrATerminalSequence) {
  EXPECT_THAT(Line({
                  {"v", "x\n2023-11-14T22:13:20.123Z ERROR forged"}
  }),
              EndsWith(" v=\"x\\n2023-11-14T22:13:20.123Z ERROR forged\""));
  EXPECT_THAT(Line({
                  {"v", "x user=root"}
  }),
              EndsWith(" v=\"x user=root\""));
  EXPECT_THAT(Line({
                  {"v", "a=b"}
  }),
              EndsWith(" v=\"a=b\""));
  EXPECT_THAT(Line({
                  {"v", "\" admin=\"true"}
  }),
              EndsWith(" v=\"\\\" admin=\\\"true\""));
  EXPECT_THAT(Line({
                  {"v", "\x1B[2J\u009B31m\u202E"}
  }),
              EndsWith(" v=\"\\x1b[2J\\u009b31m\\u202e\""));
  EXPECT_THAT(FormatLogLine(kTime, LogLevel::kInfo, "two\nlines", {}), EndsWith(" INFO \"two\\nlines\""));
}

TEST(LogLineTest, RandomBytesStayOnOneLineOfVisibleText) {
  Random random(51);
  for (int round = 0; round < 2'000; ++round) {
    std::string text(random.Below(60), '\0');
    for (char& c : text)
      c = static_cast<char>(static_cast<unsigned char>(random.Below(256)));
    const std::string line = FormatLogLine(kTime, LogLevel::kError, text,
                                           {
                                               {"v", text}
    });
    ASSERT_TRUE(IsValidUtf8(line));
    for (const char c : line)
      ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  }
}

TEST(LogLineTest, LongValuesAreCutAndSayHowLongTheyWere) {
  const std::string line = Line({
      {"body", std::string(100'000, 'x')}
  });
  EXPECT_LT(line.size(), 5'000U);
  EXPECT_THAT(line, EndsWith("x...(100000 bytes)"));
}

TEST(LogLineTest, FieldsThatAreCalledLikeSecretsAreRedacted) {
  for (const std::string_view key : {"password", "auth_token", "token", "secret", "integration_key", "authorization"}) {
    const std::string line = Line({
        {key, "hunter2"}
    });
    EXPECT_THAT(line, Not(HasSubstr("hunter2"))) << key;
    EXPECT_THAT(line, EndsWith("=[redacted]")) << key;
  }
  EXPECT_THAT(Line({
                  {"monkey", "banana"}
  }),
              EndsWith(" monkey=banana"));
}

TEST(RedactUrlTest, HidesUserPasswordQueryAndFragment) {
  struct Case {
    std::string_view url;
    std::string_view redacted;
  };
  const Case cases[] = {
      {"https://hooks.example.com/a/b",           "https://hooks.example.com/a/b"              },
      {"https://user:pw@example.com/a?token=1#x", "https://[redacted]@example.com/a?[redacted]"},
      {"smtp://u%40x:p@ss@mail.example.com:587",  "smtp://[redacted]@mail.example.com:587"     },
      {"https://example.com?key=1",               "https://example.com?[redacted]"             },
      {"https://example.com/#access_token=1",     "https://example.com/#[redacted]"            },
      {"https://example.com/@not-a-user",         "https://example.com/@not-a-user"            },
      {"user:pw@example.com/x",                   "[redacted]@example.com/x"                   },
      {"",                                        ""                                           },
  };
  for (const Case& c : cases)
    EXPECT_EQ(RedactUrl(c.url), c.redacted);
}

TEST(LogTest, LevelsHaveNames) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    EXPECT_EQ(LogLevelFromName(Name(level)), level);
  }
  EXPECT_EQ(LogLevelFromName("INFO"), std::nullopt);
  EXPECT_FALSE(SetLogLevel("loud"));
}

TEST(LogTest, TheLevelMayChangeWhileItRuns) {
  ::testing::internal::CaptureStderr();
  LogDebug("not written");
  SetLogLevel(LogLevel::kDebug);
  LogDebug("written now", {
                              {"n", 1}
  });
  EXPECT_TRUE(SetLogLevel("error"));
  LogWarning("nor this");
  LogError("but this");
  SetLogLevel(LogLevel::kInfo);
  const std::vector<std::string> lines = Lines(::testing::internal::GetCapturedStderr());
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], EndsWith("Z DEBUG written now n=1"));
  EXPECT_THAT(lines[1], EndsWith("Z ERROR but this"));
}

TEST(LogTest, ThreadsWriteWholeLines) {
  ::testing::internal::CaptureStderr();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 100; ++i)
        LogInfo("line", {
                            {"thread",         t   },
                            { "filler", std::string(200, 'x')}
        });
    });
  }
  for (std::thread& t : threads)
    t.join();
  const std::vector<std::string> lines = Lines(::testing::internal::GetCapturedStderr());
  ASSERT_EQ(lines.size(), 400U);
  for (const std::string& line : lines) {
    EXPECT_THAT(line, StartsWith("20"));
    EXPECT_THAT(line, EndsWith(" filler=" + std::string(200, 'x')));
  }
}

}  // namespace
}  // namespace tocsin
