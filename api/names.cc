#include "api/handlers.h"
#include "base/status.h"

namespace tocsin {
namespace {

void AddRoutes(const Route& route, v1::ListNamesResponse& response) {
  response.add_routes(route.id.value());
  for (const Route& child : route.children)
    AddRoutes(child, response);
}

}  // namespace

absl::Status ListNames(Api& api, const Caller&, const v1::ListNamesRequest&, v1::ListNamesResponse& response) {
  const OrganisationPtr organisation = api.engine.access()->organisation;
  if (!organisation) return Precondition("there is no organisation yet; `tocsin apply FILE...` declares one");
  for (const User& user : organisation->users)
    response.add_users(user.id.value());
  for (const Team& team : organisation->teams)
    response.add_teams(team.id.value());
  for (const Schedule& schedule : organisation->schedules)
    response.add_schedules(schedule.id.value());
  for (const EscalationPolicy& policy : organisation->policies)
    response.add_policies(policy.id.value());
  for (const Service& service : organisation->services)
    response.add_services(service.id.value());
  for (const Integration& integration : organisation->integrations)
    response.add_integrations(integration.id.value());
  for (const Receiver& receiver : organisation->receivers)
    response.add_receivers(receiver.id.value());
  AddRoutes(organisation->route, response);
  return absl::OkStatus();
}

}  // namespace tocsin
