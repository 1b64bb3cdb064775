// drain-spool: sends what other commands have left in the spool. A systemd timer runs it (deploy/systemd).
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "cli/commands.h"
#include "cli/notify.h"
#include "cli/session.h"

namespace tocsin {
namespace {

absl::Status DrainSpool(const Arguments& arguments) {
  if (arguments.positional().size() > 1) return Invalid("one folder at a time");
  absl::Duration patience = absl::Minutes(5);
  if (arguments.has("timeout")) {
    TOCSIN_ASSIGN(patience, ParseSpan(arguments.get("timeout")));
  }
  const std::string folder =
      arguments.positional().empty() ? std::string(kDefaultSpool) : arguments.positional().front();
  TOCSIN_ASSIGN(const Spool spool, Spool::Open(folder));
  return arguments.has("follow") ? DrainForEver("drain-spool", spool) : DrainAndReport(spool, patience);
}

}  // namespace

int RunDrainSpool(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"timeout", 0, true,  "SPAN", "how long to try (default 5m)"},
      {"follow",  0, false, "",     "goes on for ever"            },
  };
  return WithArguments("drain-spool", arguments, kOwn, DrainSpool);
}

}  // namespace tocsin
