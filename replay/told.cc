#include "replay/told.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/hash.h"
#include "engine/message.h"
#include "replay/limits.h"

namespace tocsin::replay {
namespace {

constexpr std::size_t kPagesPerEpisode = 16;
constexpr std::size_t kAlertsPerEpisode = 32;
constexpr std::size_t kTitleBytes = 300;

// As its pages have it, and what tells it from the others of its route.
std::string TitleOf(const Group& group) {
  std::string title = GroupTitle(group);
  for (const Label& label : group.labels)
    absl::StrAppend(&title, " ", label.name, "=", label.value);
  return OneLine(title, kTitleBytes);
}

// The same in both courses of events. A rule's title may hold the number of a group, which is another one in a replay; what
// a person opens has the title that they gave.
std::uint64_t KeyOf(const Incident& incident, const ResponderState& state) {
  if (!incident.rule.set()) return Hash64("by a person\n" + incident.title);
  std::string about = incident.join_key;
  if (about.empty() && !incident.groups.empty()) {
    const auto first = state.groups.find(incident.groups.front());
    if (first != state.groups.end()) about = Format(first->second.labels);
  }
  return Hash64(incident.rule.value() + '\n' + about);
}

void AddAlerts(const Group& group, std::vector<AlertKey>& alerts) {
  for (const AlertSummary& alert : group.exemplars) {
    if (alerts.size() >= kAlertsPerEpisode) return;
    if (std::ranges::find(alerts, alert.key) == alerts.end()) alerts.push_back(alert.key);
  }
}

}  // namespace

Told::Told(const ResponderState& state, std::uint64_t first_new) : first_new_(first_new) {
  for (const GroupId id : state.open_groups)
    SeeGroup(state.groups.at(id));
}

std::optional<GroupId> Told::HolderOf(const AlertKey& alert) const {
  const auto found = holders_.find(alert);
  if (found == holders_.end()) return std::nullopt;
  return found->second;
}

void Told::See(const Change& change, const ResponderState& state, const std::function<void(Episode&)>& first_paged) {
  // Groups first: a page may come with the row of what it is about.
  for (const Row& row : change.rows) {
    if (const auto* group = std::get_if<Group>(&row)) SeeGroup(*group);
    if (const auto* incident = std::get_if<Incident>(&row)) {
      const auto found = episodes_.find(SubjectOf(incident->id));
      const bool closed = incident->state == Incident::State::kResolved;
      if (found != episodes_.end()) found->second.closed_at = closed ? incident->resolved_at : absl::InfiniteFuture();
    }
  }
  for (const Row& row : change.rows) {
    if (const auto* page = std::get_if<tocsin::Page>(&row)) SeePage(*page, state, first_paged);
    if (const auto* notification = std::get_if<Notification>(&row)) SeeNotification(*notification);
  }
}

void Told::SeeGroup(const Group& row) {
  if (holders_.size() < limits::kAlerts) {
    for (const AlertSummary& alert : row.exemplars)
      holders_[alert.key] = row.id;
  }
  if (row.id.value() >= first_new_ && seen_.insert(row.id.value()).second) ++groups_opened_;
  const auto found = episodes_.find(SubjectOf(row.id));
  if (found == episodes_.end()) return;
  found->second.closed_at = row.state == Group::State::kResolved ? row.resolved_at : absl::InfiniteFuture();
  AddAlerts(row, found->second.alerts);
}

Episode* Told::EpisodeOf(const Subject& subject, const ResponderState& state) {
  if (const auto found = episodes_.find(subject); found != episodes_.end()) return &found->second;
  if (episodes_.size() >= limits::kEpisodes) {
    unlisted_.insert(subject);
    return nullptr;
  }
  Episode episode;
  episode.subject = subject;
  if (subject.kind == SubjectKind::kGroup) {
    const auto found = state.groups.find(GroupId(subject.id));
    if (found == state.groups.end()) return nullptr;
    const Group& group = found->second;
    episode.key = group.key.value();
    episode.title = TitleOf(group);
    episode.route = group.route.id;
    episode.service = group.service;
    episode.opened_at = group.opened_at;
    AddAlerts(group, episode.alerts);
  } else {
    const auto found = state.incidents.find(IncidentId(subject.id));
    if (found == state.incidents.end()) return nullptr;
    const Incident& incident = found->second;
    episode.key = KeyOf(incident, state);
    episode.title = "incident: " + incident.title;
    episode.service = incident.service;
    episode.opened_at = incident.opened_at;
  }
  return &episodes_.emplace(subject, std::move(episode)).first->second;
}

void Told::SeePage(const tocsin::Page& row,
                   const ResponderState& state,
                   const std::function<void(Episode&)>& first_paged) {
  const bool is_about_alerts = row.subject.kind == SubjectKind::kGroup || row.subject.kind == SubjectKind::kIncident;
  if (!is_about_alerts || row.id.value() < first_new_ || !seen_.insert(row.id.value()).second) return;
  ++pages_;
  PersonTold& person = people_[row.user];
  ++person.page_count;
  if (person.pages.size() < limits::kPages) person.pages.push_back(row.started_at);
  Episode* const episode = EpisodeOf(row.subject, state);
  if (episode == nullptr) return;
  ++episode->page_count;
  episode->users.insert(row.user);
  if (episode->pages.size() < kPagesPerEpisode) episode->pages.push_back({row.started_at, row.user, row.reason});
  if (episode->page_count == 1) first_paged(*episode);
}

// Counted when it is first handed to its provider.
void Told::SeeNotification(const Notification& row) {
  const bool starts = row.state == Notification::State::kLeased && row.attempt == 1;
  const bool is_about_alerts =
      row.purpose != Notification::Purpose::kTest && row.purpose != Notification::Purpose::kNotice;
  if (!starts || !is_about_alerts || !seen_.insert(row.id.value()).second) return;
  ++messages_;
  if (row.user.set()) ++people_[row.user].messages;
  if (row.receiver.set()) ++receivers_[row.receiver];
}

}  // namespace tocsin::replay
