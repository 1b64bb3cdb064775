// The API's methods as one table, and what answers each. Both faces, gRPC and JSON over HTTP, call through it, so neither can
// do what the other cannot.
//
// Handlers block (they wait for the engine, and mutations for the journal): call them on a worker, never on an I/O thread.
// They may run at the same time on many.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "engine/pipeline.h"

namespace tocsin {

// What handlers work with.
struct Api {
  Engine& engine;
  std::string version;
};

// Who asks: "user:admin". Recorded with everything that they change.
struct Caller {
  std::string name;
};

enum class Encoding : std::uint8_t {
  kProtobuf,
  kJson
};

struct Method {
  std::string_view service;  // tocsin.v1.GroupService
  std::string_view name;     // ListGroups
  // Decodes, answers, encodes. InvalidArgument names the field or the position that could not be read.
  absl::StatusOr<std::string> (*call)(Api& api, const Caller& caller, std::string_view request, Encoding encoding);
};

// All methods, those of a service in a row.
std::span<const Method> Methods();

}  // namespace tocsin
