// What the store's tests share: rows, and a store whose files and views live in memory.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include "base/status.h"
#include "storage/simulated_disk.h"
#include "storage/simulated_env.h"
#include "storage/store.h"
#include "tests/storage/journal_world.h"

namespace tocsin {

inline Group GroupOf(std::uint64_t id, absl::Time resolved_at = absl::UnixEpoch()) {
  Group group;
  group.id = GroupId(id);
  group.key = GroupKey(id * 7);
  group.state = Group::State::kResolved;
  group.resolved_at = resolved_at;
  return group;
}

inline TimelineEntry EntryOf(Subject subject, std::string text) {
  TimelineEntry entry;
  entry.subject = subject;
  entry.at = absl::FromUnixSeconds(1000);
  entry.text = std::move(text);
  return entry;
}

// Forgets what closed before `before`, whatever its kind.
inline absl::Status RetainBefore(Store& store, absl::Time before, std::size_t limit) {
  return store.Retain({absl::ZeroDuration(), absl::ZeroDuration(), absl::ZeroDuration(), 0}, before, limit);
}

// A store whose files and views live in memory, through any number of openings.
class StoreTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Store>> Open(bool accept_loss = false) {
    Store::Options options;
    options.journal = SmallOptions();
    options.journal.accept_loss = accept_loss;
    options.folder = "data";
    options.low_water_bytes = 1 << 20;
    options.reserve_bytes = 1 << 16;
    options.views_env = env_.get();
    options.key_seed = 4711;
    return Store::Open(disk_, options);
  }
  std::unique_ptr<Store> OpenOrDie() {
    absl::StatusOr<std::unique_ptr<Store>> store = Open();
    TOCSIN_CHECK(store.ok(), store.status().ToString());
    return *std::move(store);
  }
  // Journals a stand-in for `change`, then applies it, as the engine does.
  static Sequence Apply(Store& store, const Change& change) {
    const PendingEntry entry{EntryKind::kResponder, 0, std::string_view("change")};
    const absl::StatusOr<Sequence> sequence = store.journal().Append({&entry, 1}, At(0));
    TOCSIN_CHECK(sequence.ok() && store.ApplyChange(change, *sequence).ok(), "apply");
    return *sequence;
  }
  static std::vector<std::pair<std::uint32_t, std::string>> ReadCheckpoint(Store& store) {
    std::vector<std::pair<std::uint32_t, std::string>> bodies;
    EXPECT_TRUE(store
                    .ReadCheckpoint([&](std::uint32_t shard, std::string_view body) {
                      bodies.emplace_back(shard, body);
                      return absl::OkStatus();
                    })
                    .ok());
    return bodies;
  }

  std::unique_ptr<rocksdb::Env> env_{rocksdb::NewMemEnv(rocksdb::Env::Default())};
  SimulatedDisk disk_;
};

}  // namespace tocsin
