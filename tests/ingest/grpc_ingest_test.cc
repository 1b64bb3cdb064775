// The stream and the unary call, as clients see them.
#include <atomic>
#include <thread>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "base/status.h"
#include "ingest/wire_decoder.h"
#include "tests/ingest/grpc_world.h"

namespace tocsin {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(GrpcIngestTest, GrantsCreditBeforeAnythingIsSent) {
  StreamClient client(*stub_, "stream-key");
  EXPECT_EQ(client.Receive().credit(), kStreamCredit);
  client.HalfClose();
  EXPECT_TRUE(client.End().ok());
  EXPECT_EQ(ingest_.ReadStatistics().streams, 1U);
}

TEST_F(GrpcIngestTest, HasItsPortForItself) {
  EXPECT_FALSE(GrpcServer::Listen({.port = port_}).ok());
}

TEST_F(GrpcIngestTest, AnswersABatchOnlyWhenItIsDurable) {
  inlet_.Hold();
  StreamClient client(*stub_, "stream-key");
  client.Receive();
  ASSERT_TRUE(client.Send(Batch(7, {"A", "B"})));
  inlet_.Await(1);
  std::atomic<bool> durable = false;
  std::atomic<bool> durable_at_answer = false;
  v1::IngestResponse response;
  std::thread reader([&] {
    response = client.Receive();
    durable_at_answer = durable.load();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // time for an answer that must not come
  durable = true;
  EXPECT_TRUE(inlet_.Complete());
  reader.join();
  EXPECT_TRUE(durable_at_answer);
  EXPECT_EQ(response.batch_id(), 7U);
  EXPECT_EQ(response.accepted(), 2U);
  EXPECT_EQ(response.sequence(), 1U);
  EXPECT_EQ(response.outcomes_size(), 0) << "nobody has asked for them";
  EXPECT_EQ(inlet_.batches()[0].integration, 1U);
}

TEST_F(GrpcIngestTest, AnswersInTheOrderOfTheBatchesThoughReceiptsComeInAnother) {
  inlet_.Hold();
  StreamClient client(*stub_, "stream-key");
  client.Receive();
  for (std::uint64_t id = 1; id <= 5; ++id)
    ASSERT_TRUE(client.Send(Batch(id, {"A"})));
  inlet_.Await(5);
  while (inlet_.Complete(true)) {
  }
  for (std::uint64_t id = 1; id <= 5; ++id) {
    const v1::IngestResponse response = client.Receive();
    EXPECT_EQ(response.batch_id(), id);
    EXPECT_EQ(response.sequence(), id);
  }
}

TEST_F(GrpcIngestTest, NamesTheIndexAndTheFieldOfARejectionAndGivesOutcomesWhenAsked) {
  StreamClient client(*stub_, "stream-key");
  client.Receive();
  v1::IngestRequest request = Batch(1, {"A", "", "C", "D"});
  request.mutable_alerts(3)->set_dedup_key(std::string(1025, 'k'));
  request.set_want_outcomes(true);
  ASSERT_TRUE(client.Send(request));
  const v1::IngestResponse response = client.Receive();
  EXPECT_EQ(response.accepted(), 2U);
  ASSERT_EQ(response.rejections_size(), 2);
  EXPECT_EQ(response.rejections(0).index(), 1U);
  EXPECT_EQ(response.rejections(0).reason(), "labels: at least one label pair required");
  EXPECT_EQ(response.rejections(1).index(), 3U);
  EXPECT_EQ(response.rejections(1).reason(), "dedup_key: has 1025 bytes, at most 1024");
  EXPECT_THAT(response.outcomes(), ElementsAre(v1::IngestResponse::OUTCOME_NEW, v1::IngestResponse::OUTCOME_REJECTED,
                                               v1::IngestResponse::OUTCOME_NEW, v1::IngestResponse::OUTCOME_REJECTED));
  // Counted when the batch has been taken, which its answer may overtake.
  EXPECT_TRUE(Eventually([&] { return ingest_.ReadStatistics().rejected_events == 2; }));
}

TEST_F(GrpcIngestTest, AnswersABatchInWhichNothingCanBeTaken) {
  StreamClient client(*stub_, "stream-key");
  client.Receive();
  v1::IngestRequest request = Batch(1, {"", ""});
  request.set_want_outcomes(true);
  ASSERT_TRUE(client.Send(request));
  ASSERT_TRUE(client.Send(Batch(2, {})));
  const v1::IngestResponse response = client.Receive();
  EXPECT_EQ(response.accepted(), 0U);
  EXPECT_THAT(response.outcomes(),
              ElementsAre(v1::IngestResponse::OUTCOME_REJECTED, v1::IngestResponse::OUTCOME_REJECTED));
  EXPECT_EQ(client.Receive().batch_id(), 2U);
  EXPECT_THAT(inlet_.batches(), SizeIs(0));
}

TEST_F(GrpcIngestTest, TellsARefusedSenderWhenToComeAgainAndTheStreamGoesOn) {
  StreamClient client(*stub_, "stream-key");
  client.Receive();
  for (const Admission why : {Admission::kOverloaded, Admission::kDiskLow}) {
    inlet_.Refuse(why);
    ASSERT_TRUE(client.Send(Batch(1, {"A", ""})));
    const v1::IngestResponse response = client.Receive();
    EXPECT_EQ(response.batch_id(), 1U);
    EXPECT_EQ(response.accepted(), 0U);
    EXPECT_EQ(response.rejections_size(), 0) << "all of it is to be sent again";
    EXPECT_EQ(response.retry_after().seconds(), 1);
    EXPECT_EQ(response.retry_after().nanos(), 500'000'000);
  }
  EXPECT_EQ(ingest_.ReadStatistics().rejected_events, 0U) << "they would be counted again with each retry";
  inlet_.Refuse(Admission::kAccepted);
  ASSERT_TRUE(client.Send(Batch(2, {"A"})));
  const v1::IngestResponse response = client.Receive();
  EXPECT_EQ(response.accepted(), 1U);
  EXPECT_FALSE(response.has_retry_after());
}

TEST_F(GrpcIngestTest, EndsTheStreamForWhatSendingAgainDoesNotCure) {
  const struct {
    Admission why;
    grpc::StatusCode code;
  } cases[] = {
      {Admission::kStopping, grpc::StatusCode::UNAVAILABLE     },
      {Admission::kTooLarge, grpc::StatusCode::INVALID_ARGUMENT}
  };
  for (const auto& [why, code] : cases) {
    inlet_.Refuse(why);
    StreamClient client(*stub_, "stream-key");
    client.Receive();
    client.Send(Batch(1, {"A"}));
    EXPECT_EQ(client.End().error_code(), code);
  }
}

TEST_F(GrpcIngestTest, TakesAsManyUnansweredBatchesAsItGrantsAndEndsTheStreamAtOneMore) {
  inlet_.Hold();
  StreamClient client(*stub_, "stream-key");
  client.Receive();
  for (std::uint64_t id = 1; id <= kStreamCredit; ++id)
    ASSERT_TRUE(client.Send(Batch(id, {"A"})));
  inlet_.Await(kStreamCredit);
  EXPECT_EQ(ingest_.ReadStatistics().over_credit, 0U);
  client.Send(Batch(99, {"A"}));
  EXPECT_EQ(client.End().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ingest_.ReadStatistics().over_credit, 1U);
  EXPECT_THAT(inlet_.batches(), SizeIs(kStreamCredit));
  CompleteAll();  // receipts of a stream that is over
}

TEST_F(GrpcIngestTest, NeverTakesAClientThatKeepsToItsCreditForOneThatDoesNot) {
  StreamClient client(*stub_, "stream-key");
  client.Receive();
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  while (answered < 2'000) {
    while (sent < answered + kStreamCredit)
      ASSERT_TRUE(client.Send(Batch(++sent, {"A"})));
    ASSERT_EQ(client.Receive().batch_id(), ++answered) << client.End().error_message();
  }
}

TEST_F(GrpcIngestTest, AnswersAllThatWasSentBeforeTheClientClosedItsSide) {
  inlet_.Hold();
  StreamClient client(*stub_, "stream-key");
  client.Receive();
  for (std::uint64_t id = 1; id <= 3; ++id)
    ASSERT_TRUE(client.Send(Batch(id, {"A"})));
  client.HalfClose();
  inlet_.Await(3);
  CompleteAll();
  for (std::uint64_t id = 1; id <= 3; ++id)
    EXPECT_EQ(client.Receive().batch_id(), id);
  EXPECT_TRUE(client.End().ok());
}

TEST_F(GrpcIngestTest, RefusesKeysThatOpenNoStream) {
  const struct {
    std::string_view key;
    grpc::StatusCode code;
    std::string_view message;
  } cases[] = {
      {"",          grpc::StatusCode::UNAUTHENTICATED,   "authorization: Bearer"      },
      {"wrong-key", grpc::StatusCode::UNAUTHENTICATED,   "no integration has this key"},
      {"hooks-key", grpc::StatusCode::PERMISSION_DENIED, "reads webhooks of generic"  },
  };
  for (const auto& [key, code, message] : cases) {
    StreamClient client(*stub_, key);
    EXPECT_EQ(client.Receive().credit(), 0U);
    const grpc::Status streamed = client.End();
    EXPECT_EQ(streamed.error_code(), code) << key;
    EXPECT_THAT(streamed.error_message(), HasSubstr(message));
    v1::IngestResponse response;
    const grpc::Status called = Ingest(Batch(1, {"A"}), response, key);
    EXPECT_EQ(called.error_code(), code) << key;
    EXPECT_THAT(called.error_message(), HasSubstr(message));
  }
  EXPECT_EQ(ingest_.ReadStatistics().unknown_keys, 4U);
  EXPECT_THAT(inlet_.batches(), SizeIs(0));
}

TEST_F(GrpcIngestTest, EndsAnOpenStreamWhoseKeyOpensNothingAnyMore) {
  StreamClient client(*stub_, "stream-key");
  EXPECT_EQ(client.Receive().credit(), kStreamCredit);
  ASSERT_TRUE(client.Send(Batch(1, {"A"})));
  EXPECT_EQ(client.Receive().accepted(), 1U);
  SetRules(RulesOf({Door("hooks", "generic", "hooks-key"), Door("stream", "stream", "another-key")}));
  ASSERT_TRUE(client.Send(Batch(2, {"B"})));
  EXPECT_EQ(client.Receive().batch_id(), 0U);
  EXPECT_EQ(client.End().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(inlet_.events(), SizeIs(1));
}

TEST_F(GrpcIngestTest, GivesAnOpenStreamTheLabelsThatItsIntegrationHasNow) {
  inlet_.TakeRepeats();
  StreamClient client(*stub_, "stream-key");
  EXPECT_EQ(client.Receive().credit(), kStreamCredit);
  auto send_often = [&client, id = std::uint64_t{0}]() mutable {
    for (int i = 0; i < 3; ++i) {  // from the second time on it is known by its bytes
      ASSERT_TRUE(client.Send(Batch(++id, {"A"})));
      ASSERT_EQ(client.Receive().accepted(), 1U);
    }
  };
  send_often();
  Integration labelled = Door("stream", "stream", "stream-key");
  labelled.labels = {
      {"site", "north"}
  };
  SetRules(RulesOf({labelled}));
  send_often();
  const std::vector<AlertEvent> events = inlet_.events();
  ASSERT_THAT(events, SizeIs(6));
  for (std::size_t i = 0; i < events.size(); ++i)
    EXPECT_EQ(Find(events[i].labels, "site"), i < 3 ? "" : "north") << i;
  const std::vector<FakeInlet::Batch> batches = inlet_.batches();
  EXPECT_EQ(batches[2].keys, batches[0].keys);
  EXPECT_NE(batches[3].keys, batches[0].keys) << "another label is another alert";
  EXPECT_EQ(batches[5].keys, batches[3].keys);
}

TEST_F(GrpcIngestTest, AsksToComeAgainUntilAnOrganisationIsThere) {
  SetRules(nullptr);
  v1::IngestResponse response;
  EXPECT_EQ(Ingest(Batch(1, {"A"}), response, "stream-key").error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ingest_.ReadStatistics().unknown_keys, 0U);
}

TEST_F(GrpcIngestTest, EndsTheStreamOfMalformedBytesAndNamesTheOffset) {
  grpc::ClientContext context;
  Prepare(context, "stream-key");
  const grpc::internal::RpcMethod method("/tocsin.v1.IngestService/Stream", grpc::internal::RpcMethod::BIDI_STREAMING);
  const std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> stream(
      grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(channel_.get(), method,
                                                                                            &context));
  ASSERT_TRUE(stream->Write(BufferOf("\x08\x07\xFF")));
  grpc::ByteBuffer ignored;
  while (stream->Read(&ignored)) {
  }
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("offset 3"));
  EXPECT_EQ(ingest_.ReadStatistics().malformed, 1U);
}

TEST_F(GrpcIngestTest, SurvivesClientsThatCancelWhileReceiptsAreOutstanding) {
  inlet_.Hold();
  std::size_t batches = 0;
  for (int round = 0; round < 60; ++round) {
    StreamClient client(*stub_, "stream-key");
    client.Receive();
    for (std::uint64_t id = 1; id <= 4; ++id, ++batches)
      ASSERT_TRUE(client.Send(Batch(id, {"A"})));
    if (round % 2 == 0) client.HalfClose();
    inlet_.Await(batches);
    // Before, during and after the end of the stream.
    if (round % 3 == 0) inlet_.Complete();
    std::thread committer([&] {
      if (round % 3 != 2) CompleteAll();
    });
    client.Cancel();
    client.End();
    committer.join();
    CompleteAll();
  }
  EXPECT_TRUE(Eventually([&] { return ingest_.ReadStatistics().batches == batches; }));
}

TEST_F(GrpcIngestTest, LetsTheServerStopThoughReceiptsOfStreamsAreOutstandingAndTakesThemLater) {
  inlet_.Hold();
  StreamClient open(*stub_, "stream-key");
  StreamClient closed(*stub_, "stream-key");
  for (StreamClient* client : {&open, &closed}) {
    client->Receive();
    ASSERT_TRUE(client->Send(Batch(1, {"A"})));
  }
  closed.HalfClose();
  inlet_.Await(2);
  Shutdown();     // returns only when no call is left
  CompleteAll();  // receipts that find their streams gone
  EXPECT_FALSE(open.End().ok());
  EXPECT_FALSE(closed.End().ok());
}

TEST_F(GrpcIngestTest, AnswersWhatItHasTakenWhenTheServerStopsAndThenEndsTheStream) {
  inlet_.Hold();
  StreamClient client(*stub_, "stream-key");
  client.Receive();
  ASSERT_TRUE(client.Send(Batch(1, {"A"})));
  inlet_.Await(1);
  std::thread stopper([&] { server_->Stop(absl::FromChrono(kPatience)); });
  CompleteAll();
  EXPECT_EQ(client.Receive().batch_id(), 1U);
  const grpc::Status status = client.End();
  stopper.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("the server is stopping"));
}

TEST_F(GrpcIngestTest, AnswersTheUnaryCall) {
  v1::IngestRequest request = Batch(5, {"A", ""});
  request.set_want_outcomes(true);
  v1::IngestResponse response;
  ASSERT_TRUE(Ingest(request, response, "stream-key").ok());
  EXPECT_EQ(response.batch_id(), 5U);
  EXPECT_EQ(response.accepted(), 1U);
  EXPECT_EQ(response.rejections_size(), 1);
  EXPECT_EQ(response.outcomes_size(), 2);
  EXPECT_EQ(response.sequence(), 1U);
  inlet_.Refuse(Admission::kOverloaded);
  ASSERT_TRUE(Ingest(request, response, "stream-key").ok());
  EXPECT_EQ(response.retry_after().seconds(), 1);
  EXPECT_EQ(response.accepted(), 0U);
  const grpc::Status malformed = IngestBytes("\xFF");
  EXPECT_EQ(malformed.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(malformed.error_message(), HasSubstr("offset 1"));
}

TEST_F(GrpcIngestTest, SurvivesUnaryCallsThatAreCancelledBeforeTheirReceipt) {
  inlet_.Hold();
  for (std::size_t round = 1; round <= 30; ++round) {
    grpc::ClientContext context;
    Prepare(context, "stream-key");
    v1::IngestResponse response;
    grpc::Status status;
    std::thread caller([&] { status = stub_->Ingest(&context, Batch(1, {"A"}), &response); });
    inlet_.Await(round);
    context.TryCancel();
    if (round % 2 == 0) CompleteAll();
    caller.join();
    CompleteAll();
  }
}

TEST_F(GrpcIngestTest, RefusesAMessageBeyondItsLimitWithoutReadingIt) {
  v1::IngestRequest request;
  (*request.add_alerts()->mutable_labels())["alertname"] = std::string(5 << 20, 'x');
  v1::IngestResponse response;
  EXPECT_EQ(Ingest(request, response, "stream-key").error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ingest_.ReadStatistics().batches, 0U);
}

}  // namespace
}  // namespace tocsin
