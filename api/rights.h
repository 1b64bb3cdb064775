// What people of the organisation may do, as others who manage them see it.
#pragma once

#include "api/methods.h"
#include "tocsin/v1/api.pb.h"

namespace tocsin {

// Whether `caller`, as they stand (Caller::At), may do everything that `user` may, and speaks for them: whoever manages some teams
// speaks for the people who are in one of these and may do more than see nowhere else.
bool Covers(const Caller& caller, const Organisation& organisation, const UserId& user);

void ToProto(const Rights::InTeam& from, v1::WhoAmIResponse::TeamRole& to);

}  // namespace tocsin
