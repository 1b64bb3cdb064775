// `./dev bench cost`: what a duplicate costs (P10), from the bytes of a message to the committed journal: allocations, locks, journal
// bytes, instructions.
//
// The real stages over a store on a real disk, driven by one thread, so that counts are exact. A message has costs of its own, whatever
// it holds; a duplicate's are what messages of 500 cost beyond messages of 100.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include "base/status.h"
#include "bench/instructions.h"
#include "bench/payload.h"
#include "bench/results.h"
#include "engine/pipeline.h"
#include "ingest/intake.h"
#include "ingest/wire_decoder.h"
#include "storage/file.h"
#include "storage/store.h"
#include "tests/sim/storm.h"
#include "tests/support/held_clock.h"

namespace {

// Of this thread: the store has threads of its own.
thread_local std::uint64_t allocations = 0;
thread_local std::uint64_t locks = 0;

}  // namespace

extern "C" {
// glibc's own, under the name that it keeps for programs that stand before it.
void* __libc_malloc(std::size_t bytes);
void* malloc(std::size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  using Function = int (*)(pthread_mutex_t*);
  static std::atomic<Function> original{nullptr};
  if (original == nullptr) original = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  ++locks;
  return original.load()(mutex);
}
}

namespace tocsin {
namespace {

using Target = Result::Target;

struct Costs {
  double allocations = 0;
  double locks = 0;
  double bytes = 0;
  double decoding = 0;    // instructions
  double submitting = 0;  // into the shard's ring
  double applying = 0;    // ring to table to sealed bodies
  double committing = 0;
};

// The engine without threads, and messages of one size going round.
class Bench {
 public:
  absl::Status Start(const std::string& folder) {
    Store::Options options;
    options.folder = folder;
    options.low_water_bytes = 0;
    TOCSIN_ASSIGN(store_, Store::Open(PosixFileSystem(), options));
    Engine::Options engine;
    engine.threads = false;
    engine.checkpoint_interval = absl::Hours(10);
    engine.checkpoint_bytes = 1ULL << 50U;
    engine.responder.link_key = "the bench's link key";
    TOCSIN_ASSIGN(engine_,
                  Engine::Start(engine, *store_, clock_,
                                {[](const Notification&, absl::Duration, std::shared_ptr<Gate>) {}, nullptr, nullptr}));
    intake_ = std::make_unique<Intake>(engine_->KeySeed());
    Settle();
    Organisation organisation = sim::StormOrganisation();
    organisation.route.group_wait = absl::Hours(1);
    for (Integration& integration : organisation.integrations)
      integration.active_alerts = 20'000'000;
    engine_->Execute(
        {
            "", "user:bench", ApplyOrganisation{std::make_shared<const Organisation>(organisation), "bench"}
    },
        nullptr);
    Settle();
    return engine_->IndexOf(IntegrationId("stream")) ? absl::OkStatus() : Unavailable("no integration `stream`");
  }

  // Of one message with `count` alerts, all of them duplicates.
  Costs Measure(int count) {
    constexpr std::uint32_t kMessages = 200;
    const AlertBytes payload(AlertBytes::Form::kMessage, count);
    std::vector<std::string> messages;
    for (std::uint32_t i = 0; i < kMessages; ++i)
      messages.push_back(payload.Text(i * static_cast<std::uint32_t>(count)));
    for (int warm = 0; warm < 3; ++warm) {
      for (const std::string& message : messages)
        Send(message);
    }
    total_ = Costs();
    for (const std::string& message : messages)
      Send(message);
    for (double* sum : {&total_.allocations, &total_.locks, &total_.bytes, &total_.decoding, &total_.submitting,
                        &total_.applying, &total_.committing}) {
      *sum /= kMessages;
    }
    return total_;
  }

