#include "model/codec/alert_proto.h"

#include "base/status.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

// Of equal names the last counts, as in EventBatch.
void ToProto(const Labels& from, google::protobuf::Map<std::string, std::string>& to) {
  for (const Label& label : from)
    to[Utf8(label.name)] = Utf8(label.value);
}

Labels FromProto(const google::protobuf::Map<std::string, std::string>& from) {
  Labels to;
  for (const auto& [name, value] : from)
    to.push_back({name, value});
  return to;
}

std::optional<absl::Time> FromProto(bool present, const google::protobuf::Timestamp& from) {
  if (!present) return std::nullopt;
  return absl::FromUnixSeconds(from.seconds()) + absl::Nanoseconds(from.nanos());
}

}  // namespace

void ToProto(const AlertEvent& from, v1::Alert& to) {
  to.set_kind(static_cast<v1::Alert::Kind>(from.kind));
  static_assert(static_cast<int>(EventKind::kResolve) == v1::Alert::KIND_RESOLVE);
  ToProto(from.labels, *to.mutable_labels());
  ToProto(from.annotations, *to.mutable_annotations());
  to.set_dedup_key(Utf8(from.dedup_key));
  if (from.severity != Severity::kUnknown) to.set_severity(std::string(Name(from.severity)));
  if (from.starts_at) ToProto(*from.starts_at, *to.mutable_starts_at());
  if (from.ends_at) ToProto(*from.ends_at, *to.mutable_ends_at());
  to.set_link(Utf8(from.link));
}

absl::StatusOr<AlertEvent> FromProto(const v1::Alert& from) {
  if (!v1::Alert::Kind_IsValid(from.kind())) return Invalid("kind: %d is none", from.kind());
  return AlertEvent{
      .kind = static_cast<EventKind>(from.kind()),
      .severity = ParseSeverity(from.severity()),
      .dedup_key = from.dedup_key(),
      .labels = FromProto(from.labels()),
      .annotations = FromProto(from.annotations()),
      .starts_at = FromProto(from.has_starts_at(), from.starts_at()),
      .ends_at = FromProto(from.has_ends_at(), from.ends_at()),
      .link = from.link(),
  };
}

}  // namespace tocsin
