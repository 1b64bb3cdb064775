// Whether anybody has changed the audit log: of an open store, and of a folder in which no server runs, or of a backup.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "storage/audit_chain.h"
#include "storage/file.h"

namespace rocksdb {
class Env;
}

namespace tocsin {

// The chain and the entries as they are in the views at one moment.
absl::StatusOr<AuditCheck> CheckFolded(rocksdb::DB& db, const AuditQuestion& question);

// With what the journal has beyond the views. FailedPrecondition: a server has the folder.
absl::StatusOr<AuditReport> VerifyAuditOf(FileSystem& files,
                                          const std::string& folder,
                                          const AuditQuestion& question,
                                          rocksdb::Env* views_env = nullptr);

// Says in the report that the store was restored, and which heads do not fit then (storage/restore.h).
void NoteRestore(FileSystem& files, const std::string& folder, AuditReport& report);

// Heads in lines of text, of which any may be without one. Those of `store` alone count, signed by one of `keys` (64 digits each; empty:
// by anybody). What is wrong with a line is a fault. Of more than `most` the newest half counts, and others between them.
struct NotedHeads {
  std::vector<AuditHead> heads;
  std::vector<AuditFault> faults;
  std::vector<std::string> notes;
};
NotedHeads ReadHeads(std::string_view text,
                     const std::string& store,
                     const std::vector<std::string>& keys,
                     std::size_t most);

// A report with what ReadHeads has found, and for people, a line each.
void Add(const NotedHeads& noted, AuditReport& report);
std::vector<std::string> Describe(const AuditReport& report);

// As a message of the API (v1::VerifyAuditResponse), for the server and for `tocsin audit verify --data`, which has none.
template <typename Message>
void PutReport(const AuditReport& from, Message& to) {
  to.set_entries(from.entries);
  to.set_first(from.first);
  to.set_last(from.last);
  to.set_last_id(from.last_id.value());
  to.set_hash(HexOf(from.hash));
  to.set_heads(from.heads);
  for (const std::string& note : from.notes)
    to.add_notes(note);
  for (const AuditFault& fault : from.faults) {
    auto& added = *to.add_faults();
    added.set_kind(std::string(Name(fault.kind)));
    added.set_number(fault.number);
    added.set_id(fault.id.value());
    added.set_text(fault.text);
  }
  to.set_more_faults(from.more_faults);
  for (const std::string& line : Describe(from))
    to.add_lines(line);
}

}  // namespace tocsin
