// Calendars from anywhere: what can be read is, what cannot is told, and nothing crashes.
#include "ical/document.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "ical/values.h"

namespace tocsin::ical {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kSample =
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n"
    "DTSTART;TZID=\"Europe/Berlin\";X-A=b:20261123T090000\r\nDURATION:P1DT2H\r\nSUMMARY:[L2] Mül\r\n ler\\, "
    "An\r\n\tna\r\n"
    "RRULE:FREQ=WEEKLY;UNTIL=20270101T000000Z\r\nEXDATE:20261130T090000,20261207T090000\r\nEND:VEVENT\r\n"
    "END:VCALENDAR\r\nBEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nEND:VTIMEZONE\nEND:VCALENDAR\n";

TEST(DocumentTest, ReadsComponentsParametersAndFoldedLines) {
  const Document document = Parse(kSample);
  EXPECT_THAT(document.troubles, IsEmpty());
  ASSERT_THAT(document.calendars, SizeIs(2));
  const Component& event = document.calendars[0].components.at(0);
  EXPECT_EQ(event.name, "VEVENT");
  EXPECT_EQ(event.line, 3);
  EXPECT_EQ(event.Find("SUMMARY")->value, "[L2] Müller\\, Anna");
  EXPECT_EQ(event.Find("DTSTART")->Parameter("TZID"), "Europe/Berlin");
  EXPECT_EQ(event.Find("RRULE")->line, 10);
  EXPECT_EQ(event.Find("X-NONE"), nullptr);
}

TEST(DocumentTest, TellsWithItsLineWhatItPassesOver) {
  struct Case {
    const char* name;
    std::string text;
    int line;
    const char* message;
  };
  const Case cases[] = {
      {"no calendar", "hello\r\n", 1, "no line of iCalendar"},
      {"stray end", "BEGIN:VCALENDAR\nEND:VEVENT\nEND:VCALENDAR\n", 2, "ends nothing"},
      {"left open", "BEGIN:VCALENDAR\nBEGIN:VEVENT\n", 2, "has no END"},
      {"event outside", "BEGIN:VEVENT\nUID:1\nEND:VEVENT\nBEGIN:VCALENDAR\nEND:VCALENDAR\n", 1, "does not belong here"},
      {"not UTF-8", "BEGIN:VCALENDAR\nX-A:\xff\nEND:VCALENDAR\n", 2, "not UTF-8"},
      {"no value", "BEGIN:VCALENDAR\nX-A;B=\"c\nEND:VCALENDAR\n", 2, "no line of iCalendar"},
      {"empty", "", 0, "holds no VCALENDAR"},
      {"too large", std::string(kDocumentBytes + 1, ' '), 0, "bytes"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    const Document document = Parse(each.text);
    ASSERT_FALSE(document.troubles.empty());
    EXPECT_EQ(document.troubles[0].line, each.line);
    EXPECT_THAT(document.troubles[0].message, HasSubstr(each.message));
  }
}

TEST(DocumentTest, NestingAndTroublesHaveBounds) {
  std::string deep = "BEGIN:VCALENDAR\n";
  for (int i = 0; i < 100'000; ++i)
    deep += "BEGIN:VEVENT\n";
  EXPECT_LE(Parse(deep).troubles.size(), kProblems);
  std::string wrong;
  for (int i = 0; i < 10'000; ++i)
    wrong += "?\n";
  EXPECT_THAT(Parse(wrong).troubles, SizeIs(kProblems));
}

TEST(DocumentTest, MutationsNeverCrash) {
  Random random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(kSample);
    for (std::uint64_t changes = 1 + random.Below(8); changes > 0 && !text.empty(); --changes) {
      const std::size_t at = random.Below(text.size());
      switch (random.Below(4)) {
        case 0: text[at] = static_cast<char>(random.Below(256)); break;
        case 1: text.erase(at, random.Below(20)); break;
        case 2: text.insert(at, text.substr(random.Below(text.size()), random.Below(40))); break;
        default: text.insert(at, 1, "\r\n;:=\",\\"[random.Below(8)]); break;
      }
    }
    const Document document = Parse(text);
    for (const Component& calendar : document.calendars) {
      for (const Component& event : calendar.components) {
        for (const Property& property : event.properties) {
          ParseMoment(property.value);
          ParseSpan(property.value);
          ZoneName(property.Parameter("TZID"));
        }
      }
    }
  }
}

}  // namespace
}  // namespace tocsin::ical
