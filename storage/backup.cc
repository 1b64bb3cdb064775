#include "storage/backup.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "base/status.h"
#include "storage/folders.h"
#include "storage/labelled_lines.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifest = "MANIFEST";
constexpr std::string_view kTitle = "tocsin backup\n";
constexpr std::uint32_t kManifestVersion = 1;
constexpr std::uint64_t kChecksumSeed = 0x4D414E49464553;
constexpr std::size_t kCopyBytes = 1 << 20;

// "FORMAT", "views/000017.sst": at most one folder deep, and nothing that leads out of it.
bool IsFileName(std::string_view name) {
  const std::size_t slash = name.find('/');
  const std::string_view folder = slash == std::string_view::npos ? "" : name.substr(0, slash);
  const std::string_view file = slash == std::string_view::npos ? name : name.substr(slash + 1);
  if (slash != std::string_view::npos && folder != "views" && folder != "journal") return false;
  if (file.empty() || file.starts_with('.') || file == kManifest) return false;
  return file.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
         std::string_view::npos;
}

std::optional<BackupManifest::File> ParseFile(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto size = ParseDecimal(line.substr(0, first));
  const auto hash = ParseHash(line.substr(first + 1, second - first - 1));
  const std::string_view name = line.substr(second + 1);
  if (!size || !hash || !IsFileName(name)) return std::nullopt;
  return BackupManifest::File{std::string(name), *size, *hash};
}

