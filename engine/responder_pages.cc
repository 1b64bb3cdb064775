#include "engine/responder_pages.h"

#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"

#include "base/hash.h"
#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_escalations.h"
#include "engine/responder_groups.h"
#include "engine/responder_links.h"
#include "engine/responder_notices.h"
#include "engine/responder_outbox.h"
#include "engine/responder_rewrites.h"
#include "engine/responder_steps.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;

TimerKey RuleTimer(PageId id) {
  return {Timer::Kind::kPageRule, id.value()};
}
TimerKey HoursTimer(PageId id) {
  return {Timer::Kind::kPageHours, id.value()};
}

const ContactMethod* FindMethod(const User* user, const ContactMethodId& id) {
  if (user == nullptr) return nullptr;
  const auto found = std::ranges::find(user->contact_methods, id, &ContactMethod::id);
  return found == user->contact_methods.end() ? nullptr : &*found;
}

const User* FindUser(const Turn& turn, const UserId& id) {
  return turn.index() != nullptr ? turn.index()->Find(id) : nullptr;
}

// The person's rules for such a page; important ones before those of high urgency; without any, all methods at once.
std::vector<NotificationRule> RulesFor(const User& user, Urgency urgency, bool important) {
  std::vector<NotificationRule> rules;
  const auto take = [&](bool those) {
    for (const NotificationRule& rule : user.notification_rules) {
      const bool fits = rule.urgency == urgency && rule.important == those;
      if (fits && FindMethod(&user, rule.method) != nullptr) rules.push_back(rule);
    }
  };
  if (important && urgency == Urgency::kHigh) take(true);
  if (rules.empty()) take(false);
  if (rules.empty()) {
    for (const ContactMethod& method : user.contact_methods) {
      rules.push_back({urgency, absl::ZeroDuration(), method.id});
    }
  }
  std::ranges::stable_sort(rules, {}, &NotificationRule::delay);
  return rules;
}

std::vector<NotificationRule> AllMethods(const User& user) {
  std::vector<NotificationRule> rules;
  for (const ContactMethod& method : user.contact_methods) {
    rules.push_back({Urgency::kHigh, absl::ZeroDuration(), method.id});
  }
  return rules;
}

// When a rule that is limited to hours may be used next; nullopt: now. An interval that is gone limits nothing.
std::optional<absl::Time> OpensAt(const Turn& turn, const Page& page, const NotificationRule& rule) {
  const User* user = FindUser(turn, page.user);
  absl::Time opens = absl::InfiniteFuture();
  for (const TimeIntervalId& name : rule.only_during) {
    const TimeIntervals* intervals =
        user != nullptr && turn.index() != nullptr ? turn.index()->FindIntervals(name, user->time_zone) : nullptr;
    if (intervals == nullptr || intervals->Contains(turn.now().wall)) return std::nullopt;
    opens = std::min(opens, intervals->NextChange(turn.now().wall));
  }
  if (rule.only_during.empty()) return std::nullopt;
  return opens;
}

// The end of the person's night, for a page that waits for it.
std::optional<absl::Time> Morning(const Turn& turn, const Page& page) {
  const Escalation* escalation = turn.Find<Escalation>(page.escalation);
  const bool waits = escalation != nullptr && page.urgency == Urgency::kLow && page.next_rule == 0 &&
                     escalation->policy.low_urgency == EscalationPolicy::LowUrgency::kMorning;
  if (!waits || turn.roster() == nullptr) return std::nullopt;
  return turn.roster()->QuietUntil(page.user, turn.now().wall);
}

// When a page that waits has waited long enough; nullopt: now.
std::optional<absl::Time> WaitsUntil(const Turn& turn, const Page& page) {
  if (const auto morning = Morning(turn, page)) return morning;
  const auto next = static_cast<std::size_t>(page.next_rule);
  return next < page.rules.size() ? OpensAt(turn, page, page.rules[next]) : std::nullopt;
}

TimelineEntry& NoteAbout(Turn& turn, Kind kind, const Page& page, std::string text) {
  TimelineEntry& entry = turn.Note(kind, page.subject, std::move(text));
  entry.page = page.id;
  entry.escalation = page.escalation;
  entry.user = page.user;
  return entry;
}

