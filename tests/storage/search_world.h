// What the tests of search and retention share: a random history of groups and incidents, opened, written about, closed and
// gone from memory.
#pragma once

#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"

#include "base/random.h"
#include "storage/search_terms.h"
#include "tests/storage/store_world.h"

namespace tocsin {

inline const absl::Time kDayZero = absl::FromUnixSeconds(1'700'000'000);

struct Story {
  Row row;
  std::vector<TimelineEntry> timeline;
  absl::Time opened_at;
};

inline Story RandomStory(Random& random, std::uint64_t id) {
  static const std::string_view kSentences[] = {"Disk full on web-1",   "the disk is FULL again",
                                                "rebooted, looks fine", "Überlauf in der Queue",
                                                "called the vendor",    ""};
  Story story;
  story.opened_at = kDayZero + absl::Minutes(static_cast<std::int64_t>(random.Below(10'000)));
  const std::string service = absl::StrFormat("svc%d", random.Below(4));
  const std::string sentence(kSentences[random.Below(std::size(kSentences))]);
  Subject subject;
  if (random.Below(5) == 0) {
    Incident incident;
    incident.id = IncidentId(id);
    incident.state = Incident::State::kResolved;
    incident.service = ServiceId(service);
    incident.title = sentence;
    incident.opened_at = story.opened_at;
    incident.resolved_at = story.opened_at + absl::Hours(1);
    subject = SubjectOf(incident.id);
    story.row = incident;
  } else {
    Group group = GroupOf(id, story.opened_at + absl::Hours(2));
    group.opened_at = story.opened_at;
    if (random.Below(3) != 0) group.service = ServiceId(service);
    group.labels = {
        {"alertname", absl::StrFormat("Alert%d", random.Below(5))}
    };
    AlertSummary alert;
    alert.labels = {
        {"instance", absl::StrFormat("web-%d", random.Below(8))}
    };
    alert.annotations = {
        {"summary", sentence}
    };
    group.exemplars = {alert};
    subject = SubjectOf(group.id);
    story.row = group;
  }
  for (std::uint64_t i = random.Below(5); i > 0; --i) {
    TimelineEntry entry = EntryOf(subject, std::string(kSentences[random.Below(std::size(kSentences))]));
    entry.kind = random.Below(2) == 0 ? TimelineEntry::Kind::kNote : TimelineEntry::Kind::kPaged;
    if (random.Below(2) == 0) entry.actor = absl::StrFormat("user:u%d", random.Below(4));
    if (random.Below(2) == 0) entry.user = UserId(absl::StrFormat("u%d", random.Below(4)));
    story.timeline.push_back(entry);
  }
  return story;
}

// The change that opens it, with a part of its timeline, and the one by which it leaves memory, with the rest.
inline std::pair<Change, Change> ChangesOf(const Story& story, Random& random) {
  Change opened;
  opened.rows = {story.row};
  Change gone;
  gone.removed = {KeyOf(story.row)};
  gone.now = {story.opened_at + absl::Hours(26), EngineTime(0)};
  for (const TimelineEntry& entry : story.timeline)
    (random.Below(2) == 0 ? opened : gone).entries.push_back(entry);
  return {opened, gone};
}

}  // namespace tocsin
