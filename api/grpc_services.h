// The API over gRPC: each method of the table, by its path.
#pragma once

#include "api/auth.h"
#include "api/methods.h"
#include "api/workers.h"
#include "net/grpc_router.h"

namespace tocsin {

// The other arguments outlive the server that has the router.
void AddGrpcMethods(GrpcRouter& router, Api& api, const Auth& auth, Workers& workers);

}  // namespace tocsin
