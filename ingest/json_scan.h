// A slow, careful reading of JSON, for when the fast one (simdjson) has said no: where is the mistake, and can it be mended?
// Iterative, so no nesting can exhaust the stack.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tocsin {

struct JsonFault {
  std::size_t position = 0;  // byte
  std::string reason;        // in the words of Go's encoding/json, which senders' logs have shown people for years
};

// The first mistake in `text`, or nullopt when it is one well-formed JSON value of at most `max_depth` levels.
std::optional<JsonFault> FindJsonFault(std::string_view text, int max_depth);

// The position of the first byte that is not UTF-8; text.size() when all is well.
std::size_t FirstInvalidUtf8(std::string_view text);
// Invalid bytes become U+FFFD.
std::string ReplaceInvalidUtf8(std::string_view text);

// What people's templates and shell scripts break, mended: raw control characters and quotes in strings, commas before a closing bracket,
// lone surrogates (U+FFFD), invalid UTF-8 (U+FFFD). Numbers that no machine type holds exactly become strings. Well-formed
// parts stay as they are; the result may still not be JSON.
std::string MendJson(std::string_view text);

}  // namespace tocsin
