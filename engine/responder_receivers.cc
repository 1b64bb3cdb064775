#include "engine/responder_receivers.h"

#include <algorithm>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "engine/alertmanager_message.h"
#include "engine/message.h"
#include "engine/receiver_log.h"
#include "engine/responder_episode.h"
#include "engine/responder_mutes.h"
#include "engine/responder_outbox.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;

// A report is this much older than the flush at most, or a flush later than it was due: what ended about then is looked up
// in the log.
constexpr absl::Duration kSlack = absl::Milliseconds(250);
constexpr absl::Duration kReportsWithin = absl::Seconds(10);

// All that fires, and what has ended lately.
std::vector<AlertSummary> MembersOf(const Turn& turn, const Group& group) {
  std::vector<AlertSummary> members;
  const auto live = turn.state().live.find(group.key);
  if (live ==
      turn.state().live.end()) {  // the shards have forgotten it, over a restart: what the group remembers has ended
    for (AlertSummary alert : group.exemplars) {
      alert.firing = false;
      alert.fired_at = group.resolved_at;
      members.push_back(std::move(alert));
    }
    return members;
  }
  for (const auto& [shard, report] : live->second)
    std::ranges::copy(report.exemplars, std::back_inserter(members));
  SortMembers(members);
  return members;
}

bool IsLogged(const Notification& row, const Group& group) {
  return row.receiver == group.route.receiver && row.method.kind == ContactMethod::Kind::kWebhook && !row.body.empty();
}

// What the receiver knows.
std::optional<Standing> LogOf(const Turn& turn, const Group& group, const std::vector<AlertSummary>& members) {
  const std::vector<NotificationId> sent = turn.About(SubjectOf(group.id)).notifications.Copy();
  for (const NotificationId id : std::views::reverse(sent)) {
    const Notification* row = turn.Find<Notification>(id);
    if (row == nullptr || !IsLogged(*row, group)) continue;
    if (std::optional<Standing> told = StandingIn(row->body)) return told;
  }
  if (group.last_notified_at == absl::Time()) return std::nullopt;
  std::vector<AlertSummary> known;
  std::ranges::copy_if(members, std::back_inserter(known),
                       [&](const AlertSummary& alert) { return alert.fired_at <= group.last_notified_at; });
  Standing told = StandingOf(known);
  if (told.firing.empty()) told.firing.push_back(0);  // something was told to fire that does not any more
  return told;
}

// Leaves out what had ended before the last flush, or was told to have ended. `known`: null when nothing was told yet.
void DropSettled(const Turn& turn, const Group& group, const Standing* known, std::vector<AlertSummary>& members) {
  const bool first = group.last_notified_at == absl::Time() && !group.flushed;
  const absl::Duration interval = std::max(group.route.group_interval, absl::Seconds(1));
  const absl::Time since = first ? group.opened_at : turn.now().wall - interval - kSlack;
  std::erase_if(members, [&](const AlertSummary& alert) {
    if (alert.firing) return false;
    if (known == nullptr) return alert.fired_at < since;
    const std::uint64_t name = StandingOf({&alert, 1}).resolved.front();
    if (std::ranges::binary_search(known->firing, name)) return false;
    return alert.fired_at < since ||
           (alert.fired_at <= group.last_notified_at && std::ranges::binary_search(known->resolved, name));
  });
}

// Of what was told before only the last is looked at again.
void ForgetOlder(Turn& turn, const Group& group) {
  for (const NotificationId id : turn.About(SubjectOf(group.id)).notifications) {
    const Notification* row = turn.Find<Notification>(id);
    if (row != nullptr && !IsOpen(*row) && IsLogged(*row, group)) turn.Edit<Notification>(id).body.clear();
  }
}

void TellTargets(
    Turn& turn, Group& group, const Receiver& receiver, std::vector<AlertSummary> members, std::string why) {
  const bool firing = std::ranges::any_of(members, &AlertSummary::firing);
  const MessageText text = firing ? UpdateMessage(group, why, turn.now()) : ResolvedMessage(group, turn.now());
  const std::string body = AlertmanagerBody(*turn.organisation(), group, members);
  ForgetOlder(turn, group);
  for (const ContactMethod& target : receiver.targets) {
    Notification row;
    row.subject = SubjectOf(group.id);
    row.receiver = receiver.id;
    row.method = target;
    row.purpose = firing ? Notification::Purpose::kGroupUpdate : Notification::Purpose::kResolved;
    row.lane = Notification::Lane::kRest;
    row.title = text.title;
    row.body = target.kind == ContactMethod::Kind::kWebhook ? body : text.body;
    Queue(turn, row, absl::StrCat(turn.now().engine.ns(), "/", turn.NextId()));
  }
}

