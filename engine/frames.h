// What strings that are all different have in common. "error rate of db17 is at 3.1 %" and its thousands of siblings are made
// from one template; what they share at both ends is kept once, as a frame, and of each only what stands inside it.
//
// Frames are learnt from what comes: two strings that begin alike make one, cut back to the ends of words, and one that does
// not fit makes it wider. They exist in memory only: the journal has whole strings, so a frame is nothing that a recovery
// could miss, and two runs may cut differently. Counted by the strings that use them, and bounded. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/segmented.h"
#include "engine/short_strings.h"

namespace tocsin {

class Frames {
 public:
  // Strings beyond this stay whole.
  static constexpr std::size_t kMostBytes = 512;

  Frames();

  // A frame that `string` fits into, one use added; kNoSlot: it stays whole.
  std::uint32_t Use(std::string_view string);
  // The same of a frame that was given before, and may be another one by now, or none.
  bool UseAgain(std::uint32_t frame, std::string_view string) {
    if (!Fits(frame, string)) return false;
    ++frames_[frame].uses;
    return true;
  }
  // Whether `string` fits into a frame that is in use.
  bool Fits(std::uint32_t frame, std::string_view string) const {
    if (frame == kNoSlot) return false;
    const Frame& of = frames_[frame];
    if (of.uses == 0 || of.before + of.after > string.size() || string.size() > kMostBytes) return false;
    const char* const text = of.text.data();
    return SameBytes(text, string.data(), of.before) &&
           SameBytes(text + of.before, string.data() + string.size() - of.after, of.after);
  }
  void Release(std::uint32_t frame);

  // What stands before and after, with kBlockSlack bytes behind that may be read.
  std::string_view before(std::uint32_t frame) const {
    const Frame& of = frames_[frame];
    return {of.text.data(), of.before};
  }
  std::string_view after(std::uint32_t frame) const {
    const Frame& of = frames_[frame];
    return {of.text.data() + of.before, of.after};
  }
  std::size_t size() const { return size_; }
  // Less the texts of frames, of which there are few.
  std::size_t bytes() const {
    return frames_.bytes() + free_.capacity() * sizeof(std::uint32_t) + places_.capacity() * sizeof(Place) +
           sample_bytes_;
  }

 private:
  struct Frame {
    std::string
        text;  // what stands before, then what stands after, then kBlockSlack bytes for whoever copies in blocks
    std::uint32_t before = 0;
    std::uint32_t after = 0;
    std::uint32_t uses = 0;  // that of its place included
  };
  // Where strings that begin with the same few bytes meet. Others that come to the same place drive it out in time.
  struct Place {
    std::uint32_t tag = 0;
    std::uint32_t frame = kNoSlot;
    std::uint32_t hits = 0;  // of late
    std::string sample;      // as long as there is no frame
  };

  std::uint32_t Make(std::string_view before, std::string_view after);
  void Give(Place& place, std::uint32_t frame);
  void Learn(Place& place, std::string_view string);
  void SetSample(Place& place, std::string_view string);

  Segmented<Frame, 8> frames_;
  std::uint32_t end_ = 0;
  std::uint32_t size_ = 0;
  std::vector<std::uint32_t> free_;
  std::vector<Place> places_;
  std::size_t sample_bytes_ = 0;  // that samples take
};

}  // namespace tocsin
