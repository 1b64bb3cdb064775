// How commands print: tables for people, JSON for programs. Text from outside never reaches the terminal with its control
// bytes.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/time/time.h"
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include "cli/table.h"

namespace tocsin {

// Controls (C0, C1), line separators, direction overrides and invalid UTF-8 replaced: fit for any terminal.
std::string Printable(std::string_view text);

// "2026-11-21 03:04:05Z", in the local zone with its offset when $TZ says so; "-" when absent.
std::string Show(const google::protobuf::Timestamp& time);

// How long ago, or in what time, as people say it: "now", "42s ago", "2h5m ago", "in 3d4h".
std::string Relative(absl::Duration from_now);
// For lists: Relative, or Show where absolute times were asked for.
std::string When(const google::protobuf::Timestamp& time);

// A state in its colour: what fires and what is open is bad, what somebody has or what is held back is to be watched.
Cell StateCell(std::string word);

// A value of an enumeration as people say it: EnumWord("STATE_OPEN", "STATE_") is "open".
std::string EnumWord(std::string_view name, std::string_view prefix);

// One message as indented JSON on standard output.
void PrintJson(const google::protobuf::Message& message);
// The same of what is no message of the API; numbers of 64 bits are strings there too.
void PrintJson(std::span<const std::pair<std::string_view, std::string>> fields);

}  // namespace tocsin
