// The latest timeline entries of everything, as they became durable, for those who follow along.
//
// In memory and bounded: the oldest go, and a reader who comes too late sees from the numbers how many went by. One thread
// adds, any thread reads; neither holds the other up for longer than some pointers take to copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "model/ids.h"
#include "model/timeline.h"

namespace tocsin {

class TimelineTail {
 public:
  struct Item {
    TimelineEntry entry;
    ServiceId service;  // of the group or incident that it is about
  };
  using ItemPtr = std::shared_ptr<const Item>;
  struct Options {
    std::size_t items = 20'000;
    std::size_t bytes = 16U << 20U;
  };

  // `run` tells the numbers of this one from those of another.
  explicit TimelineTail(std::uint64_t run) : TimelineTail(run, Options()) {}
  TimelineTail(std::uint64_t run, Options options) : run_(run), options_(options) {}

  std::uint64_t run() const { return run_; }

  void Add(std::vector<ItemPtr> items);

  // A stretch of the sequence of all items, which are numbered from 0.
  struct Slice {
    std::uint64_t first = 0;  // number of the first of `items`; beyond what was asked for when that has gone
    std::uint64_t end = 0;    // the number that the next item to come will have
    std::vector<ItemPtr> items;
  };
  Slice Read(std::uint64_t from, std::size_t limit) const;

 private:
  const std::uint64_t run_;
  const Options options_;
  mutable Mutex mutex_;
  std::deque<ItemPtr> items_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t first_ ABSL_GUARDED_BY(mutex_) = 0;  // number of the oldest
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace tocsin
