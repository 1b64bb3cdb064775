// Runs real code in every order in which the atomic operations of its threads can follow one another, and looks whether the memory orders
// that it names order its other accesses.
//
//   ExploreResult result = Explore(3, [&] { return Play{{producer, consumer}, check}; });
//
// The code is compiled with -fsanitize=thread, which makes a call of each access to memory. Here these calls hand control to whom the
// schedule says (threads are coroutines), one atomic operation at a time. Schedules are tried depth first, up to a number of
// preemptions: a mistake hardly ever needs more than two (Musuvathi and Qadeer, "Iterative context bounding", PLDI 2007).
//
// Atomic operations themselves are taken to be sequentially consistent. What a release and an acquire order is kept in vector clocks: two
// accesses to watched memory, one of them a write, neither atomic, without an order between them, are a race.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tocsin {

// One run from its start: made anew for each schedule.
struct Play {
  std::vector<std::function<void()>> threads;  // at most kMostThreads; what they wait for must not need another's step
  std::function<std::string()> check;          // after all have ended; empty: all is well
};
inline constexpr std::size_t kMostThreads = 4;

struct ExploreResult {
  std::uint64_t schedules = 0;
  std::string failure;  // the first; with it the search ends
};
ExploreResult Explore(int preemptions, const std::function<Play()>& make);

// Of the present run: accesses to it are looked at for races.
void WatchMemory(const void* begin, std::size_t bytes);
// A thread of the play says that something is wrong.
void Fail(const std::string& what);

}  // namespace tocsin
