#include "engine/group_table.h"

#include <algorithm>
#include <utility>

#include "base/status.h"

namespace tocsin {
namespace {

std::uint32_t HashOf(GroupKey key) {
  return static_cast<std::uint32_t>(key.value() >> 32U);
}

}  // namespace

std::size_t ListOf(bool firing, Severity severity, bool held) {
  if (!firing) return kResolvedList;
  return held ? kSuppressedList : static_cast<std::size_t>(severity);
}

std::uint32_t StoredGroup::firing() const {
  std::uint32_t count = 0;
  for (std::size_t severity = 0; severity < kSeverities; ++severity)
    count += lists[severity].count;
  return count;
}

Severity StoredGroup::highest() const {
  for (std::size_t severity = kSeverities; severity-- > 0;) {
    if (lists[severity].count > 0) return static_cast<Severity>(severity);
  }
  return Severity::kUnknown;
}

Severity StoredGroup::highest_suppressed() const {
  for (std::size_t severity = kSeverities; severity-- > 0;) {
    if (suppressed[severity] > 0) return static_cast<Severity>(severity);
  }
  return Severity::kUnknown;
}

bool StoredGroup::urgent() const {
  return (firing() > 0) != reported_firing || highest() > reported_highest;
}

std::uint32_t GroupTable::Find(GroupKey key) const {
  return index_.Find(HashOf(key), [&](std::uint32_t group) { return groups_[group].key == key; });
}

std::uint32_t GroupTable::Create(GroupKey key, TextRef text) {
  std::uint32_t group = end_;
  if (free_groups_.empty()) {
    ++end_;
  } else {
    group = free_groups_.back();
    free_groups_.pop_back();
  }
  StoredGroup& created = groups_.Ensure(group);
  // The slot may still stand in the vectors of marks from the group that was here before: keep those marks.
  const bool listed_unsealed = created.unsealed != Unsealed::kNothing;
  const bool listed_changed = created.changed;
  created = {};
  created.key = key;
  created.text = text;
  created.changed = listed_changed;
  created.unsealed = Unsealed::kAll;
  if (!listed_unsealed) unsealed_.push_back(group);
  index_.Insert(HashOf(key), group, [this](std::uint32_t of) { return HashOf(groups_[of].key); });
  return group;
}

std::uint32_t GroupTable::NewMembership(std::uint32_t slot, std::uint32_t group) {
  std::uint32_t membership = free_membership_;
  if (membership == kNoSlot) {
    memberships_.Ensure(memberships_end_);
    membership = kSeveral + memberships_end_++;
  } else {
    free_membership_ = MembershipAt(membership).sibling;
  }
  MembershipAt(membership) = {slot, group, {}, kNoSlot};
  return membership;
}

void GroupTable::FreeMembership(std::uint32_t membership) {
  MembershipAt(membership) = {};
  MembershipAt(membership).sibling = free_membership_;
  free_membership_ = membership;
}

void GroupTable::RestoreMembership(std::uint32_t slot, std::uint32_t group) {
  std::uint32_t& groups = alerts_.cold(slot).groups;
  if (groups == kNoSlot) {
    groups = group;
    return;
  }
  if (groups < kSeveral) groups = NewMembership(slot, groups);
  std::uint32_t last = groups;
  while (MembershipAt(last).sibling != kNoSlot)
    last = MembershipAt(last).sibling;
  MembershipAt(last).sibling = NewMembership(slot, group);
}

void GroupTable::Join(std::uint32_t slot, std::uint32_t group) {
  RestoreMembership(slot, group);
  ++groups_[group].members;
}

void GroupTable::EndMemberships(std::uint32_t memberships) {
  const auto leave = [this](std::uint32_t group) {
    if (--groups_[group].members == 0) Forget(group);
  };
  if (memberships < kSeveral) return leave(memberships);
  while (memberships != kNoSlot) {
    const std::uint32_t group = MembershipAt(memberships).group;
    const std::uint32_t next = MembershipAt(memberships).sibling;
    FreeMembership(memberships);
    memberships = next;
    leave(group);
  }
}

void GroupTable::Forget(std::uint32_t group) {
  StoredGroup& forgotten = groups_[group];
  index_.Erase(HashOf(forgotten.key), group, [this](std::uint32_t of) { return HashOf(groups_[of].key); });
  texts_.Drop(forgotten.text);
  // The marks stay: they say that the slot's number stands in the vectors.
  forgotten.key = GroupKey();
  forgotten.text = {};
  free_groups_.push_back(group);
}

template <typename Visit>
void GroupTable::VisitMembers(std::uint32_t slot, Visit visit) {
  const std::uint32_t groups = alerts_.cold(slot).groups;
  if (groups < kSeveral) return visit(slot, groups);
  for (std::uint32_t m = groups; m != kNoSlot; m = MembershipAt(m).sibling)
    visit(m, MembershipAt(m).group);
}

void GroupTable::Link(std::uint32_t slot) {
  const StoredAlert& alert = alerts_.at(slot);
  const std::size_t list_number = ListOf(alert.firing, alert.severity, alerts_.ref(slot).suppressed());
  const bool acknowledged = list_number < kSeverities && alert.acknowledged;
  VisitMembers(slot, [&](std::uint32_t member, std::uint32_t number) {
    StoredGroup& group = groups_[number];
    StoredGroup::List& list = group.lists[list_number];
    LinkOf(member) = {list.tail, kNoSlot};
    (list.tail == kNoSlot ? list.head : LinkOf(list.tail).next) = member;
    list.tail = member;
    ++list.count;
    if (list_number == kSuppressedList) ++group.suppressed[static_cast<std::size_t>(alert.severity)];
    if (acknowledged) ++group.acknowledged;
    MarkChanged(number);
  });
}

void GroupTable::Unlink(std::uint32_t slot) {
  const StoredAlert& alert = alerts_.at(slot);
  const std::size_t list_number = ListOf(alert.firing, alert.severity, alerts_.ref(slot).suppressed());
  const bool acknowledged = list_number < kSeverities && alert.acknowledged;
  VisitMembers(slot, [&](std::uint32_t member, std::uint32_t number) {
    StoredGroup& group = groups_[number];
    StoredGroup::List& list = group.lists[list_number];
    const ListLink link = std::exchange(LinkOf(member), {});
    (link.previous == kNoSlot ? list.head : LinkOf(link.previous).next) = link.next;
    (link.next == kNoSlot ? list.tail : LinkOf(link.next).previous) = link.previous;
    --list.count;
    if (list_number == kSuppressedList) --group.suppressed[static_cast<std::size_t>(alert.severity)];
    if (acknowledged) --group.acknowledged;
    MarkChanged(number);
  });
}

void GroupTable::SetSeverity(std::uint32_t slot, Severity severity) {
  StoredAlert& alert = alerts_.at(slot);
  const Severity before = alert.severity;
  alert.severity = severity;
  if (!alerts_.ref(slot).suppressed()) return;
  VisitGroups(slot, [&](std::uint32_t number) {
    StoredGroup& group = groups_[number];
    --group.suppressed[static_cast<std::size_t>(before)];
    ++group.suppressed[static_cast<std::size_t>(severity)];
  });
}

void GroupTable::CountFired(std::uint32_t slot) {
  VisitGroups(slot, [&](std::uint32_t group) {
    ++groups_[group].fired_total;
    MarkUnsealed(group, Unsealed::kState);
  });
}

void GroupTable::CountResolved(std::uint32_t slot) {
  VisitGroups(slot, [&](std::uint32_t group) {
    ++groups_[group].resolved_total;
    MarkUnsealed(group, Unsealed::kState);
  });
}

void GroupTable::SetAcknowledged(std::uint32_t slot) {
  alerts_.at(slot).acknowledged = true;
  if (alerts_.ref(slot).suppressed()) return;
  VisitGroups(slot, [&](std::uint32_t group) { ++groups_[group].acknowledged; });
  MarkGroupsChanged(slot);
}

void GroupTable::MarkGroupsChanged(std::uint32_t slot) {
  VisitGroups(slot, [&](std::uint32_t group) { MarkChanged(group); });
}

void GroupTable::MarkChanged(std::uint32_t group) {
  if (groups_[group].changed) return;
  groups_[group].changed = true;
  changed_.push_back(group);
}

void GroupTable::MarkUnsealed(std::uint32_t group, Unsealed what) {
  Unsealed& unsealed = groups_[group].unsealed;
  if (unsealed == Unsealed::kNothing) unsealed_.push_back(group);
  unsealed = std::max(unsealed, what);
}

void GroupTable::Restore(
    std::uint32_t group, GroupKey key, TextRef text, std::uint64_t fired_total, std::uint64_t resolved_total) {
  StoredGroup& restored = groups_.Ensure(group);
  if (restored.key.set()) texts_.DropUncounted(restored.text);
  restored.key = key;
  restored.text = text;
  restored.fired_total = fired_total;
  restored.resolved_total = resolved_total;
  end_ = std::max(end_, group + 1);
}

void GroupTable::RestoreTotals(std::uint32_t group, std::uint64_t fired_total, std::uint64_t resolved_total) {
  if (!Has(group)) return;  // an image taken after the group was forgotten
  groups_[group].fired_total = fired_total;
  groups_[group].resolved_total = resolved_total;
}

void GroupTable::RestoreNoMemberships(std::uint32_t slot) {
  for (std::uint32_t m = TakeMemberships(slot); IsMembership(m);) {
    const std::uint32_t next = MembershipAt(m).sibling;
    FreeMembership(m);
    m = next;
  }
}

void GroupTable::BeginRebuild() {
  index_.Clear();
  free_groups_.clear();
  unsealed_.clear();
  changed_.clear();
  groups_.ForEach(end_, [](std::uint32_t, StoredGroup& group) {
    group.lists = {};
    group.suppressed = {};
    group.acknowledged = 0;
    group.members = 0;
    group.unsealed = Unsealed::kNothing;
    group.changed = false;
  });
}

void GroupTable::RebuildMember(std::uint32_t slot) {
  bool damaged = false;
  VisitGroups(slot, [&](std::uint32_t group) { damaged = damaged || !Has(group); });
  if (damaged) {
    std::vector<std::uint32_t> kept;
    VisitGroups(slot, [&](std::uint32_t group) {
      if (Has(group)) kept.push_back(group);
    });
    RestoreNoMemberships(slot);
    for (const std::uint32_t group : kept)
      RestoreMembership(slot, group);
  }
  VisitMembers(slot, [&](std::uint32_t member, std::uint32_t group) {
    LinkOf(member) = {};
    ++groups_[group].members;
  });
}

void GroupTable::EndRebuild() {
  groups_.ForEach(end_, [&](std::uint32_t number, StoredGroup& group) {
    if (group.key.set() && group.members == 0) {
      texts_.DropUncounted(group.text);
      group.key = GroupKey();
      group.text = {};
    }
    if (group.key.set()) {
      texts_.Count(group.text);
      index_.Insert(HashOf(group.key), number, [this](std::uint32_t of) { return HashOf(groups_[of].key); });
    } else {
      free_groups_.push_back(number);
    }
  });
}

std::size_t GroupTable::bytes() const {
  return groups_.bytes() + memberships_.bytes() + index_.bytes() +
         (free_groups_.capacity() + unsealed_.capacity() + changed_.capacity()) * sizeof(std::uint32_t);
}

}  // namespace tocsin
