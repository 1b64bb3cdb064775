// What a supervisor is told, over real sockets.
#include "server/supervisor.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace tocsin {
namespace {

// As systemd's: `name` is a path, or '@' and an abstract name.
class Listener {
 public:
  explicit Listener(const std::string& name) : descriptor_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), size), 0) << std::strerror(errno);
  }
  ~Listener() { close(descriptor_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::string Take() {
    char buffer[1024];
    const ssize_t size = recv(descriptor_, buffer, sizeof buffer, 0);
    return size < 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(size));
  }

 private:
  const int descriptor_;
};

TEST(SupervisorTest, IsToldAtAPathAndAtAnAbstractName) {
  const std::string path = testing::TempDir() + "/notify-" + std::to_string(getpid());
  for (const std::string& name : {path, "@tocsin-supervisor-test-" + std::to_string(getpid())}) {
    SCOPED_TRACE(name);
    Listener listener(name);
    Supervisor supervisor(name);
    EXPECT_TRUE(supervisor.Tell("READY=1"));
    EXPECT_EQ(listener.Take(), "READY=1");
    supervisor.TellStatus("pages can go out");
    supervisor.TellStatus("pages can go out");
    supervisor.TellStatus("two\nlines");
    EXPECT_EQ(listener.Take(), "STATUS=pages can go out");
    EXPECT_EQ(listener.Take().find('\n'), std::string::npos) << "a second line would be another message";
    EXPECT_EQ(listener.Take(), "");
  }
  unlink(path.c_str());
}

TEST(SupervisorTest, WithoutOneNothingIsToldAndNothingBlocks) {
  EXPECT_FALSE(Supervisor("").Tell("READY=1"));
  EXPECT_FALSE(Supervisor("/nowhere/at/all").Tell("READY=1"));
  EXPECT_FALSE(Supervisor(std::string(200, 'x')).Tell("READY=1"));
  Listener listener("@tocsin-full-" + std::to_string(getpid()));
  Supervisor supervisor("@tocsin-full-" + std::to_string(getpid()));
  int taken = 0;
  while (taken < 100'000 && supervisor.Tell("WATCHDOG=1"))
    ++taken;
  EXPECT_LT(taken, 100'000) << "nobody reads, and it is said so instead of waiting";
}

TEST(SupervisorTest, TheWatchdogIsForThisProcessAlone) {
  setenv("WATCHDOG_USEC", "60000000", 1);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(Supervisor::WatchdogOfProcess(), absl::Minutes(1));
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(Supervisor::WatchdogOfProcess(), absl::ZeroDuration());
  unsetenv("WATCHDOG_PID");
  EXPECT_EQ(Supervisor::WatchdogOfProcess(), absl::Minutes(1));
  setenv("WATCHDOG_USEC", "soon", 1);
  EXPECT_EQ(Supervisor::WatchdogOfProcess(), absl::ZeroDuration());
  unsetenv("WATCHDOG_USEC");
  EXPECT_EQ(Supervisor::WatchdogOfProcess(), absl::ZeroDuration());
}

}  // namespace
}  // namespace tocsin
