#include "engine/responder_reach.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "engine/message.h"

namespace tocsin {
namespace {

// What goes well is written down so often: a row for each message of a storm would be of no use to anybody.
constexpr absl::Duration kExactTo = absl::Minutes(1);
constexpr std::size_t kFailureBytes = 200;

// The row of the method that the message went to, if it is declared still.
ContactReach* RowOf(Turn& turn, const Notification& row) {
  if (!row.user.set() || turn.index() == nullptr) return nullptr;
  const ContactReachId id = ReachIdOf(row.user, row.method);
  if (turn.Find<ContactReach>(id) != nullptr) return &turn.Edit<ContactReach>(id);
  const User* user = turn.index()->Find(row.user);
  if (user == nullptr) return nullptr;
  const bool declared = std::ranges::any_of(
      user->contact_methods, [&](const ContactMethod& method) { return ReachIdOf(row.user, method) == id; });
  return declared ? &ReachFor(turn, row.user, row.method) : nullptr;
}

// Whether there is nothing to be written down.
bool IsKnown(const Turn& turn, const Notification& row, absl::Time ContactReach::*field) {
  const ContactReach* reach = row.user.set() ? FindReach(turn, row.user, row.method) : nullptr;
  return reach != nullptr && turn.now().wall - reach->*field < kExactTo && reach->*field <= turn.now().wall;
}

std::string DoubtAbout(const ContactReach& reach) {
  if (reach.failing) return absl::StrCat("what was sent last has failed: ", reach.failure);
  return absl::StrCat("the self-test of ", Instant(reach.asked_at), " was not confirmed");
}

}  // namespace

const ContactReach* FindReach(const Turn& turn, const UserId& user, const ContactMethod& method) {
  return turn.Find<ContactReach>(ReachIdOf(user, method));
}

ContactReach& ReachFor(Turn& turn, const UserId& user, const ContactMethod& method) {
  const ContactReachId id = ReachIdOf(user, method);
  if (turn.Find<ContactReach>(id) == nullptr) {
    ContactReach row;
    row.id = id;
    row.user = user;
    row.method = method.id;
    row.kind = method.kind;
    row.since = turn.now().wall;
    turn.Put(std::move(row));
  }
  return turn.Edit<ContactReach>(id);
}

void ReachTried(Turn& turn, const Notification& row) {
  if (IsKnown(turn, row, &ContactReach::tried_at)) return;
  if (ContactReach* reach = RowOf(turn, row)) reach->tried_at = turn.now().wall;
}

void ReachAccepted(Turn& turn, const Notification& row) {
  const ContactReach* before = row.user.set() ? FindReach(turn, row.user, row.method) : nullptr;
  const bool mends = before != nullptr && before->failing && !before->undelivered;
  if (!mends && IsKnown(turn, row, &ContactReach::accepted_at)) return;
  ContactReach* reach = RowOf(turn, row);
  if (reach == nullptr) return;
  reach->accepted_at = turn.now().wall;
  if (mends) reach->failing = false;
}

void ReachDelivered(Turn& turn, const Notification& row) {
  const ContactReach* before = row.user.set() ? FindReach(turn, row.user, row.method) : nullptr;
  const bool mends = before != nullptr && before->failing;
  if (!mends && IsKnown(turn, row, &ContactReach::delivered_at)) return;
  ContactReach* reach = RowOf(turn, row);
  if (reach == nullptr) return;
  reach->delivered_at = turn.now().wall;
  reach->failing = false;
  reach->undelivered = false;
}

void ReachFailed(Turn& turn, const Notification& row, bool undelivered) {
  ContactReach* reach = RowOf(turn, row);
  if (reach == nullptr) return;
  if (!reach->failing) reach->reported = false;
  reach->failed_at = turn.now().wall;
  reach->failure = OneLine(row.end_reason, kFailureBytes);
  reach->failing = true;
  reach->undelivered = undelivered;
}

absl::Status ConfirmContactBy(Turn& turn, const ConfirmContact& command) {
  const ContactReach* before = turn.Find<ContactReach>(command.reach);
  if (before == nullptr || before->user != command.user) {
    return NotFound("the message went to a contact method that is not declared for %s (any more)",
                    OneLine(command.user.value(), 100));
  }
  ContactReach& reach = turn.Edit<ContactReach>(command.reach);
  reach.confirmed_at = turn.now().wall;
  reach.failing = false;
  reach.undelivered = false;
  reach.unconfirmed = false;
  reach.reported = false;
  return absl::OkStatus();
}

void ForgetGoneMethods(Turn& turn, const Organisation& organisation) {
  if (turn.state().reaches.empty()) return;
  std::set<ContactReachId> declared;
  for (const User& user : organisation.users) {
    for (const ContactMethod& method : user.contact_methods)
      declared.insert(ReachIdOf(user.id, method));
  }
  for (const auto& [id, reach] : turn.state().reaches)
    if (!declared.contains(id)) turn.Remove<ContactReach>(id);
}

bool IsDoubtful(const ContactReach& reach) {
  return reach.failing || reach.unconfirmed;
}

bool MayNotBeReached(const Turn& turn, const User& user) {
  bool doubtful = false;
  for (const ContactMethod& method : user.contact_methods) {
    const ContactReach* reach = FindReach(turn, user.id, method);
    const bool doubted = reach != nullptr && IsDoubtful(*reach);
    if (!doubted && method.kind != ContactMethod::Kind::kVoice) return false;
    doubtful |= doubted;
  }
  return doubtful;
}

std::string DoubtsAbout(const Turn& turn, const User& user) {
  std::string text;
  for (const ContactMethod& method : user.contact_methods) {
    const ContactReach* reach = FindReach(turn, user.id, method);
    if (reach == nullptr || !IsDoubtful(*reach)) continue;
    absl::StrAppend(&text, text.empty() ? "" : "; ", method.id.value(), ": ", DoubtAbout(*reach));
  }
  return text;
}

}  // namespace tocsin
