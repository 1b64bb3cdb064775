#include "tests/interleavings/explorer.h"

#include <algorithm>
#include <array>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <ucontext.h>

#include "base/status.h"

namespace tocsin {
namespace {

using Clock = std::array<std::uint32_t, kMostThreads>;
constexpr std::size_t kStackBytes = 256 * 1024;
constexpr std::size_t kNobody = SIZE_MAX;

void Join(Clock& to, const Clock& from) {
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i] = std::max(to[i], from[i]);
}

// A granule of 8 bytes: who wrote it last, and who has read it, each at a time of his own clock.
struct Accesses {
  std::size_t writer = kNobody;
  std::uint32_t written = 0;
  Clock read = {};
};

struct Thread {
  ucontext_t context = {};
  std::unique_ptr<std::byte[]> stack = std::make_unique<std::byte[]>(kStackBytes);
  std::function<void()> body;
  bool ended = false;
  Clock clock = {};
};

// At one step: who may go on, and who did.
struct Choice {
  std::vector<std::size_t> order;  // the one without a preemption first
  std::size_t taken = 0;           // of order
  int spent = 0;                   // preemptions before it
  bool switching_costs = false;    // whoever ran could have gone on
};

class Run {
 public:
  explicit Run(std::vector<Choice>& choices) : choices_(choices) {}
  std::string Perform(Play play, int preemptions);
  void Step();  // a thread's: before an atomic operation
  void Access(std::uintptr_t at, std::size_t bytes, bool writes);
  void Load(const volatile void* at, int order);
  void Store(const volatile void* at, int order);
  void Update(const volatile void* at, int order);
  void Watch(std::uintptr_t begin, std::size_t bytes);
  void Fail(const std::string& what) {
    if (failure_.empty()) failure_ = what;
  }

 private:
  std::size_t Choose(int preemptions);
  static void Begin();
  Thread& now() { return threads_[running_]; }

  std::vector<Choice>& choices_;
  std::size_t depth_ = 0;
  int spent_ = 0;
  std::vector<Thread> threads_;
  std::size_t running_ = kNobody;
  ucontext_t main_ = {};
  std::string failure_;
  std::unordered_map<std::uintptr_t, Clock> released_;  // by the atomic's address: what its value brings along
  std::unordered_map<std::uintptr_t, Accesses> accesses_;
  std::unordered_set<std::uintptr_t> watched_;
};

Run* run = nullptr;   // the present one
bool inside = false;  // a thread of it runs, and not we ourselves

void Run::Begin() {
  run->now().body();
  inside = false;
  run->now().ended = true;
  swapcontext(&run->now().context, &run->main_);
}

std::size_t Run::Choose(int preemptions) {
  std::vector<std::size_t> order;
  const bool goes_on = running_ != kNobody && !threads_[running_].ended;
  if (goes_on) order.push_back(running_);
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    if (!threads_[i].ended && !(goes_on && i == running_)) order.push_back(i);
  }
  if (order.empty()) return kNobody;
  if (goes_on && spent_ >= preemptions) order.resize(1);
  if (depth_ == choices_.size()) choices_.push_back({std::move(order), 0, spent_, goes_on});
  const Choice& choice = choices_[depth_++];
  if (choice.switching_costs && choice.taken > 0) ++spent_;
  return choice.order[choice.taken];
}

std::string Run::Perform(Play play, int preemptions) {
  TOCSIN_CHECK(play.threads.size() <= kMostThreads, "as many threads as clocks have places");
  threads_.resize(play.threads.size());
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    Thread& thread = threads_[i];
    thread.body = std::move(play.threads[i]);
    thread.clock[i] = 1;
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.get();
    thread.context.uc_stack.ss_size = kStackBytes;
    thread.context.uc_link = nullptr;
    makecontext(&thread.context, &Run::Begin, 0);
  }
  while ((running_ = Choose(preemptions)) != kNobody && failure_.empty()) {
    inside = true;
    swapcontext(&main_, &now().context);
    inside = false;
  }
  if (failure_.empty() && play.check) failure_ = play.check();
  return failure_;
}

