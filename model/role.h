// What whoever calls may do.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tocsin {

// Each may do what those before it may, but for kIntegration, which sends alerts and nothing else.
enum class Role : std::uint8_t {
  kIntegration = 1,
  kViewer = 2,     // sees everything
  kResponder = 3,  // answers for what is paged
  kManager = 4,    // changes what is configured
  kAdmin = 5,
};
std::string_view Name(Role role);
std::optional<Role> RoleFromName(std::string_view name);

}  // namespace tocsin
