#include "ingest/mail.h"

#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/strings.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const Now kNow{.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)};

std::string Message(std::string_view subject, std::string_view more = "", std::string_view text = "hello") {
  return "From: Monitoring <Mon@Example.com>\r\nTo: key@tocsin\r\nSubject: " + std::string(subject) + "\r\n" +
         std::string(more) + "\r\n" + std::string(text) + "\r\n";
}

AlertEvent Event(std::string_view subject, std::span<const MailRule> rules = {}, std::string_view text = "hello") {
  const Readings readings = ReadMailEvents(ReadMail(Message(subject, "", text)), "", rules, kNow);
  EXPECT_THAT(readings, SizeIs(1));
  EXPECT_TRUE(readings[0].event.has_value()) << readings[0].reason;
  return readings[0].event.value_or(AlertEvent());
}

TEST(MailTest, ReadsHeadersThatAreEncodedAndTheFirstPlainPart) {
  const Mail mail = ReadMail(
      "From: =?iso-8859-1?Q?J=F6rg?= <joerg@example.com>\r\nSubject: =?UTF-8?B?UGxhdHRlIHZvbGwg8J+UpQ==?=\r\n"
      "Date: Sat, 21 Nov 2026 10:00:00 +0200\r\nMessage-ID: <m1@x>\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>not me\r\n"
      "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
      "97 % belegt, =FCber alles\r\n--b--\r\n");
  EXPECT_EQ(mail.from, "joerg@example.com");
  EXPECT_EQ(mail.subject, "Platte voll \xF0\x9F\x94\xA5");
  EXPECT_EQ(mail.text,
            "97 % belegt, \xC3\xBC"
            "ber alles");
  EXPECT_EQ(mail.message_id, "m1@x");
  EXPECT_EQ(mail.date, absl::FromCivil(absl::CivilSecond(2026, 11, 21, 8, 0, 0), absl::UTCTimeZone()));
}

TEST(MailTest, HtmlAloneIsReadWithoutItsTags) {
  const Mail mail =
      ReadMail(Message("x", "Content-Type: text/html\r\n",
                       "<style>p{}</style><p>Disk &gt; 90%</p><p>on <b>db1</b></p><script>evil()</script>"));
  EXPECT_EQ(mail.text, "Disk > 90%\non db1");
}

TEST(MailTest, TheBeginningAndTheEndAreOneAlert) {
  const struct {
    std::string_view begins;
    std::string_view ends;
  } kPairs[] = {
      {"[FIRING:1] Disk full (db1)",                        "[RESOLVED] Disk full (db1)"                  },
      {"** PROBLEM Service Alert: db1/Disk is CRITICAL **", "** RECOVERY Service Alert: db1/Disk is OK **"},
      {"ALARM: \"cpu\" in EU (Ireland)",                    "OK: \"cpu\" in EU (Ireland)"                 },
      {"Problem: High load on web-1",                       "Resolved: High load on web-1"                },
      {"DOWN: www.example.com",                             "Re: UP: www.example.com"                     },
  };
  for (const auto& [begins, ends] : kPairs) {
    SCOPED_TRACE(begins);
    EXPECT_EQ(Event(begins).kind, EventKind::kTrigger);
    EXPECT_EQ(Event(ends).kind, EventKind::kResolve);
    EXPECT_EQ(Event(begins).dedup_key, Event(ends).dedup_key);
  }
}

TEST(MailTest, AWordInTheMiddleOfASentenceSaysNothing) {
  for (const std::string_view subject :
       {"Is the server OK?", "ok computer", "Upgrade of db1", "Normally this works", "up and away"}) {
    SCOPED_TRACE(subject);
    EXPECT_EQ(Event(subject).kind, EventKind::kTrigger);
  }
  EXPECT_NE(Event("disk full on db1").dedup_key, Event("disk full on db2").dedup_key);
}

TEST(MailTest, RulesDecideFirst) {
  const MailRule rules[] = {
      {.from = "",               .subject = "newsletter", .body = "", .action = MailRule::Action::kIgnore},
      { .from = "mon@",
       .subject = R"(backup of (?P<host>\S+) done)",
       .body = "",
       .action = MailRule::Action::kResolve,
       .key = "backup/{{host}}"},
      {                                                                .from = "",
       .subject = R"(backup of (?P<host>\S+) failed)",
       .body = "exit (?P<code>\\d+)",
       .key = "backup/{{host}}",
       .severity = "critical",
       .labels = {{"host", "{{host}}"}, {"code", "{{code}}"}}},
  };
  const AlertEvent failed = Event("Backup of db1 FAILED", rules, "it ended with exit 17");
  EXPECT_EQ(failed.dedup_key, "backup/db1");
  EXPECT_EQ(failed.severity, Severity::kCritical);
  EXPECT_EQ(Find(failed.labels, "host"), "db1");
  EXPECT_EQ(Find(failed.labels, "code"), "17");
  const AlertEvent done = Event("backup of db1 done", rules);
  EXPECT_EQ(done.kind, EventKind::kResolve);
  EXPECT_EQ(done.dedup_key, failed.dedup_key);
  EXPECT_EQ(ReadMailEvents(ReadMail(Message("Our Newsletter")), "", rules, kNow)[0].kind, Refused::Kind::kIgnored);
  EXPECT_EQ(Find(Event("something else", rules).labels, "alertname"), "something else") << "no rule fits: an alert";
}

