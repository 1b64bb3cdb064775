#include "net/http_client.h"

#include <algorithm>
#include <memory>
#include <mutex>

#include <curl/curl.h>

#include "base/small_file.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kCertificatesBytes = 1 << 20;

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct Reception {
  HttpResponse response = {};
  std::size_t max_bytes = 0;
  bool too_large = false;
};

std::size_t TakeBody(char* bytes, std::size_t size, std::size_t count, void* to) {
  auto& reception = *static_cast<Reception*>(to);
  if (reception.response.body.size() + size * count > reception.max_bytes) {
    reception.too_large = true;
    return 0;  // libcurl ends the transfer
  }
  reception.response.body.append(bytes, size * count);
  return size * count;
}

std::size_t TakeHeader(char* bytes, std::size_t size, std::size_t count, void* to) {
  auto& reception = *static_cast<Reception*>(to);
  const std::string_view line(bytes, size * count);
  if (line.starts_with("HTTP/")) reception.response.headers.clear();  // of an interim response
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    reception.response.headers.push_back(
        {std::string(line.substr(0, colon)), std::string(Trim(line.substr(colon + 1)))});
  }
  return size * count;
}

// What `permits` is asked by, and has said.
struct Judge {
  const HttpCall& call;
  bool refused = false;
};

curl_socket_t OpenSocket(void* to, curlsocktype /*purpose*/, curl_sockaddr* address) {
  auto& judge = *static_cast<Judge*>(to);
  if (!judge.call.permits(address->addr, address->addrlen)) {
    judge.refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

long Milliseconds(absl::Duration d) {
  return static_cast<long>(std::max<std::int64_t>(1, absl::ToInt64Milliseconds(d)));
}

}  // namespace

absl::StatusOr<HttpResponse> Perform(const HttpCall& call) {
  static std::once_flag initialised;
  std::call_once(initialised, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const std::unique_ptr<CURL, FreeEasy> easy(curl_easy_init());
  TOCSIN_CHECK(easy != nullptr, "curl_easy_init");
  std::unique_ptr<curl_slist, FreeList> headers;
  const auto add_header = [&headers](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
    if (longer == nullptr) return;
    static_cast<void>(headers.release());
    headers.reset(longer);
  };
  for (const HttpHeader& header : call.headers) {
    add_header(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  if (FindHeader(call.headers, "Expect").empty()) add_header("Expect:");  // no second's pause before large bodies

  Reception reception{.max_bytes = call.max_response_bytes};
  CURL* const c = easy.get();
  curl_easy_setopt(c, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, Milliseconds(call.connect_timeout));
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, Milliseconds(call.timeout));
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, TakeBody);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &reception);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, TakeHeader);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, &reception);
  if (!call.unix_socket.empty()) {
    curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, call.unix_socket.c_str());
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
  }
  Judge judge{call};
  if (call.permits) {
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, OpenSocket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, &judge);
  }
  std::string certificates;
  if (!call.ca_file.empty()) {
    TOCSIN_ASSIGN(certificates, ReadSmallFile(call.ca_file, kCertificatesBytes));
    curl_blob blob{certificates.data(), certificates.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &blob);
  }
  if (call.method == "HEAD") curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
  if (!call.body.empty() || call.method == "POST" || call.method == "PUT" || call.method == "PATCH") {
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, call.body.data());
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    // libcurl would call any body a form.
    if (FindHeader(call.headers, "Content-Type").empty()) {
      add_header("Content-Type:");
      curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
    }
  }
  const CURLcode result = curl_easy_perform(c);
  if (result != CURLE_OK && judge.refused) {
    return absl::PermissionDeniedError(call.url + ": leads into a network that is not allowed");
  }
  if (reception.too_large) return Exhausted("%s: more than %d bytes", call.url, call.max_response_bytes);
  if (result != CURLE_OK) return Unavailable("%s: %s", call.url, curl_easy_strerror(result));
  long status = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  reception.response.status = static_cast<int>(status);
  return std::move(reception.response);
}

}  // namespace tocsin
