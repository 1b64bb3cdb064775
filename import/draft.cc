#include "import/draft.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "config/text.h"
#include "import/stepping.h"
#include "import/zones.h"

namespace tocsin::import {
namespace {

constexpr std::size_t kIdBytes = 60;

// What people's names are made of beyond ASCII, as their own languages write it without.
struct Letter {
  char32_t from;
  std::string_view to;
};
constexpr Letter kLetters[] = {
    {U'ä', "ae"},
    {U'ö', "oe"},
    {U'ü', "ue"},
    {U'Ä', "ae"},
    {U'Ö', "oe"},
    {U'Ü', "ue"},
    {U'ß', "ss"},
    {U'æ', "ae"},
    {U'ø', "oe"},
    {U'å', "aa"},
    {U'Å', "aa"},
    {U'Ø', "oe"},
    {U'œ', "oe"},
    {U'ł', "l" },
    {U'Ł', "l" },
    {U'đ', "d" },
    {U'ð', "d" },
    {U'þ', "th"},
};
// U+00C0 to U+00FF without their marks.
constexpr std::string_view kLatin = "aaaaaaaceeeeiiiidnooooo-ouuuuytsaaaaaaaceeeeiiiidnooooo-ouuuuyty";

std::string Plain(char32_t letter) {
  if (letter < 0x80) return std::string(1, absl::ascii_tolower(static_cast<unsigned char>(letter)));
  const auto* found = std::ranges::find(kLetters, letter, &Letter::from);
  if (found != std::end(kLetters)) return std::string(found->to);
  if (letter >= 0xC0 && letter <= 0xFF) return std::string(1, kLatin[letter - 0xC0]);
  return "-";
}

}  // namespace

std::string SafeId(std::string_view name) {
  if (const std::size_t at = name.find('@'); at != std::string_view::npos && at > 0) name = name.substr(0, at);
  std::string id;
  while (!name.empty() && id.size() < kIdBytes) {
    const CodePoint point = FirstCodePoint(name);
    name.remove_prefix(point.bytes);
    for (const char c : Plain(point.valid ? point.value : U'-')) {
      const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c));
      const bool inside = c == '.' || c == '_' || c == '-';
      const char put = plain || inside ? c : '-';
      if (!plain && (id.empty() || !absl::ascii_isalnum(static_cast<unsigned char>(id.back())))) continue;
      id += put;
    }
  }
  while (!id.empty() && !absl::ascii_isalnum(static_cast<unsigned char>(id.back())))
    id.pop_back();
  return id;
}

std::string IdBook::Claim(std::string_view name) {
  std::string base = SafeId(name);
  if (base.empty()) base = otherwise_;
  std::string id = base;
  int& next = next_.try_emplace(base, 2).first->second;
  while (!taken_.insert(id).second)
    id = absl::StrFormat("%s-%d", base, next++);
  return id;
}

std::string Line(std::string_view name, const std::string& id) {
  return !name.empty() && CheckLine(name).ok() ? std::string(name) : id;
}

std::string IdBook::Known(std::string_view key, std::string_view name) {
  if (const std::string* id = Find(key)) return *id;
  std::string id = Claim(name.empty() ? key : name);
  Call(key, id);
  return id;
}

std::string PhoneNumber(std::string_view text, std::string_view country) {
  std::string digits;
  for (const char c : country) {
    if (absl::ascii_isdigit(static_cast<unsigned char>(c))) digits += c;
  }
  const std::size_t code = digits.size();
  for (const char c : text) {
    if (absl::ascii_isdigit(static_cast<unsigned char>(c))) digits += c;
  }
  if (code > 0 && text.starts_with("+")) digits.erase(0, code);  // it stands in the number, too
  return "+" + digits;
}

Draft::Draft(const Options& options, Report& report) : options_(options), report_(report) {
  for (const User& user : options.present.users) {
    users_.Reserve(user.id.value());
    present_.insert(user.id);
    for (const ContactMethod& method : user.contact_methods) {
      if (method.kind == ContactMethod::Kind::kEmail) by_email_.try_emplace(ToLower(method.address), user.id);
    }
  }
  for (const Team& team : options.present.teams)
    teams.Reserve(team.id.value());
  for (const Schedule& schedule : options.present.schedules)
    schedules.Reserve(schedule.id.value());
  for (const EscalationPolicy& policy : options.present.policies)
    policies.Reserve(policy.id.value());
  for (const Receiver& receiver : options.present.receivers)
    receivers.Reserve(receiver.id.value());
  for (const Service& service : options.present.services)
    services.Reserve(service.id.value());
  for (const Integration& integration : options.present.integrations)
    integrations.Reserve(integration.id.value());
  for (const TimeInterval& interval : options.present.time_intervals)
    intervals.Reserve(interval.id.value());
  for (const MaintenanceWindow& window : options.present.maintenance)
    maintenance.Reserve(window.id.value());
  // Nothing of what tocsin does beside the source is taken for granted.
  organisation_.route.id = RouteId("root");
  routes.Reserve("root");
}

