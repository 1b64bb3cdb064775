#include "server/process.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>

#include <curl/curl.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/status.h"
#include "net/connection_gate.h"
#include "net/http_server.h"

namespace tocsin {
namespace {

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // where that is forbidden, it stays as it was
}

// What has opened secrets is in no core file: less than a page is none, and a handler that a core would be piped to (core_pattern) is not
// called at exactly 1.
void ForbidCores() {
  const rlimit none{1, 1};
  setrlimit(RLIMIT_CORE, &none);
}

std::size_t MostOfDescriptors(std::size_t most, std::size_t part) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return most;
  return std::min<std::size_t>(most, limit.rlim_cur / part);
}

}  // namespace

absl::StatusOr<Address> ParseAddress(std::string_view flag, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  Address address;
  if (colon != std::string::npos) {
    address.host = text.substr(0, colon);
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, address.port);
    if (error == std::errc() && stop == end && !address.host.empty()) return address;
  }
  return Invalid("--%s: %s is not HOST:PORT, such as 127.0.0.1:8911, or 0.0.0.0:8911 for every address of this machine",
                 flag, text);
}

ProcessSignals::ProcessSignals() {
  sigemptyset(&set_);
  sigaddset(&set_, SIGTERM);
  sigaddset(&set_, SIGINT);
  sigaddset(&set_, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

ProcessSignals::Asked ProcessSignals::WaitASecond() const {
  const timespec second{1, 0};
  siginfo_t info{};
  const int taken = sigtimedwait(&set_, &info, &second);
  // The kernel sends it when the terminal is gone in which the server was started; whoever wants a reload sends it himself.
  if (taken == SIGHUP && info.si_code != SI_KERNEL) return Asked::kReload;
  return taken > 0 ? Asked::kEnd : Asked::kNothing;
}

bool StartProcess(const std::string& log_level) {
  SetLogLevel(log_level);
  RaiseDescriptorLimit();
  ForbidCores();
  curl_global_init(CURL_GLOBAL_DEFAULT);
  if (sodium_init() >= 0) return true;
  std::fprintf(stderr, "tocsin: libsodium does not start\n");
  return false;
}

void CloseToOthers(const std::string& folder) {
  struct stat info {};
  if (stat(folder.c_str(), &info) != 0 || (info.st_mode & (S_IRWXG | S_IRWXO)) == 0) return;
  if (chmod(folder.c_str(), S_IRWXU) == 0) return;
  LogWarning(
      "other users of this machine may look into the data folder, and it cannot be closed to them: chmod 700, or give "
      "it "
      "to the server's user",
      {
          {"folder", folder}
  });
}

std::size_t MostHttpConnections() {
  return MostOfDescriptors(HttpServer::Options{}.max_connections, 2);
}

std::size_t MostGrpcConnections() {
  return MostOfDescriptors(ConnectionGate::Options{}.max_connections, 8);
}

}  // namespace tocsin
