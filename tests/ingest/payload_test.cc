#include "ingest/payload.h"

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/strings.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

Payload Open(JsonReader& reader, std::string_view text) {
  const absl::StatusOr<simdjson::dom::element> document = reader.Read(text, JsonReader::Manner::kLenient);
  EXPECT_TRUE(document.ok()) << document.status();
  return Payload(simdjson::dom::object(*document));
}

TEST(PayloadTest, FindsMembersByPathInAnySpelling) {
  JsonReader reader;
  const Payload payload =
      Open(reader, R"({"Alert_Name":"a","data":{"issue-id":7,"list":[{"x":1},{"x":[1,"b"]}]},"kibana.alert.uuid":"u",
      "kibana":{"alert":{"status":"s"}},"twice":1,"twice":2,"none":null,"empty":"","float":7.0,"half":7.5,"big":12345678901234567890,
      "open":"${x}","objects":[{"a":1}],"a":{"b":1},"a.b":null})");
  struct Case {
    std::string_view path;
    std::string_view text;
  };
  const Case cases[] = {
      {"alertname",           "a"                         },
      {"data.issueid",        "7"                         },
      {"data.list.0.x",       "1"                         },
      {"data.list.1.x",       "1,b"                       },
      {"data.list.2.x",       ""                          },
      {"data.list.y",         ""                          },
      {"data.list",           R"([{"x":1},{"x":[1,"b"]}])"},
      {"kibana.alert.uuid",   "u"                         },
      {"kibana.alert.status", "s"                         },
      {"twice",               "2"                         },
      {"none",                ""                          },
      {"none.x",              ""                          },
      {"empty",               ""                          },
      {"float",               "7"                         },
      {"half",                "7.5"                       },
      {"big",                 "12345678901234567890"      },
      {"open",                ""                          },
      {"a.b",                 "1"                         },
      {"alert",               ""                          },
  };
  for (const Case& c : cases)
    EXPECT_EQ(payload.Text({c.path}), c.text) << c.path;
  EXPECT_EQ(payload.Text({"none", "open", "twice"}), "2");
}

TEST(PayloadTest, ReadsBodiesInAllTheirWrappings) {
  constexpr std::string_view kObject = R"({"name":"a"})";
  const std::string quoted = JsonQuote(kObject);
  const SourceRequest requests[] = {
      {.body = kObject                             },
      {.body = quoted                              },
      {.body = "payload=%7B%22name%22%3A%22a%22%7D"},
      {.body = "name=a&other=b"                    },
      {.body = "",                                   .query = "name=a"},
      {.body = "\xEF\xBB\xBF{\"name\":\"a\",}"                                           },
  };
  for (const SourceRequest& request : requests) {
    SCOPED_TRACE(request.body);
    const absl::StatusOr<Readings> readings =
        ReadEach(request, [](const Payload& object) { return Reading::Ignored(object.Text({"name"})); });
    ASSERT_TRUE(readings.ok()) << readings.status();
    ASSERT_THAT(*readings, SizeIs(1));
    EXPECT_EQ((*readings)[0].reason, "a");
  }
  for (const std::string_view body : {"", "hello", "<xml a=\"b\"/>", "7", "\"text\""}) {
    SCOPED_TRACE(body);
    EXPECT_FALSE(ReadEach({.body = body}, [](const Payload&) { return Reading::Ignored(""); }).ok());
  }
  const absl::StatusOr<Readings> mixed =
      ReadEach({.body = R"([{"name":"a"},7])"}, [](const Payload&) { return Reading::Ignored("x"); });
  ASSERT_TRUE(mixed.ok());
  EXPECT_EQ((*mixed)[1].reason, "expected an object, found number 7");
}

TEST(PayloadTest, BoundsHowManyAlertsABodyHas) {
  std::string body = "[";
  for (std::size_t i = 0; i <= limits::kEventsPerBatch; ++i)
    body += absl::StrCat(i == 0 ? "" : ",", R"({"title":")", i, R"("})");
  body += "]";
  const Now now{.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)};
  for (const std::string_view source : {"generic", "opsgenie", "pagerduty", "datadog", "newrelic"}) {
    SCOPED_TRACE(source);
    const Readings readings = ReadPayload(*FindSource(source), {.body = body}, now);
    ASSERT_EQ(readings.size(), limits::kEventsPerBatch) << "the rest is one alert that says so";
    EXPECT_TRUE(readings.back().stands_in);
    EXPECT_TRUE(readings.back().event.has_value());
    EXPECT_THAT(readings.back().reason, HasSubstr("more than 10000 alerts in one message"));
  }
}

TEST(PayloadTest, ReadsTheTimesOfManyPrograms) {
  struct Case {
    std::string_view text;
    std::string_view time;  // "": none
  };
  const Case cases[] = {
      {"2025-02-15 14:59:03.266529825 +0000 UTC", "2025-02-15T14:59:03.266529825+00:00"},
      {"2025-02-03T21:41:42.853014+01.00",        "2025-02-03T20:41:42.853014+00:00"   },
      {"Mon Apr 03 02:04:55 UTC 2023",            "2023-04-03T02:04:55+00:00"          },
      {"Sat, 05 Jun 2021 15:10:09 GMT",           "2021-06-05T15:10:09+00:00"          },
      {"09/12/2024 12:01:30 PM UTC",              "2024-09-12T12:01:30+00:00"          },
      {"2024-09-12 12:00:00 UTC",                 "2024-09-12T12:00:00+00:00"          },
      {"2024-09-12 12:00:00 -0700",               "2024-09-12T19:00:00+00:00"          },
      {"Mon Apr 03 02:04:55 CEST 2023",           ""                                   },
      {"13/12/2024 12:01:30 PM UTC",              ""                                   },
      {"yesterday",                               ""                                   },
      {"-1",                                      ""                                   },
  };
  for (const Case& c : cases) {
    const std::optional<absl::Time> time = ParseAnyTime(c.text);
    EXPECT_EQ(time ? absl::FormatTime(absl::RFC3339_full, *time, absl::UTCTimeZone()) : "", c.time) << c.text;
  }
}

}  // namespace
}  // namespace tocsin
