// `tocsin --help`: the commands by what one wants to do; `tocsin COMMAND --help`: its options, and examples.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/arguments.h"

namespace tocsin {

std::string GeneralHelp();
std::string CommandHelp(std::string_view command, std::span<const OptionSpec> options);

}  // namespace tocsin
