#include "notify/wording.h"

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "notify/render.h"
#include "notify/text.h"

namespace tocsin::notify {
namespace {

std::string_view PurposeLabel(Notification::Purpose purpose) {
  switch (purpose) {
    case Notification::Purpose::kPage: return "PAGE";
    case Notification::Purpose::kResolved: return "RESOLVED";
    case Notification::Purpose::kTest: return "TEST PAGE";
    case Notification::Purpose::kGroupUpdate: return "UPDATE";
    case Notification::Purpose::kFallback: return "FALLBACK PAGE";
    case Notification::Purpose::kNotice: return "NOTICE";
  }
  return "PAGE";
}

}  // namespace

std::string_view PurposeName(Notification::Purpose purpose) {
  switch (purpose) {
    case Notification::Purpose::kPage: return "page";
    case Notification::Purpose::kResolved: return "resolved";
    case Notification::Purpose::kTest: return "test";
    case Notification::Purpose::kGroupUpdate: return "group_update";
    case Notification::Purpose::kFallback: return "fallback";
    case Notification::Purpose::kNotice: return "notice";
  }
  return "page";
}

std::string_view LaneName(Notification::Lane lane) {
  switch (lane) {
    case Notification::Lane::kCritical: return "critical";
    case Notification::Lane::kNormal: return "normal";
    case Notification::Lane::kRest: return "rest";
  }
  return "normal";
}

std::string Headline(const Notification& notification) {
  return absl::StrCat(ToAbsl(PurposeLabel(notification.purpose)), notification.repeat ? " (repeat)" : "");
}

std::string Person(const Notification& notification) {
  const std::string& name = notification.user.set() ? notification.user.value() : notification.receiver.value();
  return CleanLine(name, kNameBytes);
}

std::string Title(const Notification& notification) {
  std::string title = CleanLine(notification.title, kTitleBytes);
  return title.empty() ? "(no title)" : title;
}

bool Acknowledgeable(const Notification& notification) {
  switch (notification.purpose) {
    case Notification::Purpose::kPage:
    case Notification::Purpose::kFallback:
    case Notification::Purpose::kTest: return true;
    case Notification::Purpose::kResolved:
    case Notification::Purpose::kGroupUpdate:
    case Notification::Purpose::kNotice: return false;
  }
  return false;
}

std::vector<std::string> HowToAcknowledge(const Notification& notification) {
  std::vector<std::string> lines;
  if (!Acknowledgeable(notification)) return lines;
  const std::string reference = Reference(notification.subject);
  if (!reference.empty()) lines.push_back(absl::StrCat("acknowledge: tocsin ack ", reference));
  const std::string_view link = CleanLink(notification.acknowledge_url);
  if (!link.empty()) lines.push_back(absl::StrCat(lines.empty() ? "acknowledge: " : "         or: ", ToAbsl(link)));
  return lines;
}

std::string Body(const Notification& notification) {
  return CleanText(notification.body, kBodyBytes, kBodyLines);
}

std::string Reference(const Subject& subject) {
  switch (subject.kind) {
    case SubjectKind::kGroup: return absl::StrCat("G", subject.id);
    case SubjectKind::kIncident: return absl::StrCat("I", subject.id);
    case SubjectKind::kBundle: return absl::StrCat("B", subject.id);
    case SubjectKind::kNone:
    case SubjectKind::kSilence:
    case SubjectKind::kOrganisation:
    case SubjectKind::kUser: return "";
  }
  return "";
}

}  // namespace tocsin::notify
