#include "api/reach.h"

#include <map>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"

#include "api/explain.h"
#include "base/status.h"
#include "base/strings.h"
#include "escalation/roster.h"
#include "model/codec/organisation_proto.h"

namespace tocsin {
namespace {

constexpr int kEntries = 10'000;

using Response = v1::ListContactMethodsResponse;
using ContactEntry = Response::Entry;

struct Known {
  std::optional<Roster> roster;
  absl::Time now;
  std::map<ContactReachId, ContactReach> reaches;
  const ContactReach* Find(ContactReachId id) const {
    const auto found = reaches.find(id);
    return found == reaches.end() ? nullptr : &found->second;
  }
};

Known Look(Api& api) {
  Known known;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    known.now = now.wall;
    if (responder.roster() != nullptr) known.roster = *responder.roster();
    known.reaches = responder.state().reaches;
  });
  return known;
}

// On which schedules whoever is on call is so now.
std::map<UserId, std::vector<std::string>> OnCallNow(const Roster& roster, absl::Time now) {
  std::map<UserId, std::vector<std::string>> on_call;
  for (const Schedule& schedule : roster.organisation().schedules)
    for (const UserId& user : roster.OnCall(schedule.id, now))
      on_call[user].push_back(schedule.id.value());
  return on_call;
}

void Count(ReachState state, Response& response) {
  switch (state) {
    case ReachState::kUnverified: return response.set_unverified(response.unverified() + 1);
    case ReachState::kVerified: return response.set_verified(response.verified() + 1);
    case ReachState::kFailing: return response.set_failing(response.failing() + 1);
  }
}

void Fill(const User& user, const ContactMethod& method, const ContactReach* reach, ContactEntry& to) {
  to.set_user(user.id.value());
  to.set_name(user.name);
  to.set_method(method.id.value());
  to.set_kind(ToProto(method.kind));
  to.set_state(static_cast<Response::State>(reach != nullptr ? StateOf(*reach) : ReachState::kUnverified));
  to.set_why(DescribeReach(method.kind, reach));
  if (reach == nullptr) return;
  PutTime(reach->tried_at, to, &ContactEntry::mutable_tried_at);
  PutTime(reach->accepted_at, to, &ContactEntry::mutable_accepted_at);
  PutTime(reach->delivered_at, to, &ContactEntry::mutable_delivered_at);
  PutTime(reach->confirmed_at, to, &ContactEntry::mutable_confirmed_at);
  PutTime(reach->failed_at, to, &ContactEntry::mutable_failed_at);
  PutTime(reach->asked_at, to, &ContactEntry::mutable_asked_at);
  to.set_failure(Utf8(reach->failure));
  to.set_unconfirmed(reach->unconfirmed);
}
static_assert(static_cast<int>(ReachState::kUnverified) == Response::STATE_UNVERIFIED &&
              static_cast<int>(ReachState::kVerified) == Response::STATE_VERIFIED &&
              static_cast<int>(ReachState::kFailing) == Response::STATE_FAILING);

}  // namespace

std::string DescribeReach(ContactMethod::Kind kind, const ContactReach* reach) {
  if (reach != nullptr && reach->failing) {
    return absl::StrCat("what was sent last, at ", ShowUtc(reach->failed_at), ", has failed: ", reach->failure);
  }
  if (reach != nullptr && reach->unconfirmed) {
    return absl::StrCat("the self-test of ", ShowUtc(reach->asked_at), " was not confirmed");
  }
  if (reach != nullptr && reach->confirmed_at != absl::Time()) {
    return absl::StrCat("confirmed at ", ShowUtc(reach->confirmed_at));
  }
  std::string text = kind == ContactMethod::Kind::kVoice ? "a call carries no link by which it could be confirmed"
                                                         : "nobody has confirmed that it works";
  if (reach == nullptr || reach->tried_at == absl::Time()) return absl::StrCat(text, "; nothing was ever sent");
  if (reach->accepted_at == absl::Time()) return text;
  return absl::StrCat(text, "; the provider took a message at ", ShowUtc(reach->accepted_at));
}

absl::Status ListContactMethods(Api& api,
                                const Caller& /*caller*/,
                                const v1::ListContactMethodsRequest& request,
                                v1::ListContactMethodsResponse& response) {
  const Known known = Look(api);
  if (!known.roster) return absl::OkStatus();  // nobody is declared as yet
  const Organisation& organisation = known.roster->organisation();
  if (!request.user().empty() && organisation.Find(UserId(request.user())) == nullptr) {
    return NotFound("user %s does not exist", JsonQuote(request.user()));
  }
  response.set_self_tests(organisation.self_tests.enabled);
  const std::map<UserId, std::vector<std::string>> on_call = OnCallNow(*known.roster, known.now);
  for (const User& user : organisation.users) {
    const auto schedules = on_call.find(user.id);
    if (!request.user().empty() && user.id.value() != request.user()) continue;
    if (request.on_call() && schedules == on_call.end()) continue;
    for (const ContactMethod& method : user.contact_methods) {
      const ContactReach* reach = known.Find(ReachIdOf(user.id, method));
      const ReachState state = reach != nullptr ? StateOf(*reach) : ReachState::kUnverified;
      Count(state, response);
      if (request.doubtful() && state == ReachState::kVerified) continue;
      if (response.entries_size() == kEntries) {
        response.set_left_out(response.left_out() + 1);
        continue;
      }
      ContactEntry& entry = *response.add_entries();
      Fill(user, method, reach, entry);
      if (schedules != on_call.end()) entry.mutable_on_call()->Add(schedules->second.begin(), schedules->second.end());
    }
  }
  return absl::OkStatus();
}

}  // namespace tocsin
