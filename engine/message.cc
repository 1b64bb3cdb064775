#include "engine/message.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"

#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kTitleBytes = 200;
constexpr std::size_t kLabelsBytes = 300;
constexpr std::size_t kAnnotationBytes = 400;
constexpr std::size_t kLinkBytes = 500;
constexpr std::size_t kAlertsBytes = 4 * 1024;  // of a body, about
constexpr std::size_t kNames = 10;
constexpr std::size_t kBundleLines = 25;

std::string Upper(std::string_view text) {
  return absl::AsciiStrToUpper(ToAbsl(text));
}

std::string Count(std::uint64_t count, std::string_view what) {
  return absl::StrFormat("%d %s%s", count, what, count == 1 ? "" : "s");
}

// The end of a title; a route's name would say nothing to whoever is paged.
std::string OfService(const Group& group) {
  return group.service.set() ? " " + group.service.value() : "";
}

// The labels that tell the alert from its group.
std::string ShortLabels(const AlertSummary& alert, const Group& group) {
  Labels own;
  std::ranges::copy_if(alert.labels, std::back_inserter(own),
                       [&](const Label& label) { return Find(group.labels, label.name) != label.value; });
  return OneLine(Format(own.empty() ? alert.labels : own), kLabelsBytes);
}

std::string_view Summary(const AlertSummary& alert) {
  for (const std::string_view name : {"summary", "description", "message", "title"}) {
    const std::string_view text = Find(alert.annotations, name);
    if (!text.empty()) return text;
  }
  return "";
}

void AppendAlerts(std::string& body, const Group& group) {
  std::uint32_t listed = 0;
  for (const AlertSummary& alert : group.exemplars) {
    if (!alert.firing || body.size() > kAlertsBytes) continue;
    ++listed;
    absl::StrAppend(&body, "- ", ShortLabels(alert, group));
    if (const std::string_view summary = Summary(alert); !summary.empty()) {
      absl::StrAppend(&body, " ", OneLine(summary, kAnnotationBytes));
    }
    body += '\n';
    if (!alert.link.empty()) absl::StrAppend(&body, "  ", OneLine(alert.link, kLinkBytes), "\n");
  }
  if (listed > 0 && group.firing > listed) absl::StrAppend(&body, "... and ", group.firing - listed, " more\n");
}

std::string Ordinal(std::uint32_t number) {
  const std::uint32_t tens = number % 100;
  const bool teens = tens >= 11 && tens <= 13;
  const char* ending = teens || number % 10 > 3 || number % 10 == 0 ? "th"
                       : number % 10 == 1                           ? "st"
                       : number % 10 == 2                           ? "nd"
                                                                    : "rd";
  return absl::StrCat(number, ending);
}

std::string GroupHead(const Group& group) {
  std::string head = absl::StrFormat("%s firing", Count(group.firing, "alert"));
  if (group.suppressed > 0) absl::StrAppend(&head, " (", group.suppressed, " silenced)");
  absl::StrAppend(&head, ", highest severity ", ToAbsl(Name(group.highest)), ", open since ", Instant(group.opened_at));
  if (group.episode > 1) absl::StrAppend(&head, ", for the ", Ordinal(group.episode), " time");
  if (!group.merged.empty()) absl::StrAppend(&head, ", with ", Count(group.merged.size(), "merged group"));
  head += '\n';
  if (group.flapping) {
    absl::StrAppend(&head, "It flaps: ", group.flaps, " changes between firing and not firing; held until it has not ",
                    "changed for ", absl::FormatDuration(group.route.flapping.stable_for), ".\n");
  }
  absl::StrAppend(&head, "Group G", group.id.value(), " ", OneLine(Format(group.labels), kLabelsBytes), ", route ",
                  OneLine(group.route.id.value(), 100));
  if (group.service.set()) absl::StrAppend(&head, ", service ", OneLine(group.service.value(), 100));
  return head + "\n\n";
}

void AppendWhy(std::string& body, const PageContext& context) {
  if (!context.reason.empty()) {
    const bool by_hand = context.reason.starts_with("asked for by ");
    absl::StrAppend(&body, by_hand ? "\nYou are paged as " : "\nYou are paged by ", OneLine(context.reason, 300),
                    ".\n");
  }
  if (!context.others.empty()) {
    const std::size_t named = std::min(context.others.size(), kNames);
    absl::StrAppend(
        &body, "Also paged: ",
        absl::StrJoin(context.others.begin(), context.others.begin() + static_cast<std::ptrdiff_t>(named), ", ",
                      [](std::string* out, const UserId& user) { *out += OneLine(user.value(), 100); }));
    if (context.others.size() > named) absl::StrAppend(&body, " and ", context.others.size() - named, " more");
    body += ".\n";
  }
  if (!context.next.empty()) absl::StrAppend(&body, "Next: ", context.next, ".\n");
}

