// The groups of a shard and who is in them.
//
// Every alert that has fired is a member of each group that its routes led to. Nearly all are in one group alone: theirs is kept
// in the alert's own record (ColdAlert). Others have a chain of memberships beside it. Each group holds its members in eight lists: firing ones by severity, suppressed ones, resolved ones; a list is in the order in which its alerts
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

#include "engine/alert_table.h"
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

// Of an alert of such standing; `severity` and `held` count while it fires.
std::size_t ListOf(bool firing, Severity severity, bool held);

struct StoredGroup {
  struct List {
    std::uint32_t head = kNoSlot;  // members
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

// One of several of an alert.
struct Membership {
  std::uint32_t alert = kNoSlot;
  std::uint32_t group = kNoSlot;
  ListLink link;
  std::uint32_t sibling =
      kNoSlot;  // the alert's next membership, in the order of the routes; free ones: the next free one
};

class GroupTable {
 public:
  GroupTable(TextStore& texts, AlertTable& alerts) : texts_(texts), alerts_(alerts) {}

  std::uint32_t Find(GroupKey key) const;
  // The same, where `guess` is the number that it probably has, or kNoSlot.
  std::uint32_t Find(GroupKey key, std::uint32_t guess) const {
    return Has(guess) && groups_[guess].key == key ? guess : Find(key);
  }
  // A new group. Requires that there is none with this key.
  std::uint32_t Create(GroupKey key, TextRef text);
  // Adds the alert to `group`, at the end of its chain, in no list as yet.
  void Join(std::uint32_t slot, std::uint32_t group);
  // Takes the memberships, which are in no list, from an alert, which may then join other groups, or the same ones.
  // EndMemberships ends them; groups without members are forgotten then, not before.
  std::uint32_t TakeMemberships(std::uint32_t slot) { return std::exchange(alerts_.cold(slot).groups, kNoSlot); }
  void EndMemberships(std::uint32_t memberships);
  bool IsInNone(std::uint32_t slot) const { return alerts_.cold(slot).groups == kNoSlot; }

  // Links the alert's memberships at the ends of the lists of its present standing; unlinks them from those. Between the
  // two the alert may change its standing. Totals are counted by the caller with CountFired and CountResolved.
  void Link(std::uint32_t slot);
  void Unlink(std::uint32_t slot);
  void CountFired(std::uint32_t slot);
  void CountResolved(std::uint32_t slot);
  // Requires a firing alert that is not acknowledged.
  void SetAcknowledged(std::uint32_t slot);
  // Gives a linked alert another severity that leaves it in its lists.
  void SetSeverity(std::uint32_t slot, Severity severity);
  // The reports of its groups would read differently.
  void MarkGroupsChanged(std::uint32_t slot);

  // Calls visit(group number) in the order of the routes.
  template <typename Visit>
  void VisitGroups(std::uint32_t slot, Visit visit) const {
    VisitChain(alerts_.cold(slot).groups, visit);
  }
  // Calls visit(alert slot) for a list's members in order until it returns false.
  template <typename Visit>
  void VisitList(std::uint32_t group, std::size_t list, Visit visit) const {
    std::uint32_t member = groups_[group].lists[list].head;
    while (member != kNoSlot && visit(AlertOf(member)))
      member = LinkOf(member).next;
  }
  std::uint32_t HeadOf(std::uint32_t group, std::size_t list) const { return AlertOf(groups_[group].lists[list].head); }
  std::uint32_t TailOf(std::uint32_t group, std::size_t list) const { return AlertOf(groups_[group].lists[list].tail); }

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
  void RestoreMembership(std::uint32_t slot, std::uint32_t group);
  void RestoreNoMemberships(std::uint32_t slot);
  void BeginRebuild();
  void RebuildMember(std::uint32_t slot);  // drops memberships of groups that are not there
  void EndRebuild();                       // forgets groups without members, counts the texts of the others

  std::size_t bytes() const;

 private:
  // A number below kSeveral in ColdAlert::groups is the alert's only group; from there on it is its first membership. In the
  // same way a member of a list is an alert, or a membership.
  static constexpr std::uint32_t kSeveral = 1U << 26;
  static_assert(AlertTable::kMaxSlots <= kSeveral);

  bool IsMembership(std::uint32_t number) const { return number >= kSeveral && number != kNoSlot; }
  Membership& MembershipAt(std::uint32_t member) { return memberships_[member - kSeveral]; }
  const Membership& MembershipAt(std::uint32_t member) const { return memberships_[member - kSeveral]; }
  std::uint32_t AlertOf(std::uint32_t member) const {
    return IsMembership(member) ? MembershipAt(member).alert : member;  // kNoSlot is nobody's
  }
  ListLink& LinkOf(std::uint32_t member) {
    return IsMembership(member) ? MembershipAt(member).link : alerts_.cold(member).link;
  }
  const ListLink& LinkOf(std::uint32_t member) const {
    return IsMembership(member) ? MembershipAt(member).link : alerts_.cold(member).link;
  }
  // Calls visit(group number) for what an alert's `groups` says.
  template <typename Visit>
  void VisitChain(std::uint32_t chain, Visit visit) const {
    if (chain < kSeveral) return visit(chain);
    for (; chain != kNoSlot; chain = MembershipAt(chain).sibling)
      visit(MembershipAt(chain).group);
  }
  // Calls visit(member, group) for each of an alert's memberships.
  template <typename Visit>
  void VisitMembers(std::uint32_t slot, Visit visit);

  std::uint32_t NewMembership(std::uint32_t slot, std::uint32_t group);
  void FreeMembership(std::uint32_t membership);
  void Forget(std::uint32_t group);
  void MarkUnsealed(std::uint32_t group, Unsealed what);

  TextStore& texts_;
  AlertTable& alerts_;
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
