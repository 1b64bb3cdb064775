// Private to import: time zones by the names that other systems have for them.
#pragma once

#include <string>
#include <string_view>

namespace tocsin::import {

// The IANA name of "Europe/Berlin", or of "Eastern Time (US & Canada)" as Rails has it; "" when nobody knows it.
std::string KnownZone(std::string_view name);

}  // namespace tocsin::import
