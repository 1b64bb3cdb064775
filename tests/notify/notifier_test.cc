// The notifier against providers on real sockets that behave in all the ways in which providers do.
#include "notify/notifier.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/random.h"
#include "tests/notify/attempts.h"
#include "tests/support/fake_twilio.h"

namespace tocsin::notify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using Kind = AttemptResult::Kind;
using How = FakeAnswer::How;
using Method = ContactMethod::Kind;

constexpr const char* kNumber = "+4915112345678";
// For those who are not meant to be answered.
constexpr absl::Duration kShort = absl::Milliseconds(700);

FakeAnswer Does(How how, int status = 200, const std::string& body = "") {
  FakeAnswer answer;
  answer.how = how;
  answer.status = status;
  answer.body = body;
  return answer;
}

TEST(NotifierTest, AClosedGateMeansNoConnectionAtAll) {
  FakeTwilio twilio;
  Reports reports;
  Notifier notifier(LoopbackOptions(), reports.Taker());
  notifier.SetOrganisation(Shared(OrganisationWithTwilio(twilio.url())));
  const auto gate = std::make_shared<Gate>();
  ASSERT_TRUE(gate->Close());
  const Notification cancelled = PageBy(Method::kSms, kNumber);
  notifier.Start(cancelled, kGenerous, gate);
  EXPECT_EQ(reports.Of(cancelled.id).kind, Kind::kNotStarted);
  // One that is sent afterwards proves that the provider would have been reached.
  const Notification sent = PageBy(Method::kSms, kNumber);
  notifier.Start(sent, kGenerous, std::make_shared<Gate>());
  EXPECT_EQ(reports.Of(sent.id).kind, Kind::kAccepted);
  EXPECT_EQ(twilio.http().connections(), 1);
}

TEST(NotifierTest, AStartedAttemptHasItsGate) {
  FakeHttp server([](const FakeRequest&) { return Does(How::kHang); });
  Reports reports;
  Notifier notifier(LoopbackOptions(), reports.Taker());
  const auto gate = std::make_shared<Gate>();
  notifier.Start(PageBy(Method::kWebhook, server.url()), kGenerous, gate);
  ASSERT_TRUE(server.WaitForRequests(1));
  EXPECT_FALSE(gate->Close()) << "too late: it is under way";
}

TEST(NotifierTest, AProviderThatHangsHoldsNobodyElsesPage) {
  FakeHttp hanging([](const FakeRequest&) { return Does(How::kHang); });
  FakeHttp healthy([](const FakeRequest&) { return FakeAnswer{}; });
  Reports reports;
  Notifier::Options options = LoopbackOptions();
  options.max_per_host = 8;
  Notifier notifier(options, reports.Taker());
  for (int i = 0; i < 200; ++i)
    notifier.Start(PageBy(Method::kWebhook, hanging.url()), kGenerous, nullptr);
  ASSERT_TRUE(hanging.WaitForRequests(6));
  for (int i = 0; i < 50; ++i) {
    const Notification page = PageBy(Method::kWebhook, healthy.url());
    notifier.Start(page, kGenerous, nullptr);
    EXPECT_EQ(reports.Of(page.id).kind, Kind::kAccepted);
  }
  EXPECT_EQ(reports.all().size(), 50U) << "nothing has come of those that hang";
  EXPECT_EQ(hanging.connections(), 6) << "a quarter of the eight is reserved for critical pages";
  Notification critical = PageBy(Method::kWebhook, hanging.url());
  critical.lane = Notification::Lane::kCritical;
  notifier.Start(critical, kGenerous, nullptr);
  EXPECT_TRUE(hanging.WaitForRequests(7)) << "there is a slot for it";
}

