// What a GrpcConnection allows its peer: how much unfinished, unread and without meaning.
#include <utility>

#include "absl/strings/str_format.h"
#include <nghttp2/nghttp2.h>

#include "net/grpc_connection.h"

namespace tocsin {
namespace {

// Frames a second that are allowed and bring nobody anything: PING, SETTINGS, PRIORITY, DATA without data.
constexpr std::uint32_t kMostIdleFrames = 5000;
// Of what the whole server has to send: as many connections as may have all that they may have.
constexpr std::uint64_t kFullConnections = 8;
// Of answers to whoever has not shown a key: what he may ask about is small.
constexpr std::size_t kMostUnsentToStrangers = std::size_t{128} << 10U;
// While the server has too much to send, this much of it is nobody's fault.
constexpr std::size_t kUnsentShare = std::size_t{256} << 10U;
// A message is to be whole, or further by so much, within so many seconds.
constexpr std::uint64_t kProgress = 16 * 1024;
constexpr std::uint32_t kPatience = 60;

}  // namespace

// One connection may fill half of what there is for unfinished messages; when all is full, it is refused to those who have most of it.
bool GrpcConnection::HasRoomFor(const GrpcStream& stream) const {
  constexpr std::size_t kSmallShare = 64;
  const std::size_t most = shared_.options.max_partial_bytes;
  if (partial_ > most / 2) return false;
  return shared_.partial_bytes.load(std::memory_order_relaxed) <= most || partial_ <= most / kSmallShare ||
         stream.counted_partial_ == 0;
}

// What of unfinished messages is there.
void GrpcConnection::Count(GrpcStream& stream) {
  const std::size_t now = stream.reader_ ? stream.reader_->kept_bytes() : 0;
  const std::size_t more = now - stream.counted_partial_;  // modulo 2^64
  shared_.partial_bytes.fetch_add(more, std::memory_order_relaxed);
  partial_ += more;
  stream.counted_partial_ = now;
}

void GrpcConnection::Tick() {
  idle_frames_ = 0;
  std::vector<GrpcStream*> slow;
  for (const auto& [id, stream] : streams_) {
    const bool waits = stream->reader_ && !stream->reader_->is_between_messages();
    if (!waits || stream->came_ - stream->noted_ >= kProgress) {
      stream->noted_ = stream->came_;
      stream->slow_ticks_ = 0;
    } else if (++stream->slow_ticks_ > kPatience) {
      slow.push_back(stream.get());
    }
  }
  for (GrpcStream* const stream : slow) {
    shared_.timeouts.fetch_add(1, std::memory_order_relaxed);
    Finish(*stream,
           absl::DeadlineExceededError(absl::StrFormat("a message did not come whole within %d seconds", kPatience)));
    HasOutput();
  }
}

// Where the whole server has too much to send, those are cut off who let it pile up, not whoever is answered next.
bool GrpcConnection::MayLeaveUnsent(std::size_t before, std::uint64_t all_before) const {
  const std::size_t most = shared_.options.max_unsent_bytes;
  if (before > (is_vouched_ ? most : std::min(most, kMostUnsentToStrangers))) return false;
  return all_before <= kFullConnections * most || before <= kUnsentShare;
}

void GrpcConnection::NoteIdleFrame() {
  if (++idle_frames_ < kMostIdleFrames || std::exchange(is_calmed_, true)) return;
  nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
  shared_.malformed.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace tocsin
