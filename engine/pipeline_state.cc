#include "engine/pipeline_state.h"

#include <vector>

#include "base/status.h"
#include "engine/responder_state.h"
#include "engine/shard.h"
#include "model/codec/response_codec.h"
#include "storage/change_parts.h"
#include "storage/store_reader.h"

namespace tocsin {
namespace {

// What recovery makes of a store, without a store to write to.
class StateFolder {
 public:
  explicit StateFolder(const StoreReader& store) : store_(store) {}

  absl::Status Fold() {
    TOCSIN_TRY(
        store_.ReadCheckpoint([&](std::uint32_t shard, std::string_view body) { return ShardAt(shard).Fold(body); }));
    TOCSIN_ASSIGN(integrations_, store_.LoadIntegrations());
    TOCSIN_ASSIGN(std::vector<Row> rows, store_.LoadRows());
    RestoreInto(state_, std::move(rows));
    const Sequence folded = std::min(store_.shards_position(), store_.responder_position());
    return store_.ReadJournal(Sequence(folded.value() + 1), [&](const Entry& entry) { return Fold(entry); });
  }

  StateParts Parts() {
    ForgetHistory(state_);
    StateParts parts;
    for (const Shard& shard : shards_)
      parts.shards += shard.StateHash();
    parts.responder = HashRows(state_);
    parts.integrations = Hash64(EncodeIntegrations(integrations_));
    return parts;
  }

 private:
  Shard& ShardAt(std::uint32_t index) {
    while (shards_.size() <= index) {
      Shard::Options options;
      options.index = static_cast<std::uint32_t>(shards_.size());
      options.key_seed = store_.key_seed();
      shards_.emplace_back(options);
    }
    return shards_[index];
  }

  absl::Status Fold(const Entry& entry) {
    switch (entry.kind) {
      case EntryKind::kLead: return absl::OkStatus();
      case EntryKind::kShard:
        return entry.sequence <= store_.shards_position() ? absl::OkStatus() : ShardAt(entry.shard).Fold(entry.body);
      case EntryKind::kResponderPart:
      case EntryKind::kResponder: {
        if (entry.sequence <= store_.responder_position()) return absl::OkStatus();
        TOCSIN_ASSIGN(const std::optional<Change> change, changes_.Add(entry));
        if (change) FoldInto(state_, *change);
        return absl::OkStatus();
      }
      case EntryKind::kIntegrations: {
        TOCSIN_ASSIGN(integrations_, DecodeIntegrations(entry.body));
        return absl::OkStatus();
      }
    }
    return DataLoss("entry %d: unknown kind %d", entry.sequence.value(), static_cast<int>(entry.kind));
  }

  const StoreReader& store_;
  std::vector<Shard> shards_;
  ResponderState state_;
  ChangeReader changes_;
  std::vector<IntegrationId> integrations_;
};

}  // namespace

std::uint64_t StateParts::Hash() const {
  return Hash64(absl::StrFormat("state %x %x %x", shards, responder, integrations));
}

void StatePoint::AddShard(std::uint64_t hash) {
  Arrive({.shards = hash}, nullptr);
}
void StatePoint::AddResponder(std::uint64_t hash, std::uint64_t integrations) {
  Arrive({.responder = hash, .integrations = integrations}, nullptr);
}
void StatePoint::Reached(Journal::Standing standing) {
  Arrive({}, &standing);
}

void StatePoint::Arrive(StateParts part, Journal::Standing* standing) {
  StateAt whole;
  {
    MutexLock lock(mutex_);
    parts_.shards += part.shards;
    parts_.responder += part.responder;
    parts_.integrations += part.integrations;
    if (standing != nullptr) {
      at_.sequence = standing->last;
      at_.standing = std::move(*standing);
    }
    if (--missing_ > 0) return;
    whole = std::move(at_);
    whole.hash = parts_.Hash();
  }
  done_(std::move(whole));
}

absl::StatusOr<StateAt> HashStore(FileSystem& files, const std::string& folder, rocksdb::Env* views_env) {
  TOCSIN_ASSIGN(const std::unique_ptr<StoreReader> store, StoreReader::Open(files, folder, views_env));
  StateFolder folded(*store);
  TOCSIN_TRY(folded.Fold());
  return StateAt{store->last(), folded.Parts().Hash(), {}};
}

}  // namespace tocsin
