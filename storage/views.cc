#include "storage/views.h"

#include <algorithm>
#include <set>
#include <utility>

#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_batch.h>

#include "base/status.h"
#include "model/codec/response_codec.h"
#include "storage/keys.h"
#include "storage/rocks.h"
#include "storage/view_rows.h"

namespace tocsin {
namespace {

using keys::Home;

constexpr std::size_t kTablePrefixBytes = 2;  // of a row's key its home and table, of an entry's its kind

// For a small process: RocksDB's share of memory stays below 100 MiB.
rocksdb::Options DatabaseOptions(rocksdb::Env* env) {
  rocksdb::Options options;
  if (env != nullptr) options.env = env;
  options.create_if_missing = true;
  options.write_buffer_size = 16 << 20;
  options.max_write_buffer_number = 3;
  options.max_background_jobs = 2;
  // New rows of a table have rising ids, and so have their timelines: each is put in beside the one before, without a search.
  options.allow_concurrent_memtable_write = false;
  options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(kTablePrefixBytes));
  options.max_open_files = 512;
  options.compression = rocksdb::kLZ4Compression;
  // Tables go to the disk as they are written, and who writes them waits for it: a commit of the journal never finds more than this before it.
  options.bytes_per_sync = 512 << 10;
  options.strict_bytes_per_sync = true;
  options.keep_log_file_num = 4;
  options.max_log_file_size = 4 << 20;
  options.max_manifest_file_size = 16 << 20;
  // Recovery is from the journal; a shutdown does nothing that a crash would not.
  options.avoid_flush_during_shutdown = true;
  // What retention deletes gives its space back soon: a file that is half tombstones is compacted.
  options.table_properties_collector_factories.push_back(rocksdb::NewCompactOnDeletionCollectorFactory(16'384, 8'192));
  rocksdb::BlockBasedTableOptions table;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_cache = rocksdb::NewLRUCache(16 << 20);
  table.cache_index_and_filter_blocks = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// RocksDB's own LOG is written by what writes its tables. With its assertions on, as Debian has them, the next line after one that a
// full disk refused ends the process. And it would begin that file in a folder that it opens to read only.
class SilentLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// By itself RocksDB would take writes again as soon as there is room: without those in between, which it refused.
class NoRecovery final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/,
                            rocksdb::Status /*error*/,
                            bool* goes_on) override {
    *goes_on = false;
  }
};

// Whether it neither makes nor takes away history: then what it writes depends on nothing in the database.
bool IsPlain(const Change& change) {
  return std::ranges::none_of(change.rows, [](const Row& row) { return IsArchived(KeyOf(row).table); }) &&
         std::ranges::none_of(change.removed, [](const RowKey& key) { return HasHistory(key.table); });
}

// What the change does to the timelines and to the rows in memory.
absl::Status Gather(const DurableChange& durable, ViewBatch& batch) {
  const Change& change = *durable.change;
  if (change.entries.size() > keys::kEntriesPerChange) return Invalid("views: a change has too many timeline entries");
  const ChangeParts parts = PartsOf(durable.encoded);
  TOCSIN_CHECK(parts.entries.size() == change.entries.size() && parts.rows.size() == change.rows.size(),
               "the bytes are those of the change");
  for (std::size_t i = 0; i < change.entries.size(); ++i) {
    batch.Put(keys::Timeline(change.entries[i].subject, keys::TimelineOrdinal(durable.sequence, i)), parts.entries[i]);
  }
  for (std::size_t i = 0; i < change.rows.size(); ++i) {
    const RowKey key = KeyOf(change.rows[i]);
    if (!IsArchived(key.table)) batch.Put(keys::Row(Home::kMemory, key), parts.rows[i]);
  }
  for (const RowKey& key : change.removed) {
    if (!IsArchived(key.table)) batch.Delete(keys::Row(Home::kMemory, key));
  }
  return absl::OkStatus();
}

rocksdb::WriteOptions NoLog() {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return options;
}

}  // namespace

Views::Views(rocksdb::Options options, std::string folder, std::unique_ptr<rocksdb::DB> db)
    : options_(std::move(options)), folder_(std::move(folder)), db_(std::move(db)), history_(*db_), audit_(*db_) {}
Views::~Views() = default;

