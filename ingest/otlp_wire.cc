#include "ingest/otlp_wire.h"

#include <bit>
#include <cmath>
#include <span>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "ingest/json_scan.h"
#include "ingest/wire_cursor.h"

namespace tocsin {
namespace {

enum class FieldKind : std::uint8_t {
  kText,
  kHex,     // ids are hexadecimal in OTLP's JSON
  kBase64,  // other bytes
  kNumber,
  kInt64,    // in quotes, as JSON's numbers may be doubles
  kFixed64,  // the same
  kDouble,
  kBool,
  kMessage
};

struct WireMessage;

struct WireField {
  std::uint32_t number = 0;
  std::string_view name = {};
  FieldKind kind = FieldKind::kText;
  const WireMessage* message = nullptr;
  bool is_list = false;
};

struct WireMessage {
  std::span<const WireField> fields;
};

constexpr WireField Scalar(std::uint32_t number, std::string_view name, FieldKind kind) {
  return {.number = number, .name = name, .kind = kind};
}
constexpr WireField One(std::uint32_t number, std::string_view name, const WireMessage& message) {
  return {.number = number, .name = name, .kind = FieldKind::kMessage, .message = &message};
}
constexpr WireField Many(std::uint32_t number, std::string_view name, const WireMessage& message) {
  return {.number = number, .name = name, .kind = FieldKind::kMessage, .message = &message, .is_list = true};
}

// AnyValue holds lists of itself.
extern const WireMessage kAnyValue;

constexpr WireField kKeyValueFields[] = {
    Scalar(1, "key", FieldKind::kText),
    One(2, "value", kAnyValue),
};
constexpr WireMessage kKeyValue = {kKeyValueFields};
constexpr WireField kArrayFields[] = {Many(1, "values", kAnyValue)};
constexpr WireMessage kArray = {kArrayFields};
constexpr WireField kListFields[] = {Many(1, "values", kKeyValue)};
constexpr WireMessage kList = {kListFields};
constexpr WireField kAnyValueFields[] = {
    Scalar(1, "stringValue", FieldKind::kText),
    Scalar(2, "boolValue", FieldKind::kBool),
    Scalar(3, "intValue", FieldKind::kInt64),
    Scalar(4, "doubleValue", FieldKind::kDouble),
    One(5, "arrayValue", kArray),
    One(6, "kvlistValue", kList),
    Scalar(7, "bytesValue", FieldKind::kBase64),
};
const WireMessage kAnyValue = {kAnyValueFields};

constexpr WireField kResourceFields[] = {Many(1, "attributes", kKeyValue)};
constexpr WireMessage kResource = {kResourceFields};
constexpr WireField kScopeFields[] = {Scalar(1, "name", FieldKind::kText)};
constexpr WireMessage kScope = {kScopeFields};
constexpr WireField kRecordFields[] = {
    Scalar(1, "timeUnixNano", FieldKind::kFixed64),
    Scalar(2, "severityNumber", FieldKind::kNumber),
    Scalar(3, "severityText", FieldKind::kText),
    One(5, "body", kAnyValue),
    Many(6, "attributes", kKeyValue),
    Scalar(9, "traceId", FieldKind::kHex),
    Scalar(10, "spanId", FieldKind::kHex),
    Scalar(11, "observedTimeUnixNano", FieldKind::kFixed64),
    Scalar(12, "eventName", FieldKind::kText),
};
constexpr WireMessage kRecord = {kRecordFields};
constexpr WireField kScopeLogsFields[] = {
    One(1, "scope", kScope),
    Many(2, "logRecords", kRecord),
};
constexpr WireMessage kScopeLogs = {kScopeLogsFields};
constexpr WireField kResourceLogsFields[] = {
    One(1, "resource", kResource),
    Many(2, "scopeLogs", kScopeLogs),
};
constexpr WireMessage kResourceLogs = {kResourceLogsFields};
constexpr WireField kRequestFields[] = {Many(1, "resourceLogs", kResourceLogs)};
constexpr WireMessage kRequest = {kRequestFields};

WireType TypeOf(FieldKind kind) {
  switch (kind) {
    case FieldKind::kNumber:
    case FieldKind::kInt64:
    case FieldKind::kBool: return WireType::kVarint;
    case FieldKind::kFixed64:
    case FieldKind::kDouble: return WireType::kFixed64;
    case FieldKind::kText:
    case FieldKind::kHex:
    case FieldKind::kBase64:
    case FieldKind::kMessage: return WireType::kBytes;
  }
  return WireType::kBytes;
}

std::string DoubleText(std::uint64_t bits) {
  const double number = std::bit_cast<double>(bits);
  if (!std::isfinite(number))
    return std::isnan(number) ? R"("NaN")" : (number > 0 ? R"("Infinity")" : R"("-Infinity")");
  return absl::StrFormat("%.17g", number);
}

bool ReadMessage(std::string_view bytes, const WireMessage& message, int depth, std::string& json);

// The value of one field, as JSON.
bool ReadValue(WireCursor& cursor, const WireField& field, int depth, std::string& json) {
  std::uint64_t number = 0;
  std::string_view bytes;
  const WireType type = TypeOf(field.kind);
  if (type == WireType::kVarint && !cursor.ReadVarint(number)) return false;
  if (type == WireType::kFixed64 && !cursor.ReadFixed64(number)) return false;
  if (type == WireType::kBytes && !cursor.ReadBytes(bytes)) return false;
  switch (field.kind) {
    case FieldKind::kText: json = JsonQuote(ReplaceInvalidUtf8(bytes)); return true;
    case FieldKind::kHex: json = JsonQuote(absl::BytesToHexString(ToAbsl(bytes))); return true;
    case FieldKind::kBase64: json = JsonQuote(absl::Base64Escape(ToAbsl(bytes))); return true;
    case FieldKind::kNumber: json = absl::StrCat(static_cast<std::int64_t>(number)); return true;
    case FieldKind::kInt64: json = absl::StrCat("\"", static_cast<std::int64_t>(number), "\""); return true;
    case FieldKind::kFixed64: json = absl::StrCat("\"", number, "\""); return true;
    case FieldKind::kDouble: json = DoubleText(number); return true;
    case FieldKind::kBool: json = number != 0 ? "true" : "false"; return true;
    case FieldKind::kMessage: return ReadMessage(bytes, *field.message, depth + 1, json);
  }
  return false;
}

// Of a field that is no list the last counts. Deeper than our JSON may be is refused.
bool ReadMessage(std::string_view bytes, const WireMessage& message, int depth, std::string& json) {
  if (depth > limits::kJsonDepth / 2 - 2) return false;  // each message is at most two levels of JSON
  std::vector<std::string> values(message.fields.size());
  WireCursor cursor(bytes, 0);
  while (!cursor.done()) {
    Tag tag;
    if (!cursor.ReadTag(tag)) return false;
    std::size_t index = 0;
    while (index < values.size() && !Is(tag, message.fields[index].number, TypeOf(message.fields[index].kind)))
      ++index;
    if (index == values.size()) {
      if (!cursor.Skip(tag)) return false;
      continue;
    }
    std::string value;
    if (!ReadValue(cursor, message.fields[index], depth, value)) return false;
    if (message.fields[index].is_list && !values[index].empty()) {
      absl::StrAppend(&values[index], ",", value);
    } else {
      values[index] = std::move(value);
    }
  }
  json = "{";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].empty()) continue;
    const WireField& field = message.fields[i];
    absl::StrAppend(&json, json.size() > 1 ? "," : "", "\"", ToAbsl(field.name), "\":", field.is_list ? "[" : "",
                    values[i], field.is_list ? "]" : "");
  }
  json += '}';
  return !cursor.failed();
}

}  // namespace

absl::StatusOr<std::string> OtlpLogsAsJson(std::string_view bytes) {
  std::string json;
  if (!ReadMessage(bytes, kRequest, 0, json)) return Invalid("not an ExportLogsServiceRequest in protobuf");
  return json;
}

}  // namespace tocsin
