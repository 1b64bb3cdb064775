// What the API's methods do, a file for each service. Each fills `response` or says why not.
#pragma once

#include "absl/status/status.h"

#include "api/methods.h"
#include "model/schedule_edition.h"
#include "tocsin/v1/api.pb.h"
#include "tocsin/v1/replay.pb.h"

namespace tocsin {

absl::Status ListAlerts(Api& api,
                        const Caller& caller,
                        const v1::ListAlertsRequest& request,
                        v1::ListAlertsResponse& response);

absl::Status ListGroups(Api& api,
                        const Caller& caller,
                        const v1::ListGroupsRequest& request,
                        v1::ListGroupsResponse& response);
absl::Status GetGroup(Api& api,
                      const Caller& caller,
                      const v1::GetGroupRequest& request,
                      v1::GetGroupResponse& response);
absl::Status RunAcknowledgeGroup(Api& api,
                                 const Caller& caller,
                                 const v1::GroupCommand& request,
                                 v1::CommandResponse& response);
absl::Status RunResolveGroup(Api& api,
                             const Caller& caller,
                             const v1::GroupCommand& request,
                             v1::CommandResponse& response);
absl::Status RunSnoozeGroup(Api& api,
                            const Caller& caller,
                            const v1::SnoozeGroupRequest& request,
                            v1::CommandResponse& response);
absl::Status RunUnacknowledgeGroup(Api& api,
                                   const Caller& caller,
                                   const v1::GroupCommand& request,
                                   v1::CommandResponse& response);
absl::Status RunMergeGroups(Api& api,
                            const Caller& caller,
                            const v1::MergeGroupsRequest& request,
                            v1::CommandResponse& response);
absl::Status RunSplitGroup(Api& api,
                           const Caller& caller,
                           const v1::GroupCommand& request,
                           v1::CommandResponse& response);
absl::Status RunRerouteGroup(Api& api,
                             const Caller& caller,
                             const v1::RerouteGroupRequest& request,
                             v1::CommandResponse& response);
absl::Status RunReassignGroup(Api& api,
                              const Caller& caller,
                              const v1::ReassignGroupRequest& request,
                              v1::CommandResponse& response);
absl::Status RunAddResponders(Api& api,
                              const Caller& caller,
                              const v1::AddRespondersRequest& request,
                              v1::CommandResponse& response);
absl::Status RunEscalateGroup(Api& api,
                              const Caller& caller,
                              const v1::GroupCommand& request,
                              v1::CommandResponse& response);
absl::Status RunAddNote(Api& api,
                        const Caller& caller,
                        const v1::AddNoteRequest& request,
                        v1::CommandResponse& response);

absl::Status ListIncidents(Api& api,
                           const Caller& caller,
                           const v1::ListIncidentsRequest& request,
                           v1::ListIncidentsResponse& response);
absl::Status GetIncident(Api& api,
                         const Caller& caller,
                         const v1::GetIncidentRequest& request,
                         v1::GetIncidentResponse& response);
absl::Status RunOpenIncident(Api& api,
                             const Caller& caller,
                             const v1::OpenIncidentRequest& request,
                             v1::CommandResponse& response);
absl::Status RunAcknowledgeBundle(Api& api,
                                  const Caller& caller,
                                  const v1::AcknowledgeBundleRequest& request,
                                  v1::CommandResponse& response);
absl::Status RunAcknowledgeIncident(Api& api,
                                    const Caller& caller,
                                    const v1::IncidentCommand& request,
                                    v1::CommandResponse& response);
absl::Status RunResolveIncident(Api& api,
                                const Caller& caller,
                                const v1::IncidentCommand& request,
                                v1::CommandResponse& response);

absl::Status ListSilences(Api& api,
                          const Caller& caller,
                          const v1::ListSilencesRequest& request,
                          v1::ListSilencesResponse& response);
absl::Status RunCreateSilence(Api& api,
                              const Caller& caller,
                              const v1::CreateSilenceRequest& request,
                              v1::CommandResponse& response);
absl::Status RunExpireSilence(Api& api,
                              const Caller& caller,
                              const v1::ExpireSilenceRequest& request,
                              v1::CommandResponse& response);

absl::Status ListMaintenance(Api& api,
                             const Caller& caller,
                             const v1::ListMaintenanceRequest& request,
                             v1::ListMaintenanceResponse& response);
absl::Status RunCreateMaintenance(Api& api,
                                  const Caller& caller,
                                  const v1::CreateMaintenanceRequest& request,
                                  v1::CommandResponse& response);
absl::Status RunEndMaintenance(Api& api,
                               const Caller& caller,
                               const v1::EndMaintenanceRequest& request,
                               v1::CommandResponse& response);

absl::Status WhoIsOnCall(Api& api,
                         const Caller& caller,
                         const v1::WhoIsOnCallRequest& request,
                         v1::WhoIsOnCallResponse& response);
absl::Status FinalSchedule(Api& api,
                           const Caller& caller,
                           const v1::FinalScheduleRequest& request,
                           v1::FinalScheduleResponse& response);
absl::Status SimulatePolicy(Api& api,
                            const Caller& caller,
                            const v1::SimulatePolicyRequest& request,
                            v1::SimulatePolicyResponse& response);
absl::Status ListNextShifts(Api& api,
                            const Caller& caller,
                            const v1::ListNextShiftsRequest& request,
                            v1::ListNextShiftsResponse& response);
absl::Status ListGaps(Api& api,
                      const Caller& caller,
                      const v1::ListGapsRequest& request,
                      v1::ListGapsResponse& response);
absl::Status GetFairness(Api& api,
                         const Caller& caller,
                         const v1::GetFairnessRequest& request,
                         v1::GetFairnessResponse& response);
// From when on edited schedules go by what is declared.
absl::Status ReadTransition(const v1::ScheduleTransition& from, ScheduleTransition& to);
absl::Status DiffSchedules(Api& api,
                           const Caller& caller,
                           const v1::DiffSchedulesRequest& request,
                           v1::DiffSchedulesResponse& response);
absl::Status ImportCalendars(Api& api,
                             const Caller& caller,
                             const v1::ImportCalendarsRequest& request,
                             v1::ImportCalendarsResponse& response);
absl::Status CreateCalendarLink(Api& api,
                                const Caller& caller,
                                const v1::CreateCalendarLinkRequest& request,
                                v1::CreateCalendarLinkResponse& response);

absl::Status RunOverrideSchedule(Api& api,
                                 const Caller& caller,
                                 const v1::OverrideScheduleRequest& request,
                                 v1::ScheduleChangeResponse& response);
absl::Status RunEndOverride(Api& api,
                            const Caller& caller,
                            const v1::EndOverrideRequest& request,
                            v1::ScheduleChangeResponse& response);
absl::Status RunTakeShift(Api& api,
                          const Caller& caller,
                          const v1::TakeShiftRequest& request,
                          v1::ScheduleChangeResponse& response);
absl::Status RunRequestSwap(Api& api,
                            const Caller& caller,
                            const v1::RequestSwapRequest& request,
                            v1::ScheduleChangeResponse& response);
absl::Status RunOfferSwap(Api& api,
                          const Caller& caller,
                          const v1::SwapRequest& request,
                          v1::ScheduleChangeResponse& response);
absl::Status RunAcceptSwap(Api& api,
                           const Caller& caller,
                           const v1::SwapRequest& request,
                           v1::ScheduleChangeResponse& response);
absl::Status RunTakeSwap(Api& api,
                         const Caller& caller,
                         const v1::SwapRequest& request,
                         v1::ScheduleChangeResponse& response);
absl::Status RunWithdrawSwap(Api& api,
                             const Caller& caller,
                             const v1::SwapRequest& request,
                             v1::ScheduleChangeResponse& response);
absl::Status ListScheduleChanges(Api& api,
                                 const Caller& caller,
                                 const v1::ListScheduleChangesRequest& request,
                                 v1::ListScheduleChangesResponse& response);
absl::Status ListEditions(Api& api,
                          const Caller& caller,
                          const v1::ListEditionsRequest& request,
                          v1::ListEditionsResponse& response);

absl::Status RunApplyOrganisation(Api& api,
                                  const Caller& caller,
                                  const v1::ApplyOrganisationRequest& request,
                                  v1::ApplyOrganisationResponse& response);
absl::Status GetOrganisation(Api& api,
                             const Caller& caller,
                             const v1::GetOrganisationRequest& request,
                             v1::GetOrganisationResponse& response);
absl::Status ListVersions(Api& api,
                          const Caller& caller,
                          const v1::ListVersionsRequest& request,
                          v1::ListVersionsResponse& response);
absl::Status GetVersion(Api& api,
                        const Caller& caller,
                        const v1::GetVersionRequest& request,
                        v1::GetVersionResponse& response);
absl::Status RunRollBack(Api& api,
                         const Caller& caller,
                         const v1::RollBackRequest& request,
                         v1::ApplyOrganisationResponse& response);

absl::Status StartReplay(Api& api, const Caller& caller, const v1::StartReplayRequest& request, v1::Replay& response);
absl::Status PreviewSilence(Api& api,
                            const Caller& caller,
                            const v1::PreviewSilenceRequest& request,
                            v1::Replay& response);
absl::Status GetReplay(Api& api, const Caller& caller, const v1::GetReplayRequest& request, v1::Replay& response);
absl::Status CancelReplay(Api& api, const Caller& caller, const v1::CancelReplayRequest& request, v1::Replay& response);

absl::Status RunCreateToken(Api& api,
                            const Caller& caller,
                            const v1::CreateTokenRequest& request,
                            v1::CreateTokenResponse& response);
absl::Status ListTokens(Api& api,
                        const Caller& caller,
                        const v1::ListTokensRequest& request,
                        v1::ListTokensResponse& response);
absl::Status RunRevokeToken(Api& api,
                            const Caller& caller,
                            const v1::RevokeTokenRequest& request,
                            v1::CommandResponse& response);
absl::Status WhoAmI(Api& api, const Caller& caller, const v1::WhoAmIRequest& request, v1::WhoAmIResponse& response);

absl::Status RunSignIn(Api& api, const Caller& caller, const v1::SignInRequest& request, v1::SignInResponse& response);
absl::Status ListProviders(Api& api,
                           const Caller& caller,
                           const v1::ListProvidersRequest& request,
                           v1::ListProvidersResponse& response);
absl::Status RunFinishSignIn(Api& api,
                             const Caller& caller,
                             const v1::FinishSignInRequest& request,
                             v1::SignInResponse& response);
absl::Status RunAcceptInvitation(Api& api,
                                 const Caller& caller,
                                 const v1::AcceptInvitationRequest& request,
                                 v1::AcceptInvitationResponse& response);
absl::Status RunChangePassword(Api& api,
                               const Caller& caller,
                               const v1::ChangePasswordRequest& request,
                               v1::CommandResponse& response);
absl::Status RunSignOut(Api& api,
                        const Caller& caller,
                        const v1::SignOutRequest& request,
                        v1::CommandResponse& response);
absl::Status RunInviteUser(Api& api,
                           const Caller& caller,
                           const v1::InviteUserRequest& request,
                           v1::InviteUserResponse& response);
absl::Status RunLockUser(Api& api,
                         const Caller& caller,
                         const v1::LockUserRequest& request,
                         v1::CommandResponse& response);
absl::Status ListUsers(Api& api,
                       const Caller& caller,
                       const v1::ListUsersRequest& request,
                       v1::ListUsersResponse& response);

absl::Status ListAudit(Api& api,
                       const Caller& caller,
                       const v1::ListAuditRequest& request,
                       v1::ListAuditResponse& response);

absl::Status RunTestPage(Api& api,
                         const Caller& caller,
                         const v1::TestPageRequest& request,
                         v1::CommandResponse& response);
absl::Status GetPage(Api& api, const Caller& caller, const v1::GetPageRequest& request, v1::GetPageResponse& response);
absl::Status ListNotifications(Api& api,
                               const Caller& caller,
                               const v1::ListNotificationsRequest& request,
                               v1::ListNotificationsResponse& response);

absl::Status Explain(Api& api, const Caller& caller, const v1::ExplainRequest& request, v1::ExplainResponse& response);

absl::Status Search(Api& api, const Caller& caller, const v1::SearchRequest& request, v1::SearchResponse& response);

absl::Status BeginBackup(Api& api,
                         const Caller& caller,
                         const v1::BeginBackupRequest& request,
                         v1::BeginBackupResponse& response);
absl::Status ReadBackup(Api& api,
                        const Caller& caller,
                        const v1::ReadBackupRequest& request,
                        v1::ReadBackupResponse& response);
absl::Status EndBackup(Api& api,
                       const Caller& caller,
                       const v1::EndBackupRequest& request,
                       v1::EndBackupResponse& response);
absl::Status HashState(Api& api,
                       const Caller& caller,
                       const v1::HashStateRequest& request,
                       v1::HashStateResponse& response);

absl::Status ListNames(Api& api,
                       const Caller& caller,
                       const v1::ListNamesRequest& request,
                       v1::ListNamesResponse& response);
absl::Status ListRecent(Api& api,
                        const Caller& caller,
                        const v1::ListRecentRequest& request,
                        v1::ListRecentResponse& response);
absl::Status GetLoad(Api& api, const Caller& caller, const v1::GetLoadRequest& request, v1::GetLoadResponse& response);
absl::Status ListForgotten(Api& api,
                           const Caller& caller,
                           const v1::ListForgottenRequest& request,
                           v1::ListForgottenResponse& response);
absl::Status GetStatus(Api& api,
                       const Caller& caller,
                       const v1::GetStatusRequest& request,
                       v1::GetStatusResponse& response);
absl::Status ListChanges(Api& api,
                         const Caller& caller,
                         const v1::ListChangesRequest& request,
                         v1::ListChangesResponse& response);
absl::Status RunRecordChange(Api& api,
                             const Caller& caller,
                             const v1::RecordChangeRequest& request,
                             v1::CommandResponse& response);
absl::Status ListHeartbeats(Api& api,
                            const Caller& caller,
                            const v1::ListHeartbeatsRequest& request,
                            v1::ListHeartbeatsResponse& response);
absl::Status RunPingHeartbeat(Api& api,
                              const Caller& caller,
                              const v1::PingHeartbeatRequest& request,
                              v1::CommandResponse& response);

}  // namespace tocsin
