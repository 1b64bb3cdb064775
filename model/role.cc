#include "model/role.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tocsin {
namespace {

constexpr std::pair<Role, std::string_view> kRoles[] = {
    {Role::kIntegration, "integration"},
    {Role::kViewer,      "viewer"     },
    {Role::kResponder,   "responder"  },
    {Role::kManager,     "manager"    },
    {Role::kAdmin,       "admin"      },
};

}  // namespace

std::string_view Name(Role role) {
  const auto* found = std::ranges::find(kRoles, role, &std::pair<Role, std::string_view>::first);
  return found == std::end(kRoles) ? "unknown" : found->second;
}

std::optional<Role> RoleFromName(std::string_view name) {
  const auto* found = std::ranges::find(kRoles, name, &std::pair<Role, std::string_view>::second);
  if (found == std::end(kRoles)) return std::nullopt;
  return found->first;
}

}  // namespace tocsin
