// The Sender when all is well: batches, credit, order, what it tells.
#include <atomic>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>

#include "tests/client/sender_world.h"
#include "tests/support/certificate.h"

namespace tocsin {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::size_t> Sizes(const FakeInlet& inlet) {
  std::vector<std::size_t> sizes;
  for (const FakeInlet::Batch& batch : inlet.batches())
    sizes.push_back(batch.events.size());
  return sizes;
}

TEST_F(SenderTest, BringsAlertsAsTheyAre) {
  AlertEvent alert = Alert("DiskFull");
  alert.severity = Severity::kCritical;
  alert.dedup_key = "db-1/disk";
  alert.annotations = {
      {"summary", "99% of \"/var\""}
  };
  alert.starts_at = absl::FromUnixSeconds(1'700'000'000);
  alert.ends_at = absl::FromUnixSeconds(2'000'000'000);
  alert.link = "https://example.com/disk";
  const auto sender = Open(Options());
  Send(*sender, alert);
  EXPECT_TRUE(sender->Flush(kLong).ok());
  EXPECT_THAT(inlet_.events(), ElementsAre(alert));
}

TEST_F(SenderTest, BatchesByCountByBytesAndByAge) {
  SenderOptions options = Options();
  options.batch_alerts = 3;
  options.batch_age = absl::Hours(1);
  const auto sender = Open(options);
  for (int i = 0; i < 7; ++i)
    Send(*sender, Alert(absl::StrCat("A", i)));
  EXPECT_TRUE(Eventually([&] { return inlet_.batches().size() == 2; }));
  EXPECT_TRUE(sender->Flush(kLong).ok()) << "what waits for company is sent by a flush";
  EXPECT_THAT(Sizes(inlet_), ElementsAre(3, 3, 1));

  options.batch_alerts = 500;
  options.batch_bytes = 80 * 1024;
  const auto by_bytes = Open(options);
  for (int i = 0; i < 6; ++i) {
    AlertEvent alert = Alert(absl::StrCat("B", i));
    alert.annotations = {
        {"a", std::string(16 * 1024, 'x')},
        {"b", std::string(8 * 1024,  'x')}
    };
    Send(*by_bytes, alert);
  }
  EXPECT_TRUE(by_bytes->Flush(kLong).ok());
  EXPECT_THAT(Sizes(inlet_), ElementsAre(3, 3, 1, 3, 3));

  options.batch_age = absl::Milliseconds(20);
  const auto by_age = Open(options);
  Send(*by_age, Alert("C"));
  EXPECT_TRUE(Eventually([&] { return Sizes(inlet_).size() == 6; })) << "nobody has flushed";
}

TEST_F(SenderTest, KeepsToTheServersCredit) {
  inlet_.Hold();
  SenderOptions options = Options();
  options.batch_alerts = 1;
  const auto sender = Open(options);
  for (int i = 0; i < 100; ++i)
    Send(*sender, Alert(absl::StrCat("A", i)));
  inlet_.Await(kStreamCredit);
  absl::SleepFor(absl::Milliseconds(100));  // time for a batch too many
  EXPECT_EQ(inlet_.batches().size(), kStreamCredit);
  StartCompleting();
  EXPECT_TRUE(sender->Flush(kLong).ok());
  EXPECT_EQ(ingest_.ReadStatistics().over_credit, 0U);
  EXPECT_EQ(ingest_.ReadStatistics().streams, 1U);
  EXPECT_EQ(Stories().size(), 100U);
}

TEST_F(SenderTest, AnAlertsRecoveryWaitsUntilItsProblemIsDurable) {
  inlet_.Hold();
  SenderOptions options = Options();
  options.spool = spool();
  options.batch_alerts = 2;
  options.batch_age = absl::Hours(1);
  const auto sender = Open(options);
  Send(*sender, Alert("A"));
  Send(*sender, Alert("B"));
  Send(*sender, Alert("A", EventKind::kResolve));
  Send(*sender, Alert("C"));
  inlet_.Await(1);
  absl::SleepFor(absl::Milliseconds(100));  // time for what must not come
  EXPECT_THAT(Sizes(inlet_), ElementsAre(2));
  StartCompleting();
  EXPECT_TRUE(sender->Flush(kLong).ok());
  EXPECT_THAT(Sizes(inlet_), ElementsAre(2, 2));
  EXPECT_EQ(Stories(), (std::map<std::string, std::string>{
                           {"A", "tr"},
                           {"B", "t" },
                           {"C", "t" }
  }));
}

TEST_F(SenderTest, TellsWhatBecameOfEachAlert) {
  SenderOptions options = Options();
  options.want_outcomes = true;
  options.batch_alerts = 3;
  options.batch_age = absl::Hours(1);
  const auto sender = Open(options);
  Mutex mutex;
  std::vector<Delivery> told;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(sender
                    ->Send(Alert(absl::StrCat("A", i)),
                           [&](const Delivery& delivery) {
                             const MutexLock lock(mutex);
                             told.push_back(delivery);
                           })
                    .ok());
  }
  EXPECT_TRUE(sender->Stop(kLong).ok());
  ASSERT_EQ(told.size(), 3U);
  for (const Delivery& delivery : told) {
    EXPECT_EQ(delivery.kind, Delivery::Kind::kDurable);
    EXPECT_EQ(delivery.outcome, Outcome::kNew);
    EXPECT_EQ(delivery.sequence, 1U);
    EXPECT_EQ(delivery.server, address());
  }
  const Sender::Statistics statistics = sender->ReadStatistics();
  EXPECT_EQ(statistics.taken, 3U);
  EXPECT_EQ(statistics.durable, 3U);
  EXPECT_EQ(statistics.waiting, 0U);
  EXPECT_EQ(statistics.batches, 1U);
  EXPECT_EQ(statistics.connections, 1U);
  EXPECT_EQ(statistics.trouble, "");
  EXPECT_TRUE(absl::IsFailedPrecondition(sender->Send(Alert("late"))));
}

TEST_F(SenderTest, AlertsThatAreNotWellFormedAreRefusedAtOnce) {
  const auto sender = Open(Options());
  EXPECT_THAT(Message(sender->Send(AlertEvent())), HasSubstr("at least one label pair"));
  AlertEvent alert = Alert("A");
  alert.annotations = {
      {"summary", "\xFF"}
  };
  EXPECT_THAT(Message(sender->Send(alert)), AllOf(HasSubstr("annotations"), HasSubstr("UTF-8")));
  EXPECT_EQ(sender->ReadStatistics().refused, 2U);
}

TEST_F(SenderTest, ManyThreadsMaySend) {
  SenderOptions options = Options();
  options.spool = spool();
  const auto sender = Open(options);
  constexpr int kThreads = 4;
  constexpr int kAlerts = 2000;
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kAlerts; ++i) {
        const auto sent = sender->Send(Alert(absl::StrCat(thread, "/", i)), [&](const Delivery&) { ++done; });
        EXPECT_TRUE(sent.ok()) << sent;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_TRUE(sender->Flush(kLong).ok());
  EXPECT_EQ(done, kThreads * kAlerts);
  EXPECT_EQ(Stories().size(), static_cast<std::size_t>(kThreads * kAlerts));
  EXPECT_EQ(inlet_.events().size(), static_cast<std::size_t>(kThreads * kAlerts)) << "each once";
  EXPECT_EQ(Waiting(), 0U);
}

TEST_F(SenderTest, SpeaksTlsWithAServerThatItTrusts) {
  std::filesystem::create_directories(folder_);
  const Certificate certificate(folder_, "127.0.0.1");  // a bare machine knows no names
  auto keeper =
      TlsKeeper::Open({.certificate = certificate.certificate_file(), .key = certificate.key_file()}, absl::Now());
  ASSERT_TRUE(keeper.ok()) << keeper.status();
  const std::unique_ptr<GrpcServer> server = Serve(ingest_, {.tls = *keeper});
  SenderOptions options = Options();
  options.servers = {absl::StrCat("https://127.0.0.1:", server->port())};
  std::ifstream trusted(certificate.certificate_file());
  options.root_certificates = std::string(std::istreambuf_iterator<char>(trusted), {});
  {
    const auto sender = Open(options);
    Send(*sender, Alert("A"));
    EXPECT_TRUE(sender->Stop(kLong).ok());
  }
  options.root_certificates.clear();
  const auto doubting = Open(options);
  Send(*doubting, Alert("B"));
  EXPECT_TRUE(Eventually([&] { return doubting->ReadStatistics().failures > 1; }));
  EXPECT_EQ(Stories().count("B"), 0U);
}

TEST_F(SenderTest, OptionsThatCannotBeMeantAreNamed) {
  const auto why = [](SenderOptions options) { return Message(Sender::Open(std::move(options)).status()); };
  SenderOptions options = Options();
  options.servers = {};
  EXPECT_THAT(why(options), HasSubstr("servers: none"));
  options.servers = {"somewhere"};
  EXPECT_THAT(why(options), HasSubstr("\"somewhere\" is not HOST:PORT"));
  options = Options();
  options.key.clear();
  EXPECT_THAT(why(options), HasSubstr("key: missing"));
  options = Options();
  options.batch_alerts = 0;
  EXPECT_THAT(why(options), HasSubstr("batch_alerts: 0 is not from 1"));
  options = Options();
  options.batch_bytes = 1 << 30;
  EXPECT_THAT(why(options), HasSubstr("batch_bytes: "));
  options = Options();
  options.spool = spool();
  options.give_up_after = absl::Seconds(1);
  EXPECT_THAT(why(options), HasSubstr("give_up_after"));
  options.give_up_after = absl::ZeroDuration();
  const auto first = Open(options);
  EXPECT_THAT(why(options), HasSubstr("another process"));
}

}  // namespace
}  // namespace tocsin
