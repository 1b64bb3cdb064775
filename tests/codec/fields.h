// How many fields an aggregate has: so that a test fails when somebody adds a field to the model and forgets the schema.
#pragma once

#include <cstddef>
#include <utility>

namespace tocsin {

namespace fields_internal {

// Converts to whatever a field is. Never evaluated.
struct Anything {
  std::size_t ignored;
  template <typename T>
  operator T() const;  // NOLINT(google-explicit-constructor): that is its purpose
};

template <typename T, std::size_t... i>
constexpr bool Takes(std::index_sequence<i...> /*counts*/) {
  return requires {
    T{Anything{i}...};
  };
}

template <typename T, std::size_t kCount = 0>
constexpr std::size_t Count() {
  if constexpr (Takes<T>(std::make_index_sequence<kCount + 1>())) {
    return Count<T, kCount + 1>();
  } else {
    return kCount;
  }
}

}  // namespace fields_internal

template <typename Aggregate>
inline constexpr std::size_t kFieldCount = fields_internal::Count<Aggregate>();

}  // namespace tocsin
