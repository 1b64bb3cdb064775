#include "engine/responder_watches.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "engine/responder_notices.h"
#include "escalation/schedule_use.h"

namespace tocsin {
namespace {

using When = HandoffNotices::When;

// A watch looks so much further than its earliest notice asks for, and then again.
constexpr absl::Duration kLookAhead = absl::Hours(24 * 7);
// Handoffs longer ago are no news to anybody.
constexpr absl::Duration kTooOld = absl::Hours(24);
// Gaps that begin so soon after one of which the owner is told are told with it.
constexpr absl::Duration kToldTogether = absl::Hours(24 * 7);
constexpr std::size_t kGapsRemembered = 300;

TimerKey TimerOf(ScheduleWatchId id) {
  return {Timer::Kind::kScheduleNews, id.value()};
}

HandoffNotices WishOf(const Organisation& organisation, const Schedule& schedule, const UserId& user) {
  const User* row = organisation.Find(user);
  if (row == nullptr) return {};
  return row->handoff_notices.value_or(schedule.handoff_notices);
}
bool WantsBegin(const HandoffNotices& wish) {
  return wish.when == When::kBegins || wish.when == When::kBoth;
}
bool WantsEnd(const HandoffNotices& wish) {
  return wish.when == When::kEnds || wish.when == When::kBoth;
}

// The longest `ahead` of those who want to be told of any handoff; nullopt: nobody does.
std::optional<absl::Duration> LongestAhead(const Organisation& organisation, const Schedule& schedule) {
  std::optional<absl::Duration> longest;
  const auto add = [&](const HandoffNotices& wish) {
    if (wish.when != When::kNotAtAll) longest = std::max(longest.value_or(absl::ZeroDuration()), wish.ahead);
  };
  add(schedule.handoff_notices);
  for (const User& user : organisation.users)
    if (user.handoff_notices) add(*user.handoff_notices);
  return longest;
}

std::vector<UserId> Without(const std::vector<UserId>& people, const std::vector<UserId>& others) {
  std::vector<UserId> rest;
  std::ranges::set_difference(people, others, std::back_inserter(rest));
  return rest;
}

// One look of one watch.
class Look {
 public:
  Look(Turn& turn, const ScheduleWatch& watch, const Schedule& schedule)
      : turn_(turn),
        organisation_(*turn.organisation()),
        schedule_(schedule),
        now_(turn.now().wall),
        seen_(watch.seen),
        told_(watch.gaps_told) {
    gaps_ = schedule.gaps != Schedule::Gaps::kAllow && schedule.gap_notice > absl::ZeroDuration() &&
            IsInUse(organisation_, schedule.id);
    ahead_ = LongestAhead(organisation_, schedule);
  }

  void Tell() {
    std::erase_if(told_, [&](const ScheduleWatch::ToldGap& gap) { return gap.end <= now_; });
    if (!gaps_ && !ahead_) return;
    const absl::Duration notice =
        std::max(gaps_ ? schedule_.gap_notice : absl::ZeroDuration(), ahead_.value_or(absl::ZeroDuration()));
    const absl::Time since = std::clamp(seen_, now_ - kTooOld, now_);
    until_ = now_ + notice + kLookAhead;
    next_ = now_ + kLookAhead;
    const absl::StatusOr<std::vector<Shift>> shifts = turn_.roster()->FinalSchedule(schedule_.id, since, until_);
    if (!shifts.ok()) return;
    if (ahead_) TellHandoffs(*shifts);
    if (gaps_) TellGaps(*shifts);
  }

  // When it looks again; infinite: not by itself.
  absl::Time next() const { return next_; }
  const std::vector<ScheduleWatch::ToldGap>& told() const { return told_; }

 private:
  void RememberEarliest(absl::Time at) { next_ = std::min(next_, at); }

  void TellHandoffs(const std::vector<Shift>& shifts) {
    std::map<UserId, absl::Time> came;
    std::map<UserId, absl::Time> went;
    const std::vector<UserId> on_call = turn_.roster()->OnCall(schedule_.id, now_);
    for (std::size_t i = 1; i < shifts.size(); ++i) {
      const absl::Time at = shifts[i].start;
      const std::vector<UserId> on = Without(shifts[i].users, shifts[i - 1].users);
      const std::vector<UserId> off = Without(shifts[i - 1].users, shifts[i].users);
      if (at > now_) {
        Expect(at, on, off);
        continue;
      }
      if (at <= seen_) continue;
      for (const UserId& user : on)
        came.insert_or_assign(user, at);
      for (const UserId& user : off)
        went.insert_or_assign(user, at);
    }
    // Only what holds: who has come and gone meanwhile has gone, who has gone and come again never left.
    for (const auto& [user, at] : came) {
      const bool is_on = std::ranges::binary_search(on_call, user);
      const auto left = went.find(user);
      const bool again = left != went.end() && left->second <= at && WasOn(shifts.front(), user);
      if (is_on && !again && WantsBegin(Wish(user))) {
        TellOfHandoff(turn_, schedule_, {HandoffNotice::What::kBegins, user, at});
      }
    }
    for (const auto& [user, at] : went) {
      if (std::ranges::binary_search(on_call, user) || !WantsEnd(Wish(user))) continue;
      TellOfHandoff(turn_, schedule_, {HandoffNotice::What::kEnds, user, at});
    }
  }

