// The slots that alerts lie in, how they are found by key and by label, and which of them have news for the journal. Nothing
// here is ever copied because it grows: everything that has an element for each alert is in segments. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/segmented.h"
#include "engine/signature.h"
#include "engine/slot_index.h"
#include "engine/stored_alert.h"

namespace tocsin {

class AlertTable {
 public:
  static constexpr std::uint32_t kMaxSlots = SlotIndex::kMaxValues;  // of one shard

  explicit AlertTable(Arena* arena = nullptr) : hot_(arena), cold_(arena), signatures_(arena), index_(arena) {}

  // What an event is about. Keys are hashes that a sender can aim, at what another integration has sent too: so an alert belongs to its
  // integration by name, not by its key alone.
  std::uint32_t Find(const AlertKey& key, IntegrationIndex integration) const {
    return index_.Find(HashOf(key), [&](std::uint32_t slot) {
      return hot_[slot].key == key && hot_[slot].integration == integration;
    });
  }
  // The same, where `guess` is the slot that it probably has, or kNoSlot.
  std::uint32_t Find(const AlertKey& key, IntegrationIndex integration, std::uint32_t guess) const {
    if (guess != kNoSlot) {
      const StoredAlert& alert = hot_[guess];
      if (alert.key == key && alert.integration == integration && alert.live) [[likely]]
        return guess;
    }
    return Find(key, integration);
  }
  // What people ask about.
  std::uint32_t Find(const AlertKey& key) const {
    return index_.Find(HashOf(key), [&](std::uint32_t slot) { return hot_[slot].key == key; });
  }
  // All three are inlined always, see TextStore::Prefetch.
  [[gnu::always_inline]] void Prefetch(const AlertKey& key) const { index_.Prefetch(HashOf(key)); }
  // Nearly always what Find will say, without a look at any record.
  std::uint32_t Guess(const AlertKey& key) const {
    return index_.Find(HashOf(key), [](std::uint32_t) { return true; });
  }
  [[gnu::always_inline]] void PrefetchHot(std::uint32_t slot) const { __builtin_prefetch(&hot_[slot], /*rw=*/1); }
  [[gnu::always_inline]] void PrefetchCold(std::uint32_t slot) const { __builtin_prefetch(&cold_[slot], /*rw=*/1); }

  // A slot with a live, otherwise empty alert of this key, which its integration must not have; kNoSlot when the table is full.
  std::uint32_t Add(const AlertKey& key);
  // Frees the slot. Its text and memberships have been dropped.
  void Remove(std::uint32_t slot);

  // Remembers that the journal must be told. Never allocates for kTouch.
  [[gnu::always_inline]] void Mark(std::uint32_t slot, Unsealed what) {
    if (hot_[slot].unsealed < what) MarkMore(slot, what);
  }
  // Slots that were marked; one that was touched, then changed stands in both. The caller clears the marks.
  std::vector<std::uint32_t>& touched() { return touched_; }
  std::vector<std::uint32_t>& changed() { return changed_; }

  StoredAlert& at(std::uint32_t slot) { return hot_[slot]; }
  const StoredAlert& at(std::uint32_t slot) const { return hot_[slot]; }
  ColdAlert& cold(std::uint32_t slot) { return cold_[slot]; }
  const ColdAlert& cold(std::uint32_t slot) const { return cold_[slot]; }
  AlertRef ref(std::uint32_t slot) { return {hot_[slot], cold_[slot]}; }
  ConstAlertRef ref(std::uint32_t slot) const { return {hot_[slot], cold_[slot]}; }
  bool IsLive(std::uint32_t slot) const { return hot_.Has(slot) && hot_[slot].live; }
  std::uint32_t end() const { return end_; }
  std::size_t size() const { return index_.size(); }

  // Of the labels of a slot's alert; 0 for slots without one.
  void SetSignature(std::uint32_t slot, Signature signature) { signatures_[slot] = signature; }
  // The first slot in [slot, limit) whose alert may have all that is asked for, else `limit`. Requires limit <= end().
  std::uint32_t NextThatMayHave(Signature asked, std::uint32_t slot, std::uint32_t limit) const;

  // Recovery: slots as the journal names them, then the rest from what is in them.
  AlertRef Restore(std::uint32_t slot);
  // Calls visit(slot) for every live alert while it makes index and free slots anew and clears all marks.
  template <typename Visit>
  void Rebuild(Visit visit);

  std::size_t bytes() const {
    return hot_.bytes() + cold_.bytes() + signatures_.bytes() + index_.bytes() +
           (touched_.capacity() + changed_.capacity()) * sizeof(std::uint32_t);
  }

