// Completion: the scripts for shells ask this program itself what may come next, so they never grow old.
#pragma once

#include <span>
#include <string>

namespace tocsin {

// `tocsin __complete WORD...`: one candidate a line for the last word, which may be empty. Asks the server for numbers and names
// and says nothing when it does not answer soon. Always 0: a shell has no use for an error in the middle of a line.
int RunComplete(std::span<const std::string> words);

}  // namespace tocsin
