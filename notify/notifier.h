// Delivers leased notifications. One thread of its own with one libcurl multi handle, and a pool for mail (see
// notify/mailer.h for why): an attempt starts and completes later, with a deadline; a provider that hangs holds nobody
// else's page.
//
// The promise that no send starts after an acknowledgement has answered OK rests on the gate: the responder's shell
// closes a notification's gate before it answers; the notifier starts an attempt only by winning the gate, right before
// it hands the request to libcurl.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <string>

#include "absl/time/time.h"

#include "model/command.h"
#include "model/gate.h"
#include "model/organisation.h"
#include "model/response.h"
#include "notify/peer_rules.h"

namespace tocsin {
namespace notify {
class Dispatcher;
}

class Notifier {
 public:
  using Report = std::function<void(const AttemptResult&)>;  // called on the notifier's thread; must not block
  struct Options {
    bool terminal = true;                  // kTerminal prints; else it only logs the title
    int terminal_fd = 1;                   // where kTerminal prints
    std::size_t max_in_flight = 512;       // more wait in their lane, critical first
    std::size_t reserved_critical = 64;    // of them only for the critical lane
    std::size_t max_per_host = 64;         // one slow provider cannot take all
    std::size_t max_per_mail_server = 16;  // each is a thread, and mail servers limit connections per client
    std::size_t max_waiting = 100'000;     // more are answered at once with kRetryLater
    absl::Duration connect_timeout = absl::Seconds(10);  // name look-up, TCP and TLS together
    absl::Duration shutdown_grace = absl::Seconds(3);    // for attempts under way, before they are given up
    std::string proxy;                                   // for HTTP; empty: none, whatever the environment says
    std::string ca_file;                                 // for HTTPS; empty: the system's
    PeerRules webhook_peers;                             // where what the organisation names may lead; mail, further
  };
  Notifier(Options options, Report report);
  // Waiting attempts are reported as kNotStarted; those under way get `shutdown_grace`, then what is certain is reported.
  // No report is made after the destructor has returned.
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // Providers and their credentials; takes effect for attempts started from now on. Any thread.
  void SetOrganisation(OrganisationPtr organisation);
  // Queues an attempt by lane. Any thread; never blocks. Every attempt is reported exactly once, by `deadline` at the
  // latest. Without a gate it starts unconditionally.
  void Start(const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate);
  // A GET to a dead-man URL; result ignored but logged when it changes. Any thread. `is_own`: of the server's own files, so that it may lead
  // anywhere.
  void Beat(const std::string& url, bool is_own);

  // How long attempts took that were started, whatever came of them.
  struct Latency {
    static constexpr double kBoundsSeconds[] = {1, 5, 10, 15, 20};
    std::uint64_t within[std::size(kBoundsSeconds)] = {};  // of each bound, those below it included
    std::uint64_t count = 0;
    double seconds = 0;
    void Add(double took);
  };
  struct Statistics {
    std::uint64_t turns = 0;  // of the notifier's loop: one a second at least, as long as it lives
    std::uint64_t in_flight = 0;
    std::uint64_t by_known_address =
        0;  // exchanges that went where their host was last reached: its name did not resolve
    std::uint64_t queued[3] = {};
    std::uint64_t results[kContactKinds][6] =
        {};  // [ContactMethod::Kind][AttemptResult::Kind]; also those that were not started
    Latency latency[kContactKinds] = {};
  };
  Statistics Read() const;

 private:
  std::unique_ptr<notify::Dispatcher> dispatcher_;
};

}  // namespace tocsin
