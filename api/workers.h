// Threads on which API handlers may block, and a bound on how many wait. One slow list never holds up ingest or paging, and
// however many long questions are asked, they hold up nothing that somebody does: one thread answers no questions.
#pragma once

#include <cstddef>
#include <memory>

#include "absl/functional/any_invocable.h"

namespace tocsin {

class Workers {
 public:
  enum class Lane {
    kDoing,  // commands, acknowledgements, metrics: before all questions
    kAsking,
    kHashing,    // passwords: slow on purpose, so one at a time on a thread of its own, and few wait
    kStrangers,  // those of whom nobody knows yet whether they are worth it: on that thread, when no other waits
  };
  // `threads` is at least 2; `most_waiting` is of each lane.
  Workers(std::size_t threads, std::size_t most_waiting);
  ~Workers();  // as Stop
  // Finishes what was taken and takes no more. Those who still hold it may go on to call Post.
  void Stop();

  // Any thread. False when too many wait, or it has stopped: answer "come again".
  bool Post(Lane lane, absl::AnyInvocable<void()> task);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
