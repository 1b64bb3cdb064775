#include "storage/views.h"

#include <algorithm>
#include <utility>

#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "base/status.h"
#include "model/codec/response_codec.h"
#include "storage/keys.h"
#include "storage/rocks.h"

namespace tocsin {
namespace {

using keys::Home;

// The table of a kind of row: its index in Row.
template <typename T, std::size_t kIndex = 0>
constexpr std::uint8_t TableOf() {
  if constexpr (std::is_same_v<std::variant_alternative_t<kIndex, Row>, T>) {
    return kIndex;
  } else {
    return TableOf<T, kIndex + 1>();
  }
}

// Whether rows of this table are kept when they leave memory. Timers and singletons have no history.
constexpr bool HasHistory(std::uint8_t table) {
  return table != TableOf<Timer>() && table != TableOf<Counters>() && table != TableOf<OrganisationPtr>() &&
         table != TableOf<Throttle>();
}

// Rows that are history from the start: nothing decides by them.
constexpr bool IsArchived(std::uint8_t table) {
  return table == TableOf<ConfigurationVersion>() || table == TableOf<AuditEntry>();
}

// Whether time alone ends it. The versions of the configuration are bounded by their number: what has been in force for a
// year is the one to go back to.
constexpr bool IsRetainedByTime(std::uint8_t table) {
  return table != TableOf<ConfigurationVersion>();
}

// For a small process: RocksDB's share of memory stays below 100 MiB.
rocksdb::Options DatabaseOptions(rocksdb::Env* env) {
  rocksdb::Options options;
  if (env != nullptr) options.env = env;
  options.create_if_missing = true;
  options.write_buffer_size = 16 << 20;
  options.max_write_buffer_number = 3;
  options.max_background_jobs = 2;
  options.max_open_files = 512;
  options.compression = rocksdb::kLZ4Compression;
  options.bytes_per_sync = 1 << 20;
  options.keep_log_file_num = 4;
  options.max_log_file_size = 4 << 20;
  options.max_manifest_file_size = 16 << 20;
  // Recovery is from the journal; a shutdown does nothing that a crash would not.
  options.avoid_flush_during_shutdown = true;
  rocksdb::BlockBasedTableOptions table;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_cache = rocksdb::NewLRUCache(16 << 20);
  table.cache_index_and_filter_blocks = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// RocksDB would begin a file LOG in a folder that it opens to read only.
class SilentLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::WriteOptions NoLog() {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return options;
}

// When a row ended, for retention.
absl::Time ClosedAt(const Row& row, absl::Time left_memory_at) {
  if (const auto* group = std::get_if<Group>(&row)) return group->resolved_at;
  if (const auto* incident = std::get_if<Incident>(&row)) return incident->resolved_at;
  if (const auto* entry = std::get_if<AuditEntry>(&row)) return entry->at;
  if (const auto* version = std::get_if<ConfigurationVersion>(&row)) return version->at;
  return left_memory_at;
}

std::optional<Subject> SubjectOfRow(RowKey key) {
  if (key.table == TableOf<Group>()) return SubjectOf(GroupId(key.id));
  if (key.table == TableOf<Incident>()) return SubjectOf(IncidentId(key.id));
  if (key.table == TableOf<Silence>()) return SubjectOf(SilenceId(key.id));
  return std::nullopt;
}

absl::StatusOr<std::optional<std::string>> Get(rocksdb::DB& db, std::string_view key) {
  std::string value;
  const rocksdb::Status status = db.Get({}, ToSlice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return FromRocks(status, "read");
  return value;
}

// Calls `visit(key, value)` for every key with `prefix` from `from` on while it returns OK.
template <typename Visit>
absl::Status Scan(rocksdb::DB& db, std::string_view prefix, std::string_view from, Visit visit) {
  const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator({}));
  for (at->Seek(ToSlice(from)); at->Valid() && ToView(at->key()).starts_with(prefix); at->Next()) {
    if (absl::Status status = visit(ToView(at->key()), ToView(at->value())); !status.ok()) return status;
  }
  return FromRocks(at->status(), "scan");
}

absl::StatusOr<Row> DecodeAt(RowKey key, std::string_view bytes) {
  absl::StatusOr<Row> row = DecodeRow(key.table, bytes);
  if (!row.ok()) return Annotate(row.status(), absl::StrFormat("views: row %d/%d", key.table, key.id));
  return row;
}

absl::Status PutHistory(rocksdb::WriteBatch& batch, const Row& row, absl::Time now) {
  const RowKey key = KeyOf(row);
  if (!HasHistory(key.table)) return absl::OkStatus();
  const std::string closed = keys::Time(ClosedAt(row, now));
  TOCSIN_TRY(FromRocks(batch.Put(keys::Row(Home::kHistory, key), closed + EncodeRow(row)), "batch"));
  if (!IsRetainedByTime(key.table)) return absl::OkStatus();
  return FromRocks(batch.Put(keys::Retention(closed, key), ""), "batch");
}

// Ends a scan early; never leaves this file.
absl::Status Enough() {
  return absl::CancelledError();
}
absl::Status Unless(const absl::Status& status) {
  return absl::IsCancelled(status) ? absl::OkStatus() : status;
}

}  // namespace

Views::Views(rocksdb::Options options, std::string folder, std::unique_ptr<rocksdb::DB> db)
    : options_(std::move(options)), folder_(std::move(folder)), db_(std::move(db)) {}
Views::~Views() = default;

absl::StatusOr<std::unique_ptr<Views>> Views::Open(rocksdb::Env* env, const std::string& store_folder, bool read_only) {
  // An Env in memory knows no current folder.
  const bool is_relative = env != nullptr && !store_folder.starts_with('/');
  const std::string folder = (is_relative ? "/" : "") + store_folder + "/views";
  rocksdb::Options options = DatabaseOptions(env);
  if (read_only) options.info_log = std::make_shared<SilentLog>();
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened =
      read_only ? rocksdb::DB::OpenForReadOnly(options, folder, &db) : rocksdb::DB::Open(options, folder, &db);
  if (!opened.ok()) return FromRocks(opened, "open " + folder);
  auto views = std::unique_ptr<Views>(new Views(options, folder, std::unique_ptr<rocksdb::DB>(db)));
  TOCSIN_ASSIGN(const std::optional<std::string> applied, Get(*db, keys::kApplied));
  MutexLock lock(views->mutex_);
  if (applied) views->applied_ = Sequence(keys::ParseNumber(*applied).value_or(0));
  return views;
}

absl::StatusOr<std::vector<Row>> Views::LoadRows() const {
  std::vector<Row> rows;
  const std::string prefix(1, static_cast<char>(Home::kMemory));
  TOCSIN_TRY(Scan(*db_, prefix, prefix, [&](std::string_view key, std::string_view value) -> absl::Status {
    const std::optional<RowKey> parsed = keys::ParseRow(key);
    if (!parsed) return DataLoss("views: a row's key has %d bytes", key.size());
    TOCSIN_ASSIGN(Row row, DecodeAt(*parsed, value));
    rows.push_back(std::move(row));
    return absl::OkStatus();
  }));
  return rows;
}

absl::StatusOr<std::vector<IntegrationId>> Views::LoadIntegrations() const {
  TOCSIN_ASSIGN(const std::optional<std::string> bytes, Get(*db_, keys::kIntegrations));
  if (!bytes) return std::vector<IntegrationId>();
  return DecodeIntegrations(*bytes);
}

Sequence Views::applied() const {
  MutexLock lock(mutex_);
  return applied_;
}

absl::Status Views::ApplyChange(const Change& change, Sequence sequence) {
  if (change.empty()) {
    MoveTo(sequence);
    return absl::OkStatus();
  }
  MutexLock lock(mutex_);
  if (sequence <= applied_) return absl::OkStatus();
  if (change.entries.size() > keys::kEntriesPerChange) return Invalid("views: a change has too many timeline entries");
  rocksdb::WriteBatch batch;
  for (std::size_t i = 0; i < change.entries.size(); ++i) {
    const std::string key = keys::Timeline(change.entries[i].subject, keys::TimelineOrdinal(sequence, i));
    TOCSIN_TRY(FromRocks(batch.Put(key, EncodeTimelineEntry(change.entries[i])), "batch"));
  }
  for (const Row& row : change.rows) {
    const RowKey key = KeyOf(row);
    TOCSIN_TRY(IsArchived(key.table) ? PutHistory(batch, row, change.now.wall)
                                     : FromRocks(batch.Put(keys::Row(Home::kMemory, key), EncodeRow(row)), "batch"));
  }
  for (const RowKey& key : change.removed) {
    if (IsArchived(key.table)) {
      TOCSIN_TRY(FromRocks(batch.Delete(keys::Row(Home::kHistory, key)), "batch"));
      continue;
    }
    // A row that the same change writes is not in the database yet.
    const auto written = std::ranges::find(change.rows, key, [](const Row& row) { return KeyOf(row); });
    TOCSIN_TRY(written != change.rows.end() ? PutHistory(batch, *written, change.now.wall)
                                            : MoveToHistory(batch, key, change.now.wall));
    TOCSIN_TRY(FromRocks(batch.Delete(keys::Row(Home::kMemory, key)), "batch"));
  }
  return Write(batch, sequence);
}

absl::Status Views::MoveToHistory(rocksdb::WriteBatch& batch, RowKey key, absl::Time now) const {
  if (!HasHistory(key.table)) return absl::OkStatus();
  TOCSIN_ASSIGN(const std::optional<std::string> bytes, Get(*db_, keys::Row(Home::kMemory, key)));
  if (!bytes) return absl::OkStatus();
  TOCSIN_ASSIGN(const Row row, DecodeAt(key, *bytes));
  return PutHistory(batch, row, now);
}

absl::Status Views::ApplyIntegrations(const std::vector<IntegrationId>& names, Sequence sequence) {
  MutexLock lock(mutex_);
  if (sequence <= applied_) return absl::OkStatus();
  rocksdb::WriteBatch batch;
  TOCSIN_TRY(FromRocks(batch.Put(ToSlice(keys::kIntegrations), EncodeIntegrations(names)), "batch"));
  return Write(batch, sequence);
}

void Views::MoveTo(Sequence sequence) {
  MutexLock lock(mutex_);
  if (sequence <= applied_) return;
  applied_ = sequence;
  moved_ = true;
}

absl::Status Views::Write(rocksdb::WriteBatch& batch, Sequence sequence) {
  TOCSIN_TRY(FromRocks(batch.Put(ToSlice(keys::kApplied), keys::Number(sequence.value())), "batch"));
  TOCSIN_TRY(FromRocks(db_->Write(NoLog(), &batch), "write"));
  applied_ = sequence;
  moved_ = false;
  return absl::OkStatus();
}

absl::StatusOr<Sequence> Views::Flush() {
  Sequence durable;
  {
    MutexLock lock(mutex_);
    rocksdb::WriteBatch batch;
    if (moved_) TOCSIN_TRY(Write(batch, applied_));
    durable = applied_;
  }
  TOCSIN_TRY(FromRocks(db_->Flush(rocksdb::FlushOptions()), "flush"));
  return durable;
}

absl::Status Views::Retain(absl::Time before, std::size_t limit) {
  MutexLock lock(mutex_);  // a row must not come back while it is forgotten
  rocksdb::WriteBatch batch;
  const std::string end = keys::Time(before);
  std::size_t seen = 0;
  const absl::Status scanned = Scan(*db_, "x", "x", [&](std::string_view key, std::string_view) -> absl::Status {
    const std::optional<keys::RetentionKey> parsed = keys::ParseRetention(key);
    if (!parsed) return DataLoss("views: a retention key has %d bytes", key.size());
    if (parsed->closed >= end || seen++ == limit) return Enough();
    TOCSIN_TRY(FromRocks(batch.Delete(ToSlice(key)), "batch"));
    return Forget(batch, parsed->row, parsed->closed);
  });
  TOCSIN_TRY(Unless(scanned));
  if (batch.Count() == 0) return absl::OkStatus();
  return FromRocks(db_->Write(NoLog(), &batch), "write");
}

// Deletes a row of the history that closed at `closed`, with its timeline. One that has come back since stays.
absl::Status Views::Forget(rocksdb::WriteBatch& batch, RowKey key, std::string_view closed) const {
  const std::string history = keys::Row(Home::kHistory, key);
  TOCSIN_ASSIGN(const std::optional<std::string> bytes, Get(*db_, history));
  TOCSIN_ASSIGN(const std::optional<std::string> in_memory, Get(*db_, keys::Row(Home::kMemory, key)));
  if (!bytes || in_memory || !bytes->starts_with(closed)) return absl::OkStatus();
  TOCSIN_TRY(FromRocks(batch.Delete(history), "batch"));
  const std::optional<Subject> subject = SubjectOfRow(key);
  if (!subject) return absl::OkStatus();
  const std::string timeline = keys::TimelineOf(*subject);
  return Scan(*db_, timeline, timeline, [&](std::string_view entry, std::string_view) {
    return FromRocks(batch.Delete(ToSlice(entry)), "batch");
  });
}

absl::StatusOr<std::vector<TimelineEntry>> Views::ReadTimeline(Subject subject,
                                                               std::uint64_t after,
                                                               std::size_t limit,
                                                               std::uint64_t* next) const {
  std::vector<TimelineEntry> entries;
  std::uint64_t last = after;
  *next = 0;
  const std::string from = keys::Timeline(subject, after + 1);
  TOCSIN_TRY(Unless(
      Scan(*db_, keys::TimelineOf(subject), from, [&](std::string_view key, std::string_view value) -> absl::Status {
        if (key.size() != keys::kTimelineBytes) return DataLoss("views: a timeline key is damaged");
        if (entries.size() == limit) {
          *next = last;
          return Enough();
        }
        TOCSIN_ASSIGN(TimelineEntry entry, DecodeTimelineEntry(value));
        last = keys::ParseTimelineOrdinal(key);
        entries.push_back(std::move(entry));
        return absl::OkStatus();
      })));
  return entries;
}

absl::StatusOr<std::optional<Row>> Views::ReadRow(RowKey key) const {
  TOCSIN_ASSIGN(std::optional<std::string> bytes, Get(*db_, keys::Row(Home::kMemory, key)));
  if (!bytes) {
    TOCSIN_ASSIGN(bytes, Get(*db_, keys::Row(Home::kHistory, key)));
    if (!bytes) return std::nullopt;
    bytes->erase(0, keys::kHistoryTimeBytes);
  }
  TOCSIN_ASSIGN(Row row, DecodeAt(key, *bytes));
  return row;
}

absl::StatusOr<std::vector<Row>> Views::ListRows(std::uint8_t table, std::uint64_t before, std::size_t limit) const {
  // Both homes, merged downwards; a row that is in both is as it is in memory.
  struct Source {
    Home home;
    std::unique_ptr<rocksdb::Iterator> at;
    std::optional<std::uint64_t> id;
    void Settle(std::uint8_t wanted) {
      const std::optional<RowKey> key = at->Valid() ? keys::ParseRow(ToView(at->key())) : std::nullopt;
      const bool is_ours = key && at->key()[0] == static_cast<char>(home) && key->table == wanted;
      id = is_ours ? std::optional(key->id) : std::nullopt;
    }
  };
  Source sources[] = {
      {Home::kMemory,  nullptr, {}},
      {Home::kHistory, nullptr, {}}
  };
  for (Source& source : sources) {
    source.at.reset(db_->NewIterator({}));
    source.at->SeekForPrev(keys::Row(source.home, {table, before == 0 ? UINT64_MAX : before - 1}));
    source.Settle(table);
  }
  auto& [memory, history] = sources;
  std::vector<Row> rows;
  while (rows.size() < limit && (memory.id || history.id)) {
    const bool from_memory = memory.id && (!history.id || *memory.id >= *history.id);
    const std::uint64_t id = from_memory ? *memory.id : *history.id;
    std::string_view bytes = ToView((from_memory ? memory : history).at->value());
    if (!from_memory) bytes.remove_prefix(std::min(bytes.size(), keys::kHistoryTimeBytes));
    TOCSIN_ASSIGN(Row row, DecodeAt({table, id}, bytes));
    rows.push_back(std::move(row));
    for (Source& source : sources) {
      if (source.id != id) continue;
      source.at->Prev();
      source.Settle(table);
    }
  }
  for (const Source& source : sources)
    TOCSIN_TRY(FromRocks(source.at->status(), "list"));
  return rows;
}

absl::StatusOr<Views::Census> Views::Verify() const {
  TOCSIN_TRY(FromRocks(db_->VerifyChecksum(), "checksums"));
  Census census;
  TOCSIN_ASSIGN(const std::vector<Row> rows, LoadRows());
  census.rows = rows.size();
  TOCSIN_TRY(LoadIntegrations().status());
  TOCSIN_TRY(Scan(*db_, "h", "h", [&](std::string_view key, std::string_view value) -> absl::Status {
    const std::optional<RowKey> parsed = keys::ParseRow(key);
    if (!parsed || value.size() < keys::kHistoryTimeBytes) return DataLoss("views: a row of the history is damaged");
    ++census.history;
    return DecodeAt(*parsed, value.substr(keys::kHistoryTimeBytes)).status();
  }));
  TOCSIN_TRY(Scan(*db_, "t", "t", [&](std::string_view key, std::string_view value) -> absl::Status {
    if (key.size() != keys::kTimelineBytes) return DataLoss("views: a timeline key is damaged");
    ++census.timeline_entries;
    return DecodeTimelineEntry(value).status();
  }));
  return census;
}

}  // namespace tocsin
