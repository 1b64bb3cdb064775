// Between model/access.h and proto/tocsin/v1/access.proto. Rules: model/codec/common_proto.h.
#pragma once

#include "absl/status/status.h"

#include "model/access.h"
#include "model/codec/organisation_proto.h"
#include "tocsin/v1/access.pb.h"

namespace tocsin {

void ToProto(const Identity& from, v1::Identity& to);
void ToProto(const Rights::InTeam& from, v1::Voucher::Grant& to);
void ToProto(const Voucher& from, v1::Voucher& to);
// Copies the hash: Redact before it is shown.
void ToProto(const AccessToken& from, v1::AccessToken& to);
// Copies the hashes: for the disk only.
void ToProto(const Account& from, v1::Account& to);
void ToProto(const AuditEntry& from, v1::AuditEntry& to);
// Copies the organisation with its secrets: that is what the disk needs.
void ToProto(const ConfigurationVersion& from, v1::ConfigurationVersion& to);
absl::Status FromProto(const v1::Identity& from, Identity& to);
absl::Status FromProto(const v1::Voucher::Grant& from, Rights::InTeam& to);
absl::Status FromProto(const v1::Voucher& from, Voucher& to);
absl::Status FromProto(const v1::AccessToken& from, AccessToken& to);
absl::Status FromProto(const v1::Account& from, Account& to);
absl::Status FromProto(const v1::AuditEntry& from, AuditEntry& to);
absl::Status FromProto(const v1::ConfigurationVersion& from, ConfigurationVersion& to);

}  // namespace tocsin