// At most kBundleLines of them, and how many more there are.
void AppendItems(std::string& body, const std::vector<const BundleItem*>& items) {
  std::size_t listed = 0;
  for (const BundleItem* item : items) {
    if (listed == kBundleLines) break;
    ++listed;
    absl::StrAppend(&body, "- ", item->notice ? "" : item->reference + " ", OneLine(item->title, kTitleBytes), "\n");
  }
  if (items.size() > listed) absl::StrAppend(&body, "... and ", items.size() - listed, " more\n");
}

// For how long, in whole seconds.
std::string Lasted(absl::Duration duration) {
  return absl::FormatDuration(absl::Trunc(duration, absl::Seconds(1)));
}

}  // namespace

// By hand for the years with four digits: each page says several, and the library's way takes ten times as long.
std::string Instant(absl::Time at) {
  const bool whole_minute = absl::ToUnixSeconds(at) % 60 == 0;
  const absl::CivilSecond civil = absl::ToCivilSecond(at, absl::UTCTimeZone());
  if (civil.year() >= 1000 && civil.year() <= 9999) {
    const auto two = [](int number) { return absl::Dec(number, absl::kZeroPad2); };
    std::string text = absl::StrCat(civil.year(), "-", two(civil.month()), "-", two(civil.day()), " ",
                                    two(civil.hour()), ":", two(civil.minute()));
    if (!whole_minute) absl::StrAppend(&text, ":", two(civil.second()));
    return text.append(" UTC");
  }
  return absl::FormatTime(whole_minute ? "%Y-%m-%d %H:%M UTC" : "%Y-%m-%d %H:%M:%S UTC", at, absl::UTCTimeZone());
}

std::string OneLine(std::string_view text, std::size_t bytes) {
  std::string line(TruncateUtf8(text, bytes));
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  if (line.size() < text.size()) line += "...";
  return line;
}

// What the group is about, in a word: the alert's name where senders give one and all that are listed share it; where they
// do not, the first and that there are others.
std::string ShortName(const Group& group) {
  std::string_view name = Find(group.labels, "alertname");
  if (!name.empty()) return OneLine(name, 80);
  bool others = false;
  for (const AlertSummary& alert : group.exemplars) {
    const std::string_view own = Find(alert.labels, "alertname");
    if (name.empty()) name = own;
    others = others || own != name;
  }
  if (name.empty()) return OneLine(Format(group.labels), 80);
  return OneLine(name, 80) + (others ? " and others" : "");
}

std::string GroupTitle(const Group& group) {
  const std::string flaps = group.flapping ? absl::StrFormat(", flapping: %d changes", group.flaps) : "";
  // Between two flaps nothing fires, which is not the news.
  const Severity severity = group.firing > 0 ? group.highest : group.peak;
  return OneLine(absl::StrFormat("[%s] %s (%s%s)%s", Upper(Name(severity)), ShortName(group),
                                 Count(group.firing, "alert"), flaps, OfService(group)),
                 kTitleBytes);
}

MessageText PageMessage(const Group& group, const PageContext& context, const Now& /*now*/) {
  MessageText message{GroupTitle(group), GroupHead(group)};
  AppendAlerts(message.body, group);
  AppendWhy(message.body, context);
  return message;
}

MessageText PageMessage(const Incident& incident, const PageContext& context, const Now& /*now*/) {
  MessageText message;
  message.title = OneLine(absl::StrFormat("[SEV%d] %s", incident.severity, incident.title), kTitleBytes);
  message.body = absl::StrFormat("Incident I%d, open since %s", incident.id.value(), Instant(incident.opened_at));
  if (incident.service.set()) absl::StrAppend(&message.body, ", service ", OneLine(incident.service.value(), 100));
  absl::StrAppend(&message.body, "\nOpened by ", OneLine(incident.opened_by, 100), ": ",
                  OneLine(incident.opened_reason, 500), "\n");
  if (!incident.groups.empty()) {
    absl::StrAppend(&message.body, "First group: G", incident.groups.front().value(), ", ",
                    Count(incident.groups.size(), "group"), " so far\n");
  }
  AppendWhy(message.body, context);
  return message;
}

MessageText UpdateMessage(const Group& group, std::string_view why, const Now& /*now*/) {
  MessageText message{GroupTitle(group), GroupHead(group)};
  AppendAlerts(message.body, group);
  absl::StrAppend(&message.body, "\nSent because: ", OneLine(why, 200), ".\n");
  return message;
}

MessageText ResolvedMessage(const Group& group, const Now& now) {
  MessageText message;
  const std::string alerts = group.most_firing > 1 ? absl::StrFormat(" (%d alerts)", group.most_firing) : "";
  message.title =
      OneLine(absl::StrFormat("[RESOLVED] %s%s%s", ShortName(group), alerts, OfService(group)), kTitleBytes);
  message.body = absl::StrFormat("Group G%d %s is resolved: %s, after %s.\n", group.id.value(),
                                 OneLine(Format(group.labels), kLabelsBytes), OneLine(group.resolved_by, 100),
                                 Lasted(now.engine - group.opened_engine));
  if (!group.acknowledged_by.empty()) {
    absl::StrAppend(&message.body, "It was acknowledged by ", OneLine(group.acknowledged_by, 100), ".\n");
  }
  return message;
}

