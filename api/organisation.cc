#include <algorithm>
#include <array>

#include <sodium.h>

#include "api/declare.h"
#include "api/handlers.h"
#include "api/may_apply.h"
#include "api/paging.h"
#include "api/records.h"
#include "base/limits.h"
#include "base/status.h"
#include "config/check.h"
#include "config/diff.h"
#include "config/dump.h"
#include "config/load.h"
#include "config/seal.h"
#include "config/secrets.h"
#include "engine/responder_schedules.h"
#include "escalation/roster.h"
#include "model/codec/access_proto.h"
#include "model/codec/organisation_proto.h"

namespace tocsin {
namespace {

void AddProblem(const Problem& from, v1::ApplyOrganisationResponse::Problem& to) {
  to.set_file(from.file);
  to.set_line(static_cast<std::uint32_t>(from.line));
  to.set_column(static_cast<std::uint32_t>(from.column));
  to.set_path(from.path);
  to.set_message(from.message);
}

// What is in force, and its version.
struct Present {
  OrganisationPtr organisation = std::make_shared<const Organisation>();  // its secrets are open
  OrganisationPtr sealed;                                                 // as it is kept; null: there is none
  ConfigurationId version;                                                // none: nothing was applied so far
  absl::Time now;
};

Present ReadPresent(Api& api) {
  Present present;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    present.now = now.wall;
    present.sealed = responder.state().organisation;
    present.version = responder.state().counters.configuration;
  });
  if (present.sealed != nullptr)
    present.organisation = std::make_shared<const Organisation>(Opened(*present.sealed, api.vault));
  return present;
}

// What ApplyOrganisation and RollBack have in common.
struct Order {
  ApplyOrganisation command;
  std::string request_id;
  bool dry_run = false;
};

// What becomes of the schedules.
absl::StatusOr<AppliedSchedules> ReadSchedules(Api& api, const ApplyOrganisation& command) {
  absl::StatusOr<AppliedSchedules> schedules = absl::UnknownError("");
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    schedules = SchedulesAfter(responder.state(), command, now.wall);
  });
  return schedules;
}

absl::Status Carry(
    Api& api, const Caller& caller, const Present& present, Order order, v1::ApplyOrganisationResponse& response) {
  const Organisation& wanted = *order.command.organisation;
  for (const std::string& problem : ProblemsBeyondText(wanted))
    AddProblem({"", 0, 0, "", problem}, *response.add_problems());
  if (response.problems_size() > 0) {
    response.clear_warnings();
    return absl::OkStatus();
  }
  TOCSIN_ASSIGN(const AppliedSchedules schedules, ReadSchedules(api, order.command));
  const CoverageProof coverage = ProveCoverage(schedules.roster, present.now);
  // What is in force stays so, whatever time has made of it.
  const bool in_force = present.version.set() && *present.organisation == wanted;
  for (const Problem& refusal : in_force ? std::vector<Problem>() : coverage.refusals)
    AddProblem(refusal, *response.add_problems());
  if (response.problems_size() > 0) {
    response.clear_warnings();
    return absl::OkStatus();
  }
  for (const std::vector<Problem>& warnings : {WarningsBeyondText(wanted, api.webhook_peers), coverage.warnings}) {
    for (const Problem& warning : warnings)
      AddProblem(warning, *response.add_warnings());
  }
  for (const std::string& line : Diff(*present.organisation, wanted))
    response.add_differences(line);
  response.set_version(present.version.value());
  for (const std::string& line : schedules.edit.lines)
    response.add_transitions(line);
  TOCSIN_TRY(MayApply(caller, *present.organisation, wanted));
  if (order.dry_run) return absl::OkStatus();
  // It was judged against this version, and what it may change is a question of what is in force.
  if (!order.command.expected) order.command.expected = present.version;
  // From here on only what is sealed: it is going to the disk.
  order.command.organisation = std::make_shared<const Organisation>(Sealed(wanted, present.sealed.get(), api.vault));
  v1::CommandResponse done;
  TOCSIN_TRY(Run(api, caller, order.request_id, std::move(order.command), done));
  response.set_sequence(done.sequence());
  response.set_version(done.id());
  return absl::OkStatus();
}

