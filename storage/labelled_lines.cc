#include "storage/labelled_lines.h"

#include <charconv>

#include "absl/strings/str_format.h"

namespace tocsin {
namespace {

template <typename Number>
std::optional<Number> Parse(std::string_view text, int base) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string WithChecksum(std::string text, std::uint64_t seed) {
  const std::uint64_t checksum = Hash64(text, seed);
  return text + absl::StrFormat("checksum %016x\n", checksum);
}

std::optional<std::string_view> CheckedLines(std::string_view text, std::string_view title, std::uint64_t seed) {
  const std::size_t at = text.rfind("checksum ");
  if (!text.starts_with(title) || at == std::string_view::npos || at < title.size() ||
      WithChecksum(std::string(text.substr(0, at)), seed) != text) {
    return std::nullopt;
  }
  return text.substr(title.size(), at - title.size());
}

std::optional<std::string_view> LabelledLines::Take(std::string_view label) {
  const std::size_t end = text_.find('\n');
  if (end == std::string_view::npos || !text_.starts_with(label) || text_.size() <= label.size() ||
      text_[label.size()] != ' ') {
    return std::nullopt;
  }
  const std::string_view rest = text_.substr(label.size() + 1, end - label.size() - 1);
  text_.remove_prefix(end + 1);
  return rest;
}

std::optional<std::uint64_t> ParseDecimal(std::string_view text) {
  return Parse<std::uint64_t>(text, 10);
}
std::optional<std::int64_t> ParseSigned(std::string_view text) {
  return Parse<std::int64_t>(text, 10);
}
std::optional<std::uint64_t> ParseHex(std::string_view text) {
  return Parse<std::uint64_t>(text, 16);
}

std::optional<Hash128> ParseHash(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  const auto high = ParseHex(text.substr(0, 16));
  const auto low = ParseHex(text.substr(16));
  if (!high || !low) return std::nullopt;
  return Hash128{*high, *low};
}

std::string HashText(const Hash128& hash) {
  return absl::StrFormat("%016x%016x", hash.high, hash.low);
}

}  // namespace tocsin