TEST(NotifierTest, CriticalPagesGoFirstAndTheRestLast) {
  Mutex mutex;
  mutex.Lock();  // the first answer waits until all are queued
  FakeHttp server([&](const FakeRequest&) {
    const MutexLock lock(mutex);
    return FakeAnswer{};
  });
  Reports reports;
  Notifier::Options options = LoopbackOptions();
  options.max_in_flight = 1;
  options.reserved_critical = 0;
  options.max_per_host = 1;
  Notifier notifier(options, reports.Taker());
  const auto start = [&](Notification::Lane lane) {
    Notification page = PageBy(Method::kWebhook, server.url());
    page.lane = lane;
    notifier.Start(page, kGenerous, nullptr);
    return page.id;
  };
  const NotificationId first = start(Notification::Lane::kRest);
  ASSERT_TRUE(server.WaitForRequests(1));
  const NotificationId rest = start(Notification::Lane::kRest);
  const NotificationId normal = start(Notification::Lane::kNormal);
  const NotificationId critical = start(Notification::Lane::kCritical);
  const NotificationId critical_too = start(Notification::Lane::kCritical);
  mutex.Unlock();
  std::vector<NotificationId> order;
  for (const AttemptResult& result : reports.WaitFor(5))
    order.push_back(result.notification);
  EXPECT_THAT(order, ElementsAre(first, critical, critical_too, normal, rest));
}

TEST(NotifierTest, OneThatWaitsBeyondItsDeadlineIsReportedInTime) {
  FakeHttp server([](const FakeRequest&) { return Does(How::kHang); });
  Reports reports;
  Notifier::Options options = LoopbackOptions();
  options.max_per_host = 1;
  Notifier notifier(options, reports.Taker());
  notifier.Start(PageBy(Method::kWebhook, server.url()), kGenerous, nullptr);
  ASSERT_TRUE(server.WaitForRequests(1));
  const auto gate = std::make_shared<Gate>();
  const Notification page = PageBy(Method::kWebhook, server.url());
  notifier.Start(page, kShort, gate);
  EXPECT_EQ(reports.Of(page.id).kind, Kind::kNotStarted);
  EXPECT_TRUE(gate->Close()) << "it has not started and never will";
  EXPECT_EQ(server.connections(), 1);
}

TEST(NotifierTest, BeyondItsBoundItRefusesAtOnceAndSaysSo) {
  FakeHttp server([](const FakeRequest&) { return Does(How::kHang); });
  Reports reports;
  Notifier::Options options = LoopbackOptions();
  options.max_waiting = 3;
  Notifier notifier(options, reports.Taker());
  for (int i = 0; i < 5; ++i)
    notifier.Start(PageBy(Method::kWebhook, server.url()), kGenerous, nullptr);
  const std::vector<AttemptResult> results = reports.WaitFor(2);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].kind, Kind::kRetryLater);
  EXPECT_THAT(results[0].detail, HasSubstr("too many"));
}

TEST(NotifierTest, AProxyFromTheEnvironmentIsNotUsed) {
  FakeHttp proxy([](const FakeRequest&) { return FakeAnswer{}; });
  FakeHttp server([](const FakeRequest&) { return FakeAnswer{}; });
  setenv("http_proxy", proxy.url().c_str(), 1);
  setenv("all_proxy", proxy.url().c_str(), 1);
  const auto send = [&](const Notifier::Options& options) {
    Reports reports;
    Notifier notifier(options, reports.Taker());
    const Notification page = PageBy(Method::kWebhook, server.url());
    notifier.Start(page, kGenerous, nullptr);
    return reports.Of(page.id).kind;
  };
  EXPECT_EQ(send(LoopbackOptions()), Kind::kAccepted);
  EXPECT_EQ(proxy.connections(), 0);
  unsetenv("http_proxy");
  unsetenv("all_proxy");
  Notifier::Options configured = LoopbackOptions();
  configured.proxy = proxy.url();
  EXPECT_EQ(send(configured), Kind::kAccepted);
  EXPECT_EQ(proxy.connections(), 1);
}

TEST(NotifierTest, WithoutAProviderTheNextMethodIsUsedAtOnce) {
  Reports reports;
  Notifier notifier(LoopbackOptions(), reports.Taker());
  for (const Method kind : {Method::kSms, Method::kVoice, Method::kEmail}) {
    const Notification page = PageBy(kind, kind == Method::kEmail ? "a@example.com" : kNumber);
    notifier.Start(page, kGenerous, nullptr);
    EXPECT_EQ(reports.Of(page.id).kind, Kind::kRejected);
    EXPECT_THAT(reports.Of(page.id).detail, HasSubstr("configured"));
  }
}

