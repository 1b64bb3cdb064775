// What our HTTP and our mail have in common when they use libcurl. Private to the transports.
#pragma once

#include <memory>
#include <string>

#include <curl/curl.h>

#include "base/status.h"
#include "notify/exchange.h"
#include "notify/known_addresses.h"
#include "notify/peer_rules.h"

namespace tocsin::notify {

// How we reach the outside, for all exchanges alike.
struct TransportOptions {
  absl::Duration connect_timeout = absl::Seconds(10);  // name look-up, TCP and TLS together
  std::string proxy;                                   // of HTTP exchanges; empty: none, whatever the environment says
  std::string ca_file;                                 // of HTTPS; empty: the system's
  PeerRules webhook_peers;                             // of everything by HTTP that the organisation names
  PeerRules mail_peers;
  std::shared_ptr<KnownAddresses> addresses = std::make_shared<KnownAddresses>();
};

struct CurlDelete {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlHandle = std::unique_ptr<CURL, CurlDelete>;
using CurlList = std::unique_ptr<curl_slist, CurlDelete>;

// Options are constants of ours: one that is refused is a libcurl that we were not built for.
template <typename Value>
void SetOption(CURL* handle, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(handle, option, value);
  TOCSIN_CHECK(code == CURLE_OK, curl_easy_strerror(code));
}
inline void SetOption(CURL* handle, CURLoption option, const std::string& value) {
  SetOption(handle, option, value.c_str());
}

void Append(CurlList& list, const std::string& line);

// Connects to `address` whatever the URL's name resolves to; all else, names in certificates above all, stays the name's. Returns what
// must live as long as that.
CurlList ConnectTo(CURL* handle, const std::string& address);

// Bounds, no environment, no configuration files, no reuse of connections: an attempt is alone on its own, so libcurl
// never sends a request twice by itself, and a peer is checked each time. Dead peers are noticed within half a minute.
// What is repeatable is the exception: see http_transfer.h.
void SetCommonOptions(CURL* handle, const TransportOptions& options);

// What a failure of libcurl's means.
Reply::Trouble TroubleOf(CURLcode code);
// One clean line: libcurl's own words about this transfer where it left some, else about the code.
std::string ErrorOf(CURLcode code, const char* own_words);

}  // namespace tocsin::notify
