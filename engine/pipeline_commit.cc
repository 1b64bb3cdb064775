// The commit stage: everything sealed and decided becomes one write and one fsync, then acknowledgements, reports, effects.
#include <utility>

#include <unistd.h>

#include "base/log.h"
#include "engine/pipeline_stages.h"

namespace tocsin {
namespace {

constexpr int kExitJournalFailed = 74;  // EX_IOERR of sysexits.h; the supervisor starts us again and recovery repairs
constexpr std::size_t kDecisionsPerCommit = 512;

}  // namespace

// Memory is ahead of the disk from here on; going on would answer with what may be lost.
void CommitStage::Fail(const absl::Status& status) {
  dead_ = true;
  LogError(
      "the journal cannot be written: nothing more is acknowledged, the process ends; free or repair the disk and "
      "start again, what was acknowledged is safe",
      {
          {"error", status}
  });
  if (!failed_) _exit(kExitJournalFailed);
  failed_(status);
}

void CommitStage::Gather(std::span<const std::unique_ptr<ShardStage>> shards, ResponderStage& responder) {
  sealed_.clear();
  decided_.clear();
  entries_.clear();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    while (!IsAtPoint(i)) {
      const std::optional<Sealed*> sealed = shards[i]->out().TryPop();
      if (!sealed) break;
      sealed_.push_back(*sealed);
      NotePoint(i, std::move((*sealed)->point));
    }
  }
  while (decided_.size() < kDecisionsPerCommit && !IsAtPoint(shards.size())) {
    const std::optional<Decided*> decided = responder.out().TryPop();
    if (!decided) break;
    decided_.push_back(*decided);
    NotePoint(shards.size(), std::move((*decided)->point));
  }
  for (const Sealed* sealed : sealed_) {
    std::size_t start = 0;
    for (const std::size_t end : sealed->ends) {
      entries_.push_back(
          {EntryKind::kShard, sealed->shard, std::string_view(sealed->bytes).substr(start, end - start)});
      start = end;
    }
  }
  for (const Decided* decided : decided_) {
    for (const std::string_view& body : decided->bodies) {
      const bool goes_on = &body != &decided->bodies.back();
      entries_.push_back({goes_on ? EntryKind::kResponderPart : decided->kind, 0, body});
    }
  }
}

void CommitStage::NotePoint(std::size_t stage, std::shared_ptr<StatePoint> point) {
  if (!point) return;
  point_ = std::move(point);
  at_point_.insert(stage);
}

// All stages have sealed with the point and all of it is durable: what follows is no part of it.
void CommitStage::PassPoint(std::size_t stages) {
  if (!point_ || at_point_.size() < stages) return;
  std::exchange(point_, nullptr)->Reached(store_.journal().Stand());
  at_point_.clear();
}

bool CommitStage::Append() {
  const Now before = clock_.Read();
  const absl::StatusOr<Sequence> last = store_.journal().Append(entries_, before);
  if (!last.ok()) {
    Fail(last.status());
    return false;
  }
  std::uint64_t bytes = 0;
  for (const PendingEntry& entry : entries_)
    bytes += entry.body.size();
  sequence_.store(last->value(), std::memory_order_release);
  commits_.fetch_add(1, std::memory_order_relaxed);
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  durable_at_ = clock_.Read().engine;
  seconds_.Observe(absl::ToDoubleSeconds(durable_at_ - before.engine));
  return true;
}

void CommitStage::Deliver(std::span<const std::unique_ptr<ShardStage>> shards, ResponderStage& responder) {
  const std::uint64_t last = sequence();
  for (Sealed* sealed : sealed_) {
    responder.PushReports(*sealed);
    for (const std::uint32_t slot : sealed->acks)
      submissions_.Complete(slot, last, durable_at_);
    CompleteGateways(*sealed, last);
    for (auto& durable : sealed->durable)
      durable();
    ShardStage& shard = *shards[sealed->shard];
    shard.recycled().TryPush(std::move(sealed));
    shard.wakeup().Notify();
  }
  // Entries of one commit are numbered in a row, the responder's last.
  std::uint64_t bodies = 0;
  for (const Decided* decided : decided_)
    bodies += decided->bodies.size();
  std::uint64_t next = last - bodies;
  for (Decided* decided : decided_) {
    next += decided->bodies.size();
    decided->sequence = Sequence(next);
    TOCSIN_CHECK(responder.durable().TryPush(std::move(decided)), "as many places as decisions in flight");
  }
  if (!decided_.empty()) responder.wakeup().Notify();
}

bool CommitStage::Step(std::span<const std::unique_ptr<ShardStage>> shards, ResponderStage& responder) {
  if (dead_) return false;
  Gather(shards, responder);
  if (sealed_.empty() && decided_.empty()) {
    if (const absl::Status status = store_.journal().TouchMark(clock_.Read()); !status.ok()) Fail(status);
    return false;
  }
  if (entries_.empty()) durable_at_ = clock_.Read().engine;
  if (!entries_.empty() && !Append()) return false;
  PassPoint(shards.size() + 1);
  Deliver(shards, responder);
  return true;
}

}  // namespace tocsin
