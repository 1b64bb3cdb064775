#include "base/log.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>

#include "absl/strings/str_format.h"
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "base/clock.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
constexpr std::string_view kShown[] = {"DEBUG", "INFO", "WARNING", "ERROR"};

constexpr std::size_t kValueBytes = 4096;
constexpr std::string_view kRedacted = "[redacted]";

std::atomic<LogLevel> current_level{LogLevel::kInfo};

bool IsSecret(std::string_view key) {
  constexpr std::string_view kSecrets[] = {"password", "secret", "token", "key", "authorization", "cookie"};
  return std::ranges::any_of(kSecrets, [key](std::string_view secret) {
    return key == secret ||
           (key.size() > secret.size() && key.ends_with(secret) && key[key.size() - secret.size() - 1] == '_');
  });
}

// A value that needs no quotes: visible ASCII without the characters that structure a line.
bool IsBare(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != '='; });
}

void AppendField(std::string& line, const LogField& field) {
  line += ' ';
  line += field.key;
  line += '=';
  if (IsSecret(field.key)) {
    line += kRedacted;
    return;
  }
  const std::string_view shown = TruncateUtf8(field.value.text(), kValueBytes);
  line += IsBare(shown) ? std::string(shown) : GoQuote(shown);
  if (shown.size() < field.value.text().size()) {
    absl::StrAppendFormat(&line, "...(%d bytes)", field.value.text().size());
  }
}

// spdlog brings the locked, whole-line write; the text is ours.
spdlog::logger& Logger() {
  static spdlog::logger* const logger = [] {  // never destroyed: threads may log until the process ends
    auto made = std::make_unique<spdlog::logger>("tocsin", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    return made.release();
  }();
  return *logger;
}

}  // namespace

std::string_view Name(LogLevel level) {
  return kNames[static_cast<std::size_t>(level)];
}

std::optional<LogLevel> LogLevelFromName(std::string_view name) {
  const auto* found = std::ranges::find(kNames, name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<LogLevel>(found - std::begin(kNames));
}

LogValue::LogValue(double number) : text_(absl::StrFormat("%g", number)) {}
LogValue::LogValue(absl::Duration duration) : text_(absl::FormatDuration(duration)) {}
LogValue::LogValue(absl::Time time) : text_(absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone())) {}
LogValue::LogValue(const absl::Status& status) : text_(status.ToString()) {}

void Log(LogLevel level, std::string_view message, LogFields fields) {
  if (level < current_level.load(std::memory_order_relaxed)) return;
  static const SystemClock clock;
  const std::string line = FormatLogLine(clock.Read().wall, level, message, fields);
  Logger().log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

void SetLogLevel(LogLevel level) {
  current_level.store(level, std::memory_order_relaxed);
}

bool SetLogLevel(std::string_view name) {
  const std::optional<LogLevel> level = LogLevelFromName(name);
  if (level) SetLogLevel(*level);
  return level.has_value();
}

LogLevel CurrentLogLevel() {
  return current_level.load(std::memory_order_relaxed);
}

std::string FormatLogLine(absl::Time time, LogLevel level, std::string_view message, LogFields fields) {
  std::string line = LogValue(time).text();
  line += ' ';
  line += kShown[static_cast<std::size_t>(level)];
  line += ' ';
  // Messages are ours; should one carry something else, it is quoted as soon as it could do harm.
  const std::string quoted = GoQuote(message);
  line += quoted.size() == message.size() + 2 ? std::string(message) : quoted;
  for (const LogField& field : fields)
    AppendField(line, field);
  return line;
}

std::string RedactUrl(std::string_view url) {
  std::string shown;
  if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos) {
    shown = url.substr(0, scheme + 3);
    url.remove_prefix(scheme + 3);
  }
  const std::size_t authority_end = std::min(url.find_first_of("/?#"), url.size());
  if (const std::size_t at = url.substr(0, authority_end).rfind('@'); at != std::string_view::npos) {
    shown += kRedacted;
    url.remove_prefix(at);
  }
  const std::size_t query = url.find_first_of("?#");
  shown += url.substr(0, query);
  if (query == std::string_view::npos) return shown;
  shown += url[query];
  shown += kRedacted;
  return shown;
}

}  // namespace tocsin
