#include "gateway/inlet.h"

#include <algorithm>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "base/ring.h"
#include "base/status.h"
#include "gateway/blocks.h"
#include "gateway/completions.h"
#include "gateway/record.h"
#include "model/submissions.h"

namespace tocsin {
namespace {

constexpr std::uint32_t kSubmissions = 1 << 14;
constexpr absl::Duration kRetryAfter = absl::Seconds(1);
constexpr std::size_t kMostBatchBytes = kGatewayRingBytes / 2 - 4096;  // with its head it fits into an empty ring

}  // namespace

// One attachment, from the handing over of the memory until the engine goes.
class GatewayInlet::Link {
 public:
  Link(GatewayMemory memory, const Clock& clock, GatewayInlet& counters)
      : clock_(clock),
        counters_(counters),
        memory_(std::make_shared<const GatewayMemory>(std::move(memory))),
        blocks_(memory_),
        key_seed_(memory_->control().key_seed),
        submissions_({.batches = kSubmissions,
                      .bytes = memory_->shard_count() * kGatewayRingBytes,
                      .quick_batches = 0,  // a gateway's rings have one queue
                      .quick_bytes = 0,
                      .quick_bytes_of_one = 0},
                     counters.seconds_),
        reader_(*memory_) {
    for (std::uint32_t i = 0; i < memory_->shard_count(); ++i) {
      absl::StatusOr<Ring> ring = Ring::Attach(memory_->ring(i));
      TOCSIN_CHECK(ring.ok(), "the engine has made the rings");
      rings_.push_back(*ring);
    }
    if (rings_.size() > 1) positions_.resize(kSubmissions * rings_.size());
    thread_ = std::thread([this] { Run(); });
  }
  ~Link() { Close(); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  Admission Submit(const EventBatch& batch, bool want_outcomes, Done done) {
    const Inside inside(inside_);
    if (closed_.load()) return Admission::kStopping;
    const auto admission = static_cast<Admission>(memory_->control().admission.load(std::memory_order_relaxed));
    if (admission != Admission::kAccepted) return admission;
    thread_local std::vector<GatewayPart> parts;
    parts.resize(rings_.size());
    Divide(batch, memory_->blocks(), parts);
    std::size_t bytes = 0;
    for (const GatewayPart& part : parts)
      bytes += part.bytes;
    if (bytes > kMostBatchBytes) return Admission::kTooLarge;
    // Numbers and keys of another store's mean nothing here: who has them is to begin anew.
    if (batch.seed() != key_seed_) return Admission::kStopping;
    const std::optional<Submissions::Taken> taken =
        submissions_.Take(batch, static_cast<std::uint32_t>(rings_.size()), want_outcomes ? batch.count() : 0,
                          clock_.Read().engine, std::move(done));
    if (taken && PublishParts(batch, parts, taken->slot, want_outcomes)) return Admission::kAccepted;
    memory_->control().refused_batches.fetch_add(1, std::memory_order_relaxed);  // the engine lets leases stand still
    return Admission::kOverloaded;
  }

  void Close() {
    if (!thread_.joinable()) return;
    closed_.store(true);
    while (inside_.load() > 0)
      std::this_thread::yield();
    memory_->control().completions_bell.Notify();
    thread_.join();
    blocks_.Close();  // whoever is told now lets go of blocks of which the engine may still read
    counters_.lost_.fetch_add(submissions_.LoseAll(), std::memory_order_relaxed);
  }

  std::shared_ptr<char> TakeBlock() { return blocks_.Take(); }
  std::uint64_t key_seed() const { return key_seed_; }
  absl::Duration retry_after() const {
    return absl::Milliseconds(memory_->control().retry_after_ms.load(std::memory_order_relaxed));
  }

 private:
  // Who is in Submit: Close waits for them, and those who come later see that it is closed.
  class Inside {
   public:
    explicit Inside(std::atomic<int>& count) : count_(count) { count_.fetch_add(1); }
    ~Inside() { count_.fetch_sub(1); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    std::atomic<int>& count_;
  };

  // The places in the batch of the events of one part, where outcomes come back in parts.
  std::vector<std::uint32_t>& Positions(std::uint32_t slot, std::size_t shard) {
    return positions_[slot * rings_.size() + shard];
  }

  bool PublishParts(const EventBatch& batch,
                    std::span<const GatewayPart> parts,
                    std::uint32_t slot,
                    bool want_outcomes) {
    for (std::size_t s = 0; s < rings_.size(); ++s) {
      if (want_outcomes && rings_.size() > 1) Positions(slot, s) = parts[s].events;
      if (PublishRecord(rings_[s], slot, want_outcomes, batch, parts[s], memory_->blocks())) {
        memory_->control().bells[s].wakeup.Notify();
        continue;
      }
      // As in the engine: what is in stays in, the sender is told to send all of it again.
      submissions_.Withdraw(slot, static_cast<std::uint32_t>(rings_.size() - s));
      return false;
    }
    return true;
  }

  void Run() {
    while (!closed_.load(std::memory_order_relaxed)) {
      if (!TakeCompletions()) memory_->control().completions_bell.Wait(absl::Seconds(1));
    }
    TakeCompletions();  // what the engine said last is true, also when it has gone
  }

  bool TakeCompletions() {
    CompletionHead head;
    bool any = false;
    for (EngineTime now = clock_.Read().engine; reader_.Read(head, outcomes_); any = true) {
      if (head.sequence == 0) {
        submissions_.Lose(head.submission);
        counters_.lost_.fetch_add(1, std::memory_order_relaxed);
        continue;
      }
      if (!outcomes_.empty()) PlaceOutcomes(head);
      submissions_.Complete(head.submission, head.sequence, now);
    }
    return any;
  }

  // A part's outcomes come in the order of its events.
  void PlaceOutcomes(const CompletionHead& head) {
    const std::span<Outcome> to = submissions_.OutcomesOf(head.submission);
    for (std::size_t i = 0; i < outcomes_.size(); ++i) {
      const std::size_t place = rings_.size() > 1 ? Positions(head.submission, head.shard)[i] : i;
      if (place < to.size()) to[place] = outcomes_[i];
    }
  }

  const Clock& clock_;
  GatewayInlet& counters_;
  const std::shared_ptr<const GatewayMemory> memory_;  // blocks that were taken hold it, too
  GatewayBlocks blocks_;
  const std::uint64_t key_seed_;
  std::vector<Ring> rings_;
  Submissions submissions_;
  std::vector<std::vector<std::uint32_t>> positions_;
  CompletionReader reader_;
  std::vector<Outcome> outcomes_;
  std::atomic<int> inside_{0};
  std::atomic<bool> closed_{false};
  std::thread thread_;
};

GatewayInlet::GatewayInlet(const Clock& clock) : clock_(clock) {}
GatewayInlet::~GatewayInlet() {
  Detach();
}

void GatewayInlet::Attach(GatewayMemory memory) {
  Detach();
  auto link = std::make_shared<Link>(std::move(memory), clock_, *this);
  const MutexLock lock(mutex_);
  link_ = std::move(link);
}

void GatewayInlet::Detach() {
  std::shared_ptr<Link> link;
  {
    const MutexLock lock(mutex_);
    link = std::move(link_);
    link_ = nullptr;
  }
  if (link) link->Close();
}

std::shared_ptr<char> GatewayInlet::TakeBlock() const {
  const std::shared_ptr<Link> link = this->link();
  return link ? link->TakeBlock() : nullptr;
}

Admission GatewayInlet::Refuse(Admission why) {
  refused_[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  return why;
}

Admission GatewayInlet::Submit(const EventBatch& batch, bool want_outcomes, Done done) {
  const std::shared_ptr<Link> link = this->link();
  if (!link) return Refuse(Admission::kStopping);
  const std::size_t events = batch.count();
  const Admission admission = link->Submit(batch, want_outcomes, std::move(done));
  if (admission != Admission::kAccepted) return Refuse(admission);
  batches_.fetch_add(1, std::memory_order_relaxed);
  events_.fetch_add(events, std::memory_order_relaxed);
  return Admission::kAccepted;
}

absl::Duration GatewayInlet::RetryAfter() const {
  const std::shared_ptr<Link> link = this->link();
  return link ? std::max(kRetryAfter, link->retry_after()) : kRetryAfter;
}

std::uint64_t GatewayInlet::KeySeed() const {
  const std::shared_ptr<Link> link = this->link();
  return link ? link->key_seed() : 0;
}

GatewayInlet::Statistics GatewayInlet::ReadStatistics() const {
  Statistics statistics{.attached = link() != nullptr,
                        .batches = batches_.load(std::memory_order_relaxed),
                        .events = events_.load(std::memory_order_relaxed),
                        .lost_batches = lost_.load(std::memory_order_relaxed)};
  for (std::size_t i = 0; i < std::size(statistics.refused); ++i)
    statistics.refused[i] = refused_[i].load(std::memory_order_relaxed);
  return statistics;
}

}  // namespace tocsin