void Run::Step() {
  swapcontext(&now().context, &main_);
  inside = false;  // until the operation is done
}

void Run::Watch(std::uintptr_t begin, std::size_t bytes) {
  for (std::uintptr_t at = begin / 8; at <= (begin + bytes - 1) / 8; ++at)
    watched_.insert(at);
}

void Run::Access(std::uintptr_t at, std::size_t bytes, bool writes) {
  for (std::uintptr_t granule = at / 8; granule <= (at + bytes - 1) / 8; ++granule) {
    if (!watched_.contains(granule)) continue;
    Accesses& seen = accesses_[granule];
    const bool after_write = seen.writer == kNobody || seen.written <= now().clock[seen.writer];
    bool after_reads = true;
    for (std::size_t i = 0; i < kMostThreads; ++i)
      after_reads = after_reads && seen.read[i] <= now().clock[i];
    if (!after_write || (writes && !after_reads)) Fail("a race: two accesses without an order between them");
    if (writes) {
      seen = {.writer = running_, .written = now().clock[running_]};
    } else {
      seen.read[running_] = now().clock[running_];
    }
  }
}

bool Acquires(int order) {
  return order == __ATOMIC_ACQUIRE || order == __ATOMIC_CONSUME || order == __ATOMIC_ACQ_REL ||
         order == __ATOMIC_SEQ_CST;
}
bool Releases(int order) {
  return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

void Run::Load(const volatile void* at, int order) {
  if (Acquires(order)) Join(now().clock, released_[reinterpret_cast<std::uintptr_t>(at)]);
}
void Run::Store(const volatile void* at, int order) {
  Clock& brings = released_[reinterpret_cast<std::uintptr_t>(at)];
  brings = Releases(order) ? now().clock : Clock{};
  if (Releases(order)) ++now().clock[running_];
}
// Read, changed and written in one: it goes on with the release sequence.
void Run::Update(const volatile void* at, int order) {
  Load(at, order);
  if (!Releases(order)) return;
  Join(released_[reinterpret_cast<std::uintptr_t>(at)], now().clock);
  ++now().clock[running_];
}

// The next schedule; false: all have been tried.
bool Advance(std::vector<Choice>& choices, int preemptions) {
  while (!choices.empty()) {
    Choice& last = choices.back();
    const bool may_switch = !last.switching_costs || last.spent < preemptions;
    if (may_switch && last.taken + 1 < last.order.size()) {
      ++last.taken;
      return true;
    }
    choices.pop_back();
  }
  return false;
}

// What is done with an atomic: waits for its turn, does it, and notes what it orders.
template <typename Operation, typename Note>
auto Atomically(Operation operation, Note note) {
  if (!inside) return operation();
  run->Step();
  const auto result = operation();
  note(result);
  inside = true;
  return result;
}

void NoteAccess(const volatile void* at, std::size_t bytes, bool writes) {
  if (!inside) return;
  inside = false;
  run->Access(reinterpret_cast<std::uintptr_t>(at), bytes, writes);
  inside = true;
}

}  // namespace

ExploreResult Explore(int preemptions, const std::function<Play()>& make) {
  ExploreResult result;
  std::vector<Choice> choices;
  do {
    Run next(choices);
    run = &next;  // what is watched while the play is made belongs to it
    result.failure = next.Perform(make(), preemptions);
    run = nullptr;
    ++result.schedules;
  } while (result.failure.empty() && Advance(choices, preemptions));
  return result;
}

void WatchMemory(const void* begin, std::size_t bytes) {
  const bool was_inside = std::exchange(inside, false);
  run->Watch(reinterpret_cast<std::uintptr_t>(begin), bytes);
  inside = was_inside;
}

