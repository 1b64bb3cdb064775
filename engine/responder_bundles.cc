#include "engine/responder_bundles.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "engine/allowance.h"
#include "engine/link.h"
#include "engine/message.h"
#include "engine/responder_acknowledgement.h"
#include "engine/responder_groups.h"
#include "engine/responder_incidents.h"
#include "engine/responder_links.h"
#include "engine/responder_outbox.h"
#include "engine/responder_pages.h"
#include "engine/responder_receivers.h"
#include "engine/responder_rewrites.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;
using Lane = Notification::Lane;
using Purpose = Notification::Purpose;
using State = Notification::State;

// More wait for the next one.
constexpr std::size_t kBundleMembers = 1000;

TimerKey TimerOf(ThrottleId id) {
  return {Timer::Kind::kThrottle, id.value()};
}

void ArmEarlier(Turn& turn, ThrottleId id, EngineTime due) {
  const Timer* timer = turn.FindTimer(TimerOf(id));
  if (timer == nullptr || timer->due > due) turn.Arm(TimerOf(id), due);
}

absl::Duration BundleWindow(const Organisation* organisation) {
  return (organisation != nullptr ? organisation->limits : MessageLimits()).bundle_window;
}
absl::Duration BundleWindow(const Turn& turn) {
  return BundleWindow(turn.organisation());
}

bool AsksForAttention(const Notification& row) {
  return row.purpose == Purpose::kPage || row.purpose == Purpose::kFallback;
}

// What pages are bundled by: the service, or what stands for it.
std::string TopicOf(const Notification& row, const Group* group) {
  if (row.subject.kind == SubjectKind::kIncident) return "incidents";
  if (group == nullptr) return "others";
  return group->service.set() ? absl::StrCat("service ", group->service.value())
                              : absl::StrCat("route ", group->route.id.value());
}
std::string TopicOf(const Turn& turn, const Notification& row) {
  const bool is_group = row.subject.kind == SubjectKind::kGroup;
  return TopicOf(row, is_group ? turn.Find<Group>(GroupId(row.subject.id)) : nullptr);
}
std::string TopicsOf(const Turn& turn, const Notification& bundle) {
  std::set<std::string> topics;
  for (const BundleMember& member : bundle.members) {
    const Notification* row = turn.Find<Notification>(member.notification);
    if (row != nullptr) topics.insert(TopicOf(turn, *row));
  }
  return JoinTopics(topics);
}

// Critical pages wait for limits only. Receivers have their route's group_interval, and who asks for a test page wants to
// see it.
bool HasWindow(const Notification& row) {
  return row.attempt == 0 && !IsBundle(row) && row.lane != Lane::kCritical && row.purpose != Purpose::kGroupUpdate &&
         row.purpose != Purpose::kTest && row.purpose != Purpose::kNotice;
}

Wait WaitOf(const Organisation* organisation,
            const Throttle& throttle,
            const Notification& row,
            std::string_view topic,
            EngineTime now) {
  // Alertmanager has no limits, and whoever asked for its ways gets them.
  if (row.subject.kind == SubjectKind::kGroup && IsToldByFlush(organisation, row.receiver))
    return {now, Wait::For::kLimits};
  const EngineTime allowed = WhenAllowed(LimitsOf(organisation, row.method), throttle.sent, row.lane, now);
  if (!HasWindow(row)) return {allowed, Wait::For::kLimits};
  const EngineTime unbundled = WhenUnbundled(BundleWindow(organisation), throttle.sent, row.lane, topic, now);
  return unbundled > allowed ? Wait{unbundled, Wait::For::kBundleWindow} : Wait{allowed, Wait::For::kLimits};
}

std::string WhyWaits(Wait::For what, std::string_view topic, const Organisation* organisation) {
  switch (what) {
    case Wait::For::kBundleWindow:
      return absl::StrCat("held back by the bundle window: something about ", ToAbsl(topic), " was told less than ",
                          absl::FormatDuration(BundleWindow(organisation)), " ago");
    case Wait::For::kLimits: return "held back by the limits of its contact method, which allow no more for now";
  }
  return "";
}

