#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "base/random.h"
#include "base/strings.h"
#include "tests/import/samples.h"
#include "tests/import/support.h"

namespace tocsin::import {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Imported Read(std::string_view source, std::string text) {
  Options options;
  options.now = At(std::string(kNow));
  const std::vector<File> files = {
      {"export.json", std::move(text)}
  };
  const auto imported = Import(source, files, options);
  EXPECT_TRUE(imported.ok());
  return *imported;
}

TEST(HostileTest, TruncatedExportsAreProblemsAndNeverACrash) {
  for (const Sample& sample : Samples()) {
    SCOPED_TRACE(sample.source);
    ASSERT_THAT(Read(sample.source, sample.text).problems, IsEmpty());
    // A shorter YAML may be fine, and of a shorter calendar what is there is read.
    const bool may_be_fine = sample.source == "alertmanager" || sample.source == "ical";
    for (std::size_t length = 0; length < sample.text.size(); length += 7) {
      const Imported imported = Read(sample.source, sample.text.substr(0, length));
      EXPECT_TRUE(may_be_fine || !imported.ok()) << length;
    }
  }
}

TEST(HostileTest, MutatedExportsNeverCrashAndWhatIsTakenCanBeEvaluated) {
  const std::string_view words[] = {"null",
                                    "-1",
                                    "99999999999999999999",
                                    "1e300",
                                    "\"\"",
                                    "[]",
                                    "{}",
                                    "true",
                                    "\"9999-99-99T99:99:99Z\"",
                                    "\"Mars/Olympus\"",
                                    "\"\\u0000\\u202e\"",
                                    "[[[[[]]]]]",
                                    "\"infinite-future\"",
                                    "0"};
  for (const Sample& sample : Samples()) {
    SCOPED_TRACE(sample.source);
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
      SCOPED_TRACE(seed);
      Random random(seed);
      std::string text = sample.text;
      for (auto n = random.Between(1, 3); n > 0; --n) {
        const std::size_t at = random.Below(text.size());
        const std::size_t colon = text.find(": ", at);
        if (colon != std::string::npos && random.OneIn(2)) {
          const std::size_t end = text.find_first_of(",}]\n", colon + 2);
          text.replace(colon + 2, end == std::string::npos ? 1 : end - colon - 2,
                       words[random.Below(std::size(words))]);
        } else {
          text[at] = static_cast<char>(random.Below(256));
        }
      }
      const Imported imported = Read(sample.source, text);
      if (!imported.ok()) continue;
      for (const std::string& problem : Roster::Problems(imported.organisation))
        ADD_FAILURE() << "taken, and cannot be evaluated: " << problem << "\n" << text;
    }
  }
}

TEST(HostileTest, ErrorsSayWhereAndWhatToDo) {
  struct Case {
    std::string_view source;
    std::string text;
    std::string_view problem;
  };
  const std::string deep(100, '[');
  const Case cases[] = {
      {"pagerduty", "",                                                                                                                           "export.json: line 1, column 1: is not JSON"},
      {"pagerduty", "{\"users\": [\n  {]}",                                                                                                       "export.json: line 2, column 4"             },
      {"pagerduty", deep,                                                                                                                         "export.json: line 1"                       },
      {"pagerduty", R"({"cats": []})",                                                                                                            "holds nothing that is known here"          },
      {"pagerduty", R"({"schedules": [{"id": "P", "name": "x", "time_zone": "Mars"}]})",
       "schedules[0].time_zone: \"Mars\""                                                                                                                                                     },
      {"pagerduty", R"({"schedules": [{"id": "P", "name": "x", "time_zone": "UTC", "schedule_layers": {}}]})",
       "schedule_layers: is not a list"                                                                                                                                                       },
      {"opsgenie",
       R"({"schedules": [{"id": "s", "name": "x", "timezone": "UTC", "rotations": [{"type": "yearly", "startDate": "2025-01-01T00:00:00Z"}]}]})",
       "hourly, daily and weekly are known"                                                                                                                                                   },
      {"opsgenie",
       R"({"schedules": [{"id": "s", "name": "x", "timezone": "UTC", "rotations": [{"type": "daily", "startDate": "soon"}]}]})",
       "\"soon\" is not an instant"                                                                                                                                                           },
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.text);
    EXPECT_THAT(Read(each.source, each.text).problems, Contains(HasSubstr(std::string(each.problem))));
  }
}

