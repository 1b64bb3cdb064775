// Freshping's webhook, and Insping's, which it was before.
// https://support.freshping.io/en/support/solutions/articles/50000003709
//
// Identity: webhook_event_data.check_id. State: check_state_name Available is well; Reporting Error, Not Responding and whatever else fire.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

Reading ReadOne(Fields fields) {
  fields.StripPrefix("webhookeventdata.");
  const std::string_view id = fields.Get({"checkid"});
  const std::string_view url = fields.Get({"requesturl"});
  const std::string_view name = fields.Get({"checkname"});
  const std::string_view state = fields.Get({"checkstatename", "state"});
  if (state.empty()) return Reading::Rejected("webhook_event_data.check_state_name: missing");
  if (absl::EqualsIgnoreCase(ToAbsl(state), "paused"))
    return Reading::Ignored("paused: the check is neither down nor up");
  const bool is_well =
      absl::EqualsIgnoreCase(ToAbsl(state), "available") || ParseStatusWord(state) == EventKind::kResolve;
  EventBuilder event;
  event.Key({!id.empty() ? id : !url.empty() ? url : name});
  event.Kind(is_well ? EventKind::kResolve : EventKind::kTrigger);
  event.StartsAt(fields.Get({"requeststarttime", "webhookeventcreatedon"}));
  const std::string_view shown = !name.empty() ? name : !url.empty() ? url : id;
  event.Label("alertname", shown).Label("check_id", id).Label("application", fields.Get({"applicationname"}));
  event.Label("organization", fields.Get({"organizationname"}));
  const std::string_view code = fields.Get({"httpstatuscode"});
  event.Summary(absl::StrCat(ToAbsl(shown), ": ", ToAbsl(state), code.empty() ? "" : " (HTTP ", ToAbsl(code),
                             code.empty() ? "" : ")"));
  event.Annotation("status", state).Annotation("response_time", fields.Get({"responsetime"}));
  event.Link(url);
  return std::move(event).Finish("webhook_event_data: neither check_id nor request_url has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachFields(request, /*with_lines=*/false, ReadOne);
}

}  // namespace

const Source kFreshpingSource = {
    .name = "freshping",
    .also = "insping",
    .product = "Freshping",
    .parse = Parse,
    .example =
        R"({"webhook_type":"AL","webhook_event_data":{"check_id":585767,"check_name":"web","check_state_name":"Not Responding","request_url":"https://example.com"}})",
    .setup =
        R"(Settings > Integrations > Webhook: this URL as callback, event types "Up / Down"; then choose it in your checks' alerts.

Callback URL  {url})",
};

}  // namespace tocsin
