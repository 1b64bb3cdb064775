// The negative control: a disk whose fsync answers OK at once and does nothing. An engine on it acknowledges before anything
// is durable, which is just what the checker must catch.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/file.h"

namespace tocsin::sim {

class LyingDisk final : public FileSystem {
 public:
  explicit LyingDisk(FileSystem& real) : real_(real) {}

  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) override { return Wrap(real_.Create(path)); }
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override { return Wrap(real_.Open(path)); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override { return real_.List(folder); }
  absl::Status Rename(const std::string& from, const std::string& to) override { return real_.Rename(from, to); }
  absl::Status Remove(const std::string& path) override { return real_.Remove(path); }
  absl::Status MakeFolder(const std::string& path) override { return real_.MakeFolder(path); }
  absl::Status SyncFolder(const std::string& path) override { return real_.SyncFolder(path); }
  absl::StatusOr<std::uint64_t> FreeBytes(const std::string& path) override { return real_.FreeBytes(path); }

 private:
  class LyingFile final : public File {
   public:
    // Files that are made are synced once, so that what is lost are entries and not the journal's frame.
    explicit LyingFile(std::unique_ptr<File> real) : real_(std::move(real)) {}
    absl::Status WriteAt(std::uint64_t offset, std::string_view bytes) override {
      return real_->WriteAt(offset, bytes);
    }
    absl::StatusOr<std::string> ReadAt(std::uint64_t offset, std::size_t size) const override {
      return real_->ReadAt(offset, size);
    }
    absl::Status Sync() override {
      if (++syncs_ == 1) return real_->Sync();
      return absl::OkStatus();
    }
    absl::Status Allocate(std::uint64_t size) override { return real_->Allocate(size); }
    absl::Status Truncate(std::uint64_t size) override { return real_->Truncate(size); }
    absl::StatusOr<std::uint64_t> Size() const override { return real_->Size(); }

   private:
    std::unique_ptr<File> real_;
    int syncs_ = 0;
  };

  static absl::StatusOr<std::unique_ptr<File>> Wrap(absl::StatusOr<std::unique_ptr<File>> file) {
    if (!file.ok()) return file;
    return std::make_unique<LyingFile>(*std::move(file));
  }

  FileSystem& real_;
};

}  // namespace tocsin::sim
