// The organisation that --config names, read and checked.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "api/methods.h"
#include "config/load.h"
#include "config/secrets.h"
#include "model/organisation.h"

namespace tocsin {

absl::StatusOr<std::vector<SourceFile>> ReadConfigFiles(const std::vector<std::string>& paths);
// Its secrets are as they are given. Invalid names every problem; warnings go to the log.
absl::StatusOr<OrganisationPtr> LoadOrganisation(const std::vector<SourceFile>& files, const Secrets& secrets);
// What has become of a reload of such files, for whoever asked for it: what is wrong with them quotes them, and they are the server's, so
// that only an admin of everything is told; for others it goes to the log.
absl::Status OfReload(const Caller& caller, const absl::Status& done);
// Of integrations that can be opened with what everybody can read in the sample. Null: none.
void WarnOfSampleKeys(const OrganisationPtr& organisation);

}  // namespace tocsin
