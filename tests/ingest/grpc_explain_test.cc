// What a stream is told of what was just taken, when it asks, and what is remembered of what was not.
#include <thread>

#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/ingest/grpc_world.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST_F(GrpcIngestTest, ExplainsWhenAskedAndKeepsTheOrderOfItsAnswers) {
  std::vector<AlertKey> asked;
  TellTaken owed;
  Mutex mutex;
  ConditionVariable came;
  explain_ = [&](std::vector<AlertKey> keys, TellTaken told) {
    const MutexLock lock(mutex);
    asked = std::move(keys);
    owed = std::move(told);
    came.NotifyAll();
    return true;
  };
  StreamClient client(*stub_, "stream-key");
  client.Receive();
  v1::IngestRequest request = Batch(1, {"", "A", "B"});
  request.set_want_explanations(true);
  ASSERT_TRUE(client.Send(request));
  ASSERT_TRUE(client.Send(Batch(2, {"C"})));
  TellTaken tell;
  {
    const MutexLock lock(mutex);
    came.Wait(mutex, [&] { return asked.size() == 2; });
    tell = std::move(owed);
  }
  TakenAlert first{.key = asked[0], .kept = true, .firing = true, .severity = "high", .rules_version = 3};
  first.routes = {"root"};
  first.groups = {"G17"};
  first.held_by = "silenced by S5";
  first.text = "nobody is paged for it";
  tell({
      first, TakenAlert{.key = asked[1], .text = "it is not kept"}
  });
  const v1::IngestResponse response = client.Receive();
  EXPECT_EQ(response.batch_id(), 1U);
  ASSERT_EQ(response.explanations_size(), 2);
  EXPECT_EQ(response.explanations(0).index(), 1U) << "the first was rejected";
  EXPECT_THAT(response.explanations(0).key(), SizeIs(32));
  EXPECT_EQ(response.explanations(0).groups(0), "G17");
  EXPECT_EQ(response.explanations(0).held_by(), "silenced by S5");
  EXPECT_EQ(response.explanations(1).index(), 2U);
  EXPECT_EQ(response.explanations(1).text(), "it is not kept");
  const v1::IngestResponse second = client.Receive();
  EXPECT_EQ(second.batch_id(), 2U);
  EXPECT_EQ(second.explanations_size(), 0) << "it did not ask";
}

TEST_F(GrpcIngestTest, ExplainsAtMostSoManyAndAnswersWithoutWhenTooManyAsk) {
  v1::IngestRequest request;
  request.set_want_explanations(true);
  for (int i = 0; i < 150; ++i)
    (*request.add_alerts()->mutable_labels())["alertname"] = absl::StrFormat("A%d", i);
  explain_ = [](const std::vector<AlertKey>& keys, TellTaken told) {
    std::vector<TakenAlert> all(keys.size());
    std::thread([told = std::move(told), all = std::move(all)]() mutable { told(std::move(all)); }).detach();
    return true;
  };
  v1::IngestResponse response;
  ASSERT_TRUE(Ingest(request, response, "stream-key").ok());
  EXPECT_EQ(response.accepted(), 150U);
  EXPECT_EQ(response.explanations_size(), static_cast<int>(kAlertsExplained));
  explain_ = [](const std::vector<AlertKey>&, const TellTaken&) { return false; };
  ASSERT_TRUE(Ingest(request, response, "stream-key").ok());
  EXPECT_EQ(response.accepted(), 150U);
  EXPECT_EQ(response.explanations_size(), 0);
  StreamClient client(*stub_, "stream-key");
  client.Receive();
  request.set_batch_id(9);
  ASSERT_TRUE(client.Send(request));
  EXPECT_EQ(client.Receive().batch_id(), 9U);
}

TEST_F(GrpcIngestTest, RemembersWhatItDidNotTake) {
  v1::IngestResponse response;
  Ingest(Batch(1, {"A", ""}), response, "stream-key");
  Ingest(Batch(1, {"A"}), response, "no-such-key");
  IngestBytes("nonsense");
  inlet_.Refuse(Admission::kOverloaded);
  Ingest(Batch(1, {"A"}), response, "stream-key");
  std::vector<std::string> texts;
  for (const Refusals::Refusal& each : ingest_.ReadRefusals())
    texts.push_back(each.text);
  EXPECT_THAT(texts,
              UnorderedElementsAre("integration stream: alert 2 of 2: labels: at least one label pair required",
                                   "a key that no integration has, from 127.0.0.1", HasSubstr("integration stream: "),
                                   "integration stream: a batch of 1 alerts: we are at a limit"));
  for (const std::string& text : texts)
    EXPECT_THAT(text, Not(HasSubstr("no-such-key")));
}

}  // namespace
}  // namespace tocsin
