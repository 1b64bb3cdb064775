// Every input that has once broken a parser, and the seeds that the fuzzer begins with, in every build.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/fuzz/targets.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

std::string ReadAll(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

TEST(FuzzCorpusTest, NothingThatIsKeptBreaksItsParser) {
  const fs::path corpus = fs::path(TOCSIN_SOURCE_DIR) / "tests/fuzz/corpus";
  for (const FuzzTarget& target : FuzzTargets()) {
    SCOPED_TRACE(target.name);
    target.run("");
    for (const std::string& seed : target.seeds)
      target.run(seed);
    if (!fs::exists(corpus / target.name)) continue;
    for (const auto& entry : fs::directory_iterator(corpus / target.name)) {
      SCOPED_TRACE(entry.path().filename());
      target.run(ReadAll(entry.path()));
    }
  }
}

TEST(FuzzCorpusTest, EveryFolderOfTheCorpusHasItsTarget) {
  const fs::path corpus = fs::path(TOCSIN_SOURCE_DIR) / "tests/fuzz/corpus";
  for (const auto& entry : fs::directory_iterator(corpus)) {
    if (!entry.is_directory()) continue;
    EXPECT_NE(FindFuzzTarget(entry.path().filename().string()), nullptr) << entry.path();
  }
}

// Not guided by coverage, but in every build: a few hundred changes of every seed.
TEST(FuzzCorpusTest, SeedsMayBeChangedAnywhere) {
  Random random(11);
  for (const FuzzTarget& target : FuzzTargets()) {
    SCOPED_TRACE(target.name);
    for (const std::string& seed : target.seeds) {
      for (int i = 0; i < 200; ++i) {
        std::string input = seed;
        for (std::uint64_t change = 0; change <= random.Below(4) && !input.empty(); ++change) {
          const std::size_t at = random.Below(input.size());
          switch (random.Below(3)) {
            case 0: input[at] = static_cast<char>(random.Below(256)); break;
            case 1: input.erase(at, 1 + random.Below(4)); break;
            default: input.insert(at, input.substr(random.Below(input.size()), random.Below(16)));
          }
        }
        target.run(input);
      }
    }
  }
}

}  // namespace
}  // namespace tocsin