UserId Draft::AddUser(const Item& item, const Person& person) {
  const std::string email = ToLower(person.email);
  if (const std::string* known = users_.Find(person.key); known != nullptr && !person.key.empty())
    return UserId(*known);
  if (const auto known = by_email_.find(email); !email.empty() && known != by_email_.end()) {
    users_.Call(person.key, known->second.value());
    users_.Call(email, known->second.value());
    return known->second;
  }
  std::string base = email;
  for (const std::string& other : {person.name, person.key}) {
    if (SafeId(base).empty()) base = other;
  }
  const UserId id(users_.Claim(base));
  users_.Call(person.key, id.value());
  users_.Call(email, id.value());
  if (!email.empty()) {
    by_email_.emplace(email, id);
    emails_.emplace(id, email);
  }
  users_.Call(id.value(), id.value());
  objects_.emplace(id, item.Object());
  User user;
  user.id = id;
  user.name = Line(person.name, id.value());
  user.time_zone = "UTC";
  if (!person.time_zone.empty()) {
    const std::string zone = KnownZone(person.time_zone);
    if (zone.empty()) {
      item.Lose(Grade::kCosmetic, absl::StrFormat("the time zone %s, which is unknown", JsonQuote(person.time_zone)),
                "UTC: nights and weekends of this person are counted by it");
    } else {
      user.time_zone = zone;
    }
  }
  user_index_.emplace(id, organisation_.users.size());
  organisation_.users.push_back(std::move(user));
  return id;
}

std::optional<UserId> Draft::FindUser(std::string_view key) const {
  const std::string* id = users_.Find(key);
  if (id == nullptr) id = users_.Find(ToLower(key));
  if (id == nullptr) return std::nullopt;
  return UserId(*id);
}

std::optional<UserId> Draft::NeedUser(const Item& where, std::string_view key) {
  std::optional<UserId> user = FindUser(key);
  if (!user) {
    where.Lose(Grade::kWho, absl::StrFormat("the user %s, who is not in the export", JsonQuote(TruncateUtf8(key, 80))),
               "nobody is in this place: export the users, too");
  }
  return user;
}

User* Draft::Edit(const UserId& id) {
  const auto found = user_index_.find(id);
  return found == user_index_.end() ? nullptr : &organisation_.users[found->second];
}

ContactMethodId Draft::AddMethod(const Item& from,
                                 const UserId& id,
                                 ContactMethod::Kind kind,
                                 const std::string& address) {
  User* user = Edit(id);
  if (user == nullptr) return {};
  for (const ContactMethod& method : user->contact_methods) {
    if (method.kind == kind && method.address == address) return method.id;
  }
  const bool phone = kind == ContactMethod::Kind::kSms || kind == ContactMethod::Kind::kVoice;
  absl::Status status = phone                                   ? CheckPhoneNumber(address)
                        : kind == ContactMethod::Kind::kEmail   ? CheckEmailAddress(address)
                        : kind == ContactMethod::Kind::kWebhook ? CheckHttpUrl(address)
                                                                : CheckLine(address);
  constexpr std::size_t kMethods = 50;
  if (status.ok() && user->contact_methods.size() >= kMethods) status = Invalid("there are more than %d", kMethods);
  if (!status.ok()) {
    from.Lose(Grade::kHow,
              absl::StrFormat("%s to an address that cannot be used: %s", tocsin::Name(kind), Message(status)),
              absl::StrFormat("user %s has no such method", JsonQuote(id.value())));
    return {};
  }
  ContactMethodId method(tocsin::Name(kind));
  const auto taken = [&](const ContactMethod& other) { return other.id == method; };
  for (int n = 2; std::ranges::any_of(user->contact_methods, taken); ++n)
    method = ContactMethodId(absl::StrFormat("%s-%d", tocsin::Name(kind), n));
  user->contact_methods.push_back({method, kind, address, "", {}});
  return method;
}

void Draft::AddRule(
    const UserId& id, Urgency urgency, absl::Duration delay, const ContactMethodId& method, bool important) {
  AddRule(id, {urgency, delay, method, important});
}

void Draft::AddRule(const UserId& id, NotificationRule rule) {
  User* user = Edit(id);
  constexpr std::size_t kRules = 50;
  if (user == nullptr || !rule.method.set() || user->notification_rules.size() >= kRules) return;
  rule.delay = std::clamp(rule.delay, absl::ZeroDuration(), absl::Hours(24 * 7));
  if (std::ranges::find(user->notification_rules, rule) == user->notification_rules.end()) {
    user->notification_rules.push_back(std::move(rule));
  }
}

void Draft::AddMember(const TeamId& team, const UserId& user) {
  for (; teams_seen_ < organisation_.teams.size(); ++teams_seen_)
    team_index_.emplace(organisation_.teams[teams_seen_].id, teams_seen_);
  const auto found = team_index_.find(team);
  if (found == team_index_.end() || !members_.emplace(team, user).second) return;
  organisation_.teams[found->second].members.push_back(user);
}

