// Delivers leased notifications. One thread of its own with one libcurl multi handle: an attempt starts and completes
// later, with a deadline; a provider that hangs holds nobody else's page.
//
// The promise that no send starts after an acknowledgement has answered OK rests on the gate: the responder's shell
// closes a notification's gate before it answers; the notifier starts an attempt only by winning the gate.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "model/command.h"
#include "model/gate.h"
#include "model/organisation.h"
#include "model/response.h"

namespace tocsin {

class Notifier {
 public:
  using Report = std::function<void(const AttemptResult&)>;  // called on the notifier's thread; must not block
  struct Options {
    bool terminal = true;               // kTerminal prints to standard output; else only to the log
    std::size_t max_in_flight = 512;    // more wait in their lane, critical first
    std::size_t reserved_critical = 64;  // of them only for the critical lane
    std::size_t max_per_host = 64;      // one slow provider cannot take all
  };
  Notifier(Options options, Report report);
  ~Notifier();

  // Providers and their credentials; takes effect for attempts started from now on. Any thread.
  void SetOrganisation(OrganisationPtr organisation);
  // Queues an attempt by lane. Any thread; never blocks. Every attempt is reported exactly once, by `deadline` at the
  // latest.
  void Start(const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate);
  // A GET to the dead-man URL; result ignored but logged when it changes. Any thread.
  void Beat(const std::string& url);

  struct Statistics {
    std::uint64_t in_flight = 0;
    std::uint64_t queued[3] = {};
    std::uint64_t results[5][6] = {};  // [ContactMethod::Kind][AttemptResult::Kind]
  };
  Statistics Read() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
