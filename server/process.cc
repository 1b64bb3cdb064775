#include "server/process.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "absl/time/clock.h"
#include <curl/curl.h>
#include <grpc/support/log.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/status.h"
#include "net/connection_gate.h"
#include "net/http_server.h"

namespace tocsin {
namespace {

// gRPC has a line of its own for each malformed header, on standard error: whoever reaches its port could fill the disk with them.
void TellOfGrpc(gpr_log_func_args* args) {
  static std::atomic<std::int64_t> told_at{0};  // Unix second
  static std::atomic<std::uint64_t> not_told{0};
  const std::int64_t now = absl::ToUnixSeconds(absl::Now());
  std::int64_t before = told_at.load(std::memory_order_relaxed);
  if (before == now || !told_at.compare_exchange_strong(before, now, std::memory_order_relaxed)) {
    not_told.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  LogWarning("gRPC complains, mostly of what a client sends; of each second the first complaint is shown",
             {
                 {"complaint",          args->message             },
                 { "not_shown", not_told.exchange(0, std::memory_order_relaxed)}
  });
}

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
  gpr_set_log_function(TellOfGrpc);
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
