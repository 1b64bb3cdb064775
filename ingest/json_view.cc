#include "ingest/json_view.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "ingest/fields.h"
#include "net/http.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMostFormFields = 500;

// {"text":"...","attachments":[...]} of text=...&attachments=%5B...%5D
std::string FormAsJson(std::string_view form) {
  std::string object = "{";
  for (const FormField& field : ParseForm(form, kMostFormFields)) {
    const bool is_json =
        LooksLikeJson(field.value) && ThreadJsonReader().Read(field.value, JsonReader::Manner::kLenient).ok();
    absl::StrAppend(&object, object.size() > 1 ? "," : "", JsonQuote(field.name), ":",
                    is_json ? field.value : JsonQuote(field.value));
  }
  return object + "}";
}

// 95, 3.2, 85%, 12 ms; not 10.0.0.1 and not 7b2c-44.
bool IsMeasurement(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  const std::string_view unit = Trim(text.substr(static_cast<std::size_t>(end - text.data())));
  return std::ranges::all_of(
      unit, [](char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '%' || c == '/'; });
}

constexpr std::size_t kLongestLabel = 256;  // of a detail; what is longer is prose

}  // namespace

bool JsonView::IsTrue() const {
  const std::string text = ToLower(Text());
  return text == "true" || text == "yes" || text == "1";
}

JsonView JsonView::At(std::string_view path) const {
  JsonView view = *this;
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    if (!view.IsObject()) return {};
    view.value_ = Member(dom::object(*view.value_), path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return view;
}

std::string JsonView::Text() const {
  if (!value_ || IsObject() || IsArray()) return "";
  constexpr double kExact = 9'007'199'254'740'992;  // 2^53
  if (value_->is_double()) {
    const double number = double(*value_);
    if (std::trunc(number) == number && std::abs(number) <= kExact)
      return absl::StrCat(static_cast<std::int64_t>(number));
  }
  return JsonText(*value_);
}

std::string JsonView::First(std::initializer_list<std::string_view> paths) const {
  for (const std::string_view path : paths) {
    std::string text = Text(path);
    if (const std::string_view said = Trim(text); !said.empty() && !IsUnfilledPlaceholder(said)) return text;
  }
  return "";
}

std::string JsonView::Joined(std::string_view path, std::string_view name) const {
  const JsonView list = At(path);
  if (!list.IsArray()) return list.IsObject() ? list.Text(name) : list.Text();
  std::string joined;
  for (const JsonView& item : list.Items()) {
    std::string text = item.IsObject() ? item.Text(name) : item.Text();
    if (const std::string_view said = Trim(text); !said.empty())
      absl::StrAppend(&joined, joined.empty() ? "" : ",", ToAbsl(said));
  }
  return joined;
}

std::string JsonView::Json() const {
  return value_ ? simdjson::minify(*value_) : "";
}

std::vector<JsonView> JsonView::Items() const {
  std::vector<JsonView> items;
  if (!IsArray()) return items;
  for (const dom::element& item : dom::array(*value_))
    items.emplace_back(item);
  return items;
}

std::vector<std::pair<std::string, JsonView>> JsonView::Members() const {
  std::vector<std::pair<std::string, JsonView>> members;
  if (!IsObject()) return members;
  for (const dom::key_value_pair& member : dom::object(*value_))
    members.emplace_back(std::string(member.key), JsonView(member.value));
  return members;
}

absl::StatusOr<JsonView> ReadDocument(const SourceRequest& request) {
  std::string_view body = Trim(request.body);
  if (body.empty()) return Invalid("the body is empty");
  std::string text;
  if (!LooksLikeJson(body)) {
    if (!LooksLikeForm(request)) return Invalid("byte 0: neither JSON nor a form");
    const std::optional<std::string> payload = QueryValue(body, "payload");
    text = payload && LooksLikeJson(*payload) ? *payload : FormAsJson(body);
    body = text;
  }
  TOCSIN_ASSIGN(const dom::element document, ThreadJsonReader().Read(body, JsonReader::Manner::kLenient));
  return JsonView(document);
}

void AddDetail(EventBuilder& builder, std::string_view name, std::string_view text) {
  const bool names_something =
      text.size() <= kLongestLabel && text.find_first_of("\n{") == std::string_view::npos && !IsMeasurement(Trim(text));
  if (names_something) {
    builder.Label(name, text);
  } else {
    builder.Annotation(name, text);
  }
}

void AddDetails(EventBuilder& builder, const JsonView& details) {
  for (const auto& [name, value] : details.Members())
    AddDetail(builder, name, value.IsObject() ? value.Json() : value.IsArray() ? value.Joined("") : value.Text());
}

std::string KeyOfItsOwn(std::string_view body, absl::Time received) {
  const Hash128 hash = HashTo128(body, static_cast<std::uint64_t>(absl::ToUnixNanos(received)));
  return absl::StrCat("tocsin:", absl::Hex(hash.high, absl::kZeroPad16), absl::Hex(hash.low, absl::kZeroPad16));
}

absl::StatusOr<Readings> ReadEach(const SourceRequest& request, const std::function<Reading(const JsonView&)>& read) {
  TOCSIN_ASSIGN(const JsonView document, ReadDocument(request));
  if (document.IsObject()) return Readings{read(document)};
  Readings readings;
  for (const JsonView& item : document.Items()) {
    if (readings.size() > limits::kEventsPerBatch) break;  // WithStandIns says so
    readings.push_back(item.IsObject() ? read(item) : Reading::Rejected("expected an object, found " + item.Json()));
  }
  if (readings.empty()) readings.push_back(Reading::Ignored("the array is empty"));
  return readings;
}

}  // namespace tocsin
