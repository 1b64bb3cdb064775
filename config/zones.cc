#include "config/zones.h"

#include <fstream>
#include <vector>

#include "base/strings.h"
#include "config/problem.h"

namespace tocsin {
namespace {

// A line of it: countries, coordinates and the name, between TABs.
constexpr const char* kList = "/usr/share/zoneinfo/zone1970.tab";

const std::vector<std::string>& Zones() {
  static const std::vector<std::string> zones = [] {
    std::vector<std::string> names;
    std::ifstream in(kList);
    for (std::string line; std::getline(in, line);) {
      const std::size_t first = line.find('\t');
      const std::size_t second = first == std::string::npos ? first : line.find('\t', first + 1);
      if (line.starts_with('#') || second == std::string::npos) continue;
      names.push_back(line.substr(second + 1, line.find('\t', second + 1) - second - 1));
    }
    return names;
  }();
  return zones;
}

// "New_York" of "America/New_York".
std::string_view CityOf(std::string_view zone) {
  return zone.substr(zone.rfind('/') + 1);
}

}  // namespace

std::string ZoneSuggestion(std::string_view name) {
  const bool is_city = name.find('/') == std::string_view::npos;
  std::string wanted = ToLower(name);
  for (char& c : wanted)
    if (c == '-' || c == ' ') c = '_';
  std::vector<std::string_view> names;
  for (const std::string& zone : Zones()) {
    if (is_city && ToLower(CityOf(zone)) == wanted) return " (did you mean " + JsonQuote(zone) + "?)";
    names.emplace_back(zone);
  }
  return Suggestion(wanted, names);
}

}  // namespace tocsin
