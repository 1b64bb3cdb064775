#include "cli/session.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>

#include <unistd.h>

#include "base/status.h"
#include "base/strings.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/table.h"

namespace tocsin {
namespace {

constexpr OptionSpec kHelpOption = {"help", 'h', false, "", "this text"};

// They take options alone: a word is a mistake, and not to be passed over.
bool IsWithoutWords(std::string_view command) {
  constexpr std::string_view kCommands[] = {"audit", "status", "top", "export", "logout", "demo"};
  return std::ranges::find(kCommands, command) != std::end(kCommands);
}

// For completion: what may stand where `prefix` does.
int ListOptions(std::span<const OptionSpec> specs, std::string_view prefix) {
  for (const OptionSpec& spec : specs) {
    const std::string option = "--" + std::string(spec.name);
    if (option.starts_with(prefix)) std::printf("%s\n", option.c_str());
  }
  return 0;
}

// Some errors have several lines. What stands in them may be anybody's.
std::string PrintableLines(std::string_view text) {
  std::string out;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    out += Printable(text.substr(0, end)) + "\n";
    text.remove_prefix(end + 1);
  }
  return out + Printable(text);
}

int ExitCode(std::string_view command, const absl::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "tocsin %.*s: %s\n", static_cast<int>(command.size()), command.data(),
               PrintableLines(Message(status)).c_str());
  return absl::IsInvalidArgument(status) ? 2 : 1;
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::Status SetScreen(const Arguments& arguments) {
  const std::string colour = arguments.get("color", "auto");
  if (colour != "auto" && colour != "always" && colour != "never") {
    return Invalid("--color: %s is none of auto, always, never", colour);
  }
  SetStandardOutput({
      .width = arguments.has("wide") ? 0 : TerminalWidth(),
      .colours = WantsColours(colour, isatty(STDOUT_FILENO) != 0, Environment("NO_COLOR"), Environment("TERM")),
      .absolute_times = arguments.has("absolute"),
  });
  return absl::OkStatus();
}

}  // namespace

int WithArguments(std::string_view command,
                  std::span<const std::string> arguments,
                  std::span<const OptionSpec> own,
                  absl::FunctionRef<absl::Status(const Arguments&)> body) {
  std::vector<OptionSpec> specs(own.begin(), own.end());
  specs.push_back(kHelpOption);
  if (arguments.size() == 2 && arguments[0] == kListOptions) return ListOptions(specs, arguments[1]);
  const absl::StatusOr<Arguments> parsed = Arguments::Parse(arguments, specs);
  if (!parsed.ok()) return ExitCode(command, Annotate(parsed.status(), "see --help"));
  if (parsed->has("help")) {
    std::fputs(CommandHelp(command, specs).c_str(), stdout);
    return 0;
  }
  if (IsWithoutWords(command) && !parsed->positional().empty()) {
    return ExitCode(
        command, Invalid("%s means nothing here: see `tocsin %s --help`", JsonQuote(parsed->positional()[0]), command));
  }
  if (const absl::Status screen = SetScreen(*parsed); !screen.ok()) return ExitCode(command, screen);
  return ExitCode(command, body(*parsed));
}

int WithClient(std::string_view command,
               std::span<const std::string> arguments,
               std::span<const OptionSpec> own,
               absl::FunctionRef<absl::Status(const Arguments&, const Client&)> body) {
  std::vector<OptionSpec> specs(own.begin(), own.end());
  specs.insert(specs.end(), {kServerOption, kTokenOption, kTokenFileOption, kOutputOption, kColourOption,
                             kAbsoluteOption, kWideOption});
  return WithArguments(command, arguments, specs, [&](const Arguments& parsed) -> absl::Status {
    TOCSIN_TRY(CheckOutput(parsed));
    TOCSIN_ASSIGN(const Client client, Client::Make(parsed));
    return body(parsed, client);
  });
}

bool WantsJson(const Arguments& arguments) {
  return arguments.get("output") == "json";
}

absl::Status CheckOutput(const Arguments& arguments) {
  const std::string output = arguments.get("output", "table");
  if (output != "table" && output != "json") return Invalid("--output: %s is neither table nor json", output);
  return absl::OkStatus();
}

absl::StatusOr<std::uint32_t> NumberOf(const Arguments& arguments,
                                       std::string_view option,
                                       std::uint32_t otherwise,
                                       std::uint32_t least,
                                       std::uint32_t most) {
  if (!arguments.has(option)) return otherwise;
  const std::string text = arguments.get(option);
  std::uint32_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && stop == text.data() + text.size() && number >= least && number <= most) return number;
  return Invalid("--%s: %s is no number from %d to %d", option, JsonQuote(text), least, most);
}

absl::StatusOr<Reference> ParseReference(std::string_view text, std::string_view letters) {
  Reference reference;
  if (text.size() >= 2) {
    reference.letter = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    const auto [stop, error] = std::from_chars(text.data() + 1, text.data() + text.size(), reference.id);
    if (error == std::errc() && stop == text.data() + text.size() && letters.find(reference.letter) != letters.npos) {
      return reference;
    }
  }
  std::string any;
  for (const char letter : letters)
    any += (any.empty() ? "" : " or ") + std::string(1, letter);
  return Invalid("%s is not %s followed by a number, such as %c17", JsonQuote(text), any, letters[0]);
}

absl::StatusOr<absl::Duration> ParseSpan(std::string_view text) {
  absl::Duration sum;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while (at != end) {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(at, end, number);
    if (error != std::errc() || stop == end || number < 0 || number > 100'000) break;
    at = stop + 1;
    if (*stop == 's') {
      sum += absl::Seconds(number);
    } else if (*stop == 'm') {
      sum += absl::Minutes(number);
    } else if (*stop == 'h') {
      sum += absl::Hours(number);
    } else if (*stop == 'd') {
      sum += absl::Hours(24 * number);
    } else {
      break;
    }
    if (at == end) return sum;
  }
  return Invalid("%s is not a duration such as 30m, 2h or 1d12h", JsonQuote(text));
}

absl::StatusOr<absl::Time> ParseInstant(std::string_view text) {
  absl::Time time;
  std::string error;
  const bool read = absl::ParseTime(absl::RFC3339_full, ToAbsl(text), &time, &error) ||
                    absl::ParseTime("%Y-%m-%d %H:%M:%E*S UTC", ToAbsl(text), absl::UTCTimeZone(), &time, &error) ||
                    absl::ParseTime("%Y-%m-%d %H:%M UTC", ToAbsl(text), absl::UTCTimeZone(), &time, &error) ||
                    absl::ParseTime("%Y-%m-%d %H:%M:%E*S%Ez", ToAbsl(text), &time, &error) ||
                    absl::ParseTime("%Y-%m-%d %H:%M:%S", ToAbsl(text), absl::LocalTimeZone(), &time, &error) ||
                    absl::ParseTime("%Y-%m-%d %H:%M", ToAbsl(text), absl::LocalTimeZone(), &time, &error) ||
                    absl::ParseTime("%Y-%m-%d", ToAbsl(text), absl::LocalTimeZone(), &time, &error);
  // Abseil also reads infinite-future and infinite-past, whatever the format.
  if (read && time != absl::InfiniteFuture() && time != absl::InfinitePast()) return time;
  return Invalid(
      "%s is not a time such as 2026-11-21T09:00:00Z, \"2026-11-21 09:00\" (in the zone of this terminal), "
      "\"2026-11-21 "
      "09:00:00 UTC\" or 2026-11-21",
      JsonQuote(text));
}

}  // namespace tocsin
