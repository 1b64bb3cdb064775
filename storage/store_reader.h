// A store as recovery would read it, nothing changed: for `tocsin verify`, and to fold a backup.
//
// Journal, views and checkpoint are opened one after the other, so nobody may write them meanwhile: the caller holds the
// folder's lock or knows that nobody will.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

#include "model/event.h"
#include "model/response.h"
#include "storage/file.h"
#include "storage/journal.h"

namespace rocksdb {
class Env;
}

namespace tocsin {

class StoreReader {
 public:
  // DataLoss: what is wrong and where, as Store::Open would say.
  static absl::StatusOr<std::unique_ptr<StoreReader>> Open(FileSystem& files,
                                                           std::string folder,
                                                           rocksdb::Env* views_env = nullptr);
  ~StoreReader();

  // As Store's.
  std::uint64_t key_seed() const;
  Sequence last() const;
  Sequence shards_position() const;
  Sequence responder_position() const;
  absl::Status ReadCheckpoint(absl::FunctionRef<absl::Status(std::uint32_t shard, std::string_view body)> visit) const;
  absl::StatusOr<std::vector<Row>> LoadRows() const;
  absl::StatusOr<std::vector<IntegrationId>> LoadIntegrations() const;
  // Entries from `from` on, but for those that recovery passes over.
  absl::Status ReadJournal(Sequence from, absl::FunctionRef<absl::Status(const Entry&)> visit) const;

 private:
  class Impl;
  explicit StoreReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
