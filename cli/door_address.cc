#include "cli/door_address.h"

#include "absl/strings/str_cat.h"

#include "base/status.h"

namespace tocsin {

DoorAddress DoorAddressOf(const Arguments& arguments, const v1::Organisation& organisation, const Client& client) {
  DoorAddress address{.base = arguments.get("base"), .from = "--base"};
  if (address.base.empty()) address = {organisation.public_url(), "the organisation's public_url"};
  if (address.base.empty()) {
    std::string host = client.address();
    if (const std::size_t scheme = host.find("://"); scheme != std::string::npos) host.erase(0, scheme + 3);
    if (const std::size_t colon = host.rfind(':'); colon != std::string::npos) host.erase(colon);
    address = {absl::StrCat("http://", host, ":8911"), "a guess: declare public_url, or give --base"};
  }
  while (address.base.ends_with('/'))
    address.base.pop_back();
  return address;
}

absl::StatusOr<DoorAddress> AskDoorAddress(const Arguments& arguments, const Client& client) {
  using v1::OrganisationService;
  TOCSIN_ASSIGN(const auto response, client.Call<OrganisationService>(&OrganisationService::Stub::GetOrganisation,
                                                                      v1::GetOrganisationRequest()));
  return DoorAddressOf(arguments, response.organisation(), client);
}

}  // namespace tocsin
