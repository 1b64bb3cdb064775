#include "api/compat/opsgenie_query.h"

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/status.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;

OpsgenieAlert Sample() {
  OpsgenieAlert alert;
  alert.id = OpsgenieAlertId(1791);
  alert.uuid = "70413a06-38d6-4c85-92b8-5ebc900d42e2";
  alert.alias = "web-3/disk";
  alert.message = "Disk is full on web-3";
  alert.description = "97% of /var is used";
  alert.tags = {"database", "EU"};
  alert.details = {
      {"cluster", "eu-1"           },
      {"note",    "call the vendor"}
  };
  alert.entity = "web-3";
  alert.source = "prometheus-eu";
  alert.priority = 1;
  alert.responders = {
      {.type = "team", .id = "", .name = "ops"            },
      {.type = "user", .id = "", .name = "ann@example.com"}
  };
  alert.count = 7;
  alert.created_at = absl::FromUnixMillis(1'795'289'900'500);  // 21-11-2026, 19:38:20.5
  alert.last_occurred_at = alert.created_at + absl::Hours(1);
  alert.owner = "ann@example.com";
  alert.acknowledged = true;
  alert.integration = IntegrationId("opsgenie");
  return alert;
}

bool Matches(std::string_view text, const OpsgenieAlert& alert = Sample()) {
  const absl::StatusOr<OpsgenieQuery> query = OpsgenieQuery::Parse(text);
  EXPECT_TRUE(query.ok()) << text << ": " << query.status();
  return query.ok() && query->Match(alert);
}

TEST(OpsgenieQueryTest, FindsWhatItSays) {
  for (const std::string_view text : {
           "",
           "status: open",
           "status:open",
           "status = open",
           "status : OPEN",
           "NOT status: closed",
           "status != closed",
           "priority: P1",
           "priority:(P1 OR P2)",
           "priority: (P2 OR P1) AND status: open",
           "tag: database",
           "tags: eu",
           "message: disk",
           "message: \"disk is full\"",
           "message: fu*",
           "message:web-3",
           "description: var",
           "source: prom*",
           "source: \"prometheus-eu\"",
           "alias: \"web-3/disk\"",
           "alias:web-3*",
           "tinyId: 1791",
           "tinyId > 1790 tinyId<1792",
           "count > 5",
           "count: >= 7",
           "count <= 7",
           "acknowledged: true",
           "snoozed: false",
           "createdAt: 21-11-2026",
           "createdAt > 1795289900000",
           "createdAt>=1795289900500",
           "createdAt < 22-11-2026",
           "createdAt >= 2026-11-21T19:38:20Z",
           "lastOccurredAt > 1795289900500",
           "owner: ANN@example.com",
           "responders: ops",
           "teams: ops",
           "recipients: \"ann@example.com\"",
           "details.key: cluster",
           "details.value: vendor",
           "entity: web-3",
           "integration.name: opsgenie",
           "alertId: 70413a06*",
           "tag: *",
           "disk",
           "vendor",
           "database disk",
           "1791",
           "(disk OR memory) NOT (network)",
           "memory OR disk AND status: open",
           "not status: closed and disk",
           "message: (memory OR full)",
           "message: (disk AND NOT memory)",
       }) {
    EXPECT_TRUE(Matches(text)) << text;
  }
}

TEST(OpsgenieQueryTest, PassesOverWhatItDoesNotSay) {
  for (const std::string_view text : {
           "status: closed",
           "NOT status: open",
           "priority: P2",
           "priority: P*  status: closed",
           "tag: data",
           "message: dis",
           "message: \"full disk\"",
           "source: prometheus",
           "tinyId: 179",
           "count < 7",
           "count != 7",
           "acknowledged: false",
           "isSeen: true",
           "createdAt: 22-11-2026",
           "createdAt < 21-11-2026",
           "createdAt > 21-11-2026",
           "teams: \"ann@example.com\"",
           "details.key: note*  memory",
           "actions: *",
           "memory",
           "disk memory",
           "disk AND memory",
           "memory OR network",
           "disk NOT web",
           "snoozedUntil > 1795289900000",
       }) {
    EXPECT_FALSE(Matches(text)) << text;
  }
}

TEST(OpsgenieQueryTest, PhrasesStayWithinOneText) {
  EXPECT_TRUE(Matches("\"call the vendor\""));
  EXPECT_TRUE(Matches("\"%\""));
  EXPECT_FALSE(Matches("\"eu 1 call\"")) << "two details";
  EXPECT_FALSE(Matches("details.value: \"1 call\""));
  EXPECT_FALSE(Matches("\"3 97\"")) << "a message and a description";
}

