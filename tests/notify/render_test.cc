#include "notify/render.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/strings.h"

namespace tocsin::notify {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Notification Example() {
  Notification page;
  page.id = NotificationId(23);
  page.subject = SubjectOf(GroupId(17));
  page.user = UserId("alice");
  page.method.address = "alice";
  page.idempotency_key = "abc123";
  page.attempt = 1;
  page.title = "CRITICAL DiskFull on db-1";
  page.body = "/var is 99% full";
  page.acknowledge_url = "https://tocsin.example.com/a/abcdef";
  page.created_at = absl::FromUnixSeconds(1'700'000'000);
  return page;
}

// The text that a mail reader makes of a message written by RenderEmail.
std::string DecodeBody(const std::string& message) {
  std::string out;
  const std::string body = message.substr(message.find("\r\n\r\n") + 4);
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\r') continue;
    if (body[i] != '=') {
      out += body[i];
    } else if (body.compare(i, 3, "=\r\n") == 0) {
      i += 2;
    } else {
      out += absl::HexStringToBytes(body.substr(i + 1, 2));
      i += 2;
    }
  }
  return out;
}

std::string DecodeSubject(const std::string& message) {
  const std::size_t start = message.find("Subject: ") + 9;
  std::size_t end = message.find("\r\n", start);
  while (message[end + 2] == ' ')
    end = message.find("\r\n", end + 2);
  std::string out;
  for (const auto word : absl::StrSplit(message.substr(start, end - start), "\r\n ")) {
    if (!ToStd(word).starts_with("=?UTF-8?B?")) return std::string(word);
    EXPECT_LE(word.size(), 75U);
    std::string bytes;
    EXPECT_TRUE(absl::Base64Unescape(word.substr(10, word.size() - 12), &bytes));
    EXPECT_TRUE(IsValidUtf8(bytes)) << "no character is split";
    out += bytes;
  }
  return out;
}

TEST(RenderTest, AWebhookTellsItsInstantAsTheLibraryWritesIt) {
  Notification page = Example();
  const absl::Time base = absl::FromUnixSeconds(1'700'000'000);
  const absl::CivilSecond late(12345, 6, 7);
  for (const absl::Time at :
       {base, base + absl::Milliseconds(120), base + absl::Nanoseconds(1), absl::UnixEpoch(),
        base + absl::Nanoseconds(1) / 4, absl::UnixEpoch() - absl::Nanoseconds(999'999'999),
        absl::FromCivil(late, absl::UTCTimeZone()), absl::InfiniteFuture(), absl::InfinitePast()}) {
    page.created_at = at;
    EXPECT_THAT(RenderWebhook(page),
                HasSubstr("\"created_at\":\"" + absl::FormatTime(absl::RFC3339_full, at, absl::UTCTimeZone()) + "\""));
  }
}

TEST(RenderTest, TheTerminalShowsTheReadersOwnTime) {
  absl::TimeZone tokyo;
  ASSERT_TRUE(absl::LoadTimeZone("Asia/Tokyo", &tokyo));
  Notification page = Example();
  page.title = "\x1b[2Jhidden\r\nlines";
  const std::string text = RenderTerminal(page, absl::FromUnixSeconds(1'700'000'000), tokyo);
  EXPECT_THAT(text, HasSubstr("PAGE for alice, Wed 2023-11-15 07:13:20 JST"));
  EXPECT_THAT(text, HasSubstr("┃ [2Jhidden lines\n"));
  EXPECT_THAT(text, HasSubstr("acknowledge: tocsin ack G17"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(RenderTest, PurposeAndDoubtAreSaid) {
  struct Case {
    Notification::Purpose purpose;
    bool repeat;
    const char* label;
    bool acknowledgeable;
  };
  const Case cases[] = {
      {Notification::Purpose::kPage,        false, "PAGE G17: ",            true },
      {Notification::Purpose::kPage,        true,  "PAGE (repeat) G17: ",   true },
      {Notification::Purpose::kTest,        false, "TEST PAGE G17: ",       true },
      {Notification::Purpose::kFallback,    false, "FALLBACK PAGE G17: ",   true },
      {Notification::Purpose::kResolved,    false, "RESOLVED G17: ",        false},
      {Notification::Purpose::kGroupUpdate, true,  "UPDATE (repeat) G17: ", false},
  };
  for (const Case& c : cases) {
    Notification page = Example();
    page.purpose = c.purpose;
    page.repeat = c.repeat;
    const std::string sms = RenderSms(page);
    EXPECT_THAT(sms, StartsWith(c.label));
    EXPECT_EQ(sms.find("Ack: ") != std::string::npos, c.acknowledgeable) << c.label;
  }
}

TEST(RenderTest, SegmentsAreCountedAsCarriersDo) {
  struct Case {
    const char* name;
    std::string text;
    int segments;
  };
  const auto times = [](const char* piece, int count) {
    std::string out;
    for (int i = 0; i < count; ++i)
      out += piece;
    return out;
  };
  const Case cases[] = {
      {"empty",                   "",         1},
      { "160 of GSM",                times("a",       160), 1},
      { "161 of GSM",                times("a",       161), 2},
      { "306 of GSM",                times("a",       306), 2},
      { "307 of GSM",                times("a",       307), 3},
      { "umlauts are GSM",               times("ä",       160), 1},
      { "brackets take two",                times("[",        80), 1},
      { "81 brackets",                times("[",        81), 2},
      { "the euro takes two",              times("€",        81), 2},
      { "70 of UCS-2",               times("я",        70), 1},
      { "71 of UCS-2",               times("я",        71), 2},
      { "201 of UCS-2",               times("я",       201), 3},
      { "202 of UCS-2",               times("я",       202), 4},
      { "one letter changes all",                times("a", 70) + "я", 2},
      { "an emoji takes two", times("\xF0\x9F\x94\xA5",        36), 2},
      { "a backtick is not GSM",                times("a",  70) + "`", 2},
  };
  for (const Case& c : cases)
    EXPECT_EQ(CountSmsSegments(c.text), c.segments) << c.name;
}

TEST(RenderTest, AnSmsOfAnythingHasAtMostThreeSegmentsAndItsLink) {
  Random random(11);
  for (int round = 0; round < 500; ++round) {
    Notification page = Example();
    page.title.clear();
    page.body.clear();
    const bool exotic = random.OneIn(2);
    const std::uint64_t length = random.Below(3000);
    for (std::uint64_t i = 0; i < length; ++i) {
      const bool to_body = random.OneIn(2);
      AppendUtf8(to_body ? page.body : page.title, static_cast<char32_t>(random.Below(exotic ? 0x20000 : 0x80)));
    }
    const std::string sms = RenderSms(page);
    EXPECT_LE(CountSmsSegments(sms), kSmsSegments);
    EXPECT_TRUE(IsValidUtf8(sms));
    EXPECT_THAT(sms, EndsWith("Ack: https://tocsin.example.com/a/abcdef"));
    EXPECT_THAT(sms, StartsWith("PAGE G17: "));
  }
}

TEST(RenderTest, CommonPunctuationDoesNotMakeAnSmsDearer) {
  Notification page = Example();
  page.title = "“db” – it’s full… → now";
  page.body = "";
  EXPECT_THAT(RenderSms(page), HasSubstr("\"db\" - it's full... -> now"));
  EXPECT_EQ(CountSmsSegments(RenderSms(page)), 1);
}

TEST(RenderTest, ALinkThatLeavesNoRoomIsLeftOut) {
  Notification page = Example();
  page.acknowledge_url = "https://tocsin.example.com/" + std::string(400, 'a');
  EXPECT_THAT(RenderSms(page), Not(HasSubstr("Ack:")));
  EXPECT_THAT(RenderSms(page), HasSubstr("DiskFull"));
}

TEST(RenderTest, SpokenTextCannotGiveTheTelephoneOrders) {
  Notification page = Example();
  page.title = "</Say><Dial>+19005550100</Dial>" + std::string(5000, '<');
  const std::string twiml = RenderVoice(page);
  EXPECT_LE(twiml.size(), 4000U);
  EXPECT_THAT(twiml, Not(HasSubstr("<Dial>")));
  EXPECT_THAT(twiml, StartsWith("<Response>"));
  EXPECT_THAT(twiml, EndsWith("</Say></Response>"));
}

TEST(RenderTest, MailReadersSeeTheTextThatWasWritten) {
  Random random(13);
  for (int round = 0; round < 300; ++round) {
    Notification page = Example();
    page.title.clear();
    page.body.clear();
    const std::uint64_t length = 1 + random.Below(250);
    for (std::uint64_t i = 0; i < length; ++i) {
      AppendUtf8(page.title, static_cast<char32_t>(0x21 + random.Below(random.OneIn(3) ? 0x400 : 0x5E)));
      AppendUtf8(page.body, static_cast<char32_t>(random.OneIn(8)   ? '\n'
                                                  : random.OneIn(6) ? '.'
                                                                    : 0x20 + random.Below(0x5F)));
    }
    page.title = std::string(TruncateUtf8(page.title, 250));
    std::erase_if(page.title, [](char c) { return static_cast<unsigned char>(c) == 0x7F; });
    const std::string message = RenderEmail(page, "tocsin@example.com", "alice@example.com");
    for (const auto line : absl::StrSplit(message, "\r\n")) {
      EXPECT_FALSE(ToStd(line).starts_with('.'));
      EXPECT_LE(line.size(), 998U);
    }
    const std::string decoded = DecodeBody(message);
    const std::string subject = DecodeSubject(message);
    EXPECT_THAT(decoded, StartsWith(absl::StrCat(subject.substr(subject.find(' ') + 1), "\n\n")));
    for (const auto line : absl::StrSplit(page.body, '\n')) {
      EXPECT_THAT(decoded, HasSubstr(std::string(Trim(ToStd(line)))));
    }
  }
}

TEST(RenderTest, AllAttemptsAtANotificationAreTheSameMail) {
  Notification page = Example();
  const std::string first = RenderEmail(page, "T <tocsin@example.com>", "alice@example.com");
  page.attempt = 2;
  const std::string second = RenderEmail(page, "T <tocsin@example.com>", "alice@example.com");
  const auto line = [](const std::string& message, const char* name) {
    const std::size_t start = message.find(name);
    return message.substr(start, message.find("\r\n", start) - start);
  };
  EXPECT_EQ(line(first, "Message-ID: "), "Message-ID: <abc123@example.com>");
  EXPECT_EQ(line(second, "Message-ID: "), line(first, "Message-ID: "));
  EXPECT_EQ(line(second, "Date: "), "Date: Tue, 14 Nov 2023 22:13:20 +0000");
  EXPECT_EQ(line(second, "X-Tocsin-Attempt: "), "X-Tocsin-Attempt: 2");
}

TEST(RenderTest, AnEncodedWordOfOthersIsNotDecoded) {
  Notification page = Example();
  page.title = "=?UTF-8?Q?not_ours?=";
  const std::string message = RenderEmail(page, "tocsin@example.com", "alice@example.com");
  EXPECT_EQ(DecodeSubject(message), "[PAGE] =?UTF-8?Q?not_ours?=");
  EXPECT_THAT(message, Not(HasSubstr("Subject: [PAGE] =?")));
}

}  // namespace
}  // namespace tocsin::notify
