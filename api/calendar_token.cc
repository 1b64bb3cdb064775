#include "api/calendar_token.h"

#include <string>
#include <string_view>

namespace tocsin {
namespace {

constexpr std::string_view kOfSchedule = "calendar/schedule/";
constexpr std::string_view kOfUser = "calendar/user";

}  // namespace

void OpenCalendar(const CalendarDoor& door, AccessToken& token) {
  token.role = Role::kIntegration;
  token.user = door.user;
  token.integration =
      IntegrationId(door.schedule.set() ? std::string(kOfSchedule) + door.schedule.value() : std::string(kOfUser));
}

std::optional<CalendarDoor> CalendarDoorOf(const AccessToken& token) {
  if (token.role != Role::kIntegration) return std::nullopt;
  const std::string_view door = token.integration.value();
  if (door == kOfUser && token.user.set()) return CalendarDoor{{}, token.user};
  if (!door.starts_with(kOfSchedule)) return std::nullopt;
  return CalendarDoor{ScheduleId(std::string(door.substr(kOfSchedule.size()))), {}};
}

}  // namespace tocsin
