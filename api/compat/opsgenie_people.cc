// /v2/schedules, /v2/teams, /v2/users and /v2/escalations: who is on call, and what the organisation declares, to be read.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "api/compat/opsgenie_asked.h"
#include "api/on_call.h"
#include "base/status.h"
#include "base/strings.h"
#include "escalation/roster.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

constexpr std::string_view kNoOrganisation = "no organisation is loaded yet";

// A user is called by an e-mail address where there is one, as there.
std::string UserNameOf(const Organisation& organisation, const UserId& id) {
  const User* user = organisation.Find(id);
  if (user == nullptr) return id.value();
  const auto mail = std::ranges::find(user->contact_methods, ContactMethod::Kind::kEmail, &ContactMethod::kind);
  return mail == user->contact_methods.end() ? id.value() : mail->address;
}

template <typename Each>
std::string ListJson(const Each& each, auto write) {
  return absl::StrCat("[", absl::StrJoin(each, ",", [&](std::string* out, const auto& one) { *out += write(one); }),
                      "]");
}

std::string NamedJson(std::string_view id, std::string_view name) {
  return JsonMembers().Text("id", id).Text("name", name.empty() ? id : name).Object();
}

std::string TeamRef(const Organisation& organisation, const TeamId& id) {
  const Team* team = organisation.Find(id);
  return NamedJson(id.value(), team == nullptr ? "" : team->name);
}

std::string TeamJson(const Organisation& organisation, const Team& team) {
  const std::string members = ListJson(team.members, [&](const UserId& user) {
    return JsonMembers()
        .Raw("user", JsonMembers().Text("id", user.value()).Text("username", UserNameOf(organisation, user)).Object())
        .Text("role", "user")
        .Object();
  });
  return JsonMembers()
      .Text("id", team.id.value())
      .Text("name", team.name.empty() ? team.id.value() : team.name)
      .Text("description", "")
      .Raw("members", members)
      .Object();
}

std::string UserJson(const Organisation& organisation, const User& user) {
  return JsonMembers()
      .Text("id", user.id.value())
      .Text("username", UserNameOf(organisation, user.id))
      .Text("fullName", user.name)
      .Text("timeZone", user.time_zone)
      .Flag("blocked", false)
      .Flag("verified", true)
      .Raw("role", NamedJson("User", "User"))
      .Object();
}

std::string ScheduleJson(const Organisation& organisation, const Schedule& schedule) {
  JsonMembers json;
  json.Text("id", schedule.id.value()).Text("name", schedule.name.empty() ? schedule.id.value() : schedule.name);
  json.Text("description", "").Text("timezone", schedule.time_zone).Flag("enabled", true);
  if (schedule.team.set()) json.Raw("ownerTeam", TeamRef(organisation, schedule.team));
  return json.Raw("rotations", "[]").Object();
}

std::string RecipientJson(const Target& target) {
  struct Writer {
    std::string operator()(const UserTarget& to) const { return Of("user", to.user.value()); }
    std::string operator()(const TeamTarget& to) const { return Of("team", to.team.value()); }
    std::string operator()(const ScheduleTarget& to) const { return Of("schedule", to.schedule.value()); }
    std::string operator()(const PolicyTarget& to) const { return Of("escalation", to.policy.value()); }
    static std::string Of(std::string_view type, std::string_view id) {
      return JsonMembers().Text("type", type).Text("id", id).Text("name", id).Object();
    }
  };
  return std::visit(Writer(), target);
}

