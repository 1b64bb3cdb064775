// Identifiers that cannot be mixed up. No naked integer or string that has a kind crosses a function boundary.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace tocsin {

// A number with a kind. `using IncidentId = StrongId<struct IncidentTag>;` Zero means "none" in rows and on disk.
template <class Tag>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(std::uint64_t value) : value_(value) {}
  constexpr std::uint64_t value() const { return value_; }
  constexpr bool set() const { return value_ != 0; }
  friend constexpr auto operator<=>(StrongId, StrongId) = default;
  template <typename H>
  friend H AbslHashValue(H state, StrongId id) {
    return H::combine(std::move(state), id.value_);
  }

 private:
  std::uint64_t value_ = 0;
};

// A name with a kind: what an organisation's YAML calls a user, a team, a route. Empty means "none".
template <class Tag>
class StrongName {
 public:
  StrongName() = default;
  explicit StrongName(std::string value) : value_(std::move(value)) {}
  explicit StrongName(std::string_view value) : value_(value) {}
  explicit StrongName(const char* value) : value_(value) {}
  const std::string& value() const { return value_; }
  bool set() const { return !value_.empty(); }
  friend auto operator<=>(const StrongName&, const StrongName&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const StrongName& name) {
    return H::combine(std::move(state), name.value_);
  }

 private:
  std::string value_;
};

}  // namespace tocsin

template <class Tag>
struct std::hash<tocsin::StrongId<Tag>> {
  std::size_t operator()(tocsin::StrongId<Tag> id) const { return std::hash<std::uint64_t>{}(id.value()); }
};
template <class Tag>
struct std::hash<tocsin::StrongName<Tag>> {
  std::size_t operator()(const tocsin::StrongName<Tag>& id) const { return std::hash<std::string>{}(id.value()); }
};
