// A silence keeps the alerts that match it quiet between two wall instants. It belongs to the responder; the shards get
// the set that is in effect with each RulesVersion.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

#include "model/ids.h"
#include "model/matcher.h"

namespace tocsin {

struct Silence {
  SilenceId id;
  std::vector<Matcher> matchers;  // at least one, not all matching the empty string
  absl::Time starts_at;
  absl::Time ends_at;
  std::string created_by;
  std::string comment;
  absl::Time updated_at;
  friend bool operator==(const Silence&, const Silence&) = default;

  bool ActiveAt(absl::Time t) const { return starts_at <= t && t < ends_at; }
};

}  // namespace tocsin
