// Honeybadger's webhooks: errors, uptime checks and check-ins. https://docs.honeybadger.io/guides/integrations/webhook/
//
// Identity: the fault, the site or the check-in that it is about. State: the event. What people do (assign, comment) and deploys say
// nothing about it. There is no severity.
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

struct Happening {
  std::string_view event;
  std::optional<EventKind> kind;  // nullopt: says nothing about a state
};

constexpr Happening kHappenings[] = {
    {"occurred",           EventKind::kTrigger},
    {"unresolved",         EventKind::kTrigger},
    {"rate_exceeded",      EventKind::kTrigger},
    {"resolved",           EventKind::kResolve},
    {"ignored",            EventKind::kResolve},
    {"down",               EventKind::kTrigger},
    {"cert_will_expire",   EventKind::kTrigger},
    {"up",                 EventKind::kResolve},
    {"check_in_missing",   EventKind::kTrigger},
    {"check_in_failing",   EventKind::kTrigger},
    {"check_in_reporting", EventKind::kResolve},
    {"alarm_triggered",    EventKind::kTrigger},
    {"alarm_ok",           EventKind::kResolve},
    {"assigned",           std::nullopt       },
    {"commented",          std::nullopt       },
    {"deployed",           std::nullopt       },
    {"test",               std::nullopt       },
};

// Words that we have never heard of fire.
std::optional<EventKind> KindOf(std::string_view event) {
  for (const Happening& happening : kHappenings) {
    if (happening.event == event) return happening.kind;
  }
  return EventKind::kTrigger;
}

void AddFault(EventBuilder& builder, const JsonView& fault) {
  const std::string name = fault.First({"klass", "message"});
  builder.Label("alertname", name)
      .Label("environment", fault.Text("environment"))
      .Label("component", fault.Text("component"))
      .Label("action", fault.Text("action"))
      .Label("tags", fault.Joined("tags"));
  builder.Description(fault.Text("message")).Annotation("notices", fault.Text("notices_count"));
  builder.Link(fault.First({"url", "html_url"})).StartsAt(fault.Text("created_at"));
}

// A site with its outage, or a check-in.
void AddCheck(EventBuilder& builder, const JsonView& check, const JsonView& outage, EventKind kind) {
  builder.Label("alertname", check.First({"name", "url", "slug"})).Label("service", check.Text("name"));
  builder.Annotation("url", check.Text("url"))
      .Annotation("state", check.Text("state"))
      .Annotation("reason", outage.Text("reason"))
      .Annotation("status", outage.Text("status"))
      .Annotation("missed_count", check.Text("missed_count"));
  builder.StartsAt(outage.Text("down_at")).Link(check.First({"details_url", "html_url"}));
  if (kind == EventKind::kResolve) builder.EndsAt(ParseAnyTime(outage.Text("up_at")));
}

Reading ReadOne(const JsonView& body) {
  const std::string event = ToLower(body.Text("event"));
  if (event.empty()) return Reading::Rejected("event: missing");
  const std::optional<EventKind> kind = KindOf(event);
  if (!kind) return Reading::Ignored(absl::StrCat(event, " says nothing about a state"));
  EventBuilder builder;
  builder.Kind(*kind).Label("project", body.Text("project.name")).Annotation("event", event);
  builder.Summary(body.Text("message"));
  const std::pair<std::string_view, std::string_view> kSubjects[] = {
      {"fault",    "fault"   },
      {"site",     "site"    },
      {"check_in", "check_in"},
      {"alarm",    "alarm"   },
  };
  for (const auto& [subject, member] : kSubjects) {
    const JsonView about = body.At(member);
    const std::string id = about.First({"id", "slug", "name"});
    if (id.empty() || builder.HasKey()) continue;
    builder.Key({subject, id});
    if (subject == "fault") {
      AddFault(builder, about);
    } else {
      AddCheck(builder, about, body.At("outage"), *kind);
    }
  }
  builder.Link(body.First({"notice.url", "url"}));
  return std::move(builder).Finish("none of fault.id, site.id, check_in.id and alarm.id has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kHoneybadgerSource = {
    .name = "honeybadger",
    .product = "Honeybadger",
    .parse = Parse,
    .example =
        R"({"event":"down","message":"[Shop] Shop is down","site":{"id":"59ad71ac","name":"Shop","url":"https://shop.example"}})",
    .setup =
        R"(Project > Settings > Alerts & Integrations > WebHook: this URL; choose errors, resolved errors, uptime and check-ins.

URL  {url})",
};

}  // namespace tocsin
