#include "base/status.h"

#include <cstdio>
#include <cstdlib>

#include "base/strings.h"

namespace tocsin {

absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  return absl::Status(status.code(), ToAbsl(std::string(context) + ": " + Message(status)));
}

std::string Message(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

void CheckFailed(const char* file, int line, const char* condition, std::string_view message) {
  std::fprintf(stderr, "tocsin: invariant broken at %s:%d: %s: %.*s\n", file, line, condition,
               static_cast<int>(message.size()), message.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace tocsin
