// tocsin serve, and everything else by the command line's table.
#include <cstdio>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/commands.h"
#include "server/flags.h"
#include "server/serve.h"

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments == std::vector<std::string>{"help", "serve"}) arguments = {"serve", "--help"};
  if (arguments.empty() || arguments[0] != "serve") return tocsin::RunCommandLine(arguments);
  if (arguments.size() > 1 && (arguments[1] == "--help" || arguments[1] == "-h")) {
    std::printf("%s", tocsin::DescribeServeFlags().c_str());
    return 0;
  }
  arguments[0] = "tocsin serve";
  const absl::StatusOr<tocsin::ServeOptions> options = tocsin::ParseServeFlags(arguments);
  if (!options.ok()) {
    std::fprintf(stderr, "tocsin serve: %s\n", tocsin::Message(options.status()).c_str());
    return 2;
  }
  return tocsin::Serve(*options);
}