std::string Draft::Zone(const Item& item, std::string_view field) {
  const std::string text = item.Text(field);
  std::string zone = KnownZone(text);
  if (zone.empty()) {
    item[field].Problem(text.empty() ? "is missing: the time zone, such as Europe/Berlin"
                                     : absl::StrFormat("%s is not a time zone that is known here: write its IANA name",
                                                       JsonQuote(TruncateUtf8(text, 80))));
    return "UTC";
  }
  return zone;
}

void Draft::Override(Schedule& schedule, tocsin::Override change) {
  change.seq = schedule.overrides.size() + 1;
  schedule.overrides.push_back(std::move(change));
}

void Draft::PutStep(EscalationPolicy& policy, const SourceStep& step) {
  if (!step.only_if.empty()) {
    step.item.Lose(Grade::kWho, absl::StrFormat("only if %s: steps have no such condition", step.only_if),
                   "the step is always taken; a policy of its own behind a route can say it");
  }
  constexpr absl::Duration kLongest = absl::Hours(24 * 7);
  if (step.delay > kLongest) {
    step.item.Lose(Grade::kHow, absl::StrFormat("a delay of %s", DurationText(step.delay)),
                   "a week, the longest there is");
  }
  PolicyStep& to = policy.steps.emplace_back();
  to.delay = std::clamp(step.delay, absl::ZeroDuration(), kLongest);
  to.delay_from = step.delay_from;
  to.targets = step.targets;
  to.strategy = step.strategy;
  to.unless = step.unless_resolved ? PolicyStep::Unless::kResolved : PolicyStep::Unless::kAcknowledged;
  to.important = step.important;
  to.each_acknowledges = step.each_acknowledges;
  to.only_during = step.only_during;
  if (!to.only_during.empty()) to.outside = step.outside;
  to.min_rate = step.min_rate;
  if (to.min_rate.count > 0) to.min_rate.window = std::clamp(to.min_rate.window, absl::Seconds(1), absl::Hours(24));
  to.receivers = step.receivers;
  // Without people its time still passes: a pause, or what went before nobody's turn there, too.
  if (to.targets.empty() && to.receivers.empty()) to.on_empty = PolicyStep::OnEmpty::kWait;
}

void Draft::PutPause(EscalationPolicy& policy, const Item& item, absl::Duration delay) {
  if (delay > absl::ZeroDuration()) PutStep(policy, {item, delay, {}});
}

void Draft::Put(EscalationPolicy policy, bool low_urgency_escalates) {
  policy.low_urgency_escalates = low_urgency_escalates;
  // Passes that would come at once are no passes.
  absl::Duration pass = policy.repeat_interval;
  for (const PolicyStep& step : policy.steps)
    pass += step.delay;
  if (policy.repeats > 0 && pass < absl::Seconds(1)) policy.repeats = 0;
  if (policy.repeats == 0) policy.repeat_interval = absl::ZeroDuration();
  // Somebody must have a moment to answer before it is resolved.
  if (policy.resolve_when_exhausted && !policy.steps.empty()) {
    absl::Duration& last = policy.steps.back().delay;
    last = std::max(last, absl::Minutes(1));
  }
  organisation_.policies.push_back(std::move(policy));
}

Route Draft::RouteOf(std::string_view name, std::vector<Matcher> matchers, const PolicyId& policy) {
  if (++routes_made_ == kMostRoutes + 1) {
    report_.Problem("the export", absl::StrFormat("comes to more than %d routes: import it in parts", kMostRoutes));
  }
  // Without its children, which may be many.
  std::vector<Route> children = std::exchange(organisation_.route.children, {});
  Route route = organisation_.route;
  organisation_.route.children = std::move(children);
  route.id = RouteId(routes.Claim(name));
  route.matchers = std::move(matchers);
  route.policy = policy;
  return route;
}

Route& Draft::AddRoute(const ServiceId& service, const std::vector<Matcher>& matchers, const PolicyId& policy) {
  Route route = RouteOf(service.value(), matchers, policy);
  route.service = service;
  return organisation_.route.children.emplace_back(std::move(route));
}

void Draft::Check(const ScheduleId& schedule, const std::optional<SteppedSchedule>& steps) {
  if (!steps || options_.check_span <= absl::ZeroDuration()) return;
  worked_out_.push_back(StepThrough(*steps, schedule, WholeMinute(options_.check_since),
                                    std::min(options_.check_span, absl::Hours(24 * 3660))));
}

Imported Draft::Finish() {
  CompleteSchedules();
  CompleteUsers();
  CompleteFallback();
  CompletePolicies();
  CompleteRoute();
  for (Rendering& rendering : worked_out_) {
    const bool said = std::ranges::any_of(renderings, [&](const Rendering& each) {
      return each.schedule == rendering.schedule && each.since < rendering.until && rendering.since < each.until;
    });
    if (!said) renderings.push_back(std::move(rendering));
  }
  if (options_.present.fallback_user.set()) organisation_.fallback_user = UserId();
  Imported imported;
  imported.organisation = std::move(organisation_);
  imported.problems = report_.problems();
  imported.losses = report_.Losses();
  imported.renderings = std::move(renderings);
  return imported;
}

}  // namespace tocsin::import
