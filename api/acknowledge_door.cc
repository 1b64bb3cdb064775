#include "api/acknowledge_door.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "api/html.h"
#include "api/records.h"
#include "base/status.h"
#include "engine/link.h"

namespace tocsin {
namespace {

HttpResponse Refusal(const absl::Status& status) {
  const int code = absl::IsNotFound(status) ? 404 : absl::IsPermissionDenied(status) ? 403 : 400;
  return HtmlPage(code, "This link does not work", absl::StrFormat("<p>%s</p>", EscapeHtml(Message(status))));
}

// What a link is about, in its present state.
struct Matter {
  std::string description;  // HTML
  std::string acknowledged_by;
  bool resolved = false;
};

Matter Describe(const Group& group) {
  Matter matter;
  matter.description = absl::StrFormat("<p>G%d %s, %d alerts firing, severity %s.</p><ul>", group.id.value(),
                                       EscapeHtml(Format(group.labels)), group.firing, Name(group.highest));
  for (const AlertSummary& alert : group.exemplars) {
    absl::StrAppendFormat(&matter.description, "<li>%s</li>", EscapeHtml(Format(alert.labels)));
  }
  matter.description += "</ul>";
  if (group.state == Group::State::kAcknowledged) matter.acknowledged_by = group.acknowledged_by;
  matter.resolved = group.state == Group::State::kResolved;
  return matter;
}

Matter Describe(const Incident& incident) {
  Matter matter;
  matter.description =
      absl::StrFormat("<p>I%d, SEV%d: %s</p><p>Opened because %s.</p>", incident.id.value(), incident.severity,
                      EscapeHtml(incident.title), EscapeHtml(incident.opened_reason));
  if (incident.state == Incident::State::kAcknowledged) matter.acknowledged_by = incident.acknowledged_by;
  matter.resolved = incident.state == Incident::State::kResolved;
  return matter;
}

std::string StateOf(const Group& group) {
  switch (group.state) {
    case Group::State::kOpen: return "open";
    case Group::State::kAcknowledged: return "acknowledged by " + group.acknowledged_by;
    case Group::State::kResolved: return "resolved";
    case Group::State::kMerged: return absl::StrCat("merged into G", group.merged_into.value());
  }
  return "";
}

// Refuses what bears the number that the link names, but began at another time: the store was restored, or cut at damage,
// and gave the number out once more.
absl::Status SameSubject(const AcknowledgeLink& link, absl::Time began) {
  if (link.began == 0 || link.began == absl::ToUnixSeconds(began)) return absl::OkStatus();
  return NotFound(
      "what this link is about is not known here any more: the store was restored from an older backup. Look at"
      " the newest message, or at `tocsin groups`");
}

// All that one message names. It is acknowledged when nothing of it asks for anybody any more.
absl::StatusOr<Matter> DescribeBundle(Api& api, const AcknowledgeLink& link) {
  const NotificationId id(link.subject.id);
  TOCSIN_ASSIGN(const Notification bundle, FindNotification(api, id));
  TOCSIN_TRY(SameSubject(link, bundle.created_at));
  if (bundle.members.empty()) return NotFound("notification N%d tells of nothing else", id.value());
  Matter matter;
  std::size_t open = 0;
  std::string list;
  for (const BundleMember& member : bundle.members) {
    if (member.subject.kind == SubjectKind::kGroup) {
      const absl::StatusOr<Group> group = FindGroup(api, GroupId(member.subject.id));
      if (!group.ok()) continue;
      open += group->state == Group::State::kOpen ? 1U : 0U;
      if (matter.acknowledged_by.empty()) matter.acknowledged_by = group->acknowledged_by;
      absl::StrAppendFormat(&list, "<li>G%d %s, %d alerts firing, severity %s, %s</li>", group->id.value(),
                            EscapeHtml(Format(group->labels)), group->firing, Name(group->highest),
                            EscapeHtml(StateOf(*group)));
    } else if (member.subject.kind == SubjectKind::kIncident) {
      const absl::StatusOr<Incident> incident = FindIncident(api, IncidentId(member.subject.id));
      if (!incident.ok()) continue;
      open += incident->state == Incident::State::kOpen ? 1U : 0U;
      if (matter.acknowledged_by.empty()) matter.acknowledged_by = incident->acknowledged_by;
      absl::StrAppendFormat(&list, "<li>I%d SEV%d: %s</li>", incident->id.value(), incident->severity,
                            EscapeHtml(incident->title));
    }
  }
  matter.description = absl::StrFormat("<p>B%d names %d things, of which %d wait for somebody.</p><ul>%s</ul>",
                                       id.value(), bundle.members.size(), open, list);
  matter.resolved = open == 0 && matter.acknowledged_by.empty();
  if (open > 0) matter.acknowledged_by.clear();
  return matter;
}

absl::StatusOr<Matter> Find(Api& api, const AcknowledgeLink& link) {
  if (link.subject.kind == SubjectKind::kBundle) return DescribeBundle(api, link);
  if (link.subject.kind == SubjectKind::kIncident) {
    TOCSIN_ASSIGN(const Incident incident, FindIncident(api, IncidentId(link.subject.id)));
    TOCSIN_TRY(SameSubject(link, incident.opened_at));
    return Describe(incident);
  }
  TOCSIN_ASSIGN(const Group group, FindGroup(api, GroupId(link.subject.id)));
  TOCSIN_TRY(SameSubject(link, group.opened_at));
  return Describe(group);
}

HttpResponse Show(Api& api, const AcknowledgeLink& link) {
  const absl::StatusOr<Matter> matter = Find(api, link);
  if (!matter.ok()) return Refusal(matter.status());
  if (matter->resolved) return HtmlPage(200, "Already resolved", matter->description);
  if (!matter->acknowledged_by.empty()) {
    return HtmlPage(200, "Already acknowledged by " + matter->acknowledged_by, matter->description);
  }
  return HtmlPage(200, "Acknowledge?",
                  matter->description + absl::StrFormat("<form method=\"post\"><button type=\"submit\">I, %s, take it"
                                                        "</button></form>",
                                                        EscapeHtml(link.user.value())));
}

HttpResponse Acknowledge(Api& api, const AcknowledgeLink& link, const std::string& peer) {
  if (const absl::StatusOr<Matter> before = Find(api, link); !before.ok()) return Refusal(before.status());
  Command command{
      "", "link:" + link.user.value(), AcknowledgeGroup{GroupId(link.subject.id), std::nullopt, link.episode},
      "link " + peer
  };
  if (link.subject.kind == SubjectKind::kIncident) {
    command.body = AcknowledgeIncident{IncidentId(link.subject.id), std::nullopt};
  }
  if (link.subject.kind == SubjectKind::kBundle) command.body = AcknowledgeBundle{NotificationId(link.subject.id)};
  const CommandResult result = api.engine.ExecuteAndWait(std::move(command));
  if (!result.status.ok()) return Refusal(result.status);
  if (link.subject.kind == SubjectKind::kBundle) {
    return HtmlPage(
        200, "Acknowledged",
        absl::StrFormat("<p>All that it names and nobody had taken is yours, %s.</p>", EscapeHtml(link.user.value())));
  }
  // Somebody else may have been first; then it is theirs.
  const absl::StatusOr<Matter> matter = Find(api, link);
  if (matter.ok() && matter->acknowledged_by != "link:" + link.user.value()) {
    return HtmlPage(200, "Already acknowledged by " + matter->acknowledged_by, matter->description);
  }
  return HtmlPage(
      200, "Acknowledged",
      absl::StrFormat("<p>It is yours, %s. Nobody else is paged for it.</p>", EscapeHtml(link.user.value())));
}

// Whose link it is may have been locked, or have left, since it was sent. Then it shows nothing and acts for nobody: pages go on to the others.
absl::Status MayAct(Api& api, const AcknowledgeLink& link) {
  const AccessPtr access = api.engine.access();
  if (access->organisation == nullptr || access->organisation->Find(link.user) == nullptr) {
    return absl::PermissionDeniedError(
        absl::StrFormat("%s, to whom this link was sent, is not in the organisation any more, so nothing is "
                        "acknowledged by it, and others are"
                        " paged as before. Who takes it uses a link of their own, or `tocsin ack`",
                        link.user.value()));
  }
  if (!access->locked.contains(link.user)) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrFormat("%s, to whom this link was sent, is locked, so nothing is acknowledged by it, and others are "
                      "paged as before. Who takes it uses a link of"
                      " their own, or `tocsin ack`; an admin can `tocsin user unlock %s`",
                      link.user.value(), link.user.value()));
}

}  // namespace

void AddAcknowledgeRoutes(HttpRouter& router, Api& api, std::string link_key, Workers& workers) {
  for (const HttpMethod method : {HttpMethod::kGet, HttpMethod::kPost}) {
    router.AddPrefix(
        method, "/ack",
        [&api, &workers, link_key, method](HttpRequest request, HttpResponder responder) {
          auto held = std::make_shared<HttpResponder>(std::move(responder));
          const bool taken = workers.Post(
              Workers::Lane::kDoing,
              [&api, held, link_key, method, token = std::move(request.rest), peer = request.peer] {
                const absl::StatusOr<AcknowledgeLink> link = VerifyLink(token, link_key, api.engine.Read().wall);
                if (!link.ok()) return std::move(*held).Send(Refusal(link.status()));
                if (const absl::Status may = MayAct(api, *link); !may.ok()) return std::move(*held).Send(Refusal(may));
                std::move(*held).Send(method == HttpMethod::kPost ? Acknowledge(api, *link, peer) : Show(api, *link));
              });
          if (!taken) std::move(*held).Send(HtmlPage(503, "Busy", "<p>Try again in a second.</p>"));
        },
        {.max_body_bytes = 4096});
  }
}

}  // namespace tocsin
