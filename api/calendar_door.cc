#include "api/calendar_door.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_format.h"

#include "api/calendar.h"
#include "api/on_call.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::string_view kSuffix = ".ics";
constexpr const char* kHttpDate = "%a, %d %b %Y %H:%M:%S GMT";

HttpResponse Text(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.headers = {
      {"Content-Type",           "text/plain; charset=utf-8"},
      {"Cache-Control",          "no-store"                 },
      {"Referrer-Policy",        "no-referrer"              },
      {"X-Content-Type-Options", "nosniff"                  }
  };
  response.body = std::move(text) + "\n";
  return response;
}

HttpResponse Failure(const absl::Status& status) {
  return Text(absl::IsNotFound(status) ? 404 : 503, Message(status));
}

// When the configuration in force was applied. A version never changes, so it is looked up once.
class Edition {
 public:
  absl::StatusOr<absl::Time> AppliedAt(Api& api, ConfigurationId id) {
    {
      const MutexLock lock(mutex_);
      if (id_ == id) return at_;
    }
    ConfigurationVersion probe;
    probe.id = id;
    TOCSIN_ASSIGN(const std::optional<Row> row, api.engine.store().ReadRow(KeyOf(Row(probe))));
    const absl::Time at = row ? std::get<ConfigurationVersion>(*row).at : absl::UnixEpoch();
    const MutexLock lock(mutex_);
    id_ = id;
    at_ = at;
    return at;
  }

 private:
  Mutex mutex_;
  ConfigurationId id_ ABSL_GUARDED_BY(mutex_);
  absl::Time at_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<ical::Feed> MakeFeed(Api& api, Edition& edition, const CalendarDoor& door) {
  CalendarContext context;
  ConfigurationId version;
  api.engine.ReadResponderAndWait(
      [&](const Responder& responder, const Now&) { version = responder.state().counters.configuration; });
  TOCSIN_ASSIGN(const Roster roster, CurrentRoster(api));
  context.now = api.engine.Read().wall;
  context.seed = api.engine.KeySeed();
  context.sequence = version.value();
  TOCSIN_ASSIGN(context.modified, edition.AppliedAt(api, version));
  return door.schedule.set() ? CalendarOfSchedule(roster, door.schedule, context)
                             : CalendarOfUser(roster, door.user, context);
}

// RFC 9110 13.1: the tag decides, and the date where there is no tag.
bool IsFresh(const HttpRequest& request, const std::string& tag, absl::Time modified) {
  const std::string_view tags = request.header("If-None-Match");
  if (!tags.empty()) return tags == "*" || tags.find(tag) != std::string_view::npos;
  const std::string_view since = request.header("If-Modified-Since");
  absl::Time time;
  std::string error;
  return !since.empty() && absl::ParseTime(kHttpDate, std::string(since), &time, &error) && modified <= time;
}

HttpResponse Answer(const HttpRequest& request, const CalendarDoor& door, const ical::Feed& feed, absl::Time now) {
  std::string body = ical::Write(feed);
  // What is shown moves on by a day each day.
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::Time day = absl::FromCivil(absl::ToCivilDay(now, utc), utc);
  const absl::Time modified = std::max(absl::FromUnixSeconds(absl::ToUnixSeconds(feed.modified)), day);
  const std::string tag = absl::StrFormat("\"%016x\"", Hash64(body));
  HttpResponse response;
  response.headers = {
      {"ETag",                  tag                       },
      {"Last-Modified",         absl::FormatTime(kHttpDate, modified, utc)},
      {"Cache-Control",                   "private, max-age=300"                                            },
      {"Referrer-Policy","no-referrer"},
      {"X-Content-Type-Options",                            "nosniff"                                                                                         }
  };
  if (IsFresh(request, tag, modified)) {
    response.status = 304;
    return response;
  }
  const std::string name = door.schedule.set() ? door.schedule.value() : door.user.value();
  response.headers.push_back({"Content-Type", "text/calendar; charset=utf-8"});
  response.headers.push_back({"Content-Disposition", absl::StrFormat("inline; filename=\"%s.ics\"", name)});
  response.body = std::move(body);
  return response;
}

HttpResponse Serve(Api& api, const Auth& auth, Edition& edition, const HttpRequest& request) {
  std::string_view name = request.rest;
  if (name.ends_with(kSuffix)) name.remove_suffix(kSuffix.size());
  const std::optional<CalendarDoor> door = auth.CalendarOf(name);
  if (!door) {
    return Text(404, "this calendar is not known, or its address was revoked; `tocsin schedule link` makes a new one");
  }
  const absl::StatusOr<ical::Feed> feed = MakeFeed(api, edition, *door);
  if (!feed.ok()) return Failure(feed.status());
  return Answer(request, *door, *feed, api.engine.Read().wall);
}

}  // namespace

void AddCalendarRoutes(HttpRouter& router, Api& api, const Auth& auth, Workers& workers) {
  auto edition = std::make_shared<Edition>();
  router.AddPrefix(HttpMethod::kGet, "/calendar",
                   [&api, &auth, &workers, edition](HttpRequest request, HttpResponder responder) {
                     auto held = std::make_shared<HttpResponder>(std::move(responder));
                     const bool taken = workers.Post([&api, &auth, edition, held, request = std::move(request)] {
                       std::move(*held).Send(Serve(api, auth, *edition, request));
                     });
                     if (!taken) std::move(*held).Send(Text(503, "busy: try again in a second"));
                   },
                   {.max_body_bytes = 4096});
}

}  // namespace tocsin
