#include "server/sign_in.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/small_file.h"
#include "base/status.h"
#include "oidc/settings.h"

namespace tocsin {
namespace {

constexpr std::size_t kFileBytes = 1 << 20;

void LogRefusal(const std::string& path, const std::string& problem) {
  LogError(
      "the file of --sign_in is not taken: the providers that were known before stay so; correct it and send SIGHUP",
      {
          {"file",    path   },
          {"problem", problem}
  });
}

}  // namespace

void ReadSignInFile(const std::string& path, const Secrets& secrets, OidcDesk& desk) {
  if (path.empty()) return;
  const absl::StatusOr<std::string> text = ReadSmallFile(path, kFileBytes);
  if (!text.ok()) return LogRefusal(path, Message(text.status()));
  oidc::ReadSignIn read = oidc::ParseSignInFile(path, *text, secrets);
  for (const Problem& problem : read.problems)
    LogRefusal(path, Format(problem));
  if (!read.problems.empty()) return;
  const std::size_t count = read.file.providers.size();
  desk.Set(std::move(read.file));
  LogInfo("people may log in by providers", {
                                                {"file",      path                             },
                                                {"providers", static_cast<std::uint64_t>(count)}
  });
}

}  // namespace tocsin
