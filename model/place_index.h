// Where in a list the thing with an id lies, for lists of a hundred thousand things.
//
// What it says is looked at again, so an index that is out of date after an edit costs time and not truth: a list that has none, or
// another one, is searched from its beginning. It is no part of a value: all of them are equal.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "base/hash.h"

namespace tocsin {

class PlaceIndex {
 public:
  // Of T with an `id` that is a StrongName.
  template <typename T>
  void Build(const std::vector<T>& list) {
    places_.clear();
    if (list.size() < kWorthIt) return;
    places_.reserve(list.size());
    for (std::size_t i = 0; i < list.size(); ++i)
      places_.try_emplace(Hash64(list[i].id.value()), static_cast<std::uint32_t>(i));
  }

  // The first thing of `list` with this id; nullptr when there is none.
  template <typename T, typename Id>
  const T* Find(const std::vector<T>& list, const Id& id) const {
    if (!places_.empty()) {
      const auto place = places_.find(Hash64(id.value()));
      if (place != places_.end() && place->second < list.size() && list[place->second].id == id) {
        return &list[place->second];
      }
    }
    const auto found = std::ranges::find(list, id, &T::id);
    return found == list.end() ? nullptr : &*found;
  }

  friend bool operator==(const PlaceIndex&, const PlaceIndex&) { return true; }

 private:
  static constexpr std::size_t kWorthIt = 16;  // fewer are found as fast by looking at each

  absl::flat_hash_map<std::uint64_t, std::uint32_t> places_;  // by the id's hash
};

}  // namespace tocsin
