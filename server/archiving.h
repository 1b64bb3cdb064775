// The server's side of the journal's archive (storage/archiver.h): a thread of its own with low priority, a bound on how much it copies in a
// second, and what it says of itself. Ingest and paging wait for nothing here; a disk that hangs holds up that thread and no other one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/metrics.h"
#include "server/flags.h"
#include "storage/store.h"

namespace tocsin {

class Archiving {
 public:
  // Null without --archive. InvalidArgument: the archive is in the store's folder. One that is not there is said, and tried again.
  static absl::StatusOr<std::unique_ptr<Archiving>> Start(const ServeOptions& options, Store& store);
  // Archives what the mark vouches for once more, for some seconds at most.
  ~Archiving();
  Archiving(const Archiving&) = delete;
  Archiving& operator=(const Archiving&) = delete;

  // About once a second: says so when the archive's disk does not answer.
  void Tick(absl::Time now);
  void AddMetrics(MetricRegistry& registry) const;

 private:
  struct Shared;
  explicit Archiving(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;  // with the thread, which may outlive this when its disk hangs
};

}  // namespace tocsin