TEST(NotifierTest, AtItsEndEverythingIsReportedOnceAndNothingNewIsStarted) {
  FakeHttp hanging([](const FakeRequest&) { return Does(How::kHang); });
  Reports reports;
  {
    Notifier::Options options = LoopbackOptions();
    options.max_per_host = 4;
    Notifier notifier(options, reports.Taker());
    for (int i = 0; i < 10; ++i)
      notifier.Start(PageBy(Method::kWebhook, hanging.url()), kGenerous, nullptr);
    ASSERT_TRUE(hanging.WaitForRequests(3));
  }
  std::map<Kind, int> kinds;
  for (const AttemptResult& result : reports.all())
    ++kinds[result.kind];
  EXPECT_THAT(kinds, UnorderedElementsAre(Pair(Kind::kAmbiguous, 3), Pair(Kind::kNotStarted, 7)));
  EXPECT_EQ(hanging.connections(), 3);
}

TEST(NotifierTest, AtItsEndAttemptsUnderWayMayFinishWithinTheGrace) {
  Mutex mutex;
  mutex.Lock();
  FakeHttp server([&](const FakeRequest&) {
    const MutexLock lock(mutex);
    return FakeAnswer{};
  });
  Reports reports;
  {
    Notifier::Options options = LoopbackOptions();
    options.shutdown_grace = kGenerous;
    Notifier notifier(options, reports.Taker());
    notifier.Start(PageBy(Method::kWebhook, server.url()), kGenerous, nullptr);
    ASSERT_TRUE(server.WaitForRequests(1));
    mutex.Unlock();
  }
  ASSERT_EQ(reports.all().size(), 1U);
  EXPECT_EQ(reports.all()[0].kind, Kind::kAccepted);
}

// Providers that do anything, gates that close at any time: one report for each attempt, and what was sent was allowed.

TEST(NotifierTest, EveryAttemptIsReportedExactlyOnceUnderChaos) {
  constexpr std::uint64_t kSeed = 20240229;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  Random provider_random = random.Split();
  FakeTwilio twilio([&](const FakeRequest&) -> std::optional<FakeAnswer> {
    switch (provider_random.Below(10)) {
      case 0: return Does(How::kHang);
      case 1: return Does(How::kDrop);
      case 2: return Does(How::kReset);
      case 3: return Does(How::kAnswer, 429);
      case 4: return Does(How::kAnswer, 500);
      case 5: return Does(How::kRaw, 200, "\x01\x02\x03");
      case 6: return Does(How::kStall, 201, "{\"sid\":");
      default: return std::nullopt;
    }
  });
  Reports reports;
  std::set<NotificationId> started;
  std::map<NotificationId, bool> closed;
  {
    Notifier::Options options = LoopbackOptions();
    options.max_per_host = 16;
    Notifier notifier(options, reports.Taker());
    notifier.SetOrganisation(Shared(OrganisationWithTwilio(twilio.url())));
    for (int i = 0; i < 400; ++i) {
      Notification page = PageBy(random.OneIn(2) ? Method::kSms : Method::kVoice, kNumber);
      page.lane = static_cast<Notification::Lane>(random.Below(3));
      const auto gate = std::make_shared<Gate>();
      started.insert(page.id);
      notifier.Start(page, absl::Milliseconds(random.Between(50, 1500)), gate);
      if (random.OneIn(3)) closed[page.id] = gate->Close();
    }
    EXPECT_EQ(reports.WaitFor(350).size() >= 350, true);
  }
  std::map<NotificationId, int> times;
  std::size_t accepted = 0;
  for (const AttemptResult& result : reports.all()) {
    ++times[result.notification];
    accepted += result.kind == Kind::kAccepted ? 1U : 0U;
    if (closed[result.notification]) {
      EXPECT_NE(result.kind, Kind::kAccepted);
      EXPECT_NE(result.kind, Kind::kAmbiguous);
    }
  }
  EXPECT_EQ(times.size(), started.size());
  EXPECT_TRUE(std::ranges::all_of(times, [](const auto& each) { return each.second == 1; }));
  EXPECT_GE(twilio.messages().size(), accepted) << "what is called accepted was taken by the provider";
  EXPECT_GT(accepted, 0U);
}

