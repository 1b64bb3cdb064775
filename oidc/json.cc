#include "oidc/json.h"

#include <algorithm>
#include <cmath>

#include <simdjson.h>

#include "base/status.h"

namespace tocsin::oidc {
namespace {

constexpr std::size_t kDepth = 16;
constexpr std::size_t kLeastCapacity = 64;  // with less the parser would allocate by itself, and for any depth
constexpr double kYear9999 = 253'402'300'799;

absl::StatusOr<Json> Copy(const simdjson::dom::element& from);

absl::StatusOr<Json> CopyObject(const simdjson::dom::object& from) {
  Json to;
  to.kind = Json::Kind::kObject;
  for (const simdjson::dom::key_value_pair member : from) {
    TOCSIN_ASSIGN(Json value, Copy(member.value));
    to.members.push_back({std::string(member.key), std::move(value)});
  }
  std::ranges::sort(to.members, {}, [](const auto& member) -> const std::string& { return member.name; });
  const auto twice = std::ranges::adjacent_find(to.members, {}, [](const auto& member) { return member.name; });
  if (twice != to.members.end()) return Invalid("an object has a name twice");
  return to;
}

absl::StatusOr<Json> Copy(const simdjson::dom::element& from) {
  using Type = simdjson::dom::element_type;
  Json to;
  simdjson::dom::object object;
  simdjson::dom::array array;
  std::string_view text;
  switch (from.type()) {
    case Type::OBJECT:
      if (from.get(object) != simdjson::SUCCESS) return Invalid("is no object");
      return CopyObject(object);
    case Type::ARRAY:
      to.kind = Json::Kind::kList;
      if (from.get(array) != simdjson::SUCCESS) return Invalid("is no list");
      for (const simdjson::dom::element item : array) {
        TOCSIN_ASSIGN(Json value, Copy(item));
        to.items.push_back(std::move(value));
      }
      return to;
    case Type::STRING:
      to.kind = Json::Kind::kText;
      if (from.get(text) != simdjson::SUCCESS) return Invalid("is no text");
      to.text = std::string(text);
      return to;
    case Type::INT64:
    case Type::UINT64:
    case Type::DOUBLE:
      to.kind = Json::Kind::kNumber;
      if (from.get(to.number) != simdjson::SUCCESS) return Invalid("is no number");
      return to;
    case Type::BOOL:
      to.kind = Json::Kind::kFlag;
      if (from.get(to.flag) != simdjson::SUCCESS) return Invalid("is no flag");
      return to;
    case Type::NULL_VALUE: return to;
  }
  return to;
}

}  // namespace

const Json* Json::Find(std::string_view name) const {
  const auto found =
      std::ranges::lower_bound(members, name, {}, [](const auto& member) { return std::string_view(member.name); });
  return found == members.end() || found->name != name ? nullptr : &found->value;
}

std::string Json::TextOf(std::string_view name) const {
  const Json* value = Find(name);
  return value == nullptr ? "" : value->text;
}

bool Json::FlagOf(std::string_view name) const {
  const Json* value = Find(name);
  return value != nullptr && value->flag;
}

std::optional<absl::Time> Json::TimeOf(std::string_view name) const {
  const Json* value = Find(name);
  if (value == nullptr || value->kind != Kind::kNumber) return std::nullopt;
  if (!std::isfinite(value->number) || value->number < 0 || value->number > kYear9999) return std::nullopt;
  return absl::UnixEpoch() + absl::Seconds(value->number);
}

std::vector<std::string> Json::TextsOf(std::string_view name) const {
  const Json* value = Find(name);
  if (value == nullptr) return {};
  if (value->kind == Kind::kText) return {value->text};
  std::vector<std::string> texts;
  for (const Json& item : value->items) {
    if (item.kind == Kind::kText) texts.push_back(item.text);
  }
  return texts;
}

absl::StatusOr<Json> ParseObject(std::string_view text) {
  simdjson::dom::parser parser;
  if (parser.allocate(text.size() + kLeastCapacity, kDepth) != simdjson::SUCCESS)
    return Exhausted("there is no memory for it now");
  simdjson::dom::element element;
  if (const auto error = parser.parse(text.data(), text.size()).get(element); error != simdjson::SUCCESS) {
    return Invalid("is no JSON: %s", simdjson::error_message(error));
  }
  if (!element.is_object()) return Invalid("is no JSON object");
  return Copy(element);
}

}  // namespace tocsin::oidc
