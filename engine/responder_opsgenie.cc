#include "engine/responder_opsgenie.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "engine/responder_acknowledgement.h"
#include "engine/responder_changes.h"
#include "engine/responder_groups.h"
#include "model/bounded_text.h"

namespace tocsin {
namespace {

constexpr std::string_view kUnknown = "Alert does not exist";
constexpr std::string_view kIsClosed = "Alert is already closed";
constexpr std::string_view kIsAcknowledged = "Alert is already acknowledged";
constexpr std::size_t kShortTextBytes = 1000;  // of a description that is cut to make room
constexpr absl::Duration kLongestSnooze = absl::Hours(24 * 31);

// Looks like one of version 4, follows from the store and the number: nothing here is random.
std::string UuidOf(OpsgenieAlertId id, std::uint64_t seed) {
  const Hash128 hash = HashTo128(absl::StrCat("opsgenie alert ", id.value()), seed);
  return absl::StrFormat("%08x-%04x-4%03x-%04x-%012x", hash.high >> 32U, (hash.high >> 16U) & 0xFFFFU,
                         hash.high & 0xFFFU, 0x8000U | ((hash.low >> 48U) & 0x3FFFU), hash.low & 0xFFFFFFFFFFFFU);
}

OpsgenieOutcome Refuse(std::string_view why) {
  OpsgenieOutcome outcome;
  outcome.status = why;
  return outcome;
}

OpsgenieOutcome Done(std::string_view status) {
  OpsgenieOutcome outcome;
  outcome.success = true;
  outcome.status = status;
  return outcome;
}

std::string ActorOf(const ApplyToOpsgenieAlert& command) {
  const std::string& name = command.user.empty() ? command.integration.value() : command.user;
  return Bounded(name, limits::kOpsgenieNameBytes);
}

void AddNoteTo(OpsgenieAlert& row, absl::Time at, std::string owner, std::string_view text) {
  if (Trim(text).empty()) return;
  row.notes.push_back({at, std::move(owner), Bounded(text, limits::kOpsgenieNoteBytes), ++row.notes_made});
  std::size_t bytes = 0;
  std::size_t kept = 0;
  for (auto note = row.notes.rbegin(); note != row.notes.rend() && kept < limits::kOpsgenieNotes; ++note, ++kept) {
    bytes += note->text.size();
    if (kept > 0 && bytes > limits::kOpsgenieNotesBytes) break;
  }
  row.notes.erase(row.notes.begin(), row.notes.end() - static_cast<std::ptrdiff_t>(kept));
}

// What people can be asked about: unresolved groups that the alert is in, and in which nothing else fires.
std::vector<GroupId> OwnGroups(const Turn& turn, const OpsgenieAlert& row) {
  std::vector<GroupId> own;
  for (const GroupKey key : row.groups) {
    const std::optional<GroupId> current = turn.CurrentGroup(key);
    const Group* group = current ? turn.Find<Group>(*current) : nullptr;
    if (group == nullptr || group->state == Group::State::kResolved || group->state == Group::State::kMerged) continue;
    const LiveGroup live = turn.Live(*group);
    if (live.firing + live.suppressed <= 1) own.push_back(*current);
  }
  return own;
}

void SetClosed(Turn& turn, OpsgenieAlert& row, std::string by) {
  row.closed = true;
  row.closed_at = turn.now().wall;
  row.closed_by = std::move(by);
  row.snoozed = row.by_group = false;
  ExpectOutlived(turn, Row(OpsgenieAlert()).index(), row.closed_at + absl::Hours(24 * limits::kOpsgenieClosedDays));
}

// The oldest open row that has not done so yet gives up what is long, and keeps what it is known by.
void ShortenOldest(Turn& turn) {
  const auto& rows = turn.state().opsgenie_alerts;
  const auto whole =
      std::ranges::find_if(rows, [](const auto& each) { return !each.second.closed && !each.second.log.empty(); });
  if (whole == rows.end()) return;
  OpsgenieAlert& row = turn.Edit<OpsgenieAlert>(whole->first);
  row.description = Bounded(row.description, kShortTextBytes);
  row.notes.clear();
  row.log.clear();
}

// Room for one more: of the closed ones those go that were closed first. Open ones stay, for by their ids they are to be closed; only
// where there are too many of them the oldest goes. Our own alert stays.
void MakeRoom(Turn& turn) {
  const ResponderState& state = turn.state();
  const std::size_t rows = state.opsgenie_alerts.size();
  if (rows < limits::kOpsgenieAlerts) return;
  if (state.opsgenie_closed.empty()) {
    ShortenOldest(turn);
    if (rows >= limits::kOpsgenieOpen) turn.Remove<OpsgenieAlert>(state.opsgenie_alerts.begin()->first);
    return;
  }
  const auto first = state.opsgenie_closed.begin();
  turn.Remove<OpsgenieAlert>(first->second);
  // A second one, so that what grew beyond the bound while all were open gets less again.
  if (rows > limits::kOpsgenieAlerts && std::next(first) != state.opsgenie_closed.end())
    turn.Remove<OpsgenieAlert>(std::next(first)->second);
}

OpsgenieAlert& Open(Turn& turn, const ApplyToOpsgenieAlert& command, OpsgenieAlert given) {
  MakeRoom(turn);
  OpsgenieAlert& row = turn.Create<OpsgenieAlert>();
  const OpsgenieAlertId id = row.id;
  row = std::move(given);
  row.id = id;
  row.uuid = UuidOf(id, turn.options().key_seed);
  if (row.alias.empty()) row.alias = row.uuid;
  row.integration = command.integration;
  row.created_at = turn.now().wall;
  Normalise(row.labels);
  row.groups = GroupsOf(turn, row.labels);
  return row;
}

// The content of a create; states and times are ours.
OpsgenieAlert ContentOf(const OpsgenieAlert& given) {
  OpsgenieAlert content;
  content.alias = given.alias;
  content.message = given.message;
  content.description = given.description;
  content.tags = given.tags;
  content.details = given.details;
  content.entity = given.entity;
  content.source = given.source;
  content.user = given.user;
  content.priority = given.priority;
  content.responders = given.responders;
  content.visible_to = given.visible_to;
  content.actions = given.actions;
  content.owner_team = given.owner_team;
  content.labels = given.labels;
  Bound(content);
  return content;
}

OpsgenieOutcome CreateOne(Turn& turn, const ApplyToOpsgenieAlert& command, const opsgenie::Create& create) {
  OpsgenieAlert content = ContentOf(create.alert);
  const auto open = turn.state().opsgenie_of_alias.find(content.alias);
  const bool again = !content.alias.empty() && open != turn.state().opsgenie_of_alias.end();
  OpsgenieAlert& row = again ? turn.Edit<OpsgenieAlert>(open->second) : Open(turn, command, std::move(content));
  if (again) ++row.count;
  if (again && create.renews) {
    row.message = content.message;
    row.description = content.description;
    row.priority = content.priority;
    row.details = content.details;
  }
  const absl::Time now = turn.now().wall;
  row.last_occurred_at = row.updated_at = now;
  row.occurred = turn.now().engine;
  LogOf(row, now, ActorOf(command), again ? absl::StrCat("occurred again, count ", row.count) : "created");
  AddNoteTo(row, now, ActorOf(command), command.note);
  OpsgenieOutcome outcome = Done("Created alert");
  outcome.opened = !again;
  outcome.alert = row;
  return outcome;
}

// What the actions on an alert that exists do. The row is edited by them.
struct Actor {
  Turn& turn;
  OpsgenieAlert& row;
  std::string by;

