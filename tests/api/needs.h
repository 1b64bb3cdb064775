// Of every method of the API: which role it needs, said again by hand, so that whoever adds one decides; and, where what it is about
// may be another team's, a request about something, and whether what is nobody's is everybody's.
#pragma once

#include <map>
#include <string_view>

#include "model/role.h"

namespace tocsin {

enum class Whose {
  kAnybodys,    // what it changes belongs to no team, or it changes nothing
  kTeams,       // a team's; what is nobody's is everybody's
  kTeamsAlone,  // a team's; what is nobody's is for those who act for all
};

struct Need {
  Role role = Role::kAdmin;
  Whose whose = Whose::kAnybodys;
  // In JSON, about what $group, $service ... stand for.
  std::string_view request = "{}";
  Role asks =
      Role::kIntegration;  // what the request needs, where that is more than the method does: to act for somebody else
};

inline const std::map<std::string_view, Need> kNeeds = {
    {"AcceptSwap",          {Role::kResponder, Whose::kTeams, R"({"id":"$override","user":"dave"})", Role::kManager}             },
    {"AcknowledgeBundle",   {Role::kResponder, Whose::kTeams, R"({"id":"$bundle"})"}                                             },
    {"AcknowledgeGroup",    {Role::kResponder, Whose::kTeams, R"({"id":"$group"})"}                                              },
    {"AcknowledgeIncident", {Role::kResponder, Whose::kTeams, R"({"id":"$incident"})"}                                           },
    {"AddNote",             {Role::kResponder, Whose::kTeams, R"({"subject":{"kind":"KIND_GROUP","id":"$group"},"text":"seen"})"}},
    {"AddResponders",
     {Role::kResponder, Whose::kTeams,
      R"({"subject":{"kind":"KIND_GROUP","id":"$group"},"targets":[{"user":"ann"}]})"}                                           },
    {"ApplyOrganisation",
     {Role::kManager, Whose::kTeamsAlone, R"({"files":[{"name":"o.yaml","text":"$yaml"}],"dryRun":true})"}                       },
    {"BeginBackup",         {Role::kAdmin}                                                                                       },
    {"CancelReplay",        {Role::kResponder}                                                                                   },
    {"ChangePassword",      {Role::kViewer}                                                                                      },
    {"CreateCalendarLink",  {Role::kViewer}                                                                                      },
    {"CreateMaintenance",
     {Role::kResponder, Whose::kTeams, R"({"service":"$service","startsAt":"$now","endsAt":"$later"})"}                          },
    {"CreateSilence",
     {Role::kResponder, Whose::kTeamsAlone, R"({"matchers":["service=\"$value\""],"endsAt":"$later"})"}                          },
    {"CreateToken",
     {Role::kManager, Whose::kTeamsAlone, R"({"role":"ROLE_VIEWER","user":"$user","name":"n$n","teams":["$team"]})"}             },
    {"DiffSchedules",       {Role::kViewer}                                                                                      },
    {"EndBackup",           {Role::kAdmin}                                                                                       },
    {"EndMaintenance",      {Role::kResponder, Whose::kTeams, R"({"id":"$window"})"}                                             },
    {"EndOverride",         {Role::kResponder, Whose::kTeams, R"({"id":"$override"})"}                                           },
    {"EscalateGroup",       {Role::kResponder, Whose::kTeams, R"({"id":"$group"})"}                                              },
    {"ExpireSilence",       {Role::kResponder, Whose::kTeamsAlone, R"({"id":"$silence"})"}                                       },
    {"Explain",             {Role::kViewer}                                                                                      },
    {"FinalSchedule",       {Role::kViewer}                                                                                      },
    {"GetFairness",         {Role::kViewer}                                                                                      },
    {"GetGroup",            {Role::kViewer}                                                                                      },
    {"GetIncident",         {Role::kViewer}                                                                                      },
    {"GetLoad",             {Role::kViewer}                                                                                      },
    {"GetOrganisation",     {Role::kManager}                                                                                     },
    {"GetPage",             {Role::kViewer}                                                                                      },
    {"GetReplay",           {Role::kResponder}                                                                                   },
    {"GetStatus",           {Role::kViewer}                                                                                      },
    {"GetVersion",          {Role::kManager}                                                                                     },
    {"HashState",           {Role::kAdmin}                                                                                       },
    {"ImportCalendars",     {Role::kManager}                                                                                     },
    {"InviteUser",          {Role::kManager, Whose::kTeamsAlone, R"({"user":"$user"})"}                                          },
    {"ListAlerts",          {Role::kViewer}                                                                                      },
    {"ListAudit",           {Role::kManager}                                                                                     },
    {"ListChanges",         {Role::kViewer}                                                                                      },
    {"ListChannels",        {Role::kViewer}                                                                                      },
    {"ListContactMethods",  {Role::kViewer}                                                                                      },
    {"ListEditions",        {Role::kViewer}                                                                                      },
    {"ListForgotten",       {Role::kViewer}                                                                                      },
    {"ListGaps",            {Role::kViewer}                                                                                      },
    {"ListGroups",          {Role::kViewer}                                                                                      },
    {"ListHeartbeats",      {Role::kViewer}                                                                                      },
    {"ListIncidents",       {Role::kViewer}                                                                                      },
    {"ListMaintenance",     {Role::kViewer}                                                                                      },
    {"ListNames",           {Role::kViewer}                                                                                      },
    {"ListNextShifts",      {Role::kViewer}                                                                                      },
    {"ListNotifications",   {Role::kViewer}                                                                                      },
    {"ListRecent",          {Role::kViewer}                                                                                      },
    {"ListScheduleChanges", {Role::kViewer}                                                                                      },
    {"ListSilences",        {Role::kViewer}                                                                                      },
    {"ListTokens",          {Role::kViewer}                                                                                      },
    {"ListUsers",           {Role::kManager}                                                                                     },
    {"ListVersions",        {Role::kViewer}                                                                                      },
    {"LockUser",            {Role::kAdmin}                                                                                       },
    {"MergeGroups",         {Role::kResponder, Whose::kTeams, R"({"into":"$group","groups":["$group"]})"}                        },
    {"OfferSwap",           {Role::kResponder, Whose::kTeams, R"({"id":"$override","user":"dave"})", Role::kManager}             },
    {"OpenIncident",        {Role::kResponder, Whose::kTeams, R"({"title":"t","severity":3,"service":"$service"})"}              },
    {"OverrideSchedule",    {Role::kResponder, Whose::kTeams, R"({"schedule":"$schedule"})"}                                     },
    {"PingHeartbeat",       {Role::kResponder, Whose::kTeams, R"({"name":"$heartbeat"})"}                                        },
    {"PreviewSilence",      {Role::kResponder}                                                                                   },
    {"ReadBackup",          {Role::kAdmin}                                                                                       },
    {"ReassignGroup",       {Role::kResponder, Whose::kTeams, R"({"id":"$group","targets":[{"user":"ann"}]})"}                   },
    {"RecordChange",        {Role::kResponder, Whose::kTeams, R"({"change":{"summary":"deploy","service":"$service"}})"}         },
    {"RequestSwap",         {Role::kResponder, Whose::kTeams, R"({"schedule":"$schedule","user":"dave"})", Role::kManager}       },
    {"RerouteGroup",        {Role::kResponder, Whose::kTeams, R"({"id":"$group"})"}                                              },
    {"ResolveGroup",        {Role::kResponder, Whose::kTeams, R"({"id":"$group"})"}                                              },
    {"ResolveIncident",     {Role::kResponder, Whose::kTeams, R"({"id":"$incident"})"}                                           },
    {"RevokeToken",         {Role::kViewer}                                                                                      },
    {"RollBack",            {Role::kManager, Whose::kTeamsAlone, R"({"version":"$version","dryRun":true})"}                      },
    {"Search",              {Role::kViewer}                                                                                      },
    {"SignOut",             {Role::kViewer}                                                                                      },
    {"SimulatePolicy",      {Role::kViewer}                                                                                      },
    {"SnoozeGroup",         {Role::kResponder, Whose::kTeams, R"({"id":"$group","duration":"3600s"})"}                           },
    {"SplitGroup",          {Role::kResponder, Whose::kTeams, R"({"id":"$group"})"}                                              },
    {"StartReplay",         {Role::kManager}                                                                                     },
    {"TakeShift",           {Role::kResponder, Whose::kTeams, R"({"schedule":"$schedule"})"}                                     },
    {"TakeSwap",            {Role::kResponder, Whose::kTeams, R"({"id":"$override","user":"dave"})", Role::kManager}             },
    {"TestPage",            {Role::kResponder, Whose::kTeamsAlone, R"({"user":"$user"})"}                                        },
    {"UnacknowledgeGroup",  {Role::kResponder, Whose::kTeams, R"({"id":"$group"})"}                                              },
    {"VerifyAudit",         {Role::kManager}                                                                                     },
    {"WhoAmI",              {Role::kViewer}                                                                                      },
    {"WhoIsOnCall",         {Role::kViewer}                                                                                      },
    {"WithdrawSwap",        {Role::kResponder, Whose::kTeams, R"({"id":"$override"})", Role::kManager}                           },
};

// What lets people in, and so needs nothing.
inline constexpr std::string_view kOpen[] = {"AcceptInvitation", "FinishSignIn", "ListProviders", "SignIn"};

}  // namespace tocsin
