// The composition root: builds every object of a running server once, in dependency order, and takes them down in reverse.
#pragma once

#include "server/flags.h"

namespace tocsin {

// Serves until SIGTERM or SIGINT. Returns the process's exit code: 0; 1 when it could not start, with the reason on
// standard error; 74 ends the process from within when the journal fails.
int Serve(const ServeOptions& options);

}  // namespace tocsin