std::string ParentOf(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

std::string WithoutSlash(std::string path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.pop_back();
  return path;
}

absl::StatusOr<BackupManifest> ReadManifest(const std::string& folder) {
  const std::string path = absl::StrFormat("%s/%s", folder, kManifest);
  const absl::StatusOr<std::string> text = ReadWholeFile(PosixFileSystem(), path);
  if (absl::IsNotFound(text.status())) return NotFound("%s: there is no backup: the file MANIFEST is missing", folder);
  if (!text.ok()) return text.status();
  absl::StatusOr<BackupManifest> manifest = DecodeManifest(*text);
  if (!manifest.ok()) return Annotate(manifest.status(), path);
  return manifest;
}

// Files of a backup that its manifest does not know: somebody has mixed two, or started a server in it.
absl::Status RefuseStrangers(const std::string& folder, const BackupManifest& manifest) {
  std::set<std::string> known = {std::string(kManifest), "LOCK"};
  for (const BackupManifest::File& file : manifest.files)
    known.insert(file.name);
  for (const std::string_view below : {"", "views", "journal"}) {
    const std::string in = below.empty() ? folder : absl::StrFormat("%s/%s", folder, below);
    TOCSIN_ASSIGN(const std::vector<std::string> names, PosixFileSystem().List(in));
    for (const std::string& name : names) {
      const std::string whole = below.empty() ? name : absl::StrFormat("%s/%s", below, name);
      if (whole == "views" || whole == "journal" || known.contains(whole)) continue;
      return DataLoss("%s/%s: is not in the manifest; a backup holds what was backed up and nothing else", folder,
                      whole);
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeManifest(const BackupManifest& manifest) {
  std::string text =
      absl::StrFormat("%sformat %d\nversion %s\nstore %016x%016x\ntaken %s\nsequence %d\nstate_hash %016x\n", kTitle,
                      kManifestVersion, manifest.version, manifest.store.high, manifest.store.low,
                      absl::FormatTime(absl::RFC3339_sec, manifest.taken_at, absl::UTCTimeZone()),
                      manifest.sequence.value(), manifest.state_hash);
  for (const BackupManifest::File& file : manifest.files) {
    absl::StrAppendFormat(&text, "file %d %016x%016x %s\n", file.size, file.hash.high, file.hash.low, file.name);
  }
  return WithChecksum(std::move(text), kChecksumSeed);
}

absl::StatusOr<BackupManifest> DecodeManifest(std::string_view text) {
  const std::optional<std::string_view> checked = CheckedLines(text, kTitle, kChecksumSeed);
  if (!checked) return DataLoss("damaged: its checksum does not fit; take another backup");
  LabelledLines lines(*checked);
  const std::string_view format = lines.Take("format").value_or("");
  if (format != std::to_string(kManifestVersion)) {
    return Precondition("backup format %s, this program knows %d: use a newer tocsin", format, kManifestVersion);
  }
  BackupManifest manifest;
  const auto version = lines.Take("version");
  const auto store = ParseHash(lines.Take("store").value_or(""));
  const auto taken = lines.Take("taken");
  const auto sequence = ParseDecimal(lines.Take("sequence").value_or(""));
  const auto state_hash = ParseHex(lines.Take("state_hash").value_or(""));
  std::string error;
  if (!version || !store || !taken || !sequence || !state_hash ||
      !absl::ParseTime(absl::RFC3339_sec, std::string(*taken), &manifest.taken_at, &error)) {
    return DataLoss("damaged: a line is missing");
  }
  manifest.version = *version;
  manifest.store = *store;
  manifest.sequence = Sequence(*sequence);
  manifest.state_hash = *state_hash;
  while (!lines.done()) {
    std::optional<BackupManifest::File> file = ParseFile(lines.Take("file").value_or(""));
    if (!file) return DataLoss("damaged: a line is no file of a backup");
    manifest.files.push_back(*std::move(file));
  }
  return manifest;
}

class BackupWriter::Impl {
 public:
  explicit Impl(const std::string& folder) : folder_(WithoutSlash(folder)), partial_(folder_ + ".partial") {}

  absl::Status Create() {
    if (Exists(folder_)) return absl::AlreadyExistsError(folder_ + ": is there already; give a name that is not");
    TOCSIN_TRY(RemoveAll(partial_));
    TOCSIN_TRY(MakeFolders(PosixFileSystem(), ParentOf(folder_)));
    for (const std::string& folder : {partial_, partial_ + "/views", partial_ + "/journal"})
      TOCSIN_TRY(PosixFileSystem().MakeFolder(folder));
    return absl::OkStatus();
  }
  void Abandon() {
    file_.reset();
    if (!finished_) RemoveAll(partial_).IgnoreError();
  }

  absl::Status Begin(const std::string& name) {
    if (!IsFileName(name)) return Invalid("%s is no file of a backup", name);
    current_ = {name, 0, {}};
    hash_ = FileHash();
    TOCSIN_ASSIGN(file_, PosixFileSystem().Create(partial_ + "/" + name));
    return absl::OkStatus();
  }
  absl::Status Append(std::string_view bytes) {
    TOCSIN_TRY(file_->WriteAt(current_.size, bytes));
    hash_.Add(bytes);
    current_.size += bytes.size();
    bytes_ += bytes.size();
    return absl::OkStatus();
  }
  absl::Status End() {
    TOCSIN_TRY(file_->Sync());
    file_.reset();
    current_.hash = hash_.Get();
    done_.push_back(current_);
    return absl::OkStatus();
  }
  absl::Status Finish(BackupManifest manifest) {
    manifest.files = done_;
    FileSystem& files = PosixFileSystem();
    TOCSIN_TRY(files.SyncFolder(partial_ + "/views"));
    TOCSIN_TRY(files.SyncFolder(partial_ + "/journal"));
    TOCSIN_TRY(WriteFileAtomically(files, partial_, std::string(kManifest), EncodeManifest(manifest)));
    TOCSIN_TRY(files.Rename(partial_, folder_));
    finished_ = true;
    return files.SyncFolder(ParentOf(folder_));
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  const std::string folder_;
  const std::string partial_;
  bool finished_ = false;
  std::unique_ptr<File> file_;
  BackupManifest::File current_;
  FileHash hash_;
  std::vector<BackupManifest::File> done_;
  std::uint64_t bytes_ = 0;
};

BackupWriter::BackupWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BackupWriter::~BackupWriter() {
  impl_->Abandon();
}
absl::StatusOr<std::unique_ptr<BackupWriter>> BackupWriter::Create(const std::string& folder) {
  auto impl = std::make_unique<Impl>(folder);
  TOCSIN_TRY(impl->Create());
  return std::unique_ptr<BackupWriter>(new BackupWriter(std::move(impl)));
}
absl::Status BackupWriter::Begin(const std::string& name) {
  return impl_->Begin(name);
}
absl::Status BackupWriter::Append(std::string_view bytes) {
  return impl_->Append(bytes);
}
absl::Status BackupWriter::End() {
  return impl_->End();
}
absl::Status BackupWriter::Finish(BackupManifest manifest) {
  return impl_->Finish(std::move(manifest));
}
std::uint64_t BackupWriter::bytes() const {
  return impl_->bytes();
}

bool IsBackup(FileSystem& files, const std::string& folder) {
  return Holds(files, folder, kManifest);
}

absl::StatusOr<BackupManifest> CheckNames(const std::string& folder) {
  TOCSIN_ASSIGN(BackupManifest manifest, ReadManifest(folder));
  TOCSIN_TRY(RefuseStrangers(folder, manifest));
  return manifest;
}

absl::Status ReadBackupFile(const std::string& folder,
                            const BackupManifest::File& expected,
                            absl::FunctionRef<absl::Status(std::uint64_t offset, std::string_view bytes)> visit) {
  const std::string path = folder + "/" + expected.name;
  absl::StatusOr<std::unique_ptr<File>> file = PosixFileSystem().Open(path);
  if (absl::IsNotFound(file.status())) return DataLoss("%s: the file is missing; take another backup", path);
  if (!file.ok()) return file.status();
  TOCSIN_ASSIGN(const std::uint64_t size, (*file)->Size());
  if (size != expected.size) {
    return DataLoss("%s: has %d bytes, the manifest says %d; take another backup", path, size, expected.size);
  }
  FileHash hash;
  for (std::uint64_t at = 0; at < size;) {
    TOCSIN_ASSIGN(const std::string bytes, (*file)->ReadAt(at, std::min<std::uint64_t>(kCopyBytes, size - at)));
    if (bytes.empty()) return DataLoss("%s: ends at byte %d of %d; take another backup", path, at, size);
    hash.Add(bytes);
    TOCSIN_TRY(visit(at, bytes));
    at += bytes.size();
  }
  if (hash.Get() == expected.hash) return absl::OkStatus();
  return DataLoss("%s: is damaged: its hash is not the one in the manifest; take another backup", path);
}

absl::StatusOr<BackupManifest> VerifyBackup(const std::string& folder) {
  TOCSIN_ASSIGN(BackupManifest manifest, CheckNames(folder));
  for (const BackupManifest::File& file : manifest.files)
    TOCSIN_TRY(ReadBackupFile(folder, file, [](std::uint64_t, std::string_view) { return absl::OkStatus(); }));
  return manifest;
}

}  // namespace tocsin
