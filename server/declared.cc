#include "server/declared.h"

#include <filesystem>
#include <system_error>

#include "api/declare.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/small_file.h"
#include "base/status.h"
#include "config/load.h"
#include "config/warn.h"

namespace tocsin {

absl::StatusOr<std::vector<SourceFile>> ReadConfigFiles(const std::vector<std::string>& paths) {
  std::vector<SourceFile> files;
  for (const std::string& path : paths) {
    absl::StatusOr<std::string> text = ReadSmallFile(path, limits::kConfigurationBytes);
    std::error_code error;
    if (!text.ok() && std::filesystem::is_directory(path, error)) {
      return Precondition(
          "--config: %s. Name its files, with commas between them: --config=%s/people.yaml,%s/routes.yaml",
          Message(text.status()), path, path);
    }
    if (!text.ok()) return Annotate(text.status(), "--config");
    files.push_back({path, *std::move(text)});
  }
  return files;
}

absl::StatusOr<OrganisationPtr> LoadOrganisation(const std::vector<SourceFile>& files, const Secrets& secrets) {
  LoadResult loaded = Load(files, secrets, ProblemsOfSources);
  std::string all;
  for (const Problem& problem : loaded.problems)
    all += "\n  " + Format(problem);
  if (all.empty()) {
    for (const std::string& problem : ProblemsBeyondText(loaded.organisation))
      all += "\n  " + problem;
  }
  if (!all.empty()) return Invalid("the configuration is not applied:%s", all);
  for (const Problem& warning : loaded.warnings)
    LogWarning("the configuration: look at this", {
                                                      {"warning", Format(warning)}
    });
  return std::make_shared<const Organisation>(std::move(loaded.organisation));
}

absl::Status OfReload(const Caller& caller, const absl::Status& done) {
  const bool reads_all = caller.everywhere() && caller.role >= Role::kAdmin;
  if (reads_all || !absl::IsInvalidArgument(done)) return done;
  LogError("a reload has found the files of --config wrong, and nothing is changed",
           {
               {"caller", caller.name},
               {"error",  done       }
  });
  return Precondition("the files of --config are wrong, and nothing is changed: the server's log says what");
}

void WarnOfSampleKeys(const OrganisationPtr& organisation) {
  std::string ids;
  for (const IntegrationId& id : organisation ? WithSampleKeys(*organisation) : std::vector<IntegrationId>())
    ids += (ids.empty() ? "" : ", ") + id.value();
  if (ids.empty()) return;
  LogWarning(
      "integrations have keys that everybody can read in the sample: give them your own (key; in files of --config "
      "also key_env and key_file)",
      {
          {"integrations", ids}
  });
}

}  // namespace tocsin
