#include "ingest/mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "config/load.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const Now kNow{.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)};

FieldMapping Mapping(std::string_view yaml) {
  const absl::StatusOr<FieldMapping> mapping = LoadFieldMapping({"mapping.yaml", std::string(yaml)});
  EXPECT_TRUE(mapping.ok()) << mapping.status();
  return mapping.value_or(FieldMapping());
}

constexpr std::string_view kHomegrown = R"(
mapping:
  each: events.list
  key: "{{host.name}}/{{check|'none'}}"
  status: "{{state}}"
  resolved_when: [green]
  acknowledged_when: [seen]
  ignored_when: [gray]
  severity: "{{prio}}"
  severities: {"1": critical, "2": high}
  title: "{{check}} on {{host.name}}"
  description: "from {{$header.X-Origin}}, {{$query.site}}"
  link: "https://checks.example.com/{{id}}"
  starts_at: "{{since}}"
  labels: {host: "{{host.name}}", env: "{{tags.\"my.env\"|tags.environment}}", first: "{{hosts.0}}"}
  annotations: {value: "{{value}}", unused: "{{no.such.thing}}"}
)";

TEST(MappingTest, ReadsWhatItNamesWhereverItStands) {
  const HttpHeaders headers = {
      {"x-origin", "eu"}
  };
  const Readings readings = ReadMapped(Mapping(kHomegrown),
                                       {.body = R"({"events":{"list":[
          {"id":7,"host":{"name":"db1"},"check":"disk","state":"RED","prio":1,"since":1726142400,"value":12.5,
           "tags":{"my.env":"prod","environment":"test"},"hosts":["a","b"]},
          {"id":8,"host":{"name":"db1"},"check":"disk","state":"green"},
          {"host":{"name":"db2"},"state":"seen"},{"host":{"name":"db3"},"state":"gray"}]}})",
                                        .query = "site=fra",
                                        .headers = headers},
                                       kNow);
  ASSERT_THAT(readings, SizeIs(4));
  ASSERT_TRUE(readings[0].event.has_value()) << readings[0].reason;
  const AlertEvent& fired = *readings[0].event;
  EXPECT_EQ(fired.kind, EventKind::kTrigger) << "RED is no word of state, so it fires";
  EXPECT_EQ(fired.dedup_key, "db1/disk");
  EXPECT_EQ(fired.severity, Severity::kCritical);
  EXPECT_EQ(fired.link, "https://checks.example.com/7");
  EXPECT_EQ(fired.starts_at, absl::FromUnixSeconds(1'726'142'400));
  EXPECT_EQ(Find(fired.labels, "host"), "db1");
  EXPECT_EQ(Find(fired.labels, "env"), "prod");
  EXPECT_EQ(Find(fired.labels, "first"), "a");
  EXPECT_EQ(Find(fired.labels, "alertname"), "disk on db1");
  EXPECT_EQ(Find(fired.annotations, "status"), "RED");
  EXPECT_EQ(Find(fired.annotations, "value"), "12.5");
  EXPECT_EQ(Find(fired.annotations, "unused"), "");
  EXPECT_EQ(Find(fired.annotations, "description"), "from eu, fra");
  EXPECT_EQ(readings[1].event->kind, EventKind::kResolve);
  EXPECT_EQ(readings[1].event->dedup_key, fired.dedup_key);
  EXPECT_EQ(readings[2].event->kind, EventKind::kAcknowledge);
  EXPECT_EQ(readings[2].event->dedup_key, "db2/none");
  EXPECT_EQ(readings[3].kind, Refused::Kind::kIgnored);
}

TEST(MappingTest, ReadsFormsAndQueriesAndLists) {
  const FieldMapping mapping = Mapping("{key: '{{host}}', status: '{{state}}', labels: {host: '{{host}}'}}");
  const Readings form = ReadMapped(mapping, {.body = "host=db1&state=ok"}, kNow);
  ASSERT_TRUE(form[0].event.has_value());
  EXPECT_EQ(form[0].event->dedup_key, "db1");
  EXPECT_EQ(form[0].event->kind, EventKind::kResolve);
  EXPECT_THAT(ReadMapped(mapping, {.body = R"([{"host":"a"},{"host":"b"}])"}, kNow), SizeIs(2));
  const FieldMapping by_query = Mapping("{key: '{{$query.host}}'}");
  EXPECT_EQ(ReadMapped(by_query, {.body = "", .query = "host=db%201"}, kNow)[0].event->dedup_key, "db 1");
}

TEST(MappingTest, WhatDoesNotFitTheMappingIsShownToPeople) {
  const FieldMapping mapping = Mapping(kHomegrown);
  for (const std::string_view body :
       {R"({"events":{}})", R"({"events":{"list":7}})", R"({"events":{"list":[{}]}})", "{", R"([1])", "", "<xml/>"}) {
    SCOPED_TRACE(body);
    const Readings readings = ReadMapped(mapping, {.body = body}, kNow);
    ASSERT_THAT(readings, SizeIs(1));
    EXPECT_TRUE(readings[0].stands_in || readings[0].event->dedup_key == "/none") << readings[0].reason;
  }
}

TEST(MappingTest, MistakesAreFoundWhenItIsDeclared) {
  const auto problem = [](std::string_view yaml) {
    return std::string(LoadFieldMapping({"m.yaml", std::string(yaml)}).status().message());
  };
  EXPECT_THAT(problem("{key: '{{host'}"), HasSubstr("m.yaml:1:7: mapping.key: byte 0: {{ is not closed by }}"));
  EXPECT_THAT(problem("{key: '{{a..b}}'}"), HasSubstr("byte 4: expected a name"));
  EXPECT_THAT(problem("{title: x}"), HasSubstr("needs a key, or labels"));
  EXPECT_THAT(problem("{key: '{{a}}', severities: {high: loud}}"), HasSubstr("\"loud\" is none of critical"));
  EXPECT_THAT(problem("{key: '{{a}}', sevrity: x}"), HasSubstr("sevrity"));
  EXPECT_THAT(problem("[1, 2]"), HasSubstr("m.yaml:1:1"));
}

TEST(MappingTest, NoBodyBreaksIt) {
  const FieldMapping mapping = Mapping(kHomegrown);
  Random random(3);
  const std::string seed = R"({"events":{"list":[{"id":7,"host":{"name":"db1"},"hosts":["a"],"state":"ok"}]}})";
  for (int i = 0; i < 3000; ++i) {
    std::string body = seed;
    body[random.Below(body.size())] = static_cast<char>(random.Below(256));
    body.erase(random.Below(body.size()), random.Below(3));
    for (const Reading& reading : ReadMapped(mapping, {.body = body}, kNow))
      ASSERT_TRUE(reading.event.has_value() || !reading.reason.empty());
  }
}

}  // namespace
}  // namespace tocsin