MessageText ResolvedMessage(const Incident& incident, const Now& now) {
  MessageText message;
  message.title = OneLine(absl::StrCat("[RESOLVED] ", incident.title), kTitleBytes);
  message.body = absl::StrFormat("Incident I%d is resolved by %s, after %s.\n", incident.id.value(),
                                 OneLine(incident.resolved_by, 100), Lasted(now.wall - incident.opened_at));
  return message;
}

MessageText BundleMessage(const std::vector<BundleItem>& items, std::string_view bundle) {
  std::vector<const BundleItem*> open;
  std::vector<const BundleItem*> resolved;
  std::vector<const BundleItem*> notices;
  std::size_t critical = 0;
  for (const BundleItem& item : items) {
    (item.notice ? notices : item.resolved ? resolved : open).push_back(&item);
    critical += !item.resolved && item.lane == Notification::Lane::kCritical ? 1U : 0U;
  }
  MessageText message;
  if (items.empty()) return {"nothing any more", "Everything that this message told of is settled.\n"};
  const std::string more = items.size() > 1 ? absl::StrCat(", +", items.size() - 1, " more") : "";
  const BundleItem& first = !open.empty() ? *open.front() : !resolved.empty() ? *resolved.front() : *notices.front();
  message.title = OneLine(first.title, kTitleBytes - more.size()) + more;
  if (!open.empty()) {
    absl::StrAppend(&message.body, Count(open.size(), "thing"), " at once, ", critical, " critical:\n");
    AppendItems(message.body, open);
    absl::StrAppend(&message.body, "\nAcknowledging ", ToAbsl(bundle), " acknowledges all ", open.size(), "; ",
                    first.reference, " alone: tocsin ack ", first.reference, "\n");
  }
  if (!resolved.empty()) {
    absl::StrAppend(&message.body, open.empty() ? "" : "\n", resolved.size(), " resolved meanwhile:\n");
    AppendItems(message.body, resolved);
  }
  if (!notices.empty()) {
    absl::StrAppend(&message.body, message.body.empty() ? "" : "\n", "About schedules:\n");
    AppendItems(message.body, notices);
  }
  absl::StrAppend(&message.body, "\nTold together because more came than this contact method may be sent at once.\n");
  return message;
}

MessageText PresentMessage(const Group& group, const Now& now) {
  if (group.state == Group::State::kResolved) return ResolvedMessage(group, now);
  MessageText message{GroupTitle(group), GroupHead(group)};
  AppendAlerts(message.body, group);
  if (group.state == Group::State::kAcknowledged) {
    message.title = OneLine("[ACKNOWLEDGED] " + message.title, kTitleBytes);
    absl::StrAppend(&message.body, "\nAcknowledged by ", OneLine(group.acknowledged_by, 100), " at ",
                    Instant(absl::FromUnixSeconds(absl::ToUnixSeconds(group.acknowledged_at))), ".\n");
  } else if (!group.quiet_reason.empty()) {
    absl::StrAppend(&message.body, "\nNobody is being paged: ", OneLine(group.quiet_reason, 200), ".\n");
  }
  return message;
}

MessageText PresentMessage(const Incident& incident, const Now& now) {
  if (incident.state == Incident::State::kResolved) return ResolvedMessage(incident, now);
  MessageText message = PageMessage(incident, PageContext(), now);
  if (incident.state == Incident::State::kAcknowledged) {
    message.title = OneLine("[ACKNOWLEDGED] " + message.title, kTitleBytes);
    absl::StrAppend(&message.body, "\nAcknowledged by ", OneLine(incident.acknowledged_by, 100), ".\n");
  }
  return message;
}

MessageText TestMessage(const UserId& user, std::string_view asked_by, bool confirms, const Now& now) {
  MessageText message;
  message.title = absl::StrCat("[TEST] page for ", OneLine(user.value(), 100));
  message.body = absl::StrCat("This is a test page, asked for by ", OneLine(asked_by, 100), " at ", Instant(now.wall),
                              ". Nothing is wrong and nothing is to be acknowledged.",
                              confirms ? " The link says that it has reached you." : "", "\n");
  return message;
}

MessageText SelfTestMessage(const UserId& user, std::string_view method, std::string_view why, const Now& now) {
  MessageText message;
  message.title = absl::StrCat("[SELF-TEST] does ", OneLine(method, 100), " reach ", OneLine(user.value(), 100), "?");
  message.body =
      absl::StrCat("This is a self-test, sent at ", Instant(now.wall), " because ", OneLine(why, 200),
                   ". Nothing is wrong. Open the link within a day and press the button: it says that pages by ",
                   OneLine(method, 100), " reach you.\n");
  return message;
}

}  // namespace tocsin
