// Alerts as the Opsgenie API shows them. Each stands for one alert of ours: of its integration, with its alias as dedup key
// (its key is KeyOf(seed, index of `integration`, alias, {}), see model/event.h).
// The rows are what that API reads and writes; whom to page is decided by our own alert, as for every other sender.
//
// One command changes them: ApplyToOpsgenieAlert (model/command.h). Aliases count across all integrations, as in an account:
// at most one alert with an alias is open.
//
// What the door does, in this order, and answers 202 only after both are durable:
//
//   1. Execute ApplyToOpsgenieAlert. The outcome says what became of it, and has the row as it is afterwards.
//   2. Submit the events that the row asks for, under outcome.alert.integration, dedup key outcome.alert.alias. They are made
//      from the row, never from the request: of a create that met an open alert, the open one's message stays.
//        create            trigger; when outcome.opened, a resolve before it in the same batch, so that an alert which
//                          people had resolved here, but which still fires in the alert table, fires anew
//        close, delete     resolve, also when it is closed already or unknown (then with the alias that was asked for)
//        acknowledge       acknowledge, also when it is acknowledged already
//        unacknowledge     resolve, trigger: the source's acknowledgement is gone and people are asked again
//        snooze            acknowledge
//        set message, description or priority, tags, details: trigger, when it is open
//        all others        nothing
//
// A crash between the two loses nothing that was answered. The client repeats its request: the row says "already", the event
// is submitted all the same, and what the first time left undone is done.
//
// The other direction: when one of our groups that an open row's alert is in is acknowledged, snoozed, given back or resolved
// by other ways, the responder changes the row in the same decision. Which groups those are follows from `labels`, by the
// routes in force. So lists and counts over rows see it; nothing has to be asked of groups.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"

#include "base/clock.h"
#include "model/ids.h"
#include "model/labels.h"

namespace tocsin {

// A team, user, escalation or schedule as the sender names it.
struct OpsgenieResponder {
  std::string type;
  std::string id;
  std::string name;  // for a user: the user name
  friend bool operator==(const OpsgenieResponder&, const OpsgenieResponder&) = default;
};

struct OpsgenieNote {
  absl::Time at;
  std::string owner;
  std::string text;
  std::uint64_t offset = 0;  // counts the notes (log entries) of the alert, what is no longer kept included
  friend bool operator==(const OpsgenieNote&, const OpsgenieNote&) = default;
};

struct OpsgenieAlert {
  OpsgenieAlertId id;  // the tiny id
  std::string uuid;    // follows from the store and `id`
  std::string alias;
  std::string message;
  std::string description;
  std::vector<std::string> tags;
  std::vector<Label> details;  // sorted by name; values may be empty
  std::string entity;
  std::string source;
  std::string user;           // who created it
  std::uint8_t priority = 3;  // P1 .. P5
  std::vector<OpsgenieResponder> responders;
  std::vector<OpsgenieResponder> visible_to;
  std::vector<std::string> actions;
  std::vector<OpsgenieNote> notes;  // the newest, oldest first
  std::vector<OpsgenieNote> log;    // the first, oldest first
  std::uint64_t notes_made = 0;
  std::uint64_t logged = 0;
  std::uint64_t count = 1;
  absl::Time created_at;
  absl::Time updated_at;
  absl::Time last_occurred_at;
  EngineTime occurred;  // the same, in engine time
  std::string owner;
  std::string owner_team;
  bool seen = false;

  bool acknowledged = false;
  absl::Time acknowledged_at;  // kept when it is given back or closed
  std::string acknowledged_by;
  bool by_group = false;  // acknowledged or snoozed because one of its groups is: ends with that
  bool snoozed = false;
  absl::Time snoozed_until;
  bool closed = false;
  absl::Time closed_at;
  std::string closed_by;

  IntegrationId integration;
  Labels labels;                 // of the alert that it stands for, with its integration's: what routes see
  std::vector<GroupKey> groups;  // where the routes in force lead it
  friend bool operator==(const OpsgenieAlert&, const OpsgenieAlert&) = default;
};

// What became of a request, for GET /v2/alerts/requests/{id}. The latest limits::kOpsgenieRequests are kept.
struct OpsgenieRequest {
  OpsgenieRequestId id;
  std::string request;  // as the door gave it out
  IntegrationId integration;
  std::string action;  // "Create", "Close", ...
  bool success = false;
  std::string status;  // "Created alert", "Alert does not exist", "Alert is already closed"
  std::string alert;   // its uuid; empty: there is none
  std::string alias;
  absl::Time at;
  friend bool operator==(const OpsgenieRequest&, const OpsgenieRequest&) = default;
};

struct OpsgenieIdentifier {
  enum class Kind : std::uint8_t {
    kId = 0,  // the uuid
    kAlias = 1,
    kTiny = 2
  };
  Kind kind = Kind::kId;
  std::string value;
};

namespace opsgenie {
// `alert` as it would be when new: message and so on, and the labels of the event that follows, which must not hold the
// alias; the responder sets ids, times and states. An empty alias: the uuid.
struct Create {
  OpsgenieAlert alert;
  // An open alert with this alias takes the message, description, priority and details: for senders that say so how an alert gets
  // better or worse. Opsgenie itself leaves an open alert as it is.
  bool renews = false;
};
struct Close {};
struct Delete {};
struct Acknowledge {};
struct Unacknowledge {};
struct Snooze {
  absl::Time until;
};
struct Escalate {  // the next step of whoever is paged for it now
  OpsgenieResponder to;
};
struct Assign {
  OpsgenieResponder owner;
};
struct AddNote {};  // the command's note
struct AddTags {
  std::vector<std::string> tags;
};
struct RemoveTags {
  std::vector<std::string> tags;
};
struct AddDetails {
  std::vector<Label> details;
};
struct RemoveDetails {
  std::vector<std::string> names;
};
struct AddResponder {
  OpsgenieResponder responder;
};
struct RunAction {  // a custom one
  std::string name;
};
struct SetMessage {
  std::string message;
};
struct SetDescription {
  std::string description;
};
struct SetPriority {
  std::uint8_t priority = 3;
};
using Action = std::variant<Create,
                            Close,
                            Delete,
                            Acknowledge,
                            Unacknowledge,
                            Snooze,
                            Escalate,
                            Assign,
                            AddNote,
                            AddTags,
                            RemoveTags,
                            AddDetails,
                            RemoveDetails,
                            AddResponder,
                            RunAction,
                            SetMessage,
                            SetDescription,
                            SetPriority>;
// As the API calls it: "Create", "UnAcknowledge", "Add Note".
std::string_view Name(const Action& action);
}  // namespace opsgenie

// What a request came to.
struct OpsgenieOutcome {
  bool success = false;
  std::string status;
  bool opened = false;  // by a create: a new alert
  OpsgenieAlert alert;  // as it is now, or was when it was deleted; without id: there is none
};

// What is over a limit is cut, not refused; empty responders and tags go. Text is made UTF-8.
void Bound(OpsgenieAlert& alert);

}  // namespace tocsin
