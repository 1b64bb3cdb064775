// Private to import: Grafana OnCall's escalation chains, and the routes of its integrations that lead to them.
#pragma once

#include "import/draft.h"
#include "import/gather.h"

namespace tocsin::import::grafana {

// Users, teams and schedules have been read.
void ReadChains(const Gathering& found, Draft& draft);
// Chains have been read.
void ReadRoutes(const Gathering& found, Draft& draft);

}  // namespace tocsin::import::grafana
