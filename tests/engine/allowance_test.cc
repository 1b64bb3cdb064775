// Limits against a naive reading of them, and what they mean in a long storm.
#include "engine/allowance.h"

#include <array>

#include <gtest/gtest.h>

#include "base/random.h"

namespace tocsin {
namespace {

using Lane = Notification::Lane;
using Sent = Throttle::Sent;

constexpr EngineTime At(std::int64_t seconds) {
  return EngineTime(seconds * 1'000'000'000);
}

// As the header says it, second by second.
bool NaivelyAllowed(const std::vector<MessageLimit>& limits, const std::vector<Sent>& sent, Lane lane, EngineTime at) {
  for (const MessageLimit& limit : limits) {
    std::array<int, 3> count{};
    EngineTime last;
    for (const Sent& message : sent) {
      if (at - message.at >= limit.window) continue;
      ++count[static_cast<std::size_t>(message.lane)];
      if (message.lane == lane) last = std::max(last, message.at);
    }
    const int mine = count[static_cast<std::size_t>(lane)];
    const int others = count[0] + count[1] + count[2] - mine;
    const int normal = limit.messages - limit.critical;
    const int share = lane == Lane::kCritical ? limit.messages : lane == Lane::kNormal ? normal : (normal + 1) / 2;
    const int budget = share - others;
    if (mine >= budget) return false;
    const int at_once = (budget + 1) / 2;
    if (mine >= at_once && at - last < limit.window / (budget - at_once + 1)) return false;
  }
  return true;
}

TEST(AllowanceTest, AgreesWithANaiveReading) {
  Random random(1);
  for (int round = 0; round < 3'000; ++round) {
    std::vector<MessageLimit> limits;
    for (std::int64_t i = random.Between(1, 2); i > 0; --i) {
      const auto messages = static_cast<std::int32_t>(random.Between(1, 9));
      limits.push_back({messages, static_cast<std::int32_t>(random.Below(static_cast<std::uint64_t>(messages))),
                        absl::Seconds(static_cast<std::int64_t>(12 * random.Between(1, 5)))});
    }
    std::vector<Sent> sent;
    std::int64_t now = 0;
    for (std::int64_t i = random.Between(0, 12); i > 0; --i) {
      now += random.Between(0, 9);
      sent.push_back({At(now), static_cast<Lane>(random.Below(3)), "", NotificationId()});
    }
    now += random.Between(0, 9);
    const auto lane = static_cast<Lane>(random.Below(3));
    const EngineTime when = WhenAllowed(limits, sent, lane, At(now));
    ASSERT_TRUE(NaivelyAllowed(limits, sent, lane, when)) << round;
    for (std::int64_t second = now; At(second) < when; ++second)
      ASSERT_FALSE(NaivelyAllowed(limits, sent, lane, At(second))) << round;
  }
}

TEST(AllowanceTest, ALongStormIsToldEveryFewMinutesAndNeverMoreThanTheLimit) {
  for (const ContactMethod::Kind kind :
       {ContactMethod::Kind::kVoice, ContactMethod::Kind::kSms, ContactMethod::Kind::kEmail}) {
    std::vector<Sent> sent;
    EngineTime now;
    while (now < At(6 * 3600)) {
      const EngineTime when = WhenAllowed(DefaultLimits(kind), sent, Lane::kNormal, now);
      EXPECT_LE(when - now, absl::Minutes(20)) << Name(kind);
      sent.push_back({when, Lane::kNormal, "", NotificationId()});
      now = when;
    }
    for (const MessageLimit& limit : DefaultLimits(kind)) {
      for (std::size_t i = 0; i < sent.size(); ++i) {
        std::int32_t within = 0;
        for (std::size_t k = i; k < sent.size() && sent[k].at - sent[i].at < limit.window; ++k)
          ++within;
        ASSERT_LE(within, limit.messages - limit.critical) << Name(kind);
      }
    }
  }
}

TEST(AllowanceTest, ACriticalMessageGoesAtOnceHoweverMuchElseWasSent) {
  for (std::size_t kind = 0; kind < kContactKinds; ++kind) {
    const auto limits = DefaultLimits(static_cast<ContactMethod::Kind>(kind));
    for (const Lane lane : {Lane::kNormal, Lane::kRest}) {
      std::vector<Sent> sent;
      while (WhenAllowed(limits, sent, lane, At(5)) == At(5))
        sent.push_back({At(5), lane, "", NotificationId()});
      EXPECT_FALSE(sent.empty());
      EXPECT_EQ(WhenAllowed(limits, sent, Lane::kCritical, At(5)), At(5)) << kind;
    }
  }
}

TEST(AllowanceTest, PagesAboutOneTopicWaitForTheWindowAndCriticalOnesBreakThrough) {
  const std::vector<Sent> sent = {
      {At(10), Lane::kNormal, "db",  NotificationId()},
      {At(20), Lane::kRest,   "web", NotificationId()}
  };
  const absl::Duration window = absl::Seconds(60);
  EXPECT_EQ(WhenUnbundled(window, sent, Lane::kNormal, "db", At(30)), At(70));
  EXPECT_EQ(WhenUnbundled(window, sent, Lane::kNormal, "web", At(30)), At(30)) << "another topic";
  EXPECT_EQ(WhenUnbundled(window, sent, Lane::kCritical, "db", At(30)), At(30));
  EXPECT_EQ(WhenUnbundled(window, sent, Lane::kRest, "web", At(30)), At(80));
  EXPECT_EQ(WhenUnbundled(window, sent, Lane::kNormal, "db", At(100)), At(100));
  const std::vector<Sent> bundle = {
      {At(10), Lane::kNormal, "", NotificationId()}
  };
  EXPECT_EQ(WhenUnbundled(window, bundle, Lane::kNormal, "web", At(30)), At(70)) << "it may have told of every topic";
  EXPECT_EQ(WhenUnbundled(window, bundle, Lane::kCritical, "web", At(30)), At(30))
      << "only limits hold what is critical";
  const std::vector<Sent> named = {
      {At(10), Lane::kNormal, JoinTopics({"web", "db"}), NotificationId()}
  };
  EXPECT_EQ(WhenUnbundled(window, named, Lane::kNormal, "web", At(30)), At(70));
  EXPECT_EQ(WhenUnbundled(window, named, Lane::kNormal, "we", At(30)), At(30));
  EXPECT_EQ(WhenUnbundled(window, named, Lane::kNormal, "cache", At(30)), At(30)) << "its first page goes at once";
  std::set<std::string> many;
  for (int i = 0; i < 17; ++i)
    many.insert(std::to_string(i));
  EXPECT_EQ(JoinTopics(many), "") << "too many to name: every topic";
}

TEST(AllowanceTest, TheMethodsOwnLimitsComeBeforeThoseOfItsKind) {
  Organisation organisation;
  ContactMethod method;
  method.kind = ContactMethod::Kind::kSms;
  EXPECT_EQ(LimitsOf(nullptr, method).size(), 2U);
  organisation.limits.kinds = {
      {ContactMethod::Kind::kSms, {}}
  };
  EXPECT_TRUE(LimitsOf(&organisation, method).empty());
  method.limits = {
      {3, 1, absl::Minutes(1)}
  };
  EXPECT_EQ(LimitsOf(&organisation, method).front().messages, 3);
}

}  // namespace
}  // namespace tocsin
