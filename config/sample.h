// The organisation of deploy/sample, in the binary: what `tocsin serve --sample` starts with. All its pages go to the
// terminal.
#pragma once

#include <vector>

#include "config/load.h"

namespace tocsin {

std::vector<SourceFile> SampleOrganisation();

}  // namespace tocsin