PageContext ContextOf(const Turn& turn, const Page& page, const ContactMethod& method) {
  PageContext context;
  context.reason = page.reason;
  context.acknowledge_url = LinkFor(turn, page.subject, page.user, method);
  const Escalation* escalation = turn.Find<Escalation>(page.escalation);
  if (escalation == nullptr) return context;
  context.next = DescribeNext(*escalation, turn.now());
  for (const PageId id : escalation->pages) {
    const Page* other = turn.Find<Page>(id);
    if (other == nullptr || other->id == page.id || other->state != Page::State::kActive) continue;
    if (other->pass == page.pass && other->step == page.step) context.others.push_back(other->user);
  }
  return context;
}

bool IsFallback(const Turn& turn, const Page& page) {
  const Escalation* escalation = turn.Find<Escalation>(page.escalation);
  return escalation != nullptr && page.step >= static_cast<std::int32_t>(escalation->policy.steps.size());
}

// What a notice says; nullptr for pages that are none.
const Notification* NoticeOf(const Turn& turn, const Page& page) {
  const Notification* first =
      page.notifications.empty() ? nullptr : turn.Find<Notification>(page.notifications.front());
  return first != nullptr && first->purpose == Notification::Purpose::kNotice ? first : nullptr;
}

// What the message says, and how urgent it is among others.
void Write(const Turn& turn, const Page& page, Notification& row) {
  MessageText message;
  if (const Notification* notice = NoticeOf(turn, page)) {
    row.purpose = Notification::Purpose::kNotice;
    row.lane = notice->lane;
    message = {notice->title, notice->body};
  } else if (page.subject.kind == SubjectKind::kUser) {
    row.purpose = Notification::Purpose::kTest;
    row.lane = Notification::Lane::kNormal;
    row.acknowledge_url = LinkFor(turn, page.subject, page.user, row.method);
    message = TestMessage(page.user, page.reason, !row.acknowledge_url.empty(), turn.now());
  } else {
    row.purpose = IsFallback(turn, page) ? Notification::Purpose::kFallback : Notification::Purpose::kPage;
    const PageContext context = ContextOf(turn, page, row.method);
    row.acknowledge_url = context.acknowledge_url;
    if (page.subject.kind == SubjectKind::kGroup) {
      const Group& group = *turn.Find<Group>(GroupId(page.subject.id));
      row.lane = LaneOf(group);
      message = PageMessage(group, context, turn.now());
    } else {
      const Incident& incident = *turn.Find<Incident>(IncidentId(page.subject.id));
      row.lane = LaneOf(incident);
      message = PageMessage(incident, context, turn.now());
    }
  }
  row.title = std::move(message.title);
  row.body = std::move(message.body);
}

void QueueFor(Turn& turn, Page& page, Notification row) {
  row.page = page.id;
  row.subject = page.subject;
  row.user = page.user;
  row.goes_on = page.until != Page::Until::kAnybody;
  // The same for all attempts, another for each episode, escalation, pass, step and use of the method.
  const std::string once = absl::StrCat("E", page.escalation.value(), "/", page.pass, "/", page.step, "/P",
                                        page.id.value(), "/", page.notifications.size());
  page.notifications.push_back(Queue(turn, row, once));
}

void QueueOn(Turn& turn, Page& page, const ContactMethodId& method) {
  const ContactMethod* found = FindMethod(FindUser(turn, page.user), method);
  if (found == nullptr) {
    NoteAbout(turn, Kind::kNotificationFailed, page,
              absl::StrFormat("%s has no contact method \"%s\" any more", page.user.value(), method.value()));
    return;
  }
  Notification row;
  row.method = *found;
  Write(turn, page, row);
  QueueFor(turn, page, std::move(row));
}

void WaitUntil(Turn& turn, Page& page, absl::Time until, std::string_view why) {
  page.waits = true;
  turn.Disarm(RuleTimer(page.id));
  turn.ArmWall(HoursTimer(page.id), until);
  NoteAbout(turn, Kind::kStepWaits, page,
            absl::StrFormat("%s is told at %s: %s", page.user.value(), Instant(until), why));
}

