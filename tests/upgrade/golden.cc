// For tests/upgrade/make_golden.py: golden format | schema | tables | samples | state FOLDER.
// For the end-to-end tests: `golden newer FOLDER` makes a stopped store look like one of the format after ours; `golden poison FOLDER` writes
// two entries into it that nobody can apply, as a program with a mistake in it would.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "storage/format_file.h"
#include "storage/store.h"
#include "tests/upgrade/samples.h"
#include "tests/upgrade/schema.h"
#include "tests/upgrade/state_text.h"

namespace {

int Print(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}

absl::Status MakeNewer(const std::string& folder) {
  using tocsin::PosixFileSystem;
  TOCSIN_ASSIGN(std::optional<tocsin::StoreFormat> format, tocsin::ReadFormat(PosixFileSystem(), folder));
  if (!format) return tocsin::NotFound("%s: no store", folder);
  format->version = tocsin::kStoreFormatVersion + 1;
  return tocsin::WriteFormat(PosixFileSystem(), folder, *format);
}

absl::Status Poison(const std::string& folder) {
  tocsin::Store::Options options;
  options.folder = folder;
  options.low_water_bytes = 0;
  TOCSIN_ASSIGN(const std::unique_ptr<tocsin::Store> store, tocsin::Store::Open(tocsin::PosixFileSystem(), options));
  const tocsin::Journal::Recovery& found = store->journal().recovery();
  const tocsin::PendingEntry entries[] = {
      {tocsin::EntryKind::kShard,     0, "\x01 this is no body"},
      {tocsin::EntryKind::kResponder, 0, "this is no change"   }
  };
  return store->journal().Append(entries, {found.wall, found.engine}).status();
}

}  // namespace

int main(int count, char** arguments) {
  const std::string what = count > 1 ? arguments[1] : "";
  if (what == "format") return Print(std::to_string(tocsin::kStoreFormatVersion) + "\n");
  if (what == "schema") return Print(tocsin::DescribeDiskSchema());
  if (what == "tables") return Print(tocsin::DescribeTables());
  if (what == "samples") return Print(tocsin::MakeSamples());
  if (what == "state" && count == 3) {
    const absl::StatusOr<std::string> text = tocsin::DescribeState(arguments[2]);
    if (text.ok()) return Print(*text);
    std::fprintf(stderr, "%s\n", tocsin::Message(text.status()).c_str());
    return 1;
  }
  if ((what == "newer" || what == "poison") && count == 3) {
    const absl::Status status = what == "newer" ? MakeNewer(arguments[2]) : Poison(arguments[2]);
    if (!status.ok()) std::fprintf(stderr, "%s\n", tocsin::Message(status).c_str());
    return status.ok() ? 0 : 1;
  }
  std::fprintf(stderr, "golden format | schema | tables | samples | state FOLDER\n");
  return 2;
}
