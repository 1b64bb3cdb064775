#include "api/html.h"

#include "absl/strings/str_format.h"

namespace tocsin {

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

HttpResponse HtmlPage(int status, std::string_view title, std::string_view body) {
  HttpResponse response;
  response.status = status;
  response.headers = {
      {"Content-Type",            "text/html; charset=utf-8"        },
      {"Cache-Control",           "no-store"                        },
      {"Referrer-Policy",         "no-referrer"                     },
      {"X-Content-Type-Options",  "nosniff"                         },
      {"Content-Security-Policy",
       "default-src 'none'; style-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; "
       "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"}
  };
  response.body = absl::StrFormat(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\"><title>%s</title>"
      "</head><body><h1>%s</h1>%s</body></html>\n",
      EscapeHtml(title), EscapeHtml(title), body);
  return response;
}

}  // namespace tocsin
