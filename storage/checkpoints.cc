#include "storage/checkpoints.h"

#include <algorithm>
#include <utility>

#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

#include "base/status.h"
#include "storage/keys.h"
#include "storage/rocks.h"

namespace tocsin {
namespace {

constexpr std::uint64_t kFileBytes = 64 << 20;

std::string FolderOf(const Views& views) {
  return views.folder() + "/checkpoint";
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
  if (read_only) return checkpoints;
  TOCSIN_TRY(checkpoints->SweepFiles());
  TOCSIN_TRY(checkpoints->DeleteOtherGenerations());
  return checkpoints;
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
    building.writer = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), views_.options());
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

absl::Status Checkpoints::Commit(Sequence position) {
  if (!begun_) return Precondition("checkpoint: nothing was begun");
  begun_ = false;
  for (auto& [shard, building] : building_)
    TOCSIN_TRY(Finish(building));
  building_.clear();
  if (!finished_.empty()) {
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    options.write_global_seqno = false;
    TOCSIN_TRY(FromRocks(views_.db().IngestExternalFile(finished_, options), "take in the checkpoint"));
    finished_.clear();
  }
  TOCSIN_TRY(Switch(next_generation_, position, finished_bytes_));
  return DeleteOtherGenerations();
}

absl::Status Checkpoints::MoveTo(Sequence position) {
  return Switch(generation_, position, bytes_);
}

// Durable, with everything that was applied to the views before it.
absl::Status Checkpoints::Switch(std::uint64_t generation, Sequence position, std::uint64_t bytes) {
  const std::string value = keys::Number(generation) + keys::Number(position.value()) + keys::Number(bytes);
  rocksdb::WriteBatch batch;
  TOCSIN_TRY(FromRocks(batch.Put(ToSlice(keys::kCheckpoint), value), "checkpoint"));
  rocksdb::WriteOptions no_log;
  no_log.disableWAL = true;
  TOCSIN_TRY(FromRocks(views_.db().Write(no_log, &batch), "checkpoint"));
  TOCSIN_TRY(views_.Flush().status());
  generation_ = generation;
  position_ = position;
  bytes_ = bytes;
  return absl::OkStatus();
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
  if (generation_ == 0) return DeleteRange(keys::kCheckpoints, keys::kAfterCheckpoints);
  TOCSIN_TRY(DeleteRange(keys::kCheckpoints, keys::CheckpointOf(generation_)));
  return DeleteRange(keys::CheckpointOf(generation_ + 1), keys::kAfterCheckpoints);
}

// Whole files go at once; what is left, if anything, by a tombstone.
absl::Status Checkpoints::DeleteRange(std::string_view begin, std::string_view end) {
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
