#include "config/assumed.h"

namespace tocsin {

Route AssumedRoute() {
  Route route;
  // The third time within half an hour is paged as flapping; nobody hears less of it than of a new group.
  route.flapping = {.changes = 5, .window = absl::Minutes(30), .stable_for = absl::Minutes(15)};
  route.break_through.severity = true;
  route.reopen_window = absl::Minutes(5);
  return route;
}

}  // namespace tocsin
