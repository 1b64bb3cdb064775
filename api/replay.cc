// Replays by their two doors: a changed configuration, and a silence that somebody thinks of.
#include "replay/replay.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "api/handlers.h"
#include "api/records.h"
#include "base/status.h"
#include "config/diff.h"
#include "config/load.h"
#include "config/seal.h"
#include "config/secrets.h"
#include "engine/message.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

using tocsin::ToProto;

constexpr absl::Duration kPreviewed = absl::Hours(24 * 7);
constexpr absl::Duration kLongest = absl::Hours(24 * 366);
constexpr std::size_t kExamples = 10;
constexpr std::size_t kExampleBytes = 300;
constexpr std::size_t kGroupsCounted = 100'000;

void ToProto(const replay::ThenNow& from, v1::ThenNow& to) {
  to.set_then(from.then);
  to.set_now(from.now);
}

void ToProto(const replay::EpisodeRow& from, v1::ReplayResult::Difference& to) {
  to.set_title(from.title);
  to.set_route(from.route);
  to.set_service(from.service);
  if (from.then != absl::InfiniteFuture()) ToProto(from.then, *to.mutable_then());
  if (from.now != absl::InfiniteFuture()) ToProto(from.now, *to.mutable_now());
  ToProto(from.pages, *to.mutable_pages());
  for (const UserId& user : from.then_users)
    to.add_then_users(user.value());
  for (const UserId& user : from.now_users)
    to.add_now_users(user.value());
  to.set_reason(from.reason);
}

void ToProto(const replay::EpisodeList& from, v1::ReplayResult::Differences& to) {
  to.set_count(from.count);
  for (const replay::EpisodeRow& row : from.rows)
    ToProto(row, *to.add_rows());
}

template <typename Rows, typename List>
void Places(const Rows& from, List& to) {
  for (const replay::PlaceRow& row : from) {
    auto& place = *to.Add();
    place.set_name(row.name);
    ToProto(row.episodes, *place.mutable_paged());
    ToProto(row.pages, *place.mutable_pages());
  }
}

void ToProto(const replay::Comparison& from, v1::ReplayResult& to) {
  ToProto(from.episodes, *to.mutable_paged());
  ToProto(from.groups, *to.mutable_groups_opened());
  ToProto(from.pages, *to.mutable_pages());
  ToProto(from.pages_at_night, *to.mutable_pages_at_night());
  ToProto(from.messages, *to.mutable_messages());
  to.set_same(from.same);
  to.set_unlisted(from.unlisted);
  for (const replay::PersonRow& row : from.people) {
    auto& person = *to.add_people();
    person.set_user(row.user.value());
    ToProto(row.pages, *person.mutable_pages());
    ToProto(row.at_night, *person.mutable_at_night());
    ToProto(row.messages, *person.mutable_messages());
  }
  Places(from.routes, *to.mutable_routes());
  Places(from.services, *to.mutable_services());
  Places(from.receivers, *to.mutable_receivers());
  ToProto(from.gained, *to.mutable_gained());
  ToProto(from.lost, *to.mutable_lost());
  ToProto(from.changed, *to.mutable_changed());
  ToProto(from.regrouped, *to.mutable_regrouped());
}

void ToProto(const replay::Result& from, v1::ReplayResult& to) {
  ToProto(from.from, *to.mutable_from());
  ToProto(from.to, *to.mutable_to());
  to.set_cut_short(from.is_cut_short);
  to.set_events(from.events);
  to.set_began(from.began);
  to.set_refused(from.refused);
  to.set_matched(from.matched);
  to.set_matched_alerts(from.matched_alerts);
  to.set_versions_applied(from.versions_applied);
  to.set_downtimes(from.downtimes);
  to.set_actions(from.actions);
  for (const auto& [action, count] : from.actions_left_out)
    (*to.mutable_actions_left_out())[action] = count;
  ToProto(from.comparison, to);
}

