// What makes the audit log tell on whoever changes it. Each entry has a link: its number in the log, counted from 1, and the hash of all
// that the log has said up to it. Links are made where the journal is folded into the views, so the same journal makes the same chain.
//
//   said = BLAKE2b-256 of the entry's bytes as they are kept
//   hash = BLAKE2b-256 of (the hash before it, number, id, time, said)
//
// Whoever can write the store can write a chain anew. They cannot change the heads that were signed and told outside of it meanwhile
// (storage/audit_head.h): the last one that was told vouches for everything before it.
//
// Entries that retention takes leave from the front: the *anchor* is the last link that went, and what follows continues it. It says how
// old that entry was, under the hash, so that cutting off younger ones shows. A store of before there was a chain gets one when it is
// opened: of its entries as they are then, and how many these were is under the chain's first hash.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "model/access.h"
#include "storage/audit_head.h"

namespace tocsin {

struct AuditLink {
  std::uint64_t number = 0;
  AuditId id;
  absl::Time at;
  AuditHash said = {};
  AuditHash hash = {};
  friend bool operator==(const AuditLink&, const AuditLink&) = default;
};
// The hash of what `kept` (EncodeRow) says, and the link of it after `before`.
AuditHash SaidBy(std::string_view kept);
AuditHash HashAfter(const AuditHash& before, const AuditLink& link);

// What is kept of a chain beside its links.
struct AuditEnds {
  // Entries that were there before the chain was begun, and the last of them.
  std::uint64_t adopted = 0;
  AuditId adopted_up_to;
  AuditLink anchor;  // number 0: nothing has been given up, its hash is the beginning's
  AuditHash before_anchor = {};
  std::uint64_t last = 0;  // number, id and hash of the last link
  AuditId last_id;
  AuditHash hash = {};
};
AuditHash BeginningOf(const AuditEnds& ends);

std::string EncodeLink(const AuditLink& link);
std::optional<AuditLink> DecodeLink(std::uint64_t number, std::string_view bytes);
std::string EncodeEnds(const AuditEnds& ends);
std::optional<AuditEnds> DecodeEnds(std::string_view bytes);

// The chain of an open store. A part of Views, which serialises the calls and writes the batches; after a failed write, Open it again.
class AuditChain {
 public:
  explicit AuditChain(rocksdb::DB& db) : db_(db) {}
  // Reads where the chain stands. `batch` not null: a store without one gets its chain by it.
  absl::Status Open(rocksdb::WriteBatch* batch);
  absl::Status Put(rocksdb::WriteBatch& batch, const AuditEntry& entry, std::string_view kept);
  // Links from the front whose entries retention has taken before; at most `limit`.
  absl::Status Trim(rocksdb::WriteBatch& batch, absl::Time end, std::size_t limit);

  const AuditEnds& ends() const { return ends_; }

 private:
  absl::Status Adopt(rocksdb::WriteBatch& batch);
  absl::Status PutLink(rocksdb::WriteBatch& batch, AuditId id, absl::Time at, std::string_view kept);
  absl::Status PutEnds(rocksdb::WriteBatch& batch) const;

  rocksdb::DB& db_;
  bool is_there_ = false;
  AuditEnds ends_;
};

// What is asked of a log.
struct AuditQuestion {
  std::vector<AuditHead> heads;  // that were told outside, of any order
  absl::Time now;
  absl::Duration kept;  // how long retention keeps entries; 0: as the open store does
};

struct AuditFault {
  enum class Kind : std::uint8_t {
    kChanged,     // the entry says something else than it did
    kMissing,     // the entry is gone
    kOutOfOrder,  // it stands in the place of another
    kAdded,       // nobody has made it
    kCutOff,      // the log ends, or begins, too early
    kRewritten,   // the chain is not the one whose head was told
    kBroken,      // the chain's own record was changed
  };
  Kind kind = Kind::kChanged;
  std::uint64_t number = 0;  // 0: none
  AuditId id;
  std::string text;
};
std::string_view Name(AuditFault::Kind kind);  // "changed", "missing", "out of order" ...

struct AuditReport {
  std::uint64_t entries = 0;
  std::uint64_t first = 0;  // numbers
  std::uint64_t last = 0;
  AuditId last_id;
  AuditHash hash = {};
  std::uint64_t heads = 0;  // that were compared and fit
  std::vector<std::string> notes;
  std::vector<AuditFault> faults;  // the first hundred
  std::uint64_t more_faults = 0;
};

// Goes through a chain, link by link in their order, then all entries, then Finish.
class AuditCheck {
 public:
  AuditCheck(AuditQuestion question, std::optional<AuditEnds> ends);

  // `kept`: the bytes of its entry, nullopt when there is none.
  void AddLink(const AuditLink& link, std::optional<std::string_view> kept);
  // A key or a value where links are, that none has.
  void AddBroken(std::uint64_t number);
  // Each entry that there is, in any order.
  void AddEntry(AuditId id);
  // What the journal has beyond the views: the chain as it will go on.
  void AddUnfolded(const AuditEntry& entry, std::string_view kept);
  AuditReport Finish() &&;

 private:
  void CheckAnchor();
  void CheckEntry(const AuditLink& link, const std::optional<std::string_view>& kept);
  void CheckEnd();
  void CheckEntries();
  void CheckHeads();
  void Step(const AuditLink& link);
  void Fault(AuditFault::Kind kind, std::uint64_t number, AuditId id, std::string text);

  struct Changed {
    AuditLink link;
    AuditHash says;
  };
  AuditQuestion question_;
  std::optional<AuditEnds> ends_;
  AuditReport report_;
  std::map<std::uint64_t, std::vector<AuditHash>> at_heads_;  // what the chain has where heads were told
  AuditLink last_;                                            // the link before
  std::vector<AuditHash> before_;                             // what the next one may continue; empty: anything
  std::vector<AuditId> linked_;
  std::vector<AuditId> there_;
  std::vector<Changed> changed_;
};

}  // namespace tocsin
