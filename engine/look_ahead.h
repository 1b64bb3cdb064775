// Fetches what the events of a record will need before they are applied: most of what an event costs in a large table is
// waiting for memory, and which lines those are is known in advance.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/shard.h"
#include "model/event.h"

namespace tocsin {

class LookAhead {
 public:
  // `events` lie one after the other, `count` of them.
  LookAhead(const Shard& shard, const std::byte* events, std::uint32_t count)
      : shard_(shard), count_(count), places_{events}, records_{events}, texts_{events} {}

  // Call it before event `i`, for each in turn.
  void To(std::uint32_t i) {
    Advance(places_, i + kPlaces, [this](const EventHeader& of) { shard_.Prefetch(of.key, Shard::Ahead::kPlace); });
    Advance(records_, i + kRecords, [this](const EventHeader& of) {
      const bool repeat = of.form == EventHeader::Form::kRepeat;
      shard_.Prefetch(of.key, repeat ? Shard::Ahead::kFirstLine : Shard::Ahead::kRecord);
    });
    Advance(texts_, i + kTexts, [this](const EventHeader& of) {
      if (of.form == EventHeader::Form::kWhole) shard_.Prefetch(of.key, Shard::Ahead::kText);
    });
  }

 private:
  // So many events ahead: between one and the next memory has the time to answer.
  static constexpr std::uint32_t kPlaces = 12;
  static constexpr std::uint32_t kRecords = 8;
  static constexpr std::uint32_t kTexts = 4;

  struct Cursor {
    const std::byte* at;
    std::uint32_t next = 0;
  };
  template <typename Visit>
  void Advance(Cursor& cursor, std::uint32_t to, Visit visit) {
    for (; cursor.next < count_ && cursor.next <= to; ++cursor.next) {
      const EventHeader& header = EventView(cursor.at).header();
      visit(header);
      cursor.at += header.size;
    }
  }

  const Shard& shard_;
  std::uint32_t count_;
  Cursor places_;
  Cursor records_;
  Cursor texts_;
};

}  // namespace tocsin
