// A Store without RocksDB, for speed: the real journal, and of the views what recovery needs of them, in maps. Linked in place of
// storage/store.cc (tests/sim/CMakeLists.txt), so that neither the engine nor the storage code knows of it.
//
// What the views have seen is durable from the next Flush on; whatever came after it is lost with the process, as with the real
// ones in the worst case.
#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "storage/store.h"

namespace tocsin {
namespace {

struct Durable {
  std::map<RowKey, Row> rows;
  std::vector<IntegrationId> integrations;
  Sequence applied;
  std::vector<std::pair<std::uint32_t, std::string>> bodies;  // of the checkpoint
  Sequence checkpoint;
};

// By disk; a disk whose journal is empty is a new one.
class Shelf {
 public:
  Durable& Of(const FileSystem& files, bool is_new) {
    MutexLock lock(mutex_);
    Durable& found = durable_[&files];
    if (is_new) found = Durable();
    return found;
  }

 private:
  Mutex mutex_;
  std::map<const FileSystem*, Durable> durable_ ABSL_GUARDED_BY(mutex_);
};

Shelf& TheShelf() {
  static Shelf shelf;
  return shelf;
}

// Versions and audit entries never are in memory.
bool IsArchived(const Row& row) {
  return std::holds_alternative<ConfigurationVersion>(row) || std::holds_alternative<AuditEntry>(row);
}

}  // namespace

class Store::Impl {
 public:
  Impl(FileSystem& files, Options options)
      : files_(files),
        options_(std::move(options)),
        space_(files, options_.folder, options_.low_water_bytes, options_.reserve_bytes),
        dead_letters_(files, options_.folder) {}

  absl::Status Open() {
    TOCSIN_TRY(files_.MakeFolder(options_.folder));
    TOCSIN_TRY(space_.Open());
    const absl::StatusOr<std::vector<std::string>> found = files_.List(options_.folder + "/journal");
    TOCSIN_TRY(dead_letters_.Open());
    durable_ = &TheShelf().Of(files_, !found.ok() || found->empty());
    Journal::Options journal = options_.journal;
    journal.store = {1, 2};
    journal.key = 3;
    journal.known = std::max(durable_->applied, durable_->checkpoint);
    TOCSIN_ASSIGN(journal_, Journal::Open(files_, options_.folder + "/journal", journal));
    return absl::OkStatus();
  }

  Sequence position() const { return std::min(durable_->applied, durable_->checkpoint); }

  void Apply(const Change& change) {
    for (const RowKey& key : change.removed)
      durable_->rows.erase(key);
    for (const Row& row : change.rows)
      if (!IsArchived(row)) durable_->rows[KeyOf(row)] = row;
  }

  absl::Status Flush() {
    for (const auto& [sequence, change] : seen_)
      Apply(change);
    seen_.clear();
    if (named_) durable_->integrations = *std::exchange(named_, std::nullopt);
    durable_->applied = std::max(durable_->applied, applied_);
    return journal_->Trim(Sequence(position().value() + 1));
  }

  FileSystem& files_;
  const Options options_;
  DiskSpace space_;
  DeadLetters dead_letters_;
  Durable* durable_ = nullptr;
  std::unique_ptr<Journal> journal_;
  // Not durable.
  std::deque<std::pair<Sequence, Change>> seen_;
  std::optional<std::vector<IntegrationId>> named_;
  Sequence applied_;
  std::vector<std::pair<std::uint32_t, std::string>> building_;
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

absl::StatusOr<std::unique_ptr<Store>> Store::Open(FileSystem& files, Options options) {
  auto impl = std::make_unique<Impl>(files, std::move(options));
  TOCSIN_TRY(impl->Open());
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Journal& Store::journal() {
  return *impl_->journal_;
}
std::uint64_t Store::key_seed() const {
  return impl_->options_.key_seed;
}

absl::Status Store::ReadCheckpoint(absl::FunctionRef<absl::Status(std::uint32_t shard, std::string_view body)> visit) {
  for (const auto& [shard, body] : impl_->durable_->bodies)
    TOCSIN_TRY(visit(shard, body));
  return absl::OkStatus();
}
Sequence Store::ReplayFrom() const {
  return Sequence(impl_->position().value() + 1);
}
Sequence Store::shards_position() const {
  return impl_->durable_->checkpoint;
}
Sequence Store::responder_position() const {
  return std::max(impl_->applied_, impl_->durable_->applied);
}
DeadLetters& Store::dead_letters() {
  return impl_->dead_letters_;
}
std::optional<Sequence> Store::crashed_at() const {
  return std::nullopt;
}
void Store::Recovered() {}
absl::Status Store::ReadRows(absl::FunctionRef<void(Row row)> visit) {
  for (const auto& [key, row] : impl_->durable_->rows)
    visit(row);
  return absl::OkStatus();
}
absl::StatusOr<std::vector<IntegrationId>> Store::LoadIntegrations() {
  return impl_->durable_->integrations;
}

absl::Status Store::ApplyChange(const Change& change, Sequence sequence) {
  if (sequence <= std::max(impl_->applied_, impl_->durable_->applied)) return absl::OkStatus();
  if (!change.empty()) impl_->seen_.emplace_back(sequence, change);
  impl_->applied_ = sequence;
  return absl::OkStatus();
}
absl::Status Store::ApplyChanges(std::span<const DurableChange> changes) {
  for (const DurableChange& each : changes)
    TOCSIN_TRY(ApplyChange(*each.change, each.sequence));
  return absl::OkStatus();
}
absl::Status Store::ApplyIntegrations(const std::vector<IntegrationId>& names, Sequence sequence) {
  if (sequence <= std::max(impl_->applied_, impl_->durable_->applied)) return absl::OkStatus();
  impl_->named_ = names;
  impl_->applied_ = sequence;
  return absl::OkStatus();
}

absl::Status Store::why_behind() const {
  return absl::OkStatus();
}
absl::Status Store::CatchUp() {
  return absl::OkStatus();
}

absl::Status Store::BeginCheckpoint() {
  impl_->building_.clear();
  return absl::OkStatus();
}
absl::Status Store::WriteCheckpoint(std::uint32_t shard, std::string_view body) {
  impl_->building_.emplace_back(shard, body);
  return absl::OkStatus();
}
absl::Status Store::CommitCheckpoint(Sequence position, const Now& /*now*/) {
  impl_->durable_->bodies = std::exchange(impl_->building_, {});
  impl_->durable_->checkpoint = position;
  return absl::OkStatus();
}
absl::Status Store::KeepHistory(const Now& /*now*/) {
  return absl::OkStatus();
}
absl::Status Store::Flush() {
  return impl_->Flush();
}
absl::Status Store::Retain(const Retention& /*retention*/, absl::Time /*now*/, std::size_t /*limit*/) {
  return absl::OkStatus();
}
absl::StatusOr<bool> Store::BuildIndex(std::size_t /*limit*/) {
  return true;
}
Store::Space Store::FreeSpace(const Now& now) {
  return impl_->space_.Read(now);
}
absl::Status Store::NoRoomToStart(const absl::Status& why) const {
  return why;
}

}  // namespace tocsin