// There a rule's delay counts from the alert's beginning, here from the step before.
std::string PolicyJson(const Organisation& organisation, const EscalationPolicy& policy) {
  std::vector<std::string> rules;
  absl::Duration since = absl::ZeroDuration();
  for (const PolicyStep& step : policy.steps) {
    for (const Target& target : step.targets) {
      rules.push_back(
          JsonMembers()
              .Text("condition", step.unless == PolicyStep::Unless::kResolved ? "if-not-closed" : "if-not-acked")
              .Text("notifyType", "default")
              .Raw("delay",
                   JsonMembers().Number("timeAmount", absl::ToInt64Minutes(since)).Text("timeUnit", "minutes").Object())
              .Raw("recipient", RecipientJson(target))
              .Object());
    }
    since += step.delay;
  }
  JsonMembers json;
  json.Text("id", policy.id.value()).Text("name", policy.name.empty() ? policy.id.value() : policy.name);
  if (policy.team.set()) json.Raw("ownerTeam", TeamRef(organisation, policy.team));
  return json.Raw("rules", absl::StrCat("[", absl::StrJoin(rules, ","), "]")).Object();
}

// By id or by name, whatever the request calls it.
template <typename Thing>
const Thing* FindNamed(const std::vector<Thing>& things, std::string_view wanted) {
  const auto found = std::ranges::find_if(
      things, [&](const Thing& thing) { return thing.id.value() == wanted || thing.name == wanted; });
  return found == things.end() ? nullptr : &*found;
}

OrganisationPtr OrganisationOf(const OpsgenieRooms& rooms) {
  const RulesPtr rules = rooms.api.engine.rules();
  return rules ? rules->organisation : nullptr;
}

HttpResponse NoSuch(const OpsgenieExchange& exchange, std::string_view kind, std::string_view name) {
  return OpsgenieProblem(exchange.asked(), 404,
                         absl::StrCat(ToAbsl(kind), " [", ToAbsl(TruncateUtf8(name, 100)), "] does not exist"));
}

// The list of all, or the one that the path names.
template <typename Thing, typename Write>
HttpResponse ReadNamed(const OpsgenieRooms& rooms,
                       const OpsgenieExchange& exchange,
                       std::string_view kind,
                       const std::vector<Thing> Organisation::*things,
                       Write write) {
  const OrganisationPtr organisation = OrganisationOf(rooms);
  if (!organisation) return OpsgenieTrouble(exchange.asked(), kNoOrganisation, absl::Seconds(1));
  const std::string& rest = exchange.request.rest;
  const std::vector<Thing>& all = (*organisation).*things;
  if (rest.empty()) {
    const std::string list = ListJson(all, [&](const Thing& thing) { return write(*organisation, thing); });
    return OpsgenieAnswer(
        exchange.asked(), 200,
        JsonMembers().Raw("data", list).Number("totalCount", static_cast<std::int64_t>(all.size())).members());
  }
  const Thing* one = FindNamed(all, rest);
  if (one == nullptr) return NoSuch(exchange, kind, rest);
  return OpsgenieData(exchange.asked(), write(*organisation, *one));
}

// ---- who is on call ----

std::string ParticipantsJson(const Organisation& organisation, const std::vector<UserId>& users) {
  return ListJson(users, [&](const UserId& user) {
    return JsonMembers()
        .Text("id", user.value())
        .Text("name", UserNameOf(organisation, user))
        .Text("type", "user")
        .Object();
  });
}

std::string RecipientsJson(const Organisation& organisation, const std::vector<UserId>& users) {
  return ListJson(users, [&](const UserId& user) { return JsonQuote(UserNameOf(organisation, user)); });
}

std::string ParentJson(const Schedule& schedule) {
  return JsonMembers()
      .Text("id", schedule.id.value())
      .Text("name", schedule.name.empty() ? schedule.id.value() : schedule.name)
      .Flag("enabled", true)
      .Object();
}

std::string OnCallJson(const Roster& roster, const Schedule& schedule, absl::Time at, bool flat) {
  const Organisation& organisation = roster.organisation();
  const std::vector<UserId> users = roster.OnCall(schedule.id, at);
  JsonMembers json;
  json.Raw("_parent", ParentJson(schedule));
  if (flat) {
    json.Raw("onCallRecipients", RecipientsJson(organisation, users));
  } else {
    json.Raw("onCallParticipants", ParticipantsJson(organisation, users));
  }
  return json.Object();
}

