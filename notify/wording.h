// The words that all media share. Private to the renderers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/response.h"

namespace tocsin::notify {

// What is kept of an alert's words. Media with less room cut further.
inline constexpr std::size_t kTitleBytes = 300;
inline constexpr std::size_t kBodyBytes = 16 * 1024;
inline constexpr std::size_t kBodyLines = 200;
inline constexpr std::size_t kNameBytes = 80;

// For programs: "page", "test"; "critical", "rest".
std::string_view PurposeName(Notification::Purpose purpose);
std::string_view LaneName(Notification::Lane lane);

// For people: "PAGE", "TEST PAGE (repeat)".
std::string Headline(const Notification& notification);

// The person, or the receiver of a route that pages nobody.
std::string Person(const Notification& notification);
std::string Title(const Notification& notification);
std::string Body(const Notification& notification);

// The lines that say how to acknowledge; none where nothing can be.
std::vector<std::string> HowToAcknowledge(const Notification& notification);
bool Acknowledgeable(const Notification& notification);

}  // namespace tocsin::notify
