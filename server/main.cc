// tocsin serve, tocsin gateway, and everything else by the command line's table.
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include <sys/stat.h>

#include "base/status.h"
#include "cli/commands.h"
#include "server/flags.h"
#include "server/gateway.h"
#include "server/serve.h"

namespace {

template <class Parse, class Serve>
int Run(const char* name, std::vector<std::string> arguments, Parse parse, Serve serve) {
  arguments[0] = name;
  const auto options = parse(std::move(arguments));
  if (options.ok()) return serve(*options);
  std::fprintf(stderr, "%s: %s\n", name, tocsin::Message(options.status()).c_str());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  umask(S_IRWXG | S_IRWXO);  // what is written is for its owner: the views are RocksDB's, which asks for 0644
  // Debian builds Abseil without NDEBUG: each lock of ours and of gRPC's would go through a graph of all locks, behind a lock of its own.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 2 && arguments[0] == "help" && (arguments[1] == "serve" || arguments[1] == "gateway"))
    arguments = {arguments[1], "--help"};
  const bool is_gateway = !arguments.empty() && arguments[0] == "gateway";
  if (!is_gateway && (arguments.empty() || arguments[0] != "serve")) return tocsin::RunCommandLine(arguments);
  if (arguments.size() > 1 && (arguments[1] == "--help" || arguments[1] == "-h")) {
    std::printf("%s", (is_gateway ? tocsin::DescribeGatewayFlags() : tocsin::DescribeServeFlags()).c_str());
    return 0;
  }
  if (is_gateway) return Run("tocsin gateway", std::move(arguments), tocsin::ParseGatewayFlags, tocsin::RunGateway);
  return Run("tocsin serve", std::move(arguments), tocsin::ParseServeFlags, tocsin::Serve);
}
