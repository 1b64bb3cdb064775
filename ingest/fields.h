// Private to ingest: payloads that people put together themselves (templates, shell scripts) as flat lists of named texts.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

#include "ingest/json.h"
#include "ingest/source.h"

namespace tocsin {

struct Field {
  std::string path;  // as sent; members of nested objects as "org.id"
  std::string name;  // the path in lower case without '_', '-' and blanks: what aliases are compared with
  std::string text;
};

class Fields {
 public:
  static Fields FromJson(simdjson::dom::object object);
  static Fields FromForm(std::string_view form);
  static Fields FromLines(std::string_view lines);     // NAME=value
  static Fields FromMultipart(std::string_view body);  // multipart/form-data

  // The text of the first of `names` that is there with something in it; "" when none is. A placeholder that nobody filled in
  // ($SERVICEDESC$, ${x}, {{x}}, {EVENT.ID}, *alertDetails*, ##ALERTID##) counts as nothing.
  std::string_view Get(std::initializer_list<std::string_view> names) const;
  bool Has(std::initializer_list<std::string_view> names) const { return !Get(names).empty(); }
  const std::vector<Field>& all() const { return fields_; }
  // Takes `prefix` off all names that begin with it.
  void StripPrefix(std::string_view prefix);
  // Members with these names that hold a JSON object as text become that object's members: payload={"a":1} is payload.a=1.
  void Unfold(std::initializer_list<std::string_view> names);

 private:
  void AddJson(simdjson::dom::object object, const std::string& path);
  void Add(std::string path, std::string text);

  std::vector<Field> fields_;
};

// A body that is a JSON object or array of objects, a form (multipart, too), or (when `with_lines`) NAME=value lines, whatever its
// Content-Type says; without a body, the query. An element of an array that is no object has no fields.
absl::StatusOr<std::vector<Fields>> ReadFields(const SourceRequest& request, bool with_lines);
// What `read` makes of each of them.
absl::StatusOr<Readings> ReadEachFields(const SourceRequest& request,
                                        bool with_lines,
                                        absl::FunctionRef<Reading(Fields fields)> read);

bool LooksLikeJson(std::string_view body);
bool LooksLikeForm(const SourceRequest& request);  // a body that is no JSON
bool IsUnfilledPlaceholder(std::string_view text);

}  // namespace tocsin
