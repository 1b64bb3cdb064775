// Organisations at random that make sense: what config/check.h lets through, with a bit of everything.
#pragma once

#include "base/random.h"
#include "model/organisation.h"

namespace tocsin {

Organisation RandomOrganisation(Random& random);

}  // namespace tocsin
