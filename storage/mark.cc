#include "storage/mark.h"

#include <utility>

#include "base/status.h"

namespace tocsin::journal {
namespace {
constexpr std::string_view kName = "mark";
}

absl::StatusOr<std::optional<Mark>> ReadMark(FileSystem& files, const std::string& folder) {
  const std::string path = absl::StrFormat("%s/%s", folder, kName);
  const absl::StatusOr<std::string> contents = ReadWholeFile(files, path);
  if (absl::IsNotFound(contents.status())) return std::nullopt;
  if (!contents.ok()) return contents.status();
  std::optional<Mark> newest;
  for (std::size_t slot = 0; slot < 2; ++slot) {
    const std::size_t at = slot * kBlock;
    if (contents->size() < at + kBlock) break;
    const absl::StatusOr<Mark> mark = DecodeMark(std::string_view(*contents).substr(at, kBlock));
    if (absl::IsFailedPrecondition(mark.status())) return Annotate(mark.status(), path);
    if (mark.ok() && (!newest || mark->counter > newest->counter)) newest = *mark;
  }
  if (!newest) return DataLoss("%s: neither of its two slots is whole", path);
  return newest;
}

absl::Status CreateMark(FileSystem& files, const std::string& folder, Mark mark) {
  mark.counter += 1;
  std::string contents = EncodeMark(mark);
  mark.counter += 1;
  contents += EncodeMark(mark);
  return WriteFileAtomically(files, folder, std::string(kName), contents);
}

absl::StatusOr<MarkWriter> MarkWriter::Open(FileSystem& files, const std::string& folder, std::uint64_t counter) {
  TOCSIN_ASSIGN(std::unique_ptr<File> file, files.Open(absl::StrFormat("%s/%s", folder, kName)));
  return MarkWriter(std::move(file), counter);
}

absl::Status MarkWriter::Write(Mark mark) {
  mark.counter = ++counter_;
  TOCSIN_TRY(file_->WriteAt(counter_ % 2 * kBlock, EncodeMark(mark)));
  return file_->Sync();
}

}  // namespace tocsin::journal
