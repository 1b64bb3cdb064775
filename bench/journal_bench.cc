// Why the journal is our own: docs/adr/0001-journal.md.
//
//   ./dev bench journal [FOLDER]    FOLDER (default: the present one) decides which disk is measured
//
// 1. Speed: the same commits, each synced, to our journal and to RocksDB's write-ahead log, in turns; and, as the ceiling,
//    the bare system calls on a preallocated file.
// 2. Truth: what each says after the same damage to a log whose writes were all synced.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <unistd.h>

#include "base/random.h"
#include "base/status.h"
#include "storage/journal.h"

namespace tocsin {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

struct Load {
  std::size_t bytes;  // of one commit
  int commits;
};

// Bytes that do not compress.
std::string Body(std::size_t bytes) {
  Random random(1);
  std::string body(bytes, '\0');
  for (char& c : body)
    c = static_cast<char>(random.Below(256));
  return body;
}

void Must(const absl::Status& status) {
  TOCSIN_CHECK(status.ok(), status.ToString());
}
void Must(const rocksdb::Status& status) {
  TOCSIN_CHECK(status.ok(), status.ToString());
}

double Timed(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return Milliseconds(std::chrono::steady_clock::now() - start).count();
}

Now At(int commit) {
  return {absl::UnixEpoch(), EngineTime(std::int64_t{commit} * 200'000)};
}

// Until the next segment has been begun.
void FillSegment(Journal& journal) {
  const std::string body(1 << 20, 'x');
  const PendingEntry entry{EntryKind::kShard, 0, body};
  for (const std::uint64_t before = journal.bytes_on_disk(); journal.bytes_on_disk() == before;)
    Must(journal.Append({&entry, 1}, At(0)).status());
}

double Append(const std::string& folder, const Load& load, const std::string& body, bool ahead) {
  Journal::Options options;
  options.segment_bytes =
      std::max<std::uint64_t>(options.segment_bytes, 2 * load.bytes * static_cast<std::size_t>(load.commits));
  const std::unique_ptr<Journal> journal = *Journal::Open(PosixFileSystem(), folder, options);
  if (ahead) {
    Must(journal->TendSpare());
    Must(journal->TendSpare());
  }
  FillSegment(*journal);  // a first one is short
  return Timed([&] {
    for (int i = 0; i < load.commits; ++i) {
      const PendingEntry entry{EntryKind::kShard, 0, body};
      Must(journal->Append({&entry, 1}, At(i)).status());
    }
  });
}

double RunJournal(const std::string& folder, const Load& load, const std::string& body) {
  return Append(folder, load, body, true);
}

double RunUntended(const std::string& folder, const Load& load, const std::string& body) {
  return Append(folder, load, body, false);
}

double RunRocks(const std::string& folder, const Load& load, const std::string& body) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.wal_bytes_per_sync = 0;
  rocksdb::DB* opened = nullptr;
  Must(rocksdb::DB::Open(options, folder, &opened));
  const std::unique_ptr<rocksdb::DB> db(opened);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  return Timed([&] {
    for (int i = 0; i < load.commits; ++i)
      Must(db->Put(synced, std::to_string(i), body));
  });
}

double RunBare(const std::string& folder, const Load& load, const std::string& body) {
  const std::unique_ptr<File> file = *PosixFileSystem().Create(folder + "/bare");
  Must(file->Allocate(load.bytes * static_cast<std::uint64_t>(load.commits)));
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(load.commits); ++i)
    Must(file->WriteAt(i * load.bytes, body));
  Must(file->Sync());
  return Timed([&] {
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(load.commits); ++i) {
      Must(file->WriteAt(i * load.bytes, body));
      Must(file->Sync());
    }
  });
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void CompareSpeed(const std::string& folder) {
  using Run = double (*)(const std::string&, const Load&, const std::string&);
  struct Contender {
    const char* name;
    Run run;
    std::vector<double> ms;
  };
  std::printf("%-12s %-20s %10s %14s %10s\n", "commit", "log", "MB/s", "ms a commit", "of RocksDB");
  for (const Load load : {
           Load{4096,       3000},
           Load{64 * 1024,  2000},
           Load{512 * 1024, 300 }
  }) {
    Contender contenders[] = {
        {"own segments",       RunJournal,  {}},
        {"RocksDB WAL",        RunRocks,    {}},
        {"own, only reserved", RunUntended, {}},
        {"bare, the ceiling",  RunBare,     {}}
    };
    const std::string body = Body(load.bytes);
    for (int round = 0; round < 3; ++round) {
      for (Contender& contender : contenders) {
        std::filesystem::create_directory(folder);
        contender.ms.push_back(contender.run(folder, load, body));
        std::filesystem::remove_all(folder);
        sync();  // nobody pays for another's clean-up
      }
    }
    const double rocks = Median(contenders[1].ms);
    for (const Contender& contender : contenders) {
      const double ms = Median(contender.ms);
      const double mb = static_cast<double>(load.bytes) * load.commits / 1e6;
      std::printf("%6zu KiB   %-20s %10.0f %14.3f %9.2fx\n", load.bytes / 1024, contender.name, mb / (ms / 1e3),
                  ms / load.commits, rocks / ms);
    }
  }
}

constexpr int kEntries = 100;

// Writes kEntries synced entries to both, and leaves the folders as a killed process would.
void WriteBoth(const std::string& folder) {
  std::filesystem::create_directory(folder);
  const Load load{1000, kEntries};
  RunJournal(folder + "/journal", load, Body(load.bytes));
  RunRocks(folder + "/rocksdb", load, Body(load.bytes));
}

std::string OnlyFile(const std::string& folder, std::string_view suffix) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().string().ends_with(suffix)) return entry.path().string();
  }
  TOCSIN_CHECK(false, folder);
  return "";
}

