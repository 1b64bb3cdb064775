// ThousandEyes' webhooks: one notification, or an array of them, classic or of its present version.
// https://docs.thousandeyes.com/product-documentation/integration-guides/custom-webhooks
//
// Identity: the alert's id, which its clearing repeats; eventId is new each time. State: the kind of event (TRIGGER, CLEAR), else whether
// the alert is active. Times without a zone are UTC.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

std::optional<absl::Time> TimeOf(const Fields& fields, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const std::string_view text = fields.Get({name});
    if (const auto time = ParseAnyTime(text)) return time;
    if (const auto time = ParseZonedTime(text)) return time;
  }
  return std::nullopt;
}

EventKind KindOf(const Fields& fields) {
  const std::string type = ToLower(fields.Get({"eventtype", "type"}));
  if (absl::StrContains(type, "clear")) return EventKind::kResolve;
  if (absl::StrContains(type, "trigger")) return EventKind::kTrigger;
  const std::string_view active = fields.Get({"active", "alertstate", "state"});
  const bool is_over = active == "0" || active == "false" || ParseStatusWord(active) == EventKind::kResolve;
  return is_over ? EventKind::kResolve : EventKind::kTrigger;
}

Reading ReadOne(Fields fields, const Now& received) {
  if (absl::EqualsIgnoreCase(ToAbsl(fields.Get({"eventtype"})), "WEBHOOK_TEST"))
    return TestAlert(kThousandeyesSource, fields.Get({"eventid"}), received);
  fields.StripPrefix("alert.");
  const std::string_view rule = fields.Get({"rulename", "rule.name", "alertrule.name"});
  const std::string_view test = fields.Get({"testname", "test.name"});
  EventBuilder event;
  if (const std::string_view id = fields.Get({"alertid"}); !id.empty()) {
    event.Key({"alert", id});
  } else {
    event.Key({fields.Get({"testid", "test.id", "testname"}), fields.Get({"ruleid", "rule.id", "rulename"})});
  }
  event.Kind(KindOf(fields)).Severity(ParseSeverity(fields.Get({"severity"})));
  event.StartsAt(TimeOf(fields, {"datestartzoned", "datestart", "startdate", "firstseen"}));
  event.Label("alertname", !rule.empty() ? rule : !test.empty() ? test : "ThousandEyes alert").Label("test", test);
  event.Label("type", fields.Get({"type", "testtype", "alerttype"}))
      .Label("account_group", fields.Get({"accountgroup.name"}));
  const std::string_view target = fields.Get({"testtargetsdescription", "target", "test.target"});
  event.Summary(absl::StrCat(ToAbsl(rule), rule.empty() || test.empty() ? "" : ": ", ToAbsl(test),
                             target.empty() ? "" : " (", ToAbsl(target), target.empty() ? "" : ")"));
  event.Description(fields.Get({"ruleexpression", "rule.expression"}))
      .Annotation("violations", fields.Get({"violationcount"}));
  event.Annotation("duration", fields.Get({"duration"}));
  event.Link(fields.Get({"permalink", "alerturl", "links.appdetail.href", "link", "url"}));
  return std::move(event).Finish("alert: neither alertId nor testId and ruleId have a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now& received) {
  return ReadEachFields(request, /*with_lines=*/false,
                        [&](Fields fields) { return ReadOne(std::move(fields), received); });
}

}  // namespace

const Source kThousandeyesSource = {
    .name = "thousandeyes",
    .product = "ThousandEyes",
    .parse = Parse,
    .example =
        R"({"eventId":"1","eventType":"ALERT_NOTIFICATION_TRIGGER","alert":{"alertId":123,"testName":"web","ruleName":"Packet loss","active":1,"dateStartZoned":"2026-01-01 00:00:00 UTC"}})",
    .setup =
        R"(Alerts > Alert Rules > Notifications > Webhooks > Edit > Add: this URL, no authentication; then choose it in your rules, for "clear"
notifications, too.

URL  {url})",
};

}  // namespace tocsin
