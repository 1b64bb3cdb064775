// The door for mail: an integration is written to at KEY@anything or anything+KEY@anything; from this machine also, where it has no key,
// at its name. The sender's mail server is told yes (250) when the alert is in the fsynced journal, and to come again (451) when it was
// refused; mail servers do. A mail that makes no proper alert becomes one that says so, as at the doors for webhooks.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

#include "base/clock.h"
#include "ingest/intake.h"
#include "ingest/keys.h"
#include "ingest/mail.h"
#include "ingest/refusals.h"
#include "model/inlet.h"
#include "net/smtp_server.h"

namespace tocsin {

class MailDoor {
 public:
  struct Statistics {
    std::uint64_t accepted = 0;  // mails, durable
    std::uint64_t ignored = 0;
    std::uint64_t unknown_recipients = 0;
    std::uint64_t unreadable = 0;  // an alert stands in for it
    std::uint64_t rejected = 0;    // told that it will never be taken
    std::uint64_t refused = 0;     // told to come again
  };

  // All outlive this.
  MailDoor(Inlet& inlet, const KeyRing& keys, const Clock& clock) : inlet_(inlet), keys_(keys), clock_(clock) {}

  // For the server's options; any thread.
  SmtpReply CheckRecipient(std::string_view address, bool is_loopback);
  void Deliver(const SmtpMessage& message, absl::AnyInvocable<void(SmtpReply)> answer);

  Statistics ReadStatistics() const;
  std::vector<Refusals::Refusal> ReadRefusals() const { return refusals_.Read(); }

 private:
  std::optional<OpenDoor> Find(std::string_view address, bool is_loopback) const;
  absl::Status TakeIn(
      const Mail& mail, const SmtpMessage& message, const OpenDoor& door, const Now& now, Intake& intake);

  Inlet& inlet_;
  const KeyRing& keys_;
  const Clock& clock_;
  Refusals refusals_;
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> ignored_{0};
  std::atomic<std::uint64_t> unknown_recipients_{0};
  std::atomic<std::uint64_t> unreadable_{0};
  std::atomic<std::uint64_t> rejected_{0};
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace tocsin
