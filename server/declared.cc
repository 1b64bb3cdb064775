#include "server/declared.h"

#include <fstream>
#include <sstream>

#include "api/declare.h"
#include "base/log.h"
#include "base/status.h"
#include "config/load.h"
#include "config/warn.h"

namespace tocsin {

absl::StatusOr<std::vector<SourceFile>> ReadConfigFiles(const std::vector<std::string>& paths) {
  std::vector<SourceFile> files;
  for (const std::string& path : paths) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return NotFound("--config: cannot read %s", path);
    std::ostringstream text;
    text << in.rdbuf();
    files.push_back({path, std::move(text).str()});
  }
  return files;
}

absl::StatusOr<OrganisationPtr> LoadOrganisation(const std::vector<SourceFile>& files, const Secrets& secrets) {
  LoadResult loaded = Load(files, secrets);
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
