#include "engine/responder_notices.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/limits.h"
#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_escalations.h"
#include "engine/responder_groups.h"
#include "engine/responder_outbox.h"
#include "engine/responder_pages.h"
#include "engine/responder_schedules.h"
#include "escalation/coverage.h"
#include "escalation/schedule_use.h"

namespace tocsin {
namespace {

constexpr std::size_t kStintsListed = 10;
constexpr std::size_t kThingsListed = 20;

// Instants in the schedule's own zone, as people of it read clocks, with the offset that leaves no doubt.
class LocalClock {
 public:
  explicit LocalClock(const Schedule& schedule) {
    if (!absl::LoadTimeZone(schedule.time_zone, &zone_)) zone_ = absl::UTCTimeZone();
  }
  std::string Show(absl::Time at) const {
    if (at == absl::InfiniteFuture()) return "on, with no end in sight";
    return absl::FormatTime(absl::ToUnixSeconds(at) % 60 == 0 ? "%Y-%m-%d %H:%M %Ez" : "%Y-%m-%d %H:%M:%S %Ez", at,
                            zone_);
  }
  std::string Show(const Stint& stint) const {
    if (stint.end == absl::InfiniteFuture()) return absl::StrCat("from ", Show(stint.start), " ", Show(stint.end));
    return absl::StrCat("from ", Show(stint.start), " to ", Show(stint.end));
  }
  // As the commands take them.
  std::string Argument(absl::Time at) const { return absl::FormatTime("%Y-%m-%dT%H:%M:%S%Ez", at, zone_); }

