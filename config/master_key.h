// Whether the master key of a vault is fit to be one.
#pragma once

#include <string>

namespace tocsin {

class Vault;

// What is wrong with the key that opened it, for people, or "". It does not keep a server from starting: people must be paged.
std::string WarningOfMasterKey(const Vault& vault);

}  // namespace tocsin
