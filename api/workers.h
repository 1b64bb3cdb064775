// Threads on which API handlers may block, and a bound on how many wait. One slow list never holds up ingest or paging.
#pragma once

#include <cstddef>
#include <memory>

#include "absl/functional/any_invocable.h"

namespace tocsin {

class Workers {
 public:
  Workers(std::size_t threads, std::size_t most_waiting);
  ~Workers();  // finishes what was taken

  // Any thread. False when too many wait: answer "come again".
  bool Post(absl::AnyInvocable<void()> task);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
