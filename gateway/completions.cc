#include "gateway/completions.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tocsin {
namespace {

static_assert(std::has_single_bit(kGatewayCompletionBytes), "the ring masks instead of dividing");

std::size_t Padded(std::size_t size) {
  return (size + 7) & ~std::size_t{7};
}

}  // namespace

bool CompletionWriter::Write(const CompletionHead& head, std::span<const Outcome> outcomes) {
  const std::size_t size = sizeof head + Padded(outcomes.size());
  const std::uint64_t used = written_ - control_.completions_read.load(std::memory_order_acquire);
  if (used > bytes_.size() || bytes_.size() - used < size) return false;
  const std::uint64_t start = written_;
  Copy(&head, sizeof head);
  Copy(outcomes.data(), outcomes.size());
  written_ = start + size;
  return true;
}

void CompletionWriter::Flush() {
  if (flushed_ == written_) return;
  flushed_ = written_;
  control_.completions_written.store(written_, std::memory_order_release);
  control_.completions_bell.Notify();
}

void CompletionWriter::Copy(const void* from, std::size_t size) {
  const std::size_t at = written_ & (bytes_.size() - 1);
  const std::size_t first = std::min(size, bytes_.size() - at);
  const auto* source = static_cast<const std::byte*>(from);
  std::copy_n(source, first, bytes_.data() + at);
  std::copy_n(source + first, size - first, bytes_.data());
  written_ += size;
}

bool CompletionReader::Read(CompletionHead& head, std::vector<Outcome>& outcomes) {
  if (read_ == written_) {
    written_ = control_.completions_written.load(std::memory_order_acquire);
    if (read_ == written_) return false;
  }
  const std::uint64_t start = read_;
  Copy(&head, sizeof head);
  outcomes.resize(head.outcomes);
  Copy(outcomes.data(), outcomes.size());
  read_ = start + sizeof head + Padded(outcomes.size());
  control_.completions_read.store(read_, std::memory_order_release);
  return true;
}

void CompletionReader::Copy(void* to, std::size_t size) {
  const std::size_t at = read_ & (bytes_.size() - 1);
  const std::size_t first = std::min(size, bytes_.size() - at);
  auto* target = static_cast<std::byte*>(to);
  std::copy_n(bytes_.data() + at, first, target);
  std::copy_n(bytes_.data(), size - first, target + first);
  read_ += size;
}

}  // namespace tocsin