// An acknowledgement is the team's word that it knows; intervals and maintenance are its word that it does not want to.
bool IsQuiet(const Turn& turn, const Group& group) {
  return group.state == Group::State::kAcknowledged || !group.held_by.empty() || !WhyMuted(turn, group.route).empty();
}

}  // namespace

bool IsToldByFlush(const Organisation* organisation, const ReceiverId& receiver) {
  const Receiver* found = organisation != nullptr && receiver.set() ? organisation->Find(receiver) : nullptr;
  return found != nullptr && found->drop_resolved_when_held;
}

bool HasFlushAhead(const Turn& turn, GroupId id) {
  return turn.FindTimer(FlushTimer(id)) != nullptr;
}

// The shards say what there is soon after a start; one that has nothing of the group any more says nothing of it.
bool WaitsForShards(const Turn& turn, const Group& group) {
  if (!turn.AllShardsReported()) return true;
  if (group.state != Group::State::kResolved || turn.state().live.contains(group.key)) return false;
  return turn.now().engine - group.resolved_engine < group.route.group_interval + kReportsWithin;
}

void TellByFlush(Turn& turn, Group& group) {
  const Receiver& receiver = *turn.organisation()->Find(group.route.receiver);
  std::vector<AlertSummary> members = MembersOf(turn, group);
  const std::optional<Standing> known = LogOf(turn, group, members);
  DropSettled(turn, group, known ? &*known : nullptr, members);
  if (IsQuiet(turn, group) || members.empty()) return;
  const Standing standing = StandingOf(members);
  const TellReason reason = WhyTell(known ? &*known : nullptr, standing, receiver.send_resolved,
                                    turn.now().engine - group.notified_engine, group.route.repeat_interval);
  if (reason == TellReason::kNothingNew) return;
  const std::string why = Describe(reason, group);
  group.last_notified_at = turn.now().wall;
  group.notified_engine = turn.now().engine;
  group.notified_fired_total = group.fired_total;
  group.notified_resolved_total = group.resolved_total;
  if (!receiver.send_resolved) std::erase_if(members, [](const AlertSummary& alert) { return !alert.firing; });
  if (members.empty()) {  // it is not told, and knows of nothing any more
    ForgetOlder(turn, group);
    group.last_notified_at = absl::Time();
    return;
  }
  TellTargets(turn, group, receiver, std::move(members), why);
}

void TellReceiver(Turn& turn, Group& group, std::string_view pressing) {
  const Receiver* receiver = turn.organisation()->Find(group.route.receiver);
  if (receiver == nullptr) {
    turn.Note(Kind::kNotificationFailed, SubjectOf(group.id),
              absl::StrCat("receiver ", group.route.receiver.value(), " does not exist any more"));
    return;
  }
  const TellReason reason = WhyTell(group, receiver->send_resolved, turn.now().engine);
  if (reason == TellReason::kNothingNew && pressing.empty()) return;
  const std::string why = pressing.empty() ? Describe(reason, group) : std::string(pressing);
  const MessageText message = UpdateMessage(group, why, turn.now());
  group.last_notified_at = turn.now().wall;
  group.notified_engine = turn.now().engine;
  group.notified_fired_total = group.fired_total;
  group.notified_resolved_total = group.resolved_total;
  for (const ContactMethod& target : receiver->targets) {
    Notification row;
    row.subject = SubjectOf(group.id);
    row.receiver = receiver->id;
    row.method = target;
    row.purpose = Notification::Purpose::kGroupUpdate;
    row.lane = Notification::Lane::kRest;
    row.title = message.title;
    row.body = message.body;
    // Two may be told at one instant, by the reports of two shards.
    Queue(turn, row, absl::StrCat(turn.now().engine.ns(), "/", turn.NextId()));
  }
}

}  // namespace tocsin
