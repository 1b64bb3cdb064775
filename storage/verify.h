// What `tocsin verify` prints: every byte of a store read and checked, nothing changed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "storage/file.h"
#include "storage/journal.h"
#include "storage/views.h"

namespace tocsin {

struct StoreReport {
  std::string store_id;
  Journal::Recovery journal;
  Sequence views;       // they have seen everything up to it
  Sequence checkpoint;  // the alert table's
  std::uint64_t checkpoint_bodies = 0;
  Views::Census census;
};

// FailedPrecondition: the store is in use, or of a newer format. DataLoss: what is wrong and where.
absl::StatusOr<StoreReport> VerifyStore(FileSystem& files,
                                        const std::string& folder,
                                        rocksdb::Env* views_env = nullptr);
// For people, a line each.
std::vector<std::string> Describe(const StoreReport& report);

}  // namespace tocsin
