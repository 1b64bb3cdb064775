// Private to import: hours of the day and of the week, as sources have them, as time intervals.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "import/draft.h"
#include "import/item.h"

namespace tocsin::import {

// Inside any of `windows`, on the wall clock of `zone` (empty: of whoever it is about). The same hours are the same interval. nullopt,
// and a problem at `item`, when there are more than an organisation may have; `windows` is not empty.
std::optional<TimeIntervalId> HoursOf(const Item& item,
                                      std::string_view name,
                                      std::span<const Restriction> windows,
                                      const std::string& zone,
                                      Draft& draft);

// Never outside: what is muted during it tells nobody.
std::optional<TimeIntervalId> Always(const Item& item, Draft& draft);

}  // namespace tocsin::import
