#include "ingest/json_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/random.h"
#include "base/strings.h"
#include "ingest/json.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

TEST(JsonScanTest, NamesThePlaceInGosWords) {
  struct Case {
    std::string_view text;
    std::size_t position;
    std::string_view reason;
  };
  const Case cases[] = {
      {"",                 0, "unexpected EOF"                                                  },
      {"{nope",            1, "invalid character 'n' looking for beginning of object key string"},
      {R"({"a" 1})",       5, "invalid character '1' after object key"                          },
      {R"({"a":1 "b":2})", 7, R"(invalid character '"' after object key:value pair)"            },
      {"[1 2]",            3, "invalid character '2' after array element"                       },
      {"[1,]",             3, "invalid character ']' looking for beginning of value"            },
      {"[] []",            3, "invalid character '[' after top-level value"                     },
      {"trux",             3, "invalid character 'x' in literal true (expecting 'e')"           },
      {"\"a\nb\"",         2, R"(invalid character '\n' in string literal)"                     },
      {R"("\x")",          2, "invalid character 'x' in string escape code"                     },
      {R"("\u12g4")",      5, R"(invalid character 'g' in \u hexadecimal character escape)"     },
      {"[-]",              2, "invalid character ']' in numeric literal"                        },
      {"1.x",              2, "invalid character 'x' after decimal point in numeric literal"    },
      {"1e+",              3, "unexpected EOF"                                                  },
      {"01",               1, "invalid character '1' after top-level value"                     },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto fault = FindJsonFault(c.text, 32);
    ASSERT_TRUE(fault.has_value());
    EXPECT_EQ(fault->position, c.position);
    EXPECT_EQ(fault->reason, c.reason);
  }
}

// The two readers must agree on what is well formed; simdjson is the oracle.
TEST(JsonScanTest, AgreesWithSimdjsonOnMutatedDocuments) {
  const std::string_view seed = R"({"a":[1,-2.5e3,true,false,null,"x\n\u00e9"],"b":{"c":{},"d":[]},"e":""})";
  constexpr std::string_view kBytes = "{}[]\",:\\0e-+.nutfa1 \n";
  Random random(3);
  simdjson::dom::parser parser;
  int good = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text(seed);
    for (std::uint64_t n = random.Below(3); n > 0; --n)
      text[random.Below(text.size())] = kBytes[random.Below(kBytes.size())];
    simdjson::dom::element document;
    const simdjson::error_code error = parser.parse(text).get(document);
    if (error == simdjson::NUMBER_ERROR || error == simdjson::STRING_ERROR) continue;  // of value, not of form
    ASSERT_EQ(FindJsonFault(text, 1000) == std::nullopt, error == simdjson::SUCCESS) << text;
    if (error == simdjson::SUCCESS) ++good;
  }
  EXPECT_GT(good, 1000);
}

TEST(JsonReaderTest, AllowsExactlyTheNestingThatTheLimitNames) {
  JsonReader reader;
  const auto nested = [](int levels) {
    return std::string(static_cast<std::size_t>(levels), '[') + "1" +
           std::string(static_cast<std::size_t>(levels), ']');
  };
  EXPECT_TRUE(reader.Read(nested(limits::kJsonDepth), JsonReader::Manner::kStrict).ok());
  const auto refused = reader.Read(nested(limits::kJsonDepth + 1), JsonReader::Manner::kStrict);
  EXPECT_EQ(refused.status().message(), "byte 32: nested more than 32 levels deep");
  EXPECT_FALSE(reader.Read(nested(1'000'000), JsonReader::Manner::kLenient).ok());
}

TEST(JsonReaderTest, NamesTheByteThatIsNotUtf8) {
  JsonReader reader;
  EXPECT_EQ(reader.Read("[\"ab\xC3\x28\"]", JsonReader::Manner::kStrict).status().message(), "byte 4: not UTF-8");
  EXPECT_TRUE(reader.Read("[\"ab\xC3\x28\"]", JsonReader::Manner::kLenient).ok());
}

TEST(JsonReaderTest, MendsWhatTemplatesBreak) {
  struct Case {
    std::string_view name;
    std::string_view text;
    std::string_view mended;
  };
  const Case cases[] = {
      {"raw tab and line break", "{\"a\":\"x\ty\nz\"}",                    R"({"a":"x\ty\nz"})"                      },
      {"trailing commas",        "{\"a\":[1,2, ],\n}",                     R"({"a":[1,2]})"                          },
      {"lone surrogates",        R"(["\ud800x","\udc00","\ud83d\ude00"])", "[\"\uFFFDx\",\"\uFFFD\",\"\U0001F600\"]" },
      {"large numbers",          "[1e999,12345678901234567890123,5]",      R"(["1e999","12345678901234567890123",5])"},
      {"quotes inside",          R"({"i":"a "b" <x>, "c" d","n":[1]})",    R"({"i":"a \"b\" <x>, \"c\" d","n":[1]})" },
      {"byte order mark",        "\xEF\xBB\xBF[1]",                        "[1]"                                     },
  };
  JsonReader reader;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto document = reader.Read(c.text, JsonReader::Manner::kLenient);
    ASSERT_TRUE(document.ok()) << document.status();
    EXPECT_EQ(std::string(simdjson::minify(*document)), c.mended);
  }
}

TEST(TimestampTest, ReadsWhatSendersWrite) {
  struct Case {
    std::string_view text;
    std::string_view utc;  // "": absent; "error"
  };
  const Case cases[] = {
      {"2026-11-21T10:00:00Z",                "2026-11-21T10:00:00+00:00"          },
      {"2026-11-21t10:00:00z",                "2026-11-21T10:00:00+00:00"          },
      {"2026-11-21T10:00:00",                 "2026-11-21T10:00:00+00:00"          },
      {"2026-11-21 10:00:00",                 "2026-11-21T10:00:00+00:00"          },
      {"2026-11-21T10:00:00.123456789+02:00", "2026-11-21T08:00:00.123456789+00:00"},
      {"2026-11-21T10:00:00.5-0330",          "2026-11-21T13:30:00.5+00:00"        },
      {"2026-12-31T23:59:60Z",                "2026-12-31T23:59:59+00:00"          },
      {"0001-01-01T00:00:00Z",                ""                                   },
      {"",                                    ""                                   },
      {"yesterday",                           "error"                              },
      {"2026-02-30T00:00:00Z",                "error"                              },
      {"2026-11-21T25:00:00Z",                "error"                              },
      {"2026-11-21T10:00:00Zx",               "error"                              },
      {"2026-11-21T10:00:00.Z",               "error"                              },
      {"2026-11-21",                          "error"                              },
      {"-026-11-21T10:00:00Z",                "error"                              },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto time = ParseTimestamp(c.text);
    if (c.utc == "error") {
      EXPECT_FALSE(time.ok());
      continue;
    }
    ASSERT_TRUE(time.ok()) << time.status();
    EXPECT_EQ(time->has_value() ? absl::FormatTime(absl::RFC3339_full, **time, absl::UTCTimeZone()) : "", c.utc);
  }
}

TEST(TimestampTest, TellsUnixUnitsApartBySize) {
  for (const std::string_view text :
       {"1726142400", "1726142400000", "1726142400000000", "1726142400000000000", "1726142400.0"}) {
    EXPECT_EQ(ParseAnyTime(text), absl::FromUnixSeconds(1'726'142'400)) << text;
  }
  for (const std::string_view text : {"", "-1", "0", "nan", "inf", "1e300", "soon"})
    EXPECT_EQ(ParseAnyTime(text), std::nullopt) << text;
}

}  // namespace
}  // namespace tocsin
