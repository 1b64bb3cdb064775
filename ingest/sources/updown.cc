// updown.io's webhooks: an array of events, of several checks at once.
// https://updown.io/api#webhooks
//
// Identity: the check's token; its certificate is an alert of its own. State: the event's name; check.down may be false in a down event.
// Events that nobody knows are ignored, as updown asks of its listeners.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

struct KnownEvent {
  std::string_view name;
  EventKind kind;
  std::string_view about;  // beside the check itself
};
constexpr KnownEvent kEvents[] = {
    {"check.down",             EventKind::kTrigger, ""           },
    {"check.still_down",       EventKind::kTrigger, ""           },
    {"check.up",               EventKind::kResolve, ""           },
    {"check.ssl_invalid",      EventKind::kTrigger, "ssl"        },
    {"check.ssl_expiration",   EventKind::kTrigger, "ssl"        },
    {"check.ssl_valid",        EventKind::kResolve, "ssl"        },
    {"check.ssl_renewed",      EventKind::kResolve, "ssl"        },
    {"check.performance_drop", EventKind::kTrigger, "performance"},
};

constexpr absl::Duration kPerformanceDropFor = absl::Hours(1);  // nothing says that it is over

Reading ReadOne(const Fields& fields, const Now& received) {
  const std::string_view name = fields.Get({"event"});
  if (name.empty()) return Reading::Rejected("event: missing");
  const auto* known = std::ranges::find(kEvents, name, &KnownEvent::name);
  if (known == std::end(kEvents))
    return Reading::Ignored(absl::StrFormat("event %s says nothing about a check's state", name));
  const std::string_view token = fields.Get({"check.token"});
  const std::string_view url = fields.Get({"check.url"});
  const std::string_view alias = fields.Get({"check.alias"});
  EventBuilder event;
  if (const std::string_view id = token.empty() ? url : token; !id.empty()) {
    known->about.empty() ? event.Key({id}) : event.Key({id, known->about});
  }
  event.Kind(known->kind);
  if (known->about == "ssl") event.Severity(Severity::kWarning);
  if (known->about == "performance") event.Severity(Severity::kLow).EndsAt(received.wall + kPerformanceDropFor);
  event.StartsAt(fields.Get({"downtime.startedat", "check.downsince", "time"}));
  if (known->kind == EventKind::kResolve) event.EndsAt(ParseAnyTime(fields.Get({"downtime.endedat"})));
  const std::string_view shown = !alias.empty() ? alias : !url.empty() ? url : token;
  event.Label("alertname", shown).Label("check", token).Label("url", url);
  if (!known->about.empty()) event.Label("about", known->about);
  const std::string_view error = fields.Get({"downtime.error", "check.error", "ssl.cert.subject"});
  const std::string_view said = fields.Get({"description"});
  event.Summary(!said.empty() ? std::string(said)
                              : absl::StrCat(ToAbsl(shown), ": ", ToAbsl(name.substr(name.find('.') + 1)),
                                             error.empty() ? "" : ": ", ToAbsl(error)));
  event.Annotation("error", error).Annotation("uptime", fields.Get({"check.uptime"}));
  event.Annotation("duration", fields.Get({"downtime.duration"}));
  if (!token.empty()) event.Link(absl::StrCat("https://updown.io/", ToAbsl(token)));
  event.Link(url);
  return std::move(event).Finish("neither check.token nor check.url has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now& received) {
  return ReadEachFields(request, /*with_lines=*/false,
                        [&](Fields fields) { return ReadOne(std::move(fields), received); });
}

}  // namespace

const Source kUpdownSource = {
    .name = "updown",
    .also = "updown.io",
    .product = "updown.io",
    .parse = Parse,
    .example =
        R"([{"event":"check.down","check":{"token":"ngg8","url":"https://example.com"},"downtime":{"error":"500","started_at":"2016-02-07T13:11:43Z","ended_at":null}}])",
    .setup = R"(Settings > Webhooks > Add: this URL.

{url})",
};

}  // namespace tocsin
