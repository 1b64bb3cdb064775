// What people read: titles, bodies, links. Text from strangers stays harmless.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/exemplars.h"
#include "engine/link.h"
#include "engine/message.h"
#include "engine/receiver_log.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Group SampleGroup() {
  Group group;
  group.id = GroupId(17);
  group.labels = {
      {"alertname", "DatabaseDown"}
  };
  group.service = ServiceId("payments");
  group.route.id = RouteId("root");
  group.highest = Severity::kCritical;
  group.firing = 12;
  group.opened_at = Noon();
  AlertSummary alert;
  alert.labels = {
      {"alertname", "DatabaseDown"},
      {"instance",  "db1"         }
  };
  alert.annotations = {
      {"summary", "the disk is gone"}
  };
  alert.link = "https://prometheus.example.com/graph";
  group.exemplars = {alert};
  return group;
}

TEST(MessageTest, SaysWhatWhoElseWhatNextAndHowToAcknowledge) {
  PageContext context;
  context.reason = "step 1 of 2 of policy db: schedule primary";
  context.others = {UserId("bob"), UserId("carol")};
  context.next = "step 2 of 2 at 2024-01-01 12:10 UTC unless somebody acknowledges";
  const MessageText message = PageMessage(SampleGroup(), context, {Noon(), EngineTime()});
  EXPECT_EQ(message.title, "[CRITICAL] DatabaseDown (12 alerts) payments");
  EXPECT_EQ(message.body,
            "12 alerts firing, highest severity critical, open since 2024-01-01 12:00 UTC\n"
            "Group G17 {alertname=\"DatabaseDown\"}, route root, service payments\n"
            "\n"
            "- {instance=\"db1\"} the disk is gone\n"
            "  https://prometheus.example.com/graph\n"
            "... and 11 more\n"
            "\n"
            "You are paged by step 1 of 2 of policy db: schedule primary.\n"
            "Also paged: bob, carol.\n"
            "Next: step 2 of 2 at 2024-01-01 12:10 UTC unless somebody acknowledges.\n");
}

TEST(MessageTest, AnInstantReadsAsTheLibraryHasIt) {
  std::uint64_t seed = 1;
  for (int i = 0; i < 2000; ++i) {
    seed = seed * 6364136223846793005 + 1442695040888963407;
    const absl::Time at = absl::FromUnixNanos(static_cast<std::int64_t>(seed));
    std::string expected = absl::FormatTime("%Y-%m-%d %H:%M:%S", at, absl::UTCTimeZone());
    if (expected.ends_with(":00")) expected.resize(expected.size() - 3);
    EXPECT_EQ(Instant(at), expected + " UTC");
  }
  EXPECT_EQ(Instant(absl::FromUnixSeconds(0)), "1970-01-01 00:00 UTC");
  EXPECT_EQ(Instant(absl::FromCivil(absl::CivilSecond(12345, 1, 2, 3, 4), absl::UTCTimeZone())),
            "12345-01-02 03:04 UTC");
  EXPECT_EQ(Instant(absl::FromCivil(absl::CivilSecond(33, 1, 2, 3, 4, 5), absl::UTCTimeZone())),
            absl::FormatTime("%Y-%m-%d %H:%M:%S UTC",
                             absl::FromCivil(absl::CivilSecond(33, 1, 2, 3, 4, 5), absl::UTCTimeZone()),
                             absl::UTCTimeZone()));
}

TEST(MessageTest, AGroupOfDifferentAlertsSaysSo) {
  Group group = SampleGroup();
  group.labels = {
      {"service", "payments"}
  };
  group.exemplars.push_back(group.exemplars.front());
  group.exemplars.back().labels = {
      {"alertname", "DiskFull"}
  };
  group.exemplars.front().labels = {
      {"alertname", "DatabaseDown"}
  };
  EXPECT_EQ(GroupTitle(group), "[CRITICAL] DatabaseDown and others (12 alerts) payments");
}

