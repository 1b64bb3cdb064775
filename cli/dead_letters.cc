// dead-letter: journal entries that nobody could apply, in the store's folder.
#include "storage/dead_letters.h"

#include <cstdio>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/folder_owner.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/times.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

using v1::AccessService;
using v1::GroupService;
using v1::IncidentService;

constexpr OptionSpec kData = {"data", 0, true, "DIR", "the store's folder on this machine (default ./data)"};
constexpr OptionSpec kReason = {"message", 'm', true, "REASON", "why it may go: for the audit log"};

DeadLetters Of(const Arguments& arguments) {
  return {PosixFileSystem(), arguments.get("data", "./data")};
}

std::string KindOf(const DeadLetter& letter) {
  return letter.kind == EntryKind::kShard ? absl::StrFormat("alerts of shard %d", letter.shard) : "a decision";
}

absl::StatusOr<DeadLetter> Find(const Arguments& arguments) {
  std::uint64_t entry = 0;
  if (arguments.positional().size() != 2 || !absl::SimpleAtoi(arguments.positional()[1], &entry))
    return Invalid("which entry? its number, as `tocsin dead-letter list` shows it");
  TOCSIN_ASSIGN(const std::vector<DeadLetter> letters, Of(arguments).Read());
  for (const DeadLetter& letter : letters)
    if (letter.sequence.value() == entry) return letter;
  return NotFound("entry %d was not put aside in %s", entry, arguments.get("data", "./data"));
}

absl::Status List(const Arguments& arguments) {
  TOCSIN_ASSIGN(const std::vector<DeadLetter> letters, Of(arguments).Read());
  Table table({"ENTRY", "OF", "WHAT", "BYTES", "INCIDENT", "STATE"});
  for (const DeadLetter& letter : letters) {
    table.Add({std::to_string(letter.sequence.value()), ShowTime(letter.now.wall), KindOf(letter),
               std::to_string(letter.body.size()), letter.incident == 0 ? "-" : absl::StrFormat("I%d", letter.incident),
               Printable(letter.settled.empty() ? "waits: " + letter.why : "dropped by " + letter.settled)});
  }
  if (letters.empty()) {
    std::printf("no entry was ever put aside\n");
  } else {
    table.Print();
  }
  return absl::OkStatus();
}

absl::Status Show(const Arguments& arguments) {
  TOCSIN_ASSIGN(const DeadLetter letter, Find(arguments));
  std::printf("entry %llu, %s, of %s; put aside %s\nwhy: %s\n",
              static_cast<unsigned long long>(letter.sequence.value()), KindOf(letter).c_str(),
              ShowTime(letter.now.wall).c_str(), ShowTime(letter.put_aside_at).c_str(), Printable(letter.why).c_str());
  if (!letter.settled.empty()) std::printf("dropped by %s\n", Printable(letter.settled).c_str());
  for (std::size_t at = 0; at < letter.body.size(); at += 32)
    std::printf("%08zx  %s\n", at, absl::BytesToHexString(letter.body.substr(at, 32)).c_str());
  return absl::OkStatus();
}

// First the server: its audit log has who and why before the bytes are gone.
absl::Status Drop(const Arguments& arguments, const Client& client) {
  const std::string reason = arguments.get("message", "");
  if (reason.empty()) return Invalid("why? -m REASON goes into the audit log");
  TOCSIN_ASSIGN(const DeadLetter letter, Find(arguments));
  if (!letter.settled.empty()) return Precondition("it was dropped before, by %s", letter.settled);
  if (letter.incident == 0) return Precondition("nobody was told of it yet: start the server, it opens an incident");
  TOCSIN_ASSIGN(const auto me, client.Call<AccessService>(&AccessService::Stub::WhoAmI, v1::WhoAmIRequest()));
  v1::AddNoteRequest note;
  note.mutable_subject()->set_kind(v1::Subject::KIND_INCIDENT);
  note.mutable_subject()->set_id(letter.incident);
  note.set_text(
      absl::StrFormat("dead letter %d dropped, %d bytes: %s", letter.sequence.value(), letter.body.size(), reason));
  TOCSIN_TRY(client.Call<GroupService>(&GroupService::Stub::AddNote, note).status());
  const FolderOwner owner(arguments.get("data", "./data"));
  TOCSIN_TRY(Of(arguments).Settle(letter.sequence, me.name(), reason));
  v1::IncidentCommand resolve;
  resolve.set_id(letter.incident);
  const absl::Status resolved = client.Call<IncidentService>(&IncidentService::Stub::ResolveIncident, resolve).status();
  if (!resolved.ok())
    std::fprintf(stderr, "tocsin dead-letter: I%llu stays open: %s\n", static_cast<unsigned long long>(letter.incident),
                 Message(resolved).c_str());
  std::printf("entry %llu is dropped; starts go on passing over it\n",
              static_cast<unsigned long long>(letter.sequence.value()));
  return absl::OkStatus();
}

}  // namespace

int RunDeadLetter(std::span<const std::string> arguments) {
  if (!arguments.empty() && arguments[0] == "drop") {
    const OptionSpec own[] = {kData, kReason};
    return WithClient("dead-letter", arguments, own, Drop);
  }
  const OptionSpec own[] = {kData};
  return WithArguments("dead-letter", arguments, own, [](const Arguments& parsed) -> absl::Status {
    const std::string what = parsed.positional().empty() ? "list" : parsed.positional()[0];
    if (what == "list") return List(parsed);
    if (what == "show") return Show(parsed);
    return Invalid("%s is none of list, show ENTRY, drop ENTRY -m REASON", JsonQuote(what));
  });
}

}  // namespace tocsin
