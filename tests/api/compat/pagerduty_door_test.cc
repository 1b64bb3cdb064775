#include "api/compat/pagerduty_door.h"

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "tests/api/compat/peer_world.h"

namespace tocsin {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kEnqueue = "/v2/enqueue";
constexpr std::string_view kCreate = "/generic/2010-04-15/create_event.json";

class PagerDutyDoorTest : public PeerTest {
 protected:
  void Register(HttpRouter& router) override {
    AddPagerDutyRoutes(router, events_, [this](Command command, CommandDone done) {
      changes_.push_back(std::get<RecordChange>(command.body).change);
      done({.status = change_status_});
    });
  }

  std::vector<ChangeEvent> changes_;
  absl::Status change_status_;

  static std::string Trigger(std::string_view key = kPagerDutyKey, std::string_view rest = "") {
    return absl::StrCat(R"({"routing_key":")", ToAbsl(key), R"(","event_action":"trigger","dedup_key":"k",)",
                        ToAbsl(rest), R"("payload":{"summary":"s","source":"h","severity":"critical"}})");
  }
  static std::string Resolve(std::string_view version = "v2") {
    if (version == "v1")
      return absl::StrCat(R"({"service_key":")", ToAbsl(kPagerDutyKey),
                          R"(","event_type":"resolve","incident_key":"k"})");
    return absl::StrCat(R"({"routing_key":")", ToAbsl(kPagerDutyKey), R"(","event_action":"resolve","dedup_key":"k"})");
  }
};

TEST_F(PagerDutyDoorTest, SaysYesInPagerDutysWordsAndOnlyWhenItIsDurable) {
  HttpResponse answer = Post(kEnqueue, Trigger());
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.body, R"({"status":"success","message":"Event processed","dedup_key":"k"})");
  answer = Post(absl::StrCat(ToAbsl(kCreate), "/"), Resolve("v1"),
                {
                    {"Content-Type", "application/x-www-form-urlencoded"}
  });
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"status":"success","message":"Event processed","incident_key":"k"})");
  const std::vector<FakeInlet::Batch> batches = inlet_.batches();
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0].keys, batches[1].keys);
  EXPECT_EQ(batches[1].events[0].kind, EventKind::kResolve);

  inlet_.Hold();
  std::atomic<bool> answered = false;
  std::thread sender([&] {
    EXPECT_EQ(Post(kEnqueue, Trigger()).status, 202);
    answered = true;
  });
  inlet_.Await(3);
  EXPECT_FALSE(answered);
  EXPECT_TRUE(inlet_.Complete());
  sender.join();
}

TEST_F(PagerDutyDoorTest, TriggersWithoutKeyAreAlertsOfTheirOwn) {
  const std::string body =
      absl::StrCat(R"({"routing_key":")", ToAbsl(kPagerDutyKey),
                   R"(","event_action":"trigger","payload":{"summary":"s","source":"h","severity":"info"}})");
  const HttpResponse first = Post(kEnqueue, body);
  const HttpResponse second = Post(kEnqueue, body);
  EXPECT_EQ(first.status, 202);
  EXPECT_NE(first.body, second.body);
  EXPECT_THAT(first.body, StartsWith(R"({"status":"success","message":"Event processed","dedup_key":")"));
  EXPECT_NE(inlet_.batches()[0].keys, inlet_.batches()[1].keys);
}

TEST_F(PagerDutyDoorTest, RefusesWhatIsNoEventWithAnExample) {
  constexpr std::string_view kUnrecognised =
      R"_({"status":"Unrecognized object","message":"Event object format is unrecognized","errors":["JSON parse error"],)_";
  const auto invalid = [](std::string_view error) {
    return absl::StrCat(R"({"status":"invalid event","message":"Event object is invalid","errors":[")", ToAbsl(error),
                        R"("],)");
  };
  const std::string unknown = "X0000000000000000000000000000000";
  struct Case {
    std::string_view path;
    std::string body;
    std::string answer;
  };
  const Case cases[] = {
      {kEnqueue, "no JSON",                                                                      std::string(kUnrecognised)                                               },
      {kEnqueue, "",                                                                             std::string(kUnrecognised)                                               },
      {kEnqueue, Trigger("abc"),                                                                 invalid("Length of 'routing_key' is incorrect (should be 32 characters)")},
      {kEnqueue, Trigger(unknown),                                                               invalid("Invalid routing key")                                           },
      {kEnqueue, Trigger(kHooksKey),                                                             invalid("Invalid routing key")                                           },
      {kCreate,  R"({"service_key":"R0000000000000000000000000000000","event_type":"TRIGGER"})",
       invalid("event_type is invalid (must be one of: trigger acknowledge resolve)")                                                                                     },
  };
  for (const Case& c : cases) {
    const HttpResponse answer = Post(c.path, c.body);
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(answer.body, StartsWith(c.answer));
    EXPECT_THAT(answer.body, HasSubstr(R"("example":{")"));
    EXPECT_THAT(answer.body, Not(HasSubstr(unknown)));
  }
  EXPECT_TRUE(inlet_.batches().empty());
  EXPECT_EQ(events_.ReadStatistics().unknown_keys, 3U);
  EXPECT_EQ(events_.ReadStatistics().unreadable_bodies, 3U);
}

