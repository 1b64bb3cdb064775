// `tocsin gateway`: the network side of ingest in a process of its own. gRPC's stream and the webhook doors run here on the gateway's
// inlet; everything else that comes by HTTP is handed on to the engine. It may be killed at any moment: what was not acknowledged is
// sent again, and the engine's timers and pages know nothing of it.
#pragma once

#include "server/flags.h"

namespace tocsin {

// Runs until SIGTERM or SIGINT; returns the process's exit code.
int RunGateway(const GatewayOptions& options);

}  // namespace tocsin
