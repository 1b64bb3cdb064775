// Private to import: Opsgenie's people and the routing rules of its teams, beside its schedules and escalations.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "import/draft.h"
#include "import/item.h"

namespace tocsin::import::opsgenie {

// {timeAmount, timeUnit}.
std::int64_t Seconds(const Item& delay);

// By its id, or by the name that it was called by.
const std::string* Known(const IdBook& book, const Item& item);

// Of a rotation, a rule of notification or of routing; weekly ones in ISO days.
std::vector<Restriction> WindowsOf(const Item& time_restriction);

// `rules`: a backup has {user, notificationRuleList}, the API the user alone.
void ReadUser(const Item& item, const Item& rules, Draft& draft);
// By id or user name; when there is none, that is a loss.
std::optional<UserId> NeedUser(const Item& item, Draft& draft);
// What a participant, a recipient or a responder of type user is called by.
std::string UserKey(const Item& item);
// Somebody's notifications go to somebody else for a while: the other stands in, in all schedules. They have been read.
void ReadForwardings(const std::vector<Item>& items, Draft& draft);

// The alerts of a team are those with its label: an Opsgenie alert names its responders itself. Policies and schedules have been read.
void ReadRoutes(const Item& rules, const TeamId& team, const Item& of, Draft& draft);

}  // namespace tocsin::import::opsgenie
