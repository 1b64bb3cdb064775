// What the commands that talk to a server share: parse the arguments, answer --help, connect, report errors.
#pragma once

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "cli/arguments.h"
#include "cli/client.h"

namespace tocsin {

// Runs `body` with a connected client. `own` are the command's own options; those for server, token and output are added.
// Status to exit code: OK 0, InvalidArgument 2, others 1, the message on standard error after the command's name.
int WithClient(std::string_view command,
               std::span<const std::string> arguments,
               std::span<const OptionSpec> own,
               absl::FunctionRef<absl::Status(const Arguments&, const Client&)> body);

// The same without a server.
int WithArguments(std::string_view command,
                  std::span<const std::string> arguments,
                  std::span<const OptionSpec> own,
                  absl::FunctionRef<absl::Status(const Arguments&)> body);

// As a command's first argument: print its options that begin with the second one, do nothing else.
inline constexpr std::string_view kListOptions = "--list-options";

bool WantsJson(const Arguments& arguments);
// As kOutputOption says; of commands that do not go through WithClient.
absl::Status CheckOutput(const Arguments& arguments);
// The number that an option gives, or `otherwise` without it. Invalid names the option and what it takes.
absl::StatusOr<std::uint32_t> NumberOf(const Arguments& arguments,
                                       std::string_view option,
                                       std::uint32_t otherwise,
                                       std::uint32_t least,
                                       std::uint32_t most);

// "G17", "i3", "S5": a letter and a number.
struct Reference {
  char letter = 0;  // upper case
  std::uint64_t id = 0;
};
absl::StatusOr<Reference> ParseReference(std::string_view text, std::string_view letters);

// "90s", "2h", "1d12h".
absl::StatusOr<absl::Duration> ParseSpan(std::string_view text);
// RFC 3339, or "2026-11-21 09:00" in the local zone.
absl::StatusOr<absl::Time> ParseInstant(std::string_view text);

}  // namespace tocsin
