// What every gRPC server is asked by tools and balancers: the standard services of health and of reflection. They need no token: they tell
// names and the schema, which anybody may have. Each is of the services that the router has when it is added, so they come last.
#pragma once

#include <cstddef>

#include "base/clock.h"
#include "net/grpc_router.h"

namespace tocsin {

// grpc.health.v1.Health: whatever is here serves.
void AddHealth(GrpcRouter& router);
// grpc.reflection.v1.ServerReflection, and v1alpha, which most tools still ask. So many bytes a second are told to all askers together.
inline constexpr std::size_t kMostReflected = std::size_t{8} << 20U;
void AddReflection(GrpcRouter& router, const Clock& clock);

}  // namespace tocsin
