// What people are told at the end of every suppression: a table. Two real shards and a real responder, every seal durable at
// once; the alert "App" pages carol, its cause "Infra" pages dave.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/responder/whole_world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// One row: what holds back, from one o'clock to two, and how it begins and ends.
struct Suppression {
  const char* name;
  Labels app;  // besides alertname="App"
  const char* reason;
  std::function<void(WholeWorld&)> begin;
  std::function<void(WholeWorld&)> end;
  // An acknowledgement is of one problem: what comes back under it is another, and is told at once.
  bool covers_what_comes_back = true;
};

const Labels kInfra = {{"alertname", "Infra"}, {"cluster", "a"}};

CreateSilence SilenceFor(WholeWorld& world, bool maintenance, std::string_view service = "") {
  CreateSilence create;
  if (service.empty()) {
    create.silence.matchers = {{"alertname", MatchOp::kEqual, "App"}};
  }
  create.silence.maintenance = maintenance;
  create.silence.service = ServiceId(service);
  create.silence.starts_at = world.now().wall;
  create.silence.ends_at = world.now().wall + absl::Hours(1);
  return create;
}

std::vector<Suppression> Suppressions() {
  const auto nothing = [](WholeWorld&) {};
  const auto fire_infra = [](WholeWorld& world) { world.Fire(kInfra); };
  const auto end_infra = [](WholeWorld& world) { world.Resolve(kInfra); };
  return {
      {"silence",
       {},
       "silenced by S",
       [](WholeWorld& world) { EXPECT_TRUE(world.Do(SilenceFor(world, false)).status.ok()); },
       nothing},
      {"maintenance by matchers",
       {},
       "in maintenance M",
       [](WholeWorld& world) { EXPECT_TRUE(world.Do(SilenceFor(world, true)).status.ok()); },
       nothing},
      {"maintenance of the service",
       {},
       "in maintenance M",
       [](WholeWorld& world) { EXPECT_TRUE(world.Do(SilenceFor(world, true, "app")).status.ok()); },
       nothing},
      {"inhibition",
       {{"kind", "inhibited"}, {"cluster", "a"}},
       "inhibited by rule infra-explains",
       fire_infra,
       end_infra},
      {"mute interval",
       {{"kind", "muted"}},
       "muted by route muted inside of time interval one-to-two",
       nothing,
       nothing},
      {"outside of active interval",
       {{"kind", "inactive"}},
       "muted by route inactive outside of time interval not-one-to-two",
       nothing,
       nothing},
      {"dependency",
       {{"kind", "dependent"}},
       "held back: service dependent depends on infra, which is broken (G",
       fire_infra,
       end_infra},
      {"acknowledgement",
       {},
       "",
       [](WholeWorld& world) {
         if (world.Current() == nullptr) return;
         EXPECT_TRUE(world.Do(AcknowledgeGroup{world.Current()->id, std::nullopt}).status.ok());
       },
       nothing,
       false},
  };
}

class SuppressionTableTest : public testing::Test {
 protected:
  enum class Meanwhile {
    kGone,
    kStillThere,
    kGoneAndBack
  };

  // At noon the problem begins, or at half past one; at one the suppression begins, at two it ends.
  static std::pair<std::vector<std::string>, std::vector<std::string>> Run(const Suppression& row,
                                                                           bool told_before,
                                                                           Meanwhile meanwhile) {
    WholeWorld world;
    Labels app = row.app;
    app.push_back({"alertname", "App"});
    Normalise(app);
    if (told_before) world.Fire(app);
    world.Pass(absl::Minutes(59));
    if (told_before) {
      EXPECT_THAT(world.Told(), ElementsAre("page carol"));
    }
    world.Pass(absl::Minutes(1));
    row.begin(world);
    world.Pass(absl::Minutes(10));
    if (!told_before) world.Fire(app);
    CheckReason(world, row, app);
    if (meanwhile != Meanwhile::kStillThere) world.Resolve(app);
    world.Pass(absl::Minutes(20));
    if (meanwhile == Meanwhile::kGoneAndBack) world.Fire(app);
    world.Pass(absl::Minutes(29));
    const std::vector<std::string> during = world.Told();
    world.Pass(absl::Minutes(1));
    row.end(world);
    world.Pass(absl::Minutes(2));
    const std::vector<std::string> after = world.Told();
    world.Pass(absl::Hours(2));
    EXPECT_THAT(world.Told(), IsEmpty()) << "nobody is told twice";
    return {during, after};
  }

