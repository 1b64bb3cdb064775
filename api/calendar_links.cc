// CreateCalendarLink, ImportCalendars.
#include <algorithm>

#include "absl/strings/str_cat.h"

#include "api/auth.h"
#include "api/handlers.h"
#include "api/records.h"
#include "base/status.h"
#include "base/strings.h"
#include "config/dump_fields.h"
#include "config/text.h"
#include "ical/document.h"
#include "import/calendar_import.h"
#include "model/codec/common_proto.h"
#include "model/integration_key.h"

namespace tocsin {
namespace {

constexpr absl::Duration kLongestLife = absl::Hours(24 * 366 * 5);

bool SpeaksFor(const Caller& caller, const Organisation& organisation, const UserId& user) {
  if (caller.user == user) return true;
  const std::optional<Caller> manager = caller.At(Role::kManager);
  if (!manager) return false;
  return manager->everywhere() || std::ranges::any_of(manager->teams, [&](const TeamId& id) {
           const Team* team = organisation.Find(id);
           return team != nullptr && std::ranges::find(team->members, user) != team->members.end();
         });
}

// Whoever holds the address reads it without logging in: so one's own shifts, and schedules by those who answer pages.
absl::Status MayShare(const Caller& caller, const Organisation& organisation, const CalendarDoor& door) {
  if (door.schedule.set()) {
    if (organisation.Find(door.schedule) == nullptr) {
      return NotFound("schedule %s does not exist", JsonQuote(TruncateUtf8(door.schedule.value(), 100)));
    }
    if (caller.At(Role::kResponder)) return absl::OkStatus();
    return absl::PermissionDeniedError("addresses of schedules are made by responders, managers and admins");
  }
  if (organisation.Find(door.user) == nullptr) {
    return NotFound("user %s does not exist", JsonQuote(TruncateUtf8(door.user.value(), 100)));
  }
  if (SpeaksFor(caller, organisation, door.user)) return absl::OkStatus();
  return absl::PermissionDeniedError("the address of a person's shifts is made by that person, or by a manager");
}

std::string AddressOf(const Organisation& organisation, const std::string& secret) {
  std::string_view base = organisation.public_url;
  while (base.ends_with('/'))
    base.remove_suffix(1);
  return absl::StrCat(ToAbsl(base), "/calendar/", secret, ".ics");
}

}  // namespace

absl::Status CreateCalendarLink(Api& api,
                                const Caller& caller,
                                const v1::CreateCalendarLinkRequest& request,
                                v1::CreateCalendarLinkResponse& response) {
  const OrganisationPtr organisation = api.engine.access()->organisation;
  if (!organisation) return Precondition("there is no organisation yet; `tocsin apply FILE...` declares one");
  CalendarDoor door{ScheduleId(request.schedule()), UserId(request.user())};
  if (!door.schedule.set() && !door.user.set()) door.user = caller.user;
  if (door.schedule.set() == door.user.set()) return Invalid("say whose calendar: either a schedule's or a user's");
  TOCSIN_TRY(MayShare(caller, *organisation, door));
  AccessToken token;
  OpenCalendar(door, token);
  token.name = request.name();
  if (token.name.empty()) {
    token.name = door.schedule.set() ? "calendar of " + door.schedule.value() : std::string("calendar");
    if (door.schedule.set() && caller.user.set()) token.name += " for " + caller.user.value();
  }
  TOCSIN_TRY(Annotate(CheckLine(token.name), "name"));
  if (request.has_expires_in()) {
    absl::Duration life;
    TOCSIN_TRY(Annotate(FromProto(request.expires_in(), life), "expires_in"));
    if (life < absl::Minutes(1) || life > kLongestLife) return Invalid("expires_in: must be a minute to five years");
    token.expires_at = api.engine.Read().wall + life;
    PutTime(token.expires_at, response, &v1::CreateCalendarLinkResponse::mutable_expires_at);
  }
  const std::string secret = MakeToken();
  token.hash = HashKey(secret);
  v1::CommandResponse done;
  TOCSIN_TRY(Run(api, caller, "", CreateToken{std::move(token)}, done));
  response.set_id(done.id());
  response.set_sequence(done.sequence());
  response.set_url(AddressOf(*organisation, secret));
  return absl::OkStatus();
}

absl::Status ImportCalendars(Api& api,
                             const Caller&,
                             const v1::ImportCalendarsRequest& request,
                             v1::ImportCalendarsResponse& response) {
  const OrganisationPtr organisation = api.engine.access()->organisation;
  if (!organisation) return Precondition("there is no organisation yet; `tocsin apply FILE...` declares one");
  TOCSIN_TRY(Annotate(CheckId(request.schedule()), "schedule"));
  if (request.files().empty()) return Invalid("files: none");
  std::vector<CalendarFile> files;
  std::size_t bytes = 0;
  for (const auto& file : request.files()) {
    bytes += file.text().size();
    files.push_back({file.name(), file.text()});
  }
  if (bytes > ical::kDocumentBytes) return Invalid("files: %d bytes in all, at most %d", bytes, ical::kDocumentBytes);
  const CalendarImport imported =
      ImportCalendars(files, *organisation, ScheduleId(request.schedule()),
                      request.time_zone().empty() ? "UTC" : request.time_zone(), api.engine.Read().wall);
  YamlValue yaml = YamlValue::Map();
  SetList(yaml, "schedules", std::vector<Schedule>{imported.schedule}, DumpSchedule);
  response.set_yaml(yaml.Print());
  for (const std::string& problem : imported.problems)
    response.add_problems(problem);
  response.set_events(imported.events);
  return absl::OkStatus();
}

}  // namespace tocsin