 private:
  absl::TimeZone zone_ = absl::UTCTimeZone();
};

std::string List(const LocalClock& clock, const std::vector<Stint>& stints, std::size_t first = 0) {
  std::string text;
  for (std::size_t i = first; i < stints.size(); ++i) {
    if (i - first == kStintsListed) {
      absl::StrAppend(&text, "- and ", stints.size() - i, " more\n");
      break;
    }
    absl::StrAppend(&text, "- ", clock.Show(stints[i]), "\n");
  }
  return text;
}

bool CanBeTold(const Turn& turn, const UserId& user) {
  const User* row = turn.index()->Find(user);
  return row != nullptr && !row->contact_methods.empty();
}

std::string PersonOrActor(const Turn& turn) {
  const UserId person = PersonBehind(turn.actor());
  return OneLine(person.set() ? person.value() : turn.actor(), 100);
}

std::string NamesOf(const std::vector<UserId>& users) {
  std::string text;
  for (const UserId& user : users)
    absl::StrAppend(&text, text.empty() ? "" : ", ", user.value());
  return text.empty() ? "nobody" : text;
}

// What is open on policies that go by one of `schedules`.
std::string OpenThings(const Turn& turn, const Schedule& schedule) {
  const std::set<ScheduleId> schedules = SchedulesThatGoBy(*turn.organisation(), schedule.id);
  std::vector<std::string> lines;
  std::size_t open = 0;
  const auto add = [&](const Subject& subject, const EscalationPolicy* pinned, const auto& describe) {
    const Escalation* escalation = EscalationOf(turn, subject);
    const EscalationPolicy* policy = escalation != nullptr ? &escalation->policy : pinned;
    if (policy == nullptr || !GoesByAny(*turn.organisation(), *policy, schedules)) return;
    if (++open <= kThingsListed) lines.push_back(describe());
  };
  for (const auto& [id, incident] : turn.state().incidents) {
    if (incident.state == Incident::State::kResolved) continue;
    add(SubjectOf(id), nullptr, [&] {
      return absl::StrFormat("- I%d [SEV%d] %s%s", id.value(), incident.severity, OneLine(incident.title, 100),
                             incident.state == Incident::State::kAcknowledged
                                 ? ", acknowledged by " + OneLine(incident.acknowledged_by, 100)
                                 : "");
    });
  }
  for (const GroupId id : turn.state().open_groups) {
    const Group& group = *turn.Find<Group>(id);
    if (group.state == Group::State::kMerged || group.state == Group::State::kResolved) continue;
    add(SubjectOf(id), group.policy ? &*group.policy : nullptr, [&] {
      return absl::StrFormat(
          "- G%d %s, open since %s%s", id.value(), GroupTitle(group), Instant(group.opened_at),
          group.state == Group::State::kAcknowledged ? ", acknowledged by " + OneLine(group.acknowledged_by, 100) : "");
    });
  }
  if (open == 0) return "Nothing is open on the policies that page this schedule.\n";
  std::string text = "Open on the policies that page this schedule:\n";
  for (const std::string& line : lines)
    absl::StrAppend(&text, line, "\n");
  if (open > lines.size()) absl::StrAppend(&text, "- and ", open - lines.size(), " more\n");
  return text;
}

// Why nobody is on call when it begins.
std::string WhyGap(const Turn& turn, const Schedule& schedule, const Stint& gap) {
  Coverage coverage(*turn.roster());
  const absl::Time end = std::min(gap.end, gap.start + absl::Hours(24));
  const absl::StatusOr<std::vector<Gap>> parts = coverage.Gaps(schedule.id, gap.start, end, 1);
  return parts.ok() && !parts->empty() ? parts->front().why : "nobody's turn";
}

std::string Consequence(const Turn& turn, const Schedule& schedule) {
  const auto used = SchedulesInUse(*turn.organisation());
  const auto use = used.find(schedule.id);
  if (use == used.end() || !use->second.set()) return "";
  return absl::StrCat("Policy ", use->second.value(),
                      " goes by it alone: whatever happens then pages the policy's team, or the fallback user.\n");
}

}  // namespace

std::vector<ContactMethod> InOrderOfNotices(const User& user) {
  std::vector<ContactMethod> methods;
  const auto find = [&](const ContactMethodId& id) -> const ContactMethod* {
    const auto found = std::ranges::find(user.contact_methods, id, &ContactMethod::id);
    return found == user.contact_methods.end() ? nullptr : &*found;
  };
  const auto add = [&](const ContactMethod* method) {
    const bool known = method == nullptr || std::ranges::find(methods, method->id, &ContactMethod::id) != methods.end();
    if (!known) methods.push_back(*method);
  };
  for (const NotificationRule& rule : user.notification_rules)
    if (rule.urgency == Urgency::kLow) add(find(rule.method));
  for (const bool calls : {false, true})
    for (const ContactMethod& method : user.contact_methods)
      if ((method.kind == ContactMethod::Kind::kVoice) == calls) add(&method);
  return methods;
}

std::vector<UserId> OwnersOf(const Turn& turn, const Schedule& schedule) {
  std::vector<UserId> owners;
  if (const Team* team = turn.organisation()->Find(schedule.team)) owners = team->members;
  std::erase_if(owners, [&](const UserId& user) { return !CanBeTold(turn, user); });
  const UserId& fallback = turn.organisation()->fallback_user;
  if (owners.empty() && CanBeTold(turn, fallback)) owners.push_back(fallback);
  return owners;
}

void TellOfGaps(Turn& turn, const Schedule& schedule, const std::vector<Stint>& gaps) {
  const LocalClock clock(schedule);
  const Stint& first = gaps.front();
  const std::string id = schedule.id.value();
  MessageText message;
  message.title = absl::StrCat("Nobody is on call on ", id, " ", clock.Show(first));
  const std::string until = first.end == absl::InfiniteFuture() ? " --for 7d" : " --until " + clock.Argument(first.end);
  message.body = absl::StrCat(message.title, " (", schedule.time_zone, "): ", WhyGap(turn, schedule, first), ".\n",
                              Consequence(turn, schedule));
  if (gaps.size() > 1) absl::StrAppend(&message.body, "\nThe same week:\n", List(clock, gaps, 1));
  absl::StrAppend(&message.body, "\nTo put somebody on call: tocsin schedule override ", id, " --add USER --from ",
                  clock.Argument(std::max(first.start, turn.now().wall)), until,
                  "\nIf it is meant, `gaps: allow` in the schedule says so, and nobody is told any more.\n");
  const std::vector<UserId> owners = OwnersOf(turn, schedule);
  for (const UserId& user : owners)
    StartNotice(turn, user, message);
  turn.Note(TimelineEntry::Kind::kNote, {SubjectKind::kOrganisation, 0},
            OneLine(absl::StrCat("schedule ", id, ": nobody is on call ", clock.Show(first),
                                 gaps.size() > 1 ? absl::StrCat(", nor in ", gaps.size() - 1, " more stretches") : "",
                                 "; told of it: ", NamesOf(owners)),
                    500));
}

void TellOfHandoff(Turn& turn, const Schedule& schedule, const HandoffNotice& notice) {
  if (!CanBeTold(turn, notice.user)) return;
  const LocalClock clock(schedule);
  const std::string id = schedule.id.value();
  const absl::Time now = turn.now().wall;
  MessageText message;
  switch (notice.what) {
    case HandoffNotice::What::kAhead:
      message.title = absl::StrCat("You go on call on ", id, " at ", clock.Show(notice.at));
      message.body = absl::StrCat(message.title, ", in ",
                                  absl::FormatDuration(absl::Trunc(notice.at - now, absl::Minutes(1))), ".\n");
      break;
    case HandoffNotice::What::kBegins: {
      const std::optional<absl::Time> change = turn.roster()->NextChange(schedule.id, now);
      message.title = absl::StrCat("You are on call on ", id, " now");
      message.body = absl::StrCat(message.title, ", since ", clock.Show(notice.at),
                                  change ? absl::StrCat("; the next handoff is at ", clock.Show(*change)) : "", ".\n");
      break;
    }
    case HandoffNotice::What::kEnds:
      message.title = absl::StrCat("Your shift on ", id, " has ended");
      message.body = absl::StrCat(message.title, " at ", clock.Show(notice.at),
                                  "; on call now: ", NamesOf(turn.roster()->OnCall(schedule.id, now)), ".\n");
      break;
  }
  absl::StrAppend(&message.body, "\n", OpenThings(turn, schedule));
  StartNotice(turn, notice.user, message);
}

namespace {

// Who is told what of a change.
class ChangeNotices {
 public:
  ChangeNotices(Turn& turn, const ScheduleChange& change)
      : turn_(turn),
        change_(change),
        schedule_(*turn.organisation()->Find(change.schedule)),
        clock_(schedule_),
        by_(PersonOrActor(turn)) {}

