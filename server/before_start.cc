#include "server/before_start.h"

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/status.h"
#include "server/process.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

constexpr int kNoNumber = -1;  // the host is a name

// 0: somebody could listen there now.
int ErrorOfBinding(const Address& address) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  std::string host = address.host;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(address.port).c_str(), &wanted, &found) != 0) return kNoNumber;
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int error = 0;
  if (fd >= 0) {
    const int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, found->ai_addr, found->ai_addrlen) != 0) error = errno;
    close(fd);
  }
  freeaddrinfo(found);
  return error;
}

absl::Status CheckAddress(std::string_view flag, const std::string& text) {
  TOCSIN_ASSIGN(const Address address, ParseAddress(flag, text));
  const int error = ErrorOfBinding(address);
  if (error == 0) return absl::OkStatus();
  if (error == kNoNumber) {
    if (flag == "grpc") return absl::OkStatus();  // it looks names up
    return Invalid(
        "--%s: %s is no IP address: say 127.0.0.1:%d for this machine alone, 0.0.0.0:%d for every address of it", flag,
        address.host, address.port, address.port);
  }
  return CannotListen(flag, text, Unavailable("%s", std::error_code(error, std::generic_category()).message()));
}

// The folder, or the nearest one above it that is there.
absl::Status CheckFolder(const std::string& data) {
  std::error_code error;
  fs::path at = data.empty() ? fs::path(".") : fs::path(data);
  while (!at.empty() && !fs::exists(at, error) && !error)
    at = at.parent_path();
  if (at.empty()) at = ".";
  if (access(at.c_str(), W_OK | X_OK) == 0) return absl::OkStatus();
  const int why = errno;
  return Precondition(
      "--data: nothing can be written in %s (%s) by the user with the number %d, as whom this runs: give the folder to "
      "that "
      "user (chown), run as another one, or name another folder by --data",
      at.string(), std::error_code(why, std::generic_category()).message(), geteuid());
}

}  // namespace

absl::Status CannotListen(std::string_view flag, const std::string& address, const absl::Status& why) {
  const std::string port = address.substr(address.rfind(':') + 1);
  return Unavailable(
      "--%s: cannot listen on %s: another program listens there, or it is no address of this machine (%s). `ss -ltnp "
      "'sport = "
      ":%s'` shows who has the port; stop that program, or give another address with --%s",
      flag, address, Message(why), port, flag);
}

absl::Status CheckBeforeStart(const ServeOptions& options) {
  TOCSIN_TRY(CheckAddress("http", options.http));
  TOCSIN_TRY(CheckAddress("grpc", options.grpc));
  if (!options.smtp.empty()) TOCSIN_TRY(CheckAddress("smtp", options.smtp));
  return CheckFolder(options.data);
}

}  // namespace tocsin