void DropExpired(const Turn& turn, Throttle& throttle, std::span<const MessageLimit> limits) {
  const absl::Duration longest = LongestWindow(limits, BundleWindow(turn));
  std::erase_if(throttle.sent, [&](const Throttle::Sent& sent) { return sent.at + longest <= turn.now().engine; });
}

// What waits for the method's turn and is still to be told, the more urgent first.
std::vector<const Notification*> Waiting(Turn& turn, const Throttle& throttle) {
  std::vector<const Notification*> waiting;
  for (const auto& [lane, id] : turn.HeldFor({throttle.kind, throttle.address})) {
    const Notification* row = turn.Find<Notification>(id);
    if (row == nullptr || row->state != State::kHeld || row->bundle.set()) continue;
    if (const std::string reason = WhyNotWanted(turn, *row); !reason.empty()) {
      Cancel(turn, id, reason);
    } else {
      waiting.push_back(row);
    }
  }
  return waiting;
}

struct Turnstile {
  const Notification* next = nullptr;  // may go now
  EngineTime otherwise = EngineTime::Infinite();
};
Turnstile FirstToGo(const Turn& turn, const std::vector<const Notification*>& waiting) {
  std::map<std::pair<Lane, std::string>, EngineTime> asked;
  Turnstile first;
  for (const Notification* row : waiting) {
    if (first.next != nullptr) break;
    std::string key = absl::StrCat(HasWindow(*row) ? TopicOf(turn, *row) : "");
    const auto [known, fresh] = asked.try_emplace({row->lane, std::move(key)});
    if (fresh) known->second = WaitOf(turn, *row).until;
    if (known->second <= turn.now().engine) first.next = row;
    first.otherwise = std::min(first.otherwise, known->second);
  }
  return first;
}

std::string LineOf(const Turn& turn, const Notification& member) {
  const Group* group =
      member.subject.kind == SubjectKind::kGroup ? turn.Find<Group>(GroupId(member.subject.id)) : nullptr;
  return group != nullptr && member.purpose != Purpose::kResolved ? GroupTitle(*group) : member.title;
}

void Write(const Turn& turn, Notification& bundle) {
  std::vector<BundleItem> items;
  for (const BundleMember& member : bundle.members) {
    const Notification* row = turn.Find<Notification>(member.notification);
    if (row == nullptr) continue;
    items.push_back({NameOf(row->subject), LineOf(turn, *row), row->lane, row->purpose == Purpose::kResolved,
                     row->purpose == Purpose::kNotice});
  }
  MessageText message = BundleMessage(items, NameOf(bundle.subject));
  bundle.title = std::move(message.title);
  bundle.body = std::move(message.body);
}

// The purpose that asks most of whoever reads it.
Purpose Louder(Purpose a, Purpose b) {
  constexpr Purpose kOrder[] = {Purpose::kPage,        Purpose::kFallback, Purpose::kTest,
                                Purpose::kGroupUpdate, Purpose::kResolved, Purpose::kNotice};
  return *std::ranges::find_if(kOrder, [&](Purpose purpose) { return purpose == a || purpose == b; });
}

void SendTogether(Turn& turn, const std::vector<const Notification*>& rows) {
  Notification bundle = *rows.front();
  bundle.page = PageId();
  bundle.state = State::kPending;
  bundle.attempt = 0;
  bundle.repeat = false;
  bundle.last_error.clear();
  bundle.acknowledge_url.clear();
  bool asks = false;
  for (const Notification* row : rows) {
    bundle.purpose = Louder(bundle.purpose, row->purpose);
    bundle.lane = std::min(bundle.lane, row->lane);
    bundle.members.push_back({row->id, row->subject});
    asks |= AsksForAttention(*row);
  }
  Write(turn, bundle);  // for the record; once more when it has its name
  const NotificationId id = Queue(turn, bundle, "");
  Notification& queued = turn.Edit<Notification>(id);
  if (asks && queued.user.set()) queued.acknowledge_url = LinkFor(turn, queued.subject, queued.user, queued.method);
  Write(turn, queued);
  for (const BundleMember& member : queued.members) {
    Notification& row = turn.Edit<Notification>(member.notification);
    row.bundle = id;
    TimelineEntry& entry = turn.Note(Kind::kNotificationBundled, row.subject,
                                     absl::StrFormat("%s: told by %s together with %d others", Describe(row),
                                                     NameOf(queued.subject), queued.members.size() - 1));
    entry.notification = row.id;
    entry.page = row.page;
    entry.user = row.user;
  }
}

