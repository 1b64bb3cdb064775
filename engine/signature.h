// Which labels an alert may have, in 64 bits: a Bloom filter of its label pairs. An alert with all the pairs that a list asks
// for has all their bits; one in a thousand has them without the two pairs that were asked for, when it has eight labels. So a
// list reads eight bytes of each alert, one after the other, and looks at those alone that may fit.
#pragma once

#include <cstdint>

namespace tocsin {

using Signature = std::uint64_t;

// Of one pair, by hashes of its name and its value. Three bits: with 8 to 16 labels about the best number.
inline Signature SignatureOf(std::uint32_t name_hash, std::uint32_t value_hash) {
  const std::uint64_t mixed = (std::uint64_t{name_hash} << 32U | value_hash) * 0x9E3779B97F4A7C15U;
  const auto bit = [mixed](unsigned shift) { return Signature{1} << (mixed >> shift & 63U); };
  return bit(58) | bit(52) | bit(46);
}

// Whether an alert of signature `all` may have every pair that is in `asked`.
inline bool MayHave(Signature all, Signature asked) {
  return (all & asked) == asked;
}

}  // namespace tocsin
