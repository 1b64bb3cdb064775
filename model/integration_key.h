// How the keys of integrations are kept. Keys are long and random, so a plain hash does: what is stored cannot be used.
#pragma once

#include <string>
#include <string_view>

namespace tocsin {

// Hex BLAKE2b-256, as Integration::key_hash.
std::string HashKey(std::string_view key);

}  // namespace tocsin