  OpsgenieOutcome operator()(const opsgenie::Create& /*a*/) const { return Refuse(kUnknown); }
  OpsgenieOutcome operator()(const opsgenie::Close& /*a*/) const {
    SetClosed(turn, row, by);
    return Done("Closed alert");
  }
  OpsgenieOutcome operator()(const opsgenie::Delete& /*a*/) const { return Done("Deleted alert"); }
  OpsgenieOutcome operator()(const opsgenie::Acknowledge& /*a*/) const {
    if (row.acknowledged && !row.snoozed) return Refuse(kIsAcknowledged);
    TakeOver();
    row.snoozed = false;
    row.snoozed_until = absl::Time();
    return Done("Acknowledged alert");
  }
  OpsgenieOutcome operator()(const opsgenie::Unacknowledge& /*a*/) const {
    if (!row.acknowledged) return Refuse("Alert is not acknowledged");
    row.acknowledged = row.snoozed = row.by_group = false;
    row.snoozed_until = absl::Time();
    for (const GroupId id : OwnGroups(turn, row)) {
      if (turn.Find<Group>(id)->state == Group::State::kAcknowledged)
        Unacknowledge(turn, turn.Edit<Group>(id), absl::StrCat("given back by ", by));
    }
    return Done("UnAcknowledged alert");
  }
  OpsgenieOutcome operator()(const opsgenie::Snooze& a) const {
    const absl::Duration duration = a.until - turn.now().wall;
    if (duration < absl::Seconds(1) || duration > kLongestSnooze) {
      return Refuse("Snooze end time must be in the future, at most 31 days from now");
    }
    TakeOver();
    row.snoozed = true;
    row.snoozed_until = a.until;
    for (const GroupId id : OwnGroups(turn, row))
      SnoozeGroupBy(turn, {id, std::nullopt, std::nullopt, duration}).IgnoreError();
    return Done("Snoozed alert");
  }
  OpsgenieOutcome operator()(const opsgenie::Escalate& /*a*/) const {
    for (const GroupId id : OwnGroups(turn, row))
      EscalateGroupBy(turn, {id}).IgnoreError();
    return Done("Escalated alert to next");
  }
  OpsgenieOutcome operator()(const opsgenie::Assign& a) const {
    const std::string& owner = a.owner.name.empty() ? a.owner.id : a.owner.name;
    row.owner = Bounded(owner, limits::kOpsgenieNameBytes);
    return Done("Assigned ownership of alert");
  }
  OpsgenieOutcome operator()(const opsgenie::AddNote& /*a*/) const { return Done("Added note to alert"); }
  OpsgenieOutcome operator()(const opsgenie::AddTags& a) const {
    row.tags.insert(row.tags.end(), a.tags.begin(), a.tags.end());
    return Done("Added tags to alert");
  }
  OpsgenieOutcome operator()(const opsgenie::RemoveTags& a) const {
    std::erase_if(row.tags, [&](const std::string& tag) { return std::ranges::find(a.tags, tag) != a.tags.end(); });
    return Done("Removed tags from alert");
  }
  OpsgenieOutcome operator()(const opsgenie::AddDetails& a) const {
    row.details.insert(row.details.end(), a.details.begin(), a.details.end());
    return Done("Added details to alert");
  }
  OpsgenieOutcome operator()(const opsgenie::RemoveDetails& a) const {
    std::erase_if(row.details,
                  [&](const Label& detail) { return std::ranges::find(a.names, detail.name) != a.names.end(); });
    return Done("Removed details from alert");
  }
  OpsgenieOutcome operator()(const opsgenie::AddResponder& a) const {
    row.responders.push_back(a.responder);
    return Done("Added responder to alert");
  }
  OpsgenieOutcome operator()(const opsgenie::RunAction& a) const {
    if (std::ranges::find(row.actions, a.name) == row.actions.end()) return Refuse("Action does not exist on alert");
    return Done("Executed action on alert");
  }
  OpsgenieOutcome operator()(const opsgenie::SetMessage& a) const {
    row.message = a.message;
    return Done("Updated message of alert");
  }
  OpsgenieOutcome operator()(const opsgenie::SetDescription& a) const {
    row.description = a.description;
    return Done("Updated description of alert");
  }
  OpsgenieOutcome operator()(const opsgenie::SetPriority& a) const {
    row.priority = a.priority;
    return Done("Updated priority of alert");
  }

