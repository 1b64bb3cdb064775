// GETs to the dead-man service, beside all lanes: they neither wait for pages nor take a page's slot. Threads: as the
// multi handle.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "notify/http_transfer.h"

namespace tocsin::notify {

class Heartbeats {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  Heartbeats(CURLM* multi, const TransportOptions& transport) : multi_(multi), transport_(transport) {}
  ~Heartbeats();
  Heartbeats(const Heartbeats&) = delete;
  Heartbeats& operator=(const Heartbeats&) = delete;

  // One for each URL at a time: one that is under way speaks for this one too.
  void Begin(const std::string& url, bool is_own);
  bool Owns(CURL* handle) const { return under_way_.contains(handle); }
  HttpTransfer& TransferOf(CURL* handle) { return *under_way_.at(handle).http; }
  void Finish(CURL* handle, CURLcode code);
  void Expire(Instant now);
  std::optional<Instant> next_deadline() const;

 private:
  struct Beat {
    std::string url;
    bool is_own = false;
    Instant deadline;
    std::unique_ptr<HttpTransfer> http;
  };
  void End(CURL* handle, bool arrived, std::string_view detail);

  CURLM* const multi_;
  const TransportOptions& transport_;
  std::map<CURL*, Beat> under_way_;
  std::map<std::pair<std::string, bool>, bool> arrived_;  // by URL and whether it is our own: how the last one went
};

}  // namespace tocsin::notify