  static void CheckReason(WholeWorld& world, const Suppression& row, const Labels& app) {
    const std::string_view reason = row.reason;
    if (reason.empty()) return;
    const Group* group = world.Current();
    EXPECT_THAT(group != nullptr ? group->quiet_reason : world.HeldBy(app), StartsWith(std::string(reason)));
  }
};

TEST_F(SuppressionTableTest, GoneTellsThoseOfTheRecoveryWhoWereToldOfTheProblem) {
  for (const Suppression& row : Suppressions()) {
    SCOPED_TRACE(row.name);
    const auto [during, after] = Run(row, true, Meanwhile::kGone);
    EXPECT_THAT(during, ElementsAre("resolved carol"));
    EXPECT_THAT(after, IsEmpty());
  }
}

TEST_F(SuppressionTableTest, GoneTellsNobodyWhoWasNotTold) {
  for (const Suppression& row : Suppressions()) {
    if (!row.covers_what_comes_back) continue;
    SCOPED_TRACE(row.name);
    const auto [during, after] = Run(row, false, Meanwhile::kGone);
    EXPECT_THAT(during, IsEmpty());
    EXPECT_THAT(after, IsEmpty());
  }
}

TEST_F(SuppressionTableTest, StillTherePagesLate) {
  for (const Suppression& row : Suppressions()) {
    SCOPED_TRACE(row.name);
    for (const bool told_before : {true, false}) {
      if (!told_before && !row.covers_what_comes_back) continue;
      const auto [during, after] = Run(row, told_before, Meanwhile::kStillThere);
      EXPECT_THAT(during, IsEmpty());
      EXPECT_THAT(after, ElementsAre("page carol"));
    }
  }
}

TEST_F(SuppressionTableTest, GoneAndBackIsANewProblemThatIsToldOnce) {
  for (const Suppression& row : Suppressions()) {
    SCOPED_TRACE(row.name);
    const auto [during, after] = Run(row, true, Meanwhile::kGoneAndBack);
    if (row.covers_what_comes_back) {
      EXPECT_THAT(during, ElementsAre("resolved carol"));
      EXPECT_THAT(after, ElementsAre("page carol"));
    } else {
      EXPECT_THAT(during, ElementsAre("resolved carol", "page carol"));
      EXPECT_THAT(after, IsEmpty());
    }
  }
}

TEST_F(SuppressionTableTest, GoneAndBackUnheardOfIsToldOnceAtTheEnd) {
  for (const Suppression& row : Suppressions()) {
    if (!row.covers_what_comes_back) continue;
    SCOPED_TRACE(row.name);
    const auto [during, after] = Run(row, false, Meanwhile::kGoneAndBack);
    EXPECT_THAT(during, IsEmpty());
    EXPECT_THAT(after, ElementsAre("page carol"));
  }
}

// A receiver is Alertmanager's kind of being told: it may have Alertmanager's gaps, too, when it is asked for.
TEST(SuppressedRecoveryTest, AReceiverIsToldOrAsAlertmanagerHasItNot) {
  for (const bool drop : {false, true}) {
    Organisation organisation = TableOrganisation();
    Receiver chat;
    chat.id = ReceiverId("chat");
    chat.targets = {{ContactMethodId("hook"), ContactMethod::Kind::kWebhook, "https://chat.example.com", ""}};
    chat.drop_resolved_when_held = drop;
    organisation.receivers = {chat};
    organisation.route.policy = PolicyId();
    organisation.route.receiver = chat.id;
    WholeWorld world(organisation);
    const Labels app = {{"alertname", "App"}};
    world.Fire(app);
    EXPECT_THAT(world.Told(), ElementsAre("page chat"));
    world.Do(SilenceFor(world, false));
    world.Resolve(app);
    world.Pass(absl::Minutes(30));
    EXPECT_EQ(world.Told(), drop ? std::vector<std::string>() : std::vector<std::string>({"resolved chat"}));
    world.Pass(absl::Hours(1));
    world.Fire(app);
    world.Resolve(app);
    world.Pass(absl::Minutes(10));
    EXPECT_THAT(world.Told(), ElementsAre("page chat", "resolved chat")) << "not held: always told";
  }
}

