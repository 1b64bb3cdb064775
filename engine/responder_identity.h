// People's accounts and sessions: who can log in, and who has. Passwords are judged before (api/): the responder sees what is
// kept of them, and whether it is still what was judged.
#pragma once

#include "absl/status/statusor.h"

#include "engine/responder_turn.h"
#include "model/command.h"

namespace tocsin {

absl::StatusOr<AccountId> InviteUserBy(Turn& turn, const InviteUser& command);
// PermissionDenied: the invitation is not known, was used or has run out. Aborted: the password is another one by now.
absl::StatusOr<AccountId> SetPasswordBy(Turn& turn, const SetPassword& command);
absl::StatusOr<AccountId> LockUserBy(Turn& turn, const LockUser& command);
absl::StatusOr<TokenId> SignInBy(Turn& turn, const SignIn& command);
absl::Status RenewSessionBy(Turn& turn, const RenewSession& command);

// Who has left the organisation leaves nothing by which somebody of the same name could come in.
void EndAccountsOfTheGone(Turn& turn, const Organisation* former, const Organisation& organisation);

}  // namespace tocsin
