// What is known of people's contact methods, for other commands.
#pragma once

#include <string>
#include <vector>

#include "cli/client.h"

namespace tocsin {

// A line for each contact method of those who are on call now that fails, or whose self-test was not confirmed. Empty also when the
// server does not know.
std::vector<std::string> DoubtsAboutThoseOnCall(const Client& client);

}  // namespace tocsin
