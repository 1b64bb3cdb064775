// What a server says when it is up: where everything is, and what to type next.
#pragma once

#include "server/flags.h"

namespace tocsin {

void Greet(const ServeOptions& options);

}  // namespace tocsin
