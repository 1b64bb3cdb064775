#include "server/sign_in.h"

#include <fstream>

#include "base/limits.h"
#include "base/log.h"
#include "oidc/settings.h"

namespace tocsin {
namespace {

constexpr std::streamsize kFileBytes = 1 << 20;

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
  std::ifstream in(path, std::ios::binary);
  if (!in) return LogRefusal(path, "cannot be read");
  std::string text(static_cast<std::size_t>(kFileBytes) + 1, '\0');
  in.read(text.data(), kFileBytes + 1);
  if (in.gcount() > kFileBytes) return LogRefusal(path, "more than 1 MiB");
  text.resize(static_cast<std::size_t>(in.gcount()));
  oidc::ReadSignIn read = oidc::ParseSignInFile(path, text, secrets);
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
