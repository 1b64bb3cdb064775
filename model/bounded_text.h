// Text of senders, made to fit: UTF-8, and no longer than it may be.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/strings.h"

namespace tocsin {

// `text` with whatever is not UTF-8 replaced, cut to at most `bytes` bytes between two characters.
inline std::string Bounded(std::string_view text, std::size_t bytes) {
  if (IsValidUtf8(text)) return std::string(TruncateUtf8(text, bytes));
  std::string sound;
  while (!text.empty() && sound.size() < bytes) {
    const CodePoint next = FirstCodePoint(text);
    AppendUtf8(sound, next.value);
    text.remove_prefix(next.bytes);
  }
  return std::string(TruncateUtf8(sound, bytes));
}

inline void Bound(std::string& text, std::size_t bytes) {
  if (text.size() > bytes || !IsValidUtf8(text)) text = Bounded(text, bytes);
}

}  // namespace tocsin
