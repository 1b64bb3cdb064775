// Replays by the API: started, asked about, cancelled; one at a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "model/codec/common_proto.h"
#include "tests/api/world.h"
#include "tocsin/v1/replay.pb.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;

class ReplayApiTest : public ApiTest {
 protected:
  v1::StartReplayRequest LastHour() {
    v1::StartReplayRequest request;
    ToProto(absl::Now() - absl::Hours(1), *request.mutable_from());
    return request;
  }
  // Until the page is durable: its message has been handed over.
  void Page(const std::string& name) { LinkOf(FireGroup(name)); }
  v1::Replay Await(std::uint64_t id) {
    v1::GetReplayRequest request;
    request.set_id(id);
    v1::Replay replay;
    EXPECT_TRUE(Eventually([&] {
      EXPECT_TRUE(Call("ReplayService/GetReplay", request, replay).ok());
      return replay.state() != v1::Replay::STATE_RUNNING;
    }));
    return replay;
  }
};

TEST_F(ReplayApiTest, ComparesWhatWasWithWhatWouldBe) {
  Page("Disk");
  Page("Cpu");
  v1::StartReplayRequest request = LastHour();
  auto& file = *request.add_files();
  file.set_name("new.yaml");
  file.set_text(OrganisationYaml());
  file.mutable_text()->replace(file.text().find("{schedule: primary}"), 19, "{user: bob}");
  v1::Replay started;
  ASSERT_TRUE(Call("ReplayService/StartReplay", request, started).ok());
  ASSERT_EQ(started.problems_size(), 0);
  EXPECT_GE(started.differences_size(), 1) << "what differs from the running organisation";
  const v1::Replay replay = Await(started.id());
  ASSERT_EQ(replay.state(), v1::Replay::STATE_DONE) << replay.error();
  EXPECT_EQ(replay.permille(), 1000U);
  EXPECT_EQ(replay.result().paged().then(), 2U);
  EXPECT_EQ(replay.result().paged().now(), 2U);
  ASSERT_EQ(replay.result().changed().rows_size(), 2);
  EXPECT_EQ(replay.result().changed().rows(0).then_users(0), "ann");
  EXPECT_EQ(replay.result().changed().rows(0).now_users(0), "bob");
}

TEST_F(ReplayApiTest, StartsNothingWithAConfigurationThatHasProblems) {
  v1::StartReplayRequest request = LastHour();
  auto& file = *request.add_files();
  file.set_name("new.yaml");
  file.set_text("route: {policy: nobody}");
  v1::Replay started;
  ASSERT_TRUE(Call("ReplayService/StartReplay", request, started).ok());
  EXPECT_GT(started.problems_size(), 0);
  EXPECT_EQ(started.id(), 0U);
}

TEST_F(ReplayApiTest, PreviewsASilenceNowAndThen) {
  Page("Disk");
  Page("Cpu");
  v1::PreviewSilenceRequest request;
  request.add_matchers("alertname=Disk");
  v1::Replay started;
  ASSERT_TRUE(Call("ReplayService/PreviewSilence", request, started).ok());
  EXPECT_EQ(started.matches().alerts(), 1U);
  EXPECT_EQ(started.matches().groups(), 1U);
  const v1::Replay replay = Await(started.id());
  ASSERT_EQ(replay.state(), v1::Replay::STATE_DONE) << replay.error();
  EXPECT_TRUE(replay.result().cut_short()) << "the store is younger than seven days";
  EXPECT_EQ(replay.result().matched_alerts(), 1U);
  ASSERT_EQ(replay.result().lost().rows_size(), 1);
  EXPECT_THAT(replay.result().lost().rows(0).reason(), HasSubstr("silence"));
  EXPECT_EQ(replay.result().same(), 1U);
}

TEST_F(ReplayApiTest, RefusesTimesThatCannotBe) {
  v1::StartReplayRequest request = LastHour();
  ToProto(absl::Now() + absl::Hours(1), *request.mutable_from());
  v1::Replay replay;
  EXPECT_THAT(Call("ReplayService/StartReplay", request, replay).message(), HasSubstr("ends before it begins"));
  request.clear_from();
  EXPECT_THAT(Call("ReplayService/StartReplay", request, replay).message(), HasSubstr("needs a beginning"));
  v1::CancelReplayRequest cancel;
  cancel.set_id(77);
  EXPECT_THAT(Call("ReplayService/CancelReplay", cancel, replay).message(), HasSubstr("replay 77 is not known"));
}

}  // namespace
}  // namespace tocsin