  void TakeOver() const {
    if (!row.acknowledged || row.by_group) {
      row.acknowledged_at = turn.now().wall;
      row.acknowledged_by = by;
    }
    row.acknowledged = true;
    row.by_group = false;
    row.owner = by;
  }
};

// A note may be added to what is closed, and it may be deleted.
bool TakesClosed(const opsgenie::Action& action) {
  return std::holds_alternative<opsgenie::AddNote>(action) || std::holds_alternative<opsgenie::Delete>(action);
}

OpsgenieOutcome ChangeOne(Turn& turn, const ApplyToOpsgenieAlert& command) {
  const OpsgenieAlert* before = FindOpsgenieAlert(turn.state(), command.identifier);
  if (before == nullptr) return Refuse(kUnknown);
  if (before->closed && !TakesClosed(command.action)) {
    OpsgenieOutcome outcome = Refuse(kIsClosed);
    outcome.alert = *before;
    return outcome;
  }
  const std::string by = ActorOf(command);
  OpsgenieAlert after = *before;
  OpsgenieOutcome outcome = std::visit(Actor{turn, after, by}, command.action);
  Bound(after);
  outcome.alert = *before;
  if (!outcome.success) return outcome;
  LogOf(after, turn.now().wall, by, absl::StrCat(ToAbsl(outcome.status), " (", ToAbsl(Name(command.action)), ")"));
  AddNoteTo(after, turn.now().wall, by, command.note);
  after.updated_at = turn.now().wall;
  outcome.alert = after;
  if (std::holds_alternative<opsgenie::Delete>(command.action)) {
    turn.Remove<OpsgenieAlert>(before->id);
  } else {
    turn.Edit<OpsgenieAlert>(before->id) = std::move(after);
  }
  return outcome;
}

// What a request with this id was answered, with the alert as it is now.
std::shared_ptr<OpsgenieOutcome> AnsweredBefore(const Turn& turn, const std::string& request) {
  const auto found = turn.state().opsgenie_request_of.find(request);
  if (found == turn.state().opsgenie_request_of.end()) return nullptr;
  const OpsgenieRequest& row = turn.state().opsgenie_requests.at(found->second);
  auto outcome = std::make_shared<OpsgenieOutcome>();
  outcome->success = row.success;
  outcome->status = row.status;
  if (const OpsgenieAlert* alert = FindOpsgenieAlert(turn.state(), {OpsgenieIdentifier::Kind::kId, row.alert})) {
    outcome->alert = *alert;
  }
  return outcome;
}

void Remember(Turn& turn, const ApplyToOpsgenieAlert& command, const OpsgenieOutcome& outcome) {
  const auto& requests = turn.state().opsgenie_requests;
  if (requests.size() >= limits::kOpsgenieRequests) turn.Remove<OpsgenieRequest>(requests.begin()->first);
  OpsgenieRequest& row = turn.Create<OpsgenieRequest>();
  row.request = command.request;
  row.integration = command.integration;
  row.action = Name(command.action);
  row.success = outcome.success;
  row.status = outcome.status;
  row.alert = outcome.alert.uuid;
  row.alias = outcome.alert.alias;
  row.at = turn.now().wall;
}

}  // namespace

void LogOf(OpsgenieAlert& row, absl::Time at, std::string_view owner, std::string_view text) {
  ++row.logged;
  if (row.log.size() >= limits::kOpsgenieLog) return;
  row.log.push_back(
      {at, Bounded(owner, limits::kOpsgenieNameBytes), Bounded(text, limits::kOpsgenieLogBytes), row.logged});
}

const OpsgenieAlert* FindOpsgenieAlert(const ResponderState& state, const OpsgenieIdentifier& identifier) {
  const auto row = [&](OpsgenieAlertId id) {
    const auto found = state.opsgenie_alerts.find(id);
    return found == state.opsgenie_alerts.end() ? nullptr : &found->second;
  };
  switch (identifier.kind) {
    case OpsgenieIdentifier::Kind::kId: {
      const auto found = state.opsgenie_of_uuid.find(identifier.value);
      return found == state.opsgenie_of_uuid.end() ? nullptr : row(found->second);
    }
    case OpsgenieIdentifier::Kind::kTiny: {
      std::uint64_t number = 0;
      return absl::SimpleAtoi(identifier.value, &number) ? row(OpsgenieAlertId(number)) : nullptr;
    }
    case OpsgenieIdentifier::Kind::kAlias: break;
  }
  const std::string alias = Bounded(identifier.value, limits::kOpsgenieAliasBytes);
  const auto open = state.opsgenie_of_alias.find(alias);
  if (open != state.opsgenie_of_alias.end()) return row(open->second);
  for (auto closed = state.opsgenie_closed.rbegin(); closed != state.opsgenie_closed.rend(); ++closed) {
    const OpsgenieAlert* found = row(closed->second);
    if (found->alias == alias) return found;
  }
  return nullptr;
}

CommandResult ApplyToOpsgenieAlertBy(Turn& turn, const ApplyToOpsgenieAlert& command) {
  CommandResult result;
  if (command.request.empty() || command.request.size() > limits::kOpsgenieRequestBytes ||
      !IsValidUtf8(command.request)) {
    result.status = Invalid("request: must be 1 to %d bytes of UTF-8", limits::kOpsgenieRequestBytes);
    return result;
  }
  if (std::shared_ptr<OpsgenieOutcome> before = AnsweredBefore(turn, command.request)) {
    result.id = before->alert.id.value();
    result.opsgenie = std::move(before);
    return result;
  }
  const auto* create = std::get_if<opsgenie::Create>(&command.action);
  auto outcome = std::make_shared<OpsgenieOutcome>(create != nullptr ? CreateOne(turn, command, *create)
                                                                     : ChangeOne(turn, command));
  Remember(turn, command, *outcome);
  result.id = outcome->alert.id.value();
  result.opsgenie = std::move(outcome);
  return result;
}

}  // namespace tocsin
