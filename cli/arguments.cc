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

// Letters to insert, leave out, replace or swap to make the one of the other.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j)
    cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

constexpr std::size_t kLongestWord = 64;  // nobody means a longer one

absl::Status UnknownOption(const std::string& argument, std::string_view name, std::span<const OptionSpec> specs) {
  std::vector<std::string_view> names;
  for (const OptionSpec& spec : specs)
    names.push_back(spec.name);
  const std::string_view nearest = Nearest(name, names);
  if (nearest.empty()) return Invalid("unknown option %s", argument);
  return Invalid("unknown option %s; did you mean --%s?", argument, nearest);
}

}  // namespace

std::string_view Nearest(std::string_view word, std::span<const std::string_view> known) {
  if (word.empty() || word.size() > kLongestWord) return {};
  std::string_view best;
  std::size_t least = word.size() / 3 + 1;
  for (const std::string_view each : known) {
    if (each.starts_with(word)) return each;
    const std::size_t distance = Distance(word, each);
    if (distance < least || (distance == least && best.empty())) {
      best = each;
      least = distance;
    }
  }
  return best;
}

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
    if (spec == nullptr || (!is_long && argument.size() > 2)) return UnknownOption(argument, name, specs);
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
