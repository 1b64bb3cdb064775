// What is assumed of a route where the configuration says nothing: reading begins with it, and writing leaves it out.
#pragma once

#include "model/organisation.h"

namespace tocsin {

// The parent of the root, as it were. A group that comes back soon is the same one, one that comes and goes is paged once,
// a rising severity does not wait; the rest is Alertmanager's.
Route AssumedRoute();

}  // namespace tocsin
