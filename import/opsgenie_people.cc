// Opsgenie's users: how they are reached, by which rules, and who stands in for them.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "import/intervals.h"
#include "import/layers.h"
#include "import/opsgenie.h"

namespace tocsin::import::opsgenie {
namespace {

ContactMethodId ReadMethod(
    const Item& item, const std::string& method, const std::string& to, const UserId& user, Draft& draft) {
  if (method == "email") return draft.AddMethod(item, user, ContactMethod::Kind::kEmail, to);
  if (method == "sms") return draft.AddMethod(item, user, ContactMethod::Kind::kSms, PhoneNumber(to));
  if (method == "voice") return draft.AddMethod(item, user, ContactMethod::Kind::kVoice, PhoneNumber(to));
  item.Lose(Grade::kHow, absl::StrFormat("the contact method %s", JsonQuote(TruncateUtf8(method, 60))),
            "this person is not reached that way");
  return {};
}

// Which of P1 to P5 a rule's conditions let through; nullopt: they ask for something else, too.
std::optional<std::set<int>> PrioritiesOf(const Item& criteria) {
  const bool any = criteria.Text("type") == "match-any-condition";
  std::set<int> taken;
  for (int priority = 1; priority <= 5; ++priority) {
    bool all_hold = true;
    bool one_holds = false;
    for (const Item& condition : criteria.Items("conditions")) {
      const std::string value = condition.Text("expectedValue");
      const std::string operation = condition.Text("operation");
      if (condition.Text("field") != "priority" || value.size() != 2 || value[0] != 'P') return std::nullopt;
      const int than = value[1] - '0';
      // P1 is the greatest.
      bool holds = operation == "greater-than" ? priority < than
                   : operation == "less-than"  ? priority > than
                                               : priority == than;
      if (operation != "greater-than" && operation != "less-than" && operation != "equals") return std::nullopt;
      holds = holds != condition.Flag("not");
      all_hold = all_hold && holds;
      one_holds = one_holds || holds;
    }
    if (any ? one_holds : all_hold) taken.insert(priority);
  }
  return taken;
}

// P1 and P2 are of high urgency, as critical and high severity are.
std::vector<Urgency> UrgenciesOf(const Item& rule) {
  const std::vector<Urgency> both = {Urgency::kHigh, Urgency::kLow};
  const Item criteria = rule["criteria"];
  const std::string type = criteria.Text("type");
  if (type.empty() || type == "match-all") return both;
  const std::optional<std::set<int>> priorities = PrioritiesOf(criteria);
  if (!priorities) {
    rule.Lose(Grade::kHow, "a rule for some alerts only, by more than their priority", "it holds for all alerts");
    return both;
  }
  const std::set<int> high = {1, 2};
  const std::set<int> low = {3, 4, 5};
  std::vector<Urgency> urgencies;
  const auto takes = [&](int priority) { return priorities->contains(priority); };
  if (std::ranges::any_of(high, takes)) urgencies.push_back(Urgency::kHigh);
  if (std::ranges::any_of(low, takes)) urgencies.push_back(Urgency::kLow);
  const bool exact = *priorities == high || *priorities == low || priorities->size() == 5;
  rule.Lose(exact ? Grade::kCosmetic : Grade::kHow, "a rule for some priorities only",
            exact ? "for the urgency that they are of: P1 and P2 are high, P3 to P5 low"
                  : "for the urgencies that they are of: P1 and P2 are high, P3 to P5 low; there are no finer ones");
  return urgencies;
}

void ReadNotificationRule(const Item& item, const UserId& user, Draft& draft) {
  const std::string action = item.Text("actionType");
  if (!item.Flag("enabled", true)) return;
  if (!action.empty() && action != "create-alert") {
    item.Lose(Grade::kCosmetic, absl::StrFormat("notifications of %s", JsonQuote(TruncateUtf8(action, 60))),
              "recoveries and acknowledgements are told as tocsin does");
    return;
  }
  const std::vector<Urgency> urgencies = UrgenciesOf(item);
  std::vector<TimeIntervalId> hours;
  if (const std::vector<Restriction> windows = WindowsOf(item["timeRestriction"]); !windows.empty()) {
    if (const auto id = HoursOf(item, "hours of " + user.value(), windows, "", draft)) hours = {*id};
    item.Lose(Grade::kHow,
              "a rule for some times of the day only, outside of which nobody is told even when no other rule holds",
              "at high urgency it holds all the same where nothing else would be left");
  }
  if (item["repeat"].Flag("enabled") || item["repeat"]["loopAfter"].present()) {
    item.Lose(Grade::kHow, "its steps are repeated", "once; the policy's passes repeat them");
  }
  for (const Item& step : item.Items("steps")) {
    if (!step.Flag("enabled", true)) continue;
    const Item contact = step["contact"];
    const ContactMethodId method =
        ReadMethod(contact, contact.FirstText({"method", "contactMethod"}), contact.Text("to"), user, draft);
    for (const Urgency urgency : urgencies)
      draft.AddRule(user, {urgency, absl::Seconds(Seconds(step["sendAfter"])), method, false, hours});
  }
}

}  // namespace

void ReadUser(const Item& item, const Item& rules, Draft& draft) {
  item.Expect("users", {"username", "fullName", "role", "skypeUsername", "timeZone", "locale", "userAddress", "tags",
                        "details", "userContacts", "contacts", "notificationRules", "blocked", "verified", "createdAt",
                        "mutedUntil", "invitationDisabled"});
  const std::string name = item.Text("username");
  const UserId user = draft.AddUser(item, {item.Text("id"), item.Text("fullName"), name, item.Text("timeZone")});
  if (item.Flag("blocked")) {
    item.Lose(Grade::kWho, "the user is blocked and told nothing",
              "the user can be paged: take this person out of the schedules and policies");
  }
  if (const auto until = item.Instant("mutedUntil"); until && *until > draft.options().now) {
    item.Lose(Grade::kHow, absl::StrFormat("the user is told nothing until %s", Show(*until)),
              "the user is: let somebody stand in (tocsin schedule override)");
  }
  const std::string_view contacts = item["userContacts"].present() ? "userContacts" : "contacts";
  for (const Item& contact : item.Items(contacts)) {
    const Item status = contact["status"];
    if (status.is_map() && !status.Flag("enabled", true)) continue;
    ReadMethod(contact, contact.FirstText({"contactMethod", "method"}), contact.Text("to"), user, draft);
  }
  const std::vector<Item> own = item.Items("notificationRules");
  for (const Item& rule : rules.present() ? rules.Items() : own)
    ReadNotificationRule(rule, user, draft);
}

std::string UserKey(const Item& item) {
  return item.FirstText({"id", "username"});
}

std::optional<UserId> NeedUser(const Item& item, Draft& draft) {
  if (const auto user = draft.FindUser(item.Text("id"))) return user;
  if (const auto user = draft.FindUser(item.Text("username"))) return user;
  return draft.NeedUser(item, UserKey(item));
}

void ReadForwardings(const std::vector<Item>& items, Draft& draft) {
  constexpr std::size_t kStandIns = 20'000;
  std::vector<Schedule>& schedules = draft.organisation().schedules;
  std::map<UserId, std::set<std::size_t>> named;  // who takes part in which
  for (std::size_t i = 0; i < schedules.size(); ++i) {
    const auto look = [&](const std::vector<Target>& crew) {
      for (const Target& target : crew) {
        if (const auto* user = std::get_if<UserTarget>(&target)) named[user->user].insert(i);
      }
    };
    for (const Layer& layer : schedules[i].layers)
      ForEachCrew(layer, look);
    for (const Override& change : schedules[i].overrides)
      look(change.users);
  }
  std::size_t made = 0;
  for (const Item& item : items) {
    item.Expect("forwarding rules", {"fromUser", "toUser", "startDate", "endDate", "alias"});
    const auto stretch = StretchOf(item, "startDate", "endDate");
    if (!stretch || stretch->end <= draft.options().now) continue;  // it is over
    const auto from = NeedUser(item["fromUser"], draft);
    const auto to = NeedUser(item["toUser"], draft);
    if (!from || !to || *from == *to) continue;
    for (const std::size_t i : named[*from]) {
      if (++made > kStandIns) return item.Problem("with it forwarding rules come to too many overrides");
      Override change;
      change.start = stretch->start;
      change.end = stretch->end;
      change.type = Override::Type::kSwap;
      change.from_user = *from;
      change.to_user = *to;
      change.reason = "imported from Opsgenie";
      Draft::Override(schedules[i], std::move(change));
    }
    item.Lose(
        Grade::kHow, absl::StrFormat("what is sent to %s goes to %s", JsonQuote(from->value()), JsonQuote(to->value())),
        "where it is the turn of the first in a schedule the second stands in; steps that name the first go on to");
  }
}

}  // namespace tocsin::import::opsgenie