// Nothing waits: the row is kept as long as what was sent matters.
void Tidy(Turn& turn, ThrottleId id) {
  Throttle& throttle = turn.Edit<Throttle>(id);
  ContactMethod method;
  method.kind = throttle.kind;
  const std::span<const MessageLimit> limits = LimitsOf(turn.organisation(), method);
  const absl::Duration longest = std::max(LongestWindow(limits, BundleWindow(turn)), absl::Hours(1));
  std::erase_if(throttle.sent, [&](const Throttle::Sent& sent) { return sent.at + longest <= turn.now().engine; });
  if (throttle.sent.empty()) {
    turn.Remove<Throttle>(id);
  } else {
    turn.Arm(TimerOf(id), throttle.sent.back().at + longest);
  }
}

// Each open member, by id: what is done to one may end others.
template <typename Do>
void ForEachOpen(Turn& turn, const Notification& bundle, Do what) {
  const std::vector<BundleMember> members = bundle.members;
  for (const BundleMember& member : members) {
    const Notification* row = turn.Find<Notification>(member.notification);
    if (row != nullptr && IsOpen(*row)) what(member.notification);
  }
}

}  // namespace

Wait WaitOf(const Turn& turn, const Notification& row) {
  const EngineTime now = turn.now().engine;
  const Throttle* throttle = turn.FindThrottle(row.method);
  if (throttle == nullptr || IsRewriting(row)) return {now};
  return WaitOf(turn.organisation(), *throttle, row, TopicOf(turn, row), now);
}

HeldUntil ExplainHeld(const ResponderState& state, const Notification& row, const Now& now) {
  HeldUntil held{row.due, Wait::For::kLimits, "held back"};
  const auto throttle = state.throttle_of.find(ThrottleKeyOf(row.method));
  if (throttle == state.throttle_of.end()) return held;
  const auto timer = state.timer_of.find(TimerOf(throttle->second));
  if (timer != state.timer_of.end()) held.due = std::max(state.timers.at(timer->second).due, now.engine);
  const auto group = state.groups.find(GroupId(row.subject.id));
  const bool about_group = row.subject.kind == SubjectKind::kGroup && group != state.groups.end();
  const std::string topic = TopicOf(row, about_group ? &group->second : nullptr);
  const Organisation* organisation = state.organisation.get();
  const Wait wait = WaitOf(organisation, state.throttles.at(throttle->second), row, topic, now.engine);
  held.what = wait.what;
  held.why = WhyWaits(wait.what, topic, organisation);
  return held;
}

void Charge(Turn& turn, const Notification& row) {
  const std::span<const MessageLimit> limits = LimitsOf(turn.organisation(), row.method);
  if (IsRewriting(row)) return;
  if (limits.empty() && BundleWindow(turn) <= absl::ZeroDuration()) return;
  Throttle& throttle = turn.ThrottleFor(row.method);
  DropExpired(turn, throttle, limits);
  std::string topic = IsBundle(row) ? TopicsOf(turn, row) : TopicOf(turn, row);
  if (limits.empty()) {  // only the last one about each topic matters
    std::erase_if(throttle.sent,
                  [&](const Throttle::Sent& sent) { return sent.lane == row.lane && sent.topic == topic; });
  }
  throttle.sent.push_back({turn.now().engine, row.lane, std::move(topic), row.id});
  if (turn.FindTimer(TimerOf(throttle.id)) == nullptr) Tidy(turn, throttle.id);
}

