// Private to ingest: vendors' bodies, read with patience. Members are found by path, in any spelling of it; numbers and lists are text
// where text is wanted; JSON within strings is opened; placeholders that nobody filled in are nothing.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "ingest/event_builder.h"
#include "ingest/json.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {

// One JSON object. A view: valid until its reader reads again.
//
// A path is names in lower case without '_', '-' and blanks, with dots between them: "data.issue.id" is the member id of issue of
// data, and also the member that is called "data.issue.id", or "issue_id" of "Data" for "data.issueid". A number is an element of a
// list. Of equal names the last counts; null counts as absent.
class Payload {
 public:
  explicit Payload(simdjson::dom::object object) : object_(object) {}

  std::optional<simdjson::dom::element> Find(std::string_view path) const;
  // An object; absent when it is anything else.
  std::optional<Payload> Object(std::string_view path) const;
  // The elements of a list; none when it is anything else.
  std::vector<simdjson::dom::element> List(std::string_view path) const;

  // The text of the first of `paths` that says something; "" when none does. A list of texts is one with commas, 7.0 is 7.
  std::string Text(std::initializer_list<std::string_view> paths) const;
  bool Has(std::initializer_list<std::string_view> paths) const { return !Text(paths).empty(); }
  simdjson::dom::object object() const { return object_; }

 private:
  simdjson::dom::object object_;
};

// A value as people would write it: what Payload::Text gives.
std::string PayloadText(simdjson::dom::element value);

// The object that `value` is, or that its text holds as JSON, for which `reader` is then used.
std::optional<Payload> OpenObject(JsonReader& reader, std::optional<simdjson::dom::element> value);

// The one reading of each object in a body: a JSON object, a list of them, JSON in a form (payload={...}), or a form, whose fields are
// then an object of texts; what is in the query when there is no body. An element that is no object is rejected by itself.
using ReadObject = std::function<Reading(const Payload& object)>;
absl::StatusOr<Readings> ReadEach(const SourceRequest& request, const ReadObject& read);
// The same where an object may hold several alerts.
using ReadObjects = std::function<absl::StatusOr<Readings>(const Payload& object)>;
absl::StatusOr<Readings> ReadEachOfMany(const SourceRequest& request, const ReadObjects& read);

// The members of an object as labels: texts, numbers and truth values; what is nested is left out.
void AddLabels(EventBuilder& event, std::optional<simdjson::dom::element> object);
// Tags in any of their forms: "env:prod,team=db,urgent", a list of such, a list of {"key","value"} or {"name","value"} (OpenTelemetry's
// values, too), an object. Those
// without a value go together into the annotation `tags`.
void AddTags(EventBuilder& event, std::optional<simdjson::dom::element> tags);

// The kind that ParseStatusWord gives; an unknown word fires, and is kept as the annotation `status`.
void SetKind(EventBuilder& event, std::string_view status);

// What follows the last `separator`, or all of it.
std::string_view AfterLast(std::string_view text, char separator);

}  // namespace tocsin
