#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "api/explain.h"
#include "api/records.h"
#include "base/status.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

constexpr std::size_t kFactsShown = 500;

}  // namespace

std::string ShowUtc(absl::Time t) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", t, absl::UTCTimeZone());
}

std::string ShowSubject(const Subject& subject) {
  switch (subject.kind) {
    case SubjectKind::kGroup: return absl::StrFormat("group G%d", subject.id);
    case SubjectKind::kIncident: return absl::StrFormat("incident I%d", subject.id);
    case SubjectKind::kSilence: return absl::StrFormat("silence S%d", subject.id);
    case SubjectKind::kOrganisation: return "the organisation";
    case SubjectKind::kUser: return "a test page or a notice";
    case SubjectKind::kBundle: return absl::StrFormat("message B%d, which tells of several things", subject.id);
    case SubjectKind::kNone: break;
  }
  return "nothing";
}

std::string ShowPeople(const std::vector<Person>& people, std::string_view if_nobody) {
  if (people.empty()) return std::string(if_nobody);
  return absl::StrJoin(people, ", ", [](std::string* out, const Person& person) {
    absl::StrAppendFormat(out, "%s (%s)", person.user.value(), person.reason);
  });
}

void AddFact(ExplainAnswer& answer, std::optional<absl::Time> at, std::string text, std::string actor) {
  ExplainLine& line = *answer.add_facts();
  if (at) ToProto(*at, *line.mutable_at());
  line.set_actor(std::move(actor));
  line.set_text(std::move(text));
}

void AddNext(ExplainAnswer& answer, std::optional<absl::Time> at, std::string text) {
  ExplainLine& line = *answer.add_next();
  if (at) ToProto(*at, *line.mutable_at());
  line.set_text(std::move(text));
}

void AddAdvice(ExplainAnswer& answer, std::string text) {
  if (std::ranges::find(answer.advice(), text) == answer.advice().end()) answer.add_advice(std::move(text));
}

void SortNext(ExplainAnswer& answer) {
  std::ranges::stable_sort(*answer.mutable_next(), {}, [](const ExplainLine& line) {
    return std::tuple(!line.has_at(), line.at().seconds(), line.at().nanos());
  });
}

absl::Status AddTimeline(Api& api, Subject subject, ExplainAnswer& answer) {
  TOCSIN_ASSIGN(const std::vector<TimelineEntry> timeline, Timeline(api, subject, kFactsShown));
  for (const TimelineEntry& entry : timeline)
    AddFact(answer, entry.at, absl::StrFormat("%s: %s", Name(entry.kind), entry.text), entry.actor);
  return absl::OkStatus();
}

}  // namespace tocsin
