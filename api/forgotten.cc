// Silences and acknowledgements that nobody has looked at for long: what keeps quiet in secret.
#include <algorithm>
#include <set>

#include "absl/strings/str_format.h"

#include "api/handlers.h"
#include "api/records.h"
#include "base/status.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

constexpr absl::Duration kSilenceAge = absl::Hours(24 * 7);
constexpr absl::Duration kAcknowledgementAge = absl::Hours(24);
constexpr absl::Duration kEndless = absl::Hours(24 * 90);  // an end so far away is none
constexpr std::size_t kListed = 200;

struct Old {
  Silence silence;
  std::string why;
  std::optional<CompiledMatchers> matchers;  // absent: of a service
  bool matches = false;                      // some alert that fires
};

std::string Days(absl::Duration span) {
  const std::int64_t hours = absl::ToInt64Hours(span);
  if (hours < 1) return "less than an hour";
  return hours < 48 ? absl::StrFormat("%d hours", hours) : absl::StrFormat("%d days", hours / 24);
}

// Those of the configuration are looked at when it is.
std::vector<Old> OldSilences(Api& api, absl::Duration age) {
  std::vector<Old> found;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    for (const auto& [id, silence] : responder.state().silences) {
      if (!silence.ActiveAt(now.wall) || silence.declared.set() || !silence.recurrence.empty()) continue;
      std::string why;
      if (now.wall - silence.starts_at >= age) why = "in effect for " + Days(now.wall - silence.starts_at);
      if (silence.ends_at - now.wall >= kEndless) {
        absl::StrAppendFormat(&why, "%sends only in %s", why.empty() ? "" : ", ", Days(silence.ends_at - now.wall));
      }
      if (!why.empty() && found.size() < kListed) found.push_back({silence, std::move(why), std::nullopt, false});
    }
  });
  for (Old& old : found) {
    absl::StatusOr<CompiledMatchers> compiled = CompiledMatchers::Compile(old.silence.matchers);
    if (compiled.ok() && !old.silence.matchers.empty()) old.matchers = *std::move(compiled);
  }
  return found;
}

// Looks through the alerts in slices, until each silence has matched one.
void MarkMatching(Api& api, std::vector<Old>& silences) {
  const auto is_known = [](const Old& old) { return old.matches || !old.matchers; };
  const AlertFilter firing{.standing = AlertFilter::Standing::kActive};
  for (std::uint32_t shard = 0; shard < api.engine.shard_count(); ++shard) {
    std::uint64_t cursor = 0;
    do {
      if (std::ranges::all_of(silences, is_known)) return;
      api.engine.ReadShardAndWait(shard, [&](const Shard& table) {
        cursor = table.List(cursor, kReadSlice, firing, [&](const AlertRecord& alert) {
          for (Old& old : silences) {
            if (!is_known(old)) old.matches = old.matchers->Match(alert.summary.labels);
          }
          return true;
        });
      });
    } while (cursor != 0);
  }
}

void Add(
    v1::ListForgottenResponse& response, std::string name, const std::string& by, absl::Time since, std::string why) {
  auto& item = *response.add_items();
  item.set_name(std::move(name));
  item.set_by(by);
  ToProto(since, *item.mutable_since());
  item.set_why(std::move(why));
}

struct Owned {
  Subject subject;
  std::string name;
  std::string by;
  absl::Time since;
};

// Acknowledged long ago, for good: a snooze and an acknowledgement that runs out come back by themselves.
std::vector<Owned> OldAcknowledgements(Api& api, absl::Duration age) {
  std::vector<Owned> found;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    const ResponderState& state = responder.state();
    for (const GroupId id : state.open_groups) {
      const Group& group = state.groups.at(id);
      const bool is_old = group.state == Group::State::kAcknowledged && now.wall - group.acknowledged_at >= age;
      if (!is_old || group.acknowledged_until != absl::Time() || found.size() >= kListed) continue;
      found.push_back(
          {SubjectOf(id), absl::StrFormat("G%d", id.value()), group.acknowledged_by, group.acknowledged_at});
    }
    for (const auto& [id, incident] : state.incidents) {
      const bool is_old =
          incident.state == Incident::State::kAcknowledged && now.wall - incident.acknowledged_at >= age;
      if (!is_old || found.size() >= kListed) continue;
      found.push_back(
          {SubjectOf(id), absl::StrFormat("I%d", id.value()), incident.acknowledged_by, incident.acknowledged_at});
    }
  });
  return found;
}

// Whether somebody has written on its timeline lately: then it is being worked on.
bool IsWorkedOn(Api& api, const Subject& subject, absl::Time since) {
  const absl::StatusOr<std::vector<TimelineEntry>> timeline = Timeline(api, subject, 100);
  return timeline.ok() && std::ranges::any_of(*timeline, [&](const TimelineEntry& entry) {
           return entry.at >= since && (entry.actor.starts_with("user:") || entry.actor.starts_with("token:"));
         });
}

absl::StatusOr<absl::Duration> AgeOf(bool given, const google::protobuf::Duration& from, absl::Duration otherwise) {
  if (!given) return otherwise;
  absl::Duration age;
  TOCSIN_TRY(FromProto(from, age));
  if (age < absl::ZeroDuration()) return Invalid("an age cannot be negative");
  return age;
}

}  // namespace

absl::Status ListForgotten(Api& api,
                           const Caller&,
                           const v1::ListForgottenRequest& request,
                           v1::ListForgottenResponse& response) {
  TOCSIN_ASSIGN(const absl::Duration silence_age, AgeOf(request.has_silence_age(), request.silence_age(), kSilenceAge));
  TOCSIN_ASSIGN(const absl::Duration acknowledgement_age,
                AgeOf(request.has_acknowledgement_age(), request.acknowledgement_age(), kAcknowledgementAge));
  std::vector<Old> silences = OldSilences(api, silence_age);
  MarkMatching(api, silences);
  for (Old& old : silences) {
    if (old.matchers && !old.matches) old.why += "; matches nothing that fires";
    Add(response, absl::StrFormat("%c%d", old.silence.maintenance ? 'M' : 'S', old.silence.id.value()),
        old.silence.created_by, old.silence.starts_at, std::move(old.why));
  }
  const absl::Time now = api.engine.Read().wall;
  for (const Owned& owned : OldAcknowledgements(api, acknowledgement_age)) {
    if (IsWorkedOn(api, owned.subject, now - acknowledgement_age)) continue;
    Add(response, owned.name, owned.by, owned.since,
        absl::StrFormat("acknowledged %s ago, and nobody has touched it since", Days(now - owned.since)));
  }
  return absl::OkStatus();
}

}  // namespace tocsin
