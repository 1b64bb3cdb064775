#include "storage/audit_verify.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "model/codec/response_codec.h"
#include "storage/backup.h"
#include "storage/folder_lock.h"
#include "storage/format_file.h"
#include "storage/keys.h"
#include "storage/restore.h"
#include "storage/store_reader.h"
#include "storage/view_rows.h"
#include "storage/views.h"

namespace tocsin {
namespace {

constexpr std::size_t kFaultsOfHeads = 20;

// One moment of the database, whoever writes meanwhile.
class Moment {
 public:
  explicit Moment(rocksdb::DB& db) : db_(db) { options_.snapshot = db.GetSnapshot(); }
  ~Moment() { db_.ReleaseSnapshot(options_.snapshot); }
  Moment(const Moment&) = delete;
  Moment& operator=(const Moment&) = delete;

  absl::StatusOr<std::optional<std::string>> Read(std::string_view key) const {
    std::string value;
    const rocksdb::Status status = db_.Get(options_, ToSlice(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return FromRocks(status, "read");
    return value;
  }
  absl::Status ForEach(std::string_view prefix,
                       absl::FunctionRef<absl::Status(std::string_view key, std::string_view value)> visit) const {
    const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(options_));
    for (at->Seek(ToSlice(prefix)); at->Valid() && ToView(at->key()).starts_with(prefix); at->Next())
      TOCSIN_TRY(visit(ToView(at->key()), ToView(at->value())));
    return FromRocks(at->status(), "scan");
  }

 private:
  rocksdb::DB& db_;
  rocksdb::ReadOptions options_;
};

// Of many heads the newest say the most: if the last one fits, so does everything before it. The others find where it began.
void Thin(std::vector<AuditHead>& heads, std::size_t most, std::vector<std::string>& notes) {
  if (heads.size() <= most) return;
  std::ranges::sort(heads, {}, [](const AuditHead& head) { return std::pair(head.entry, head.at); });
  const std::size_t older = heads.size() - most / 2;
  const std::size_t step = older / (most / 2) + 1;
  std::vector<AuditHead> some;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    if (i >= older || i % step == 0) some.push_back(std::move(heads[i]));
  }
  notes.push_back(absl::StrFormat("of %d heads the newest %d were compared, and of the others one in %d", heads.size(),
                                  most / 2, step));
  heads = std::move(some);
}

}  // namespace

absl::StatusOr<AuditCheck> CheckFolded(rocksdb::DB& db, const AuditQuestion& question) {
  const Moment moment(db);
  TOCSIN_ASSIGN(const std::optional<std::string> ends, moment.Read(keys::kAuditEnds));
  AuditCheck check(question, ends ? DecodeEnds(*ends) : std::nullopt);
  TOCSIN_TRY(moment.ForEach(keys::kAuditLinks, [&](std::string_view key, std::string_view value) -> absl::Status {
    const std::uint64_t number = keys::ParseNumber(key, keys::kAuditLinks.size()).value_or(0);
    const std::optional<AuditLink> link = DecodeLink(number, value);
    if (!link || key.size() != keys::kAuditLinks.size() + 8) {
      check.AddBroken(number);
      return absl::OkStatus();
    }
    TOCSIN_ASSIGN(const std::optional<std::string> row,
                  moment.Read(keys::Row(keys::Home::kHistory, {TableOf<AuditEntry>(), link->id.value()})));
    if (!row) {
      check.AddLink(*link, std::nullopt);
    } else {
      check.AddLink(*link, std::string_view(*row).substr(std::min(row->size(), keys::kHistoryTimeBytes)));
    }
    return absl::OkStatus();
  }));
  const std::string entries = keys::Row(keys::Home::kHistory, {TableOf<AuditEntry>(), 0}).substr(0, 2);
  TOCSIN_TRY(moment.ForEach(entries, [&](std::string_view key, std::string_view) {
    if (const std::optional<RowKey> row = keys::ParseRow(key)) check.AddEntry(AuditId(row->id));
    return absl::OkStatus();
  }));
  return check;
}

absl::StatusOr<AuditReport> VerifyAuditOf(FileSystem& files,
                                          const std::string& folder,
                                          const AuditQuestion& question,
                                          rocksdb::Env* views_env) {
  FolderLock lock;
  if (&files == &PosixFileSystem() && !IsBackup(files, folder)) {
    absl::StatusOr<FolderLock> taken = FolderLock::Take(folder);
    if (!taken.ok() && !absl::IsPermissionDenied(taken.status())) return taken.status();
    if (taken.ok()) lock = *std::move(taken);
  }
  TOCSIN_ASSIGN(const std::unique_ptr<StoreReader> journal, StoreReader::Open(files, folder, views_env));
  TOCSIN_ASSIGN(const std::unique_ptr<Views> views, Views::Open(views_env, folder, /*read_only=*/true));
  TOCSIN_ASSIGN(AuditCheck check, CheckFolded(views->db(), question));
  ChangeReader changes;
  TOCSIN_TRY(journal->ReadJournal(Sequence(views->applied().value() + 1), [&](const Entry& entry) -> absl::Status {
    if (entry.kind != EntryKind::kResponder && entry.kind != EntryKind::kResponderPart) return absl::OkStatus();
    TOCSIN_ASSIGN(const std::optional<Change> change, changes.Add(entry));
    if (!change) return absl::OkStatus();
    for (const Row& row : change->rows) {
      if (const auto* made = std::get_if<AuditEntry>(&row)) check.AddUnfolded(*made, EncodeRow(row));
    }
    return absl::OkStatus();
  }));
  AuditReport report = std::move(check).Finish();
  NoteRestore(files, folder, report);
  return report;
}

void NoteRestore(FileSystem& files, const std::string& folder, AuditReport& report) {
  const std::string restored = RestoredNote(files, folder);
  if (restored.empty()) return;
  report.notes.push_back(
      absl::StrFormat("this store was restored %s. Heads that were told after that entry was written and before the "
                      "restore are of what "
                      "was left out, and do not fit: that alone is no sign of a change. Begin a new file of heads",
                      restored));
}

NotedHeads ReadHeads(std::string_view text,
                     const std::string& store,
                     const std::vector<std::string>& keys,
                     std::size_t most) {
  NotedHeads noted;
  std::set<std::string> others;
  std::set<std::string> signers;
  const auto fault = [&](AuditFault::Kind kind, const AuditHead& head, std::string what) {
    if (noted.faults.size() < kFaultsOfHeads) noted.faults.push_back({kind, head.entry, head.id, std::move(what)});
  };
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::string_view one = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    absl::StatusOr<AuditHead> head = ParseHead(one);
    if (absl::IsNotFound(head.status())) continue;
    if (!head.ok()) {
      fault(AuditFault::Kind::kRewritten, {},
            absl::StrFormat("line %d of the heads: %s", line, Message(head.status())));
    } else if (head->store != store) {
      others.insert(head->store);
    } else if (!keys.empty() && std::ranges::find(keys, head->key) == keys.end()) {
      fault(AuditFault::Kind::kRewritten, *head,
            absl::StrFormat("line %d of the heads is not ours: it is signed by the key %s (a former key of this store "
                            "is given by --key)",
                            line, head->key));
    } else {
      signers.insert(head->key);
      noted.heads.push_back(*std::move(head));
    }
  }
  for (const std::string& other : others)
    noted.notes.push_back("heads of another store were passed over: " + other);
  for (const std::string& key : keys.empty() ? signers : std::set<std::string>())
    noted.notes.push_back(
        "the heads are signed by a key that nothing here vouches for; --key says which one is yours: " + key);
  Thin(noted.heads, most, noted.notes);
  return noted;
}

void Add(const NotedHeads& noted, AuditReport& report) {
  report.notes.insert(report.notes.end(), noted.notes.begin(), noted.notes.end());
  report.faults.insert(report.faults.end(), noted.faults.begin(), noted.faults.end());
}

std::vector<std::string> Describe(const AuditReport& report) {
  std::vector<std::string> lines;
  if (report.last == 0) {
    lines.emplace_back("the audit log has no entry in its chain");
  } else if (report.first == 0) {
    lines.push_back(absl::StrFormat("audit log: retention has taken all entries up to %d (A%d)", report.last,
                                    report.last_id.value()));
  } else {
    lines.push_back(absl::StrFormat("audit log: %d entries, numbers %d to %d (A%d), hash %s", report.entries,
                                    report.first, report.last, report.last_id.value(), HexOf(report.hash)));
  }
  for (const std::string& note : report.notes)
    lines.push_back("note: " + note);
  for (const AuditFault& fault : report.faults)
    lines.push_back(absl::StrFormat("%s: %s", Name(fault.kind), fault.text));
  if (report.more_faults > 0) lines.push_back(absl::StrFormat("and %d more like these", report.more_faults));
  return lines;
}

}  // namespace tocsin