TEST(MailTest, RepliesOfMachinesAreNobodysAlert) {
  for (const std::string_view header :
       {"Auto-Submitted: auto-replied\r\n", "X-Autoreply: yes\r\n", "Content-Type: multipart/report; boundary=x\r\n"}) {
    SCOPED_TRACE(header);
    EXPECT_FALSE(ReadMailEvents(ReadMail(Message("Out of office", header)), "", {}, kNow)[0].event.has_value());
  }
  EXPECT_TRUE(ReadMailEvents(ReadMail(Message("Disk", "Auto-Submitted: auto-generated\r\n")), "", {}, kNow)[0]
                  .event.has_value())
      << "a monitoring system is a machine, too";
}

TEST(MailTest, WhatIsCutIsCutBetweenCharacters) {
  std::string text = "x";
  for (int i = 0; i < 8000; ++i)
    text += "\xD0\xB6";
  for (const std::string_view type : {"text/plain", "text/html"}) {
    SCOPED_TRACE(type);
    const std::string message =
        "From: a@b\r\nContent-Type: " + std::string(type) + "; charset=utf-8\r\n\r\n" + text + "\r\n";
    const Readings readings = ReadMailEvents(ReadMail(message), "", {}, kNow);
    ASSERT_TRUE(readings[0].event.has_value());
    EXPECT_TRUE(IsValidUtf8(readings[0].event->dedup_key));
    for (const Label& annotation : readings[0].event->annotations)
      EXPECT_TRUE(IsValidUtf8(annotation.value)) << annotation.name;
    EXPECT_THAT(Find(readings[0].event->annotations, "summary"), SizeIs(199));
  }
}

TEST(MailTest, ASenderOfTheEnvelopeMayBeNoUtf8) {
  const Readings readings = ReadMailEvents(ReadMail("Subject: x\r\n\r\nhello\r\n"), "j\xFCrgen@x", {}, kNow);
  ASSERT_TRUE(readings[0].event.has_value());
  EXPECT_EQ(Find(readings[0].event->labels, "from"), "j\xEF\xBF\xBDrgen@x");
  EXPECT_TRUE(IsValidUtf8(readings[0].event->dedup_key));
}

TEST(MailTest, ADateThatNoAlertCanHaveBegunAtSaysNothing) {
  const auto start = [](std::string_view date) {
    const Mail mail = ReadMail(Message("x", "Date: " + std::string(date) + "\r\n"));
    return ReadMailEvents(mail, "", {}, kNow)[0].event->starts_at;
  };
  EXPECT_EQ(start("Fri, 31 Dec 9999 23:59:59 +0000"), std::nullopt);
  EXPECT_EQ(start("Fri, 31 Dec 1999 23:59:59 +0000"), std::nullopt);
  EXPECT_EQ(start("Sat, 21 Nov 2026 10:00:00 +0000"),
            absl::FromCivil(absl::CivilSecond(2026, 11, 21, 10, 0, 0), absl::UTCTimeZone()));
}

TEST(MailTest, HtmlIsReadInLinearTime) {
  std::string html;
  while (html.size() < 40'000'000)  // it would be the better part of an hour if each tag copied what follows
    html += "<style</style>";
  EXPECT_EQ(ReadMail(Message("x", "Content-Type: text/html\r\n", html)).text, "");
}

TEST(MailTest, NoBytesBreakIt) {
  Random random(5);
  const std::string seed = Message(
      "=?UTF-8?Q?a=20b?=", "Content-Type: multipart/mixed; boundary=\"b\"\r\n",
      "--b\r\nContent-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n--b--");
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = seed;
    for (std::uint64_t change = 0; change <= random.Below(5); ++change) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
      bytes.erase(random.Below(bytes.size()), random.Below(3));
    }
    const Readings readings = ReadMailEvents(ReadMail(bytes), "a@b", {}, kNow);
    ASSERT_THAT(readings, SizeIs(1));
  }
  std::string deep;
  for (int i = 0; i < 2000; ++i)
    deep +=
        "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" + std::to_string(i) + "\r\n";
  EXPECT_THAT(ReadMailEvents(ReadMail(deep), "a@b", {}, kNow), SizeIs(1));
  EXPECT_THAT(ReadMailEvents(ReadMail(""), "", {}, kNow), SizeIs(1));
}

}  // namespace
}  // namespace tocsin