TEST_F(PagerDutyDoorTest, RefusesAsPagerDutyDoesWhatIsTooMuch) {
  constexpr std::string_view kThrottled =
      R"({"status":"throttle exceeded","message":"Requests for this service are arriving too quickly.  Please retry later."})";
  inlet_.Refuse(Admission::kOverloaded);
  const HttpResponse v2 = Post(kEnqueue, Trigger());
  EXPECT_EQ(v2.status, 429);
  EXPECT_EQ(v2.body, kThrottled);
  EXPECT_EQ(FindHeader(v2.headers, "Retry-After"), "2");
  const HttpResponse v1 = Post(kCreate, Resolve("v1"));
  EXPECT_EQ(v1.status, 403);
  EXPECT_EQ(v1.body, kThrottled);
  for (const Admission admission : {Admission::kDiskLow, Admission::kStopping}) {
    inlet_.Refuse(admission);
    EXPECT_EQ(Post(kEnqueue, Trigger()).status, 503);
    EXPECT_EQ(Post(kCreate, Resolve("v1")).status, 503);
  }
  rules_ = std::make_shared<Rules>();
  EXPECT_EQ(Post(kEnqueue, Trigger("unknown")).status, 503);
}

TEST_F(PagerDutyDoorTest, RemembersWhatItDropped) {
  inlet_.Give(Outcome::kAlreadyResolved);
  EXPECT_EQ(Post(kEnqueue, Resolve()).status, 202);
  EXPECT_EQ(Post(kEnqueue, Trigger()).status, 202);
  const std::vector<Refusals::Refusal> refusals = events_.ReadRefusals();
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].text, R"(integration pd: resolve of "k", which is not open)");
  EXPECT_EQ(events_.ReadStatistics().accepted_events, 2U);
}

TEST_F(PagerDutyDoorTest, LargeBodiesAndOtherMethodsAreRefusedInItsWords) {
  std::string details(512'000, 'x');
  EXPECT_EQ(Post(kEnqueue, Trigger(kPagerDutyKey, absl::StrCat(R"("client":")", details, "\","))).status, 202);
  details.resize(700 * 1024);
  const HttpResponse large = Post(kEnqueue, Trigger(kPagerDutyKey, absl::StrCat(R"("client":")", details, "\",")));
  EXPECT_EQ(large.status, 413);
  EXPECT_THAT(large.body, StartsWith(R"({"status":"invalid event","message":)"));
  EXPECT_EQ(Call("GET", kEnqueue, "").status, 405);
  EXPECT_EQ(Post("/agent/2014-03-14/heartbeat", "{}").status, 200);
}

TEST_F(PagerDutyDoorTest, KeepsChanges) {
  const std::string body = absl::StrCat(
      R"({"routing_key":")", ToAbsl(kPagerDutyKey), R"(","payload":{"summary":"web 1.2 is live","source":"ci",)",
      R"("timestamp":"2100-01-01T00:00:00Z","custom_details":{"service":"web"}},"links":[{"href":"https://l","text":"t"}]})");
  const HttpResponse answer = Post("/v2/change/enqueue/", body);
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.body, R"({"status":"success","message":"Change event processed"})");
  ASSERT_EQ(changes_.size(), 1U);
  EXPECT_EQ(changes_[0].summary, "web 1.2 is live");
  EXPECT_EQ(changes_[0].source, "ci");
  EXPECT_EQ(changes_[0].service, ServiceId("web"));
  EXPECT_EQ(changes_[0].integration, IntegrationId("pd"));
  EXPECT_EQ(changes_[0].at, clock_.Read().wall) << "never later than now";
  ASSERT_EQ(changes_[0].links.size(), 1U);
  EXPECT_EQ(Post("/v2/change/enqueue", Trigger(kHooksKey)).status, 400);
  change_status_ = absl::ResourceExhaustedError("full");
  EXPECT_EQ(Post("/v2/change/enqueue", body).status, 429);
  change_status_ = absl::UnavailableError("stopping");
  EXPECT_EQ(Post("/v2/change/enqueue", body).status, 503);
  EXPECT_TRUE(inlet_.batches().empty());
}

// What Netdata's script and Alertmanager really sent.
TEST_F(PagerDutyDoorTest, TakesTheCaptures) {
  const std::optional<std::filesystem::path> folder = FixtureFolder();
  if (!folder) GTEST_SKIP() << "no fixtures: set TOCSIN_FIXTURES to their folder";
  auto organisation = std::make_shared<Organisation>(*rules_->organisation);
  organisation->integrations.push_back(Door("pd1", "pagerduty", "S0000000000000000000000000000000"));
  auto rules = std::make_shared<Rules>();
  rules->organisation = organisation;
  rules_ = rules;
  std::size_t taken = 0;
  for (const std::string_view name : {"captures/netdata/pd", "captures/netdata/pdv2", "captures/alertmanager-out"}) {
    for (const Capture& capture : ReadCaptures(*folder / name)) {
      std::string target = capture.target;
      if (target.starts_with("/pd/")) target.erase(0, 3);
      if (target != kEnqueue && target != kCreate) continue;
      SCOPED_TRACE(capture.name);
      HttpHeaders headers;
      for (const auto& [header, value] : capture.headers) {
        if (header == "Content-Type" || header == "User-Agent") headers.push_back({header, value});
      }
      const HttpResponse answer = Post(target, capture.body, headers);
      EXPECT_EQ(answer.status, target == kEnqueue ? 202 : 200) << answer.body;
      ++taken;
    }
  }
  EXPECT_GE(taken, 7U);
  EXPECT_EQ(inlet_.batches().size(), taken);
}

}  // namespace
}  // namespace tocsin
