// Between model/access.h and proto/tocsin/v1/access.proto. Rules: model/codec/common_proto.h.
#pragma once

#include "absl/status/status.h"

#include "model/access.h"
#include "tocsin/v1/access.pb.h"

namespace tocsin {

v1::Role ToProto(Role from);
absl::Status FromProto(v1::Role from, Role& to);

// Copies the hash: Redact before it is shown.
void ToProto(const AccessToken& from, v1::AccessToken& to);
void ToProto(const AuditEntry& from, v1::AuditEntry& to);
// Copies the organisation with its secrets: that is what the disk needs.
void ToProto(const ConfigurationVersion& from, v1::ConfigurationVersion& to);
absl::Status FromProto(const v1::AccessToken& from, AccessToken& to);
absl::Status FromProto(const v1::AuditEntry& from, AuditEntry& to);
absl::Status FromProto(const v1::ConfigurationVersion& from, ConfigurationVersion& to);

}  // namespace tocsin
