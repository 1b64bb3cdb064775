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

std::size_t ListOf(const StoredAlert& alert) {
  if (!alert.firing) return kResolvedList;
  return alert.hold.set() ? kSuppressedList : static_cast<std::size_t>(alert.severity);
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
  index_.Insert(HashOf(key), group);
  return group;
}

std::uint32_t GroupTable::NewMembership() {
  if (free_membership_ == kNoSlot) {
    memberships_.Ensure(memberships_end_);
    return memberships_end_++;
  }
  const std::uint32_t membership = free_membership_;
  free_membership_ = memberships_[membership].sibling;
  return membership;
}

void GroupTable::FreeMembership(std::uint32_t membership) {
  memberships_[membership] = {};
  memberships_[membership].sibling = free_membership_;
  free_membership_ = membership;
}

void GroupTable::RestoreMembership(StoredAlert& alert, std::uint32_t slot, std::uint32_t group) {
  const std::uint32_t membership = NewMembership();
  memberships_[membership] = {slot, group, kNoSlot, kNoSlot, kNoSlot};
  if (alert.memberships == kNoSlot) {
    alert.memberships = membership;
    return;
  }
  std::uint32_t last = alert.memberships;
  while (memberships_[last].sibling != kNoSlot)
    last = memberships_[last].sibling;
  memberships_[last].sibling = membership;
}

void GroupTable::Join(StoredAlert& alert, std::uint32_t slot, std::uint32_t group) {
  RestoreMembership(alert, slot, group);
  ++groups_[group].members;
}

void GroupTable::EndMemberships(std::uint32_t chain) {
  while (chain != kNoSlot) {
    const std::uint32_t group = memberships_[chain].group;
    const std::uint32_t next = memberships_[chain].sibling;
    FreeMembership(chain);
    chain = next;
    if (--groups_[group].members == 0) Forget(group);
  }
}

void GroupTable::Forget(std::uint32_t group) {
  StoredGroup& forgotten = groups_[group];
  index_.Erase(HashOf(forgotten.key), group);
  texts_.Drop(forgotten.text);
  // The marks stay: they say that the slot's number stands in the vectors.
  forgotten.key = GroupKey();
  forgotten.text = {};
  free_groups_.push_back(group);
}

void GroupTable::Link(const StoredAlert& alert) {
  const std::size_t list_number = ListOf(alert);
  const bool acknowledged = list_number < kSeverities && alert.acknowledged;
  for (std::uint32_t m = alert.memberships; m != kNoSlot; m = memberships_[m].sibling) {
    Membership& membership = memberships_[m];
    StoredGroup& group = groups_[membership.group];
    StoredGroup::List& list = group.lists[list_number];
    membership.previous = list.tail;
    membership.next = kNoSlot;
    (list.tail == kNoSlot ? list.head : memberships_[list.tail].next) = m;
    list.tail = m;
    ++list.count;
    if (list_number == kSuppressedList) ++group.suppressed[static_cast<std::size_t>(alert.severity)];
    if (acknowledged) ++group.acknowledged;
    MarkChanged(membership.group);
  }
}

void GroupTable::Unlink(const StoredAlert& alert) {
  const std::size_t list_number = ListOf(alert);
  const bool acknowledged = list_number < kSeverities && alert.acknowledged;
  for (std::uint32_t m = alert.memberships; m != kNoSlot; m = memberships_[m].sibling) {
    Membership& membership = memberships_[m];
    StoredGroup& group = groups_[membership.group];
    StoredGroup::List& list = group.lists[list_number];
    (membership.previous == kNoSlot ? list.head : memberships_[membership.previous].next) = membership.next;
    (membership.next == kNoSlot ? list.tail : memberships_[membership.next].previous) = membership.previous;
    membership.previous = membership.next = kNoSlot;
    --list.count;
    if (list_number == kSuppressedList) --group.suppressed[static_cast<std::size_t>(alert.severity)];
    if (acknowledged) --group.acknowledged;
    MarkChanged(membership.group);
  }
}

void GroupTable::SetSeverity(StoredAlert& alert, Severity severity) {
  const Severity before = std::exchange(alert.severity, severity);
  if (ListOf(alert) != kSuppressedList) return;
  VisitGroups(alert, [&](std::uint32_t number) {
    StoredGroup& group = groups_[number];
    --group.suppressed[static_cast<std::size_t>(before)];
    ++group.suppressed[static_cast<std::size_t>(severity)];
  });
}

void GroupTable::CountFired(const StoredAlert& alert) {
  VisitGroups(alert, [&](std::uint32_t group) {
    ++groups_[group].fired_total;
    MarkUnsealed(group, Unsealed::kState);
  });
}

void GroupTable::CountResolved(const StoredAlert& alert) {
  VisitGroups(alert, [&](std::uint32_t group) {
    ++groups_[group].resolved_total;
    MarkUnsealed(group, Unsealed::kState);
  });
}

void GroupTable::SetAcknowledged(StoredAlert& alert) {
  alert.acknowledged = true;
  if (alert.hold.set()) return;
  VisitGroups(alert, [&](std::uint32_t group) { ++groups_[group].acknowledged; });
  MarkChanged(alert);
}

void GroupTable::MarkChanged(const StoredAlert& alert) {
  VisitGroups(alert, [&](std::uint32_t group) { MarkChanged(group); });
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

void GroupTable::RestoreNoMemberships(StoredAlert& alert) {
  for (std::uint32_t m = alert.memberships; m != kNoSlot;) {
    const std::uint32_t next = memberships_[m].sibling;
    FreeMembership(m);
    m = next;
  }
  alert.memberships = kNoSlot;
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

void GroupTable::RebuildMember(StoredAlert& alert) {
  bool damaged = false;
  VisitGroups(alert, [&](std::uint32_t group) { damaged = damaged || !Has(group); });
  if (damaged) {
    std::vector<std::uint32_t> kept;
    const std::uint32_t slot = memberships_[alert.memberships].alert;
    VisitGroups(alert, [&](std::uint32_t group) {
      if (Has(group)) kept.push_back(group);
    });
    RestoreNoMemberships(alert);
    for (const std::uint32_t group : kept)
      RestoreMembership(alert, slot, group);
  }
  VisitGroups(alert, [&](std::uint32_t group) { ++groups_[group].members; });
}

void GroupTable::EndRebuild() {
  groups_.ForEach(end_, [this](std::uint32_t number, StoredGroup& group) {
    if (group.key.set() && group.members == 0) {
      texts_.DropUncounted(group.text);
      group.key = GroupKey();
      group.text = {};
    }
    if (group.key.set()) {
      texts_.Count(group.text);
      index_.Insert(HashOf(group.key), number);
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
