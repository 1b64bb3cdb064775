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
#include "model/codec/response_codec.h"
#include "storage/audit_chain.h"
#include "storage/store.h"

namespace tocsin {
namespace {

// What the chain of the audit log is after each entry (storage/audit_chain.h).
class Chain {
 public:
  void Append(const AuditEntry& entry) {
    const AuditHash before = link_.hash;
    link_ = {.number = link_.number + 1, .id = entry.id, .at = entry.at, .said = SaidBy(EncodeRow(entry)), .hash = {}};
    link_.hash = HashAfter(before, link_);
    hashes_.push_back(link_.hash);
  }
  const std::vector<AuditHash>& hashes() const { return hashes_; }

 private:
  AuditLink link_{.hash = BeginningOf(AuditEnds())};
  std::vector<AuditHash> hashes_;
};

struct Durable {
  std::map<RowKey, Row> rows;
  std::vector<IntegrationId> integrations;
  Sequence applied;
  std::vector<std::pair<std::uint32_t, std::string>> bodies;  // of the checkpoint
  Sequence checkpoint;
  // History.
  std::map<Subject, std::vector<TimelineEntry>> timelines;
  std::vector<AuditEntry> audit_log;
  Chain chain;
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

  void Apply(Change change) {
    for (const RowKey& key : change.removed)
      durable_->rows.erase(key);
    for (Row& row : change.rows) {
      if (auto* entry = std::get_if<AuditEntry>(&row)) {
        durable_->chain.Append(*entry);
        durable_->audit_log.push_back(std::move(*entry));
      } else if (!std::holds_alternative<ConfigurationVersion>(row)) {  // these never are in memory
        const RowKey key = KeyOf(row);
        durable_->rows[key] = std::move(row);
      }
    }
    for (TimelineEntry& entry : change.entries) {
      const Subject subject = entry.subject;
      durable_->timelines[subject].push_back(std::move(entry));
    }
  }

  std::vector<AuditEntry> AuditLog() const {
    std::vector<AuditEntry> log = durable_->audit_log;
    for (const auto& [sequence, change] : seen_) {
      for (const Row& row : change.rows)
        if (const auto* entry = std::get_if<AuditEntry>(&row)) log.push_back(*entry);
    }
    return log;
  }

  Chain AuditChain() const {
    Chain chain = durable_->chain;
    for (const auto& [sequence, change] : seen_) {
      for (const Row& row : change.rows)
        if (const auto* entry = std::get_if<AuditEntry>(&row)) chain.Append(*entry);
    }
    return chain;
  }

  std::vector<TimelineEntry> Timeline(const Subject& subject) const {
    const auto found = durable_->timelines.find(subject);
    std::vector<TimelineEntry> entries =
        found == durable_->timelines.end() ? std::vector<TimelineEntry>() : found->second;
    for (const auto& [sequence, change] : seen_)
      std::ranges::copy_if(change.entries, std::back_inserter(entries),
                           [&](const TimelineEntry& entry) { return entry.subject == subject; });
    return entries;
  }

  absl::Status Flush() {
    for (auto& [sequence, change] : seen_)
      Apply(std::move(change));
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

// Histories as the simulation asks for them (tests/sim/history.h): whole.
absl::StatusOr<std::vector<TimelineEntry>> Store::ReadTimeline(Subject subject,
                                                               std::uint64_t /*after*/,
                                                               std::size_t /*limit*/,
                                                               std::uint64_t* next) const {
  *next = 0;
  return impl_->Timeline(subject);
}
absl::StatusOr<std::vector<Row>> Store::ListRows(std::uint8_t table,
                                                 std::uint64_t /*before*/,
                                                 std::size_t /*limit*/) const {
  if (table != KeyOf(AuditEntry()).table) return absl::UnimplementedError("only the audit log is kept");
  std::vector<Row> rows;
  for (AuditEntry& entry : impl_->AuditLog())
    rows.emplace_back(std::move(entry));
  return rows;
}
absl::StatusOr<AuditHead> Store::ReadAuditHead() const {
  const std::vector<AuditEntry> log = impl_->AuditLog();
  if (log.empty()) return AuditHead();
  return AuditHead{.store = "",
                   .entry = log.size(),
                   .id = log.back().id,
                   .at = {},
                   .hash = impl_->AuditChain().hashes().back(),
                   .key = ""};
}
// That what was told is still what the log says, by a chain of its own. How the chain is kept is for the real one.
absl::StatusOr<AuditReport> Store::VerifyAudit(const AuditQuestion& question) const {
  const std::vector<AuditHash> hashes = impl_->AuditChain().hashes();
  AuditReport report;
  report.entries = hashes.size();
  for (const AuditHead& head : question.heads) {
    if (head.entry <= hashes.size() && hashes[head.entry - 1] == head.hash) continue;
    report.faults.push_back({AuditFault::Kind::kRewritten, head.entry, head.id, "is not the one whose head was told"});
  }
  return report;
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
