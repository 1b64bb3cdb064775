// Changes rows of a store in which no server runs, where they lie: for what a new version keeps otherwise than a former one did.
#pragma once

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "model/response.h"
#include "storage/file.h"

namespace rocksdb {
class Env;
}

namespace tocsin {

// Folds what the journal has beyond the views, then calls `change` with every row but those of the audit log, and writes those of which it
// says true. What was there before is gone from the views' files when this returns how many; the journal keeps it until it is trimmed.
// A decision there that nobody can read is put aside, as recovery would (storage/dead_letters.h). FailedPrecondition: a server has the folder.
absl::StatusOr<std::uint64_t> RewriteRows(FileSystem& files,
                                          const std::string& folder,
                                          absl::Time now,
                                          absl::FunctionRef<bool(Row& row)> change,
                                          rocksdb::Env* views_env = nullptr);

}  // namespace tocsin
