// One HTTP exchange on a libcurl multi handle. All calls on the multi handle's thread; nothing blocks.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <curl/curl.h>

#include "notify/curl_options.h"
#include "notify/exchange.h"

namespace tocsin::notify {

// In a storm repeatable requests to one host follow each other on a few connections that are kept for a moment. A connection was made
// by such a request, to which the same rules applied, so its peer is a permitted one. When a kept connection turns out to be dead
// before anything was answered, libcurl sends the request again on a fresh one: it may come twice, with the same key.
//
// Life: made, added to a multi handle by its handle(), then Finish() once with libcurl's result, or Abandon() when it
// took too long; then taken off the multi handle, then destroyed.
//
// To set up a handle costs libcurl more than the exchange. One that was MayLeaveItsHandle() and ended well leaves its own, which is
// then kept for the next of those: they differ in nothing but URL, headers and body.
class HttpTransfer {
 public:
  // `kept`: as another one left it, and only when MayLeaveItsHandle(request); null: a new one.
  HttpTransfer(WebRequest request, const TransportOptions& options, CurlHandle kept = nullptr);
  HttpTransfer(const HttpTransfer&) = delete;  // libcurl holds our address
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  CURL* handle() const { return handle_.get(); }
  // Instead of Finish: true when it ended because the URL's name was not resolved and an address is known. Then it is to be taken off the
  // multi handle and added again, and goes there.
  bool GoesOnByKnownAddress(CURLcode code);
  Reply Finish(CURLcode code, absl::Time now);
  // The deadline has passed, or we are stopping: `why` in a few words.
  Reply Abandon(std::string_view why, absl::Time now) const;
  static bool MayLeaveItsHandle(const WebRequest& request);
  // Once it is off the multi handle; null when the handle must not be used again.
  CurlHandle LeaveHandle();

 private:
  void SetWhatIsAlike();
  void SetWhatIsItsOwn();
  void RememberPeer(CURLcode code);
  Reply Describe(absl::Time now) const;
  static curl_socket_t OpenSocket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int BeforeRequest(void* self, char* peer, char* local, int peer_port, int local_port);
  static std::size_t OnHeader(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t OnBody(char* bytes, std::size_t size, std::size_t count, void* self);

  const WebRequest request_;
  const TransportOptions& options_;  // of the notifier, which outlives all transfers
  CurlList headers_;
  CurlList known_address_;  // not null: it goes there, not where the name leads
  bool address_tried_ = false;
  std::array<char, CURL_ERROR_SIZE> error_{};
  bool peer_denied_ = false;
  bool request_begun_ = false;  // from here on the provider may have acted on it
  std::size_t header_bytes_ = 0;
  std::string retry_after_;
  std::string body_;
  bool body_cut_ = false;
  bool finished_ = false;  // without an error
  CurlHandle handle_;      // last: its end must not find the others gone
};

}  // namespace tocsin::notify
