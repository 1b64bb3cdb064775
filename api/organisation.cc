#include "api/declare.h"
#include "api/handlers.h"
#include "api/records.h"
#include "base/status.h"
#include "config/diff.h"
#include "config/dump.h"
#include "config/load.h"
#include "config/secrets.h"
#include "escalation/roster.h"
#include "model/codec/organisation_proto.h"

namespace tocsin {
namespace {

constexpr std::size_t kConfigurationBytes = 8 * 1024 * 1024;

void AddProblem(const Problem& from, v1::ApplyOrganisationResponse& response) {
  auto& to = *response.add_problems();
  to.set_file(from.file);
  to.set_line(static_cast<std::uint32_t>(from.line));
  to.set_column(static_cast<std::uint32_t>(from.column));
  to.set_path(from.path);
  to.set_message(from.message);
}

OrganisationPtr Current(Api& api) {
  OrganisationPtr current;
  api.engine.ReadResponderAndWait(
      [&](const Responder& responder, const Now&) { current = responder.state().organisation; });
  return current;
}

}  // namespace

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
  if (bytes > kConfigurationBytes) return Invalid("files: %d bytes in all, at most %d", bytes, kConfigurationBytes);
  LoadResult loaded = Load(files);
  for (const Problem& problem : loaded.problems)
    AddProblem(problem, response);
  if (!loaded.ok()) return absl::OkStatus();
  const OrganisationPtr current = Current(api);
  for (const Problem& problem : KeepSecrets(current ? *current : Organisation(), loaded.organisation)) {
    AddProblem(problem, response);
  }
  const auto organisation = std::make_shared<const Organisation>(std::move(loaded.organisation));
  for (const std::string& problem : ProblemsBeyondText(*organisation))
    AddProblem({"", 0, 0, "", problem}, response);
  if (response.problems_size() > 0) return absl::OkStatus();

  for (const std::string& line : Diff(current ? *current : Organisation(), *organisation)) {
    response.add_differences(line);
  }
  if (request.dry_run()) return absl::OkStatus();
  v1::CommandResponse done;
  TOCSIN_TRY(Run(api, caller, request.request_id(), ApplyOrganisation{organisation, request.reason()}, done));
  response.set_sequence(done.sequence());
  return absl::OkStatus();
}

absl::Status GetOrganisation(Api& api,
                             const Caller&,
                             const v1::GetOrganisationRequest&,
                             v1::GetOrganisationResponse& response) {
  const OrganisationPtr current = Current(api);
  if (!current) return NotFound("there is no organisation yet; `tocsin apply FILE...` declares one");
  ToProto(Redacted(*current), *response.mutable_organisation());
  response.set_yaml(Dump(*current));
  if (const RulesPtr rules = api.engine.rules()) response.set_rules_version(rules->version.value());
  return absl::OkStatus();
}

}  // namespace tocsin
