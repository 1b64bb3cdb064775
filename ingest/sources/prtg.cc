// PRTG's "Execute HTTP Action": a form (or hand-made JSON) of %placeholders, whose names are for its author to choose.
// https://www.paessler.com/manuals/prtg/list_of_placeholders_for_notifications
//
// Identity: %sensorid, else device and sensor; a limit of a channel changes the text only.
// State: %status, in the language of PRTG's pages: Down, Down (Acknowledged), Down (Partial), Warning, Unusual, Paused, Up, Unknown,
// and "Down ended (now: Up)". Of other languages those are known that we are sure of; an unknown word fires. A pause ends what was:
// nobody checks it any more.
// Severity: how bad the state is. %priority (stars) is how dear the sensor is to people: a label. Times are in the locale's form.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

struct StateWord {
  std::string_view begins;  // lower case
  EventKind kind;
  Severity severity;
};

// The first that the status begins with counts.
constexpr StateWord kStates[] = {
    {"down (ack",          EventKind::kAcknowledge, Severity::kCritical},
    {"down (partial",      EventKind::kTrigger,     Severity::kHigh    },
    {"down",               EventKind::kTrigger,     Severity::kCritical},
    {"partial down",       EventKind::kTrigger,     Severity::kHigh    },
    {"acknowledged",       EventKind::kAcknowledge, Severity::kCritical},
    {"warning",            EventKind::kTrigger,     Severity::kWarning },
    {"unusual",            EventKind::kTrigger,     Severity::kLow     },
    {"up",                 EventKind::kResolve,     Severity::kInfo    },
    {"ok",                 EventKind::kResolve,     Severity::kInfo    }, // German
    {"paused",             EventKind::kResolve,     Severity::kInfo    },
    {"pausiert",           EventKind::kResolve,     Severity::kInfo    },
    {"fehler (bestätigt", EventKind::kAcknowledge, Severity::kCritical},
    {"fehler (teil",       EventKind::kTrigger,     Severity::kHigh    },
    {"fehler",             EventKind::kTrigger,     Severity::kCritical},
    {"warnung",            EventKind::kTrigger,     Severity::kWarning },
    {"ungewöhnlich",      EventKind::kTrigger,     Severity::kLow     },
    {"erreur",             EventKind::kTrigger,     Severity::kCritical},
    {"avertissement",      EventKind::kTrigger,     Severity::kWarning },
};

struct State {
  EventKind kind = EventKind::kTrigger;
  Severity severity = Severity::kUnknown;
};

State ReadWord(std::string_view status) {
  for (const StateWord& word : kStates) {
    if (status.starts_with(word.begins)) return {word.kind, word.severity};
  }
  return {};
}

// "down ended (now: up)" is what it is now; "down ended" is over.
State ReadStatus(std::string_view raw) {
  const std::string status = ToLower(Trim(raw));
  for (const std::string_view over : {" ended", " beendet"}) {
    const std::size_t at = status.find(over);
    if (at == std::string::npos) continue;
    const std::size_t now = status.find(": ", at);
    if (now == std::string::npos) return {EventKind::kResolve, Severity::kInfo};
    return ReadWord(std::string_view(status).substr(now + 2));
  }
  return ReadWord(status);
}

// "*****" -> 5; also "5".
std::string PriorityOf(std::string_view priority) {
  const bool is_stars = !priority.empty() && std::ranges::all_of(priority, [](char c) { return c == '*'; });
  return is_stars ? absl::StrCat(priority.size()) : std::string(priority);
}

// %sensor, in a template that nobody filled in.
bool IsUnfilled(std::string_view text) {
  return text.size() > 1 && text.starts_with('%') &&
         std::ranges::all_of(text.substr(1), [](char c) { return c >= 'a' && c <= 'z'; });
}

Reading ReadOne(const Fields& fields) {
  const auto get = [&](std::initializer_list<std::string_view> names) {
    const std::string_view text = fields.Get(names);
    return IsUnfilled(text) ? std::string_view() : text;
  };
  const std::string_view device = get({"device", "devicename"});
  const std::string_view sensor = get({"name", "sensor", "sensorname", "shortname"});
  const std::string_view status = get({"status", "state"});
  EventBuilder event;
  if (const std::string_view id = get({"sensorid", "objectid", "objid"}); !id.empty()) {
    event.Key({"sensor", id});
  } else {
    event.Key({device, sensor});
  }
  const std::string_view message = get({"message", "down", "lastmessage", "text"});
  if (status.empty() && message.empty()) return Reading::Rejected("status: missing");
  const State state = ReadStatus(status.empty() ? message : status);
  event.Kind(state.kind).Severity(state.severity);
  event.Label("alertname", sensor.empty() ? "PRTG sensor" : sensor).Label("device", device);
  event.Label("host", get({"host", "deviceaddress", "ip"}))
      .Label("group", get({"group"}))
      .Label("probe", get({"probe"}));
  event.Label("priority", PriorityOf(get({"priority"}))).Label("tags", get({"tags", "objecttags"}));
  event.Summary(absl::StrCat(ToAbsl(sensor), device.empty() ? "" : " on ", ToAbsl(device), ": ", ToAbsl(status),
                             message.empty() || message == status ? "" : ": ",
                             message == status ? "" : ToAbsl(message)));
  event.Annotation("status", status).Annotation("last_status", get({"laststatus"}));
  event.Annotation("value", get({"lastvalue"})).Annotation("local_time", get({"datetime", "date"}));
  event.Annotation("since", get({"since", "statesince"})).Annotation("comments", get({"comments", "commentssensor"}));
  event.Annotation("site", get({"sitename"}));
  event.Link(get({"linksensor", "link", "url", "home", "linkdevice"}));
  return std::move(event).Finish("neither sensorid nor device and sensor have a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachFields(request, /*with_lines=*/true, ReadOne);
}

}  // namespace

const Source kPrtgSource = {
    .name = "prtg",
    .product = "PRTG",
    .parse = Parse,
    .example = "sensorid=2041&sensor=Ping&device=core-rtr-1&status=Down&message=Request+timed+out",
    .setup =
        R"(Setup > Account Settings > Notification Templates > Add, "Execute HTTP Action": this URL, method POST, this payload. Then add
triggers for Down, Warning and Unusual that use it, each with "when the state clears" set to it, too.

URL      {url}
Payload  sensorid=%sensorid&sensor=%name&device=%device&group=%group&probe=%probe&host=%host&priority=%priority&status=%status&laststatus=%laststatus&message=%message&lastvalue=%lastvalue&datetime=%datetime&linksensor=%linksensor&sitename=%sitename)",
};

}  // namespace tocsin
