// What the tests of archives share: a journal on one simulated disk, its archive on another, and what was written as a ledger.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/status.h"
#include "storage/archive.h"
#include "storage/archiver.h"
#include "storage/format_file.h"
#include "storage/simulated_disk.h"
#include "tests/storage/journal_world.h"

namespace tocsin {

inline const std::string kArchive = "archive";

struct Written {
  Copied entry;
  absl::Time at;
  bool ends_commit = false;
};

class ArchiveWorld {
 public:
  ArchiveWorld() {
    TOCSIN_CHECK(disk.MakeFolder("data").ok() && archive.MakeFolder(kArchive).ok(), "folders");
    StoreFormat format;
    format.store = SmallOptions().store;
    format.journal_key = SmallOptions().key;
    TOCSIN_CHECK(WriteFormat(disk, "data", format).ok(), "format");
  }

  absl::Status Open(bool keep_trimmed = false, bool accept_loss = false) {
    journal.reset();
    archiver.reset();
    Journal::Options options = SmallOptions();
    options.keep_trimmed = keep_trimmed;
    options.accept_loss = accept_loss;
    TOCSIN_ASSIGN(journal, Journal::Open(disk, "data/journal", options));
    archiver.emplace(
        disk, archive, Archiver::Options{.data = "data", .archive = kArchive, .store = options.store},
        [this] { return journal->Stand(); }, [](std::uint64_t) { return absl::OkStatus(); });
    return absl::OkStatus();
  }
  void Close() {
    archiver.reset();
    journal.reset();
  }

  absl::Status Append(std::size_t entries, std::size_t bytes, Now now) {
    const std::vector<std::string> bodies(entries, std::string(bytes, static_cast<char>('a' + now.engine.ns() % 26)));
    return AppendBodies(*journal, bodies, now).status();
  }
  // As the committer does: the mark is brought up to date, then a round is made.
  absl::Status Archive(Now now) {
    TOCSIN_TRY(journal->TouchMark({now.wall, EngineTime(now.engine.ns() + 1'000'000'000)}));
    return archiver->Round(now.wall);
  }

  std::vector<ArchiveLine> Lines() {
    absl::StatusOr<std::vector<ArchiveLine>> lines = ReadArchive(archive, kArchive);
    TOCSIN_CHECK(lines.ok(), lines.status().ToString());
    return *std::move(lines);
  }
  // All entries of a line, each byte checked.
  std::vector<Written> Read(const ArchiveLine& line) {
    EXPECT_TRUE(VerifyLine(archive, line).ok()) << VerifyLine(archive, line);
    std::vector<Written> entries;
    for (const ArchivePiece& piece : line.pieces) {
      const absl::Status read =
          ReadPiece(archive, line.folder + "/" + piece.name(), piece, [&](const journal::RawEntry& raw, std::uint64_t) {
            const Entry& entry = raw.entry;
            entries.push_back({
                {entry.sequence.value(), entry.epoch.value(), entry.kind, entry.shard, std::string(entry.body)},
                entry.now.wall,
                raw.ends_commit
            });
            return absl::OkStatus();
          });
      EXPECT_TRUE(read.ok()) << read;
    }
    return entries;
  }

  SimulatedDisk disk;
  SimulatedDisk archive;
  std::unique_ptr<Journal> journal;
  std::optional<Archiver> archiver;
};

inline std::vector<Copied> Entries(const std::vector<Written>& written) {
  std::vector<Copied> entries;
  for (const Written& each : written)
    entries.push_back(each.entry);
  return entries;
}

}  // namespace tocsin
