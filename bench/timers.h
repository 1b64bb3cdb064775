// For oncall_bench: a million armed timers in three structures with one interface.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/timer_queue.h"

namespace tocsin {

// What the responder uses.
struct RadixTimers {
  void Arm(const DueTimer& key) { queue.Arm(key); }
  void Cancel(TimerId id) { queue.Cancel(id); }
  // The first `limit` that are due, in order; they stay until they are cancelled.
  std::vector<DueTimer> Due(EngineTime now, std::size_t limit) {
    std::vector<DueTimer> due;
    queue.ForEachDue(now, [&](const DueTimer& key) {
      due.push_back(key);
      return due.size() < limit;
    });
    return due;
  }
  TimerQueue queue;
};

// An ordered set, and where in it each timer stands.
struct TreeTimers {
  void Arm(const DueTimer& key) {
    armed[key.id] = key;
    due.insert(key);
  }
  void Cancel(TimerId id) {
    const auto found = armed.find(id);
    due.erase(found->second);
    armed.erase(found);
  }
  std::vector<DueTimer> Due(EngineTime now, std::size_t limit) {
    std::vector<DueTimer> found;
    for (auto each = due.begin(); each != due.end() && each->due <= now && found.size() < limit; ++each)
      found.push_back(*each);
    return found;
  }
  std::unordered_map<TimerId, DueTimer> armed;
  std::set<DueTimer> due;
};

// A plain binary heap: what is cancelled stays in it, and is passed over when it comes up.
struct HeapTimers {
  void Arm(const DueTimer& key) { heap.push(key); }
  void Cancel(TimerId id) { cancelled.insert(id); }
  std::vector<DueTimer> Due(EngineTime now, std::size_t limit) {
    std::vector<DueTimer> found;
    while (!heap.empty() && heap.top().due <= now && found.size() < limit) {
      if (cancelled.erase(heap.top().id) == 0) found.push_back(heap.top());
      heap.pop();
    }
    for (const DueTimer& key : found)
      heap.push(key);
    return found;
  }
  std::priority_queue<DueTimer, std::vector<DueTimer>, std::greater<>> heap;
  std::unordered_set<TimerId> cancelled;
};

}  // namespace tocsin
