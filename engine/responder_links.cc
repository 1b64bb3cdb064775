#include "engine/responder_links.h"

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "engine/link.h"

namespace tocsin {
namespace {

// Completes the link by what its subject says of itself.
void Date(const Turn& turn, AcknowledgeLink& link) {
  if (link.subject.kind == SubjectKind::kGroup) {
    const Group* group = turn.Find<Group>(GroupId(link.subject.id));
    if (group == nullptr) return;
    link.episode = group->episode;
    link.began = absl::ToUnixSeconds(group->opened_at);
  } else if (const Incident* incident = turn.Find<Incident>(IncidentId(link.subject.id));
             link.subject.kind == SubjectKind::kIncident && incident != nullptr) {
    link.began = absl::ToUnixSeconds(incident->opened_at);
  } else if (const Notification* bundle = turn.Find<Notification>(NotificationId(link.subject.id));
             link.subject.kind == SubjectKind::kBundle && bundle != nullptr) {
    link.began = absl::ToUnixSeconds(bundle->created_at);
  }
}

}  // namespace

std::string LinkFor(const Turn& turn, const Subject& subject, const UserId& user, const ContactMethod& method) {
  const Organisation* organisation = turn.organisation();
  if (turn.options().link_key.empty() || organisation == nullptr || organisation->public_url.empty()) return "";
  const absl::Time expires = absl::FromUnixSeconds(absl::ToUnixSeconds(turn.now().wall + kLinkLifetime));
  std::string_view base = organisation->public_url;
  while (base.ends_with('/'))
    base.remove_suffix(1);
  AcknowledgeLink link{subject, user, expires};
  link.reach = ReachIdOf(user, method);
  Date(turn, link);
  return absl::StrCat(ToAbsl(base), "/ack/", SignLink(link, turn.options().link_key));
}

}  // namespace tocsin
