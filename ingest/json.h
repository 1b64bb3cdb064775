// Private to ingest: JSON as the sources see it. simdjson's DOM validates all of a body and never recurses by input; what it
// refuses is looked at again by json_scan.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "ingest/json_scan.h"
#include "model/labels.h"
#include "simdjson.h"

namespace tocsin {

class JsonReader {
 public:
  enum class Manner {
    kStrict,
    kLenient
  };
  // The document, valid until the next Read. Strict: the error is `byte 17: invalid character ...`. Lenient: mends what it can
  // first (MendJson).
  absl::StatusOr<simdjson::dom::element> Read(std::string_view text, Manner manner);
  // Why the last strict Read failed.
  const JsonFault& fault() const { return fault_; }

 private:
  absl::StatusOr<simdjson::dom::element> Fail(JsonFault fault);

  simdjson::dom::parser parser_;
  JsonFault fault_;
};

// One reader a thread: its buffers are reused.
JsonReader& ThreadJsonReader();

// The last member called `name` (duplicate keys: the last wins); nullopt when absent or null.
std::optional<simdjson::dom::element> Member(simdjson::dom::object object, std::string_view name);

// Go's name of the value's type: "string", "number", "bool", "object", "array", "null".
std::string_view JsonTypeName(simdjson::dom::element value);

// A scalar as people would write it, null as "", anything nested as compact JSON.
std::string JsonText(simdjson::dom::element value);

// The text of a member; "" when it is absent. The members of a member, as labels; none when it is no object.
std::string MemberText(simdjson::dom::object object, std::string_view name);
Labels MemberTexts(simdjson::dom::object object, std::string_view name);

inline bool IsNull(simdjson::dom::element value) {
  return value.type() == simdjson::dom::element_type::NULL_VALUE;
}

}  // namespace tocsin
