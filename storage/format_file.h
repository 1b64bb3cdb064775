// data/FORMAT: what the folder is. A few lines of text, so that an operator can read it:
//
//   tocsin store
//   format 2
//   store 5f0c...            128 bits: segments and marks of another store are refused
//   key_seed 91ab...         hashes of alerts are seeded with it: outsiders cannot aim at our tables
//   journal_key 03f7...      guards the journal's entries (storage/journal_format.h)
//   state used               new: being created, an empty journal is no loss
//   checksum 7d41...         of all lines above
//
// The number is that of everything in the folder, not of this file: entries, rows, keys (docs/adr/0009-formats.md). A program opens its
// own format and all before it; a folder of an older one becomes one of its own at the end of opening, before anything that the older
// one would not know is written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "base/hash.h"
#include "storage/file.h"

namespace tocsin {

inline constexpr std::uint32_t kOldestStoreFormat = 1;
inline constexpr std::uint32_t kStoreFormatVersion = 2;

struct StoreFormat {
  std::uint32_t version = kStoreFormatVersion;
  Hash128 store;
  std::uint64_t key_seed = 0;
  std::uint64_t journal_key = 0;
  bool used = false;
  friend bool operator==(const StoreFormat&, const StoreFormat&) = default;
};

std::string EncodeFormat(const StoreFormat& format);
// DataLoss: damaged. FailedPrecondition: of a newer program.
absl::StatusOr<StoreFormat> DecodeFormat(std::string_view text);

// Absent: the folder has none.
absl::StatusOr<std::optional<StoreFormat>> ReadFormat(FileSystem& files, const std::string& folder);
absl::Status WriteFormat(FileSystem& files, const std::string& folder, const StoreFormat& format);

// A new store's. `key_seed` 0: everything from the kernel's randomness; else everything follows from it, for tests.
absl::StatusOr<StoreFormat> NewFormat(std::uint64_t key_seed);

}  // namespace tocsin
