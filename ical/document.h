// iCalendar as it comes in: components, properties, parameters. Nothing is known here of what they mean.
//
// Hostile input: calendars come from wherever a URL points. What cannot be read is told with its line and passed over, sizes
// and nesting are bounded, and no input crashes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tocsin::ical {

inline constexpr std::size_t kDocumentBytes = std::size_t{8} * 1024 * 1024;
inline constexpr std::size_t kLineBytes = std::size_t{64} * 1024;
inline constexpr std::size_t kProperties = 500'000;  // of one document
inline constexpr int kNesting = 8;
inline constexpr std::size_t kProblems = 100;

struct Property {
  std::string name;                                             // upper case
  std::vector<std::pair<std::string, std::string>> parameters;  // names in upper case; values without their quotes
  std::string value;                                            // as it stands
  int line = 0;

  // The parameter's value; "" when it is not there.
  std::string_view Parameter(std::string_view parameter) const;
};

struct Component {
  std::string name;  // upper case: "VEVENT"
  int line = 0;
  std::vector<Property> properties;
  std::vector<Component> components;

  // The first property of that name, or nullptr.
  const Property* Find(std::string_view property) const;
};

struct Trouble {
  int line = 0;
  std::string message;
};

struct Document {
  std::vector<Component> calendars;  // a stream may hold several
  std::vector<Trouble> troubles;     // at most kProblems
};

Document Parse(std::string_view text);

}  // namespace tocsin::ical