absl::StatusOr<std::unique_ptr<Views>> Views::Open(rocksdb::Env* env, const std::string& store_folder, bool read_only) {
  // An Env in memory knows no current folder.
  const bool is_relative = env != nullptr && !store_folder.starts_with('/');
  const std::string folder = (is_relative ? "/" : "") + store_folder + "/views";
  rocksdb::Options options = DatabaseOptions(env);
  options.info_log = std::make_shared<SilentLog>();
  options.listeners.push_back(std::make_shared<NoRecovery>());
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened =
      read_only ? rocksdb::DB::OpenForReadOnly(options, folder, &db) : rocksdb::DB::Open(options, folder, &db);
  if (!opened.ok()) return FromRocks(opened, "open " + folder);
  auto views = std::unique_ptr<Views>(new Views(options, folder, std::unique_ptr<rocksdb::DB>(db)));
  TOCSIN_ASSIGN(const std::optional<std::string> applied, Get(*db, keys::kApplied));
  MutexLock lock(views->mutex_);
  TOCSIN_TRY(views->history_.Open());
  rocksdb::WriteBatch adopted;
  TOCSIN_TRY(views->audit_.Open(read_only ? nullptr : &adopted));
  if (adopted.Count() > 0) {
    // At once on the disk: entries without a chain are told from those whose chain was taken away.
    TOCSIN_TRY(FromRocks(db->Write(NoLog(), &adopted), "write"));
    TOCSIN_TRY(FromRocks(db->Flush(rocksdb::FlushOptions()), "flush"));
  }
  if (applied) views->applied_ = Sequence(keys::ParseNumber(*applied).value_or(0));
  return views;
}

absl::StatusOr<std::vector<Row>> Views::LoadRows() const {
  std::vector<Row> rows;
  TOCSIN_TRY(ReadRows([&](Row row) { rows.push_back(std::move(row)); }));
  return rows;
}

absl::Status Views::ReadRows(absl::FunctionRef<void(Row row)> visit) const {
  const std::string prefix(1, static_cast<char>(Home::kMemory));
  return Scan(*db_, prefix, prefix, [&](std::string_view key, std::string_view value) -> absl::Status {
    const std::optional<RowKey> parsed = keys::ParseRow(key);
    if (!parsed) return DataLoss("views: a row's key has %d bytes", key.size());
    TOCSIN_ASSIGN(Row row, DecodeAt(*parsed, value));
    visit(std::move(row));
    return absl::OkStatus();
  });
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

absl::Status Views::ApplyChanges(std::span<const DurableChange> changes) {
  if (changes.empty()) return absl::OkStatus();
  MutexLock lock(mutex_);
  if (PassesOver(changes.back().sequence)) return absl::OkStatus();
  absl::Status applied = StandStillUnless(Apply(changes));
  if (!applied.ok()) PassesOver(changes.back().sequence);  // those after the one that failed
  return applied;
}

absl::Status Views::ApplyIntegrations(const std::vector<IntegrationId>& names, Sequence sequence) {
  MutexLock lock(mutex_);
  return PassesOver(sequence) ? absl::OkStatus() : StandStillUnless(Apply(names, sequence));
}

bool Views::PassesOver(Sequence sequence) {
  if (why_behind_.ok()) return false;
  passed_over_ = std::max(passed_over_, sequence);
  return true;
}

absl::Status Views::StandStillUnless(const absl::Status& written) {
  if (!written.ok()) why_behind_ = Annotate(written, folder_);
  return written;
}

absl::Status Views::why_behind() const {
  MutexLock lock(mutex_);
  return why_behind_;
}
bool Views::is_behind() const {
  return !why_behind().ok();
}

absl::Status Views::Resume() {
  TOCSIN_TRY(FromRocks(db_->Resume(), "resume"));
  MutexLock lock(mutex_);
  missed_ = ChangeReader();
  TOCSIN_TRY(audit_.Open(nullptr));
  return history_.Open();  // what failed has been counted
}

absl::Status Views::CatchUp(const Entry& entry) {
  MutexLock lock(mutex_);
  switch (entry.kind) {
    case EntryKind::kResponderPart:
    case EntryKind::kResponder: {
      TOCSIN_ASSIGN(const std::optional<Change> change, missed_.Add(entry));
      if (!change) return absl::OkStatus();
      const std::string encoded = EncodeChange(*change);
      return Apply({.change = &*change, .encoded = encoded, .sequence = entry.sequence});
    }
    case EntryKind::kIntegrations: {
      TOCSIN_ASSIGN(const std::vector<IntegrationId> names, DecodeIntegrations(entry.body));
      return Apply(names, entry.sequence);
    }
    case EntryKind::kLead:
    case EntryKind::kShard: Move(entry.sequence); return absl::OkStatus();
  }
  return DataLoss("entry %d: unknown kind %d", entry.sequence.value(), static_cast<int>(entry.kind));
}

bool Views::Rejoin() {
  MutexLock lock(mutex_);
  if (passed_over_ > applied_) return false;
  why_behind_ = absl::OkStatus();
  return true;
}

absl::Status Views::Apply(std::span<const DurableChange> changes) {
  ViewBatch gathered;
  Sequence up_to = applied_;
  for (const DurableChange& change : changes) {
    if (change.sequence <= up_to) continue;
    if (IsPlain(*change.change)) {
      TOCSIN_TRY(Gather(change, gathered));
    } else {
      TOCSIN_TRY(Write(gathered, up_to));  // its history is looked up in the database
      TOCSIN_TRY(Apply(change));
    }
    up_to = change.sequence;
  }
  return Write(gathered, up_to);
}

absl::Status Views::Write(ViewBatch& gathered, Sequence sequence) {
  if (gathered.empty()) {
    Move(sequence);
    return absl::OkStatus();
  }
  rocksdb::WriteBatch batch;
  TOCSIN_TRY(gathered.MoveTo(batch));
  return Write(batch, sequence);
}

absl::Status Views::Apply(const DurableChange& durable) {
  const Change& change = *durable.change;
  if (change.empty()) {
    Move(durable.sequence);
    return absl::OkStatus();
  }
  if (durable.sequence <= applied_) return absl::OkStatus();
  ViewBatch gathered;
  TOCSIN_TRY(Gather(durable, gathered));
  rocksdb::WriteBatch batch;
  TOCSIN_TRY(gathered.MoveTo(batch));
  for (const Row& row : change.rows) {
    if (IsArchived(KeyOf(row).table)) TOCSIN_TRY(history_.Put(batch, row, change.now.wall, {}));
    if (const auto* entry = std::get_if<AuditEntry>(&row)) TOCSIN_TRY(audit_.Put(batch, *entry, EncodeRow(row)));
  }
  const std::set<RowKey> removed(change.removed.begin(), change.removed.end());
  for (const RowKey& key : removed) {
    if (IsArchived(key.table)) {
      TOCSIN_TRY(history_.Remove(batch, key));
      continue;
    }
    // A row that the same change writes is not in the database yet.
    const auto written = std::ranges::find(change.rows, key, [](const Row& row) { return KeyOf(row); });
    TOCSIN_TRY(written != change.rows.end() ? history_.Put(batch, *written, change.now.wall, change.entries)
                                            : history_.Take(batch, key, change.now.wall, change.entries));
  }
  return Write(batch, durable.sequence);
}

absl::Status Views::Apply(const std::vector<IntegrationId>& names, Sequence sequence) {
  if (sequence <= applied_) return absl::OkStatus();
  rocksdb::WriteBatch batch;
  TOCSIN_TRY(FromRocks(batch.Put(ToSlice(keys::kIntegrations), EncodeIntegrations(names)), "batch"));
  return Write(batch, sequence);
}

void Views::MoveTo(Sequence sequence) {
  MutexLock lock(mutex_);
  Move(sequence);
}

void Views::Move(Sequence sequence) {
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
    if (moved_) TOCSIN_TRY(StandStillUnless(Write(batch, applied_)));
    durable = applied_;
  }
  // After an error that it has recovered from RocksDB may say yes to a flush that left the newest writes in memory; what the journal
  // is trimmed by is asked of the disk.
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    const absl::Status flushed = FromRocks(db_->Flush(rocksdb::FlushOptions()), "flush");
    if (!flushed.ok()) {
      MutexLock lock(mutex_);
      return StandStillUnless(flushed);
    }
    TOCSIN_ASSIGN(const Sequence persisted, Persisted());
    if (persisted >= durable) return durable;
    TOCSIN_TRY(FromRocks(db_->Resume(), "resume"));  // its background work may still rest after the first
  }
  return Unavailable("%s: a flush left out what came last; the journal keeps it", folder_);
}

