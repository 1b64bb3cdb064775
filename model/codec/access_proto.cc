#include "model/codec/access_proto.h"

#include "model/codec/common_proto.h"
#include "model/codec/decode.h"
#include "model/codec/organisation_proto.h"

namespace tocsin {

void ToProto(const Identity& from, v1::Identity& to) {
  to.set_issuer(Utf8(from.issuer));
  to.set_subject(Utf8(from.subject));
}

absl::Status FromProto(const v1::Identity& from, Identity& to) {
  to.issuer = from.issuer();
  to.subject = from.subject();
  return absl::OkStatus();
}

void ToProto(const Rights::InTeam& from, v1::Voucher::Grant& to) {
  to.set_team(Utf8(from.team.value()));
  to.set_role(ToProto(from.role));
}

absl::Status FromProto(const v1::Voucher::Grant& from, Rights::InTeam& to) {
  to.team = TeamId(from.team());
  return Annotate(FromProto(from.role(), to.role), "role");
}

void ToProto(const Voucher& from, v1::Voucher& to) {
  to.set_provider(Utf8(from.provider));
  ToProto(from.identity, *to.mutable_identity());
  to.set_session(Utf8(from.session));
  to.set_role(ToProto(from.granted.everywhere));
  ToProtoList(from.granted.teams, *to.mutable_grants());
}

absl::Status FromProto(const v1::Voucher& from, Voucher& to) {
  Decode decode;
  to.provider = from.provider();
  decode.Require("identity", from.has_identity());
  decode.Take("identity", from.identity(), to.identity);
  to.session = from.session();
  decode.Take("role", from.role(), to.granted.everywhere);
  decode.List("grants", from.grants(), to.granted.teams);
  return decode.status();
}

void ToProto(const AccessToken& from, v1::AccessToken& to) {
  to.set_id(from.id.value());
  to.set_hash(Utf8(from.hash));
  to.set_user(Utf8(from.user.value()));
  to.set_name(Utf8(from.name));
  to.set_role(ToProto(from.role));
  ToProto(from.teams, *to.mutable_teams());
  to.set_integration(Utf8(from.integration.value()));
  PutTime(from.created_at, to, &v1::AccessToken::mutable_created_at);
  to.set_created_by(Utf8(from.created_by));
  PutTime(from.expires_at, to, &v1::AccessToken::mutable_expires_at);
  to.set_session(from.session);
  if (from.voucher) ToProto(*from.voucher, *to.mutable_voucher());
}

absl::Status FromProto(const v1::AccessToken& from, AccessToken& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = TokenId(from.id());
  to.hash = from.hash();
  to.user = UserId(from.user());
  to.name = from.name();
  decode.Take("role", from.role(), to.role);
  FromProto(from.teams(), to.teams);
  to.integration = IntegrationId(from.integration());
  decode.Take("created_at", from.created_at(), to.created_at);
  to.created_by = from.created_by();
  decode.Take("expires_at", from.expires_at(), to.expires_at);
  to.session = from.session();
  if (from.has_voucher()) decode.Take("voucher", from.voucher(), to.voucher.emplace());
  return decode.status();
}

void ToProto(const Account& from, v1::Account& to) {
  to.set_id(from.id.value());
  to.set_user(Utf8(from.user.value()));
  to.set_password(Utf8(from.password));
  PutTime(from.password_at, to, &v1::Account::mutable_password_at);
  to.set_invitation(Utf8(from.invitation));
  PutTime(from.invitation_expires_at, to, &v1::Account::mutable_invitation_expires_at);
  to.set_invited_by(Utf8(from.invited_by));
  to.set_locked(from.locked);
  ToProtoList(from.identities, *to.mutable_identities());
}

absl::Status FromProto(const v1::Account& from, Account& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = AccountId(from.id());
  to.user = UserId(from.user());
  to.password = from.password();
  decode.Take("password_at", from.password_at(), to.password_at);
  to.invitation = from.invitation();
  decode.Take("invitation_expires_at", from.invitation_expires_at(), to.invitation_expires_at);
  to.invited_by = from.invited_by();
  to.locked = from.locked();
  decode.List("identities", from.identities(), to.identities);
  return decode.status();
}

void ToProto(const AuditEntry& from, v1::AuditEntry& to) {
  to.set_id(from.id.value());
  PutTime(from.at, to, &v1::AuditEntry::mutable_at);
  to.set_actor(Utf8(from.actor));
  to.set_token(from.token.value());
  to.set_origin(Utf8(from.origin));
  to.set_action(Utf8(from.action));
  to.set_object(Utf8(from.object));
  to.set_before(Utf8(from.before));
  to.set_after(Utf8(from.after));
  to.set_text(Utf8(from.text));
}

absl::Status FromProto(const v1::AuditEntry& from, AuditEntry& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = AuditId(from.id());
  decode.Take("at", from.at(), to.at);
  to.actor = from.actor();
  to.token = TokenId(from.token());
  to.origin = from.origin();
  to.action = from.action();
  to.object = from.object();
  to.before = from.before();
  to.after = from.after();
  to.text = from.text();
  return decode.status();
}

void ToProto(const ConfigurationVersion& from, v1::ConfigurationVersion& to) {
  TOCSIN_CHECK(from.organisation != nullptr, "a version must hold an organisation");
  to.set_id(from.id.value());
  PutTime(from.at, to, &v1::ConfigurationVersion::mutable_at);
  to.set_author(Utf8(from.author));
  to.set_reason(Utf8(from.reason));
  to.set_repeats(from.repeats.value());
  ToProto(*from.organisation, *to.mutable_organisation());
}

absl::Status FromProto(const v1::ConfigurationVersion& from, ConfigurationVersion& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = ConfigurationId(from.id());
  decode.Take("at", from.at(), to.at);
  to.author = from.author();
  to.reason = from.reason();
  to.repeats = ConfigurationId(from.repeats());
  decode.Require("organisation", from.has_organisation());
  Organisation organisation;
  decode.Take("organisation", from.organisation(), organisation);
  to.organisation = std::make_shared<const Organisation>(std::move(organisation));
  return decode.status();
}

}  // namespace tocsin
