// Private to ingest: nested JSON, looked at without surprises. What is absent, null or of another type than was asked for reads as
// nothing, so that a source says what it wants and its sender may leave out whatever it likes.
//
//   const JsonView issue = body.At("data.issue");
//   builder.Link(issue.First({"web_url", "permalink"}));
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "ingest/event_builder.h"
#include "ingest/json.h"
#include "ingest/source.h"

namespace tocsin {

// Valid as long as the document that it looks at.
class JsonView {
 public:
  JsonView() = default;
  explicit JsonView(simdjson::dom::element value) {
    if (!IsNull(value)) value_ = value;
  }

  explicit operator bool() const { return value_.has_value(); }
  bool IsObject() const { return value_ && value_->is_object(); }
  bool IsArray() const { return value_ && value_->is_array(); }
  bool IsTrue() const;  // true, or a text that says so

  // The member of the member of ... at "data.issue.id"; of equal names the last counts.
  JsonView At(std::string_view path) const;
  // A scalar as text, whole numbers without fraction (relays make 22.0 of 22); "" for objects and arrays.
  std::string Text() const;
  std::string Text(std::string_view path) const { return At(path).Text(); }
  // The text of the first of `paths` that has any.
  std::string First(std::initializer_list<std::string_view> paths) const;
  // The texts of an array, or of the member `name` of its objects, as "a,b"; of a scalar its text.
  std::string Joined(std::string_view path, std::string_view name = "") const;
  std::string Json() const;  // compact; "" for nothing

  std::vector<JsonView> Items() const;  // of an array
  std::vector<std::pair<std::string, JsonView>> Members() const;

 private:
  std::optional<simdjson::dom::element> value_;
};

// What a body holds: a JSON value; the JSON in the `payload` of a form; or a form's fields as members of an object, those that are
// JSON objects or arrays as such. Valid until the thread's JsonReader reads again.
absl::StatusOr<JsonView> ReadDocument(const SourceRequest& request);

// A vendor's free object of details: what names something becomes a label, what is long or measured ("95%", 0.98) an annotation, since a
// label that changes with each message would tear groups apart.
void AddDetail(EventBuilder& builder, std::string_view name, std::string_view text);
void AddDetails(EventBuilder& builder, const JsonView& details);

// Identity for what a sender gave none and means to be one of its own each time it is sent; the same for the same instant only.
std::string KeyOfItsOwn(std::string_view body, absl::Time received);

// What `read` makes of the body's object, or of each object of its array: some relays send several at once.
absl::StatusOr<Readings> ReadEach(const SourceRequest& request, const std::function<Reading(const JsonView&)>& read);

}  // namespace tocsin
