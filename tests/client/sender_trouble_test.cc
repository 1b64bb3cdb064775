// The Sender when something is wrong: killed, without a server, refused, full.
#include <atomic>
#include <fstream>

#include <gmock/gmock.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/limits.h"
#include "client/spool.h"
#include "tests/client/sender_world.h"
#include "tests/support/fake_http.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

int ReadProgress(const std::string& path) {
  std::ifstream in(path);
  int progress = 0;
  in >> progress;
  return progress;
}

// Killed while batches are under way, some of them acknowledged: all that was on disk arrives, and no alert that has recovered fires again.
TEST_F(SenderTest, KilledInMidBatchItLosesNothingAndRepeatsNothingThatMatters) {
  for (int round = 0; round < 3; ++round) {
    inlet_.Hold();
    const std::string progress = absl::StrCat(folder_, "/round", round);
    std::filesystem::create_directories(folder_);
    std::vector<std::string> arguments = {TOCSIN_SENDER_PROGRAM, address(), spool(), progress};
    std::vector<char*> argv;
    for (std::string& argument : arguments)
      argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_t child = -1;
    ASSERT_EQ(posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), environ), 0);
    inlet_.Await(inlet_.batches().size() + 3);
    for (int i = 0; i < 5 * round; ++i)
      inlet_.Complete();
    EXPECT_TRUE(Eventually([&] { return ReadProgress(progress) >= 300; }));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const int on_disk = ReadProgress(progress);

    StartCompleting();
    SenderOptions options = Options();
    options.spool = spool();
    {
      const auto sender = Open(options);
      EXPECT_TRUE(sender->Flush(kLong).ok());
      EXPECT_GT(sender->ReadStatistics().recovered, 0U);
    }
    StopCompleting();
    EXPECT_EQ(Waiting(), 0U);
    const std::map<std::string, std::string> stories = Stories();
    for (int i = 0; i < on_disk; ++i) {
      const auto story = stories.find(absl::StrCat("round", round, "/", i));
      ASSERT_NE(story, stories.end()) << i << " is lost";
      const bool may_recover = i % 3 == 0;
      const bool has_recovered = may_recover && i + 150 < on_disk;
      EXPECT_TRUE(story->second == (has_recovered ? "tr" : "t") || (may_recover && story->second == "tr"))
          << i << ": " << story->second;
    }
  }
}

TEST_F(SenderTest, WhatIsSaidWhileTheServerIsDownArrivesInOrderWhenItIsBack) {
  SenderOptions options = Options();
  options.spool = spool();
  const auto sender = Open(options);
  Send(*sender, Alert("A"));
  EXPECT_TRUE(sender->Flush(kLong).ok());
  Shutdown();
  Send(*sender, Alert("A", EventKind::kResolve));
  EXPECT_TRUE(sender->Sync(kLong).ok());
  Send(*sender, Alert("B"));
  EXPECT_TRUE(absl::IsDeadlineExceeded(sender->Flush(absl::Milliseconds(200))));
  EXPECT_EQ(Waiting(), 2U);
  EXPECT_TRUE(Eventually([&] { return sender->ReadStatistics().trouble.find(address()) != std::string::npos; }));
  StartAgain();
  EXPECT_TRUE(sender->Flush(kLong).ok());
  EXPECT_EQ(Stories(), (std::map<std::string, std::string>{
                           {"A", "tr"},
                           {"B", "t" }
  }));
  EXPECT_EQ(Waiting(), 0U);
  EXPECT_EQ(sender->ReadStatistics().trouble, "");
}

TEST_F(SenderTest, ABreakInMidStreamRepeatsOnlyWhatWasUnanswered) {
  inlet_.Hold();
  SenderOptions options = Options();
  options.batch_alerts = 1;
  const auto sender = Open(options);
  for (int i = 0; i < 10; ++i)
    Send(*sender, Alert(absl::StrCat("A", i)));
  inlet_.Await(10);
  for (int i = 0; i < 4; ++i)
    inlet_.Complete();
  EXPECT_TRUE(Eventually([&] { return sender->ReadStatistics().durable == 4; }));
  Shutdown();
  CompleteAll();
  StartAgain();
  StartCompleting();
  EXPECT_TRUE(sender->Flush(kLong).ok());
  EXPECT_EQ(sender->ReadStatistics().durable, 10U);
  EXPECT_GE(sender->ReadStatistics().batches_again, 6U);
  const std::vector<FakeInlet::Batch> batches = inlet_.batches();
  for (std::size_t i = 10; i < batches.size(); ++i)
    EXPECT_GE(batches[i].events[0].labels[0].value, "A4") << "acknowledged ones are not sent again";
}

