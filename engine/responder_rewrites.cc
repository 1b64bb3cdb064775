#include "engine/responder_rewrites.h"

#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"

#include "engine/message.h"
#include "engine/responder_bundles.h"
#include "engine/responder_outbox.h"

namespace tocsin {
namespace {

using Purpose = Notification::Purpose;

bool CanBeRewritten(const Notification& row) {
  return row.method.kind == ContactMethod::Kind::kSlack && WasTold(row) && !row.provider_id.empty() && !IsBundle(row) &&
         !IsRewriting(row) && row.purpose != Purpose::kTest;
}

struct Present {
  MessageText message;
  Purpose purpose = Purpose::kGroupUpdate;
  Notification::Lane lane = Notification::Lane::kNormal;
  bool waits = false;  // somebody may still acknowledge
};
std::optional<Present> PresentOf(const Turn& turn, const Subject& subject) {
  if (subject.kind == SubjectKind::kGroup) {
    const Group* group = turn.Find<Group>(GroupId(subject.id));
    if (group == nullptr) return std::nullopt;
    const bool resolved = group->state == Group::State::kResolved;
    return Present{PresentMessage(*group, turn.now()), resolved ? Purpose::kResolved : Purpose::kGroupUpdate,
                   LaneOf(*group), group->state == Group::State::kOpen};
  }
  if (subject.kind == SubjectKind::kIncident) {
    const Incident* incident = turn.Find<Incident>(IncidentId(subject.id));
    if (incident == nullptr) return std::nullopt;
    const bool resolved = incident->state == Incident::State::kResolved;
    return Present{PresentMessage(*incident, turn.now()), resolved ? Purpose::kResolved : Purpose::kGroupUpdate,
                   LaneOf(*incident), incident->state == Incident::State::kOpen};
  }
  return std::nullopt;
}

void Fill(const Present& present, const Notification& original, Notification& row) {
  row.rewrites = original.provider_id;
  row.purpose = present.purpose;
  row.lane = present.lane;
  row.title = present.message.title;
  row.body = present.message.body;
  row.acknowledge_url = present.waits ? original.acknowledge_url : "";
}

// A message, and the last that was done to it.
struct Message {
  const Notification* original = nullptr;
  const Notification* last = nullptr;
};
std::map<std::string, Message> MessagesAbout(const Turn& turn, const Subject& subject) {
  std::map<std::string, Message> messages;
  for (const NotificationId id : turn.About(subject).notifications) {
    const Notification* row = turn.Find<Notification>(id);
    if (row == nullptr) continue;
    if (CanBeRewritten(*row)) {
      messages[row->provider_id] = {row, row};
    } else if (IsRewriting(*row) && messages.contains(row->rewrites)) {
      messages[row->rewrites].last = row;
    }
  }
  return messages;
}

void RewriteAbout(Turn& turn, const Subject& subject) {
  const std::map<std::string, Message> messages = MessagesAbout(turn, subject);
  if (messages.empty()) return;
  const std::optional<Present> present = PresentOf(turn, subject);
  if (!present) return;
  for (const auto& [provider_id, message] : messages) {
    const Notification& last = *message.last;
    const bool rewritten = IsRewriting(last);
    if (rewritten && last.title == present->message.title && last.body == present->message.body) continue;
    if (rewritten && last.state == Notification::State::kLeased) continue;  // looked at again when it has ended
    if (rewritten && last.state == Notification::State::kPending) {
      Fill(*present, *message.original, turn.Edit<Notification>(last.id));
      continue;
    }
    if (!rewritten && present->waits && last.title == present->message.title) continue;  // says so already
    Notification row;
    row.subject = subject;
    row.user = last.user;
    row.receiver = last.receiver;
    row.method = last.method;
    Fill(*present, *message.original, row);
    // The same words may come again: told apart by what was done to the message before.
    Queue(turn, row, absl::StrCat("after N", last.id.value()));
  }
}

}  // namespace

void TakePlace(const Turn& turn, Notification& row) {
  if (IsBundle(row) || IsRewriting(row) || row.method.kind != ContactMethod::Kind::kSlack) return;
  if (row.purpose != Purpose::kGroupUpdate && row.purpose != Purpose::kResolved) return;
  const Notification* newest = nullptr;
  for (const auto& [provider_id, message] : MessagesAbout(turn, row.subject)) {
    const Notification& original = *message.original;
    const bool same = original.user == row.user && original.receiver == row.receiver && original.method == row.method;
    if (same && (newest == nullptr || newest->id < original.id)) newest = &original;
  }
  const std::optional<Present> present = PresentOf(turn, row.subject);
  if (newest != nullptr && present) Fill(*present, *newest, row);
}

void RewriteMessages(Turn& turn) {
  if (turn.organisation() == nullptr || turn.organisation()->slack.token.empty()) return;
  std::set<Subject> subjects;
  for (const GroupId id : turn.Edited<Group>())
    subjects.insert(SubjectOf(id));
  for (const IncidentId id : turn.Edited<Incident>())
    subjects.insert(SubjectOf(id));
  for (const NotificationId id : turn.Edited<Notification>()) {
    const Notification* row = turn.Find<Notification>(id);
    if (row != nullptr && row->method.kind == ContactMethod::Kind::kSlack) subjects.insert(row->subject);
  }
  if (subjects.empty()) return;
  turn.SetActor("responder");
  for (const Subject& subject : subjects)
    RewriteAbout(turn, subject);
}

}  // namespace tocsin