void ArmNextRule(Turn& turn, const Page& page) {
  if (page.waits) return;
  const auto next = static_cast<std::size_t>(page.next_rule);
  if (next >= page.rules.size()) {
    turn.Disarm(RuleTimer(page.id));
    return;
  }
  turn.Arm(RuleTimer(page.id), page.started_engine + page.rules[next].delay,
           Generation(static_cast<std::uint64_t>(page.next_rule)));
}

}  // namespace

void ClosePage(Turn& turn, Page& page, Page::State state) {
  page.state = state;
  page.waits = false;
  turn.Disarm(RuleTimer(page.id));
  turn.Disarm(HoursTimer(page.id));
  if (page.subject.kind == SubjectKind::kUser) {  // groups and incidents take theirs along
    turn.Arm({Timer::Kind::kRetention, page.id.value()}, turn.now().engine + turn.options().keep_closed);
  }
}

namespace {

PageId Create(Turn& turn, const PageRequest& request) {
  Page& page = turn.Create<Page>(request.subject);
  page.escalation = request.escalation;
  page.user = request.user;
  page.urgency = request.urgency;
  page.step = request.step;
  page.pass = request.pass;
  page.reason = request.reason;
  page.important = request.important;
  page.until = request.until;
  page.started_at = turn.now().wall;
  page.started_engine = turn.now().engine;
  if (const User* user = FindUser(turn, request.user)) {
    const bool is_test = request.subject.kind == SubjectKind::kUser;
    page.rules = is_test ? AllMethods(*user) : RulesFor(*user, request.urgency, request.important);
  }
  NoteAbout(turn, Kind::kPaged, page, absl::StrFormat("%s is paged: %s", page.user.value(), page.reason));
  if (page.rules.empty()) {
    ClosePage(turn, page, Page::State::kUnreachable);
    NoteAbout(turn, Kind::kUnreachable, page,
              absl::StrFormat("%s cannot be reached: no contact method", page.user.value()));
  }
  if (request.escalation.set()) turn.Edit<Escalation>(request.escalation).pages.push_back(page.id);
  if (const auto morning = Morning(turn, page); morning && page.state == Page::State::kActive) {
    WaitUntil(turn, page, *morning, "low urgency waits for the end of the person's quiet hours");
  }
  return page.id;
}

// High urgency: methods of the person that no rule names are better than nobody. Of a notice: the next one.
bool QueueUnusedMethod(Turn& turn, Page& page) {
  const User* user = FindUser(turn, page.user);
  const bool notice = NoticeOf(turn, page) != nullptr;
  const bool loud = page.urgency == Urgency::kHigh && page.subject.kind != SubjectKind::kUser;
  if (user == nullptr || !(notice || loud)) return false;
  std::set<ContactMethodId> used;
  for (const NotificationId id : page.notifications) {
    if (const Notification* row = turn.Find<Notification>(id)) used.insert(row->method.id);
  }
  for (const ContactMethod& method : notice ? InOrderOfNotices(*user) : user->contact_methods) {
    if (used.contains(method.id)) continue;
    QueueOn(turn, page, method.id);
    return true;
  }
  return false;
}

}  // namespace

std::vector<PageId> StartPages(Turn& turn, std::span<const PageRequest> requests) {
  std::vector<PageId> ids;
  ids.reserve(requests.size());
  for (const PageRequest& request : requests)
    ids.push_back(Create(turn, request));
  for (const PageId id : ids) {
    if (turn.Find<Page>(id)->state == Page::State::kActive) RunDueRules(turn, id);
  }
  return ids;
}

namespace {

// About nothing but the person.
Page& CreateForPerson(Turn& turn, const UserId& user, std::string_view reason) {
  Page& page = turn.Create<Page>({SubjectKind::kUser, Hash64(user.value())});
  page.user = user;
  page.urgency = Urgency::kLow;
  page.reason = reason;
  page.started_at = turn.now().wall;
  page.started_engine = turn.now().engine;
  return page;
}

Notification NoticeTo(const ContactMethod& method, const MessageText& message) {
  Notification row;
  row.method = method;
  row.purpose = Notification::Purpose::kNotice;
  row.lane = Notification::Lane::kRest;
  row.title = message.title;
  row.body = message.body;
  return row;
}

}  // namespace

