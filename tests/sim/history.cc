#include "tests/sim/history.h"

#include <algorithm>
#include <span>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/hash.h"
#include "model/response.h"

namespace tocsin::sim {
namespace {

constexpr std::size_t kAll = 1'000'000;  // no world has more of anything

std::uint64_t HashOf(const TimelineEntry& entry) {
  return Hash64(absl::StrCat(static_cast<int>(entry.kind), "/", absl::ToUnixNanos(entry.at), "/", entry.actor, "/",
                             entry.notification.value(), "/", entry.text));
}

bool IsSame(const TimelineEntry& a, const TimelineEntry& b) {
  return a.kind == b.kind && a.at == b.at && a.notification == b.notification && a.actor == b.actor && a.text == b.text;
}

// As is nearly always so: then nothing need be searched for.
bool EndsWith(std::span<const TimelineEntry> kept, std::span<const TimelineEntry> entries) {
  return kept.size() >= entries.size() && std::ranges::equal(kept.last(entries.size()), entries, IsSame);
}

}  // namespace

void History::Happened(const TimelineEntry& entry) {
  happened_[entry.subject].push_back(entry);
}

void History::LookAtTimelines(const Store& store) {
  for (const auto& [subject, entries] : happened_) {
    std::uint64_t next = 0;
    const absl::StatusOr<std::vector<TimelineEntry>> kept = store.ReadTimeline(subject, 0, kAll, &next);
    if (!kept.ok()) return violate_(absl::StrCat("I15: a timeline cannot be read: ", kept.status().message()));
    checked_ += entries.size();
    if (EndsWith(*kept, entries)) continue;
    std::unordered_map<std::uint64_t, int> left;
    for (const TimelineEntry& entry : *kept)
      ++left[HashOf(entry)];
    for (const TimelineEntry& entry : entries) {
      if (--left[HashOf(entry)] >= 0) continue;
      violate_(absl::StrFormat("I15: what happened to %d/%d is forgotten: %s", static_cast<int>(subject.kind),
                               subject.id, entry.text));
    }
  }
  happened_.clear();
}

void History::LookAtAuditLog(const Store& store) {
  const absl::StatusOr<std::vector<Row>> rows = store.ListRows(KeyOf(AuditEntry()).table, 0, kAll);
  if (!rows.ok()) return violate_(absl::StrCat("I15: the audit log cannot be read: ", rows.status().message()));
  std::set<std::string> origins;
  for (const Row& row : *rows) {
    const std::string& origin = std::get<AuditEntry>(row).origin;
    if (!origin.empty() && !origins.insert(origin).second)
      violate_(absl::StrCat("I15: the audit log has two entries of ", origin));
  }
  for (const std::string& origin : answered_) {
    ++checked_;
    if (!origins.contains(origin))
      violate_(absl::StrCat("I15: the audit log has no entry of ", origin, ", which answered OK"));
  }
  answered_.clear();
}

void History::LookAtChain(const Store& store) {
  AuditQuestion question;
  if (head_.entry > 0) question.heads.push_back(head_);
  const absl::StatusOr<AuditReport> report = store.VerifyAudit(question);
  const absl::StatusOr<AuditHead> head = store.ReadAuditHead();
  if (!report.ok() || !head.ok()) return violate_("I15: the audit log's chain cannot be read");
  for (const AuditFault& fault : report->faults)
    violate_(absl::StrCat("I15: the audit log's chain: ", fault.text));
  if (head->entry < head_.entry)
    violate_(absl::StrFormat("I15: the audit log has %d entries, and had %d", head->entry, head_.entry));
  head_ = *head;
}

void History::Look(const Store& store) {
  LookAtTimelines(store);
  LookAtAuditLog(store);
  LookAtChain(store);
}

}  // namespace tocsin::sim
