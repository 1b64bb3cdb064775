#include "notify/known_addresses.h"

#include <algorithm>
#include <memory>

#include "absl/time/time.h"
#include <arpa/inet.h>
#include <curl/curl.h>

#include "base/log.h"
#include "base/strings.h"

namespace tocsin::notify {
namespace {

struct Place {
  std::string host;  // empty: an address, or no URL
  bool is_secured = false;
};

bool IsAddress(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return host.starts_with('[') || inet_pton(AF_INET, host.c_str(), bytes) == 1;
}

std::string Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string copy = ToLower(text);
  curl_free(text);
  return copy;
}

Place PlaceOf(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  if (parsed == nullptr || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {};
  Place place{.host = Part(parsed.get(), CURLUPART_HOST)};
  if (IsAddress(place.host)) return {};
  const std::string scheme = Part(parsed.get(), CURLUPART_SCHEME);
  place.is_secured = scheme == "https" || scheme == "smtps";
  return place;
}

}  // namespace

void KnownAddresses::Reached(const std::string& url, std::string_view address, Clock::time_point now) {
  const Place place = PlaceOf(url);
  if (place.host.empty() || address.empty()) return;
  const MutexLock lock(mutex_);
  if (hosts_.size() >= kMostHosts && !hosts_.contains(place.host)) MakeRoom();
  hosts_[place.host] = {.address = std::string(address), .at = now, .failed_at = std::nullopt};
}

std::optional<std::string> KnownAddresses::Instead(const std::string& url, Clock::time_point now) {
  const Place place = PlaceOf(url);
  const MutexLock lock(mutex_);
  const auto found = hosts_.find(place.host);
  if (found == hosts_.end()) return std::nullopt;
  Known& known = found->second;
  const bool is_news = !known.failed_at || now - *known.failed_at >= kNotAskedAgain;
  known.failed_at = now;
  std::optional<std::string> address = Use(known, place.is_secured, now);
  if (address && is_news) {
    LogWarning("a name does not resolve: its last good address is used",
               {
                   {"host",    place.host                      },
                   {"address", *address                        },
                   {"age",     absl::FromChrono(now - known.at)}
    });
  }
  return address;
}

std::optional<std::string> KnownAddresses::AtOnce(const std::string& url, Clock::time_point now) {
  const Place place = PlaceOf(url);
  const MutexLock lock(mutex_);
  const auto found = hosts_.find(place.host);
  if (found == hosts_.end()) return std::nullopt;
  const std::optional<Clock::time_point> failed_at = found->second.failed_at;
  if (!failed_at || now - *failed_at >= kNotAskedAgain) return std::nullopt;
  return Use(found->second, place.is_secured, now);
}

void KnownAddresses::NobodyThere(const std::string& url) {
  const Place place = PlaceOf(url);
  const MutexLock lock(mutex_);
  if (const auto found = hosts_.find(place.host); found != hosts_.end()) found->second.failed_at.reset();
}

std::uint64_t KnownAddresses::used() const {
  const MutexLock lock(mutex_);
  return used_;
}

std::optional<std::string> KnownAddresses::Use(Known& known, bool is_secured, Clock::time_point now) {
  if (now - known.at >= (is_secured ? kSecuredAge : kClearAge)) return std::nullopt;
  ++used_;
  return known.address;
}

// Whoever was reached the longest time ago goes.
void KnownAddresses::MakeRoom() {
  hosts_.erase(std::ranges::min_element(hosts_, {}, [](const auto& each) { return each.second.at; }));
}

}  // namespace tocsin::notify
