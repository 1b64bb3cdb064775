// What a group's row keeps of its alerts. The row is journalled with each decision about the group, and alerts may be as
// large as 64 KiB each: people need the beginning of a text, not all of it.
#pragma once

#include <vector>

#include "model/report.h"

namespace tocsin {

// In order, with values cut to 512 bytes, until about 8 KiB are used; the rest is left out. Valid UTF-8 stays valid.
std::vector<AlertSummary> CutForRow(std::vector<AlertSummary> alerts);

}  // namespace tocsin
