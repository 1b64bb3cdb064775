#include "net/gzip.h"

#include <algorithm>
#include <limits>
#include <memory>

#include <zlib.h>

#include "base/status.h"

namespace tocsin {
namespace {

constexpr std::size_t kFreeBytes = 64 * 1024;
constexpr std::size_t kStepBytes = 64 * 1024;
constexpr int kGzipWindow = 15 + 16;  // the largest window; 16: a gzip header, nothing else
constexpr int kMemoryLevel = 8;       // zlib's default

struct EndInflate {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};

Bytef* MutableInput(std::string_view input) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));  // zlib's signature; it does not write
}

std::size_t Allowance(std::size_t input_bytes, const InflateLimits& limits) {
  const std::size_t by_ratio = kFreeBytes + input_bytes * static_cast<std::size_t>(limits.max_ratio);
  return std::min(limits.max_bytes, by_ratio);
}

}  // namespace

absl::StatusOr<std::string> Gunzip(std::string_view compressed, const InflateLimits& limits) {
  if (compressed.size() > std::numeric_limits<uInt>::max()) return Exhausted("gzip: too large");
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return Exhausted("gzip: no memory");
  const std::unique_ptr<z_stream, EndInflate> end(&stream);
  stream.next_in = MutableInput(compressed);
  stream.avail_in = static_cast<uInt>(compressed.size());

  const std::size_t allowance = Allowance(compressed.size(), limits);
  std::string plain;
  while (true) {
    const std::size_t old_size = plain.size();
    plain.resize(old_size + std::min(kStepBytes, allowance + 1 - old_size));
    stream.next_out = reinterpret_cast<Bytef*>(plain.data() + old_size);
    stream.avail_out = static_cast<uInt>(plain.size() - old_size);
    const int result = inflate(&stream, Z_NO_FLUSH);
    plain.resize(plain.size() - stream.avail_out);
    if (plain.size() > allowance) {
      return Exhausted("gzip: inflates to more than %d bytes (at most %d, and %d to 1)", allowance, limits.max_bytes,
                       limits.max_ratio);
    }
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) return plain;
      if (inflateReset(&stream) != Z_OK) return Invalid("gzip: damaged");
      continue;  // another member; anything else fails its header check
    }
    const auto at = static_cast<std::size_t>(compressed.size() - stream.avail_in);
    if (result == Z_BUF_ERROR) return Invalid("gzip: cut off after %d bytes", at);
    if (result != Z_OK) return Invalid("gzip: damaged at byte %d", at);
    if (stream.avail_in == 0 && stream.avail_out != 0) return Invalid("gzip: cut off after %d bytes", at);
  }
}

std::string Gzip(std::string_view plain) {
  z_stream stream{};
  const int begun =
      deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY);
  TOCSIN_CHECK(begun == Z_OK, "zlib");
  std::string out(deflateBound(&stream, static_cast<uLong>(plain.size())), '\0');
  stream.next_in = MutableInput(plain);
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  TOCSIN_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END, "deflateBound is a bound");
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace tocsin
