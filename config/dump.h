// An organisation as YAML that Load reads back to the same value. What a reader would assume anyway is left out: fields with
// their default, and what a route inherits.
#pragma once

#include <string>

#include "config/secrets.h"
#include "model/organisation.h"

namespace tocsin {

// Secrets are left out as Redacted (config/secrets.h) does: applied again, the text keeps the present ones. Keys of
// integrations appear as key_hash.
std::string Dump(const Organisation& organisation);

// With all secrets, for a backup that its owner keeps safe.
std::string DumpWithSecrets(const Organisation& organisation);

}  // namespace tocsin
