#include "api/calendar_door.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "api/calendar.h"
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

// All that a feed is made of, as far as it can change: where it is equal the answer is the same.
struct Stand {
  ConfigurationId version;
  std::uint64_t changes = 0;  // a hash of overrides and swaps
  absl::CivilDay day;         // what is shown moves on by one each day
  friend bool operator==(const Stand&, const Stand&) = default;
};

Stand StandOf(const Responder& responder, absl::Time now) {
  std::uint64_t hash = 0;
  for (const auto& [id, row] : responder.state().schedule_changes) {
    const std::int64_t parts[] = {static_cast<std::int64_t>(id.value()), static_cast<std::int64_t>(row.state),
                                  absl::ToUnixMicros(row.settled_at), absl::ToUnixSeconds(row.change.end)};
    hash = Hash64({reinterpret_cast<const char*>(parts), sizeof(parts)}, hash);
  }
  return {responder.state().counters.configuration, hash, absl::ToCivilDay(now, absl::UTCTimeZone())};
}

struct Made {
  std::string body;
  std::string tag;
  absl::Time modified;
};

// The answers that were made last. A calendar is asked for far more often than schedules change, and by whoever has its address as
// often as he likes: then it is a look-up, and neither the responder nor a roster is copied for it. Any thread.
class Answers {
 public:
  std::shared_ptr<const Made> Find(const std::string& name, const Stand& stand) {
    const MutexLock lock(mutex_);
    const auto found = kept_.find(name);
    if (found == kept_.end() || found->second.stand != stand) return nullptr;
    return found->second.made;
  }

  void Keep(const std::string& name, const Stand& stand, std::shared_ptr<const Made> made) {
    constexpr std::size_t kBytes = std::size_t{32} * 1024 * 1024;
    const MutexLock lock(mutex_);
    if (const auto found = kept_.find(name); found != kept_.end()) {
      bytes_ -= found->second.made->body.size();
      kept_.erase(found);
    }
    if (made->body.size() > kBytes) return;
    // Those of another day or version are of no more use; then any.
    for (const bool any : {false, true}) {
      for (auto at = kept_.begin(); at != kept_.end() && bytes_ + made->body.size() > kBytes;) {
        if (!any && at->second.stand == stand) {
          ++at;
          continue;
        }
        bytes_ -= at->second.made->body.size();
        at = kept_.erase(at);
      }
    }
    bytes_ += made->body.size();
    kept_.emplace(name, Kept{stand, std::move(made)});
  }

 private:
  struct Kept {
    Stand stand;
    std::shared_ptr<const Made> made;
  };
  Mutex mutex_;
  std::map<std::string, Kept> kept_ ABSL_GUARDED_BY(mutex_);
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

struct Feeds {
  Edition edition;
  Answers answers;
};

// Of the stand that it was made at, which may be newer than the one that was asked about.
absl::StatusOr<std::shared_ptr<const Made>> Make(Api& api,
                                                 Feeds& feeds,
                                                 const CalendarDoor& door,
                                                 const std::string& name) {
  CalendarContext context;
  context.now = api.engine.Read().wall;
  context.seed = api.engine.KeySeed();
  std::optional<Roster> roster;
  std::vector<absl::Time> moments;
  Stand stand;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    stand = StandOf(responder, context.now);
    if (responder.roster() != nullptr) roster = *responder.roster();
    for (const auto& [id, row] : responder.state().schedule_changes) {
      moments.push_back(row.created_at);
      if (row.settled_at != absl::Time()) moments.push_back(row.settled_at);
    }
  });
  if (!roster) return Precondition("there is no organisation yet; `tocsin apply FILE...` declares one");
  TOCSIN_ASSIGN(const absl::Time applied_at, feeds.edition.AppliedAt(api, stand.version));
  moments.push_back(applied_at);
  context.modified = std::ranges::max(moments);
  context.sequence = CalendarSequence(stand.version, std::move(moments));
  TOCSIN_ASSIGN(const ical::Feed feed, door.schedule.set() ? CalendarOfSchedule(*roster, door.schedule, context)
                                                           : CalendarOfUser(*roster, door.user, context));
  auto made = std::make_shared<Made>();
  made->body = ical::Write(feed);
  made->tag = absl::StrFormat("\"%016x\"", Hash64(made->body));
  const absl::Time day = absl::FromCivil(stand.day, absl::UTCTimeZone());
  made->modified = std::max(absl::FromUnixSeconds(absl::ToUnixSeconds(feed.modified)), day);
  feeds.answers.Keep(name, stand, made);
  return made;
}

absl::StatusOr<std::shared_ptr<const Made>> FindOrMake(Api& api, Feeds& feeds, const CalendarDoor& door) {
  const std::string name =
      door.schedule.set() ? absl::StrCat("schedule/", door.schedule.value()) : absl::StrCat("user/", door.user.value());
  const absl::Time now = api.engine.Read().wall;
  Stand stand;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) { stand = StandOf(responder, now); });
  if (auto made = feeds.answers.Find(name, stand)) return made;
  return Make(api, feeds, door, name);
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

HttpResponse Answer(const HttpRequest& request, const CalendarDoor& door, const Made& made) {
  HttpResponse response;
  response.headers = {
      {"ETag",                  made.tag                  },
      {"Last-Modified",         absl::FormatTime(kHttpDate, made.modified, absl::UTCTimeZone())},
      {"Cache-Control",   "private, max-age=300"                            },
      {"Referrer-Policy","no-referrer"},
      {"X-Content-Type-Options",            "nosniff"                                         }
  };
  if (IsFresh(request, made.tag, made.modified)) {
    response.status = 304;
    return response;
  }
  const std::string name = door.schedule.set() ? door.schedule.value() : door.user.value();
  response.headers.push_back({"Content-Type", "text/calendar; charset=utf-8"});
  response.headers.push_back({"Content-Disposition", absl::StrFormat("inline; filename=\"%s.ics\"", name)});
  response.body = made.body;
  return response;
}

HttpResponse Serve(Api& api, Feeds& feeds, const CalendarDoor& door, const HttpRequest& request) {
  const absl::StatusOr<std::shared_ptr<const Made>> made = FindOrMake(api, feeds, door);
  if (!made.ok()) return Failure(made.status());
  return Answer(request, door, **made);
}

}  // namespace

void AddCalendarRoutes(HttpRouter& router, Api& api, const Auth& auth, Workers& workers) {
  auto feeds = std::make_shared<Feeds>();
  router.AddPrefix(
      HttpMethod::kGet, "/calendar",
      [&api, &auth, &workers, feeds](HttpRequest request, HttpResponder responder) {
        std::string_view name = request.rest;
        if (name.ends_with(kSuffix)) name.remove_suffix(kSuffix.size());
        // Who guesses addresses costs no worker's time.
        const std::optional<CalendarDoor> door = auth.CalendarOf(name);
        if (!door) {
          return std::move(responder).Send(Text(
              404, "this calendar is not known, or its address was revoked; `tocsin schedule link` makes a new one"));
        }
        auto held = std::make_shared<HttpResponder>(std::move(responder));
        const bool taken =
            workers.Post(Workers::Lane::kAsking, [&api, feeds, held, door = *door, request = std::move(request)] {
              std::move(*held).Send(Serve(api, *feeds, door, request));
            });
        if (!taken) std::move(*held).Send(Text(503, "busy: try again in a second"));
      },
      {.max_body_bytes = 4096});
}

}  // namespace tocsin
