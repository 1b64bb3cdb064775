// Private to import: what Icinga Notifications' rules are restricted to: filters of objects, and time periods.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "import/draft.h"
#include "import/item.h"

namespace tocsin::import::icinga {

// host=web*&service!=ping, hostgroup/linux: alternatives, each a conjunction of labels as the source "nagios" makes them. nullopt: it
// says more than matchers can.
std::optional<std::vector<std::vector<Matcher>>> ParseFilter(std::string_view filter);

// A time period's entry that comes round each day or week; nullopt: it does not.
std::optional<std::vector<Restriction>> WindowsOf(const Item& entry, const std::string& zone);

}  // namespace tocsin::import::icinga
