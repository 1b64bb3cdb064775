// Everything that reads what outsiders send, each as a function that any bytes may be given to.
//
// One table for both uses: the fuzzer (`./dev fuzz`, built with Clang and libFuzzer) looks for inputs that break one, and
// corpus_test gives each the inputs that are kept in corpus/, in every build. A target aborts (CHECK) where its parser has broken a
// promise, not only where it crashes.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin {

struct FuzzTarget {
  std::string name;  // the folder of its corpus
  std::function<void(std::string_view input)> run;
  std::vector<std::string> seeds;  // beside the corpus: minimal valid inputs
};

const std::vector<FuzzTarget>& FuzzTargets();
const FuzzTarget* FindFuzzTarget(std::string_view name);

}  // namespace tocsin
