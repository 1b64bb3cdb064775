// Whoever started the process and is told how it fares: systemd's notification protocol, a datagram to $NOTIFY_SOCKET.
//
//   READY=1      it serves              STATUS=...  one line, shown by `systemctl status`
//   WATCHDOG=1   it makes progress; not sent for WatchdogSec: it is killed and started again
//   STOPPING=1
#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace tocsin {

class Supervisor {
 public:
  // `socket`: a path, or '@' and an abstract name; empty: there is nobody to tell.
  explicit Supervisor(std::string socket);
  // As the environment says.
  static Supervisor OfProcess();
  // From $WATCHDOG_USEC and $WATCHDOG_PID: how long at most between two beats; zero: none are wanted.
  static absl::Duration WatchdogOfProcess();
  ~Supervisor();
  Supervisor(Supervisor&& other) noexcept;
  Supervisor& operator=(Supervisor&&) = delete;

  // Never blocks; false when it was not taken.
  bool Tell(std::string_view what) const;
  // STATUS=, when it has changed.
  void TellStatus(std::string_view status);

 private:
  const std::string socket_;
  int descriptor_ = -1;
  std::string status_;
};

}  // namespace tocsin