// A person settles what is there; what begins to fire under a silence is not settled with it.
// Shards report before they have the rules, and know the sources of inhibition only when all of them have counted.
TEST(SuppressionTest, ARestartLeavesWhatIsSaidOfWhatHoldsBack) {
  for (const Suppression& row : Suppressions()) {
    if (*row.reason == '\0') continue;
    SCOPED_TRACE(row.name);
    WholeWorld world;
    Labels app = row.app;
    app.push_back({"alertname", "App"});
    Normalise(app);
    world.Fire(app);
    world.Pass(absl::Hours(1));
    row.begin(world);
    world.Pass(absl::Minutes(10));
    const std::string reason = world.Current()->quiet_reason;
    ASSERT_THAT(reason, StartsWith(row.reason));
    const std::vector<std::string> written = world.Written(TimelineEntry::Kind::kSuppressed);
    world.Restart();
    world.Pass(absl::Minutes(10));
    EXPECT_EQ(world.Current()->quiet_reason, reason);
    EXPECT_EQ(world.Written(TimelineEntry::Kind::kSuppressed), written);
  }
}

TEST(SuppressionTest, WhatASilenceHidWhenTheGroupWasResolvedByHandIsPagedAtItsEnd) {
  WholeWorld world;
  const Labels loud = {{"alertname", "App"}, {"instance", "1"}};
  const Labels hidden = {{"alertname", "App"}, {"instance", "2"}};
  CreateSilence silence = SilenceFor(world, false);
  silence.silence.matchers = {{"instance", MatchOp::kEqual, "2"}};
  world.Do(silence);
  world.Fire(loud);
  world.Fire(hidden);
  EXPECT_THAT(world.Told(), ElementsAre("page carol"));
  world.Do(ResolveGroup{world.Current()->id, std::nullopt});
  EXPECT_THAT(world.Told(), ElementsAre("resolved carol"));
  world.Pass(absl::Minutes(61));
  EXPECT_THAT(world.Told(), ElementsAre("page carol")) << "nobody had heard of it";
}

TEST(MaintenanceTest, AWindowComesRoundAndItsServiceIsQuietInsideOfIt) {
  WholeWorld world;
  CreateSilence create;
  create.silence.maintenance = true;
  create.silence.service = ServiceId("app");
  create.silence.starts_at = world.now().wall;
  create.silence.ends_at = absl::InfiniteFuture();
  create.silence.recurrence = {FromTo(13, 14)};
  create.silence.comment = "patching";
  const CommandResult made = world.Do(create);
  ASSERT_TRUE(made.status.ok()) << made.status;
  const Labels app = {{"alertname", "App"}};
  for (int day = 0; day < 3; ++day) {
    SCOPED_TRACE(day);
    world.Pass(absl::Minutes(90));  // half past one
    world.Fire(app);
    EXPECT_THAT(world.Current()->quiet_reason, HasSubstr("of service app: patching"));
    EXPECT_THAT(world.Told(), IsEmpty());
    world.Pass(absl::Minutes(31));
    EXPECT_THAT(world.Told(), ElementsAre("page carol"));
    world.Resolve(app);
    world.Told();
    world.Pass(absl::Hours(24) - absl::Minutes(121));  // noon
  }
  ASSERT_TRUE(world.Do(ExpireSilence{SilenceId(made.id), true}).status.ok());
  world.Pass(absl::Minutes(90));
  world.Fire(app);
  EXPECT_THAT(world.Told(), ElementsAre("page carol")) << "it has been ended";
}

