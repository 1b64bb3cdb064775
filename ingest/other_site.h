// What is sent without a key from this very machine is taken as the word of a program here. A browser on it is one, too, and obeys
// whatever page is open.
#pragma once

#include <string_view>

#include "net/http.h"

namespace tocsin {

// Whether a browser says that a page of another site sends this (Origin, Sec-Fetch-Site), or it was sent to a name that is not this
// machine's own, which somebody may have led here (Host). Programs that send alerts say neither, and call us localhost or 127.0.0.1.
bool IsOfAnotherSite(const HttpRequest& request);
inline constexpr std::string_view kForProgramsHere =
    "without a key this door is for programs of this machine, which call it localhost, 127.0.0.1 or [::1], and not for "
    "web pages of other sites: give the default integration a key, and send it";

}  // namespace tocsin