void Show(const Replays::Look& look, v1::Replay& response) {
  response.set_id(look.id);
  response.set_permille(look.permille);
  if (look.result == nullptr) {
    response.set_state(v1::Replay::STATE_RUNNING);
  } else if (look.result->ok()) {
    response.set_state(v1::Replay::STATE_DONE);
    ToProto(**look.result, *response.mutable_result());
    response.mutable_result()->set_seconds(absl::ToDoubleSeconds(look.took));
  } else {
    const bool cancelled = absl::IsCancelled(look.result->status());
    response.set_state(cancelled ? v1::Replay::STATE_CANCELLED : v1::Replay::STATE_FAILED);
    response.set_error(Message(look.result->status()));
  }
}

absl::Status ReadTimes(const Now& now,
                       const google::protobuf::Timestamp* from,
                       const google::protobuf::Timestamp* to,
                       replay::Request& request) {
  request.to = now.wall;
  if (to != nullptr) TOCSIN_TRY(Annotate(FromProto(*to, request.to), "to"));
  request.to = std::min(request.to, now.wall);
  if (from == nullptr) return Invalid("from: a replay needs a beginning");
  TOCSIN_TRY(Annotate(FromProto(*from, request.from), "from"));
  if (request.from >= request.to) return Invalid("from: the time to replay ends before it begins");
  if (request.to - request.from > kLongest) return Invalid("from: more than a year before the end");
  return absl::OkStatus();
}

// What was checked as apply checks it.
absl::StatusOr<OrganisationPtr> LoadChecked(Api& api, const v1::StartReplayRequest& request) {
  std::vector<SourceFile> files;
  for (const auto& file : request.files())
    files.push_back({file.name(), file.text()});
  LoadResult loaded = Load(files);
  const RulesPtr rules = api.engine.rules();
  if (rules == nullptr) return std::make_shared<const Organisation>(std::move(loaded.organisation));
  KeepSecrets(*rules->organisation, loaded.organisation);
  // As it would be kept: what says the same is no difference.
  return std::make_shared<const Organisation>(Sealed(loaded.organisation, rules->organisation.get(), api.vault));
}

absl::StatusOr<OrganisationPtr> OrganisationOf(Api& api,
                                               const Caller& caller,
                                               const v1::StartReplayRequest& request,
                                               v1::Replay& response) {
  if (request.version() != 0) {
    ConfigurationVersion probe;
    probe.id = ConfigurationId(request.version());
    TOCSIN_ASSIGN(const std::optional<Row> row, api.engine.store().ReadRow(KeyOf(Row(probe))));
    if (row) return std::get<ConfigurationVersion>(*row).organisation;
    return NotFound("version %d of the configuration is not kept; `tocsin versions` lists those that are",
                    request.version());
  }
  if (request.files().empty()) return OrganisationPtr();
  v1::ApplyOrganisationRequest check;
  *check.mutable_files() = request.files();
  check.set_dry_run(true);
  v1::ApplyOrganisationResponse checked;
  TOCSIN_TRY(RunApplyOrganisation(api, caller, check, checked));
  response.mutable_problems()->Swap(checked.mutable_problems());
  response.mutable_warnings()->Swap(checked.mutable_warnings());
  response.mutable_differences()->Swap(checked.mutable_differences());
  if (response.problems_size() > 0) return OrganisationPtr();
  return LoadChecked(api, request);
}

absl::Status Begin(Api& api, replay::Request request, v1::Replay& response) {
  replay::World::Options options;
  options.shard_count = api.engine.shard_count();
  options.shard.key_seed = api.engine.KeySeed();
  options.responder.seed = api.engine.KeySeed();
  TOCSIN_ASSIGN(const std::uint64_t id, api.replays->Start(api.engine.store(), std::move(options), std::move(request)));
  TOCSIN_ASSIGN(const Replays::Look look, api.replays->Get(id));
  Show(look, response);
  return absl::OkStatus();
}