std::optional<ConfigurationId> Expected(std::uint64_t version) {
  if (version == 0) return std::nullopt;
  return ConfigurationId(version);
}

absl::StatusOr<ConfigurationVersion> FindVersion(Api& api, ConfigurationId id) {
  ConfigurationVersion probe;
  probe.id = id;
  TOCSIN_ASSIGN(const std::optional<Row> row, api.engine.store().ReadRow(KeyOf(Row(probe))));
  if (row) {
    auto version = std::get<ConfigurationVersion>(*row);
    version.organisation = std::make_shared<const Organisation>(Opened(*version.organisation, api.vault));
    return version;
  }
  return NotFound("version %d of the configuration is not kept; `tocsin versions` lists those that are", id.value());
}

// A version as it is shown in lists.
void Show(const ConfigurationVersion& from, v1::ConfigurationVersion& to) {
  ToProto(from, to);
  to.clear_organisation();
}

// Of all that is declared, secrets included: the store's own key keeps anybody from trying out secrets.
std::string BytesOf(const Organisation& organisation) {
  v1::Organisation message;
  ToProto(organisation, message);
  return message.SerializeAsString();
}

std::string ConfigurationHash(Api& api, std::string_view bytes) {
  const std::array<std::uint64_t, 2> key = {api.engine.KeySeed(), ~api.engine.KeySeed()};
  std::array<unsigned char, crypto_generichash_BYTES_MIN> digest{};
  crypto_generichash(digest.data(), digest.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                     reinterpret_cast<const unsigned char*>(key.data()), sizeof key);
  std::array<char, 2 * crypto_generichash_BYTES_MIN + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  return hex.data();
}

std::string ConfigurationHash(Api& api, const Organisation& organisation) {
  return ConfigurationHash(api, BytesOf(organisation));
}

// One answer looks at so much of the versions that it lists: each is a whole organisation, and there may be two hundred.
constexpr std::size_t kVersionBytes = std::size_t{8} << 20U;

}  // namespace

absl::Status ReadTransition(const v1::ScheduleTransition& from, ScheduleTransition& to) {
  using From = ScheduleTransition::From;
  constexpr From kFrom[] = {From::kNow, From::kNow, From::kNextHandoff, From::kFullRotation, From::kTime};
  if (!v1::ScheduleTransition::From_IsValid(from.from())) return Invalid("schedules: from: not known");
  to.from = kFrom[from.from()];
  if (to.from == From::kTime) {
    if (!from.has_at()) return Invalid("schedules: at: from when on?");
    TOCSIN_TRY(Annotate(FromProto(from.at(), to.at), "schedules: at"));
  }
  to.keep_holder = !from.let_holder_go();
  return absl::OkStatus();
}

absl::Status RunApplyOrganisation(Api& api,
                                  const Caller& caller,
                                  const v1::ApplyOrganisationRequest& request,
                                  v1::ApplyOrganisationResponse& response) {
  std::vector<SourceFile> files;
  std::size_t bytes = 0;
  for (const auto& file : request.files()) {
    bytes += file.text().size();
    files.push_back({file.name(), file.text()});
  }
  if (files.empty()) return Invalid("files: none");
  if (bytes > limits::kConfigurationBytes)
    return Invalid("files: %d bytes in all, at most %d", bytes, limits::kConfigurationBytes);
  LoadResult loaded = Load(files, {}, ProblemsOfSources);
  for (const Problem& problem : loaded.problems)
    AddProblem(problem, *response.add_problems());
  for (const Problem& warning : loaded.warnings)
    AddProblem(warning, *response.add_warnings());
  if (!loaded.ok()) return absl::OkStatus();
  const Present present = ReadPresent(api);
  for (const Problem& problem : KeepSecrets(*present.organisation, loaded.organisation))
    AddProblem(problem, *response.add_problems());
  Order order;
  order.command.organisation = std::make_shared<const Organisation>(std::move(loaded.organisation));
  order.command.reason = request.reason();
  order.command.expected = Expected(request.expected_version());
  TOCSIN_TRY(ReadTransition(request.schedules(), order.command.transition));
  order.request_id = request.request_id();
  order.dry_run = request.dry_run();
  return Carry(api, caller, present, std::move(order), response);
}

