#include "model/codec/common_proto.h"

#include <charconv>
#include <cstdint>

#include "base/strings.h"
#include "model/codec/decode.h"
#include "model/codec/enum_proto.h"
#include "model/codec/wire.h"

namespace tocsin {
namespace {

// The first and the last instant of a Timestamp, and the longest Duration, as google/protobuf/*.proto define them.
constexpr std::int64_t kFirstSecond = -62'135'596'800;
constexpr std::int64_t kLastSecond = 253'402'300'799;
constexpr std::int64_t kLongestSeconds = 315'576'000'000;
constexpr std::int32_t kLastNano = 999'999'999;

}  // namespace

std::string Utf8(std::string_view text) {
  if (IsValidUtf8(text)) return std::string(text);
  std::string repaired;
  while (!text.empty()) {
    std::size_t length = 1;
    while (length < 4 && length < text.size() && !IsValidUtf8(text.substr(0, length)))
      ++length;
    if (IsValidUtf8(text.substr(0, length))) {
      repaired += text.substr(0, length);
      text.remove_prefix(length);
    } else {
      repaired += "\xEF\xBF\xBD";
      text.remove_prefix(1);
    }
  }
  return repaired;
}

TOCSIN_ENUM_PROTO(Severity, v1::Severity, 0, 0, Severity::kCritical, v1::Severity_MAX);
TOCSIN_ENUM_PROTO(Urgency, v1::Urgency, 1, 1, Urgency::kHigh, v1::Urgency_MAX);
TOCSIN_ENUM_PROTO(MatchOp, v1::Matcher::Op, 1, 1, MatchOp::kNotRegex, v1::Matcher::Op_MAX);
TOCSIN_ENUM_PROTO(SubjectKind, v1::Subject::Kind, 0, 0, SubjectKind::kBundle, v1::Subject::Kind_MAX);

void ToProto(const Label& from, v1::Label& to) {
  to.set_name(Utf8(from.name));
  to.set_value(Utf8(from.value));
}

absl::Status FromProto(const v1::Label& from, Label& to) {
  to.name = from.name();
  to.value = from.value();
  return absl::OkStatus();
}

void ToProto(const Matcher& from, v1::Matcher& to) {
  to.set_name(Utf8(from.name));
  to.set_op(ToProto(from.op));
  to.set_value(Utf8(from.value));
}

absl::Status FromProto(const v1::Matcher& from, Matcher& to) {
  Decode decode;
  to.name = from.name();
  decode.Take("op", from.op(), to.op);
  to.value = from.value();
  return decode.status();
}

void ToProto(const Subject& from, v1::Subject& to) {
  to.set_kind(ToProto(from.kind));
  to.set_id(from.id);
}

absl::Status FromProto(const v1::Subject& from, Subject& to) {
  Decode decode;
  decode.Take("kind", from.kind(), to.kind);
  to.id = from.id();
  return decode.status();
}

void ToProto(const Target& from, v1::Target& to) {
  if (const auto* user = std::get_if<UserTarget>(&from)) to.set_user(Utf8(user->user.value()));
  if (const auto* team = std::get_if<TeamTarget>(&from)) to.set_team(Utf8(team->team.value()));
  if (const auto* policy = std::get_if<PolicyTarget>(&from)) to.set_policy(Utf8(policy->policy.value()));
  const auto* schedule = std::get_if<ScheduleTarget>(&from);
  if (schedule == nullptr) return;
  switch (schedule->turn) {
    case ScheduleTarget::Turn::kPresent: to.set_schedule(Utf8(schedule->schedule.value())); return;
    case ScheduleTarget::Turn::kNext: to.set_next_in_schedule(Utf8(schedule->schedule.value())); return;
    case ScheduleTarget::Turn::kPrevious: to.set_previous_in_schedule(Utf8(schedule->schedule.value())); return;
  }
}

absl::Status FromProto(const v1::Target& from, Target& to) {
  switch (from.target_case()) {
    case v1::Target::kUser: to = UserTarget{UserId(from.user())}; return absl::OkStatus();
    case v1::Target::kTeam: to = TeamTarget{TeamId(from.team())}; return absl::OkStatus();
    case v1::Target::kPolicy: to = PolicyTarget{PolicyId(from.policy())}; return absl::OkStatus();
    case v1::Target::kSchedule: to = ScheduleTarget{ScheduleId(from.schedule())}; return absl::OkStatus();
    case v1::Target::kNextInSchedule:
      to = ScheduleTarget{ScheduleId(from.next_in_schedule()), ScheduleTarget::Turn::kNext};
      return absl::OkStatus();
    case v1::Target::kPreviousInSchedule:
      to = ScheduleTarget{ScheduleId(from.previous_in_schedule()), ScheduleTarget::Turn::kPrevious};
      return absl::OkStatus();
    case v1::Target::TARGET_NOT_SET: break;
  }
  return Invalid("neither user nor team nor schedule nor policy");
}

std::string ToHex(const AlertKey& key) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr std::size_t kHalf = 16;
  std::string hex(2 * kHalf, '0');
  for (std::size_t i = 0; i < kHalf; ++i) {
    hex[kHalf - 1 - i] = kDigits[key.high >> (4 * i) & 0xFU];
    hex[2 * kHalf - 1 - i] = kDigits[key.low >> (4 * i) & 0xFU];
  }
  return hex;
}

