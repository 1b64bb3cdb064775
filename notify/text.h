// Text from strangers, made fit for people's screens, mail headers and telephones. Alerts carry whatever a sender put
// into them: escape sequences, line separators, direction overrides, broken UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tocsin::notify {

// One line of valid UTF-8 of at most `bytes` bytes: no control characters, no line or paragraph separators, no
// direction overrides, no invisible tags. What separated lines or words becomes one space. Cut text ends in "...".
std::string CleanLine(std::string_view text, std::size_t bytes);

// The same over several lines, joined by '\n', of which there are at most `lines`.
std::string CleanText(std::string_view text, std::size_t bytes, std::size_t lines);

// `text` if it is a plain http or https link without spaces, quotes or control characters; else empty.
std::string_view CleanLink(std::string_view text);

// For the text of an XML element or attribute. Characters that XML 1.0 cannot hold are left out.
std::string XmlEscape(std::string_view text);

// application/x-www-form-urlencoded: all but unreserved characters as %XX.
std::string FormEscape(std::string_view text);

}  // namespace tocsin::notify