 private:
  void Settle() {
    for (bool busy = true; busy;) {
      busy = engine_->Step(Engine::Stage::kShard);
      busy = engine_->Step(Engine::Stage::kCommitter) || busy;
      busy = engine_->Step(Engine::Stage::kResponder) || busy;
      busy = engine_->Step(Engine::Stage::kKeeper) || busy;
    }
  }

  void Send(const std::string& message) {
    const std::uint64_t bytes_before = engine_->ReadStatistics().committed_bytes;
    std::uint64_t mark = instructions_.Read();
    const auto since = [&] {
      const std::uint64_t now = instructions_.Read();
      return static_cast<double>(now - std::exchange(mark, now));
    };
    allocations = 0;
    locks = 0;
    intake_->Begin(*engine_->IndexOf(IntegrationId("stream")), nullptr, clock_.Read().wall, Intake::Manner::kStrict);
    TOCSIN_CHECK(decoder_.Decode(message, *intake_).ok(), "a good message");
    total_.decoding += since();
    TOCSIN_CHECK(engine_->Submit(intake_->batch(), false, [](const Receipt&) {}) == Admission::kAccepted,
                 "there is room");
    total_.submitting += since();
    engine_->Step(Engine::Stage::kShard);
    total_.applying += since();
    engine_->Step(Engine::Stage::kCommitter);
    total_.committing += since();
    total_.allocations += static_cast<double>(allocations);
    total_.locks += static_cast<double>(locks);
    total_.bytes += static_cast<double>(engine_->ReadStatistics().committed_bytes - bytes_before);
    clock_.Advance(absl::Milliseconds(1));
    Settle();
  }

  HeldClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
  Instructions instructions_;
  WireDecoder decoder_;
  std::unique_ptr<Intake> intake_;
  Costs total_;
};

constexpr int kSmall = 100;
constexpr int kLarge = 500;

void Tell(const Costs& large, const Costs& small, Results& results) {
  const auto each = [&](double Costs::*of) { return (large.*of - small.*of) / (kLarge - kSmall); };
  const auto row = [&](const std::string& id, const std::string& what, double Costs::*of, const std::string& unit,
                       std::optional<double> at_most) {
    results.Add({.id = "P10." + id,
                 .what = what,
                 .value = each(of),
                 .unit = unit,
                 .beside = "",
                 .target = at_most ? std::optional(Target{Target::Is::kAtMost, *at_most}) : std::nullopt});
  };
  row("allocations", "a duplicate allocates", &Costs::allocations, "times", 0);
  row("locks", "a duplicate locks", &Costs::locks, "times", 0);
  row("journal", "a duplicate in the journal", &Costs::bytes, "bytes", 24);
  row("decode", "instructions: off the wire into a batch", &Costs::decoding, "", std::nullopt);
  row("submit", "instructions: into the shard's ring", &Costs::submitting, "", std::nullopt);
  row("apply", "instructions: ring, table, sealed", &Costs::applying, "", std::nullopt);
  row("commit", "instructions: journal", &Costs::committing, "", std::nullopt);
  const auto once = [&](const std::string& id, const std::string& what, double Costs::*of, const std::string& unit) {
    results.Add({.id = "P10." + id,
                 .what = what,
                 .value = small.*of - kSmall * each(of),
                 .unit = unit,
                 .beside = "",
                 .target = std::nullopt});
  };
  once("message.allocations", "a message allocates, whatever it holds", &Costs::allocations, "times");
  once("message.locks", "a message locks, whatever it holds", &Costs::locks, "times");
}

int Run() {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / absl::StrFormat("tocsin-bench-%d", getpid());
  Results results;
  {
    Bench bench;
    if (const absl::Status status = bench.Start(folder); !status.ok()) {
      std::fprintf(stderr, "%s\n", Message(status).c_str());
      return 1;
    }
    const Costs large = bench.Measure(kLarge);
    const Costs small = bench.Measure(kSmall);
    Tell(large, small, results);
  }
  results.Write();
  fs::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace tocsin

int main() {
  return tocsin::Run();
}
