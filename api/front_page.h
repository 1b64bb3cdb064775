// What a browser is shown at `/`: what this is, and where to go.
#pragma once

#include "net/http_router.h"

namespace tocsin {

void AddFrontPage(HttpRouter& router);

}  // namespace tocsin
