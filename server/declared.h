// The organisation that --config names, read and checked.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "config/load.h"
#include "config/secrets.h"
#include "model/organisation.h"

namespace tocsin {

absl::StatusOr<std::vector<SourceFile>> ReadConfigFiles(const std::vector<std::string>& paths);
// Its secrets are as they are given. Invalid names every problem; warnings go to the log.
absl::StatusOr<OrganisationPtr> LoadOrganisation(const std::vector<SourceFile>& files, const Secrets& secrets);
// Of integrations that can be opened with what everybody can read in the sample. Null: none.
void WarnOfSampleKeys(const OrganisationPtr& organisation);

}  // namespace tocsin
