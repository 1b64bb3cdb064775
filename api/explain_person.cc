// A person's place in all this: reachable how, on call when, paged for what, waiting for what.
#include <algorithm>

#include "absl/strings/str_format.h"

#include "api/explain.h"
#include "api/reach.h"
#include "api/records.h"
#include "base/status.h"
#include "escalation/roster.h"

namespace tocsin {
namespace {

constexpr absl::Duration kAhead = absl::Hours(24 * 14);
constexpr std::size_t kMessagesShown = 20;
constexpr std::size_t kMessagesScanned = 100'000;
constexpr std::size_t kPagesShown = 50;

// What the responder holds of one person, copied out.
struct Holdings {
  std::optional<Roster> roster;
  std::uint64_t version = 0;
  Now now;
  std::vector<Page> pages;            // active, newest first
  std::vector<Notification> waiting;  // not over, newest first
  std::vector<Notification> lately;   // over, newest first
  std::vector<ContactReach> reaches;  // of those methods to which anything was ever sent
};

bool IsOver(const Notification& row) {
  return row.state != Notification::State::kPending && row.state != Notification::State::kLeased &&
         (row.state != Notification::State::kHeld || row.bundle.set());
}

Holdings Look(Api& api, const UserId& user) {
  Holdings held;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    held.now = now;
    if (responder.roster() != nullptr) held.roster = *responder.roster();
    const ResponderState& state = responder.state();
    held.version = state.counters.configuration.value();
    const User* row = state.organisation != nullptr ? state.organisation->Find(user) : nullptr;
    for (const ContactMethod& method : row != nullptr ? row->contact_methods : std::vector<ContactMethod>()) {
      const auto reach = state.reaches.find(ReachIdOf(user, method));
      if (reach != state.reaches.end()) held.reaches.push_back(reach->second);
    }
    std::size_t scanned = 0;
    for (auto at = state.pages.rbegin(); at != state.pages.rend() && ++scanned <= kMessagesScanned; ++at) {
      if (held.pages.size() == kPagesShown) break;
      if (at->second.user == user && at->second.state == Page::State::kActive) held.pages.push_back(at->second);
    }
    scanned = 0;
    for (auto at = state.notifications.rbegin(); at != state.notifications.rend() && ++scanned <= kMessagesScanned;
         ++at) {
      if (at->second.user != user) continue;
      std::vector<Notification>& list = IsOver(at->second) ? held.lately : held.waiting;
      if (list.size() < kMessagesShown) list.push_back(at->second);
    }
  });
  return held;
}

std::string Describe(const User& user, Urgency urgency) {
  std::string text;
  for (const NotificationRule& rule : user.notification_rules) {
    if (rule.urgency != urgency) continue;
    absl::StrAppendFormat(&text, "%s%s%s", text.empty() ? "" : ", then ",
                          rule.delay > absl::ZeroDuration() ? "after " + absl::FormatDuration(rule.delay) + " " : "",
                          rule.method.value());
  }
  if (!text.empty()) return text;
  for (const ContactMethod& method : user.contact_methods)
    absl::StrAppendFormat(&text, "%s%s", text.empty() ? "" : " and ", method.id.value());
  return text + " at once";
}

void AddReachability(const User& user, const std::vector<ContactReach>& reaches, ExplainAnswer& answer) {
  for (const ContactMethod& method : user.contact_methods) {
    const auto reach = std::ranges::find(reaches, ReachIdOf(user.id, method), &ContactReach::id);
    AddFact(answer, std::nullopt,
            absl::StrFormat("can be reached by %s (%s): %s", method.id.value(), Name(method.kind),
                            DescribeReach(method.kind, reach != reaches.end() ? &*reach : nullptr)));
  }
  if (user.contact_methods.empty()) {
    AddFact(answer, std::nullopt, "has no contact method: whatever pages them reaches nobody");
    return;
  }
  AddFact(answer, std::nullopt, "a page of high urgency uses " + Describe(user, Urgency::kHigh));
  AddFact(answer, std::nullopt, "a page of low urgency uses " + Describe(user, Urgency::kLow));
}

bool Holds(const Shift& shift, const UserId& user) {
  return std::ranges::find(shift.users, user) != shift.users.end();
}

