// ScheduleService: who may stand in, ask and take; what is refused and why; that a repeat does nothing; and what others see of it.
#include "gmock/gmock.h"

#include "tests/api/world.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Ann alone is on call on "primary", which belongs to ops. Carl is in no team of it.
std::string Organisation() {
  std::string yaml = OrganisationYaml();
  yaml.insert(
      yaml.find("teams: ["),
      "  - {id: carl, name: Carl, time_zone: UTC, contact_methods: [{id: desk, kind: terminal, address: carl}]}\n");
  yaml.replace(yaml.find("teams: ["), 8, "teams: [{id: web, name: Web, members: [carl]}, ");
  const std::string_view layers = "participants: [[{user: ann}]]}]";
  yaml.replace(yaml.find(layers), layers.size(),
               "participants: [[{user: ann}]]}]\n  - {id: other, team: web, time_zone: UTC, layers: [{id: l, rotation: "
               "{type: daily, start: '2024-01-01 09:00'}, participants: [bob, carl]}]}");
  return yaml;
}

class ScheduleServiceTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    ApplySample(Organisation());
    admin_ = token_;
  }

  void ActAs(v1::Role role, const std::string& user, const std::string& team = "") {
    token_ = admin_;
    v1::CreateTokenRequest request;
    request.set_role(role);
    request.set_user(user);
    request.set_name("t" + std::to_string(++names_));
    if (!team.empty()) request.add_teams(team);
    v1::CreateTokenResponse response;
    ASSERT_TRUE(Call("AccessService/CreateToken", request, response).ok());
    token_ = response.token();
  }

  google::protobuf::Timestamp In(absl::Duration after) {
    google::protobuf::Timestamp stamp;
    stamp.set_seconds(absl::ToUnixSeconds(clock_.Read().wall + after));
    return stamp;
  }
  v1::OverrideScheduleRequest Assign(const std::string& user, absl::Duration length = absl::Hours(2)) {
    v1::OverrideScheduleRequest request;
    request.set_schedule("primary");
    request.set_type(v1::Override::TYPE_ASSIGN);
    request.add_users(user);
    *request.mutable_end() = In(length);
    return request;
  }
  absl::Status Do(const std::string& method, const google::protobuf::Message& request) {
    return Call("ScheduleService/" + method, request, response_);
  }
  std::string OnCall(const std::string& schedule = "primary") {
    v1::WhoIsOnCallRequest request;
    request.set_schedule(schedule);
    v1::WhoIsOnCallResponse response;
    EXPECT_TRUE(Call("OnCallService/WhoIsOnCall", request, response).ok());
    std::string names;
    for (const auto& person : response.entries(0).people())
      names += person.user() + " ";
    return names;
  }
  std::uint64_t AskForSwap() {
    ActAs(v1::ROLE_RESPONDER, "ann");
    v1::RequestSwapRequest request;
    request.set_schedule("primary");
    *request.mutable_end() = In(absl::Hours(24));
    request.add_of("bob");
    EXPECT_TRUE(Do("RequestSwap", request).ok());
    return response_.change().id();
  }
  v1::SwapRequest Swap(std::uint64_t id, const std::string& user = "") {
    v1::SwapRequest request;
    request.set_id(id);
    request.set_user(user);
    return request;
  }

  std::string admin_;
  int names_ = 0;
  v1::ScheduleChangeResponse response_;
};

TEST_F(ScheduleServiceTest, AnOverrideCountsAtOnceAndADryRunDoesNot) {
  v1::OverrideScheduleRequest request = Assign("bob");
  request.set_dry_run(true);
  ASSERT_TRUE(Do("OverrideSchedule", request).ok());
  EXPECT_EQ(OnCall(), "ann ");
  EXPECT_EQ(response_.before(0).users(0), "ann");
  EXPECT_EQ(response_.after(0).users(0), "bob");
  request.set_dry_run(false);
  ASSERT_TRUE(Do("OverrideSchedule", request).ok());
  EXPECT_EQ(OnCall(), "bob ");
  v1::EndOverrideRequest end;
  end.set_id(response_.change().id());
  ASSERT_TRUE(Do("EndOverride", end).ok());
  EXPECT_EQ(OnCall(), "ann ");
  EXPECT_THAT(Do("EndOverride", end).message(), HasSubstr("failed_precondition"));
}

TEST_F(ScheduleServiceTest, ARepeatAnswersTheSameAndDoesNothing) {
  v1::OverrideScheduleRequest request = Assign("bob");
  request.set_request_id("once");
  ASSERT_TRUE(Do("OverrideSchedule", request).ok());
  const std::uint64_t id = response_.change().id();
  ASSERT_TRUE(Do("OverrideSchedule", request).ok());
  EXPECT_EQ(response_.change().id(), id);
  v1::ListScheduleChangesRequest list;
  v1::ListScheduleChangesResponse listed;
  ASSERT_TRUE(Call("ScheduleService/ListScheduleChanges", list, listed).ok());
  ASSERT_EQ(listed.entries_size(), 1);
  EXPECT_EQ(listed.entries(0).state(), "running");
}

