// Views of one alert's labels or annotations, collected while a message is read. A vector, but with an Add that is small
// enough to be inlined: with ten of them an alert that is a fifth of the decoder's time.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "model/labels.h"

namespace tocsin {

// Reused from alert to alert. One thread.
class LabelList {
 public:
  void Add(const LabelView& label) {
    if (count_ == room_.size()) [[unlikely]]
      room_.resize(2 * count_ + 16);
    room_.data()[count_++] = label;
  }
  void Clear() { count_ = 0; }
  // The first `count`.
  void Keep(std::size_t count) { count_ = count; }
  // A hostile message's memory is given up.
  void Shrink() {
    constexpr std::size_t kKept = 4096;
    if (room_.size() > kKept) std::vector<LabelView>().swap(room_);
    count_ = 0;
  }
  std::size_t size() const { return count_; }
  std::span<LabelView> all() { return {room_.data(), count_}; }

 private:
  std::vector<LabelView> room_;
  std::size_t count_ = 0;
};

}  // namespace tocsin
