// Change events: kept, and shown beside alerts. And what else is kept for a while and then goes.
#pragma once

#include "absl/status/statusor.h"

#include "engine/responder_turn.h"
#include "model/command.h"

namespace tocsin {

absl::StatusOr<ChangeEventId> RecordChangeBy(Turn& turn, const RecordChange& command);

// The timer of a table (its index in Row) whose rows are kept for a while: those whose time is over go, some at a time.
void DropOutlived(Turn& turn, std::uint64_t table);
// Something was put into the table that is to go by then.
void ExpectOutlived(Turn& turn, std::uint64_t table, absl::Time by);

// Changes within `before` ahead of `at`, and until `after` it, that have to do with something of this service and labels:
// they name the service, or a label of theirs has the same value. Newest first, at most `limit`.
std::vector<const ChangeEvent*> ChangesAround(const ResponderState& state,
                                              const ServiceId& service,
                                              const Labels& labels,
                                              absl::Time at,
                                              absl::Duration before,
                                              absl::Duration after,
                                              std::size_t limit);
// The same, of a group: about when this episode opened, by its own labels and those of the alerts that it lists.
std::vector<const ChangeEvent*> ChangesAround(const ResponderState& state, const Group& group);

}  // namespace tocsin
