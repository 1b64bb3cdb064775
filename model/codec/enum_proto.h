// Enumerations of the model and of the schema that list the same things in the same order, their numbers a constant apart.
// The static_assert beside each use pins the last pair; the codec's tests compare all the names.
#pragma once

#include "absl/status/status.h"
#include <google/protobuf/generated_enum_reflection.h>

#include "base/status.h"

namespace tocsin {

template <int kOffset, typename P, typename E>
P EnumToProto(E from) {
  return static_cast<P>(static_cast<int>(from) + kOffset);
}

// `kOffset` is also the least number that means something on the schema's side, for enumerations that start at zero.
template <int kOffset, int kFirst, typename P, typename E>
absl::Status EnumFromProto(P from, E& to) {
  const int number = static_cast<int>(from);
  if (number == 0 && kFirst > 0) return Invalid("missing");
  const auto* descriptor = google::protobuf::GetEnumDescriptor<P>();
  if (number < kFirst || descriptor->FindValueByNumber(number) == nullptr) {
    return Invalid("unknown value %d of %s", number, descriptor->name());
  }
  to = static_cast<E>(number - kOffset);
  return absl::OkStatus();
}

}  // namespace tocsin

// Defines ToProto and FromProto for one pair: `E` ours, `P` the schema's, `kFirst` its least meaningful number, and the last
// of both lists.
#define TOCSIN_ENUM_PROTO(E, P, kOffset, kFirst, last_of_ours, last_of_schema)                   \
  static_assert(static_cast<int>(last_of_ours) + (kOffset) == static_cast<int>(last_of_schema)); \
  P ToProto(E from) {                                                                            \
    return EnumToProto<kOffset, P>(from);                                                        \
  }                                                                                              \
  absl::Status FromProto(P from, E& to) {                                                        \
    return EnumFromProto<kOffset, kFirst>(from, to);                                             \
  }                                                                                              \
  static_assert(true)
