#include "api/replays.h"

#include <utility>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/status.h"

namespace tocsin {
namespace {

constexpr std::size_t kKept = 8;
constexpr absl::Duration kLongest = absl::Minutes(10);  // of work: on a busy server it may wait for long in between
constexpr absl::Duration kLongestWait = absl::Hours(1);
constexpr absl::Duration kForgotten = absl::Minutes(1);
constexpr int kLowestPriority = 19;

// That the calling thread has worked.
absl::Duration Worked() {
  rusage used{};
  getrusage(RUSAGE_THREAD, &used);
  return absl::DurationFromTimeval(used.ru_utime) + absl::DurationFromTimeval(used.ru_stime);
}

}  // namespace

Replays::~Replays() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    for (const auto& job : jobs_)
      job->control.cancelled.store(true, std::memory_order_relaxed);
    thread.swap(thread_);
  }
  if (thread.joinable()) thread.join();
}

absl::StatusOr<std::uint64_t> Replays::Start(Store& store, replay::World::Options options, replay::Request request) {
  MutexLock lock(mutex_);
  const EngineTime now = clock_.Read().engine;
  if (!jobs_.empty() && jobs_.back()->result == nullptr) {
    Job& running = *jobs_.back();
    if (now - running.asked < kForgotten) {
      return Exhausted("another replay is under way, %d%% done; one runs at a time: try again when it has ended",
                       running.control.permille.load(std::memory_order_relaxed) / 10);
    }
    running.control.cancelled.store(true, std::memory_order_relaxed);
    return Exhausted(
        "another replay, which nobody has asked about for a minute, is being ended: try again in a second");
  }
  if (thread_.joinable()) thread_.join();  // it has put its result down and does nothing more
  auto job = std::make_shared<Job>();
  job->id = ++last_id_;
  job->began = job->asked = now;
  job->control.is_over = [this, end = now + kLongestWait] { return Worked() > kLongest || clock_.Read().engine > end; };
  jobs_.push_back(job);
  if (jobs_.size() > kKept) jobs_.pop_front();
  thread_ = std::thread([this, &store, options = std::move(options), request = std::move(request), job] {
    Run(store, options, request, *job);
  });
  return job->id;
}

void Replays::Run(Store& store, const replay::World::Options& options, const replay::Request& request, Job& job) {
  // Of this thread alone, on Linux. What pages people goes first.
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kLowestPriority);
  auto result =
      std::make_shared<const absl::StatusOr<replay::Result>>(replay::Run(store, options, request, job.control));
  MutexLock lock(mutex_);
  job.took = clock_.Read().engine - job.began;
  job.result = std::move(result);
}

std::shared_ptr<Replays::Job> Replays::Find(std::uint64_t id) {
  for (const auto& job : jobs_) {
    if (job->id == id) return job;
  }
  return nullptr;
}

Replays::Look Replays::LookAt(const Job& job) {
  return {job.id, job.control.permille.load(std::memory_order_relaxed), job.result, job.took};
}

absl::StatusOr<Replays::Look> Replays::Get(std::uint64_t id) {
  MutexLock lock(mutex_);
  const std::shared_ptr<Job> job = Find(id);
  if (job == nullptr) return NotFound("replay %d is not known: the last %d are kept until the server stops", id, kKept);
  job->asked = clock_.Read().engine;
  return LookAt(*job);
}

absl::StatusOr<Replays::Look> Replays::Cancel(std::uint64_t id) {
  {
    MutexLock lock(mutex_);
    if (const std::shared_ptr<Job> job = Find(id)) job->control.cancelled.store(true, std::memory_order_relaxed);
  }
  return Get(id);
}

}  // namespace tocsin
