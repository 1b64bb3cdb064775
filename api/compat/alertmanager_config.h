// The organisation as an alertmanager.yml: what /api/v2/status shows, and what `amtool config routes test` loads and asks. Routes,
// names of receivers, inhibition and time intervals are all there; whom receivers reach, and everything about people, is not. Pure.
#pragma once

#include <string>

#include "model/organisation.h"

namespace tocsin::alertmanager {

std::string RenderConfiguration(const Organisation& organisation);

}  // namespace tocsin::alertmanager
