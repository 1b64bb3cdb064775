// The file of --sign_in: who vouches for people, besides their passwords.
#pragma once

#include <string>

#include "api/oidc_desk.h"
#include "config/secrets.h"

namespace tocsin {

// Reads it into `desk`; what cannot be read is logged, and what was in force stays. A server without sign-ins by providers still
// pages, so this never keeps one from starting. `path` empty: there is none.
void ReadSignInFile(const std::string& path, const Secrets& secrets, OidcDesk& desk);

}  // namespace tocsin