// The number of schedules in which the person is on call now.
int AddSchedules(const Roster& roster, const UserId& user, absl::Time now, ExplainAnswer& answer) {
  int on_call = 0;
  int ahead = 0;
  for (const Schedule& schedule : roster.organisation().schedules) {
    const absl::StatusOr<std::vector<Shift>> shifts = roster.FinalSchedule(schedule.id, now, now + kAhead);
    if (!shifts.ok()) continue;
    const auto first = std::ranges::find_if(*shifts, [&](const Shift& shift) { return Holds(shift, user); });
    if (first == shifts->end()) continue;
    ++ahead;
    auto last = first;
    while (std::next(last) != shifts->end() && Holds(*std::next(last), user))
      ++last;
    const std::string until = last->end < now + kAhead ? "until " + ShowUtc(last->end) : "with no end in 14 days";
    if (first->start > now) {
      AddNext(answer, first->start, absl::StrFormat("comes on call in schedule %s, %s", schedule.id.value(), until));
      continue;
    }
    ++on_call;
    std::string reason;
    const Target target = ScheduleTarget{schedule.id};
    for (const Person& person : roster.Resolve({&target, 1}, now)) {
      if (person.user == user) reason = person.reason;
    }
    AddFact(answer, std::nullopt, absl::StrFormat("is on call now, %s: %s", until, reason));
    if (last->end < now + kAhead) {
      AddNext(answer, last->end, absl::StrFormat("goes off call in schedule %s", schedule.id.value()));
    }
  }
  if (ahead == 0) AddFact(answer, std::nullopt, "is in none of the schedules' next 14 days");
  return on_call;
}

void AddPolicies(const Roster& roster, const UserId& user, absl::Time now, ExplainAnswer& answer) {
  for (const EscalationPolicy& policy : roster.organisation().policies) {
    for (std::size_t i = 0; i < policy.steps.size(); ++i) {
      for (const Person& person : roster.Resolve(policy.steps[i].targets, now)) {
        if (person.user != user) continue;
        AddFact(
            answer, std::nullopt,
            absl::StrFormat("step %d of policy %s would page them now: %s", i + 1, policy.id.value(), person.reason));
      }
    }
  }
  if (roster.organisation().fallback_user == user) {
    AddFact(answer, std::nullopt, "is the fallback user: paged when nobody else can be");
  }
}

void AddMessages(const Holdings& held, ExplainAnswer& answer) {
  for (const Page& page : held.pages) {
    AddFact(
        answer, page.started_at,
        absl::StrFormat("page P%d for %s is under way: %s", page.id.value(), ShowSubject(page.subject), page.reason));
    for (std::size_t i = static_cast<std::size_t>(page.next_rule); i < page.rules.size(); ++i) {
      AddNext(answer, ExpectedWall(held.now, page.started_engine + page.rules[i].delay),
              absl::StrFormat("page P%d is tried by %s", page.id.value(), page.rules[i].method.value()));
    }
  }
  for (const Notification& row : held.waiting) {
    AddFact(answer, row.created_at,
            absl::StrFormat("N%d about %s by %s: %s", row.id.value(), ShowSubject(row.subject), row.method.id.value(),
                            Describe(row, held.now)));
  }
  for (const Notification& row : held.lately) {
    AddFact(answer, row.created_at,
            absl::StrFormat("N%d about %s by %s: %s", row.id.value(), ShowSubject(row.subject), row.method.id.value(),
                            Describe(row, held.now)));
  }
}

}  // namespace

absl::Status ExplainPerson(Api& api, const UserId& user, v1::ExplainResponse& response) {
  const Holdings held = Look(api, user);
  if (!held.roster) return Precondition("there is no organisation yet; `tocsin apply FILE...` declares one");
  const User* person = held.roster->organisation().Find(user);
  if (person == nullptr) {
    return NotFound("user \"%s\" does not exist in version %d of the configuration; `tocsin export` shows it",
                    user.value(), held.version);
  }
  ExplainAnswer& answer = *response.add_answers();
  answer.set_subject(absl::StrFormat("user %s (%s), time zone %s, version %d of the configuration", user.value(),
                                     person->name, person->time_zone, held.version));
  AddReachability(*person, held.reaches, answer);
  const int on_call = AddSchedules(*held.roster, user, held.now.wall, answer);
  AddPolicies(*held.roster, user, held.now.wall, answer);
  AddMessages(held, answer);
  SortNext(answer);
  if (person->contact_methods.empty()) {
    answer.set_verdict("cannot be reached: there is no contact method");
  } else {
    answer.set_verdict(absl::StrFormat("%s; %d pages are under way, %d messages wait",
                                       on_call > 0 ? "on call now" : "not on call now", held.pages.size(),
                                       held.waiting.size()));
  }
  return absl::OkStatus();
}

}  // namespace tocsin