TEST(NotifierTest, StatisticsAddUp) {
  FakeTwilio twilio;
  Reports reports;
  Notifier notifier(LoopbackOptions(), reports.Taker());
  notifier.SetOrganisation(Shared(OrganisationWithTwilio(twilio.url())));
  for (const char* to : {kNumber, kNumber, FakeTwilio::kLandline})
    notifier.Start(PageBy(Method::kSms, to), kGenerous, nullptr);
  ASSERT_EQ(reports.WaitFor(3).size(), 3U);
  const Notifier::Statistics statistics = notifier.Read();
  const auto& sms = statistics.results[static_cast<std::size_t>(Method::kSms)];
  EXPECT_EQ(sms[static_cast<std::size_t>(Kind::kAccepted)], 2U);
  EXPECT_EQ(sms[static_cast<std::size_t>(Kind::kRejected)], 1U);
}

TEST(NotifierTest, TheHeartbeatIsAGetToTheDeadManService) {
  FakeHttp service([](const FakeRequest&) { return FakeAnswer{}; });
  Reports reports;
  Notifier notifier(Notifier::Options(), reports.Taker());
  notifier.Beat(service.url() + "/ping/secret", /*is_own=*/true);
  ASSERT_TRUE(service.WaitForRequests(1));
  EXPECT_EQ(service.requests()[0].method, "GET");
  EXPECT_EQ(service.requests()[0].target, "/ping/secret");
  EXPECT_TRUE(reports.all().empty());
}

// A pipe that nobody reads stands for a terminal after Ctrl-S.

TEST(NotifierTest, AStoppedTerminalHoldsNobodyElsesPage) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  FakeHttp healthy([](const FakeRequest&) { return FakeAnswer{}; });
  Reports reports;
  Notifier::Options options = LoopbackOptions();
  options.terminal_fd = ends[1];
  Notifier notifier(options, reports.Taker());
  Notification large = PageBy(Method::kTerminal, "alice");
  large.body = std::string(15'000, 'x');
  std::vector<NotificationId> printed;
  for (int i = 0; i < 6; ++i) {  // six of 15 KB into a pipe of 64 KiB
    large.id = NotificationId(1'000'000 + static_cast<std::uint64_t>(i));
    notifier.Start(large, i < 3 ? kGenerous : absl::Seconds(2), nullptr);  // three fit, whenever they are written
  }
  const Notification page = PageBy(Method::kWebhook, healthy.url());
  notifier.Start(page, kGenerous, nullptr);
  EXPECT_EQ(reports.Of(page.id).kind, Kind::kAccepted);
  std::map<Kind, int> kinds;
  for (const AttemptResult& result : reports.WaitFor(7))
    ++kinds[result.kind];
  EXPECT_GT(kinds[Kind::kAccepted], 1) << "what went into the pipe";
  EXPECT_GT(kinds[Kind::kRetryLater], 0) << "what did not";
  close(ends[0]);
  close(ends[1]);
}

TEST(NotifierTest, ATerminalShowsWhoWhatAndHowToAcknowledge) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Reports reports;
  Notifier::Options options = LoopbackOptions();
  options.terminal_fd = ends[1];
  Notifier notifier(options, reports.Taker());
  const Notification page = PageBy(Method::kTerminal, "alice's screen");
  notifier.Start(page, kGenerous, nullptr);
  ASSERT_EQ(reports.Of(page.id).kind, Kind::kAccepted);
  char buffer[8192];
  const auto got = read(ends[0], buffer, sizeof buffer);
  ASSERT_GT(got, 0);
  const std::string text(buffer, static_cast<std::size_t>(got));
  for (const char* part : {"PAGE for alice", "alice's screen", "DiskFull on db-1", "/var is 99% full", "tocsin ack G17",
                           "https://tocsin.example.com/a/abcdef"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace tocsin::notify