  static bool WasOn(const Shift& shift, const UserId& user) { return std::ranges::binary_search(shift.users, user); }

  HandoffNotices Wish(const UserId& user) const { return WishOf(organisation_, schedule_, user); }

  // A handoff to come.
  void Expect(absl::Time at, const std::vector<UserId>& on, const std::vector<UserId>& off) {
    for (const UserId& user : on) {
      const HandoffNotices wish = Wish(user);
      if (!WantsBegin(wish)) continue;
      RememberEarliest(at);
      if (wish.ahead <= absl::ZeroDuration()) continue;
      const absl::Time due = at - wish.ahead;
      if (due > now_) {
        RememberEarliest(due);
      } else if (due > seen_) {
        TellOfHandoff(turn_, schedule_, {HandoffNotice::What::kAhead, user, at});
      }
    }
    if (std::ranges::any_of(off, [&](const UserId& user) { return WantsEnd(Wish(user)); })) RememberEarliest(at);
  }

  bool IsTold(const Stint& gap) const {
    return std::ranges::any_of(
        told_, [&](const ScheduleWatch::ToldGap& told) { return told.start <= gap.start && gap.end <= told.end; });
  }

  void TellGaps(const std::vector<Shift>& shifts) {
    std::vector<Stint> due;
    for (const Shift& shift : shifts) {
      if (!shift.users.empty() || shift.end <= now_) continue;
      const Stint gap{shift.start, shift.end >= until_ ? absl::InfiniteFuture() : shift.end};
      if (IsTold(gap)) continue;
      const bool first = gap.start - schedule_.gap_notice <= now_;
      if (first || (!due.empty() && gap.start < due.front().start + kToldTogether)) {
        due.push_back(gap);
        continue;
      }
      RememberEarliest(gap.start - schedule_.gap_notice);
      break;
    }
    if (due.empty()) return;
    TellOfGaps(turn_, schedule_, due);
    if (told_.size() + due.size() > kGapsRemembered)
      due = {
          {due.front().start, due.back().end}
      };
    for (const Stint& gap : due)
      told_.push_back({gap.start, gap.end});
  }

  Turn& turn_;
  const Organisation& organisation_;
  const Schedule& schedule_;
  absl::Time now_;
  absl::Time seen_;
  std::vector<ScheduleWatch::ToldGap> told_;
  bool gaps_ = false;
  std::optional<absl::Duration> ahead_;
  absl::Time until_;
  absl::Time next_ = absl::InfiniteFuture();
};

void LookSoon(Turn& turn, ScheduleWatchId id) {
  turn.ArmWall(TimerOf(id), turn.now().wall);
}

}  // namespace

void KeepWatches(Turn& turn, bool again) {
  if (turn.organisation() == nullptr) return;
  std::set<ScheduleId> watched;
  for (const auto& [id, watch] : turn.state().schedule_watches) {
    if (turn.organisation()->Find(watch.schedule) == nullptr) {
      turn.Disarm(TimerOf(id));
      turn.Remove<ScheduleWatch>(id);
      continue;
    }
    watched.insert(watch.schedule);
    if (again) LookSoon(turn, id);
  }
  for (const Schedule& schedule : turn.organisation()->schedules) {
    if (watched.contains(schedule.id)) continue;
    ScheduleWatch& watch = turn.Create<ScheduleWatch>();
    watch.schedule = schedule.id;
    watch.seen = turn.now().wall;
    LookSoon(turn, watch.id);
  }
}

void WatchSchedule(Turn& turn, ScheduleWatchId id) {
  const ScheduleWatch before = *turn.Find<ScheduleWatch>(id);
  const Schedule* schedule = turn.organisation() != nullptr ? turn.organisation()->Find(before.schedule) : nullptr;
  if (schedule == nullptr || turn.roster() == nullptr) return;
  Look look(turn, before, *schedule);
  look.Tell();
  ScheduleWatch& watch = turn.Edit<ScheduleWatch>(id);
  watch.seen = std::max(watch.seen, turn.now().wall);
  watch.gaps_told = look.told();
  if (look.next() == absl::InfiniteFuture()) {
    turn.Disarm(TimerOf(id));
  } else {
    turn.ArmWall(TimerOf(id), look.next());
  }
}

void WatchAfterChange(Turn& turn, const ScheduleId& schedule) {
  if (turn.organisation() == nullptr) return;
  for (const ScheduleId& each : SchedulesThatGoBy(*turn.organisation(), schedule)) {
    const auto watch = turn.state().watch_of.find(each);
    if (watch == turn.state().watch_of.end()) continue;
    WatchSchedule(turn, watch->second);
    LookSoon(turn, watch->second);
  }
}

}  // namespace tocsin
