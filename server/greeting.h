// What a server says when it is up: where everything is, and what to type next.
#pragma once

#include <string>

#include "server/flags.h"

namespace tocsin {

// An address that a program on this machine can connect to: that of "every address" is none.
std::string Reachable(const std::string& address);
// `has_sample`: the organisation in force is the built-in one.
void Greet(const ServeOptions& options, bool has_sample);

}  // namespace tocsin