void Fail(const std::string& what) {
  run->Fail(what);
}

}  // namespace tocsin

// What the compiler calls: llvm.org, compiler-rt/lib/tsan/rtl/tsan_interface.h and tsan_interface_atomic.h.
// NOLINTBEGIN(bugprone-reserved-identifier)
#pragma GCC diagnostic ignored "-Wmissing-declarations"  // the compiler itself calls them
extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_read_range(void* at, std::size_t bytes) {
  tocsin::NoteAccess(at, bytes, false);
}
void __tsan_write_range(void* at, std::size_t bytes) {
  tocsin::NoteAccess(at, bytes, true);
}

#define TOCSIN_PLAIN(name, bytes)               \
  void __tsan_read##name(void* at) {            \
    tocsin::NoteAccess(at, bytes, false);       \
  }                                             \
  void __tsan_write##name(void* at) {           \
    tocsin::NoteAccess(at, bytes, true);        \
  }                                             \
  void __tsan_unaligned_read##name(void* at) {  \
    tocsin::NoteAccess(at, bytes, false);       \
  }                                             \
  void __tsan_unaligned_write##name(void* at) { \
    tocsin::NoteAccess(at, bytes, true);        \
  }
TOCSIN_PLAIN(1, 1)
TOCSIN_PLAIN(2, 2)
TOCSIN_PLAIN(4, 4)
TOCSIN_PLAIN(8, 8)
TOCSIN_PLAIN(16, 16)

#define TOCSIN_UPDATE(bits, name, operation)                                                                    \
  std::uint##bits##_t __tsan_atomic##bits##_##name(volatile std::uint##bits##_t* at, std::uint##bits##_t value, \
                                                   int order) {                                                 \
    return tocsin::Atomically([&] { return operation(at, value, __ATOMIC_SEQ_CST); },                           \
                              [&](auto) { tocsin::run->Update(at, order); });                                   \
  }
#define TOCSIN_COMPARE(bits, name)                                                                                   \
  int __tsan_atomic##bits##_compare_exchange_##name(volatile std::uint##bits##_t* at, std::uint##bits##_t* expected, \
                                                    std::uint##bits##_t value, int order, int failure) {             \
    return tocsin::Atomically(                                                                                       \
        [&]() -> int {                                                                                               \
          return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
        },                                                                                                           \
        [&](int done) { done != 0 ? tocsin::run->Update(at, order) : tocsin::run->Load(at, failure); });             \
  }
#define TOCSIN_ATOMIC(bits)                                                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_load(const volatile std::uint##bits##_t* at, int order) {        \
    return tocsin::Atomically([&] { return __atomic_load_n(at, __ATOMIC_SEQ_CST); },                         \
                              [&](auto) { tocsin::run->Load(at, order); });                                  \
  }                                                                                                          \
  void __tsan_atomic##bits##_store(volatile std::uint##bits##_t* at, std::uint##bits##_t value, int order) { \
    tocsin::Atomically(                                                                                      \
        [&] {                                                                                                \
          __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                                                     \
          return 0;                                                                                          \
        },                                                                                                   \
        [&](int) { tocsin::run->Store(at, order); });                                                        \
  }                                                                                                          \
  TOCSIN_UPDATE(bits, exchange, __atomic_exchange_n)                                                         \
  TOCSIN_UPDATE(bits, fetch_add, __atomic_fetch_add)                                                         \
  TOCSIN_UPDATE(bits, fetch_sub, __atomic_fetch_sub)                                                         \
  TOCSIN_COMPARE(bits, strong)                                                                               \
  TOCSIN_COMPARE(bits, weak)
TOCSIN_ATOMIC(8)
TOCSIN_ATOMIC(16)
TOCSIN_ATOMIC(32)
TOCSIN_ATOMIC(64)
void __tsan_atomic_thread_fence(int) {}
}
// NOLINTEND(bugprone-reserved-identifier)
