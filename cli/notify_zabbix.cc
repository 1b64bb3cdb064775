// Zabbix' alert script (POST URL/v1/integrations/KEY; the source zabbix reads it), called as the convention is:
//
//   tocsin notify-zabbix {ALERT.SENDTO} {ALERT.SUBJECT} {ALERT.MESSAGE}
//
// {ALERT.SENDTO} is the integration's key unless an option gives one. The message is one of
//   - lines `name: value` with the names of our media type's template (deploy/zabbix): event_id, event_value, event_nseverity ...
//     A line that is none belongs to the value before it; of equal names the first counts, so that what a trigger's description
//     says cannot contradict the event: descriptions stand last;
//   - Zabbix' own templates ("Problem name: ...", "Original problem ID: 10528"): the subject then tells a problem from its end;
//   - PagerDuty's (subject `trigger` or `resolve`, lines `id:`, `hostname:`, `status:`);
//   - a JSON object, which is sent as it is.
//
// Zabbix tries a failed script again, a few times: exit code 1 only when the event could neither be sent nor spooled.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <simdjson.h>

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/notify.h"

namespace tocsin {
namespace {

constexpr std::size_t kNameBytes = 40;
constexpr std::size_t kMostFields = 64;

// Names in Zabbix' own message templates, and ours for them.
constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"original_problem_id", "event_id"      },
    {"problem_name",        "event_name"    },
    {"host",                "host_name"     },
    {"severity",            "event_severity"},
    {"operational_data",    "event_opdata"  },
};

struct Line {
  std::string name;
  std::string value;
};

// "Problem name" is problem_name; "" is no name.
std::string NameIn(std::string_view text) {
  std::string name = ToLower(Trim(text));
  if (name.empty() || name.size() > kNameBytes) return "";
  for (char& c : name) {
    if (c == ' ' || c == '-' || c == '.') c = '_';
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return "";
  }
  return name;
}

std::vector<Line> ReadLines(std::string_view message) {
  std::vector<Line> lines;
  for (const auto& piece : absl::StrSplit(ToAbsl(message), '\n')) {
    std::string_view text(piece.data(), piece.size());
    if (text.ends_with('\r')) text.remove_suffix(1);
    const std::size_t colon = text.find(':');
    std::string name = colon == std::string_view::npos ? "" : NameIn(text.substr(0, colon));
    if (!name.empty() && lines.size() < kMostFields) {
      lines.push_back({std::move(name), std::string(Trim(text.substr(colon + 1)))});
    } else if (!lines.empty()) {
      absl::StrAppend(&lines.back().value, "\n", ToAbsl(text));
    }
  }
  return lines;
}

VendorFields FieldsOf(const std::vector<Line>& lines, bool with_aliases) {
  VendorFields fields;
  for (const Line& line : lines) {
    std::string_view name = line.name;
    for (const auto& [theirs, ours] : kAliases) {
      if (with_aliases && name == theirs) name = ours;
    }
    if (!fields.Has(std::string(name))) fields.Keep(name, Trim(line.value));
  }
  return fields;
}

bool IsObject(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  return parser.parse(text.data(), text.size()).get(object) == simdjson::SUCCESS;
}

// As PagerDuty's agent puts it, with its key: the trigger and the host.
std::string AsAgentsEvent(std::string_view type, const VendorFields& details, std::string_view message) {
  // Zabbix' word for "nobody will be told any more": there will be no recovery.
  const bool cancelled = absl::StrContains(ToAbsl(message), "NOTE: Escalation cancelled");
  VendorFields event;
  event.Keep("event_type", cancelled ? std::string_view("resolve") : type);
  event.Keep("incident_key", absl::StrCat(details.Get("id"), "-", details.Get("hostname")));
  event.Keep("description",
             absl::StrCat(details.Get("name"), " : ", details.Get("status"), " for ", details.Get("hostname")));
  std::string json = event.ToJson();
  json.insert(json.size() - 1, ",\"details\":" + details.ToJson());
  return json;
}

// 1: a problem, 0: its end; from the subject of Zabbix' own templates.
void AddStateOfSubject(std::string_view subject, VendorFields& fields) {
  const std::string lower = ToLower(Trim(subject));
  if (lower.starts_with("resolved") || lower.starts_with("ok")) {
    fields.Keep("event_value", "0");
    fields.Keep("event_status", "RESOLVED");
  } else {
    fields.Keep("event_value", "1");
    fields.Keep("event_status", "PROBLEM");
    if (lower.starts_with("updated")) fields.Keep("event_update_status", "1");
  }
}

absl::StatusOr<std::string> ReadAlert(const Arguments& arguments) {
  const std::vector<std::string>& given = arguments.positional();
  if (given.size() != 2 && given.size() != 3) {
    return Invalid("give [KEY] SUBJECT MESSAGE, in Zabbix {ALERT.SENDTO} {ALERT.SUBJECT} {ALERT.MESSAGE}");
  }
  const std::string& subject = given[given.size() - 2];
  const std::string& message = given.back();
  if (Trim(message).starts_with('{') && IsObject(message)) return message;
  const std::vector<Line> lines = ReadLines(message);
  const std::string type = ToLower(Trim(subject));
  if (type == "trigger" || type == "resolve" || type == "acknowledge") {
    const VendorFields details = FieldsOf(lines, /*with_aliases=*/false);
    if (details.Has("id") && details.Has("hostname")) return AsAgentsEvent(type, details, message);
  }
  VendorFields fields = FieldsOf(lines, /*with_aliases=*/false);
  const bool ours = fields.Has("event_id") && fields.Has("event_value");
  if (!ours) {
    fields = FieldsOf(lines, /*with_aliases=*/true);
    AddStateOfSubject(subject, fields);
    fields.Keep("message", message);
  }
  fields.Keep("title", subject);
  if (!fields.Has("event_name")) fields.Keep("event_name", subject);
  return fields.ToJson();
}

}  // namespace

int RunNotifyZabbix(std::span<const std::string> arguments) {
  return RunNotify({.name = "notify-zabbix", .own = {}, .read = ReadAlert, .first_of_three_is_key = true}, arguments);
}

}  // namespace tocsin
