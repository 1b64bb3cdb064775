// Pingdom's webhook, of uptime checks and of transactions.
// https://www.pingdom.com/resources/webhooks/
//
// Identity: check_id. State: current_state DOWN, UP; FAILING, SUCCESS of transactions; UNCONFIRMED_DOWN is tried again first.
// Severity: importance_level HIGH or LOW, where there is one.
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

std::string ProbeText(const Fields& fields, std::string_view probe) {
  const std::string_view ip = fields.Get({absl::StrCat(ToAbsl(probe), ".ip")});
  const std::string_view place = fields.Get({absl::StrCat(ToAbsl(probe), ".location")});
  return absl::StrCat(ToAbsl(place), place.empty() || ip.empty() ? "" : ", ", ToAbsl(ip));
}

Reading ReadOne(const Fields& fields) {
  const std::string_view id = fields.Get({"checkid"});
  const std::string_view name = fields.Get({"checkname", "name"});
  const std::string_view state = fields.Get({"currentstate", "state", "status"});
  if (state.empty()) return Reading::Rejected("current_state: missing");
  const std::string word = ToLower(state);
  if (word == "unconfirmed_down" || word == "unconfirmed")
    return Reading::Ignored("unconfirmed: it is tried again first");
  if (word == "paused") return Reading::Ignored("paused: the check is neither down nor up");
  const std::optional<EventKind> kind = ParseStatusWord(word);
  EventBuilder event;
  event.Key({id.empty() ? name : id});
  event.Kind(kind.value_or(EventKind::kTrigger)).Severity(ParseSeverity(fields.Get({"importancelevel"})));
  event.StartsAt(fields.Get({"statechangedtimestamp", "statechangedutctime"}));
  event.Label("alertname", name.empty() ? "Pingdom check" : name).Label("check_id", id);
  event.Label("check_type", fields.Get({"checktype"}))
      .Label("host", fields.Get({"checkparams.hostname", "checkparams.host"}));
  AddTags(event, fields.Get({"tags"}));
  const std::string_view description = fields.Get({"description"});
  event.Summary(
      absl::StrCat(ToAbsl(name), " is ", ToAbsl(state), description.empty() ? "" : ": ", ToAbsl(description)));
  event.Description(fields.Get({"longdescription"})).Annotation("message", fields.Get({"custommessage"}));
  event.Annotation("previous_state", fields.Get({"previousstate"}));
  event.Annotation("first_probe", ProbeText(fields, "firstprobe"))
      .Annotation("second_probe", ProbeText(fields, "secondprobe"));
  if (!kind && word != "failing") event.Annotation("status", state);
  event.Link(fields.Get({"checkparams.fullurl", "checkparams.url"}));
  return std::move(event).Finish("neither check_id nor check_name has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachFields(request, /*with_lines=*/false, [](Fields fields) {
    fields.Unfold({"message"});  // of the HTTP GET integration, and of relays
    fields.StripPrefix("message.");
    return ReadOne(fields);
  });
}

}  // namespace

const Source kPingdomSource = {
    .name = "pingdom",
    .product = "Pingdom",
    .parse = Parse,
    .example =
        R"({"check_id":2048467,"check_name":"web","check_type":"HTTP","previous_state":"UP","current_state":"DOWN","state_changed_timestamp":1457939434})",
    .setup =
        R"(Settings > Integrations > Add integration: type Webhook, this URL; then choose it under "Connect integrations" of your checks.

URL  {url})",
};

}  // namespace tocsin
