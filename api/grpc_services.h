// The API over gRPC: each service of the method table, registered by name, so that reflection lists it.
#pragma once

#include <memory>
#include <vector>

#include "api/auth.h"
#include "api/methods.h"
#include "api/workers.h"

namespace grpc {
class Service;
}

namespace tocsin {

// To be registered with a grpc::ServerBuilder and kept until the server has gone. The arguments outlive them.
std::vector<std::unique_ptr<grpc::Service>> MakeGrpcServices(Api& api, const Auth& auth, Workers& workers);

}  // namespace tocsin
