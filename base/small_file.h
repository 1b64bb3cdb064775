// A file that an operator names: a certificate, a key, a list of addresses. It may be read again while the server pages people, so
// whatever stands at its path by then, a folder, a pipe, a device without an end, is a status and nothing worse.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace tocsin {

// All of it. NotFound: there is none. FailedPrecondition: it is no file, or cannot be read. InvalidArgument: it has more than `limit`
// bytes, of which no more are read. Each names the file and the reason. Never waits for a writer, as opening a pipe would; links are
// followed, as those of mounted secrets are.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path, std::size_t limit);

}  // namespace tocsin
