// The groups of a shard and who is in them.
//
// Every alert that has fired has a chain of memberships, one for each group that its routes led to. Each group holds its
// members in eight lists: firing ones by severity, suppressed ones, resolved ones; a list is in the order in which its alerts
// entered it. So a group's counts, its highest severity, its oldest alert and its exemplars are read off the heads of the
// lists: a report costs the same for ten members and for a million.
//
// A group is there as long as it has members. Its totals begin at zero when it comes again after having been forgotten.
// One thread.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/segmented.h"
#include "engine/slot_index.h"
#include "engine/stored_alert.h"
#include "engine/texts.h"
#include "model/ids.h"
#include "model/severity.h"

namespace tocsin {

inline constexpr std::size_t kSeverities = 6;
// Which list of its groups an alert is in: its severity when firing, or one of these two.
inline constexpr std::size_t kSuppressedList = kSeverities;
inline constexpr std::size_t kResolvedList = kSeverities + 1;
inline constexpr std::size_t kLists = kSeverities + 2;

std::size_t ListOf(const StoredAlert& alert);

struct StoredGroup {
  struct List {
    std::uint32_t head = kNoSlot;  // memberships
    std::uint32_t tail = kNoSlot;
    std::uint32_t count = 0;
  };
  GroupKey key;  // unset: the slot is free
  TextRef text;  // labels, and the route's id in the place of the dedup key
  std::uint64_t fired_total = 0;
  std::uint64_t resolved_total = 0;
  std::array<List, kLists> lists;
  std::array<std::uint32_t, kSeverities> suppressed{};  // the members of that list by severity
  std::uint32_t acknowledged = 0;                       // among the firing ones
  std::uint32_t members = 0;                            // memberships, linked into lists or not
  Unsealed unsealed = Unsealed::kNothing;               // kState: totals; kAll: all of it
  bool changed = false;                                 // since the last report
  // What the last report said, to tell what cannot wait: the group's opening, its worsening, its end.
  Severity reported_highest = Severity::kUnknown;
  bool reported_firing = false;
  bool unexplained = false;  // it said that alerts are held back, and not by what

  std::uint32_t firing() const;
  Severity highest() const;             // among the firing ones
  Severity highest_suppressed() const;  // among the suppressed ones
  bool urgent() const;
};

struct Membership {
  std::uint32_t alert = kNoSlot;
  std::uint32_t group = kNoSlot;
  std::uint32_t previous = kNoSlot;  // in the group's list
  std::uint32_t next = kNoSlot;
  std::uint32_t sibling =
      kNoSlot;  // the alert's next membership, in the order of the routes; free ones: the next free one
};

class GroupTable {
 public:
  explicit GroupTable(TextStore& texts) : texts_(texts) {}

  std::uint32_t Find(GroupKey key) const;
  // A new group. Requires that there is none with this key.
  std::uint32_t Create(GroupKey key, TextRef text);
  // Adds `alert` to `group`, at the end of its chain, in no list as yet.
  void Join(StoredAlert& alert, std::uint32_t slot, std::uint32_t group);
  // Takes the chain of memberships, which are in no list, from `alert`, which may then join other groups, or the same ones.
  // EndMemberships ends them; groups without members are forgotten then, not before.
  std::uint32_t TakeMemberships(StoredAlert& alert) { return std::exchange(alert.memberships, kNoSlot); }
  void EndMemberships(std::uint32_t chain);

  // Links the alert's memberships at the ends of the lists of its present standing; unlinks them from those. Between the
  // two the alert may change its standing. Totals are counted by the caller with CountFired and CountResolved.
  void Link(const StoredAlert& alert);
  void Unlink(const StoredAlert& alert);
  void CountFired(const StoredAlert& alert);
  void CountResolved(const StoredAlert& alert);
  // Requires a firing alert that is not acknowledged.
  void SetAcknowledged(StoredAlert& alert);
  // Gives a linked alert another severity that leaves it in its lists.
  void SetSeverity(StoredAlert& alert, Severity severity);
  // The reports of its groups would read differently.
  void MarkChanged(const StoredAlert& alert);

  // Calls visit(group number) in the order of the routes.
  template <typename Visit>
  void VisitGroups(const StoredAlert& alert, Visit visit) const {
    for (std::uint32_t m = alert.memberships; m != kNoSlot; m = memberships_[m].sibling)
      visit(memberships_[m].group);
  }
  // Calls visit(alert slot) for a list's members in order until it returns false.
  template <typename Visit>
  void VisitList(std::uint32_t group, std::size_t list, Visit visit) const {
    std::uint32_t m = groups_[group].lists[list].head;
    while (m != kNoSlot && visit(memberships_[m].alert))
      m = memberships_[m].next;
  }
  std::uint32_t HeadOf(std::uint32_t group, std::size_t list) const {
    const std::uint32_t head = groups_[group].lists[list].head;
    return head == kNoSlot ? kNoSlot : memberships_[head].alert;
  }

  std::uint32_t TailOf(std::uint32_t group, std::size_t list) const {
    const std::uint32_t tail = groups_[group].lists[list].tail;
    return tail == kNoSlot ? kNoSlot : memberships_[tail].alert;
  }

  StoredGroup& at(std::uint32_t group) { return groups_[group]; }
  const StoredGroup& at(std::uint32_t group) const { return groups_[group]; }
  bool Has(std::uint32_t group) const { return groups_.Has(group) && groups_[group].key.set(); }
  std::uint32_t end() const { return end_; }
  std::size_t size() const { return index_.size(); }

  // Groups with something for the journal, or to report; the caller clears the marks and the vectors.
  std::vector<std::uint32_t>& unsealed() { return unsealed_; }
  std::vector<std::uint32_t>& changed() { return changed_; }
  void MarkChanged(std::uint32_t group);

  // Recovery: groups and memberships as the journal says; Rebuild then makes everything that follows from them, but for the
  // lists, which the caller fills by Link in the order of the alerts.
  void Restore(
      std::uint32_t group, GroupKey key, TextRef text, std::uint64_t fired_total, std::uint64_t resolved_total);
  void RestoreTotals(std::uint32_t group, std::uint64_t fired_total, std::uint64_t resolved_total);
  void RestoreMembership(StoredAlert& alert, std::uint32_t slot, std::uint32_t group);
  void RestoreNoMemberships(StoredAlert& alert);
  void BeginRebuild();
  void RebuildMember(StoredAlert& alert);  // drops memberships of groups that are not there
  void EndRebuild();                       // forgets groups without members, counts the texts of the others

  std::size_t bytes() const;

 private:
  std::uint32_t NewMembership();
  void FreeMembership(std::uint32_t membership);
  void Forget(std::uint32_t group);
  void MarkUnsealed(std::uint32_t group, Unsealed what);

  TextStore& texts_;
  Segmented<StoredGroup, 9> groups_;
  Segmented<Membership, 12> memberships_;
  SlotIndex index_;
  std::vector<std::uint32_t> free_groups_;
  std::uint32_t end_ = 0;
  std::uint32_t free_membership_ = kNoSlot;
  std::uint32_t memberships_end_ = 0;
  std::vector<std::uint32_t> unsealed_;
  std::vector<std::uint32_t> changed_;
};

}  // namespace tocsin