PageId StartNotice(
    Turn& turn, const UserId& user, const MessageText& message, std::string_view alarm, const ContactMethod* by) {
  Page& page = CreateForPerson(turn, user, alarm.empty() ? "notice" : alarm);
  std::vector<ContactMethod> methods;
  if (const User* row = FindUser(turn, user)) methods = by != nullptr ? std::vector{*by} : InOrderOfNotices(*row);
  if (methods.empty()) ClosePage(turn, page, Page::State::kUnreachable);
  if (alarm.empty() && methods.size() > 1) methods.resize(1);
  for (const ContactMethod& method : methods) {
    Notification one = NoticeTo(method, message);
    if (!alarm.empty()) one.lane = Notification::Lane::kCritical;
    QueueFor(turn, page, std::move(one));
  }
  return page.id;
}

PageId StartSelfTest(Turn& turn, const UserId& user, const ContactMethod& method, std::string_view why) {
  Page& page = CreateForPerson(turn, user, absl::StrCat("self-test: ", ToAbsl(why)));
  const MessageText message = SelfTestMessage(user, method.id.value(), why, turn.now());
  Notification row = NoticeTo(method, message);
  row.purpose = Notification::Purpose::kTest;
  row.acknowledge_url = LinkFor(turn, page.subject, user, method);
  QueueFor(turn, page, std::move(row));
  return page.id;
}

void RunDueRules(Turn& turn, PageId id) {
  Page& page = turn.Edit<Page>(id);
  if (page.state != Page::State::kActive || page.waits) return;
  std::set<ContactMethodId> used;
  const auto is_due = [&] {
    const auto next = static_cast<std::size_t>(page.next_rule);
    return next < page.rules.size() && page.started_engine + page.rules[next].delay <= turn.now().engine;
  };
  while (is_due()) {
    const NotificationRule& rule = page.rules[static_cast<std::size_t>(page.next_rule)];
    const std::optional<absl::Time> opens = OpensAt(turn, page, rule);
    if (opens && page.urgency == Urgency::kLow) {
      WaitUntil(turn, page, *opens, absl::StrCat("the rule for ", rule.method.value(), " has its hours then"));
      return;
    }
    ++page.next_rule;
    if (!opens && used.insert(rule.method).second) QueueOn(turn, page, rule.method);
  }
  ArmNextRule(turn, page);
  SettlePage(turn, id);
}

void ReviewPageWait(Turn& turn, PageId id) {
  const Page* page = turn.Find<Page>(id);
  if (page == nullptr || page->state != Page::State::kActive || !turn.IsOutOfDate(HoursTimer(id))) return;
  if (const std::optional<absl::Time> until = WaitsUntil(turn, *page)) {
    turn.ArmWall(HoursTimer(id), *until);
  } else {
    EndPageWait(turn, id);
  }
}

void EndPageWait(Turn& turn, PageId id) {
  Page& page = turn.Edit<Page>(id);
  page.waits = false;
  if (page.next_rule == 0) page.started_engine = turn.now().engine;  // the delays of its rules count from here
  RunDueRules(turn, id);
}

namespace {

// By louder rules from now on: those of their methods that were not used yet.
void Strengthen(Turn& turn, PageId id, bool important) {
  Page& page = turn.Edit<Page>(id);
  const User* user = FindUser(turn, page.user);
  const bool reached = page.state == Page::State::kActive || page.state == Page::State::kDone;
  if (!reached || user == nullptr) return;
  std::set<ContactMethodId> used;
  for (const NotificationId notification : page.notifications) {
    if (const Notification* row = turn.Find<Notification>(notification)) used.insert(row->method.id);
  }
  page.state = Page::State::kActive;
  page.waits = false;
  turn.Disarm(HoursTimer(id));
  page.urgency = Urgency::kHigh;
  page.important |= important;
  page.rules = RulesFor(*user, Urgency::kHigh, page.important);
  std::erase_if(page.rules, [&](const NotificationRule& rule) { return used.contains(rule.method); });
  page.next_rule = 0;
  page.started_engine = turn.now().engine;
  RunDueRules(turn, id);
}

}  // namespace

