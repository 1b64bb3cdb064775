// The few pages that the server shows by itself: no script, no style from anywhere, nothing loaded, no frame around them.
#pragma once

#include <string>
#include <string_view>

#include "net/http.h"

namespace tocsin {

// For text and for attributes in quotes.
std::string EscapeHtml(std::string_view text);

// `title` is text; `body` is HTML.
HttpResponse HtmlPage(int status, std::string_view title, std::string_view body);

}  // namespace tocsin
