#include "engine/responder_self_tests.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"

#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_notices.h"
#include "engine/responder_pages.h"
#include "engine/responder_reach.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;

constexpr std::uint64_t kPeopleALook = 200;
constexpr int kTestsALook = 5;
constexpr absl::Duration kBetweenLooks = absl::Minutes(1);
constexpr absl::Duration kBetweenRounds = absl::Minutes(15);
constexpr absl::Duration kBetweenTests = absl::Hours(1);  // of one person
constexpr absl::Duration kPatience = absl::Hours(24);
constexpr absl::Duration kFreshEnough = absl::Hours(24 * 7);  // to go on call with
constexpr int kMorning = 9;
constexpr int kEvening = 18;
constexpr int kReportHour = 10;
constexpr std::size_t kMethodsListed = 50;

constexpr TimerKey kReport{Timer::Kind::kReachReport, 0};

TimerKey LookFrom(std::uint64_t first) {
  return {Timer::Kind::kSelfTests, first};
}

absl::TimeZone ZoneOf(const User* user) {
  absl::TimeZone zone;
  return user != nullptr && absl::LoadTimeZone(user->time_zone, &zone) ? zone : absl::UTCTimeZone();
}

absl::Time NextReport(const Turn& turn) {
  const absl::TimeZone zone = ZoneOf(turn.index()->Find(turn.organisation()->fallback_user));
  const absl::CivilDay today = absl::ToCivilDay(turn.now().wall, zone);
  const auto on = [&](absl::CivilDay day) { return absl::FromCivil(absl::CivilHour(day) + kReportHour, zone); };
  return on(today) > turn.now().wall ? on(today) : on(today + 1);
}

std::optional<std::uint64_t> ArmedLook(const Turn& turn) {
  const auto found = turn.state().timer_of.lower_bound(LookFrom(0));
  if (found == turn.state().timer_of.end() || found->first.kind != Timer::Kind::kSelfTests) return std::nullopt;
  return found->first.subject;
}

// One look at some people.
class Look {
 public:
  explicit Look(Turn& turn) : turn_(turn), rule_(turn.organisation()->self_tests), now_(turn.now().wall) {}

  void At(const User& user) {
    if (!IsDaytime(user)) return;
    for (const ContactMethod& method : user.contact_methods)
      GiveUp(user, method);
    if (tests_ < kTestsALook) Test(user);
  }
  bool is_done() const { return tests_ == kTestsALook; }

 private:
  bool IsDaytime(const User& user) const {
    const int hour = absl::ToCivilHour(now_, ZoneOf(&user)).hour();
    const bool night = turn_.roster() == nullptr || turn_.roster()->QuietUntil(user.id, now_);
    return hour >= kMorning && hour < kEvening && !night;
  }

  // What was asked a day ago and not answered does not count as a way to the person any more.
  void GiveUp(const User& user, const ContactMethod& method) {
    const ContactReach* before = FindReach(turn_, user.id, method);
    const bool waits = before != nullptr && before->asked_at > before->confirmed_at && !before->unconfirmed;
    if (!waits || before->asked_at + kPatience > now_) return;
    ContactReach& reach = turn_.Edit<ContactReach>(before->id);
    reach.unconfirmed = true;
    reach.reported = false;
    turn_.Note(Kind::kNote, {SubjectKind::kOrganisation, 0},
               absl::StrCat("self-test: ", user.id.value(), " has not confirmed the one by ", method.id.value(), " of ",
                            Instant(reach.asked_at), " within a day: it is unverified"));
    TellByAnother(user, method, reach.asked_at);
  }

  void TellByAnother(const User& user, const ContactMethod& doubtful, absl::Time asked_at) {
    for (const ContactMethod& method : InOrderOfNotices(user)) {
      const ContactReach* reach = FindReach(turn_, user.id, method);
      const bool calls = method.kind == ContactMethod::Kind::kVoice;
      if (calls || method.id == doubtful.id || (reach != nullptr && IsDoubtful(*reach))) continue;
      MessageText message;
      message.title = absl::StrCat("Pages by ", doubtful.id.value(), " may not reach you");
      message.body = absl::StrCat(
          "The self-test that went to you by ", doubtful.id.value(), " at ", Instant(asked_at),
          " was not confirmed within a day. If it is there, open its link and press the button; `tocsin page --test ",
          user.id.value(), "` sends another one. If it is not, have the contact method corrected.\n");
      StartNotice(turn_, user.id, message, {}, &method);
      return;
    }
  }

  void Test(const User& user) {
    for (const ContactMethod& method : user.contact_methods) {
      const ContactReach* reach = FindReach(turn_, user.id, method);
      if (reach != nullptr && reach->asked_at + kBetweenTests > now_) return;
    }
    for (const ContactMethod& method : user.contact_methods) {
      if (method.kind == ContactMethod::Kind::kVoice) continue;  // a call carries no link
      const std::string why = WhyNow(user, method);
      if (why.empty()) continue;
      ContactReach& reach = ReachFor(turn_, user.id, method);
      reach.asked_at = now_;
      reach.reported = false;
      StartSelfTest(turn_, user.id, method, why);
      ++tests_;
      return;
    }
  }