void RaiseUrgency(Turn& turn, PageId id) {
  if (turn.Find<Page>(id)->urgency != Urgency::kHigh) Strengthen(turn, id, false);
}

void MakeImportant(Turn& turn, PageId id) {
  const Page& page = *turn.Find<Page>(id);
  if (!page.important && page.urgency == Urgency::kHigh) Strengthen(turn, id, true);
}

bool IsOfEarlierEpisode(const Turn& turn, const Page& page) {
  if (page.subject.kind != SubjectKind::kGroup) return false;
  const Group* group = turn.Find<Group>(GroupId(page.subject.id));
  return group != nullptr && page.id.value() < group->episode_from;
}

void MethodFailed(Turn& turn, const Notification& failed) {
  const Page* before = turn.Find<Page>(failed.page);
  if (before == nullptr || before->state == Page::State::kCancelled || before->state == Page::State::kUnreachable)
    return;
  if (!WhyQuiet(turn, *before).empty() || IsOfEarlierEpisode(turn, *before)) return;
  Page& page = turn.Edit<Page>(failed.page);
  page.state = Page::State::kActive;  // a receipt may say so long after
  const auto rest = page.rules.begin() + page.next_rule;
  page.rules.erase(std::remove_if(rest, page.rules.end(),
                                  [&](const NotificationRule& rule) { return rule.method == failed.method.id; }),
                   page.rules.end());
  if (static_cast<std::size_t>(page.next_rule) < page.rules.size()) {
    const ContactMethodId next = page.rules[static_cast<std::size_t>(page.next_rule++)].method;
    QueueOn(turn, page, next);
  } else {
    QueueUnusedMethod(turn, page);
  }
  ArmNextRule(turn, page);
  SettlePage(turn, page.id);
}

namespace {

// It has failed so often that the policy does not wait for it any more. It is tried on all the same: late beats lost.
bool IsLate(const Turn& turn, const Page& page, const Notification& row) {
  return page.escalation.set() && IsOpen(row) && row.attempt >= turn.options().max_attempts && !row.last_error.empty();
}

// Somebody who could not be reached for a while has been.
void ReachedAfterAll(Turn& turn, PageId id) {
  const Page& page = *turn.Find<Page>(id);
  const bool told = std::ranges::any_of(page.notifications, [&](NotificationId notification) {
    const Notification* row = turn.Find<Notification>(notification);
    return row != nullptr && WasTold(*row);
  });
  if (told) turn.Edit<Page>(id).state = Page::State::kDone;
}

}  // namespace

void SettlePage(Turn& turn, PageId id) {
  const Page* before = turn.Find<Page>(id);
  if (before != nullptr && before->state == Page::State::kUnreachable) return ReachedAfterAll(turn, id);
  if (before == nullptr || before->state != Page::State::kActive || before->waits) return;
  if (static_cast<std::size_t>(before->next_rule) < before->rules.size()) return;
  bool told = false;
  bool late = false;
  std::string why;
  for (const NotificationId notification : before->notifications) {
    const Notification* row = turn.Find<Notification>(notification);
    if (row == nullptr) continue;
    const bool is_late = IsLate(turn, *before, *row);
    if (IsOpen(*row) && !is_late) return;
    late |= is_late;
    told |= WasTold(*row) || (row->purpose == Notification::Purpose::kNotice && row->repeat);  // perhaps: not again
    absl::StrAppend(&why, why.empty() ? "" : "; ", ToAbsl(Name(row->method.kind)), " ",
                    is_late ? absl::StrFormat("failed %d times and is tried on: %s", row->attempt, row->last_error)
                            : row->end_reason);
  }
  if (told && late) return;
  Page& page = turn.Edit<Page>(id);
  if (told) {
    ClosePage(turn, page, Page::State::kDone);
    return;
  }
  if (QueueUnusedMethod(turn, page)) return;
  ClosePage(turn, page, Page::State::kUnreachable);
  NoteAbout(turn, Kind::kUnreachable, page,
            absl::StrFormat("%s cannot be reached: %s", page.user.value(), why.empty() ? "no contact method" : why));
  PersonUnreachable(turn, page);
}

}  // namespace tocsin
