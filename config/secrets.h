// Secrets in a configuration: where they come from, how keys are kept, and how they are left out of what is shown.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "config/problem.h"
#include "model/organisation.h"

namespace tocsin {

// Looks up what `password_env: NAME` and `key_file: PATH` refer to. An empty function refuses: text that came over the
// network must not be able to read the server's environment or files.
struct Secrets {
  using Lookup = std::function<absl::StatusOr<std::string>(const std::string& name)>;
  Lookup environment;
  Lookup file;
};
// This process's environment and files; a file's last newline is not part of the secret.
Secrets ProcessSecrets();
// The same for a process that stays: what was read of the environment is remembered, and wiped where everybody of the same user can see it
// (/proc/PID/environ). There is one, which everybody asks: a second one would read what the first has wiped. Any thread.
Secrets WipingSecrets();

// Keys stand in URLs: 16 to 256 letters, digits and - . _ ~
absl::Status CheckKey(std::string_view key);

// What stands in the place of a secret that is not shown. Applied again, it keeps the present secret.
inline constexpr std::string_view kUnchanged = "(unchanged)";

// `organisation` without secrets: kUnchanged wherever there is one. Hashes of keys stay.
Organisation Redacted(const Organisation& organisation);
// Calls visit(place, secret) for each secret that there may be. Contact methods are known by their owner's id and their own, so that
// order does not matter.
void ForEachSecret(Organisation& organisation,
                   const std::function<void(const std::string& place, std::string& secret)>& visit);
// Puts the secrets of `present` where `organisation` says kUnchanged. A problem for each one that `present` does not have.
std::vector<Problem> KeepSecrets(const Organisation& present, Organisation& organisation);

}  // namespace tocsin
