#include "storage/format_file.h"

#include <charconv>

#include <sys/random.h>

#include "base/status.h"
#include "base/version.h"

namespace tocsin {
namespace {

constexpr std::string_view kName = "FORMAT";
constexpr std::string_view kTitle = "tocsin store\n";
constexpr std::uint64_t kChecksumSeed = 0x464F524D4154;

// Takes `label`, a space, digits (16 at most) and a line's end from the front of `text`.
std::optional<std::uint64_t> TakeHex(std::string_view& text, std::string_view label, int base = 16) {
  if (!text.starts_with(label)) return std::nullopt;
  text.remove_prefix(label.size());
  std::uint64_t value = 0;
  const std::size_t digits = std::min<std::size_t>(text.size(), 16);
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value, base);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with('\n')) text.remove_prefix(1);
  return value;
}

std::string WithChecksum(std::string text) {
  const std::uint64_t checksum = Hash64(text, kChecksumSeed);
  return text + absl::StrFormat("checksum %016x\n", checksum);
}

}  // namespace

std::string EncodeFormat(const StoreFormat& format) {
  return WithChecksum(absl::StrFormat("%sformat %d\nstore %016x%016x\nkey_seed %016x\njournal_key %016x\nstate %s\n",
                                      kTitle, format.version, format.store.high, format.store.low, format.key_seed,
                                      format.journal_key, format.used ? "used" : "new"));
}

absl::StatusOr<StoreFormat> DecodeFormat(std::string_view text) {
  const std::size_t checksum_at = text.rfind("checksum ");
  if (!text.starts_with(kTitle) || checksum_at == std::string_view::npos ||
      WithChecksum(std::string(text.substr(0, checksum_at))) != text) {
    return DataLoss(
        "damaged: its checksum does not fit; restore this file from a backup of this store, its keys never change");
  }
  text.remove_prefix(kTitle.size());
  const std::uint64_t version = TakeHex(text, "format ", 10).value_or(0);
  if (version < kOldestStoreFormat || version > kStoreFormatVersion) {
    return Precondition(
        "store format %d, this program (tocsin %s) knows %d to %d: a newer tocsin has written here; start that one, or "
        "restore "
        "the backup from before its first start",
        version, kVersion, kOldestStoreFormat, kStoreFormatVersion);
  }
  StoreFormat format;
  format.version = static_cast<std::uint32_t>(version);
  const auto high = TakeHex(text, "store ");
  const auto low = TakeHex(text, "");
  const auto key_seed = TakeHex(text, "key_seed ");
  const auto journal_key = TakeHex(text, "journal_key ");
  if (!high || !low || !key_seed || !journal_key) return DataLoss("damaged: a line is missing");
  format.store = {*high, *low};
  format.key_seed = *key_seed;
  format.journal_key = *journal_key;
  format.used = text.starts_with("state used\n");
  return format;
}

absl::StatusOr<std::optional<StoreFormat>> ReadFormat(FileSystem& files, const std::string& folder) {
  const std::string path = absl::StrFormat("%s/%s", folder, kName);
  const absl::StatusOr<std::string> text = ReadWholeFile(files, path);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  if (!text.ok()) return text.status();
  absl::StatusOr<StoreFormat> format = DecodeFormat(*text);
  if (!format.ok()) return Annotate(format.status(), path);
  return *format;
}

absl::Status WriteFormat(FileSystem& files, const std::string& folder, const StoreFormat& format) {
  return WriteFileAtomically(files, folder, std::string(kName), EncodeFormat(format));
}

absl::StatusOr<StoreFormat> NewFormat(std::uint64_t key_seed) {
  StoreFormat format;
  std::uint64_t random[4] = {};
  if (key_seed == 0) {
    if (getrandom(random, sizeof random, 0) != sizeof random) return Unavailable("the kernel gives no random bytes");
    key_seed = random[0] | 1U;  // never zero
  } else {
    for (std::uint64_t i = 1; i < 4; ++i)
      random[i] = Hash64("store", key_seed + i);
  }
  format.key_seed = key_seed;
  format.journal_key = random[1];
  format.store = {random[2], random[3]};
  return format;
}

}  // namespace tocsin
