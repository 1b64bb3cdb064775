// Private to cli: where senders find the server.
#pragma once

#include <string>

#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/session.h"

namespace tocsin {

inline constexpr OptionSpec kBaseOption = {"base", 0, true, "URL", "the server's HTTP address as senders reach it"};

struct DoorAddress {
  std::string base;  // "https://tocsin.example.com", no slash at its end
  std::string from;  // who says so
};
// --base, else the organisation's public_url, else a guess.
DoorAddress DoorAddressOf(const Arguments& arguments, const v1::Organisation& organisation, const Client& client);
// The same, asking the server for its organisation.
absl::StatusOr<DoorAddress> AskDoorAddress(const Arguments& arguments, const Client& client);

}  // namespace tocsin