  void Moved(const ScheduleEffect& effect) {
    const absl::Time now = turn_.now().wall;
    for (const auto& [user, stints] : effect.put_on) {
      Add(user, absl::StrCat("You are on call on ", Id(), " ", clock_.Show(stints.front()), More(stints)),
          absl::StrCat("You are on call:\n", List(clock_, stints)));
      if (stints.front().start <= now && now < stints.front().end) open_.insert(user);
    }
    for (const auto& [user, stints] : effect.taken_off) {
      Add(user, absl::StrCat("You are not on call on ", Id(), " ", clock_.Show(stints.front()), More(stints)),
          absl::StrCat("You are not on call any more:\n", List(clock_, stints)));
    }
  }

  void Asked() {
    std::vector<UserId> people = change_.of;
    if (people.empty()) {
      const std::set<UserId> everybody = PeopleOf(*turn_.organisation(), change_.schedule);
      people.assign(everybody.begin(), everybody.end());
    }
    for (const UserId& user : people) {
      if (user == change_.change.from_user) continue;
      Add(user,
          absl::StrCat("Will you be on call on ", Id(), " in place of ", change_.change.from_user.value(), " ",
                       clock_.Show(Stretch()), "?"),
          absl::StrCat("`tocsin schedule swap take ", Name(), "` takes it; `tocsin schedule swap offer ", Name(),
                       "` offers to.\n"));
    }
  }

  void Offered(const UserId& volunteer) {
    Add(change_.change.from_user,
        absl::StrCat(volunteer.value(), " would be on call on ", Id(), " in your place ", clock_.Show(Stretch())),
        absl::StrCat("`tocsin schedule swap accept ", Name(), " --user ", volunteer.value(), "` accepts it.\n"));
  }

  void Withdrawn(const std::vector<UserId>& volunteers) {
    for (const UserId& user : volunteers) {
      Add(user, absl::StrCat("Nobody is needed any more on ", Id(), " ", clock_.Show(Stretch())),
          absl::StrCat(Name(), ", for which you have offered yourself, is withdrawn.\n"));
    }
  }

  void Send(std::string_view how) {
    std::size_t told = 0;
    for (const auto& [user, text] : texts_) {
      if (user == PersonBehind(turn_.actor()) || !CanBeTold(turn_, user)) continue;
      if (++told > limits::kPeoplePerScheduleChange) return;
      MessageText message = text;
      absl::StrAppend(&message.body, "\n", Name(), ", ", ToAbsl(how), " by ", by_, ": ",
                      OneLine(Describe(change_), 500), "\n");
      if (open_.contains(user)) absl::StrAppend(&message.body, "\n", OpenThings(turn_, schedule_));
      StartNotice(turn_, user, message);
    }
  }

 private:
  std::string Id() const { return schedule_.id.value(); }
  std::string Name() const { return absl::StrCat("O", change_.id.value()); }
  Stint Stretch() const { return {change_.change.start, change_.change.end}; }
  static std::string More(const std::vector<Stint>& stints) {
    return stints.size() > 1 ? absl::StrCat(", and ", stints.size() - 1, " times more") : "";
  }
  // A person who loses one stretch and gets another is told of both by one message.
  void Add(const UserId& user, std::string title, std::string_view body) {
    MessageText& text = texts_[user];
    if (text.title.empty()) text.title = std::move(title);
    absl::StrAppend(&text.body, ToAbsl(body));
  }

  Turn& turn_;
  const ScheduleChange& change_;
  const Schedule& schedule_;
  LocalClock clock_;
  std::string by_;
  std::map<UserId, MessageText> texts_;
  std::set<UserId> open_;  // who is on call at once
};

}  // namespace

void TellOfChange(Turn& turn, const ScheduleChange* before, const ScheduleChange& after, const ScheduleEffect& effect) {
  ChangeNotices notices(turn, after);
  notices.Moved(effect);
  if (before == nullptr && after.state == ScheduleChange::State::kOpen) notices.Asked();
  if (before != nullptr && after.volunteers.size() > before->volunteers.size())
    notices.Offered(after.volunteers.back());
  const bool was_open = before != nullptr && before->state == ScheduleChange::State::kOpen;
  if (was_open && after.state == ScheduleChange::State::kWithdrawn) notices.Withdrawn(after.volunteers);
  notices.Send(HowOf(before, after, turn.now().wall));
}

}  // namespace tocsin
