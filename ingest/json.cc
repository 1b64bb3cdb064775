#include "ingest/json.h"

#include "absl/strings/str_cat.h"

#include "base/limits.h"
#include "base/status.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kDepth = limits::kJsonDepth + 1;             // simdjson counts the document itself
constexpr std::size_t kMaxDocumentBytes = 2 * limits::kBodyBytes;  // mended text may be longer than the body

}  // namespace

absl::StatusOr<dom::element> JsonReader::Fail(JsonFault fault) {
  fault_ = std::move(fault);
  return Invalid("byte %d: %s", fault_.position, fault_.reason);
}

absl::StatusOr<dom::element> JsonReader::Read(std::string_view text, Manner manner) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.size() > kMaxDocumentBytes) return Fail({text.size(), "too large"});
  if (parser_.max_depth() != kDepth) {
    if (parser_.allocate(text.size(), kDepth) != simdjson::SUCCESS) return Fail({0, "no memory"});
  }
  dom::element document;
  if (parser_.parse(text.data(), text.size()).get(document) == simdjson::SUCCESS) return document;

  if (manner == Manner::kStrict) {
    if (const std::size_t at = FirstInvalidUtf8(text); at < text.size()) return Fail({at, "not UTF-8"});
  }
  std::optional<JsonFault> fault = FindJsonFault(text, limits::kJsonDepth);
  // Well formed, yet refused: a number too large for simdjson, a lone surrogate.
  if (fault && manner == Manner::kStrict) return Fail(*std::move(fault));
  const std::string mended = MendJson(text);
  if (parser_.parse(mended).get(document) == simdjson::SUCCESS) return document;
  return Fail(fault ? *std::move(fault) : JsonFault{0, "not JSON that we can read"});
}

JsonReader& ThreadJsonReader() {
  thread_local JsonReader reader;
  return reader;
}

std::optional<dom::element> Member(dom::object object, std::string_view name) {
  std::optional<dom::element> found;
  for (const dom::key_value_pair& member : object) {
    if (member.key == name) found = member.value;
  }
  if (found && IsNull(*found)) return std::nullopt;
  return found;
}

std::string_view JsonTypeName(dom::element value) {
  switch (value.type()) {
    case dom::element_type::ARRAY: return "array";
    case dom::element_type::OBJECT: return "object";
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
    case dom::element_type::DOUBLE: return "number";
    case dom::element_type::STRING: return "string";
    case dom::element_type::BOOL: return "bool";
    case dom::element_type::NULL_VALUE: return "null";
  }
  return "unknown";
}

std::string JsonText(dom::element value) {
  switch (value.type()) {
    case dom::element_type::STRING: return std::string(std::string_view(value));
    case dom::element_type::INT64: return absl::StrCat(std::int64_t(value));
    case dom::element_type::UINT64: return absl::StrCat(std::uint64_t(value));
    case dom::element_type::BOOL: return bool(value) ? "true" : "false";
    case dom::element_type::NULL_VALUE: return "";
    case dom::element_type::DOUBLE:
    case dom::element_type::ARRAY:
    case dom::element_type::OBJECT: return simdjson::minify(value);
  }
  return "";
}

std::string MemberText(simdjson::dom::object object, std::string_view name) {
  const std::optional<simdjson::dom::element> value = Member(object, name);
  return value ? JsonText(*value) : "";
}

Labels MemberTexts(simdjson::dom::object object, std::string_view name) {
  Labels texts;
  const std::optional<simdjson::dom::element> value = Member(object, name);
  if (!value || !value->is_object()) return texts;
  for (const simdjson::dom::key_value_pair& member : simdjson::dom::object(*value)) {
    texts.push_back({std::string(member.key), JsonText(member.value)});
  }
  return texts;
}

}  // namespace tocsin
