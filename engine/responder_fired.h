// What is new to a decision about a group: alerts that have begun to fire since.
//
// Shards count how often alerts of a group begin to fire, each for itself, and forget the count with the group's last alert: a sum
// over shards says nothing. So a decision remembers the count of each shard in which something fires. There it goes on, over a
// restart too, and whatever goes beyond it is new; in a shard that is not remembered, everything that fires is.
#pragma once

#include <vector>

#include "engine/responder_turn.h"

namespace tocsin {

// As the shards have it now, of the group and its parts. Once it is resolved its parts have gone their own ways: then of itself.
std::vector<FiredIn> FiredNow(const Turn& turn, const Group& group);

// Whether something fires in it that had not begun to when it was decided on.
bool FiresAnew(const Turn& turn, const Group& group);

// Shards in which nothing of it fires any more are remembered no longer: they may begin to count anew.
void ForgetRecovered(Turn& turn, GroupId id);

}  // namespace tocsin
