#include "tests/codec/random_message.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "absl/strings/str_format.h"
#include <google/protobuf/descriptor.h>

namespace tocsin {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kDeepest = 5;

// The few fields whose form the schema's types do not tell.
std::string StringFor(const FieldDescriptor& field, Random& random) {
  if (field.full_name() == "tocsin.v1.AlertSummary.key") {
    return absl::StrFormat("%016x%016x", random.Next(), random.Next());
  }
  const std::string& type = field.containing_type()->full_name();
  const bool is_recurrence = type == "tocsin.v1.Recurrence" && field.name() != "rule";
  if (field.full_name() == "tocsin.v1.Rotation.start" || is_recurrence) {
    return absl::StrFormat("%04d-%02d-%02dT%02d:%02d", random.Between(1900, 2100), random.Between(1, 12),
                           random.Between(1, 28), random.Between(0, 23), random.Between(0, 59));
  }
  return RandomText(random);
}

std::uint32_t Uint32For(const FieldDescriptor& field, Random& random) {
  const std::string& name = field.full_name();
  if (name == "tocsin.v1.Incident.severity" || name == "tocsin.v1.IncidentRule.incident_severity" ||
      name == "tocsin.v1.OpsgenieAlert.priority") {
    return static_cast<std::uint32_t>(random.Between(1, 5));
  }
  if (name == "tocsin.v1.RowKey.table") return static_cast<std::uint32_t>(random.Between(1, 8));
  return static_cast<std::uint32_t>(random.Between(1, std::numeric_limits<std::uint32_t>::max()));
}

// A value other than the first: zero means absent, or the default.
const google::protobuf::EnumValueDescriptor* EnumFor(const FieldDescriptor& field, Random& random) {
  const auto* type = field.enum_type();
  return type->value(static_cast<int>(random.Between(1, type->value_count() - 1)));
}

// Timestamp and Duration: in range, never zero.
bool FillTime(Message& message, Random& random) {
  const std::string& type = message.GetDescriptor()->full_name();
  if (type != "google.protobuf.Timestamp" && type != "google.protobuf.Duration") return false;
  const Reflection& reflection = *message.GetReflection();
  reflection.SetInt64(&message, message.GetDescriptor()->FindFieldByName("seconds"),
                      random.Between(1, 200'000'000'000));
  reflection.SetInt32(&message, message.GetDescriptor()->FindFieldByName("nanos"),
                      static_cast<std::int32_t>(random.Between(0, 999'999'999)));
  return true;
}

void SetOne(Message& message, const FieldDescriptor& field, Random& random, int depth) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      reflection.SetInt32(&message, &field, static_cast<std::int32_t>(random.Between(-1'000'000, -1)));
      return;
    case FieldDescriptor::CPPTYPE_INT64:
      reflection.SetInt64(&message, &field,
                          random.OneIn(4) ? std::numeric_limits<std::int64_t>::max() : random.Between(1, 1LL << 60));
      return;
    case FieldDescriptor::CPPTYPE_UINT32: reflection.SetUInt32(&message, &field, Uint32For(field, random)); return;
    case FieldDescriptor::CPPTYPE_UINT64: reflection.SetUInt64(&message, &field, random.Next() | 1U); return;
    case FieldDescriptor::CPPTYPE_BOOL: reflection.SetBool(&message, &field, true); return;
    case FieldDescriptor::CPPTYPE_ENUM: reflection.SetEnum(&message, &field, EnumFor(field, random)); return;
    case FieldDescriptor::CPPTYPE_STRING: reflection.SetString(&message, &field, StringFor(field, random)); return;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      FillRandomly(*reflection.MutableMessage(&message, &field), random, depth + 1);
      return;
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT: break;
  }
  std::abort();  // the schema has no floating point: time and counts are integers
}

void AddOne(Message& message, const FieldDescriptor& field, Random& random, int depth) {
  const Reflection& reflection = *message.GetReflection();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    reflection.AddString(&message, &field, StringFor(field, random));
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64) {
    reflection.AddUInt64(&message, &field, random.Next() | 1U);
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
    reflection.AddInt64(&message, &field, random.Between(1, 1LL << 60));
  } else {
    FillRandomly(*reflection.AddMessage(&message, &field), random, depth + 1);
  }
}

}  // namespace

std::string RandomText(Random& random) {
  constexpr const char* kPieces[] = {"a", "Zz", "\"", "\\", "\n", "ä", "中", "😀", " ", "{}", ":", "0", "\t", "é-x"};
  std::string text;
  for (std::int64_t i = random.Between(1, 8); i > 0; --i)
    text += kPieces[random.Below(std::size(kPieces))];
  return text;
}

void FillRandomly(Message& message, Random& random, int depth) {
  if (FillTime(message, random)) return;
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const auto* oneof = field.containing_oneof();
    if (oneof != nullptr) continue;
    if (!field.is_repeated()) {
      SetOne(message, field, random, depth);
    } else if (depth < kDeepest) {
      for (std::int64_t n = random.Between(1, 3); n > 0; --n)
        AddOne(message, field, random, depth);
    }
  }
  for (int i = 0; i < type.oneof_decl_count(); ++i) {
    const auto& oneof = *type.oneof_decl(i);
    SetOne(message, *oneof.field(static_cast<int>(random.Below(static_cast<std::uint64_t>(oneof.field_count())))),
           random, depth);
  }
}

}  // namespace tocsin
