#include "api/may_apply.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "api/rights.h"
#include "base/status.h"
#include "base/strings.h"
#include "config/ownership.h"

namespace tocsin {
namespace {

// A manager of some teams changes what is theirs and nothing else.
absl::Status MayChange(const Caller& caller, const Organisation& before, const Organisation& after) {
  const std::vector<Difference> foreign = ForeignDifferences(before, after, caller.teams);
  if (foreign.empty()) return absl::OkStatus();
  std::vector<std::string> named;
  for (const Difference& difference : foreign)
    named.push_back(difference.path);
  named.erase(std::unique(named.begin(), named.end()), named.end());
  constexpr std::size_t kNamed = 5;
  const std::size_t more = named.size() > kNamed ? named.size() - kNamed : 0;
  named.resize(named.size() - more);
  std::string paths = absl::StrJoin(named, ", ");
  if (more > 0) absl::StrAppendFormat(&paths, " and %d more", more);
  return absl::PermissionDeniedError(
      absl::StrFormat("%s may not change %s: it belongs to none of the teams of this token", caller.name, paths));
}

// Nobody gives a person, or takes from one, more than they have themselves; a team's managers give nothing in everything.
absl::Status MayGiveRoles(const Caller& caller, const Organisation& before, const Organisation& after) {
  for (const RoleChange& change : RoleChanges(before, after)) {
    if (caller.everywhere() && change.higher <= caller.role) continue;
    return absl::PermissionDeniedError(absl::StrFormat(
        "users[%s].role: the role %s is given and taken by those who have it in everything; %s has the role %s%s",
        change.user.value(), Name(change.higher), caller.name, Name(caller.role),
        caller.everywhere() ? "" : " in some teams"));
  }
  return absl::OkStatus();
}

std::set<std::string> EmailsOf(const User& user) {
  std::set<std::string> emails;
  for (const ContactMethod& method : user.contact_methods) {
    if (method.kind == ContactMethod::Kind::kEmail) emails.insert(ToLower(method.address));
  }
  return emails;
}

// A provider of sign-ins finds people by their e-mail addresses (`match: email`): whoever gives a person an address of their own can come
// in as that person. So it takes what it takes to invite them. Who is new has no rights to be taken.
absl::Status MayGiveAddresses(const Caller& caller, const Organisation& before, const Organisation& after) {
  if (caller.everywhere() && caller.role >= Role::kAdmin) return absl::OkStatus();
  const std::map<UserId, Rights> rights = AllRights(before);
  std::map<UserId, const User*> known;
  for (const User& user : before.users)
    known.emplace(user.id, &user);
  for (const User& user : after.users) {
    const auto was = known.find(user.id);
    if (was == known.end()) continue;
    const std::set<std::string> had = EmailsOf(*was->second);
    if (std::ranges::includes(had, EmailsOf(user))) continue;
    if (caller.everywhere() && !rights.contains(user.id)) continue;  // they see, as everybody does
    if (Covers(caller, before, user.id)) continue;
    return absl::PermissionDeniedError(
        absl::StrFormat("users[%s].contact_methods: by an e-mail address a provider of logins may find %s, who may do "
                        "what %s may not, or is in none of "
                        "your teams: ask somebody who may do as much to change it",
                        user.id.value(), user.id.value(), caller.name));
  }
  return absl::OkStatus();
}

// As these the server itself acts, and its own token: who is called so could pass for it in timelines and in the audit log.
absl::Status MayGiveNames(const Caller& caller, const Organisation& before, const Organisation& after) {
  if (caller.everywhere() && caller.role >= Role::kAdmin) return absl::OkStatus();
  for (const User& user : after.users) {
    if (!IsReservedName(user.id.value()) || before.Find(user.id) != nullptr) continue;
    return absl::PermissionDeniedError(
        absl::StrFormat("users[%s]: the server's own token and the server itself act by names like this one: only an "
                        "admin gives it to a person",
                        user.id.value()));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsReservedName(std::string_view name) {
  constexpr std::string_view kReserved[] = {"admin",  "loopback", "nobody", "null",
                                            "server", "session",  "system", "tocsin"};
  return std::ranges::count(kReserved, ToLower(name)) > 0;
}

absl::Status MayApply(const Caller& caller, const Organisation& before, const Organisation& after) {
  if (!caller.everywhere()) TOCSIN_TRY(MayChange(caller, before, after));
  TOCSIN_TRY(MayGiveRoles(caller, before, after));
  TOCSIN_TRY(MayGiveAddresses(caller, before, after));
  return MayGiveNames(caller, before, after);
}

}  // namespace tocsin
