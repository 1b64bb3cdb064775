// Messages of the schema with every field set, at random, such as this version could have written. Because it goes by the
// schema's descriptors, a field that is added tomorrow is covered tomorrow.
#pragma once

#include <string>

#include <google/protobuf/message.h>

#include "base/random.h"

namespace tocsin {

// Valid UTF-8 of up to about 20 bytes, never empty.
std::string RandomText(Random& random);

// Sets every field of `message`; lists get one to three elements, those deeper than a few levels none.
void FillRandomly(google::protobuf::Message& message, Random& random, int depth = 0);

}  // namespace tocsin
