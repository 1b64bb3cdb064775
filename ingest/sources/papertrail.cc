// Papertrail's webhook of saved searches: a form whose member `payload` is JSON, with the events that matched or with counts of them.
// https://www.papertrail.com/help/webhooks/
//
// Identity: the saved search. State: a search tells what it has found, never that it finds nothing more: somebody resolves it here, or
// the integration's lease or its route's auto_close does. A search for silence (no events) comes without events.
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/json.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMostLines = 10;  // of a log that are told

struct Found {
  std::size_t count = 0;
  std::string lines;
  std::string host;  // of all events; empty when there are several
  std::optional<absl::Time> first;
};

Found ReadEvents(dom::array events) {
  Found found;
  for (const dom::element& value : events) {
    if (!value.is_object()) continue;
    const dom::object event(value);
    std::string host = MemberText(event, "hostname");
    if (host.empty()) host = MemberText(event, "source_name");
    if (found.count == 0) {
      found.host = host;
      found.first = ParseAnyTime(MemberText(event, "received_at"));
    }
    if (host != found.host) found.host.clear();
    if (++found.count > kMostLines) continue;
    absl::StrAppend(&found.lines, found.lines.empty() ? "" : "\n", MemberText(event, "display_received_at"), " ", host,
                    " ", MemberText(event, "program"), ": ", MemberText(event, "message"));
  }
  return found;
}

Reading ReadOne(dom::object body) {
  const Fields fields = Fields::FromJson(body);
  const std::string_view name = fields.Get({"savedsearch.name"});
  const std::string_view id = fields.Get({"savedsearch.id"});
  EventBuilder event;
  event.Key({id.empty() ? name : id});
  Found found;
  if (const auto events = Member(body, "events"); events && events->is_array()) found = ReadEvents(dom::array(*events));
  event.StartsAt(found.first);
  event.Label("alertname", name.empty() ? "Papertrail search" : name).Label("host", found.host);
  if (const auto counts = Member(body, "counts"); counts && counts->is_array() && found.count == 0) {
    event.Summary(absl::StrCat(ToAbsl(name), ": events from ", dom::array(*counts).size(), " senders"));
  } else {
    event.Summary(
        absl::StrCat(ToAbsl(name), ": ", found.count == 0 ? "no events" : absl::StrCat(found.count, " events")));
  }
  event.Description(found.lines).Annotation("query", fields.Get({"savedsearch.query"}));
  event.Link(fields.Get({"savedsearch.htmlsearchurl", "savedsearch.htmlediturl"}));
  return std::move(event).Finish("saved_search: neither id nor name has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  TOCSIN_ASSIGN(const dom::object object, OpenWrappedObject(request));
  return Readings{ReadOne(object)};
}

}  // namespace

const Source kPapertrailSource = {
    .name = "papertrail",
    .product = "Papertrail",
    .parse = Parse,
    .example =
        R"({"events":[{"id":7711561783320576,"received_at":"2011-05-18T20:30:02-07:00","hostname":"abc","program":"CROND","message":"out of memory"}],"saved_search":{"id":42,"name":"Out of memory","query":"oom"}})",
    .setup = R"(The saved search > Alerts > Webhook: this URL.

{url}

Papertrail does not say when a search finds nothing more: give the integration a `lease`, or its route `auto_close`, that fits it.)",
};

}  // namespace tocsin
