// The small text files beside a store's bytes (MANIFEST, the ends of an archive's pieces): a title, lines of a label and a value, and a
// last line `checksum 7d41...` of all lines above. Operators can read them, and one changed byte shows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <xxhash.h>

#include "base/hash.h"

namespace tocsin {

// `text` and its checksum's line. The seed is the kind of file.
std::string WithChecksum(std::string text, std::uint64_t seed);
// The lines between `title` and the checksum; nullopt when that does not fit.
std::optional<std::string_view> CheckedLines(std::string_view text, std::string_view title, std::uint64_t seed);

// Lines, taken from the front.
class LabelledLines {
 public:
  explicit LabelledLines(std::string_view text) : text_(text) {}
  // What follows `label` and a space on the next line; nullopt when that line is another one.
  std::optional<std::string_view> Take(std::string_view label);
  bool done() const { return text_.empty(); }

 private:
  std::string_view text_;
};

std::optional<std::uint64_t> ParseDecimal(std::string_view text);
std::optional<std::int64_t> ParseSigned(std::string_view text);
std::optional<std::uint64_t> ParseHex(std::string_view text);
// 32 digits, as xxh128sum prints it.
std::optional<Hash128> ParseHash(std::string_view text);
std::string HashText(const Hash128& hash);

// XXH3-128 of a file that is read or written a piece at a time.
class FileHash {
 public:
  FileHash() : state_(XXH3_createState(), &XXH3_freeState) { XXH3_128bits_reset(state_.get()); }
  void Add(std::string_view bytes) { XXH3_128bits_update(state_.get(), bytes.data(), bytes.size()); }
  Hash128 Get() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
    return {hash.high64, hash.low64};
  }

 private:
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state_;
};

}  // namespace tocsin