// Alerts that fire now, a slice of a shard at a time.
absl::Status CountAlerts(Api& api, const std::vector<Matcher>& matchers, v1::SilenceMatches& matches) {
  TOCSIN_ASSIGN(const CompiledMatchers compiled, CompiledMatchers::Compile(matchers));
  const AlertFilter firing{.matchers = &compiled, .standing = AlertFilter::Standing::kActive};
  std::unordered_set<std::uint64_t> groups;
  const auto count = [&](const AlertRecord& alert) {
    matches.set_alerts(matches.alerts() + 1);
    if (alert.hold.set()) matches.set_suppressed(matches.suppressed() + 1);
    for (const GroupKey group : alert.groups) {
      if (groups.size() < kGroupsCounted) groups.insert(group.value());
    }
    if (matches.examples_size() < static_cast<int>(kExamples)) {
      matches.add_examples(OneLine(Format(alert.summary.labels), kExampleBytes));
    }
    return true;
  };
  for (std::uint32_t shard = 0; shard < api.engine.shard_count(); ++shard) {
    std::uint64_t cursor = 0;
    do {
      api.engine.ReadShardAndWait(shard,
                                  [&](const Shard& table) { cursor = table.List(cursor, kReadSlice, firing, count); });
    } while (cursor != 0);
  }
  matches.set_groups(groups.size());
  return absl::OkStatus();
}

void CountGroups(Api& api, const ServiceId& service, v1::SilenceMatches& matches) {
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    const auto open = state.open_of.find(service);
    if (open == state.open_of.end()) return;
    for (const GroupId id : open->second) {
      const Group& group = state.groups.at(id);
      matches.set_groups(matches.groups() + 1);
      matches.set_alerts(matches.alerts() + group.firing + group.suppressed);
      matches.set_suppressed(matches.suppressed() + group.suppressed);
      if (matches.examples_size() < static_cast<int>(kExamples)) matches.add_examples(GroupTitle(group));
    }
  });
}

}  // namespace

absl::Status StartReplay(Api& api, const Caller& caller, const v1::StartReplayRequest& request, v1::Replay& response) {
  if (request.version() != 0 && !request.files().empty()) return Invalid("version: either that or files");
  replay::Request wanted;
  TOCSIN_TRY(ReadTimes(api.engine.Read(), request.has_from() ? &request.from() : nullptr,
                       request.has_to() ? &request.to() : nullptr, wanted));
  TOCSIN_ASSIGN(wanted.organisation, OrganisationOf(api, caller, request, response));
  if (response.problems_size() > 0) return absl::OkStatus();
  return Begin(api, std::move(wanted), response);
}

absl::Status PreviewSilence(Api& api,
                            const Caller& caller,
                            const v1::PreviewSilenceRequest& request,
                            v1::Replay& response) {
  const Now now = api.engine.Read();
  if (request.service().empty() == request.matchers().empty()) {
    return Invalid("matchers: a silence has matchers, a maintenance window a service; one of the two");
  }
  replay::Request wanted;
  wanted.from = now.wall - kPreviewed;
  wanted.to = now.wall;
  if (request.has_from()) TOCSIN_TRY(ReadTimes(now, &request.from(), nullptr, wanted));
  Silence silence;
  TOCSIN_ASSIGN(silence.matchers, ReadMatchers(request.matchers()));
  silence.service = ServiceId(request.service());
  silence.maintenance = silence.service.set();
  silence.starts_at = wanted.from;
  silence.ends_at = now.wall + absl::Hours(1);
  silence.created_by = caller.name;
  silence.comment = "a preview";
  if (silence.maintenance) {
    CountGroups(api, silence.service, *response.mutable_matches());
  } else {
    TOCSIN_TRY(CountAlerts(api, silence.matchers, *response.mutable_matches()));
  }
  wanted.matchers = silence.matchers;
  wanted.silence = std::move(silence);
  return Begin(api, std::move(wanted), response);
}

absl::Status GetReplay(Api& api, const Caller&, const v1::GetReplayRequest& request, v1::Replay& response) {
  TOCSIN_ASSIGN(const Replays::Look look, api.replays->Get(request.id()));
  Show(look, response);
  return absl::OkStatus();
}

absl::Status CancelReplay(Api& api, const Caller&, const v1::CancelReplayRequest& request, v1::Replay& response) {
  TOCSIN_ASSIGN(const Replays::Look look, api.replays->Cancel(request.id()));
  Show(look, response);
  return absl::OkStatus();
}

}  // namespace tocsin
