#include "storage/row_history.h"

#include <algorithm>
#include <deque>
#include <memory>

#include "base/status.h"
#include "storage/keys.h"
#include "storage/search_index.h"
#include "storage/view_rows.h"

namespace tocsin {
namespace {

using keys::Home;

constexpr std::uint64_t kIndexVersion = 1;
// Of an endless timeline its first and last entries are searched.
constexpr std::size_t kTimelineEnds = 1000;
constexpr std::size_t kPostingBytes = 26;

// Whether time alone ends it. The versions of the configuration are bounded by their number: what has been in force for a
// year is the one to go back to.
constexpr bool IsRetainedByTime(std::uint8_t table) {
  return table != TableOf<ConfigurationVersion>();
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

absl::Duration AgeOf(const Retention& retention, std::uint8_t table) {
  if (table == TableOf<Incident>()) return retention.incidents;
  if (table == TableOf<AuditEntry>()) return retention.audit;
  return retention.groups;
}

// A kind's rows in the order in which they go.
struct Oldest {
  std::uint8_t table;
  std::string prefix;
  std::unique_ptr<rocksdb::Iterator> at;
  std::optional<keys::RetentionKey> Key() const {
    if (!at->Valid() || !ToView(at->key()).starts_with(prefix)) return std::nullopt;
    return keys::ParseRetention(ToView(at->key()));
  }
};

std::vector<Oldest> OldestOfAll(rocksdb::DB& db) {
  std::vector<Oldest> all;
  for (std::uint8_t table = 0; table < std::variant_size_v<Row>; ++table) {
    if (!HasHistory(table) || !IsRetainedByTime(table)) continue;
    all.push_back({table, keys::RetentionOf(table), std::unique_ptr<rocksdb::Iterator>(db.NewIterator({}))});
    all.back().at->Seek(all.back().prefix);
  }
  return all;
}

}  // namespace

absl::Status RowHistory::Open() {
  TOCSIN_ASSIGN(const std::optional<std::string> version, Get(db_, keys::kIndexVersion));
  is_indexed_ = version && keys::ParseNumber(*version) == kIndexVersion;
  TOCSIN_ASSIGN(const std::optional<std::string> bytes, Get(db_, keys::kHistoryBytes));
  bytes_ = bytes ? keys::ParseNumber(*bytes).value_or(0) : 0;
  TOCSIN_ASSIGN(const std::optional<std::string> up_to, Get(db_, keys::kIndexedUpTo));
  indexed_up_to_ = up_to.value_or("h");
  return absl::OkStatus();
}

absl::Status RowHistory::Put(rocksdb::WriteBatch& batch,
                             const Row& row,
                             absl::Time now,
                             std::span<const TimelineEntry> more) {
  const RowKey key = KeyOf(row);
  if (!HasHistory(key.table)) return absl::OkStatus();
  TOCSIN_TRY(Remove(batch, key));  // it may have been there before
  const std::string closed = keys::Time(ClosedAt(row, now));
  const std::string bytes = closed + EncodeRow(row);
  TOCSIN_TRY(FromRocks(batch.Put(keys::Row(Home::kHistory, key), bytes), "batch"));
  TOCSIN_TRY(Index(batch, row, closed, bytes.size(), more));
  return PutBytes(batch);
}

absl::Status RowHistory::Take(rocksdb::WriteBatch& batch,
                              RowKey key,
                              absl::Time now,
                              std::span<const TimelineEntry> more) {
  if (!HasHistory(key.table)) return absl::OkStatus();
  TOCSIN_ASSIGN(const std::optional<std::string> bytes, Get(db_, keys::Row(Home::kMemory, key)));
  if (!bytes) return absl::OkStatus();
  TOCSIN_ASSIGN(const Row row, DecodeAt(key, *bytes));
  return Put(batch, row, now, more);
}

absl::Status RowHistory::Remove(rocksdb::WriteBatch& batch, RowKey key) {
  const std::string history = keys::Row(Home::kHistory, key);
  TOCSIN_ASSIGN(const std::optional<std::string> bytes, Get(db_, history));
  if (!bytes) return absl::OkStatus();
  const std::string_view closed = std::string_view(*bytes).substr(0, keys::kHistoryTimeBytes);
  TOCSIN_ASSIGN(const Row row, DecodeAt(key, std::string_view(*bytes).substr(closed.size())));
  TOCSIN_TRY(Unindex(batch, row, closed));
  TOCSIN_TRY(FromRocks(batch.Delete(history), "batch"));
  return PutBytes(batch);
}

absl::StatusOr<RowHistory::Found> RowHistory::ReadTimeline(RowKey key, std::span<const TimelineEntry> more) const {
  Found found;
  const std::optional<Subject> subject = SubjectOfRow(key);
  if (!subject) return found;
  std::deque<std::string> last;
  const std::string prefix = keys::TimelineOf(*subject);
  TOCSIN_TRY(Scan(db_, prefix, prefix, [&](std::string_view entry, std::string_view value) -> absl::Status {
    found.bytes += entry.size() + value.size();
    if (found.timeline.size() < kTimelineEnds) {
      TOCSIN_ASSIGN(TimelineEntry decoded, DecodeTimelineEntry(value));
      found.timeline.push_back(std::move(decoded));
      return absl::OkStatus();
    }
    last.emplace_back(value);
    if (last.size() > kTimelineEnds) last.pop_front();
    return absl::OkStatus();
  }));
  for (const std::string& value : last) {
    TOCSIN_ASSIGN(TimelineEntry decoded, DecodeTimelineEntry(value));
    found.timeline.push_back(std::move(decoded));
  }
  for (const TimelineEntry& entry : more) {
    if (entry.subject == *subject) found.timeline.push_back(entry);
  }
  return found;
}

absl::Status RowHistory::Index(rocksdb::WriteBatch& batch,
                               const Row& row,
                               std::string_view closed,
                               std::size_t row_bytes,
                               std::span<const TimelineEntry> more) {
  const RowKey key = KeyOf(row);
  if (!IsRetainedByTime(key.table)) return absl::OkStatus();
  TOCSIN_ASSIGN(const Found found, ReadTimeline(key, more));
  std::uint64_t bytes = row_bytes + found.bytes;
  if (const std::optional<Document> document = DocumentOf(row, found.timeline)) {
    bytes += document->terms.size() * kPostingBytes;
    for (const std::string& posting : PostingsOf(*document, key))
      TOCSIN_TRY(FromRocks(batch.Put(posting, ""), "batch"));
  }
  if (key.table != TableOf<AuditEntry>()) bytes_ += bytes;
  return FromRocks(batch.Put(keys::Retention(closed, key), keys::Number(bytes)), "batch");
}

absl::Status RowHistory::Unindex(rocksdb::WriteBatch& batch, const Row& row, std::string_view closed) {
  const RowKey key = KeyOf(row);
  const std::string retention = keys::Retention(closed, key);
  TOCSIN_ASSIGN(const std::optional<std::string> bytes, Get(db_, retention));
  if (!bytes) return absl::OkStatus();
  TOCSIN_ASSIGN(const Found found, ReadTimeline(key, {}));
  if (const std::optional<Document> document = DocumentOf(row, found.timeline)) {
    for (const std::string& posting : PostingsOf(*document, key))
      TOCSIN_TRY(FromRocks(batch.Delete(posting), "batch"));
  }
  if (key.table != TableOf<AuditEntry>()) bytes_ -= std::min(bytes_, keys::ParseNumber(*bytes).value_or(0));
  return FromRocks(batch.Delete(retention), "batch");
}

absl::Status RowHistory::PutBytes(rocksdb::WriteBatch& batch) const {
  return FromRocks(batch.Put(ToSlice(keys::kHistoryBytes), keys::Number(bytes_)), "batch");
}

absl::Status RowHistory::Retain(rocksdb::WriteBatch& batch,
                                const Retention& retention,
                                absl::Time now,
                                std::size_t limit) {
  std::vector<Oldest> all = OldestOfAll(db_);
  std::size_t gone = 0;
  const auto forget = [&](Oldest& oldest, const keys::RetentionKey& key) -> absl::Status {
    ++gone;
    TOCSIN_TRY(Forget(batch, key.row, key.closed));
    oldest.at->Next();
    return FromRocks(oldest.at->status(), "retain");
  };
  for (Oldest& oldest : all) {
    const std::string end = keys::Time(now - AgeOf(retention, oldest.table));
    for (auto key = oldest.Key(); key && key->closed < end && gone < limit; key = oldest.Key())
      TOCSIN_TRY(forget(oldest, *key));
  }
  while (retention.bytes > 0 && bytes_ > retention.bytes && gone < limit) {
    Oldest* first = nullptr;
    for (Oldest& oldest : all) {
      if (oldest.table == TableOf<AuditEntry>() || !oldest.Key()) continue;
      if (first == nullptr || oldest.Key()->closed < first->Key()->closed) first = &oldest;
    }
    if (first == nullptr) break;
    TOCSIN_TRY(forget(*first, *first->Key()));
  }
  return gone == 0 ? absl::OkStatus() : PutBytes(batch);
}

// Deletes a row of the history that closed at `closed`, with its timeline. One that has come back since stays.
absl::Status RowHistory::Forget(rocksdb::WriteBatch& batch, RowKey key, std::string_view closed) {
  const std::string history = keys::Row(Home::kHistory, key);
  TOCSIN_ASSIGN(const std::optional<std::string> bytes, Get(db_, history));
  TOCSIN_ASSIGN(const std::optional<std::string> in_memory, Get(db_, keys::Row(Home::kMemory, key)));
  if (!bytes || !bytes->starts_with(closed)) return FromRocks(batch.Delete(keys::Retention(closed, key)), "batch");
  TOCSIN_ASSIGN(const Row row, DecodeAt(key, std::string_view(*bytes).substr(closed.size())));
  TOCSIN_TRY(Unindex(batch, row, closed));
  TOCSIN_TRY(FromRocks(batch.Delete(history), "batch"));
  const std::optional<Subject> subject = SubjectOfRow(key);
  if (!subject || in_memory) return absl::OkStatus();
  const std::string timeline = keys::TimelineOf(*subject);
  return Scan(db_, timeline, timeline, [&](std::string_view entry, std::string_view) {
    return FromRocks(batch.Delete(ToSlice(entry)), "batch");
  });
}

absl::Status RowHistory::BuildIndex(rocksdb::WriteBatch& batch, std::size_t limit) {
  if (is_indexed_) return absl::OkStatus();
  std::size_t seen = 0;
  bool more = false;
  std::string last = indexed_up_to_;
  TOCSIN_TRY(Unless(Scan(db_, "h", indexed_up_to_ + '\0', [&](std::string_view key, std::string_view value) {
    if (seen++ == limit) {
      more = true;
      return Enough();
    }
    last = key;
    const std::optional<RowKey> parsed = keys::ParseRow(key);
    if (!parsed || value.size() < keys::kHistoryTimeBytes) return DataLoss("views: a row of the history is damaged");
    const std::string_view closed = value.substr(0, keys::kHistoryTimeBytes);
    TOCSIN_ASSIGN(const std::optional<std::string> has, Get(db_, keys::Retention(closed, *parsed)));
    if (has) return absl::OkStatus();
    TOCSIN_ASSIGN(const Row row, DecodeAt(*parsed, value.substr(closed.size())));
    return Index(batch, row, closed, value.size(), {});
  })));
  indexed_up_to_ = last;
  TOCSIN_TRY(PutBytes(batch));
  if (more) return FromRocks(batch.Put(ToSlice(keys::kIndexedUpTo), indexed_up_to_), "batch");
  is_indexed_ = true;
  TOCSIN_TRY(FromRocks(batch.DeleteRange(ToSlice(keys::kOldRetention), ToSlice(keys::kAfterOldRetention)), "batch"));
  TOCSIN_TRY(FromRocks(batch.Delete(ToSlice(keys::kIndexedUpTo)), "batch"));
  return FromRocks(batch.Put(ToSlice(keys::kIndexVersion), keys::Number(kIndexVersion)), "batch");
}

}  // namespace tocsin
