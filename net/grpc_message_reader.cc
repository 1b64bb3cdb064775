#include "net/grpc_message_reader.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"

namespace tocsin {
namespace {

constexpr std::size_t kSmall = 16 * 1024;  // less than this is copied rather than kept
constexpr std::size_t kMostPieces = 4096;

}  // namespace

absl::Status GrpcMessageReader::Read(std::string_view bytes,
                                     const GrpcMessage::Owner& owner,
                                     const std::function<bool(const GrpcMessage&)>& take) {
  while (!bytes.empty()) {
    if (head_bytes_ < head_.size()) {
      if (const absl::Status status = ReadHead(bytes); !status.ok()) return status;
      if (head_bytes_ < head_.size()) return absl::OkStatus();
    }
    const std::string_view piece = bytes.substr(0, length_ - partial_);
    bytes.remove_prefix(piece.size());
    if (!piece.empty()) {
      Add(piece, owner);
      partial_ += piece.size();
      came_ += piece.size();
    }
    if (partial_ == length_) {
      if (!Give(take)) return absl::OkStatus();
    } else if (pieces_.size() >= kMostPieces) {
      CopyPieces();
    }
  }
  return absl::OkStatus();
}

void GrpcMessageReader::Add(std::string_view piece, const GrpcMessage::Owner& owner) {
  const bool has_last = !owners_.empty() && owners_.back() == owner;
  if (has_last && pieces_.back().data() + pieces_.back().size() == piece.data()) {
    // It was read right behind what came before. What lies across the edge of two pieces is dear to read.
    pieces_.back() = {pieces_.back().data(), pieces_.back().size() + piece.size()};
    return;
  }
  pieces_.push_back(piece);
  if (!has_last) owners_.push_back(owner);
}

absl::Status GrpcMessageReader::ReadHead(std::string_view& bytes) {
  const std::size_t taken = std::min(bytes.size(), head_.size() - head_bytes_);
  std::copy_n(bytes.begin(), taken, head_.begin() + static_cast<std::ptrdiff_t>(head_bytes_));
  head_bytes_ += taken;
  bytes.remove_prefix(taken);
  if (head_bytes_ < head_.size()) return absl::OkStatus();
  if (head_[0] == 1) return absl::UnimplementedError("messages must not be compressed; grpc-accept-encoding says so");
  if (head_[0] != 0) return absl::InternalError("a message's first byte is neither 0 nor 1");
  length_ = 0;
  for (std::size_t i = 1; i < head_.size(); ++i)
    length_ = length_ << 8U | static_cast<unsigned char>(head_[i]);
  if (length_ <= max_message_) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrFormat("a message of %d bytes, at most %d", length_, max_message_));
}

bool GrpcMessageReader::Give(const std::function<bool(const GrpcMessage&)>& take) {
  if (keeps_ && length_ < kSmall) CopyPieces();
  if (!copied_.empty()) {
    const auto owned = std::make_shared<const std::string>(std::move(copied_));
    pieces_.insert(pieces_.begin(), *owned);
    owners_.insert(owners_.begin(), owned);
    copied_.clear();
  }
  const bool goes_on = take(GrpcMessage(pieces_, owners_));
  constexpr std::size_t kUsual =
      64;  // a stream that has been told a message in very many pieces keeps no room for the next such
  if (pieces_.capacity() > kUsual) pieces_ = {};
  pieces_.clear();
  owners_.clear();
  head_bytes_ = partial_ = came_ = 0;
  return goes_on;
}

void GrpcMessageReader::CopyPieces() {
  for (const std::string_view piece : pieces_)
    copied_.append(piece);
  pieces_.clear();
  owners_.clear();
}

void GrpcMessageReader::EndOfBlock() {
  const std::size_t came = std::exchange(came_, 0);
  if (came > 0 && came < kSmall) CopyPieces();
}

}  // namespace tocsin
