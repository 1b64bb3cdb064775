#include "notify/curl_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "notify/text.h"

namespace tocsin::notify {
namespace {

constexpr long kNamesSeconds = 5;  // enough for a storm; whoever moves is found again

int OnSocketMade(void* /*context*/, curl_socket_t socket, curlsocktype /*purpose*/) {
  // Sent data that nobody confirms: give the connection up. Fails only on odd sockets, where it does not matter.
  const unsigned unconfirmed_ms = 20'000;
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &unconfirmed_ms, sizeof unconfirmed_ms);
  return CURL_SOCKOPT_OK;
}

}  // namespace

void Append(CurlList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  TOCSIN_CHECK(longer != nullptr, "out of memory");
  static_cast<void>(list.release());
  list.reset(longer);
}

CurlList ConnectTo(CURL* handle, const std::string& address) {
  CurlList list;
  Append(list, address.find(':') == std::string::npos ? "::" + address + ":" : "::[" + address + "]:");
  SetOption(handle, CURLOPT_CONNECT_TO, list.get());
  return list;
}

void SetCommonOptions(CURL* handle, const TransportOptions& options) {
  SetOption(handle, CURLOPT_NOSIGNAL, 1L);
  // Lets a name look-up that hangs be left behind; without it, giving up waits for the resolver's thread.
  SetOption(handle, CURLOPT_QUICK_EXIT, 1L);
  SetOption(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(options.connect_timeout)));
  SetOption(handle, CURLOPT_DNS_CACHE_TIMEOUT, kNamesSeconds);
  SetOption(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  SetOption(handle, CURLOPT_TCP_KEEPIDLE, 10L);
  SetOption(handle, CURLOPT_TCP_KEEPINTVL, 5L);
  SetOption(handle, CURLOPT_SOCKOPTFUNCTION, OnSocketMade);
  SetOption(handle, CURLOPT_FRESH_CONNECT, 1L);
  SetOption(handle, CURLOPT_FORBID_REUSE, 1L);
  SetOption(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  SetOption(handle, CURLOPT_PROXY, "");
  SetOption(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
}

Reply::Trouble TroubleOf(CURLcode code) {
  using Trouble = Reply::Trouble;
  switch (static_cast<int>(code)) {  // as int: the list of libcurl's codes grows
    case CURLE_OK: return Trouble::kNone;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY: return Trouble::kConnect;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_USE_SSL_FAILED: return Trouble::kTls;
    case CURLE_LOGIN_DENIED:
    case CURLE_AUTH_ERROR: return Trouble::kLogin;
    case CURLE_OPERATION_TIMEDOUT: return Trouble::kDeadline;
    default: return Trouble::kBroken;
  }
}

std::string ErrorOf(CURLcode code, const char* own_words) {
  constexpr std::size_t kErrorBytes = 160;
  return CleanLine(own_words[0] != '\0' ? own_words : curl_easy_strerror(code), kErrorBytes);
}

}  // namespace tocsin::notify
