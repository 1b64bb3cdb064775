// What the shards judge alerts by: an immutable snapshot, switched at a journalled sequence.
#pragma once

#include <memory>
#include <vector>

#include "model/ids.h"
#include "model/inhibition.h"
#include "model/organisation.h"
#include "model/silence.h"

namespace tocsin {

struct Rules {
  RulesVersion version;
  OrganisationPtr organisation;
  std::vector<Silence> silences;  // in effect now
  // Which sources of inhibition fire. Changes more often than the rest: the version stays the same then.
  std::shared_ptr<const InhibitionState> inhibition;
};
using RulesPtr = std::shared_ptr<const Rules>;

}  // namespace tocsin
