#include "cli/arguments.h"

#include <algorithm>

#include "absl/strings/str_format.h"

#include "base/status.h"

namespace tocsin {
namespace {

const OptionSpec* FindSpec(std::span<const OptionSpec> specs, std::string_view name, char letter) {
  const auto found = std::ranges::find_if(
      specs, [&](const OptionSpec& spec) { return letter != 0 ? spec.letter == letter : spec.name == name; });
  return found == specs.end() ? nullptr : &*found;
}

}  // namespace

absl::StatusOr<Arguments> Arguments::Parse(std::span<const std::string> arguments, std::span<const OptionSpec> specs) {
  Arguments parsed;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {
      parsed.positional_.insert(parsed.positional_.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                arguments.end());
      break;
    }
    if (argument.size() < 2 || argument[0] != '-') {
      parsed.positional_.push_back(argument);
      continue;
    }
    const bool is_long = argument[1] == '-';
    const std::size_t equals = is_long ? argument.find('=') : std::string::npos;
    const std::string name = is_long ? argument.substr(2, equals == std::string::npos ? equals : equals - 2) : "";
    const OptionSpec* spec = FindSpec(specs, name, is_long ? '\0' : argument[1]);
    if (spec == nullptr || (!is_long && argument.size() > 2)) return Invalid("unknown option %s", argument);
    std::vector<std::string>& values = parsed.options_[std::string(spec->name)];
    if (!spec->takes_value) {
      if (equals != std::string::npos) return Invalid("--%s takes no value", spec->name);
      values.emplace_back();
    } else if (equals != std::string::npos) {
      values.push_back(argument.substr(equals + 1));
    } else if (i + 1 < arguments.size()) {
      values.push_back(arguments[++i]);
    } else {
      return Invalid("%s needs a value: %s", argument, spec->value_name);
    }
  }
  return parsed;
}

std::string Arguments::get(std::string_view name, std::string_view otherwise) const {
  const auto found = options_.find(std::string(name));
  return found == options_.end() ? std::string(otherwise) : found->second.back();
}

std::vector<std::string> Arguments::all(std::string_view name) const {
  const auto found = options_.find(std::string(name));
  return found == options_.end() ? std::vector<std::string>() : found->second;
}

std::string DescribeOptions(std::span<const OptionSpec> specs) {
  std::string text;
  for (const OptionSpec& spec : specs) {
    std::string left = spec.letter != 0 ? absl::StrFormat("-%c, --%s", spec.letter, spec.name)
                                        : absl::StrFormat("    --%s", spec.name);
    if (spec.takes_value) left += " " + std::string(spec.value_name);
    absl::StrAppendFormat(&text, "  %-28s %s\n", left, spec.help);
  }
  return text;
}

}  // namespace tocsin