TEST_F(SenderTest, OfTwoServersADeadOneCostsNothingButAnAttempt) {
  const int dead = ClosedPort();
  SenderOptions options = Options();
  options.servers = {absl::StrCat("127.0.0.1:", dead), address()};
  const auto sender = Open(options);
  for (int i = 0; i < 20; ++i) {
    Send(*sender, Alert(absl::StrCat("A", i)));
    EXPECT_TRUE(sender->Flush(kLong).ok());
  }
  const Sender::Statistics statistics = sender->ReadStatistics();
  EXPECT_EQ(statistics.server, address());
  EXPECT_EQ(statistics.failures, 1U) << "the one that works is kept";
  EXPECT_EQ(Stories().size(), 20U);
}

TEST_F(SenderTest, WhenItsServerDiesItGoesOnWithTheOther) {
  FakeInlet other_inlet;
  GrpcIngest other_ingest(other_inlet, keys_, clock_);
  const std::unique_ptr<GrpcServer> other = Serve(other_ingest);
  SenderOptions options = Options();
  options.servers = {address(), absl::StrCat("127.0.0.1:", other->port())};
  options.spool = spool();
  const auto sender = Open(options);
  Send(*sender, Alert("A"));
  EXPECT_TRUE(sender->Flush(kLong).ok());
  Shutdown();
  Send(*sender, Alert("B"));
  EXPECT_TRUE(sender->Flush(kLong).ok());
  ASSERT_EQ(other_inlet.events().size(), 1U);
  EXPECT_EQ(other_inlet.events()[0].labels[0].value, "B");
  EXPECT_TRUE(sender->Stop(kLong).ok());
  other->Stop(absl::ZeroDuration());
}

TEST_F(SenderTest, AServerAtItsLimitIsAskedAgainWhenItSaysAndNotBefore) {
  inlet_.Refuse(Admission::kOverloaded, 1);
  const auto sender = Open(Options());
  const absl::Time start = absl::Now();
  Send(*sender, Alert("A"));
  EXPECT_TRUE(Eventually([&] { return sender->ReadStatistics().limits_met == 1; }));
  Send(*sender, Alert("B"));
  EXPECT_TRUE(sender->Flush(kLong).ok());
  EXPECT_GE(absl::Now() - start, inlet_.RetryAfter());
  EXPECT_EQ(sender->ReadStatistics().limits_met, 1U);
  EXPECT_EQ(sender->ReadStatistics().failures, 0U) << "the stream goes on";
  EXPECT_THAT(inlet_.events(), ElementsAre(Alert("A"), Alert("B")));
}

TEST_F(SenderTest, AnAlertThatTheServerRejectsIsReportedAndNotSentAgain) {
  auto organisation = std::make_shared<Organisation>();
  organisation->integrations = {Door("hooks", "generic", "hooks-key"), Door("stream", "stream", "stream-key")};
  organisation->integrations[1].labels = {
      {"site", "vienna"}
  };
  auto rules = std::make_shared<Rules>();
  rules->organisation = std::move(organisation);
  SetRules(rules);
  SenderOptions options = Options();
  options.spool = spool();
  std::vector<std::string> rejected;  // the sender's thread's, until it has ended
  options.on_rejected = [&](const AlertEvent& alert, std::string_view reason) {
    rejected.push_back(absl::StrCat(alert.labels.size(), " labels: ", std::string(reason)));
  };
  const auto sender = Open(options);
  AlertEvent poison;
  for (std::size_t i = 0; i < limits::kLabelsPerAlert; ++i)
    poison.labels.push_back({absl::StrCat("l", i), "x"});  // one more, by the integration, is too many
  Send(*sender, Alert("A"));
  Send(*sender, poison);
  Send(*sender, Alert("B"));
  EXPECT_TRUE(sender->Stop(kLong).ok());
  ASSERT_EQ(rejected.size(), 1U);
  EXPECT_THAT(rejected[0], HasSubstr("64 labels: labels"));
  EXPECT_EQ(inlet_.events().size(), 2U);
  EXPECT_EQ(sender->ReadStatistics().rejected, 1U);
  EXPECT_EQ(sender->ReadStatistics().durable, 2U);
  EXPECT_EQ(Waiting(), 0U) << "its batch is through";
  EXPECT_FALSE(std::filesystem::is_empty(spool() + "/rejected"));
}

