// How the journal is folded at a start, and what becomes of an entry that nobody can apply: it is put aside with its bytes and passed over, by
// this start and all that follow (storage/dead_letters.h), so that one entry does not keep everybody from being paged. Its checksum and link
// are right, or recovery of the journal would have refused it: that one is damage, this one a mistake in a program.
#include <string>
#include <utility>

#include "base/log.h"
#include "base/status.h"
#include "engine/pipeline_impl.h"
#include "model/codec/response_codec.h"
#include "storage/change_parts.h"
#include "storage/recovery_watch.h"

namespace tocsin {

std::vector<Shard> Engine::Impl::NewShards() const {
  std::vector<Shard> shards;
  for (std::uint32_t i = 0; i < options_.shard_count; ++i) {
    Shard::Options shard = options_.shard;
    shard.index = i;
    shard.shard_count = options_.shard_count;
    shard.key_seed = store_.key_seed();
    shards.emplace_back(shard);
  }
  return shards;
}

absl::Status Engine::Impl::PutAside(const Entry& entry, std::string_view body, std::string_view why) {
  TOCSIN_TRY(store_.dead_letters().PutAside(entry, body, why, clock_.Read().wall));
  LogError(
      "a journal entry cannot be applied: it was put aside with its bytes, everything else goes on; see `tocsin "
      "dead-letter list`",
      {
          {"entry", entry.sequence.value()      },
          {"kind",  static_cast<int>(entry.kind)},
          {"bytes", body.size()                 },
          {"why",   why                         }
  });
  return absl::OkStatus();
}

absl::StatusOr<bool> Engine::Impl::PassesOver(const Entry& entry, std::string_view body) {
  if (store_.dead_letters().Holds(entry.sequence)) return true;
  if (store_.crashed_at() != entry.sequence) {
    RecoveryWatch::Applying(entry.sequence);
    return false;
  }
  TOCSIN_TRY(PutAside(entry, body, "two starts in a row have crashed while they applied it"));
  return true;
}

// The alert tables: checkpoint, then what shards have written since.
absl::Status Engine::Impl::FoldAlerts(std::vector<Shard>& shards, bool& put_aside) {
  const auto fold = [&](std::uint32_t shard, std::string_view body) -> absl::Status {
    if (shard < shards.size()) return shards[shard].Fold(body);
    return Precondition("the store was written with %d shards or more; start with --shards=%d", shard + 1, shard + 1);
  };
  TOCSIN_TRY(Annotate(store_.ReadCheckpoint(fold), "read checkpoint"));
  if (!store_.journal().recovery().last.set() || store_.shards_position() >= store_.journal().last()) {
    return absl::OkStatus();
  }
  const Sequence from(store_.shards_position().value() + 1);
  const auto visit = [&](const Entry& entry) -> absl::Status {
    if (entry.kind != EntryKind::kShard) return absl::OkStatus();
    TOCSIN_ASSIGN(const bool passes_over, PassesOver(entry, entry.body));
    if (passes_over) return absl::OkStatus();
    const absl::Status folded = fold(entry.shard, entry.body);
    RecoveryWatch::Applying(Sequence());
    if (!absl::IsDataLoss(folded)) return folded;
    TOCSIN_TRY(PutAside(entry, entry.body, Message(folded)));
    put_aside = true;
    return folded;
  };
  return Annotate(store_.journal().Read(std::max(from, store_.journal().first()), visit), "fold journal");
}

absl::Status Engine::Impl::RecoverShards(std::vector<Shard>& shards) {
  // A body that was applied by half leaves what no later start would find: so the tables are made anew without it.
  for (;;) {
    bool put_aside = false;
    const absl::Status folded = FoldAlerts(shards, put_aside);
    if (!put_aside) return folded;
    shards = NewShards();
  }
}

absl::Status Engine::Impl::FoldDecisions(Responder& responder, std::vector<IntegrationId>& integrations) {
  if (!store_.journal().recovery().last.set() || store_.ReplayFrom() > store_.journal().last()) {
    return absl::OkStatus();
  }
  const Sequence responder_at = store_.responder_position();
  ChangeReader changes;
  const auto decision = [&](const Entry& entry) -> absl::Status {
    if (entry.sequence <= responder_at) return absl::OkStatus();
    std::string whole;
    std::string_view body = entry.body;
    if (entry.kind == EntryKind::kResponder) {
      if (const std::string_view begun = changes.begun(entry.sequence); !begun.empty()) {
        whole = std::string(begun) + std::string(body);
        body = whole;
      }
      TOCSIN_ASSIGN(const bool passes_over, PassesOver(entry, body));
      if (passes_over) return absl::OkStatus();
    }
    const absl::StatusOr<std::optional<Change>> change = changes.Add(entry);
    if (change.ok() && *change) responder.Fold(**change);
    RecoveryWatch::Applying(
        Sequence());  // RocksDB has assertions of its own, and it is no entry's fault when the disk is full
    if (absl::IsDataLoss(change.status())) return PutAside(entry, body, Message(change.status()));
    if (!change.ok()) return change.status();
    if (!*change) return absl::OkStatus();
    return store_.ApplyChange(**change, entry.sequence);
  };
  return store_.journal().Read(store_.ReplayFrom(), [&](const Entry& entry) -> absl::Status {
    switch (entry.kind) {
      case EntryKind::kLead:
      case EntryKind::kShard: return absl::OkStatus();
      case EntryKind::kResponderPart:
      case EntryKind::kResponder: return decision(entry);
      case EntryKind::kIntegrations: {
        // Never put aside: alerts say by its numbers where they came from, so nothing after it would mean what it did.
        TOCSIN_ASSIGN(integrations, DecodeIntegrations(entry.body));
        if (entry.sequence <= responder_at) return absl::OkStatus();
        return store_.ApplyIntegrations(integrations, entry.sequence);
      }
    }
    return DataLoss("entry %d: unknown kind %d", entry.sequence.value(), static_cast<int>(entry.kind));
  });
}

}  // namespace tocsin
