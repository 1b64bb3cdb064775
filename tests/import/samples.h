// One realistic export of each source, for the tests that spoil them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tocsin::import {

struct Sample {
  std::string_view source;
  std::string text;
};
const std::vector<Sample>& Samples();

}  // namespace tocsin::import
