// Tokens that open one calendar feed. They are of the kind that opens one door and nothing else (Role::kIntegration); the door
// is called calendar/schedule/db-primary or, for a person's shifts in all schedules, calendar/user: names that no integration
// can have.
#pragma once

#include <optional>

#include "model/access.h"

namespace tocsin {

// Whose shifts: one of the two is set.
struct CalendarDoor {
  ScheduleId schedule;
  UserId user;
};

// Completes a token's role, door and person.
void OpenCalendar(const CalendarDoor& door, AccessToken& token);

// The feed that a token opens; nullopt for all other tokens.
std::optional<CalendarDoor> CalendarDoorOf(const AccessToken& token);

}  // namespace tocsin
