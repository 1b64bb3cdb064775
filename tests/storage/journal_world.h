// What the journal's tests share: an owned copy of an entry, a journal on a simulated disk with small segments.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/journal.h"
#include "storage/simulated_disk.h"

namespace tocsin {

struct Copied {
  std::uint64_t sequence = 0;
  std::uint64_t epoch = 0;
  EntryKind kind = EntryKind::kShard;
  std::uint32_t shard = 0;
  std::string body;
  friend bool operator==(const Copied&, const Copied&) = default;
};
inline void PrintTo(const Copied& entry, std::ostream* out) {
  *out << entry.sequence << "@" << entry.epoch << " kind " << static_cast<int>(entry.kind) << " " << entry.body.size()
       << " bytes";
}

inline const std::string kFolder = "journal";

inline Journal::Options SmallOptions() {
  Journal::Options options;
  options.segment_bytes = 16 * 1024;
  options.store = {17, 4};
  options.key = 99;
  return options;
}

inline Now At(std::int64_t ms) {
  return {absl::FromUnixMillis(1'700'000'000'000 + ms), EngineTime(ms * 1'000'000)};
}

inline std::vector<Copied> ReadAll(const Journal& journal, Sequence from = Sequence()) {
  std::vector<Copied> entries;
  if (!from.set()) from = journal.recovery().first.set() ? journal.recovery().first : Sequence(1);
  const absl::Status read = journal.Read(from, [&](const Entry& entry) {
    entries.push_back({entry.sequence.value(), entry.epoch.value(), entry.kind, entry.shard, std::string(entry.body)});
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
  return entries;
}

// Appends one commit of entries with these bodies.
inline absl::StatusOr<Sequence> AppendBodies(Journal& journal,
                                             const std::vector<std::string>& bodies,
                                             Now now = At(0)) {
  std::vector<PendingEntry> entries;
  for (const std::string& body : bodies)
    entries.push_back({EntryKind::kShard, 3, body});
  return journal.Append(entries, now);
}

inline std::string Segment(std::uint64_t first) {
  return absl::StrFormat("%s/%020d.journal", kFolder, first);
}

}  // namespace tocsin