// The offset after the last byte that is not zero.
std::uint64_t ContentEnd(const std::string& path) {
  const std::string contents = *ReadWholeFile(PosixFileSystem(), path);
  return contents.find_last_not_of('\0') + 1;
}

void FlipBitInTheMiddle(const std::string& path) {
  const std::unique_ptr<File> file = *PosixFileSystem().Open(path);
  std::uint64_t middle = ContentEnd(path) / 2;
  while (*file->ReadAt(middle, 1) == std::string(1, '\0'))
    ++middle;  // not in padding, where it would harm nobody
  std::string byte = *file->ReadAt(middle, 1);
  byte[0] = static_cast<char>(byte[0] ^ 1);
  Must(file->WriteAt(middle, byte));
}

void CutInHalf(const std::string& path) {
  std::filesystem::resize_file(path, ContentEnd(path) / 2);
}
void Delete(const std::string& path) {
  std::filesystem::remove(path);
}

std::string JournalSays(const std::string& folder) {
  const absl::StatusOr<std::unique_ptr<Journal>> journal = Journal::Open(PosixFileSystem(), folder, {});
  if (!journal.ok()) return "refuses: " + Message(journal.status());
  int found = 0;
  Must((*journal)->Read(Sequence(1), [&](const Entry& entry) {
    if (entry.kind == EntryKind::kShard) ++found;
    return absl::OkStatus();
  }));
  return absl::StrFormat("opens with %d of %d", found, kEntries);
}

std::string RocksSays(const std::string& folder) {
  rocksdb::Options options;
  options.track_and_verify_wals_in_manifest = true;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, folder, &opened);
  if (!status.ok()) return "refuses: " + status.ToString();
  const std::unique_ptr<rocksdb::DB> db(opened);
  const std::unique_ptr<rocksdb::Iterator> at(db->NewIterator({}));
  int found = 0;
  for (at->SeekToFirst(); at->Valid(); at->Next())
    ++found;
  return absl::StrFormat("opens \"OK\" with %d of %d", found, kEntries);
}

void CompareTruth(const std::string& folder) {
  struct Damage {
    const char* name;
    void (*inflict)(const std::string& path);
  };
  const Damage damages[] = {
      {"none",                                     nullptr           },
      {"one bit flipped in the middle of the log", FlipBitInTheMiddle},
      {"the second half of the log is gone",       CutInHalf         },
      {"the log file is deleted",                  Delete            }
  };
  std::printf("\nafter %d synced entries and\n", kEntries);
  for (const Damage& damage : damages) {
    WriteBoth(folder);
    if (damage.inflict != nullptr) {
      damage.inflict(OnlyFile(folder + "/journal", ".journal"));
      damage.inflict(OnlyFile(folder + "/rocksdb", ".log"));
    }
    std::printf("  %s\n    own segments: %s\n    RocksDB WAL:  %s\n", damage.name,
                JournalSays(folder + "/journal").c_str(), RocksSays(folder + "/rocksdb").c_str());
    std::filesystem::remove_all(folder);
  }
}

}  // namespace
}  // namespace tocsin

int main(int argc, char** argv) {
  const std::string folder = std::string(argc > 1 ? argv[1] : ".") + "/journal_bench.tmp";
  std::filesystem::remove_all(folder);
  tocsin::CompareSpeed(folder);
  tocsin::CompareTruth(folder);
  return 0;
}
