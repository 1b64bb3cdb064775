// Sets of people while a schedule is evaluated, each person with the cause that put him there.
//
// Users are numbers: their rank in the organisation's list sorted by id, so that a set sorted by number is sorted by
// id. Causes lie in a list of the evaluation and lead from one to the next: layer of an inner schedule -> layer of the
// outer.
#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/container/inlined_vector.h"

namespace tocsin {

struct CompiledSchedule;

struct Cause {
  enum class Kind : std::uint8_t {
    kNamed,
    kTeam,
    kLayer,
    kOverride,
    kTemporary
  };
  Kind kind = Kind::kNamed;
  const CompiledSchedule* schedule = nullptr;  // kLayer, kOverride, kTemporary
  std::uint32_t item = 0;  // number of the team, or position of the layer, override, temporary schedule
  std::int64_t turn = 0;   // kLayer
  std::int32_t via = -1;   // the cause that led to this one; -1: none
};
using Causes = absl::InlinedVector<Cause, 16>;

struct Member {
  std::uint32_t user = 0;
  std::int32_t cause = -1;  // position in the evaluation's Causes
};

// Sorted by user, each once. The cause that came first stays.
class PeopleSet {
 public:
  void Add(Member member) {
    if (members_.empty() || members_.back().user < member.user) {
      members_.push_back(member);
      return;
    }
    const auto at = Find(member.user);
    if (at->user != member.user) members_.insert(at, member);
  }
  void Add(const PeopleSet& others) {
    for (const Member& member : others.members_)
      Add(member);
  }
  bool Remove(std::uint32_t user) {
    const auto at = Find(user);
    if (at == members_.end() || at->user != user) return false;
    members_.erase(at);
    return true;
  }
  void Clear() { members_.clear(); }
  bool empty() const { return members_.empty(); }
  std::size_t size() const { return members_.size(); }
  auto begin() const { return members_.begin(); }
  auto end() const { return members_.end(); }

  // Whether these are the same people, for whatever causes.
  bool SamePeople(const PeopleSet& other) const {
    return std::equal(begin(), end(), other.begin(), other.end(),
                      [](const Member& a, const Member& b) { return a.user == b.user; });
  }

 private:
  using Members = absl::InlinedVector<Member, 8>;
  Members::iterator Find(std::uint32_t user) {
    return std::lower_bound(members_.begin(), members_.end(), user,
                            [](const Member& member, std::uint32_t u) { return member.user < u; });
  }
  Members members_;
};

}  // namespace tocsin
