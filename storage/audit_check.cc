// What AuditCheck says of a chain: storage/audit_chain.h.
#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "storage/audit_chain.h"

namespace tocsin {
namespace {

constexpr std::size_t kFaultsTold = 100;
// Clocks are set; nobody gains by a day.
constexpr absl::Duration kClockSlack = absl::Hours(24);

std::string When(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%SZ", time, absl::UTCTimeZone());
}
std::string Called(const AuditLink& link) {
  return absl::StrFormat("entry %d (A%d, of %s)", link.number, link.id.value(), When(link.at));
}

}  // namespace

std::string_view Name(AuditFault::Kind kind) {
  switch (kind) {
    case AuditFault::Kind::kChanged: return "changed";
    case AuditFault::Kind::kMissing: return "missing";
    case AuditFault::Kind::kOutOfOrder: return "out of order";
    case AuditFault::Kind::kAdded: return "added";
    case AuditFault::Kind::kCutOff: return "cut off";
    case AuditFault::Kind::kRewritten: return "rewritten";
    case AuditFault::Kind::kBroken: return "broken";
  }
  return "broken";
}

AuditCheck::AuditCheck(AuditQuestion question, std::optional<AuditEnds> ends)
    : question_(std::move(question)), ends_(std::move(ends)) {
  for (const AuditHead& head : question_.heads)
    at_heads_.try_emplace(head.entry);
  if (!ends_) return;
  CheckAnchor();
  last_ = ends_->anchor;
  before_ = {ends_->anchor.hash};
  report_.first = last_.number + 1;
  if (const auto at = at_heads_.find(last_.number); at != at_heads_.end()) at->second = before_;
}

void AuditCheck::Fault(AuditFault::Kind kind, std::uint64_t number, AuditId id, std::string text) {
  if (report_.faults.size() == kFaultsTold) {
    ++report_.more_faults;
    return;
  }
  report_.faults.push_back({kind, number, id, std::move(text)});
}

void AuditCheck::CheckAnchor() {
  const AuditLink& anchor = ends_->anchor;
  const AuditHash hash = anchor.number == 0 ? BeginningOf(*ends_) : HashAfter(ends_->before_anchor, anchor);
  if (hash != anchor.hash) {
    Fault(AuditFault::Kind::kBroken, anchor.number, anchor.id,
          "the record of where the log begins was changed: it does not agree with itself");
  }
  if (anchor.number > 0 && anchor.at >= question_.now - question_.kept + kClockSlack) {
    Fault(AuditFault::Kind::kCutOff, anchor.number, anchor.id,
          absl::StrFormat(
              "everything up to %s is gone, but entries are kept for %d days: its beginning was cut off, or fewer days "
              "were configured for a while (--kept-days N verifies with them)",
              Called(anchor), absl::ToInt64Hours(question_.kept) / 24));
  }
  if (ends_->adopted > 0) {
    report_.notes.push_back(absl::StrFormat(
        "the first %d entries, up to A%d, were made by a version without a chain: it says of them only what "
        "they were when it was begun",
        ends_->adopted, ends_->adopted_up_to.value()));
  }
  if (anchor.number > 0)
    report_.notes.push_back(absl::StrFormat("retention has taken everything up to %s", Called(anchor)));
}

void AuditCheck::AddBroken(std::uint64_t number) {
  Fault(AuditFault::Kind::kBroken, number, AuditId(),
        absl::StrFormat("the link of entry %d was changed: it is none any more", number));
}

void AuditCheck::AddLink(const AuditLink& link, std::optional<std::string_view> kept) {
  linked_.push_back(link.id);
  if (link.number != last_.number + 1) {
    const std::uint64_t from = last_.number + 1;
    const std::uint64_t to = link.number - 1;
    if (from > to) {
      Fault(AuditFault::Kind::kAdded, link.number, link.id,
            absl::StrFormat("the link of %s is older than the log's beginning", Called(link)));
      return;
    }
    Fault(AuditFault::Kind::kMissing, from, AuditId(),
          from == to ? absl::StrFormat("entry %d is missing: somebody took it out", from)
                     : absl::StrFormat("entries %d to %d are missing: somebody took them out", from, to));
    before_.clear();
  } else if (last_.id.set() && link.id <= last_.id) {
    Fault(AuditFault::Kind::kOutOfOrder, link.number, link.id,
          absl::StrFormat("%s follows %s: their order was changed", Called(link), Called(last_)));
  }
  CheckEntry(link, kept);
  Step(link);
}

// Goes on from `link`: the next one may continue the hash that stands there, or the one that should.
void AuditCheck::Step(const AuditLink& link) {
  std::vector<AuditHash> next = {link.hash};
  bool fits = before_.empty();
  for (const AuditHash& before : before_) {
    const AuditHash hash = HashAfter(before, link);
    if (hash == link.hash) {
      fits = true;
    } else {
      next.push_back(hash);
    }
  }
  next.resize(fits ? 1 : std::min<std::size_t>(next.size(), 2));
  if (!fits) {
    Fault(AuditFault::Kind::kBroken, link.number, link.id,
          absl::StrFormat("the link of %s does not continue the one before it: one of the two was changed",
                          Called(link)));
  }
  before_ = std::move(next);
  if (const auto at = at_heads_.find(link.number); at != at_heads_.end()) at->second = before_;
  last_ = link;
}

void AuditCheck::CheckEntry(const AuditLink& link, const std::optional<std::string_view>& kept) {
  if (!kept) {
    if (link.at < question_.now - question_.kept + kClockSlack) return;  // retention's
    Fault(AuditFault::Kind::kMissing, link.number, link.id, Called(link) + " is missing: somebody deleted it");
    return;
  }
  ++report_.entries;
  const AuditHash says = SaidBy(*kept);
  if (says != link.said) changed_.push_back({link, says});
}

void AuditCheck::AddEntry(AuditId id) {
  there_.push_back(id);
}

void AuditCheck::AddUnfolded(const AuditEntry& entry, std::string_view kept) {
  if (!ends_) {
    if (!there_.empty() || !linked_.empty()) return;
    // Nothing of the log has come to the views' disk so far.
    ends_ = AuditEnds();
    ends_->anchor.hash = ends_->hash = BeginningOf(*ends_);
    last_ = ends_->anchor;
    report_.first = 1;
  }
  if (last_.number != ends_->last || last_.hash != ends_->hash) {
    CheckEnd();  // and then on from where the record says
    last_ = {.number = ends_->last, .id = ends_->last_id, .at = {}, .said = {}, .hash = ends_->hash};
    before_ = {ends_->hash};
  }
  AuditLink link{.number = last_.number + 1, .id = entry.id, .at = entry.at, .said = SaidBy(kept), .hash = {}};
  link.hash = HashAfter(last_.hash, link);
  ++report_.entries;
  ends_->last = link.number;
  ends_->last_id = link.id;
  ends_->hash = link.hash;
  Step(link);
}

// Those whose bytes are not what their links say. Two of them that say what the other one should have changed places.
static std::map<AuditHash, AuditLink> BySaid(const auto& changed) {
  std::map<AuditHash, AuditLink> by;
  for (const auto& each : changed)
    by.emplace(each.link.said, each.link);
  return by;
}

void AuditCheck::CheckEntries() {
  const std::map<AuditHash, AuditLink> by_said = BySaid(changed_);
  for (const auto& [link, says] : changed_) {
    if (const auto other = by_said.find(says); other != by_said.end()) {
      Fault(AuditFault::Kind::kOutOfOrder, link.number, link.id,
            absl::StrFormat("%s stands in the place of %s", Called(other->second), Called(link)));
    } else {
      Fault(AuditFault::Kind::kChanged, link.number, link.id,
            Called(link) + " was changed: it is not what was written");
    }
  }
  std::ranges::sort(linked_);
  for (const AuditId id : there_) {
    if (!ends_ || std::ranges::binary_search(linked_, id)) continue;
    Fault(AuditFault::Kind::kAdded, 0, id,
          absl::StrFormat("A%d is in the log, but not in its chain: somebody put it there, or took its link away",
                          id.value()));
  }
}

void AuditCheck::CheckEnd() {
  if (!ends_) {
    if (there_.empty() && linked_.empty()) return;
    Fault(AuditFault::Kind::kMissing, 0, AuditId(),
          absl::StrFormat("the log has %d entries and no chain: a server of this version makes it at its first start "
                          "on such a store; if "
                          "one has run here, somebody took it away",
                          there_.size()));
    return;
  }
  if (last_.number < ends_->last) {
    Fault(AuditFault::Kind::kCutOff, last_.number, last_.id,
          absl::StrFormat("the log was cut off after entry %d: it had come to entry %d (A%d)", last_.number,
                          ends_->last, ends_->last_id.value()));
  } else if (last_.number > ends_->last) {
    Fault(AuditFault::Kind::kBroken, last_.number, last_.id,
          absl::StrFormat("the log goes on to entry %d, but the record of its end says %d", last_.number, ends_->last));
  } else if (!before_.empty() && std::ranges::find(before_, ends_->hash) == before_.end()) {
    Fault(AuditFault::Kind::kBroken, last_.number, last_.id,
          "the record of the log's end is not what its last link says");
  } else if (last_.id != ends_->last_id && last_.number > 0) {
    Fault(AuditFault::Kind::kBroken, last_.number, last_.id,
          "the record of the log's end names another entry than its last link");
  }
}

void AuditCheck::CheckHeads() {
  std::ranges::sort(question_.heads, {}, [](const AuditHead& head) { return std::pair(head.entry, head.at); });
  std::uint64_t given_up = 0;
  std::uint64_t not_so = 0;
  for (const AuditHead& head : question_.heads) {
    const std::string told =
        absl::StrFormat("the head that was told at %s, of entry %d (A%d)", When(head.at), head.entry, head.id.value());
    if (ends_ && head.entry < ends_->anchor.number) {
      // When it was told there was no later entry: whatever came after it, up to the last one that went, is younger.
      if (head.at <= ends_->anchor.at + kClockSlack) {
        ++given_up;
      } else if (not_so++ == 0) {
        Fault(AuditFault::Kind::kRewritten, head.entry, head.id,
              absl::StrFormat("%s, is younger than %s, up to which retention is said to have taken everything: the "
                              "record of where the log begins was written anew",
                              told, Called(ends_->anchor)));
      }
      continue;
    }
    if (head.entry > last_.number) {
      if (not_so++ > 0) continue;
      Fault(AuditFault::Kind::kCutOff, last_.number, last_.id,
            absl::StrFormat("the log was cut off after entry %d: %s, is of later", last_.number, told));
      continue;
    }
    const std::vector<AuditHash>& here = at_heads_[head.entry];
    if (std::ranges::find(here, head.hash) != here.end()) {
      ++report_.heads;
      continue;
    }
    if (not_so++ > 0) continue;
    Fault(AuditFault::Kind::kRewritten, head.entry, head.id,
          told + ", is not of this log: something up to there was written anew, or a backup of before was restored");
  }
  if (not_so > 1)
    report_.notes.push_back(absl::StrFormat("%d heads in all do not fit; the first of them is told", not_so));
  if (given_up > 0)
    report_.notes.push_back(absl::StrFormat("%d heads are of entries that retention has taken since", given_up));
}

AuditReport AuditCheck::Finish() && {
  CheckEntries();
  CheckEnd();
  CheckHeads();
  if (!ends_ || report_.first > last_.number) report_.first = 0;
  report_.last = last_.number;
  report_.last_id = last_.id;
  report_.hash = last_.number == 0 && ends_ ? ends_->hash : last_.hash;
  std::ranges::stable_sort(report_.faults, {}, &AuditFault::number);
  return std::move(report_);
}

}  // namespace tocsin