absl::Status RunRollBack(Api& api,
                         const Caller& caller,
                         const v1::RollBackRequest& request,
                         v1::ApplyOrganisationResponse& response) {
  TOCSIN_ASSIGN(const ConfigurationVersion version, FindVersion(api, ConfigurationId(request.version())));
  // It was checked when it was applied; by what holds today it may have become impossible.
  for (const Problem& problem : Check(*version.organisation))
    AddProblem(problem, *response.add_problems());
  Order order;
  order.command.organisation = version.organisation;
  order.command.reason = request.reason();
  order.command.repeats = version.id;
  order.command.expected = Expected(request.expected_version());
  TOCSIN_TRY(ReadTransition(request.schedules(), order.command.transition));
  order.request_id = request.request_id();
  order.dry_run = request.dry_run();
  return Carry(api, caller, ReadPresent(api), std::move(order), response);
}

absl::Status GetOrganisation(Api& api,
                             const Caller&,
                             const v1::GetOrganisationRequest&,
                             v1::GetOrganisationResponse& response) {
  const Present present = ReadPresent(api);
  if (!present.version.set()) return NotFound("there is no organisation yet; `tocsin apply FILE...` declares one");
  ToProto(Redacted(*present.organisation), *response.mutable_organisation());
  response.set_yaml(Dump(*present.organisation));
  response.set_version(present.version.value());
  response.set_hash(ConfigurationHash(api, *present.organisation));
  if (const RulesPtr rules = api.engine.rules()) response.set_rules_version(rules->version.value());
  return absl::OkStatus();
}

absl::Status ListVersions(Api& api,
                          const Caller&,
                          const v1::ListVersionsRequest& request,
                          v1::ListVersionsResponse& response) {
  TOCSIN_ASSIGN(const Cursor cursor, ParseCursor(request.cursor()));
  const std::size_t page = PageSize(request.page_size());
  const ConfigurationId in_force = ReadPresent(api).version;
  std::uint64_t before = cursor.first;
  std::size_t looked_at = 0;
  while (static_cast<std::size_t>(response.entries_size()) < page && looked_at < kVersionBytes) {
    TOCSIN_ASSIGN(const std::vector<Row> rows,
                  api.engine.store().ListRows(KeyOf(Row(ConfigurationVersion())).table, before, /*limit=*/1));
    if (rows.empty()) return absl::OkStatus();
    const auto& version = std::get<ConfigurationVersion>(rows.front());
    before = version.id.value();
    const std::string bytes = BytesOf(Opened(*version.organisation, api.vault));
    looked_at += bytes.size();
    auto& entry = *response.add_entries();
    Show(version, *entry.mutable_version());
    entry.set_hash(ConfigurationHash(api, bytes));
    entry.set_in_force(version.id == in_force);
  }
  response.set_next_cursor(FormatCursor({before, 0}));
  return absl::OkStatus();
}

absl::Status GetVersion(Api& api,
                        const Caller&,
                        const v1::GetVersionRequest& request,
                        v1::GetVersionResponse& response) {
  TOCSIN_ASSIGN(const ConfigurationVersion version, FindVersion(api, ConfigurationId(request.id())));
  ToProto(version, *response.mutable_version());
  ToProto(Redacted(*version.organisation), *response.mutable_version()->mutable_organisation());
  response.set_yaml(Dump(*version.organisation));
  response.set_hash(ConfigurationHash(api, *version.organisation));
  const std::uint64_t against = request.against() != 0 ? request.against() : version.id.value() - 1;
  const absl::StatusOr<ConfigurationVersion> other = FindVersion(api, ConfigurationId(against));
  if (!other.ok() && request.against() != 0) return other.status();
  if (!other.ok()) return absl::OkStatus();
  response.set_against(against);
  for (const std::string& line : Diff(*other->organisation, *version.organisation))
    response.add_differences(line);
  return absl::OkStatus();
}

}  // namespace tocsin