 private:
  static constexpr unsigned kSegmentBits = 12;

  void MarkMore(std::uint32_t slot, Unsealed what) {
    StoredAlert& alert = hot_[slot];
    if (what == Unsealed::kTouch) {
      touched_.push_back(slot);
    } else if (alert.unsealed < Unsealed::kState) {
      changed_.push_back(slot);
    }
    alert.unsealed = what;
  }
  // Of the upper half: the lower one says which shard an alert belongs to, so in one shard its bits are not all free.
  static std::uint32_t HashOf(const AlertKey& key) { return static_cast<std::uint32_t>(key.high); }
  void Index(std::uint32_t slot) {
    index_.Insert(HashOf(hot_[slot].key), slot, [this](std::uint32_t of) { return HashOf(hot_[of].key); });
  }
  void Ensure(std::uint32_t slot) {
    hot_.Ensure(slot);
    cold_.Ensure(slot);
    signatures_.Ensure(slot);
  }
  // For all slots of the segments that are there. The memory of a vector that is not written to is not resident, and only what
  // is in it now is copied.
  void ReserveTouches() {
    const std::size_t slots = (std::size_t{end_} + hot_.kSegment - 1) / hot_.kSegment * hot_.kSegment;
    if (touched_.capacity() < slots) touched_.reserve(slots * 2);
  }
  void PushFree(std::uint32_t slot) {
    cold_[slot].link.next = free_;
    free_ = slot;
  }

  Segmented<StoredAlert, kSegmentBits> hot_;
  Segmented<ColdAlert, kSegmentBits> cold_;
  Segmented<Signature, kSegmentBits> signatures_;
  SlotIndex index_;
  std::uint32_t free_ = kNoSlot;  // the first free slot, each of which links to the next
  std::uint32_t end_ = 0;
  std::vector<std::uint32_t> touched_;
  std::vector<std::uint32_t> changed_;
};

inline std::uint32_t AlertTable::Add(const AlertKey& key) {
  std::uint32_t slot = end_;
  if (free_ != kNoSlot) {
    slot = free_;
    free_ = cold_[slot].link.next;
  } else if (end_ == kMaxSlots) {
    return kNoSlot;
  } else {
    ++end_;
    if (!hot_.Has(slot)) {
      ReserveTouches();
      Ensure(slot);
    }
  }
  StoredAlert& alert = hot_[slot];
  const Unsealed unsealed = alert.unsealed;  // of the alert that was here before: its removal may not be sealed yet
  alert = StoredAlert();
  cold_[slot] = ColdAlert();
  alert.key = key;
  alert.live = true;
  alert.unsealed = unsealed;
  Index(slot);
  return slot;
}

inline void AlertTable::Remove(std::uint32_t slot) {
  StoredAlert& alert = hot_[slot];
  index_.Erase(HashOf(alert.key), slot, [this](std::uint32_t of) { return HashOf(hot_[of].key); });
  Mark(slot, Unsealed::kAll);
  alert = StoredAlert();
  alert.unsealed = Unsealed::kAll;
  cold_[slot] = ColdAlert();
  signatures_[slot] = 0;
  PushFree(slot);
}

inline std::uint32_t AlertTable::NextThatMayHave(Signature asked, std::uint32_t slot, std::uint32_t limit) const {
  while (slot < limit) {
    const std::uint32_t end = std::min(limit, (slot | (signatures_.kSegment - 1)) + 1);
    if (!signatures_.Has(slot)) {
      slot = end;
      continue;
    }
    const Signature* at = &signatures_[slot];
    for (; end - slot >= 4; slot += 4, at += 4) {  // one branch for four
      if (MayHave(at[0], asked) | MayHave(at[1], asked) | MayHave(at[2], asked) | MayHave(at[3], asked)) break;
    }
    for (; slot < end; ++slot, ++at) {
      if (MayHave(*at, asked)) return slot;
    }
  }
  return limit;
}

inline AlertRef AlertTable::Restore(std::uint32_t slot) {
  end_ = std::max(end_, slot + 1);
  Ensure(slot);
  return ref(slot);
}

template <typename Visit>
void AlertTable::Rebuild(Visit visit) {
  index_.Clear();
  free_ = kNoSlot;
  touched_.clear();
  changed_.clear();
  ReserveTouches();
  hot_.ForEach(end_, [&](std::uint32_t slot, StoredAlert& alert) {
    alert.unsealed = Unsealed::kNothing;
    if (alert.live) {
      Index(slot);
      visit(slot);
    } else {
      signatures_[slot] = 0;
      PushFree(slot);
    }
  });
}

}  // namespace tocsin
