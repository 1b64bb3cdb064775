// Calendars as they are written: what RFC 5545 demands of every byte.
#include "ical/feed.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "base/strings.h"
#include "ical/content_lines.h"
#include "ical/document.h"

namespace tocsin::ical {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Feed Sample() {
  Feed feed{.name = "On call: database", .time_zone = "Europe/Berlin", .product = "-//tocsin//test//EN"};
  feed.sequence = 7;
  feed.modified = absl::FromUnixSeconds(1'790'000'000);
  feed.events.push_back({
      .uid = "1@tocsin",
      .start = absl::FromUnixSeconds(1'800'000'000),
      .end = absl::FromUnixSeconds(1'800'086'400),
      .summary = "Müller, Anna; on call",
      .description = "first\nsecond \\ third",
      .categories = {"ON-CALL", "a,b"}
  });
  return feed;
}

TEST(FeedTest, SaysWhatCalendarsNeed) {
  const std::string text = Write(Sample());
  for (const char* line :
       {"BEGIN:VCALENDAR\r\n", "VERSION:2.0\r\n", "METHOD:PUBLISH\r\n", "X-WR-CALNAME:On call: database\r\n",
        "X-WR-TIMEZONE:Europe/Berlin\r\n", "REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n", "X-PUBLISHED-TTL:PT1H\r\n",
        "UID:1@tocsin\r\n", "DTSTAMP:20260921T141320Z\r\n", "SEQUENCE:7\r\n", "DTSTART:20270115T080000Z\r\n",
        "DTEND:20270116T080000Z\r\n", "SUMMARY:Müller\\, Anna\\; on call\r\n",
        "DESCRIPTION:first\\nsecond \\\\ third\r\n", "CATEGORIES:ON-CALL,a\\,b\r\n", "STATUS:CONFIRMED\r\n",
        "TRANSP:TRANSPARENT\r\n", "END:VCALENDAR\r\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("ATTENDEE")));  // Google would show an invitation
}

TEST(FeedTest, WithoutEventsIsStillACalendar) {
  Feed feed = Sample();
  feed.events.clear();
  const Document document = Parse(Write(feed));
  ASSERT_EQ(document.calendars.size(), 1U);
  EXPECT_EQ(document.calendars[0].components.size(), 1U);
  EXPECT_TRUE(document.troubles.empty());
}

// Text of all scripts, control characters and broken bytes included.
std::string RandomText(Random& random) {
  static constexpr const char* kPieces[] = {"a",  "ß",    "漢",   "🙂", ",",  ";",  "\\", "\n",
                                            "\r", "\x01", "\xff", " ",    "\t", "\"", ":"};
  std::string text;
  for (std::uint64_t left = random.Below(120); left > 0; --left)
    text += kPieces[random.Below(std::size(kPieces))];
  return text;
}

TEST(FeedTest, EveryLineIsShortWholeAndReadsBack) {
  Random random(1);
  for (int round = 0; round < 2'000; ++round) {
    Feed feed = Sample();
    feed.events[0].summary = RandomText(random);
    const std::string text = Write(feed);
    EXPECT_TRUE(IsValidUtf8(text));
    std::size_t begin = 0;
    while (begin < text.size()) {
      const std::size_t end = text.find("\r\n", begin);
      ASSERT_NE(end, std::string::npos);
      const std::string_view line = std::string_view(text).substr(begin, end - begin);
      EXPECT_LE(line.size(), 75U);
      EXPECT_TRUE(IsValidUtf8(line)) << "folded inside a character";
      EXPECT_EQ(line.find_first_of("\r\n"), std::string_view::npos);
      begin = end + 2;
    }
    const Document document = Parse(text);
    ASSERT_TRUE(document.troubles.empty()) << document.troubles[0].message;
    const Property* summary = document.calendars.at(0).components.at(0).Find("SUMMARY");
    ASSERT_NE(summary, nullptr);
    EXPECT_EQ(EscapeText(UnescapeText(summary->value)), EscapeText(feed.events[0].summary));
  }
}

}  // namespace
}  // namespace tocsin::ical