TEST_F(ScheduleServiceTest, RefusesWhatMakesNoSenseAndSaysWhy) {
  struct Case {
    std::string_view name;
    std::function<void(v1::OverrideScheduleRequest&)> spoil;
    std::string_view message;
  };
  const Case cases[] = {
      {"no such schedule",      [](auto& r) { r.set_schedule("none"); },                              "not_found: "            },
      {"nobody of that name",   [](auto& r) { r.set_users(0, "zoe"); },                               "users"                  },
      {"no end",                [](auto& r) { r.clear_end(); },                                       "invalid_argument: end"  },
      {"it is over",            [this](auto& r) { *r.mutable_end() = In(-absl::Hours(1)); },          "invalid_argument"       },
      {"ends before it begins", [this](auto& r) { *r.mutable_start() = In(absl::Hours(9)); },         "invalid_argument"       },
      {"no type",               [](auto& r) { r.set_type(v1::Override::TYPE_UNSPECIFIED); },          "type"                   },
      {"no such layer",         [](auto& r) { r.add_layers("zzz"); },                                 "layer"                  },
      {"a swap with a list",    [](auto& r) { r.set_type(v1::Override::TYPE_SWAP); },                 "a swap names two people"},
      {"adds nobody",           [](auto& r) { r.set_type(v1::Override::TYPE_ADD), r.clear_users(); }, "nobody is named"        },
      {"too many people",
       [](auto& r) {
         for (int i = 0; i < 101; ++i)
           r.add_users("bob");
       },                                                                                             "at most 100"            },
  };
  for (const Case& each : cases) {
    v1::OverrideScheduleRequest request = Assign("bob");
    each.spoil(request);
    const absl::Status status = Do("OverrideSchedule", request);
    EXPECT_FALSE(status.ok()) << each.name;
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(each.message))) << each.name;
  }
  EXPECT_EQ(OnCall(), "ann ");
}

TEST_F(ScheduleServiceTest, RolesAndTeamsBoundWhoChangesWhat) {
  ActAs(v1::ROLE_VIEWER, "bob");
  EXPECT_THAT(Do("OverrideSchedule", Assign("bob")).message(), HasSubstr("permission_denied"));
  ActAs(v1::ROLE_RESPONDER, "bob");
  EXPECT_TRUE(Do("OverrideSchedule", Assign("bob")).ok());
  v1::TakeShiftRequest take;
  take.set_schedule("primary");
  take.set_user("ann");
  *take.mutable_end() = In(absl::Hours(1));
  EXPECT_THAT(Do("TakeShift", take).message(), HasSubstr("may not act for \"ann\"")) << "one takes for oneself";
  ActAs(v1::ROLE_MANAGER, "carl", "web");
  EXPECT_THAT(Do("OverrideSchedule", Assign("carl")).message(), HasSubstr("permission_denied")) << "ops' schedule";
  v1::OverrideScheduleRequest own = Assign("carl");
  own.set_schedule("other");
  EXPECT_TRUE(Do("OverrideSchedule", own).ok());
  EXPECT_EQ(OnCall("other"), "carl ");
}

TEST_F(ScheduleServiceTest, ASwapIsAskedForOfferedAndAccepted) {
  const std::uint64_t id = AskForSwap();
  EXPECT_EQ(response_.change().state(), v1::ScheduleChange::STATE_OPEN);
  EXPECT_EQ(OnCall(), "ann ") << "nobody has taken it";
  v1::RequestSwapRequest again;
  again.set_schedule("primary");
  *again.mutable_end() = In(absl::Hours(2));
  EXPECT_THAT(Do("RequestSwap", again).message(), HasSubstr("already_exists"));
  EXPECT_THAT(Do("AcceptSwap", Swap(id, "bob")).message(), HasSubstr("has not offered"));
  EXPECT_THAT(Do("TakeSwap", Swap(id)).message(), HasSubstr("own shift"));
  ActAs(v1::ROLE_RESPONDER, "carl");
  EXPECT_THAT(Do("OfferSwap", Swap(id)).message(), HasSubstr("is not for carl"));
  ActAs(v1::ROLE_RESPONDER, "bob");
  ASSERT_TRUE(Do("OfferSwap", Swap(id)).ok());
  EXPECT_THAT(Do("OfferSwap", Swap(id)).message(), HasSubstr("already_exists"));
  EXPECT_THAT(Do("AcceptSwap", Swap(id, "bob")).message(), HasSubstr("permission_denied")) << "ann decides";
  ActAs(v1::ROLE_RESPONDER, "ann");
  ASSERT_TRUE(Do("AcceptSwap", Swap(id, "bob")).ok());
  EXPECT_EQ(OnCall(), "bob ");
  EXPECT_THAT(Do("WithdrawSwap", Swap(id)).message(), HasSubstr("was taken by bob"));
}