TEST(OpsgenieQueryTest, TermsThatAreAlikeCountOnce) {
  std::string same = "q0";
  std::string others = "q0";
  for (std::size_t i = 1; i < OpsgenieQuery::kMostTerms; ++i) {
    absl::StrAppend(&same, " OR q0");
    absl::StrAppend(&others, " OR q", i);
  }
  EXPECT_FALSE(Matches(absl::StrCat(same, " OR (q0 AND NOT q0)")));
  EXPECT_TRUE(Matches(absl::StrCat(same, " OR disk")));
  EXPECT_FALSE(Matches(others));
  EXPECT_TRUE(OpsgenieQuery::Parse(absl::StrCat(others, " OR q1")).ok());
  const absl::StatusOr<OpsgenieQuery> more = OpsgenieQuery::Parse(absl::StrCat(others, " OR disk"));
  EXPECT_THAT(Message(more.status()), HasSubstr("more than 64 different terms"));
}

TEST(OpsgenieQueryTest, AliasesMeanTheOpenAlert) {
  OpsgenieAlert closed = Sample();
  closed.closed = true;
  EXPECT_FALSE(Matches("alias: \"web-3/disk\"", closed));
  EXPECT_TRUE(Matches("status: closed", closed));
}

TEST(OpsgenieQueryTest, NamesThePlaceOfAMistake) {
  struct Case {
    std::string_view text;
    std::string_view error;
  };
  const Case cases[] = {
      {"status:",             "at 8: the query ends where a value should be"              },
      {"(disk",               "at 6: the query ends where a closing parenthesis should be"},
      {"disk)",               "at 5: "                                                    },
      {"disk OR",             "at 8: the query ends where a value should be"              },
      {"stat: open",          R"(at 1: there is no field "stat")"                         },
      {"message: \"disk",     "at 10: the phrase that begins here has no closing quote"   },
      {"count: many",         R"(at 8: "many" is no number)"                              },
      {"createdAt: tomorrow", R"(at 12: "tomorrow" is no time)"                           },
      {"acknowledged: maybe", R"(at 15: "maybe" is neither true nor false)"               },
      {"message > disk",      "at 11: message is a text"                                  },
  };
  for (const Case& c : cases) {
    const absl::StatusOr<OpsgenieQuery> query = OpsgenieQuery::Parse(c.text);
    ASSERT_FALSE(query.ok()) << c.text;
    EXPECT_THAT(Message(query.status()), HasSubstr(std::string(c.error.substr(0, c.error.find('"'))))) << c.text;
  }
  EXPECT_FALSE(OpsgenieQuery::Parse(std::string(OpsgenieQuery::kMostBytes + 1, 'x')).ok());
  EXPECT_FALSE(OpsgenieQuery::Parse(std::string(500, '(')).ok());
}

TEST(OpsgenieQueryTest, ReadsOrRefusesWhateverIsWritten) {
  constexpr std::string_view kParts[] = {"status", ":",         "open",       " ",    "(",  ")",    "AND", "OR",
                                         "NOT",    "\"",        "*",          ">",    "<=", "=",    "!",   "count",
                                         "5",      "createdAt", "21-11-2026", "disk", "\\", "\xc3", "tag"};
  Random random(99);
  const OpsgenieAlert alert = Sample();
  std::size_t read = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::uint64_t n = random.Below(12); n > 0; --n)
      text += kParts[random.Below(std::size(kParts))];
    const absl::StatusOr<OpsgenieQuery> query = OpsgenieQuery::Parse(text);
    if (!query.ok()) continue;
    ++read;
    // A query and its opposite share out all alerts between them.
    const absl::StatusOr<OpsgenieQuery> opposite = OpsgenieQuery::Parse(absl::StrCat("NOT (", text, ")"));
    EXPECT_TRUE(!opposite.ok() || query->Match(alert) != opposite->Match(alert)) << text;
  }
  EXPECT_GT(read, 1000U);
}

TEST(OpsgenieQueryTest, SortsByWhatItIsToldTo) {
  OpsgenieAlert first = Sample();
  OpsgenieAlert second = Sample();
  second.created_at += absl::Seconds(1);
  second.count = 3;
  EXPECT_TRUE(SortsBefore(first, second, "createdAt"));
  EXPECT_FALSE(SortsBefore(second, first, "createdAt"));
  EXPECT_TRUE(SortsBefore(second, first, "count"));
  EXPECT_TRUE(IsOpsgenieSortKey("report.ackTime"));
  EXPECT_FALSE(IsOpsgenieSortKey("colour"));
}

}  // namespace
}  // namespace tocsin
