#include "server/process.h"

#include <charconv>
#include <cstdio>
#include <ctime>

#include <curl/curl.h>
#include <sodium.h>

#include "base/log.h"
#include "base/status.h"

namespace tocsin {

absl::StatusOr<Address> ParseAddress(std::string_view flag, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  Address address;
  if (colon != std::string::npos) {
    address.host = text.substr(0, colon);
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, address.port);
    if (error == std::errc() && stop == end && !address.host.empty()) return address;
  }
  return Invalid("--%s: %s is not host:port", flag, text);
}

ProcessSignals::ProcessSignals() {
  sigemptyset(&set_);
  sigaddset(&set_, SIGTERM);
  sigaddset(&set_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

bool ProcessSignals::WaitASecond() const {
  const timespec second{1, 0};
  const int taken = sigtimedwait(&set_, nullptr, &second);
  return taken == SIGTERM || taken == SIGINT;
}

bool StartProcess(const std::string& log_level) {
  SetLogLevel(log_level);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  if (sodium_init() >= 0) return true;
  std::fprintf(stderr, "tocsin: libsodium does not start\n");
  return false;
}

}  // namespace tocsin
