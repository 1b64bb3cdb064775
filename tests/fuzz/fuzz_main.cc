// The entry points of libFuzzer. TOCSIN_FUZZ_TARGET says which parser is given the inputs; --list and --seeds FOLDER, as the only
// arguments, are for tests/fuzz/run.py.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/fuzz/targets.h"

namespace {

const tocsin::FuzzTarget* target = nullptr;

void WriteSeeds(const std::filesystem::path& folder) {
  for (const tocsin::FuzzTarget& each : tocsin::FuzzTargets()) {
    std::filesystem::create_directories(folder / each.name);
    for (std::size_t i = 0; i < each.seeds.size(); ++i)
      std::ofstream(folder / each.name / ("seed-" + std::to_string(i)), std::ios::binary) << each.seeds[i];
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  if (*argc == 2 && std::string_view((*argv)[1]) == "--list") {
    for (const tocsin::FuzzTarget& each : tocsin::FuzzTargets())
      std::printf("%s\n", each.name.c_str());
    std::exit(0);
  }
  if (*argc == 3 && std::string_view((*argv)[1]) == "--seeds") {
    WriteSeeds((*argv)[2]);
    std::exit(0);
  }
  const char* name = std::getenv("TOCSIN_FUZZ_TARGET");
  target = name == nullptr ? nullptr : tocsin::FindFuzzTarget(name);
  if (target != nullptr) return 0;
  std::fprintf(stderr, "TOCSIN_FUZZ_TARGET must name a target: --list prints them\n");
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
