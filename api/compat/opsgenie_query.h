// Opsgenie's search language: which alerts a list, a count or a saved search means. Pure.
//
//   status: open AND (priority: P1 OR tag: database) NOT message: "disk full"
//   createdAt >= 1795289000000    createdAt: 21-11-2026    count > 5
//   message: (disk OR memory)     source: web*             checkout
//
// Terms beside one another are both meant. AND binds closer than OR, NOT closest; in any case of letters. `field: value` and
// `field OP value` with < <= > >= = and !=; `field: (a OR b)`; "a phrase"; a trailing * stands for the rest of a word. A word without a
// field is looked for in message, description, alias, tags, source, entity, owner, details and both ids.
//
// Texts (message, description, entity, details.value) match by whole words, all else as a whole; neither minds case. Times are Unix
// milliseconds, days (dd-MM-yyyy, UTC) or RFC 3339; a day equals every instant of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "model/opsgenie.h"

namespace tocsin {

class OpsgenieQuery {
 public:
  static constexpr std::size_t kMostBytes = 1000;
  static constexpr std::size_t kMostTerms = 64;  // that differ

  // An empty text means all. The error names the place, counted in bytes from 1, and what was expected there.
  static absl::StatusOr<OpsgenieQuery> Parse(std::string_view text);

  bool Match(const OpsgenieAlert& alert) const;

  struct Node;

 private:
  std::shared_ptr<const Node> root_;  // null: all
  std::size_t terms_ = 0;             // that differ
};

// The key by which a list is sorted: "createdAt", "report.ackTime" ... Less than, equal, greater; false when there is no such key.
bool IsOpsgenieSortKey(std::string_view key);
bool SortsBefore(const OpsgenieAlert& a, const OpsgenieAlert& b, std::string_view key);

}  // namespace tocsin
