#include "storage/file.h"

#include "base/status.h"

namespace tocsin {

absl::StatusOr<std::string> ReadWholeFile(FileSystem& files, const std::string& path) {
  TOCSIN_ASSIGN(std::unique_ptr<File> file, files.Open(path));
  TOCSIN_ASSIGN(const std::uint64_t size, file->Size());
  TOCSIN_ASSIGN(std::string contents, file->ReadAt(0, size));
  if (contents.size() != size) return DataLoss("%s: read %d of %d bytes", path, contents.size(), size);
  return contents;
}

absl::Status WriteFileAtomically(FileSystem& files,
                                 const std::string& folder,
                                 const std::string& name,
                                 std::string_view contents) {
  const std::string path = folder + "/" + name;
  const std::string temporary = path + ".new";
  // A left-over of an attempt that the power cut ended.
  if (absl::Status removed = files.Remove(temporary); !removed.ok() && !absl::IsNotFound(removed)) return removed;
  TOCSIN_ASSIGN(std::unique_ptr<File> file, files.Create(temporary));
  TOCSIN_TRY(file->WriteAt(0, contents));
  TOCSIN_TRY(file->Sync());
  file.reset();
  TOCSIN_TRY(files.Rename(temporary, path));
  return files.SyncFolder(folder);
}

}  // namespace tocsin
