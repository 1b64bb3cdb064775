// Opsgenie's Alert and Heartbeat API, read: what is asked of an alert or a heartbeat, and the event that an alert of that API is to the
// engine. Pure; api/compat/opsgenie_door.h is where requests come in by Opsgenie's own paths.
//
// What is too long is cut and what is empty left out, as the real one does: a sender never loses an alert to a limit. Priorities that
// do not exist count as P3, values of details that are no texts become texts.
//
// The alert's identity is its alias. Its labels are alertname (the message it was made with), entity, source, team (the first that is
// named), tags (joined by commas) and its details; its severity follows from the priority: P1 critical, P2 high, P3 warning, P4 low, P5
// info.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "ingest/json.h"
#include "model/event.h"
#include "model/heartbeat.h"
#include "model/opsgenie.h"
#include "net/http.h"

namespace tocsin {

// Why a request is not taken: 400, it is not JSON; 422, a field is missing or impossible. Status 0: it is taken.
struct OpsgenieFault {
  int status = 0;
  std::string field = {};
  std::string text = {};
  std::string_view example = {};
  bool any() const { return status != 0; }
};

// Something asked of an alert.
struct OpsgenieCall {
  opsgenie::Action action;
  std::string user;
  std::string source;
  std::string note;
  OpsgenieFault fault;
};

OpsgenieCall ReadOpsgenieCreate(std::string_view body);
// Its action is a Create even when there is a fault.
OpsgenieCall ReadOpsgenieCreate(simdjson::dom::object body);

// The last segment of a path is one of these words, or with `actions` before it a name; else it belongs to the identifier.
bool IsOpsgenieVerb(std::string_view word);
// What `method` asks of an alert by `verb` ("" for the alert itself); absent when there is no such thing. `name` is the action's.
std::optional<OpsgenieCall> ReadOpsgenieVerb(
    HttpMethod method, std::string_view verb, std::string_view name, std::string_view body, std::string_view query);

// Netdata's own path: an alert with the alias HOST/ALARM, or its end. The door's own alerts and Netdata's meet on no alias.
struct OpsgenieNetdata {
  opsgenie::Action action;  // Create or Close
  std::string alias;
  OpsgenieFault fault;
};
OpsgenieNetdata ReadOpsgenieNetdata(std::string_view body);

// A heartbeat as POST and PATCH say it: absent members say nothing.
struct OpsgenieHeartbeatCall {
  std::string name;
  std::optional<std::string> description;
  std::optional<absl::Duration> interval;
  std::optional<bool> enabled;
  std::optional<std::string> owner_team;
  std::optional<std::string> message;
  std::optional<std::vector<std::string>> tags;
  std::optional<std::string> priority;
  OpsgenieFault fault;
};
// `must_be_whole`: POST, which needs a name and an interval.
OpsgenieHeartbeatCall ReadOpsgenieHeartbeat(std::string_view body, bool must_be_whole);

// The labels of the event of an alert that is being made; those of its integration are added where they are not among them.
Labels OpsgenieLabels(const OpsgenieAlert& alert, const Labels& of_integration);
// What the alert is to the engine, as it stands in its row.
AlertEvent OpsgenieEvent(const OpsgenieAlert& alert, EventKind kind);

Severity SeverityOfPriority(std::uint8_t priority);

}  // namespace tocsin
