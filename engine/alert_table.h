// The slots that alerts lie in, how they are found by key, and which of them have news for the journal. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/segmented.h"
#include "engine/slot_index.h"
#include "engine/stored_alert.h"

namespace tocsin {

class AlertTable {
 public:
  static constexpr std::uint32_t kMaxSlots = 1U << 26;  // of one shard: 8 GiB of records

  std::uint32_t Find(const AlertKey& key) const {
    return index_.Find(HashOf(key), [&](std::uint32_t slot) { return alerts_[slot].key == key; });
  }
  void Prefetch(const AlertKey& key) const { index_.Prefetch(HashOf(key)); }

  // A slot with a live, otherwise empty alert of this key, which must be new; kNoSlot when the table is full.
  std::uint32_t Add(const AlertKey& key);
  // Frees the slot. Its text and memberships have been dropped.
  void Remove(std::uint32_t slot);

  // Remembers that the journal must be told. Never allocates for kTouch.
  void Mark(std::uint32_t slot, Unsealed what) {
    StoredAlert& alert = alerts_[slot];
    if (what == Unsealed::kTouch) {
      if (alert.unsealed != Unsealed::kNothing) return;
      touched_.push_back(slot);
    } else if (alert.unsealed < Unsealed::kState) {
      changed_.push_back(slot);
    }
    alert.unsealed = std::max(alert.unsealed, what);
  }
  // Slots that were marked; one that was touched, then changed stands in both. The caller clears the marks.
  std::vector<std::uint32_t>& touched() { return touched_; }
  std::vector<std::uint32_t>& changed() { return changed_; }

  StoredAlert& at(std::uint32_t slot) { return alerts_[slot]; }
  const StoredAlert& at(std::uint32_t slot) const { return alerts_[slot]; }
  bool IsLive(std::uint32_t slot) const { return alerts_.Has(slot) && alerts_[slot].live; }
  std::uint32_t end() const { return end_; }
  std::size_t size() const { return index_.size(); }

  // Recovery: slots as the journal names them, then the rest from what is in them.
  StoredAlert& Restore(std::uint32_t slot);
  // Calls visit(slot, alert) for every live alert while it makes index and free slots anew and clears all marks.
  template <typename Visit>
  void Rebuild(Visit visit);

  std::size_t bytes() const {
    return alerts_.bytes() + index_.bytes() +
           (free_.capacity() + touched_.capacity() + changed_.capacity()) * sizeof(std::uint32_t);
  }

 private:
  // Of the upper half: the lower one says which shard an alert belongs to, so in one shard its bits are not all free.
  static std::uint32_t HashOf(const AlertKey& key) { return static_cast<std::uint32_t>(key.high); }
  void ReserveTouches() {
    if (touched_.capacity() < end_) touched_.reserve(std::max<std::size_t>(1024, std::size_t{end_} * 2));
  }

  Segmented<StoredAlert, 12> alerts_;
  SlotIndex index_;
  std::vector<std::uint32_t> free_;
  std::uint32_t end_ = 0;
  std::vector<std::uint32_t> touched_;
  std::vector<std::uint32_t> changed_;
};

inline std::uint32_t AlertTable::Add(const AlertKey& key) {
  std::uint32_t slot = end_;
  if (!free_.empty()) {
    slot = free_.back();
    free_.pop_back();
  } else if (end_ == kMaxSlots) {
    return kNoSlot;
  } else {
    ++end_;
    ReserveTouches();
  }
  StoredAlert& alert = alerts_.Ensure(slot);
  const Unsealed unsealed = alert.unsealed;  // of the alert that was here before: its removal may not be sealed yet
  alert = StoredAlert();
  alert.key = key;
  alert.live = true;
  alert.unsealed = unsealed;
  index_.Insert(HashOf(key), slot);
  return slot;
}

inline void AlertTable::Remove(std::uint32_t slot) {
  StoredAlert& alert = alerts_[slot];
  index_.Erase(HashOf(alert.key), slot);
  Mark(slot, Unsealed::kAll);
  alert = StoredAlert();
  alert.unsealed = Unsealed::kAll;
  free_.push_back(slot);
}

inline StoredAlert& AlertTable::Restore(std::uint32_t slot) {
  end_ = std::max(end_, slot + 1);
  return alerts_.Ensure(slot);
}

template <typename Visit>
void AlertTable::Rebuild(Visit visit) {
  index_.Clear();
  free_.clear();
  touched_.clear();
  changed_.clear();
  ReserveTouches();
  alerts_.ForEach(end_, [&](std::uint32_t slot, StoredAlert& alert) {
    alert.unsealed = Unsealed::kNothing;
    if (alert.live) {
      index_.Insert(HashOf(alert.key), slot);
      visit(slot, alert);
    } else {
      free_.push_back(slot);
    }
  });
}

}  // namespace tocsin