absl::StatusOr<Sequence> Views::Persisted() const {
  rocksdb::ReadOptions of_disk;
  of_disk.read_tier = rocksdb::kPersistedTier;
  std::string text;
  const rocksdb::Status found = db_->Get(of_disk, ToSlice(keys::kApplied), &text);
  if (found.IsNotFound()) return Sequence(0);
  TOCSIN_TRY(FromRocks(found, "read"));
  return Sequence(keys::ParseNumber(text).value_or(0));
}

absl::Status Views::Retain(const Retention& retention, absl::Time now, std::size_t limit) {
  MutexLock lock(mutex_);  // a row must not come back while it is forgotten
  audit_kept_ = retention.audit;
  rocksdb::WriteBatch batch;
  if (!why_behind_.ok()) return absl::OkStatus();
  TOCSIN_TRY(history_.Retain(batch, retention, now, limit));
  TOCSIN_TRY(audit_.Trim(batch, now - retention.audit, limit));
  if (batch.Count() == 0) return absl::OkStatus();
  return StandStillUnless(FromRocks(db_->Write(NoLog(), &batch), "write"));
}

absl::StatusOr<bool> Views::BuildIndex(std::size_t limit) {
  MutexLock lock(mutex_);
  if (history_.is_indexed()) return true;
  if (!why_behind_.ok()) return false;
  rocksdb::WriteBatch batch;
  TOCSIN_TRY(history_.BuildIndex(batch, limit));
  TOCSIN_TRY(StandStillUnless(FromRocks(db_->Write(NoLog(), &batch), "write")));
  return history_.is_indexed();
}

bool Views::is_indexed() const {
  MutexLock lock(mutex_);
  return history_.is_indexed();
}

std::uint64_t Views::history_bytes() const {
  MutexLock lock(mutex_);
  return history_.bytes();
}

AuditEnds Views::ReadAuditEnds() const {
  MutexLock lock(mutex_);
  return audit_.ends();
}

absl::Duration Views::audit_kept() const {
  MutexLock lock(mutex_);
  return audit_kept_;
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
