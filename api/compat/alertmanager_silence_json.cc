// What a client posts as a silence, read as go-openapi reads it for Alertmanager: parse errors first, then what is missing, in the
// order of its names.
#include "absl/strings/str_format.h"

#include "api/compat/alertmanager_silences.h"
#include "api/compat/alertmanager_wire.h"
#include "base/strings.h"
#include "ingest/json.h"
#include "ingest/timestamps.h"

namespace tocsin::alertmanager {
namespace {

namespace dom = simdjson::dom;
using Refusal = std::optional<HttpResponse>;

constexpr int kMissing = 602;
constexpr int kTooFew = 612;

HttpResponse Unreadable(std::string_view why) {
  return ErrorObject(400, 400, absl::StrFormat(R"(parsing silence body from "" failed, because %s)", why));
}

HttpResponse WrongType(dom::element value, std::string_view field, std::string_view wanted) {
  return Unreadable(absl::StrFormat("json: cannot unmarshal %s into Go struct field %s of type %s", JsonTypeName(value),
                                    field, wanted));
}

HttpResponse Missing(std::string_view what) {
  return ErrorObject(422, kMissing, absl::StrFormat("%s in body is required", what));
}

// A member that may be absent or null; `present` says whether it was there.
Refusal ReadText(dom::object object, std::string_view name, std::string& text, bool& present) {
  const std::optional<dom::element> member = Member(object, name);
  present = member.has_value();
  if (!present) return std::nullopt;
  if (!member->is_string()) return WrongType(*member, absl::StrFormat(".%s", name), "string");
  text = std::string_view(*member);
  return std::nullopt;
}

Refusal ReadFlag(dom::object object, std::string_view name, bool& flag, bool& present) {
  const std::optional<dom::element> member = Member(object, name);
  present = member.has_value();
  if (!present) return std::nullopt;
  if (!member->is_bool()) return WrongType(*member, absl::StrFormat("Matcher.matchers.%s", name), "bool");
  flag = bool(*member);
  return std::nullopt;
}

Refusal ReadTime(dom::object object, std::string_view name, absl::Time& time, bool& present) {
  std::string text;
  if (Refusal refusal = ReadText(object, name, text, present)) return refusal;
  if (!present) return std::nullopt;
  const absl::StatusOr<std::optional<absl::Time>> parsed = ParseTimestamp(text);
  if (!parsed.ok()) {
    const std::string_view shown = TruncateUtf8(text, 64);
    return Unreadable(
        absl::StrFormat(R"(parsing time "%s" as "2006-01-02 15:04:05": cannot parse "%s" as "2006")", shown, shown));
  }
  present = parsed->has_value();
  if (present) time = **parsed;
  return std::nullopt;
}

MatchOp OperatorOf(bool is_equal, bool is_regex) {
  if (is_regex) return is_equal ? MatchOp::kRegex : MatchOp::kNotRegex;
  return is_equal ? MatchOp::kEqual : MatchOp::kNotEqual;
}

// `missing` names the first member that is not there.
Refusal ReadMatcher(dom::element value, std::size_t index, Matcher& matcher, std::string& missing) {
  if (!value.is_object()) return WrongType(value, "Silence.matchers", "models.Matcher");
  const dom::object object(value);
  bool is_equal = true;
  bool is_regex = false;
  bool has_equal = false;
  bool has_regex = false;
  bool has_name = false;
  bool has_value = false;
  if (Refusal refusal = ReadFlag(object, "isEqual", is_equal, has_equal)) return refusal;
  if (Refusal refusal = ReadFlag(object, "isRegex", is_regex, has_regex)) return refusal;
  if (Refusal refusal = ReadText(object, "name", matcher.name, has_name)) return refusal;
  if (Refusal refusal = ReadText(object, "value", matcher.value, has_value)) return refusal;
  matcher.op = OperatorOf(is_equal, is_regex);
  const std::string_view name = !has_regex ? "isRegex" : !has_name ? "name" : !has_value ? "value" : "";
  if (!name.empty() && missing.empty()) missing = absl::StrFormat("matchers.%d.%s", index, name);
  return std::nullopt;
}

Refusal ReadMatchers(dom::object object, std::vector<Matcher>& matchers, bool& present, std::string& missing) {
  const std::optional<dom::element> member = Member(object, "matchers");
  present = member.has_value();
  if (!present) return std::nullopt;
  if (!member->is_array()) return WrongType(*member, ".matchers", "models.Matchers");
  for (const dom::element value : dom::array(*member)) {
    Matcher matcher;
    if (Refusal refusal = ReadMatcher(value, matchers.size(), matcher, missing)) return refusal;
    matchers.push_back(std::move(matcher));
  }
  return std::nullopt;
}

}  // namespace

std::optional<HttpResponse> ReadSilence(std::string_view body, PostedSilence& posted) {
  if (Trim(body).empty()) return Missing("silence");
  JsonReader& reader = ThreadJsonReader();
  const absl::StatusOr<dom::element> document = reader.Read(body, JsonReader::Manner::kStrict);
  if (!document.ok()) return Unreadable(reader.fault().reason);
  if (IsNull(*document)) return Missing("silence");
  if (!document->is_object()) {
    return Unreadable(absl::StrFormat("json: cannot unmarshal %s into Go value of type models.PostableSilence",
                                      JsonTypeName(*document)));
  }
  const dom::object object(*document);
  Silence& silence = posted.silence;
  bool has_id = false;
  bool has_comment = false;
  bool has_creator = false;
  bool has_start = false;
  bool has_end = false;
  bool has_matchers = false;
  std::string missing;
  if (Refusal refusal = ReadText(object, "id", posted.id, has_id)) return refusal;
  if (Refusal refusal = ReadText(object, "comment", silence.comment, has_comment)) return refusal;
  if (Refusal refusal = ReadText(object, "createdBy", silence.created_by, has_creator)) return refusal;
  if (Refusal refusal = ReadTime(object, "startsAt", silence.starts_at, has_start)) return refusal;
  if (Refusal refusal = ReadTime(object, "endsAt", silence.ends_at, has_end)) return refusal;
  if (Refusal refusal = ReadMatchers(object, silence.matchers, has_matchers, missing)) return refusal;
  if (!has_comment) return Missing("comment");
  if (!has_creator) return Missing("createdBy");
  if (!has_end) return Missing("endsAt");
  if (!has_matchers) return Missing("matchers");
  if (silence.matchers.empty()) return ErrorObject(422, kTooFew, "matchers in body should have at least 1 items");
  if (!missing.empty()) return Missing(missing);
  if (!has_start) return Missing("startsAt");
  return std::nullopt;
}

}  // namespace tocsin::alertmanager