// More than any organisation could have is refused before it is looked through each by each.
TEST(HostileTest, TooManyOfAKindAreAProblemAndSoon) {
  const auto many = [](std::string_view list, std::string_view one) {
    std::string text = absl::StrCat("{\"", ToAbsl(list), "\": [");
    for (int i = 0; i < 30'000; ++i)
      absl::StrAppend(&text, i == 0 ? "" : ",",
                      absl::StrReplaceAll(ToAbsl(one), {
                                                           {"#", absl::StrCat(i)}
      }));
    return text + "]}";
  };
  const std::pair<std::string_view, std::string> cases[] = {
      {"pagerduty",            many("users",           R"({"id": "u#", "name": "n", "email": "n#@x.com"})")},
      {"opsgenie",             many("overrides",       R"({"_parent": {"id": "s#"}})")                     },
      {"grafana-oncall",       many("on_call_shifts",  R"({"id": "s#", "type": "override"})")              },
      {"goalert",              many("schedules",       R"({"id": "s#", "name": "n", "timeZone": "UTC"})")  },
      {"icinga-notifications", many("contact_address", R"({"id": "#", "contact_id": "#"})")                },
      {"linkedin-oncall",      many("events",          R"({"id": "#"})")                                   },
  };
  for (const auto& [source, text] : cases)
    EXPECT_THAT(Read(source, text).problems, Contains(HasSubstr("there are more than 20000"))) << source;
}

// Schedules that lead to each other, and layers that nobody could evaluate, many of them.
TEST(HostileTest, CyclesOfSchedulesAreAProblemAndManyBadLayersEndSoon) {
  EXPECT_THAT(Read("opsgenie", R"({"schedules": [
    {"id": "a", "name": "a", "timezone": "UTC", "rotations": [{"id": "r", "name": "r", "type": "daily", "length": 1, "startDate": "2025-01-01T00:00:00Z",
      "participants": [{"type": "schedule", "id": "b"}]}]},
    {"id": "b", "name": "b", "timezone": "UTC", "rotations": [{"id": "r", "name": "r", "type": "daily", "length": 1, "startDate": "2025-01-01T00:00:00Z",
      "participants": [{"type": "schedule", "id": "a"}]}]}]})")
                  .problems,
              Contains(HasSubstr("schedule")));
  std::string schedules;
  for (int i = 0; i < 400; ++i) {
    absl::StrAppend(&schedules, i == 0 ? "" : ",", R"({"id": "v)", i,
                    R"(", "name": "s", "time_zone": "UTC", "rotations": [{"id": "r", "events": [
      {"id": "e", "start_time": "2025-03-03T09:00:00Z", "end_time": "2025-03-03T17:00:00Z", "recurrence": ["RRULE:FREQ=SECONDLY"],
       "assignment_strategy": {"members": [{"type": "user_member", "user_id": "A"}]}}]}]})");
  }
  const Imported imported = Read(
      "pagerduty",
      absl::StrCat(R"({"users": [{"id": "A", "name": "a", "email": "a@x.com"}], "schedules": [)", schedules, "]}"));
  EXPECT_FALSE(imported.ok()) << "so many that it is no accident";
}

// Within what one kind may have, and more than an organisation could: neither memory nor time grow with its square.
TEST(HostileTest, WhatAddsUpIsBoundedToo) {
  const auto services = [](int count) {
    std::string text =
        R"({"users": [{"id": "A", "name": "a", "email": "a@x.com"}], "escalation_policies": [{"id": "P", "name": "p",
      "escalation_rules": [{"targets": [{"id": "A", "type": "user_reference"}]}]}], "services": [)";
    for (int i = 0; i < count; ++i)
      absl::StrAppend(&text, i == 0 ? "" : ",", R"({"id": "W)", i,
                      R"(", "name": "w", "escalation_policy": {"id": "P"}})");
    return text + "]}";
  };
  const Imported fits = Read("pagerduty", services(5'000));
  EXPECT_THAT(fits.problems, IsEmpty());
  for (const Route& route : fits.organisation.route.children)
    ASSERT_EQ(route.children.capacity(), 0U) << "a route keeps no room for its siblings";
  EXPECT_THAT(Read("pagerduty", services(12'000)).problems, Contains(HasSubstr("more than 10000 routes")));

  std::string text =
      R"({"users": [{"id": "u1", "username": "a@x.com"}, {"id": "u2", "username": "b@x.com"}], "schedules": [)";
  for (int i = 0; i < 300; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ",", R"({"id": "s)", i,
                    R"(", "name": "s", "timezone": "UTC", "rotations": [{"id": "r", "name": "r",
      "startDate": "2025-01-01T00:00:00Z", "type": "daily", "length": 1, "participants": [{"type": "user", "id": "u1"}]}]})");
  }
  absl::StrAppend(&text, R"(], "forwarding-rules": [)");
  for (int i = 0; i < 300; ++i) {
    absl::StrAppend(
        &text, i == 0 ? "" : ",",
        R"({"fromUser": {"id": "u1"}, "toUser": {"id": "u2"}, "startDate": "2027-01-01T00:00:00Z", "endDate": "2027-01-02T00:00:00Z"})");
  }
  EXPECT_THAT(Read("opsgenie", text + "]}").problems, Contains(HasSubstr("too many overrides")));
}

TEST(HostileTest, UnknownFieldsAreToldOnce) {
  const Imported imported = Read("pagerduty", R"({"users": [
    {"id": "A", "name": "A", "email": "a@example.com", "shoe_size": 42}, {"id": "B", "name": "B", "email": "b@example.com", "shoe_size": 43}]})");
  EXPECT_THAT(Told(imported, Grade::kCosmetic),
              Contains(HasSubstr("\"shoe_size\" of users, which is not known here (2 times)")));
}

TEST(HostileTest, AnUnknownSourceIsRefused) {
  const auto imported = Import("pagerdutty", {}, Options());
  ASSERT_FALSE(imported.ok());
  EXPECT_THAT(std::string(imported.status().message()), HasSubstr("pagerduty, opsgenie"));
}

TEST(HostileTest, IdsAreSafeNamesAndNobodyShares) {
  const Imported imported = Read("pagerduty", R"({"users": [
    {"id": "A", "name": "../../etc", "email": "../x@example.com"}, {"id": "B", "name": "日本"},
    {"id": "C", "name": "Jürgen Müller"}, {"id": "D", "name": "Juergen Mueller"}, {"id": "E", "name": "\u202e\u0007"}]})");
  std::vector<std::string> ids;
  for (const User& user : imported.organisation.users)
    ids.push_back(user.id.value());
  EXPECT_THAT(ids, ElementsAre("x", "b", "juergen-mueller", "juergen-mueller-2", "e"));
}

}  // namespace
}  // namespace tocsin::import