void Refund(Turn& turn, const Notification& row) {
  const Throttle* before = turn.FindThrottle(row.method);
  if (before == nullptr) return;
  const auto charged =
      std::ranges::find(before->sent.rbegin(), before->sent.rend(), row.id, &Throttle::Sent::notification);
  if (charged == before->sent.rend()) return;
  Throttle& throttle = turn.Edit<Throttle>(before->id);
  throttle.sent.erase(throttle.sent.begin() + (before->sent.rend() - charged - 1));
  if (!turn.HeldFor({throttle.kind, throttle.address}).empty()) ArmEarlier(turn, throttle.id, turn.now().engine);
}

void Postpone(Turn& turn, Notification& row, const Wait& wait) {
  const EngineTime until = wait.until;
  const ThrottleId throttle = turn.ThrottleFor(row.method).id;
  ArmEarlier(turn, throttle, until);
  if (IsBundle(row)) {
    ForEachOpen(turn, row, [&](NotificationId id) {
      Notification& member = turn.Edit<Notification>(id);
      member.bundle = NotificationId();
      turn.RememberHeld(member);
    });
    Cancel(turn, row.id, "its contact method was sent enough; what it tells waits");
    return;
  }
  row.state = State::kHeld;
  row.bundle = NotificationId();
  row.due = until;
  row.lease_until = EngineTime();
  turn.Disarm({Timer::Kind::kNotification, row.id.value()});
  turn.RememberHeld(row);
  TimelineEntry& entry =
      turn.Note(Kind::kNotificationHeld, row.subject,
                absl::StrFormat("%s: %s; told with what else waits, not before %s", Describe(row),
                                WhyWaits(wait.what, TopicOf(turn, row), turn.organisation()),
                                Instant(absl::FromUnixSeconds(absl::ToUnixSeconds(ExpectedWall(turn.now(), until))))));
  entry.notification = row.id;
  entry.page = row.page;
  entry.user = row.user;
}

void FireThrottle(Turn& turn, ThrottleId id) {
  for (;;) {
    const Throttle* throttle = turn.Find<Throttle>(id);
    if (throttle == nullptr) return;
    const std::vector<const Notification*> waiting = Waiting(turn, *throttle);
    if (waiting.empty()) return Tidy(turn, id);
    const Turnstile first = FirstToGo(turn, waiting);
    if (first.next == nullptr) return turn.Arm(TimerOf(id), first.otherwise);
    std::vector<const Notification*> together;
    for (const Notification* row : waiting) {
      const bool same_person = row->user == first.next->user && row->receiver == first.next->receiver;
      if (same_person && (together.size() < kBundleMembers || row == first.next)) together.push_back(row);
    }
    if (together.size() == 1) {
      Send(turn, first.next->id);
    } else {
      SendTogether(turn, together);
    }
  }
}

void ReviewHeld(Turn& turn) {
  for (const auto& [key, held] : turn.state().held) {
    const auto found = turn.state().throttle_of.find(key);
    if (found != turn.state().throttle_of.end()) ArmEarlier(turn, found->second, turn.now().engine);
  }
}

bool TrimBundle(Turn& turn, NotificationId id) {
  ForEachOpen(turn, *turn.Find<Notification>(id), [&](NotificationId member) {
    const std::string reason = WhyNotWanted(turn, *turn.Find<Notification>(member));
    if (!reason.empty()) Cancel(turn, member, reason);
  });
  if (!IsOpen(*turn.Find<Notification>(id))) return false;
  Notification& bundle = turn.Edit<Notification>(id);
  std::vector<BundleMember> left;
  ForEachOpen(turn, bundle, [&](NotificationId member) {
    left.push_back({member, turn.Find<Notification>(member)->subject});
  });
  // In a repeat, too: no attempt begins that names what was acknowledged.
  if (left.size() == bundle.members.size()) return true;
  bundle.members = std::move(left);
  Write(turn, bundle);
  return true;
}

