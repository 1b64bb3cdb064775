// What every gRPC server is asked by tools and balancers: the standard services of health and of reflection. They need no token: they tell
// names and the schema, which anybody may have. Each is of the services that the router has when it is added, so they come last.
#pragma once

#include "net/grpc_router.h"

namespace tocsin {

// grpc.health.v1.Health: whatever is here serves.
void AddHealth(GrpcRouter& router);
// grpc.reflection.v1.ServerReflection, and v1alpha, which most tools still ask.
void AddReflection(GrpcRouter& router);

}  // namespace tocsin
