#include "storage/checkpoints.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

#include "base/status.h"
#include "model/codec/response_codec.h"
#include "storage/keys.h"
#include "storage/rocks.h"

namespace tocsin {
namespace {

constexpr std::uint64_t kFileBytes = 64 << 20;

std::string FolderOf(const Views& views) {
  return views.folder() + "/checkpoint";
}

constexpr std::size_t kBaseBytes = 6 * 8;

std::string Encode(const std::vector<HistoryBase>& bases) {
  std::string out;
  for (const HistoryBase& base : bases) {
    out += keys::Number(base.generation) + keys::Number(base.position.value()) + keys::Number(base.rows.value()) +
           keys::Number(base.complete.value()) + keys::Number(static_cast<std::uint64_t>(absl::ToUnixNanos(base.at))) +
           keys::Number(base.bytes);
  }
  return out;
}

bool IsListed(const std::vector<HistoryBase>& bases, const HistoryBase& base) {
  return std::ranges::find(bases, base) != bases.end();
}

HistoryBase DecodeBase(std::string_view bytes) {
  HistoryBase base;
  base.generation = *keys::ParseNumber(bytes, 0);
  base.position = Sequence(*keys::ParseNumber(bytes, 8));
  base.rows = Sequence(*keys::ParseNumber(bytes, 16));
  base.complete = Sequence(*keys::ParseNumber(bytes, 24));
  base.at = absl::FromUnixNanos(static_cast<std::int64_t>(*keys::ParseNumber(bytes, 32)));
  base.bytes = *keys::ParseNumber(bytes, 40);
  return base;
}

// As the views write their tables: a file that is synced as a whole would hold up commits for as long as its 64 MiB take.
std::unique_ptr<rocksdb::SstFileWriter> NewWriter(const Views& views) {
  return std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(views.options()), views.options());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Checkpoints>> Checkpoints::Open(Views& views, bool read_only) {
  auto checkpoints = std::unique_ptr<Checkpoints>(new Checkpoints(views));
  std::string value;
  const rocksdb::Status got = views.db().Get({}, ToSlice(keys::kCheckpoint), &value);
  if (!got.ok() && !got.IsNotFound()) return FromRocks(got, "read the checkpoint's position");
  if (got.ok()) {
    if (value.size() != 24) return DataLoss("views: the checkpoint's position has %d bytes", value.size());
    checkpoints->generation_ = *keys::ParseNumber(value, 0);
    checkpoints->position_ = Sequence(*keys::ParseNumber(value, 8));
    checkpoints->bytes_ = *keys::ParseNumber(value, 16);
  }
  TOCSIN_TRY(checkpoints->LoadBases());
  if (read_only) return checkpoints;
  TOCSIN_TRY(checkpoints->SweepFiles());
  TOCSIN_TRY(checkpoints->DeleteOtherGenerations());
  return checkpoints;
}

absl::Status Checkpoints::LoadBases() {
  std::string value;
  const rocksdb::Status got = views_.db().Get({}, ToSlice(keys::kBases), &value);
  if (got.IsNotFound()) return absl::OkStatus();
  TOCSIN_TRY(FromRocks(got, "read the bases of replays"));
  if (value.size() % kBaseBytes != 0) return DataLoss("views: the bases of replays have %d bytes", value.size());
  MutexLock lock(bases_mutex_);
  for (std::size_t at = 0; at < value.size(); at += kBaseBytes)
    bases_.push_back(DecodeBase(std::string_view(value).substr(at, kBaseBytes)));
  return absl::OkStatus();
}

absl::Status Checkpoints::Read(
    absl::FunctionRef<absl::Status(std::uint32_t shard, std::string_view body)> visit) const {
  if (generation_ == 0) return absl::OkStatus();
  const std::string prefix = keys::CheckpointOf(generation_);
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(views_.db().NewIterator(options));
  for (at->Seek(prefix); at->Valid() && ToView(at->key()).starts_with(prefix); at->Next()) {
    const std::optional<keys::CheckpointKey> key = keys::ParseCheckpoint(ToView(at->key()));
    if (!key) return DataLoss("views: a checkpoint's key has %d bytes", at->key().size());
    if (absl::Status status = visit(key->shard, ToView(at->value())); !status.ok()) return status;
  }
  return FromRocks(at->status(), "read the checkpoint");
}

absl::Status Checkpoints::Begin() {
  building_.clear();
  finished_.clear();
  finished_bytes_ = 0;
  TOCSIN_TRY(SweepFiles());
  TOCSIN_ASSIGN(const std::uint64_t highest, HighestGeneration());
  next_generation_ = highest + 1;
  begun_ = true;
  return absl::OkStatus();
}

absl::Status Checkpoints::Write(std::uint32_t shard, std::string_view body) {
  if (!begun_) return Precondition("checkpoint: nothing was begun");
  Building& building = building_[shard];
  if (!building.writer) {
    building.path = absl::StrFormat("%s/%d.sst", FolderOf(views_), next_file_++);
    building.writer = NewWriter(views_);
    TOCSIN_TRY(FromRocks(building.writer->Open(building.path), "checkpoint"));
  }
  const std::string key = keys::CheckpointBody(next_generation_, shard, building.next_number++);
  TOCSIN_TRY(FromRocks(building.writer->Put(key, ToSlice(body)), "checkpoint"));
  return building.writer->FileSize() < kFileBytes ? absl::OkStatus() : Finish(building);
}

absl::Status Checkpoints::Finish(Building& building) {
  if (!building.writer) return absl::OkStatus();
  rocksdb::ExternalSstFileInfo info;
  TOCSIN_TRY(FromRocks(building.writer->Finish(&info), "checkpoint"));
  building.writer.reset();
  finished_.push_back(building.path);
  finished_bytes_ += info.file_size;
  return absl::OkStatus();
}

absl::Status Checkpoints::Commit(Sequence position, const std::optional<AsBase>& as_base) {
  if (!begun_) return Precondition("checkpoint: nothing was begun");
  begun_ = false;
  for (auto& [shard, building] : building_)
    TOCSIN_TRY(Finish(building));
  building_.clear();
  const std::uint64_t bytes = finished_bytes_;
  std::vector<HistoryBase> bases = this->bases();
  if (as_base) {
    TOCSIN_ASSIGN(const HistoryBase base, WriteRows(position, *as_base));
    bases.push_back(base);
  }
  if (!finished_.empty()) {
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    options.write_global_seqno = false;
    TOCSIN_TRY(FromRocks(views_.db().IngestExternalFile(finished_, options), "take in the checkpoint"));
    finished_.clear();
  }
  TOCSIN_TRY(Switch(next_generation_, position, bytes, bases));
  return DeleteOtherGenerations();
}

// The rows as they are now, with the entry up to which they have seen everything: both of one snapshot.
absl::StatusOr<HistoryBase> Checkpoints::WriteRows(Sequence position, const AsBase& as_base) {
  rocksdb::DB& db = views_.db();
  const std::unique_ptr<const rocksdb::Snapshot, std::function<void(const rocksdb::Snapshot*)>> snapshot(
      db.GetSnapshot(), [&db](const rocksdb::Snapshot* taken) { db.ReleaseSnapshot(taken); });
  rocksdb::ReadOptions options;
  options.snapshot = snapshot.get();
  options.fill_cache = false;
  std::string applied;
  const rocksdb::Status got = db.Get(options, ToSlice(keys::kApplied), &applied);
  if (!got.ok() && !got.IsNotFound()) return FromRocks(got, "read the views' position");

  Building building;
  building.path = absl::StrFormat("%s/%d.sst", FolderOf(views_), next_file_++);
  const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator(options));
  const std::string prefix(1, static_cast<char>(keys::Home::kMemory));
  for (at->Seek(prefix); at->Valid() && ToView(at->key()).starts_with(prefix); at->Next()) {
    if (!building.writer) {
      building.writer = NewWriter(views_);
      TOCSIN_TRY(FromRocks(building.writer->Open(building.path), "base"));
    }
    const std::string key = keys::BaseRow(next_generation_, ToView(at->key()));
    TOCSIN_TRY(FromRocks(building.writer->Put(key, at->value()), "base"));
  }
  TOCSIN_TRY(FromRocks(at->status(), "read the rows of a base"));
  TOCSIN_TRY(Finish(building));
  return HistoryBase{.generation = next_generation_,
                     .position = position,
                     .rows = Sequence(keys::ParseNumber(applied).value_or(0)),
                     .complete = as_base.complete,
                     .at = as_base.at,
                     .bytes = finished_bytes_};
}

absl::Status Checkpoints::MoveTo(Sequence position) {
  return Switch(generation_, position, bytes_, bases());
}

// Durable, with everything that was applied to the views before it.
absl::Status Checkpoints::Switch(std::uint64_t generation,
                                 Sequence position,
                                 std::uint64_t bytes,
                                 const std::vector<HistoryBase>& bases) {
  const std::string value = keys::Number(generation) + keys::Number(position.value()) + keys::Number(bytes);
  rocksdb::WriteBatch batch;
  TOCSIN_TRY(FromRocks(batch.Put(ToSlice(keys::kCheckpoint), value), "checkpoint"));
  TOCSIN_TRY(FromRocks(batch.Put(ToSlice(keys::kBases), Encode(bases)), "checkpoint"));
  rocksdb::WriteOptions no_log;
  no_log.disableWAL = true;
  TOCSIN_TRY(FromRocks(views_.db().Write(no_log, &batch), "checkpoint"));
  TOCSIN_TRY(views_.Flush().status());
  generation_ = generation;
  position_ = position;
  bytes_ = bytes;
  MutexLock lock(bases_mutex_);
  bases_ = bases;
  return absl::OkStatus();
}

std::vector<HistoryBase> Checkpoints::bases() const {
  MutexLock lock(bases_mutex_);
  return bases_;
}

absl::Status Checkpoints::ReadBase(
    const HistoryBase& base,
    absl::FunctionRef<absl::Status(std::uint32_t shard, std::string_view body)> visit_body,
    absl::FunctionRef<absl::Status(Row row)> visit_row) const {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(views_.db().NewIterator(options));
  // A base leaves the list before its files go, so one that is listed now is whole in what the iterator sees.
  if (!IsListed(bases(), base)) {
    return NotFound("the base of this replay has been given up meanwhile, to keep within the bounds of the history");
  }
  const std::string rows = keys::BaseOf(base.generation);
  for (at->Seek(rows); at->Valid() && ToView(at->key()).starts_with(rows); at->Next()) {
    const std::optional<RowKey> key = keys::ParseBaseRow(ToView(at->key()));
    if (!key) return DataLoss("views: the key of a base's row has %d bytes", at->key().size());
    TOCSIN_ASSIGN(Row row, DecodeRow(key->table, ToView(at->value())));
    TOCSIN_TRY(visit_row(std::move(row)));
  }
  const std::string bodies = keys::CheckpointOf(base.generation);
  for (at->Seek(bodies); at->Valid() && ToView(at->key()).starts_with(bodies); at->Next()) {
    const std::optional<keys::CheckpointKey> key = keys::ParseCheckpoint(ToView(at->key()));
    if (!key) return DataLoss("views: a checkpoint's key has %d bytes", at->key().size());
    TOCSIN_TRY(visit_body(key->shard, ToView(at->value())));
  }
  return FromRocks(at->status(), "read a base");
}

// The list is durable without them before anything of them goes: what is listed is whole, whenever the power is cut.
absl::Status Checkpoints::DropBases(absl::FunctionRef<bool(const HistoryBase&)> keep) {
  std::vector<HistoryBase> kept = bases();
  if (std::erase_if(kept, [&](const HistoryBase& base) { return !keep(base); }) == 0) return absl::OkStatus();
  TOCSIN_TRY(Switch(generation_, position_, bytes_, kept));
  return DeleteOtherGenerations();
}

absl::Status Checkpoints::SweepFiles() {
  rocksdb::Env& env = *views_.options().env;
  TOCSIN_TRY(FromRocks(env.CreateDirIfMissing(FolderOf(views_)), "make the checkpoint's folder"));
  std::vector<std::string> names;
  TOCSIN_TRY(FromRocks(env.GetChildren(FolderOf(views_), &names), "list the checkpoint's folder"));
  for (const std::string& name : names) {
    if (!name.ends_with(".sst")) continue;
    TOCSIN_TRY(FromRocks(env.DeleteFile(FolderOf(views_) + "/" + name), "delete an old checkpoint's file"));
  }
  return absl::OkStatus();
}

absl::Status Checkpoints::DeleteOtherGenerations() {
  std::vector<std::uint64_t> with_rows;
  for (const HistoryBase& base : bases())
    with_rows.push_back(base.generation);
  std::vector<std::uint64_t> with_bodies = with_rows;
  if (generation_ != 0) with_bodies.push_back(generation_);
  const auto delete_between = [this](std::vector<std::uint64_t> kept, std::string (*prefix)(std::uint64_t),
                                     std::string_view begin, std::string_view end) -> absl::Status {
    std::ranges::sort(kept);
    std::string from(begin);
    for (const std::uint64_t generation : kept) {
      TOCSIN_TRY(DeleteRange(from, prefix(generation)));
      from = prefix(generation + 1);
    }
    return DeleteRange(from, end);
  };
  TOCSIN_TRY(delete_between(with_rows, &keys::BaseOf, keys::kBaseRows, keys::kCheckpoints));
  return delete_between(with_bodies, &keys::CheckpointOf, keys::kCheckpoints, keys::kAfterCheckpoints);
}

// Whole files go at once; what is left, if anything, by a tombstone.
absl::Status Checkpoints::DeleteRange(std::string_view begin, std::string_view end) {
  if (begin >= end) return absl::OkStatus();
  rocksdb::DB& db = views_.db();
  const rocksdb::Slice from = ToSlice(begin);
  const rocksdb::Slice to = ToSlice(end);
  TOCSIN_TRY(FromRocks(rocksdb::DeleteFilesInRange(&db, db.DefaultColumnFamily(), &from, &to, /*include_end=*/false),
                       "delete an old checkpoint"));
  const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator({}));
  at->Seek(from);
  TOCSIN_TRY(FromRocks(at->status(), "look for an old checkpoint"));
  if (!at->Valid() || ToView(at->key()) >= end) return absl::OkStatus();
  rocksdb::WriteBatch batch;
  TOCSIN_TRY(FromRocks(batch.DeleteRange(from, to), "delete an old checkpoint"));
  rocksdb::WriteOptions no_log;
  no_log.disableWAL = true;
  return FromRocks(db.Write(no_log, &batch), "delete an old checkpoint");
}

absl::StatusOr<std::uint64_t> Checkpoints::HighestGeneration() const {
  const std::unique_ptr<rocksdb::Iterator> at(views_.db().NewIterator({}));
  at->SeekForPrev(ToSlice(keys::kAfterCheckpoints));
  TOCSIN_TRY(FromRocks(at->status(), "look for checkpoints"));
  const auto key = at->Valid() ? keys::ParseCheckpoint(ToView(at->key())) : std::nullopt;
  return std::max(generation_, key ? key->generation : 0);
}

}  // namespace tocsin
