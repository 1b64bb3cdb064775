// Between the model's smallest values and proto/tocsin/v1/common.proto.
//
// In this file and its siblings: ToProto cannot fail and sets every field of an empty message; FromProto refuses what no
// writer of this version could have written (InvalidArgument, with the field's path) and ignores unknown fields.
//
// Text that is not UTF-8 is repaired (U+FFFD) on its way out: protobuf would write it and then refuse to read it back, and a
// row that cannot be read back is a page that is lost.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/repeated_ptr_field.h>
#include <google/protobuf/timestamp.pb.h>

#include "base/strong_id.h"
#include "model/ids.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/organisation.h"
#include "model/schedule.h"
#include "model/severity.h"
#include "model/timeline.h"
#include "tocsin/v1/common.pb.h"

namespace tocsin {

// `text`, with whatever is not UTF-8 replaced.
std::string Utf8(std::string_view text);

v1::Severity ToProto(Severity from);
v1::Urgency ToProto(Urgency from);
v1::Matcher::Op ToProto(MatchOp from);
v1::Subject::Kind ToProto(SubjectKind from);
absl::Status FromProto(v1::Severity from, Severity& to);
absl::Status FromProto(v1::Urgency from, Urgency& to);
absl::Status FromProto(v1::Matcher::Op from, MatchOp& to);
absl::Status FromProto(v1::Subject::Kind from, SubjectKind& to);

void ToProto(const Label& from, v1::Label& to);
void ToProto(const Matcher& from, v1::Matcher& to);
void ToProto(const Subject& from, v1::Subject& to);
void ToProto(const Target& from, v1::Target& to);
absl::Status FromProto(const v1::Label& from, Label& to);
absl::Status FromProto(const v1::Matcher& from, Matcher& to);
absl::Status FromProto(const v1::Subject& from, Subject& to);
absl::Status FromProto(const v1::Target& from, Target& to);

// 32 hex digits.
std::string ToHex(const AlertKey& key);
std::optional<AlertKey> AlertKeyFromHex(std::string_view hex);

// Whole nanoseconds. What lies outside of a Timestamp's years 1 to 9999 becomes its end, which reads back as infinite.
void ToProto(absl::Time from, google::protobuf::Timestamp& to);
void ToProto(absl::Duration from, google::protobuf::Duration& to);
absl::Status FromProto(const google::protobuf::Timestamp& from, absl::Time& to);
absl::Status FromProto(const google::protobuf::Duration& from, absl::Duration& to);

// A field that stays absent for absl::Time() (not happened) and a zero duration:
// `PutTime(from.resolved_at, to, &v1::Group::mutable_resolved_at);`
template <typename Message>
void PutTime(absl::Time from, Message& to, google::protobuf::Timestamp* (Message::*field)()) {
  if (from != absl::Time()) ToProto(from, *(to.*field)());
}
template <typename Message>
void PutTime(const std::optional<absl::Time>& from, Message& to, google::protobuf::Timestamp* (Message::*field)()) {
  if (from) ToProto(*from, *(to.*field)());
}
template <typename Message>
void PutDuration(absl::Duration from, Message& to, google::protobuf::Duration* (Message::*field)()) {
  if (from != absl::ZeroDuration()) ToProto(from, *(to.*field)());
}

using NameList = google::protobuf::RepeatedPtrField<std::string>;

inline void ToProto(const std::vector<std::string>& from, NameList& to) {
  for (const std::string& each : from)
    *to.Add() = Utf8(each);
}
inline void FromProto(const NameList& from, std::vector<std::string>& to) {
  to.assign(from.begin(), from.end());
}

template <typename Tag>
void ToProto(const std::vector<StrongName<Tag>>& from, NameList& to) {
  for (const StrongName<Tag>& each : from)
    *to.Add() = Utf8(each.value());
}
template <typename Tag>
void FromProto(const NameList& from, std::vector<StrongName<Tag>>& to) {
  to.clear();
  for (const std::string& each : from)
    to.emplace_back(each);
}

}  // namespace tocsin
