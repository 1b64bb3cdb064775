// The keeper stage: checkpoints of the alert table, flushes, retention, free disk space.
#include "base/log.h"
#include "engine/pipeline_stages.h"

namespace tocsin {
namespace {

constexpr std::size_t kAlertsPerSlice = 4096;  // about a millisecond of the shard's time
constexpr std::size_t kRetainSlice = 1000;
constexpr std::size_t kIndexSlice = 100;  // about ten milliseconds in which nobody else writes the views
constexpr std::size_t kIndexSlices = 20;
constexpr absl::Duration kHousekeeping = absl::Seconds(1);
constexpr absl::Duration kCatchUp = absl::Seconds(10);

void LogFailure(std::string_view what, const absl::Status& status) {
  LogError("housekeeping failed; the journal keeps everything, but it grows until this works again",
           {
               {"step",  std::string(what)},
               {"error", Message(status)  }
  });
}

}  // namespace

bool KeeperStage::Housekeeping(const Now& now) {
  if (now.engine < next_housekeeping_) return false;
  next_housekeeping_ = now.engine + kHousekeeping;
  if (const absl::Status status = store_.KeepHistory(now); !status.ok()) LogFailure("history", status);
  const Store::Space before = space_.load(std::memory_order_relaxed);
  const Store::Space space = store_.FreeSpace(now);
  space_.store(space, std::memory_order_relaxed);
  if (space != before && space != Store::Space::kPlenty) {
    LogError("the disk is nearly full: alerts are refused with a retry hint, paging goes on; free some space", {});
  } else if (space != before) {
    LogInfo("there is free disk space again: alerts are accepted", {});
  }
  if (const absl::Status status = store_.Retain(options_.retention, now.wall, kRetainSlice); !status.ok()) {
    LogFailure("retention", status);
  }
  TendViews(now);
  BuildIndex();
  // The committer finds what is wrong with the disk as well, and ends the process.
  if (const absl::Status status = store_.journal().TendSpare(); !status.ok()) LogFailure("next segment", status);
  return true;
}

// Views that could not be written catch up when there is room for what else is written as well.
void KeeperStage::TendViews(const Now& now) {
  const absl::Status why = store_.why_behind();
  if (why.ok()) return;
  if (!views_are_behind_) {
    LogError(
        "the disk refuses writes to the views: lists, history and searches stay as they are; paging goes on and the "
        "journal keeps everything; free some space, then they catch up",
        {
            {"error", why}
    });
    views_are_behind_ = true;
  }
  if (space() != Store::Space::kPlenty || now.engine < next_catch_up_) return;
  next_catch_up_ = now.engine + kCatchUp;
  if (const absl::Status status = store_.CatchUp(); !status.ok()) return LogFailure("catch up", status);
  views_are_behind_ = false;
  LogInfo("the views have caught up with the journal", {});
}

// Of a store that an older program has written. Its rows are gone through once, a few at a time.
void KeeperStage::BuildIndex() {
  for (std::size_t slice = 0; !is_indexed_ && slice < kIndexSlices; ++slice) {
    const absl::StatusOr<bool> done = store_.BuildIndex(kIndexSlice);
    if (!done.ok()) return LogFailure("search index", done.status());
    is_indexed_ = *done;
  }
}

// Everything up to the position is in the table when the copy begins, because the table is ahead of the journal. Bodies
// that are sealed later are folded over the copy again, which is harmless.
bool KeeperStage::StartCheckpoint(std::span<const std::unique_ptr<ShardStage>> shards, const Now& now) {
  if (!next_checkpoint_) next_checkpoint_ = now.engine + options_.checkpoint_interval;
  const bool grown = commit_.bytes() - bytes_at_checkpoint_ >= options_.checkpoint_bytes;
  const bool due = now.engine >= *next_checkpoint_ && commit_.bytes() != bytes_at_checkpoint_;
  if (!grown && !due) return false;
  next_checkpoint_ = now.engine + options_.checkpoint_interval;
  bytes_at_checkpoint_ = commit_.bytes();
  if (const absl::Status status = store_.BeginCheckpoint(); !status.ok()) {
    if (absl::IsResourceExhausted(status)) {
      LogWarning("no checkpoint now: there is no room for a second one beside the first; the journal keeps everything",
                 {
                     {"reason", status}
      });
    } else {
      LogFailure("checkpoint", status);
    }
    return true;
  }
  position_ = commit_.sequence();
  shards_there_.store(0, std::memory_order_relaxed);
  for (const auto& shard : shards) {
    shard->Post([this](Shard& table, const Now&) {
      table.BeginCheckpoint();
      shards_there_.fetch_add(1, std::memory_order_release);
      wakeup_.Notify();
    });
  }
  copying_ = 0;
  asked_ = false;
  phase_ = Phase::kBegin;
  return true;
}

bool KeeperStage::Copy(std::span<const std::unique_ptr<ShardStage>> shards) {
  if (!asked_) {
    asked_ = true;
    answered_.store(false, std::memory_order_relaxed);
    slice_bodies_.clear();
    shards[copying_]->Post([this](Shard& table, const Now&) {
      slice_more_ =
          table.CheckpointSlice(kAlertsPerSlice, [this](std::string_view body) { slice_bodies_.emplace_back(body); });
      answered_.store(true, std::memory_order_release);
      wakeup_.Notify();
    });
    return true;
  }
  if (!answered_.load(std::memory_order_acquire)) return false;
  asked_ = false;
  for (const std::string& body : slice_bodies_) {
    if (const absl::Status status = store_.WriteCheckpoint(shards[copying_]->index(), body); !status.ok()) {
      LogFailure("checkpoint", status);
      phase_ = Phase::kIdle;
      return true;
    }
  }
  if (!slice_more_ && ++copying_ == shards.size()) AskWhenDurable(shards);
  return true;
}

// What the copy has seen must be in the journal before the copy counts.
void KeeperStage::AskWhenDurable(std::span<const std::unique_ptr<ShardStage>> shards) {
  phase_ = Phase::kDurable;
  shards_there_.store(0, std::memory_order_relaxed);
  for (const auto& shard : shards) {
    shard->Post([this, stage = shard.get()](Shard&, const Now&) {
      stage->WhenDurable([this] {
        shards_there_.fetch_add(1, std::memory_order_release);
        wakeup_.Notify();
      });
    });
  }
}

bool KeeperStage::Commit(const Now& now) {
  phase_ = Phase::kIdle;
  absl::Status status = store_.CommitCheckpoint(Sequence(position_), now);
  if (status.ok()) status = store_.Flush();
  if (!status.ok()) {
    LogFailure("checkpoint", status);
  } else {
    LogInfo("checkpoint written", {
                                      {"position",      std::to_string(position_)                       },
                                      {"journal_bytes", std::to_string(store_.journal().bytes_on_disk())},
                                      {"engine_ns",     std::to_string(now.engine.ns())                 }
    });
  }
  return true;
}

bool KeeperStage::Step(std::span<const std::unique_ptr<ShardStage>> shards) {
  const Now now = clock_.Read();
  const bool kept = Housekeeping(now);
  switch (phase_) {
    case Phase::kIdle: return StartCheckpoint(shards, now) || kept;
    case Phase::kBegin:
      if (shards_there_.load(std::memory_order_acquire) < shards.size()) return kept;
      phase_ = Phase::kCopy;
      return true;
    case Phase::kCopy: return Copy(shards) || kept;
    case Phase::kDurable:
      if (shards_there_.load(std::memory_order_acquire) < shards.size()) return kept;
      phase_ = Phase::kCommit;
      return true;
    case Phase::kCommit: return Commit(now);
  }
  return kept;
}

}  // namespace tocsin
