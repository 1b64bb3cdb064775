// The process's log: one line per happening on standard error, for people and for machines.
//
//   LogWarning("a provider is slow", {{"channel", "sms"}, {"waited", absl::Seconds(12)}, {"url", RedactUrl(url)}});
//   2026-11-21T19:25:50.402Z WARNING a provider is slow channel=sms waited=12s url="https://api.example.com/x?[redacted]"
//
// The message is a sentence that we wrote; everything from outside is a field. Values are escaped as Go's %q does, so that
// hostile text can neither end a line, nor look like another field, nor steer a terminal. A field whose key is called
// password, secret, token, key, authorization, cookie or ends in one of them (`auth_token`) prints [redacted].
//
// Any thread. A line is written whole. Writing blocks while standard error does: nothing per alert or per page is logged
// above debug level.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace tocsin {

enum class LogLevel : std::uint8_t {
  kDebug,
  kInfo,
  kWarning,
  kError,
};
std::string_view Name(LogLevel level);  // "debug", "info", "warning", "error"
std::optional<LogLevel> LogLevelFromName(std::string_view name);

// Implicit from all that has one obvious text.
class LogValue {
 public:
  // NOLINTBEGIN(google-explicit-constructor)
  LogValue(std::string_view text) : text_(text) {}
  LogValue(const std::string& text) : text_(text) {}
  LogValue(const char* text) : text_(text) {}
  LogValue(std::same_as<bool> auto value) : text_(value ? "true" : "false") {}  // a pointer is no bool here
  template <std::integral T>
  LogValue(T number) requires(!std::same_as<T, bool>) : text_(std::to_string(number)) {}
  LogValue(double number);
  LogValue(absl::Duration duration);
  LogValue(absl::Time time);
  LogValue(const absl::Status& status);
  // NOLINTEND(google-explicit-constructor)
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

struct LogField {
  std::string_view key;  // lower_snake_case, a literal
  LogValue value;
};
using LogFields = std::initializer_list<LogField>;

void Log(LogLevel level, std::string_view message, LogFields fields);
inline void LogDebug(std::string_view message, LogFields fields = {}) {
  Log(LogLevel::kDebug, message, fields);
}
inline void LogInfo(std::string_view message, LogFields fields = {}) {
  Log(LogLevel::kInfo, message, fields);
}
inline void LogWarning(std::string_view message, LogFields fields = {}) {
  Log(LogLevel::kWarning, message, fields);
}
inline void LogError(std::string_view message, LogFields fields = {}) {
  Log(LogLevel::kError, message, fields);
}

// What is below the level is not written. Starts as info; may change at any time.
void SetLogLevel(LogLevel level);
// By name. False: there is no such level, nothing has changed.
bool SetLogLevel(std::string_view name);
LogLevel CurrentLogLevel();

// The line that Log writes, without its line break.
std::string FormatLogLine(absl::Time time, LogLevel level, std::string_view message, LogFields fields);

// A URL fit for logs and people: without user, password, query and fragment, where secrets travel.
std::string RedactUrl(std::string_view url);

}  // namespace tocsin