void MemberCancelled(Turn& turn, NotificationId bundle, std::string_view reason) {
  const Notification* row = turn.Find<Notification>(bundle);
  if (row == nullptr || !IsOpen(*row)) return;
  bool any = false;
  ForEachOpen(turn, *row, [&](NotificationId) { any = true; });
  if (!any) {
    Cancel(turn, bundle, reason);
  } else if (row->state == State::kLeased) {
    turn.CloseGate(bundle);  // when it has not begun, it is begun again without the member
  }
}

void BundleAccepted(Turn& turn, const Notification& bundle) {
  const std::vector<BundleMember> members = bundle.members;
  for (const BundleMember& each : members) {
    if (turn.Find<Notification>(each.notification) == nullptr) continue;
    Notification& member = turn.Edit<Notification>(each.notification);
    member.accepted_at = turn.now().wall;
    if (!IsOpen(member)) continue;
    member.state = State::kAccepted;
    TimelineEntry& entry = turn.Note(Kind::kNotificationAccepted, member.subject,
                                     absl::StrFormat("%s: was told by %s", Describe(member), NameOf(bundle.subject)));
    entry.notification = member.id;
    entry.page = member.page;
    entry.user = member.user;
    if (member.page.set()) SettlePage(turn, member.page);
  }
}

void BundleFailed(Turn& turn, const Notification& bundle) {
  const std::vector<BundleMember> members = bundle.members;
  const State state = bundle.state;
  const std::string reason = absl::StrCat(NameOf(bundle.subject), ": ", bundle.end_reason);
  for (const BundleMember& each : members) {
    const Notification* row = turn.Find<Notification>(each.notification);
    if (row == nullptr || (!IsOpen(*row) && row->state != State::kAccepted)) continue;
    Notification& member = turn.Edit<Notification>(each.notification);
    member.state = state;
    member.end_reason = reason;
    member.accepted_at = absl::Time();
    TimelineEntry& entry = turn.Note(Kind::kNotificationFailed, member.subject,
                                     absl::StrCat(Describe(member), ": told by ", member.end_reason));
    entry.notification = member.id;
    entry.page = member.page;
    entry.user = member.user;
    MethodFailed(turn, member);
  }
}

void BundleLate(Turn& turn, const Notification& bundle) {
  ForEachOpen(turn, bundle, [&](NotificationId id) { MethodFailed(turn, *turn.Find<Notification>(id)); });
}

void BundleUnconfirmed(Turn& turn, const Notification& bundle) {
  const std::vector<BundleMember> members = bundle.members;
  for (const BundleMember& each : members) {
    const Notification* member = turn.Find<Notification>(each.notification);
    if (member == nullptr || member->state != State::kAccepted || !WhyNotWanted(turn, *member).empty()) continue;
    MethodFailed(turn, *member);
  }
}

absl::Status AcknowledgeBundleBy(Turn& turn, const AcknowledgeBundle& command) {
  const Notification* bundle = turn.Find<Notification>(command.bundle);
  if (bundle == nullptr || !IsBundle(*bundle)) {
    return NotFound("message B%d is not known, or is too old: acknowledge its groups by their names",
                    command.bundle.value());
  }
  const std::vector<BundleMember> members = bundle->members;
  for (const BundleMember& member : members) {
    // What was resolved or acknowledged meanwhile needs nobody any more.
    if (!WhyQuiet(turn, member.subject).empty()) continue;
    // Nor does it speak for what came back later.
    const bool is_group = member.subject.kind == SubjectKind::kGroup;
    const Group* group = is_group ? turn.Find<Group>(GroupId(member.subject.id)) : nullptr;
    if (group != nullptr && command.bundle.value() < group->episode_from) continue;
    if (member.subject.kind == SubjectKind::kGroup) {
      TOCSIN_TRY(AcknowledgeGroupBy(turn, {GroupId(member.subject.id), std::nullopt}));
    } else if (member.subject.kind == SubjectKind::kIncident) {
      TOCSIN_TRY(AcknowledgeIncidentBy(turn, {IncidentId(member.subject.id), std::nullopt}));
    }
  }
  return absl::OkStatus();
}

}  // namespace tocsin