// Takes no batch in which there is an alert called Poison, and ends the stream instead.
class PickyInlet final : public Inlet {
 public:
  Admission Submit(const EventBatch& batch, bool want_outcomes, Done done) override {
    for (std::size_t i = 0; i < batch.count(); ++i) {
      if (batch.at(i).ToEvent().labels[0].value.starts_with("Poison")) return Admission::kTooLarge;
    }
    return taken.Submit(batch, want_outcomes, std::move(done));
  }
  absl::Duration RetryAfter() const override { return taken.RetryAfter(); }
  std::uint64_t KeySeed() const override { return taken.KeySeed(); }

  FakeInlet taken;
};

TEST_F(SenderTest, ABatchThatTheServerCannotReadIsHalvedUntilTheOneIsFound) {
  PickyInlet inlet;
  GrpcIngest ingest(inlet, keys_, clock_);
  const std::unique_ptr<GrpcServer> server = Serve(ingest);
  SenderOptions options = Options();
  options.servers = {absl::StrCat("127.0.0.1:", server->port())};
  options.spool = spool();
  options.batch_alerts = 50;
  std::vector<std::string> rejected;
  options.on_rejected = [&](const AlertEvent& alert, std::string_view) { rejected.push_back(alert.labels[0].value); };
  const auto sender = Open(options);
  for (int i = 0; i < 400; ++i)
    Send(*sender, Alert(i == 123 || i == 301 ? absl::StrCat("Poison", i) : absl::StrCat("A", i)));
  EXPECT_TRUE(sender->Stop(kLong).ok());
  EXPECT_THAT(rejected, ElementsAre("Poison123", "Poison301"));
  EXPECT_EQ(sender->ReadStatistics().durable, 398U);
  std::set<std::string> names;
  for (const AlertEvent& event : inlet.taken.events())
    names.insert(event.labels[0].value);
  EXPECT_EQ(names.size(), 398U);
  EXPECT_EQ(Waiting(), 0U);
  server->Stop(absl::ZeroDuration());
}

TEST_F(SenderTest, AFullSpoolOrMemoryRefusesAndTakesAgainWhenThereIsRoom) {
  Shutdown();
  SenderOptions options = Options();
  options.spool = spool();
  options.spool_batches = 3;
  options.batch_alerts = 1;
  {
    const auto sender = Open(options);
    for (int i = 0; i < 3; ++i) {
      Send(*sender, Alert(absl::StrCat("A", i)));
      EXPECT_TRUE(sender->Sync(kLong).ok());
    }
    const absl::Status full = sender->Send(Alert("B"));
    EXPECT_TRUE(absl::IsResourceExhausted(full));
    EXPECT_THAT(Message(full), HasSubstr("is full: 3 batches"));
    EXPECT_EQ(sender->ReadStatistics().refused, 1U);
    StartAgain();
    EXPECT_TRUE(sender->Flush(kLong).ok());
    Send(*sender, Alert("B"));
    EXPECT_TRUE(sender->Stop(kLong).ok());
  }
  Shutdown();
  options.spool.clear();
  options.memory_bytes = 100;
  const auto without_spool = Open(options);
  absl::Status last;
  for (int i = 0; i < 100 && last.ok(); ++i)
    last = without_spool->Send(Alert(absl::StrCat("C", i)));
  EXPECT_TRUE(absl::IsResourceExhausted(last)) << last;
}

TEST_F(SenderTest, AWrongKeyKeepsTheAlertsAndSaysSo) {
  SenderOptions options = Options();
  options.key = "no-such-key";
  options.spool = spool();
  {
    const auto sender = Open(options);
    Send(*sender, Alert("A"));
    EXPECT_TRUE(Eventually([&] { return sender->ReadStatistics().failures > 0; }));
    EXPECT_THAT(sender->ReadStatistics().trouble, HasSubstr("no integration has this key"));
  }
  options.key = "stream-key";
  const auto mended = Open(options);
  EXPECT_TRUE(mended->Flush(kLong).ok());
  EXPECT_THAT(inlet_.events(), ElementsAre(Alert("A")));
}

