// A storm against the clock: 200,000 alerts over 500 services towards 8 people, through the real pipeline on a real disk.
//
//   ./dev bench storm [FOLDER]    FOLDER (default: the present one) decides which disk is measured
//
// One run. Prints how long it takes from the moment at which a person's first critical alert was accepted (its receipt:
// the alert is on the disk) to the moment at which the notifier is handed the first attempt to tell that person; and the
// same from the moment at which the alert was offered. The simulated counterpart, with the checks: tests/sim/storm_test.cc.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "base/status.h"
#include "engine/pipeline.h"
#include "storage/store.h"
#include "tests/sim/storm.h"

namespace tocsin {
namespace {

using Steady = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::size_t kAlerts = 200'000;
constexpr std::size_t kBatch = 1000;

// What has happened, as engine threads tell it.
class Log {
 public:
  void Offered(const UserId& person) {
    const MutexLock lock(mutex_);
    offered_.try_emplace(person, Steady::now());
  }
  void Accepted(const UserId& person) {
    const MutexLock lock(mutex_);
    accepted_.try_emplace(person, Steady::now());
  }
  void Started(const Notification& row) {
    const MutexLock lock(mutex_);
    storm_.Started(row, clock_.Read().engine);
    if (row.lane == Notification::Lane::kCritical) attempted_.try_emplace(row.user, Steady::now());
  }
  bool Complete() const {
    const MutexLock lock(mutex_);
    return attempted_.size() == sim::kStormPeople && accepted_.size() == sim::kStormPeople;
  }

  void Print(const Organisation& organisation) const {
    const MutexLock lock(mutex_);
    std::printf("%-8s %24s %24s\n", "person", "offered to attempt", "accepted to attempt");
    double worst = 0;
    for (const auto& [person, at] : attempted_) {
      const double from_offer = Milliseconds(at - offered_.at(person)).count();
      const double from_acceptance = Milliseconds(at - accepted_.at(person)).count();
      worst = std::max(worst, from_acceptance);
      std::printf("%-8s %21.2f ms %21.2f ms\n", person.value().c_str(), from_offer, from_acceptance);
    }
    std::printf("from acceptance to the first critical attempt: %.2f ms at worst\n", worst);
    const std::string excess = storm_.Excess(organisation);
    std::printf("%zu messages, at most %zu on one contact method; limits: %s\n", storm_.messages(),
                storm_.most_messages(), excess.empty() ? "kept" : excess.c_str());
  }

 private:
  SystemClock clock_;
  mutable Mutex mutex_;
  std::map<UserId, Steady::time_point> offered_ ABSL_GUARDED_BY(mutex_);
  std::map<UserId, Steady::time_point> accepted_ ABSL_GUARDED_BY(mutex_);
  std::map<UserId, Steady::time_point> attempted_ ABSL_GUARDED_BY(mutex_);
  sim::StormLog storm_ ABSL_GUARDED_BY(mutex_);
};

EventBatch BatchFrom(const Engine& engine, std::size_t from) {
  EventBatch batch(engine.KeySeed(), *engine.IndexOf(IntegrationId("stream")));
  for (std::size_t i = from; i < from + kBatch; ++i)
    TOCSIN_CHECK(batch.Append(sim::StormEvent(i, kAlerts)).ok(), "a good event");
  return batch;
}

void Run(const std::string& folder) {
  Store::Options store_options;
  store_options.folder = folder;
  auto store = Store::Open(PosixFileSystem(), store_options);
  TOCSIN_CHECK(store.ok(), store.status().ToString());
  const SystemClock clock;
  Log log;
  Engine* told = nullptr;
  Engine::Options options;
  options.shard_count = 2;
  options.responder.link_key = "the storm's link key";
  auto started = Engine::Start(options, **store, clock,
                               {[&](const Notification& row, absl::Duration, std::shared_ptr<Gate> gate) {
                                  if (!gate->Start()) return;
                                  log.Started(row);
                                  AttemptResult result;
                                  result.notification = row.id;
                                  result.attempt = row.attempt;
                                  told->Execute({"", "notify", result}, nullptr);
                                },
                                nullptr, nullptr});
  TOCSIN_CHECK(started.ok(), started.status().ToString());
  Engine& engine = **started;
  told = &engine;
  const auto organisation = std::make_shared<const Organisation>(sim::StormOrganisation());
  const CommandResult applied = engine.ExecuteAndWait({
      "", "user:admin", ApplyOrganisation{organisation, "storm"}
  });
  TOCSIN_CHECK(applied.status.ok(), applied.status.ToString());

  std::atomic<std::size_t> receipts = 0;
  const Steady::time_point begin = Steady::now();
  for (std::size_t from = 0; from < kAlerts; from += kBatch) {
    const EventBatch batch = BatchFrom(engine, from);
    const auto critical = [from](const auto& visit) {
      for (std::size_t i = from; i < from + kBatch; ++i) {
        if (sim::StormIsCritical(i, kAlerts)) visit(sim::StormPerson(sim::StormServiceOf(i)));
      }
    };
    critical([&](const UserId& person) { log.Offered(person); });
    while (engine.Submit(batch, false, [&log, &receipts, critical](const Receipt&) {
      critical([&](const UserId& person) { log.Accepted(person); });
      ++receipts;
    }) != Admission::kAccepted) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  while (receipts.load() < kAlerts / kBatch || !log.Complete())
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const double took = std::chrono::duration<double>(Steady::now() - begin).count();
  std::printf("%zu alerts over %zu services accepted in %.2f s (%.0f/s)\n", kAlerts, sim::kStormServices, took,
              static_cast<double>(kAlerts) / took);
  log.Print(*organisation);
}

}  // namespace
}  // namespace tocsin

int main(int argc, char** argv) {
  const std::string folder = std::string(argc > 1 ? argv[1] : ".") + "/storm_bench.tmp";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  tocsin::Run(folder);
  std::filesystem::remove_all(folder);
  return 0;
}