TEST(MessageTest, TextFromStrangersIsCutAndStartsNoLineOfItsOwn) {
  Group group = SampleGroup();
  group.labels[0].value = std::string("Evil\r\nBcc: everybody\0\x1b[31m", 27) + std::string(100'000, 'x');
  group.exemplars[0].annotations[0].value = "\nAcknowledge: rm -rf\n" + std::string(100'000, 'y');
  group.exemplars[0].labels[1].value = std::string(100'000, 'z');
  group.exemplars[0].link = "javascript:\n" + std::string(100'000, 'l');
  for (int i = 0; i < 9; ++i)
    group.exemplars.push_back(group.exemplars[0]);
  PageContext context;
  for (int i = 0; i < 5000; ++i)
    context.others.emplace_back("somebody with a long name");
  const MessageText message = PageMessage(group, context, {Noon(), EngineTime()});
  EXPECT_LE(message.title.size(), 210U);
  EXPECT_LE(message.body.size(), 8U * 1024);
  for (const char c : message.title)
    EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  for (const char c : message.body)
    EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  EXPECT_THAT(message.body, Not(HasSubstr("\nAcknowledge: rm")));
  EXPECT_THAT(message.body, Not(HasSubstr("\nBcc")));
  EXPECT_THAT(message.body, HasSubstr("and 4990 more"));
  EXPECT_TRUE(IsValidUtf8(message.body));
}

TEST(MessageTest, CuttingNeverSplitsACharacter) {
  Group group = SampleGroup();
  std::string umlauts;
  for (int i = 0; i < 1000; ++i)
    umlauts += "\xC3\xBC";
  group.labels[0].value = umlauts;
  group.exemplars[0].annotations[0].value = "x" + umlauts;
  const MessageText message = PageMessage(group, {}, {Noon(), EngineTime()});
  EXPECT_TRUE(IsValidUtf8(message.title));
  EXPECT_TRUE(IsValidUtf8(message.body));
}

TEST(MessageTest, ResolvedSaysByWhomAndAfterHowLong) {
  Group group = SampleGroup();
  group.resolved_by = "alerts recovered";
  group.acknowledged_by = "user:alice";
  group.opened_engine = EngineTime(0);
  const MessageText message = ResolvedMessage(group, {Noon(), EngineTime() + absl::Minutes(35)});
  EXPECT_EQ(message.title, "[RESOLVED] DatabaseDown payments");
  EXPECT_THAT(message.body, HasSubstr("is resolved: alerts recovered, after 35m."));
  EXPECT_THAT(message.body, HasSubstr("It was acknowledged by user:alice."));
}

TEST(ExemplarsTest, TenAlertsOfSixtyFourKilobytesFitARow) {
  AlertSummary alert;
  for (int i = 0; i < 16; ++i)
    alert.annotations.push_back({"a" + std::to_string(i), std::string(4096, 'x')});
  alert.labels = {
      {"instance", "db1"}
  };
  const std::vector<AlertSummary> kept = CutForRow(std::vector<AlertSummary>(10, alert));
  ASSERT_FALSE(kept.empty());
  EXPECT_EQ(kept[0].labels, alert.labels);
  std::size_t bytes = 0;
  for (const AlertSummary& one : kept) {
    for (const Label& label : one.annotations)
      bytes += label.value.size();
  }
  EXPECT_LE(bytes, 8U * 1024);
}

TEST(LinkTest, ComesBackAsItWasSigned) {
  const AcknowledgeLink link{SubjectOf(GroupId(17)), UserId("alice of the db team"), Noon(), 3, 1'704'000'000};
  const std::string token = SignLink(link, "key");
  EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.="),
            std::string::npos);
  const auto read = VerifyLink(token, "key", Noon() - absl::Seconds(1));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, link);
}

TEST(LinkTest, EndsWhenItSaysSo) {
  const std::string token = SignLink({SubjectOf(IncidentId(3)), UserId("bob"), Noon()}, "key");
  const absl::Status status = VerifyLink(token, "key", Noon()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("good until 2024-01-01 12:00 UTC"));
}

TEST(LinkTest, NoOtherKeyAndNoChangedCharacterIsAccepted) {
  const std::string token = SignLink({SubjectOf(GroupId(17)), UserId("alice"), Noon()}, "key");
  EXPECT_FALSE(VerifyLink(token, "other key", absl::UnixEpoch()).ok());
  EXPECT_FALSE(VerifyLink(token, "", absl::UnixEpoch()).ok());
  for (std::size_t i = 0; i < token.size(); ++i) {
    for (const char c : {'A', 'z', '.', '-', '\0', '%'}) {
      std::string changed = token;
      if (changed[i] == c) continue;
      changed[i] = c;
      const auto read = VerifyLink(changed, "key", absl::UnixEpoch());
      // The last character of a base64 text holds bits that say nothing.
      EXPECT_TRUE(!read.ok() || *read == *VerifyLink(token, "key", absl::UnixEpoch())) << i;
    }
  }
  for (const std::string_view text : {"", ".", "a.b", "....", "AAAA", "=.="}) {
    EXPECT_EQ(VerifyLink(text, "key", Noon()).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(VerifyLink(std::string(1 << 20, 'a'), "key", Noon()).ok());
}

TEST(LinkTest, LinkInAPageAcknowledgesThatPagesGroup) {
  World world;
  world.Observe({.age = absl::Hours(1)});
  const std::string& url = world.started().at(0).acknowledge_url;
  constexpr std::string_view kPrefix = "https://tocsin.example.com/ack/";
  ASSERT_TRUE(url.starts_with(kPrefix)) << url;
  const auto link =
      VerifyLink(std::string_view(url).substr(kPrefix.size()), World::Options().link_key, world.now().wall);
  ASSERT_TRUE(link.ok()) << link.status();
  EXPECT_EQ(link->subject, SubjectOf(world.Current()->id));
  EXPECT_EQ(link->user, UserId("alice"));
  EXPECT_EQ(link->began, absl::ToUnixSeconds(world.Current()->opened_at));
  Responder::Options options = World::Options();
  options.link_key.clear();
  World without(SampleOrganisation(), options);
  without.Observe({.age = absl::Hours(1)});
  EXPECT_THAT(without.started().at(0).acknowledge_url, IsEmpty());
}

// Alertmanager's table over the notification log.
TEST(ReceiverLogTest, FollowsAlertmanagersTable) {
  constexpr EngineTime kTold(0);
  struct Row {
    std::string_view name;
    bool told;
    std::uint32_t firing;
    std::uint64_t fired;     // since told
    std::uint64_t resolved;  // since told
    absl::Duration ago;
    bool send_resolved;
    TellReason expected;
  };
  const Row rows[] = {
      {"never told, firing",              false, 1, 0, 0, absl::ZeroDuration(),                  true,  TellReason::kFirst       },
      {"never told, nothing fires",       false, 0, 0, 0, absl::ZeroDuration(),                  true,  TellReason::kNothingNew  },
      {"a new alert",                     true,  2, 1, 0, absl::Minutes(5),                      true,  TellReason::kNewAlerts   },
      {"a new one for an old one",        true,  1, 1, 1, absl::Minutes(5),                      true,  TellReason::kNewAlerts   },
      {"some resolved",                   true,  1, 0, 1, absl::Minutes(5),                      true,  TellReason::kSomeResolved},
      {"some resolved, not wanted",       true,  1, 0, 1, absl::Minutes(5),                      false, TellReason::kNothingNew  },
      {"the same",                        true,  1, 0, 0, absl::Minutes(5),                      true,  TellReason::kNothingNew  },
      {"the same, just before repeating", true,  1, 0, 0, absl::Hours(4) - absl::Nanoseconds(1), true,
       TellReason::kNothingNew                                                                                                   },
      {"the same, for long",              true,  1, 0, 0, absl::Hours(4),                        true,  TellReason::kRepeat      },
      {"nothing fires",                   true,  0, 0, 1, absl::Hours(9),                        true,  TellReason::kNothingNew  },
  };
  for (const Row& row : rows) {
    Group group = SampleGroup();
    group.firing = row.firing;
    group.fired_total = 10 + row.fired;
    group.resolved_total = 10 + row.resolved;
    if (row.told) {
      group.last_notified_at = Noon();
      group.notified_engine = kTold;
      group.notified_fired_total = 10;
      group.notified_resolved_total = 10;
    }
    EXPECT_EQ(WhyTell(group, row.send_resolved, kTold + row.ago), row.expected) << row.name;
  }
}

}  // namespace
}  // namespace tocsin
