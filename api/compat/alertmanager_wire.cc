#include "api/compat/alertmanager_wire.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_format.h"

#include "base/strings.h"

namespace tocsin::alertmanager {
namespace {

constexpr std::string_view kUuidPrefix = "746f6373-696e-8000-8";  // "tocsin", version 8, the variant of RFC 9562
constexpr std::size_t kUuidBytes = 36;

}  // namespace

HttpResponse ErrorText(int status, std::string_view message) {
  return JsonResponse(status, JsonQuote(message) + "\n");
}

HttpResponse ErrorObject(int status, int code, std::string_view message) {
  return JsonResponse(status, absl::StrFormat(R"({"code":%d,"message":%s})", code, JsonQuote(message)));
}

HttpResponse Busy() {
  return {
      .status = 503,
      .headers = {{"Content-Type", "text/plain; charset=utf-8"}, {"Retry-After", "1"}},
      .body = "too many requests are waiting: try again in a second\n"
  };
}

std::string WireTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

std::string FormatLabels(const Labels& labels) {
  std::string json = "{";
  for (const Label& label : labels) {
    if (json.size() > 1) json += ',';
    json += JsonQuote(label.name);
    json += ':';
    json += JsonQuote(label.value);
  }
  return json + "}";
}

std::string FormatUuid(SilenceId id) {
  const std::uint64_t number = id.value();
  return absl::StrFormat("%s%03x-%012x", kUuidPrefix, (number >> 48U) & 0xFFFU, number & 0xFFFF'FFFF'FFFFU);
}

bool IsUuid(std::string_view text) {
  if (text.size() != kUuidBytes) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return false;
    if (!dash && std::string_view("0123456789abcdefABCDEF").find(text[i]) == std::string_view::npos) return false;
  }
  return true;
}

std::optional<SilenceId> ParseUuid(std::string_view text) {
  if (!IsUuid(text)) return std::nullopt;
  std::string digits = ToLower(text);
  if (!digits.starts_with(kUuidPrefix)) return std::nullopt;
  digits.erase(0, kUuidPrefix.size());
  std::erase(digits, '-');
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  if (number == 0) return std::nullopt;
  return SilenceId(number);
}

bool FlagOf(std::string_view query, std::string_view name, bool otherwise) {
  const std::optional<std::string> value = QueryValue(query, name);
  if (!value) return otherwise;
  constexpr std::string_view kTrue[] = {"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"};
  return std::ranges::find(kTrue, ToLower(*value)) != std::end(kTrue);
}

bool AcceptsJson(std::string_view accept) {
  if (Trim(accept).empty()) return true;
  while (!accept.empty()) {
    const std::size_t end = std::min(accept.find(','), accept.size());
    const std::string_view range = accept.substr(0, end);
    const std::string type = ToLower(Trim(range.substr(0, range.find(';'))));
    if (type == "*/*" || type == "application/*" || type == "application/json") return true;
    accept.remove_prefix(std::min(end + 1, accept.size()));
  }
  return false;
}

}  // namespace tocsin::alertmanager