// Clients and documentation call the lists differently: both names are there.
std::string NextJson(const Roster& roster, const Schedule& schedule, absl::Time at, bool flat) {
  const Organisation& organisation = roster.organisation();
  const ScheduleTarget next{.schedule = schedule.id, .turn = ScheduleTarget::Turn::kNext};
  const std::optional<absl::Time> turn = roster.TurnAt(next, at);
  const std::vector<UserId> users = turn ? roster.OnCall(schedule.id, *turn) : std::vector<UserId>();
  const std::string list = flat ? RecipientsJson(organisation, users) : ParticipantsJson(organisation, users);
  JsonMembers json;
  json.Raw("_parent", ParentJson(schedule));
  for (const std::string_view name :
       {"nextOnCallRecipients", "exactNextOnCallRecipients", "nextOnCallParticipants", "exactNextOnCallParticipants"})
    json.Raw(name, list);
  return json.Object();
}

absl::StatusOr<absl::Time> InstantOf(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange) {
  const std::string text = exchange.Query("date");
  if (text.empty()) return rooms.events.Read().wall;
  const std::optional<absl::Time> date = ParseAnyTime(text);
  if (!date) return Invalid("%s is not a time such as 2026-11-21T10:00:00Z", JsonQuote(TruncateUtf8(text, 64)));
  return *date;
}

HttpResponse ReadOnCall(const OpsgenieRooms& rooms,
                        const OpsgenieExchange& exchange,
                        std::string_view wanted,
                        bool next) {
  const absl::StatusOr<Roster> roster = CurrentRoster(rooms.api);
  if (!roster.ok()) return OpsgenieTrouble(exchange.asked(), Message(roster.status()), absl::Seconds(1));
  const absl::StatusOr<absl::Time> at = InstantOf(rooms, exchange);
  if (!at.ok())
    return OpsgenieRefusal(exchange.asked(), {.status = 422, .field = "date", .text = Message(at.status())});
  const bool flat = exchange.Query("flat") == "true";
  const auto write = [&](const Schedule& schedule) {
    return next ? NextJson(*roster, schedule, *at, flat) : OnCallJson(*roster, schedule, *at, flat);
  };
  const std::vector<Schedule>& all = roster->organisation().schedules;
  if (wanted.empty()) return OpsgenieData(exchange.asked(), ListJson(all, write));
  const Schedule* schedule = FindNamed(all, wanted);
  if (schedule == nullptr) return NoSuch(exchange, "Schedule", wanted);
  return OpsgenieData(exchange.asked(), write(*schedule));
}

}  // namespace

HttpResponse ReadOpsgenieSchedules(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange) {
  const std::string_view rest = exchange.request.rest;
  for (const std::string_view verb : {"next-on-calls", "on-calls"}) {
    if (rest != verb && !rest.ends_with(absl::StrCat("/", ToAbsl(verb)))) continue;
    const std::size_t before = rest.size() - verb.size();
    return ReadOnCall(rooms, exchange, rest.substr(0, before == 0 ? 0 : before - 1), verb == "next-on-calls");
  }
  return ReadNamed(rooms, exchange, "Schedule", &Organisation::schedules, ScheduleJson);
}

HttpResponse ReadOpsgenieTeams(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange) {
  return ReadNamed(rooms, exchange, "Team", &Organisation::teams, TeamJson);
}

HttpResponse ReadOpsgenieUsers(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange) {
  const std::string& rest = exchange.request.rest;
  const OrganisationPtr organisation = OrganisationOf(rooms);
  for (const User& user : organisation ? organisation->users : std::vector<User>()) {
    if (!rest.empty() && UserNameOf(*organisation, user.id) == rest)
      return OpsgenieData(exchange.asked(), UserJson(*organisation, user));
  }
  return ReadNamed(rooms, exchange, "User", &Organisation::users, UserJson);
}

HttpResponse ReadOpsgenieEscalations(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange) {
  return ReadNamed(rooms, exchange, "Escalation", &Organisation::policies, PolicyJson);
}

}  // namespace tocsin