TEST_F(ScheduleServiceTest, OffersAndRequestsAreTakenBackByThoseWhoMadeThem) {
  const std::uint64_t id = AskForSwap();
  ActAs(v1::ROLE_RESPONDER, "bob");
  EXPECT_THAT(Do("WithdrawSwap", Swap(id)).message(), HasSubstr("for ann to decide"));
  ASSERT_TRUE(Do("OfferSwap", Swap(id)).ok());
  ASSERT_TRUE(Do("WithdrawSwap", Swap(id)).ok());
  EXPECT_THAT(response_.change().volunteers(), IsEmpty());
  ActAs(v1::ROLE_RESPONDER, "ann");
  ASSERT_TRUE(Do("WithdrawSwap", Swap(id)).ok());
  EXPECT_EQ(response_.change().state(), v1::ScheduleChange::STATE_WITHDRAWN);
  ActAs(v1::ROLE_RESPONDER, "bob");
  EXPECT_THAT(Do("TakeSwap", Swap(id)).message(), HasSubstr("was withdrawn"));
  EXPECT_THAT(Do("TakeSwap", Swap(id + 1000)).message(), HasSubstr("not_found"));
}

TEST_F(ScheduleServiceTest, ADiffGoesByTheTurnAndByOverrides) {
  // The order is turned round: with the turn kept, whoever is on call stays so; without, the other one is.
  std::string yaml = Organisation();
  yaml.replace(yaml.find("[bob, carl]"), 11, "[carl, bob]");
  v1::DiffSchedulesRequest request;
  request.set_schedule("other");
  auto& file = *request.add_files();
  file.set_name("new.yaml");
  file.set_text(yaml);
  *request.mutable_until() = In(absl::Minutes(1));
  v1::DiffSchedulesResponse response;
  ASSERT_TRUE(Call("OnCallService/DiffSchedules", request, response).ok());
  EXPECT_EQ(response.stretches_size(), 0) << response.DebugString();
  EXPECT_THAT(response.transitions(), SizeIs(1));
  request.mutable_schedules()->set_let_holder_go(true);
  ASSERT_TRUE(Call("OnCallService/DiffSchedules", request, response).ok());
  EXPECT_EQ(response.stretches_size(), 1) << response.DebugString();
  request.mutable_schedules()->set_from(v1::ScheduleTransition::FROM_NEXT_HANDOFF);
  ASSERT_TRUE(Call("OnCallService/DiffSchedules", request, response).ok());
  EXPECT_EQ(response.stretches_size(), 0) << "not before the next handoff";
  request.mutable_schedules()->set_from(v1::ScheduleTransition::FROM_TIME);
  EXPECT_THAT(Call("OnCallService/DiffSchedules", request, response).message(), HasSubstr("from when on?"));

  v1::OverrideScheduleRequest stays = Assign("ann", absl::Hours(48));
  stays.set_schedule("other");
  ASSERT_TRUE(Do("OverrideSchedule", stays).ok());
  request.mutable_schedules()->set_from(v1::ScheduleTransition::FROM_NOW);
  ASSERT_TRUE(Call("OnCallService/DiffSchedules", request, response).ok());
  EXPECT_EQ(response.stretches_size(), 0) << "ann stands in under both";
}

TEST_F(ScheduleServiceTest, ASimulationSeesOverridesAndOnlyTwoRunAtOnce) {
  v1::SimulatePolicyRequest request;
  request.set_policy("default");
  v1::SimulatePolicyResponse response;
  const auto paged = [&] {
    std::string text;
    for (const auto& entry : response.entries())
      text += entry.text() + "\n";
    return text;
  };
  v1::SimulatePolicyRequest beyond = request;
  beyond.mutable_at()->set_seconds(253402300799);
  beyond.mutable_at()->set_nanos(999999999);
  EXPECT_THAT(Message(Call("OnCallService/SimulatePolicy", beyond, response)), HasSubstr("at: must be in the years"));
  ASSERT_TRUE(Call("OnCallService/SimulatePolicy", request, response).ok());
  EXPECT_THAT(paged(), HasSubstr("ann"));
  ASSERT_TRUE(Do("OverrideSchedule", Assign("carl")).ok());
  ASSERT_TRUE(Call("OnCallService/SimulatePolicy", request, response).ok());
  EXPECT_THAT(paged(), HasSubstr("carl"));

  ASSERT_TRUE(api_->simulations->try_acquire() && api_->simulations->try_acquire());
  const HttpResponse busy = Post("OnCallService/SimulatePolicy", R"({"policy": "default"})");
  EXPECT_EQ(busy.status, 429);
  EXPECT_THAT(busy.body, HasSubstr("2 simulations are under way"));
  api_->simulations->release(2);
  EXPECT_TRUE(Call("OnCallService/SimulatePolicy", request, response).ok());
  request.set_policy("none");
  for (int i = 0; i < 5; ++i)
    EXPECT_THAT(Call("OnCallService/SimulatePolicy", request, response).message(), HasSubstr("does not exist"))
        << "given back";
}

}  // namespace
}  // namespace tocsin