std::optional<AlertKey> AlertKeyFromHex(std::string_view hex) {
  constexpr std::size_t kHalf = 16;
  if (hex.size() != 2 * kHalf) return std::nullopt;
  AlertKey key;
  const char* middle = hex.data() + kHalf;
  const auto high = std::from_chars(hex.data(), middle, key.high, 16);
  const auto low = std::from_chars(middle, middle + kHalf, key.low, 16);
  if (high.ec != std::errc() || high.ptr != middle || low.ec != std::errc() || low.ptr != middle + kHalf) {
    return std::nullopt;
  }
  return key;
}

WireTime ToWire(absl::Time time) {
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  if (seconds < kFirstSecond) return {.seconds = kFirstSecond, .nanos = 0};
  if (seconds > kLastSecond) return {.seconds = kLastSecond, .nanos = kLastNano};
  return {.seconds = seconds,
          .nanos = static_cast<std::int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds)))};
}

WireTime ToWire(absl::Duration duration) {
  absl::Duration rest;
  const std::int64_t seconds = absl::IDivDuration(duration, absl::Seconds(1), &rest);
  if (seconds >= kLongestSeconds || seconds <= -kLongestSeconds) {
    return {.seconds = seconds > 0 ? kLongestSeconds : -kLongestSeconds, .nanos = 0};
  }
  return {.seconds = seconds, .nanos = static_cast<std::int32_t>(absl::ToInt64Nanoseconds(rest))};
}

void ToProto(absl::Time from, google::protobuf::Timestamp& to) {
  const WireTime time = ToWire(from);
  to.set_seconds(time.seconds);
  to.set_nanos(time.nanos);
}

absl::Status FromProto(const google::protobuf::Timestamp& from, absl::Time& to) {
  if (from.seconds() < kFirstSecond || from.seconds() > kLastSecond || from.nanos() < 0 || from.nanos() > kLastNano) {
    return Invalid("not a timestamp: %d s, %d ns", from.seconds(), from.nanos());
  }
  to = absl::FromUnixSeconds(from.seconds()) + absl::Nanoseconds(from.nanos());
  if (from.seconds() == kFirstSecond && from.nanos() == 0) to = absl::InfinitePast();
  if (from.seconds() == kLastSecond && from.nanos() == kLastNano) to = absl::InfiniteFuture();
  return absl::OkStatus();
}

void ToProto(absl::Duration from, google::protobuf::Duration& to) {
  const WireTime time = ToWire(from);
  to.set_seconds(time.seconds);
  to.set_nanos(time.nanos);
}

absl::Status FromProto(const google::protobuf::Duration& from, absl::Duration& to) {
  const bool in_range = from.seconds() >= -kLongestSeconds && from.seconds() <= kLongestSeconds &&
                        from.nanos() >= -kLastNano && from.nanos() <= kLastNano;
  const bool signs_agree = from.seconds() == 0 || from.nanos() == 0 || (from.seconds() > 0) == (from.nanos() > 0);
  if (!in_range || !signs_agree) return Invalid("not a duration: %d s, %d ns", from.seconds(), from.nanos());
  to = absl::Seconds(from.seconds()) + absl::Nanoseconds(from.nanos());
  if (from.seconds() == kLongestSeconds) to = absl::InfiniteDuration();
  if (from.seconds() == -kLongestSeconds) to = -absl::InfiniteDuration();
  return absl::OkStatus();
}

}  // namespace tocsin
