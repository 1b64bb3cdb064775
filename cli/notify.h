// What the notification commands of monitoring systems share. Whatever happens to the server, the event is on this host's disk
// before anything else is tried: none of them tries again as long as an outage may last.
//
// An event is the product's own fields as a flat JSON object of texts, posted to URL/v1/integrations/KEY; a source in
// ingest/sources/ reads it.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "cli/arguments.h"
#include "client/spool.h"

namespace tocsin {

inline constexpr std::string_view kDefaultSpool = "/var/spool/tocsin";

// A product's fields by their own names. Empty values are not kept, long ones are cut: Icinga's may be 115 KB.
class VendorFields {
 public:
  void Keep(std::string_view name, std::string_view value);
  bool Has(const std::string& name) const { return fields_.contains(name); }
  std::string Get(const std::string& name) const;
  std::string ToJson() const;

 private:
  std::map<std::string, std::string> fields_;
};

// The variables of this process's environment that begin with `prefix`, without it.
std::vector<std::pair<std::string, std::string>> EnvironmentWith(std::string_view prefix);
std::string EnvironmentValue(const std::string& name);

struct NotifyCommand {
  std::string_view name;            // "notify-nagios"
  std::span<const OptionSpec> own;  // besides those of all of them
  // The event's body; empty: there is nothing to say.
  std::function<absl::StatusOr<std::string>(const Arguments&)> read;
  std::string_view key_variable = "";  // of the environment, where the product keeps the key
  bool may_drain = false;              // has --drain and --follow
  bool first_of_three_is_key = false;  // of three positional arguments, when no option gives one
};
// Exit codes: 0 sent or spooled; 1 neither, or the server will never take it; 2 wrong usage.
int RunNotify(const NotifyCommand& command, std::span<const std::string> arguments);

// What became of an event that is on disk first.
struct HandedOver {
  bool waits = false;           // in the spool; else it is sent
  std::string trouble;          // "3 wait: why", "2 others wait: why", "not spooled: why"; empty: nothing waits
  std::string others_rejected;  // what the server will never take of other events; empty: nothing
};
// Into the spool, and from there with what waits; where there is no disk, straight to the server. An error: it is neither sent nor
// waits, or will never be taken.
absl::StatusOr<HandedOver> HandOver(const std::string& folder, const SpooledEvent& event, absl::Duration patience);

// Sends what waits in `spool` to wherever it is meant for, for at most `patience`.
absl::StatusOr<Spool::Drained> DrainOnce(const Spool& spool, absl::Duration patience);
// Prints what came of it. An error when something was rejected or is left.
absl::Status DrainAndReport(const Spool& spool, absl::Duration patience);
// Goes on until it is killed.
absl::Status DrainForEver(std::string_view command, const Spool& spool);

}  // namespace tocsin
