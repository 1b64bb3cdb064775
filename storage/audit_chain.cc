#include "storage/audit_chain.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include <sodium.h>

#include "base/status.h"
#include "storage/keys.h"
#include "storage/view_rows.h"

namespace tocsin {
namespace {

// Feeds fields of known length into one hash.
class Hasher {
 public:
  explicit Hasher(std::string_view domain) {
    crypto_generichash_init(&state_, nullptr, 0, AuditHash().size());
    Add(domain);
  }
  void Add(std::string_view bytes) {
    crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  }
  void Add(std::uint64_t number) { Add(std::string_view(keys::Number(number))); }
  void Add(const AuditHash& hash) { crypto_generichash_update(&state_, hash.data(), hash.size()); }
  AuditHash Finish() {
    AuditHash hash{};
    crypto_generichash_final(&state_, hash.data(), hash.size());
    return hash;
  }

 private:
  crypto_generichash_state state_{};
};

// Values of the chain are numbers, times and hashes in a row.
void Append(std::string& out, const AuditHash& hash) {
  out.append(reinterpret_cast<const char*>(hash.data()), hash.size());
}
class Taker {
 public:
  explicit Taker(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t Number() {
    const std::optional<std::uint64_t> number = keys::ParseNumber(bytes_);
    bytes_.remove_prefix(8);
    return *number;
  }
  absl::Time Time() { return absl::FromUnixNanos(static_cast<std::int64_t>(Number() ^ keys::internal::kSignBit)); }
  AuditHash Hash() {
    AuditHash hash{};
    std::copy_n(bytes_.begin(), hash.size(), hash.begin());
    bytes_.remove_prefix(hash.size());
    return hash;
  }

 private:
  std::string_view bytes_;  // enough for all that is taken
};
constexpr std::size_t kLinkBytes = 8 + 8 + 32 + 32;
constexpr std::size_t kEndsBytes = 8 + 8 + 8 + kLinkBytes + 32 + 8 + 8 + 32;

}  // namespace

AuditHash SaidBy(std::string_view kept) {
  Hasher hasher("tocsin audit entry 1");
  hasher.Add(kept);
  return hasher.Finish();
}

AuditHash HashAfter(const AuditHash& before, const AuditLink& link) {
  Hasher hasher("tocsin audit link 1");
  hasher.Add(before);
  hasher.Add(link.number);
  hasher.Add(link.id.value());
  hasher.Add(std::string_view(keys::Time(link.at)));
  hasher.Add(link.said);
  return hasher.Finish();
}

AuditHash BeginningOf(const AuditEnds& ends) {
  Hasher hasher("tocsin audit log 1");
  hasher.Add(ends.adopted);
  hasher.Add(ends.adopted_up_to.value());
  return hasher.Finish();
}

std::string EncodeLink(const AuditLink& link) {
  std::string out = keys::Number(link.id.value()) + keys::Time(link.at);
  Append(out, link.said);
  Append(out, link.hash);
  return out;
}

std::optional<AuditLink> DecodeLink(std::uint64_t number, std::string_view bytes) {
  if (bytes.size() != kLinkBytes) return std::nullopt;
  Taker take(bytes);
  AuditLink link;
  link.number = number;
  link.id = AuditId(take.Number());
  link.at = take.Time();
  link.said = take.Hash();
  link.hash = take.Hash();
  return link;
}

std::string EncodeEnds(const AuditEnds& ends) {
  std::string out = keys::Number(ends.adopted) + keys::Number(ends.adopted_up_to.value());
  out += keys::Number(ends.anchor.number) + EncodeLink(ends.anchor);
  Append(out, ends.before_anchor);
  out += keys::Number(ends.last) + keys::Number(ends.last_id.value());
  Append(out, ends.hash);
  return out;
}

std::optional<AuditEnds> DecodeEnds(std::string_view bytes) {
  if (bytes.size() != kEndsBytes) return std::nullopt;
  Taker take(bytes);
  AuditEnds ends;
  ends.adopted = take.Number();
  ends.adopted_up_to = AuditId(take.Number());
  const std::uint64_t anchor = take.Number();
  ends.anchor = *DecodeLink(anchor, bytes.substr(24, kLinkBytes));
  take = Taker(bytes.substr(24 + kLinkBytes));
  ends.before_anchor = take.Hash();
  ends.last = take.Number();
  ends.last_id = AuditId(take.Number());
  ends.hash = take.Hash();
  return ends;
}

absl::Status AuditChain::Open(rocksdb::WriteBatch* batch) {
  TOCSIN_ASSIGN(const std::optional<std::string> bytes, Get(db_, keys::kAuditEnds));
  const std::optional<AuditEnds> ends = bytes ? DecodeEnds(*bytes) : std::nullopt;
  is_there_ = ends.has_value();
  ends_ = ends.value_or(AuditEnds());
  if (is_there_) return absl::OkStatus();
  ends_.anchor.hash = ends_.hash = BeginningOf(ends_);
  // Also when somebody took the record away: pages must go out, and the heads outside tell.
  return batch == nullptr ? absl::OkStatus() : Adopt(*batch);
}

// The entries of a store of before there was a chain, as they are.
absl::Status AuditChain::Adopt(rocksdb::WriteBatch& batch) {
  std::vector<std::pair<AuditId, std::string>> found;
  const std::string prefix = keys::Row(keys::Home::kHistory, {TableOf<AuditEntry>(), 0}).substr(0, 2);
  TOCSIN_TRY(Scan(db_, prefix, prefix, [&](std::string_view key, std::string_view value) -> absl::Status {
    const std::optional<RowKey> row = keys::ParseRow(key);
    if (!row || value.size() < keys::kHistoryTimeBytes) return DataLoss("views: a row of the history is damaged");
    found.emplace_back(AuditId(row->id), value.substr(keys::kHistoryTimeBytes));
    return absl::OkStatus();
  }));
  if (found.empty()) return absl::OkStatus();
  TOCSIN_TRY(FromRocks(batch.DeleteRange(ToSlice(keys::kAuditLinks), ToSlice(keys::kAfterAuditLinks)), "batch"));
  ends_.adopted = found.size();
  ends_.adopted_up_to = found.back().first;
  ends_.anchor.hash = ends_.hash = BeginningOf(ends_);
  for (const auto& [id, kept] : found) {
    TOCSIN_ASSIGN(const Row row, DecodeAt({TableOf<AuditEntry>(), id.value()}, kept));
    TOCSIN_TRY(PutLink(batch, id, std::get<AuditEntry>(row).at, kept));
  }
  is_there_ = true;
  return PutEnds(batch);
}

absl::Status AuditChain::Put(rocksdb::WriteBatch& batch, const AuditEntry& entry, std::string_view kept) {
  TOCSIN_TRY(PutLink(batch, entry.id, entry.at, kept));
  is_there_ = true;
  return PutEnds(batch);
}

absl::Status AuditChain::PutLink(rocksdb::WriteBatch& batch, AuditId id, absl::Time at, std::string_view kept) {
  AuditLink link{.number = ends_.last + 1, .id = id, .at = at, .said = SaidBy(kept), .hash = {}};
  link.hash = HashAfter(ends_.hash, link);
  ends_.last = link.number;
  ends_.last_id = link.id;
  ends_.hash = link.hash;
  return FromRocks(batch.Put(keys::AuditLink(link.number), EncodeLink(link)), "batch");
}

absl::Status AuditChain::PutEnds(rocksdb::WriteBatch& batch) const {
  return FromRocks(batch.Put(ToSlice(keys::kAuditEnds), EncodeEnds(ends_)), "batch");
}

absl::Status AuditChain::Trim(rocksdb::WriteBatch& batch, absl::Time end, std::size_t limit) {
  if (!is_there_) return absl::OkStatus();
  std::size_t gone = 0;
  TOCSIN_TRY(Unless(Scan(
      db_, keys::kAuditLinks, keys::kAuditLinks, [&](std::string_view key, std::string_view value) -> absl::Status {
        const std::optional<std::uint64_t> number = keys::ParseNumber(key, keys::kAuditLinks.size());
        const std::optional<AuditLink> link = number ? DecodeLink(*number, value) : std::nullopt;
        // What was changed is left for whoever verifies.
        if (!link || link->number != ends_.anchor.number + 1 || link->at >= end) return Enough();
        if (HashAfter(ends_.anchor.hash, *link) != link->hash || gone == limit) return Enough();
        const std::string row = keys::Row(keys::Home::kHistory, {TableOf<AuditEntry>(), link->id.value()});
        TOCSIN_ASSIGN(const std::optional<std::string> entry, Get(db_, row));
        if (entry) return Enough();  // a slice of retention will take it
        ++gone;
        ends_.before_anchor = ends_.anchor.hash;
        ends_.anchor = *link;
        return FromRocks(batch.Delete(ToSlice(key)), "batch");
      })));
  return gone == 0 ? absl::OkStatus() : PutEnds(batch);
}

}  // namespace tocsin
