// What a server says when it is up: where everything is, and what to type next.
#pragma once

#include "server/flags.h"

namespace tocsin {

// `has_sample`: the organisation in force is the built-in one.
void Greet(const ServeOptions& options, bool has_sample);

}  // namespace tocsin