  // Empty: it is not due.
  std::string WhyNow(const User& user, const ContactMethod& method) {
    const ContactReach* reach = FindReach(turn_, user.id, method);
    const absl::Time last = reach != nullptr ? std::max(reach->asked_at, reach->confirmed_at) : absl::Time();
    if (last == absl::Time() && rule_.at_creation) return "it was never tested";
    // Without a first test the time is counted from when it was first seen.
    const absl::Time since = last != absl::Time() ? last : ReachFor(turn_, user.id, method).since;
    if (now_ - since >= rule_.interval) return absl::StrCat("it was not tested since ", Instant(since));
    if (rule_.at_shift_start && now_ - since >= kFreshEnough && IsOnCall(user.id)) {
      return absl::StrCat("you are on call, and it was not tested since ", Instant(since));
    }
    return "";
  }

  bool IsOnCall(const UserId& user) {
    if (!on_call_) {
      on_call_.emplace();
      for (const Schedule& schedule : turn_.organisation()->schedules) {
        const std::vector<UserId> people = turn_.roster()->OnCall(schedule.id, now_);
        on_call_->insert(people.begin(), people.end());
      }
    }
    return on_call_->contains(user);
  }

  Turn& turn_;
  const SelfTests& rule_;
  absl::Time now_;
  int tests_ = 0;
  std::optional<std::set<UserId>> on_call_;
};

// Who is told of whom: the managers of the person's teams; where there is none, nobody.
std::map<UserId, std::set<UserId>> ManagersOfPeople(const Turn& turn) {
  std::map<UserId, std::set<UserId>> managers;
  for (const Team& team : turn.organisation()->teams) {
    for (const UserId& member : team.members) {
      for (const UserId& manager : team.managers) {
        const User* row = turn.index()->Find(manager);
        if (manager != member && row != nullptr && !row->contact_methods.empty()) managers[member].insert(manager);
      }
    }
  }
  return managers;
}

}  // namespace

void KeepSelfTests(Turn& turn, bool again) {
  const std::optional<std::uint64_t> armed = ArmedLook(turn);
  if (turn.organisation() == nullptr || turn.roster() == nullptr) return;
  if (!turn.organisation()->self_tests.enabled) {
    if (armed) turn.Disarm(LookFrom(*armed));
    turn.Disarm(kReport);
    return;
  }
  if (!armed || again) turn.ArmWall(LookFrom(armed.value_or(0)), turn.now().wall);
  if (turn.FindTimer(kReport) == nullptr) turn.ArmWall(kReport, NextReport(turn));
}

void RunSelfTests(Turn& turn, std::uint64_t first) {
  const std::vector<User>& users = turn.organisation()->users;
  Look look(turn);
  std::uint64_t at = first;
  for (; at < users.size() && at < first + kPeopleALook && !look.is_done(); ++at)
    look.At(users[at]);
  const bool round_is_over = at >= users.size();
  // With tests sent there may be more to be sent soon; the last look of a round without any can wait.
  const absl::Duration wait = round_is_over && !look.is_done() ? kBetweenRounds : kBetweenLooks;
  turn.ArmWall(LookFrom(round_is_over ? 0 : at), turn.now().wall + wait);
}

void ReportReach(Turn& turn) {
  turn.ArmWall(kReport, NextReport(turn));
  const std::map<UserId, std::set<UserId>> managers = ManagersOfPeople(turn);
  std::map<UserId, std::vector<std::string>> lines;
  for (const auto& [id, before] : turn.state().reaches) {
    const bool unconfirmed = before.unconfirmed && before.asked_at + kPatience <= turn.now().wall;
    if (before.reported || (!before.failing && !unconfirmed)) continue;
    turn.Edit<ContactReach>(id).reported = true;
    const auto of = managers.find(before.user);
    const std::set<UserId> told =
        of != managers.end() ? of->second : std::set<UserId>{turn.organisation()->fallback_user};
    const std::string what = before.failing
                                 ? absl::StrCat("failing since ", Instant(before.failed_at), ": ", before.failure)
                                 : absl::StrCat("the self-test of ", Instant(before.asked_at), " was not confirmed");
    for (const UserId& user : told)
      lines[user].push_back(absl::StrCat("- ", before.user.value(), ", ", before.method.value(), ": ", what, "\n"));
  }
  for (auto& [user, list] : lines) {
    std::ranges::sort(list);
    MessageText message;
    message.title = list.size() == 1 ? "A contact method may not reach its person"
                                     : absl::StrCat(list.size(), " contact methods may not reach their people");
    for (std::size_t i = 0; i < std::min(list.size(), kMethodsListed); ++i)
      message.body += list[i];
    if (list.size() > kMethodsListed) absl::StrAppend(&message.body, "- and ", list.size() - kMethodsListed, " more\n");
    absl::StrAppend(&message.body,
                    "\n`tocsin contacts` lists all of them; a person confirms a method by the link in any "
                    "message to it, `tocsin page --test USER` sends some.\n");
    StartNotice(turn, user, message);
  }
}

}  // namespace tocsin
