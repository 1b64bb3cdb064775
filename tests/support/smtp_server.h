// A real mail server (Debian's aiosmtpd, unpacked under build/programs) as a child process; see smtp_server.py for what
// its recipients do.
#pragma once

#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

#include "base/mutex.h"
#include "tests/support/certificate.h"

namespace tocsin {

class AiosmtpServer {
 public:
  struct Mail {
    std::string sender;
    std::vector<std::string> recipients;
    std::string raw;
    bool tls = false;
    std::string user;
  };
  // Whether aiosmtpd is there; tests skip when it is not.
  static bool Available();

  struct Options {
    const Certificate* certificate = nullptr;  // without it STARTTLS is not offered
    bool authenticate = false;                 // only "tocsin" with "hunter2" may send
    bool slow_quit = false;                    // no answer to QUIT for a long time
  };
  explicit AiosmtpServer(const Options& options);
  ~AiosmtpServer();
  AiosmtpServer(const AiosmtpServer&) = delete;
  AiosmtpServer& operator=(const AiosmtpServer&) = delete;

  int port() const { return port_; }
  std::string url() const;
  // Waits until `count` messages have come, or a generous time is over; returns all there are.
  std::vector<Mail> WaitForMails(std::size_t count) const;
  std::vector<Mail> mails() const;

 private:
  void Read();

  pid_t child_ = -1;
  int to_child_ = -1;
  int from_child_ = -1;
  int port_ = 0;
  mutable Mutex mutex_;
  mutable ConditionVariable changed_;
  std::vector<Mail> mails_ ABSL_GUARDED_BY(mutex_);
  std::thread reader_;
};

}  // namespace tocsin
