#include "engine/frames.h"

#include <algorithm>
#include <cstring>

namespace tocsin {
namespace {

// Shared bytes that are worth a frame: naming it costs about three.
constexpr std::size_t kWorth = 8;
constexpr std::size_t kShortest = 12;
constexpr std::uint32_t kMostFrames = 1U << 16;
constexpr std::size_t kPlaces = 1U << 12;
constexpr std::uint32_t kMostHits = 64;  // so that a place that is no longer used is soon another's

bool InWord(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (static_cast<unsigned char>(c) & 0x80U) != 0;
}

// Of the bytes that both begin with, those up to the end of a word: what follows is what varies.
std::string_view CommonBefore(std::string_view a, std::string_view b) {
  std::size_t n = static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  while (n > 0 && InWord(a[n - 1]))
    --n;
  return a.substr(0, n);
}

std::string_view CommonAfter(std::string_view a, std::string_view b) {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t n = 0;
  while (n < most && a[a.size() - 1 - n] == b[b.size() - 1 - n])
    ++n;
  while (n > 0 && InWord(a[a.size() - n]))
    --n;
  return a.substr(a.size() - n);
}

std::uint64_t First8(std::string_view string) {
  std::uint64_t first = 0;
  std::memcpy(&first, string.data(), sizeof first);
  return first * 0x9E3779B97F4A7C15U;
}

}  // namespace

Frames::Frames() : places_(kPlaces) {}

std::uint32_t Frames::Use(std::string_view string) {
  if (string.size() < kShortest || string.size() > kMostBytes) return kNoSlot;
  const std::uint64_t mixed = First8(string);
  const auto tag = static_cast<std::uint32_t>(mixed >> 16U) | 1U;  // never that of an empty place
  Place& place = places_[mixed >> 52U];
  static_assert(kPlaces == std::size_t{1} << (64 - 52));
  if (place.tag != tag) {
    if (place.hits > 0) {
      --place.hits;
      return kNoSlot;
    }
    Give(place, kNoSlot);
    place.tag = tag;
    SetSample(place, string);
    return kNoSlot;
  }
  if (!Fits(place.frame, string)) {
    Learn(place, string);
    if (!Fits(place.frame, string)) return kNoSlot;
  }
  place.hits = std::min(place.hits + 1, kMostHits);
  ++frames_[place.frame].uses;
  return place.frame;
}

// What the place has, wide enough for `string` too; or anew from its next two strings, when that is not worth it.
void Frames::Learn(Place& place, std::string_view string) {
  const bool none = place.frame == kNoSlot;
  const std::string_view before = CommonBefore(none ? place.sample : this->before(place.frame), string);
  const std::string_view rest = string.substr(before.size());  // the two ends may not overlap in it
  std::string_view after = CommonAfter(none ? place.sample : this->after(place.frame), rest);
  if (none) after = after.substr(after.size() - std::min(after.size(), place.sample.size() - before.size()));
  if (before.size() + after.size() >= kWorth) {
    Give(place, Make(before, after));
  } else if (place.hits > 0) {
    --place.hits;
  } else {
    Give(place, kNoSlot);
    SetSample(place, string);
  }
}

// `before` and `after` may be those of the place's present frame.
std::uint32_t Frames::Make(std::string_view before, std::string_view after) {
  if (size_ >= kMostFrames) return kNoSlot;
  std::string text;
  text.reserve(before.size() + after.size() + kBlockSlack);
  text.append(before).append(after).append(kBlockSlack, '\0');
  const auto before_bytes = static_cast<std::uint32_t>(before.size());
  const auto after_bytes = static_cast<std::uint32_t>(after.size());
  std::uint32_t number = end_;
  if (free_.empty()) {
    ++end_;
  } else {
    number = free_.back();
    free_.pop_back();
  }
  frames_.Ensure(number) = {std::move(text), before_bytes, after_bytes, 0};
  ++size_;
  return number;
}

void Frames::Give(Place& place, std::uint32_t frame) {
  if (frame != kNoSlot) {
    ++frames_[frame].uses;
    sample_bytes_ -= place.sample.capacity();
    std::string().swap(place.sample);
    sample_bytes_ += place.sample.capacity();
  }
  if (place.frame != kNoSlot) Release(place.frame);
  place.frame = frame;
  place.hits = 0;
}

void Frames::Release(std::uint32_t frame) {
  if (--frames_[frame].uses > 0) return;
  frames_[frame] = {};
  free_.push_back(frame);
  --size_;
}

void Frames::SetSample(Place& place, std::string_view string) {
  sample_bytes_ -= place.sample.capacity();
  place.sample = string;
  sample_bytes_ += place.sample.capacity();
}

}  // namespace tocsin