TEST_F(SenderTest, StopKeepsItsDeadlineAndTheNextSenderGoesOn) {
  inlet_.Hold();
  SenderOptions options = Options();
  options.spool = spool();
  std::atomic<int> given_up = 0;
  {
    const auto sender = Open(options);
    const auto count = [&](const Delivery& delivery) { given_up += delivery.kind == Delivery::Kind::kGivenUp ? 1 : 0; };
    ASSERT_TRUE(sender->Send(Alert("A"), count).ok());
    inlet_.Await(1);
    ASSERT_TRUE(sender->Send(Alert("B"), count).ok());
    EXPECT_TRUE(absl::IsDeadlineExceeded(sender->Stop(absl::Milliseconds(50))));
    EXPECT_EQ(given_up, 2);
    EXPECT_EQ(sender->ReadStatistics().waiting, 0U) << "each has a fate";
  }
  EXPECT_EQ(Waiting(), 2U);
  StartCompleting();
  const auto sender = Open(options);
  EXPECT_TRUE(sender->Flush(kLong).ok());
  EXPECT_EQ(Stories(), (std::map<std::string, std::string>{
                           {"A", "t"},
                           {"B", "t"}
  }));
  EXPECT_EQ(sender->ReadStatistics().recovered, 2U);
}

TEST_F(SenderTest, WithAPatienceItGivesUpAndSaysWhy) {
  Shutdown();
  SenderOptions options = Options();
  options.give_up_after = absl::Milliseconds(100);
  const auto sender = Open(options);
  Delivery told{.kind = Delivery::Kind::kDurable, .outcome = std::nullopt, .explanation = std::nullopt};
  ASSERT_TRUE(sender->Send(Alert("A"), [&](const Delivery& delivery) { told = delivery; }).ok());
  EXPECT_TRUE(sender->Stop(kLong).ok()) << "nothing waits any more";
  EXPECT_EQ(told.kind, Delivery::Kind::kGivenUp);
  EXPECT_TRUE(absl::IsUnavailable(told.status)) << told.status;
}

TEST_F(SenderTest, ADamagedFileOfTheSpoolIsPutAsideAndTheRestGoes) {
  SenderOptions options = Options();
  options.spool = spool();
  const absl::StatusOr<Spool> folder = Spool::Open(spool());
  ASSERT_TRUE(folder.ok());
  ASSERT_TRUE(folder->Put({.url = "grpc:x:1", .key = "k", .body = "no batch"}, absl::Now()).ok());
  const AlertEvent alert = Alert("A");
  ASSERT_TRUE(folder->Put(ToSpooled(options, std::span(&alert, 1)), absl::Now()).ok());
  ASSERT_TRUE(folder->Put({.url = "http://127.0.0.1:1", .key = "k", .body = "{}"}, absl::Now()).ok());
  const auto sender = Open(options);
  EXPECT_TRUE(sender->Flush(kLong).ok());
  EXPECT_THAT(inlet_.events(), ElementsAre(alert));
  EXPECT_EQ(Waiting(), 1U) << "what a notification command has left there is not ours";
  EXPECT_FALSE(std::filesystem::is_empty(spool() + "/rejected"));
}

TEST_F(SenderTest, CommandsSendWhatTheyFindInASharedSpool) {
  const AlertEvent alert = Alert("A");
  const SenderOptions options = Options();
  const SpooledEvent event = ToSpooled(options, std::span(&alert, 1));
  EXPECT_TRUE(IsForStream(event));
  EXPECT_EQ(SendSpooled(event, {}, kLong).kind, SendResult::Kind::kSent);
  EXPECT_THAT(inlet_.events(), ElementsAre(alert));
  SpooledEvent unknown = event;
  unknown.key = "no-such-key";
  EXPECT_EQ(SendSpooled(unknown, {}, kLong).kind, SendResult::Kind::kRejected);
  Shutdown();
  const SendResult later = SendSpooled(event, {}, absl::Milliseconds(100));
  EXPECT_EQ(later.kind, SendResult::Kind::kLater);
  EXPECT_THAT(later.reason, HasSubstr(address()));
}

}  // namespace
}  // namespace tocsin
