#include "storage/store_reader.h"

#include <utility>

#include "base/status.h"
#include "storage/checkpoints.h"
#include "storage/dead_letters.h"
#include "storage/format_file.h"
#include "storage/journal_image.h"
#include "storage/segment_reader.h"
#include "storage/views.h"

namespace tocsin {

class StoreReader::Impl {
 public:
  Impl(FileSystem& files, std::string folder)
      : files_(files), folder_(std::move(folder)), dead_letters_(files, folder_) {}

  absl::Status Open(rocksdb::Env* views_env) {
    TOCSIN_ASSIGN(const std::optional<StoreFormat> format, ReadFormat(files_, folder_));
    if (!format) return NotFound("%s: there is no store: the file FORMAT is missing", folder_);
    key_seed_ = format->key_seed;
    TOCSIN_ASSIGN(views_, Views::Open(views_env, folder_, /*read_only=*/true));
    TOCSIN_ASSIGN(checkpoints_, Checkpoints::Open(*views_, /*read_only=*/true));
    TOCSIN_TRY(dead_letters_.Open());
    Journal::Options options;
    options.store = format->store;
    options.known = std::max(views_->applied(), checkpoints_->position());
    TOCSIN_ASSIGN(image_, journal::ReadImage(files_, folder_ + "/journal", options));
    if (!image_.damage.ok()) return Annotate(image_.damage, "journal");
    return absl::OkStatus();
  }

  absl::Status ReadJournal(Sequence from, absl::FunctionRef<absl::Status(const Entry&)> visit) const {
    for (const journal::Segment& segment : image_.segments) {
      if (segment.next <= from) continue;
      TOCSIN_ASSIGN(const std::unique_ptr<File> file, files_.Open(folder_ + "/journal/" + segment.name));
      journal::SegmentReader reader(*file, segment.end, segment.header.key);
      const journal::Link start{segment.first, segment.header.previous, segment.header.epoch};
      TOCSIN_TRY(journal::FollowSegment(reader, start, [&](const journal::RawEntry& raw, std::uint64_t) {
                   const bool passed_over = raw.entry.sequence < from || dead_letters_.Holds(raw.entry.sequence);
                   return passed_over ? absl::OkStatus() : visit(raw.entry);
                 }).status());
    }
    return absl::OkStatus();
  }

  FileSystem& files_;
  const std::string folder_;
  DeadLetters dead_letters_;
  std::uint64_t key_seed_ = 0;
  std::unique_ptr<Views> views_;
  std::unique_ptr<Checkpoints> checkpoints_;
  journal::Image image_;
};

StoreReader::StoreReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StoreReader::~StoreReader() = default;

absl::StatusOr<std::unique_ptr<StoreReader>> StoreReader::Open(FileSystem& files,
                                                               std::string folder,
                                                               rocksdb::Env* views_env) {
  auto impl = std::make_unique<Impl>(files, std::move(folder));
  TOCSIN_TRY(impl->Open(views_env));
  return std::unique_ptr<StoreReader>(new StoreReader(std::move(impl)));
}

std::uint64_t StoreReader::key_seed() const {
  return impl_->key_seed_;
}
Sequence StoreReader::last() const {
  return impl_->image_.recovery.last;
}
Sequence StoreReader::shards_position() const {
  return impl_->checkpoints_->position();
}
Sequence StoreReader::responder_position() const {
  return impl_->views_->applied();
}
absl::Status StoreReader::ReadCheckpoint(
    absl::FunctionRef<absl::Status(std::uint32_t shard, std::string_view body)> visit) const {
  return impl_->checkpoints_->Read(visit);
}
absl::StatusOr<std::vector<Row>> StoreReader::LoadRows() const {
  return impl_->views_->LoadRows();
}
absl::StatusOr<std::vector<IntegrationId>> StoreReader::LoadIntegrations() const {
  return impl_->views_->LoadIntegrations();
}
absl::Status StoreReader::ReadJournal(Sequence from, absl::FunctionRef<absl::Status(const Entry&)> visit) const {
  return impl_->ReadJournal(from, visit);
}

}  // namespace tocsin
