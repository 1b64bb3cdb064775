// A subcommand's arguments: options that are declared in a table, the rest positional. `--name value`, `--name=value`, `-o x`;
// `--` ends the options.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tocsin {

struct OptionSpec {
  std::string_view name;  // without dashes
  char letter = 0;        // 0: none
  bool takes_value = true;
  std::string_view value_name;  // for the help text
  std::string_view help;
};

class Arguments {
 public:
  // Invalid names what is unknown or lacks its value.
  static absl::StatusOr<Arguments> Parse(std::span<const std::string> arguments, std::span<const OptionSpec> specs);

  bool has(std::string_view name) const { return options_.contains(std::string(name)); }
  // The last value given, or `otherwise`.
  std::string get(std::string_view name, std::string_view otherwise = "") const;
  // All values given, in order.
  std::vector<std::string> all(std::string_view name) const;
  const std::vector<std::string>& positional() const { return positional_; }

 private:
  std::map<std::string, std::vector<std::string>> options_;
  std::vector<std::string> positional_;
};

// The options of `specs`, aligned, for `--help`.
std::string DescribeOptions(std::span<const OptionSpec> specs);

// The one of `known` that was probably meant; empty when none is near.
std::string_view Nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace tocsin