TEST(MaintenanceTest, WindowsOfTheOrganisationAreMadeChangedAndEndedWithIt) {
  Organisation organisation = TableOrganisation();
  MaintenanceWindow window;
  window.id = MaintenanceId("lunch");
  window.service = ServiceId("app");
  window.time_intervals = {TimeIntervalId("one-to-two")};
  organisation.maintenance = {window};
  WholeWorld world(organisation);
  const auto apply = [&] {
    ASSERT_TRUE(world.Do(ApplyOrganisation{std::make_shared<const Organisation>(organisation), ""}).status.ok());
  };
  const Labels app = {{"alertname", "App"}};
  world.Pass(absl::Minutes(70));
  world.Fire(app);
  EXPECT_THAT(world.Current()->quiet_reason, StartsWith("in maintenance M"));
  const std::size_t rows = world.responder().state().silences.size();
  apply();
  EXPECT_EQ(world.responder().state().silences.size(), rows) << "the same again changes nothing";
  const SilenceId id = world.responder().state().silences.begin()->first;
  EXPECT_THAT(world.Do(ExpireSilence{id, true}).status.message(),
              HasSubstr("declared in the organisation's YAML as lunch"));
  EXPECT_THAT(world.Do(ExpireSilence{id, false}).status.message(), HasSubstr("is not known"));
  EXPECT_THAT(world.Told(), IsEmpty());
  organisation.maintenance.clear();
  apply();
  EXPECT_THAT(world.Told(), ElementsAre("page carol")) << "not declared any more";
  organisation.maintenance = {window};
  apply();
  EXPECT_THAT(world.Current()->quiet_reason, StartsWith("in maintenance M"));
}

TEST(MaintenanceTest, WhatMeansNothingIsRefusedInWords) {
  WholeWorld world;
  struct Case {
    std::function<void(Silence&)> spoil;
    const char* message;
  };
  const Case cases[] = {
      {[](Silence& s) { s.service = ServiceId("app"); }, "either matchers or a service"},
      {[](Silence& s) { s.matchers.clear(); }, "either matchers or a service"},
      {[](Silence& s) { s.matchers.clear(), s.service = ServiceId("nothing"); }, "service \"nothing\" does not exist"},
      {[](Silence& s) { s.ends_at = absl::InfiniteFuture(); }, "needs an end"},
      {[](Silence& s) { s.recurrence = {FromTo(14, 13)}; }, "over midnight takes two"},
      {[](Silence& s) { s.recurrence.resize(101); }, "at most 100"},
      {[](Silence& s) { s.maintenance = false, s.recurrence = {FromTo(13, 14)}; }, "that is a maintenance window"},
  };
  for (const Case& c : cases) {
    CreateSilence create = SilenceFor(world, true);
    c.spoil(create.silence);
    const absl::Status status = world.Do(create).status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
}

TEST(DependencyTest, AChainIsHeldBackAndARingOfSilenceIsNot) {
  Organisation organisation = TableOrganisation();
  organisation.services.push_back(
      {ServiceId("far"), "far", TeamId(), {{"kind", MatchOp::kEqual, "far"}}, {ServiceId("dependent")}, true});
  organisation.route.group_by = {"alertname", "kind"};
  WholeWorld world(organisation);
  const Labels near = {{"alertname", "App"}, {"kind", "dependent"}};
  const Labels far = {{"alertname", "Far"}, {"kind", "far"}};
  world.Fire(kInfra);
  world.Fire(near);
  world.Fire(far);
  EXPECT_THAT(world.Told(), IsEmpty());
  EXPECT_THAT(world.Current("Far")->quiet_reason, HasSubstr("depends on dependent, which is broken"));
  world.Resolve(kInfra);
  EXPECT_THAT(world.Told("App"), ElementsAre("page carol"));
  EXPECT_THAT(world.Current("Far")->quiet_reason, HasSubstr("depends on dependent")) << "that is still broken";
  // Somebody silences the cause: then what it holds back must be heard of, or nobody would be.
  world.Do(SilenceFor(world, false));
  EXPECT_THAT(world.Told("Far"), ElementsAre("page carol"));
}

}  // namespace
}  // namespace tocsin
