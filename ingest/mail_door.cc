#include "ingest/mail_door.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"

#include "base/status.h"
#include "ingest/intake.h"
#include "ingest/json_scan.h"
#include "ingest/mail.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

// The answers of all of a message's recipients, of which there is one. Coming again counts before a no, and a no before a yes: a mail
// that is sent again is known by its key where it was taken already.
class Together {
 public:
  Together(std::size_t expected, absl::AnyInvocable<void(SmtpReply)> answer)
      : expected_(expected), answer_(std::move(answer)) {}
  void Add(const SmtpReply& reply) {
    {
      MutexLock lock(mutex_);
      if (Weight(reply) > Weight(worst_) || added_ == 0) worst_ = reply;
      if (++added_ < expected_) return;
    }
    answer_(worst_);
  }

 private:
  static int Weight(const SmtpReply& reply) {
    if (reply.code / 100 == 4) return 2;
    return reply.code / 100 == 5 ? 1 : 0;
  }

  Mutex mutex_;
  const std::size_t expected_;
  std::size_t added_ ABSL_GUARDED_BY(mutex_) = 0;
  SmtpReply worst_;  // settled when the last has been added
  absl::AnyInvocable<void(SmtpReply)> answer_;
};

// Under which name what stands in for a mail is shown. No integration has it: mails come in at the doors of all.
constexpr Source kMail{.name = "mail", .product = "a mail", .example = {}, .setup = {}};

SmtpReply Refusal(Admission admission) {
  if (admission == Admission::kTooLarge) return {552, "5.3.4 too large, nothing was taken"};
  return {451, "4.3.1 nothing was taken, send it again later"};
}

}  // namespace

std::optional<OpenDoor> MailDoor::Find(std::string_view address, bool is_loopback) const {
  const std::string_view local = address.substr(0, address.rfind('@'));
  const std::size_t plus = local.rfind('+');
  const std::string_view key = plus == std::string_view::npos ? local : local.substr(plus + 1);
  if (std::optional<OpenDoor> door = keys_.Find(key); door && door->integration != nullptr) return door;
  if (!is_loopback) return std::nullopt;
  std::optional<OpenDoor> door = keys_.FindById(IntegrationId(key));
  if (!door || door->integration == nullptr || !door->integration->key_hash.empty()) return std::nullopt;
  return door;
}

SmtpReply MailDoor::CheckRecipient(std::string_view address, bool is_loopback) {
  if (!keys_.ready()) return {451, "4.3.0 no organisation is loaded yet, send it again later"};
  if (const std::optional<OpenDoor> door = Find(address, is_loopback)) {
    if (!WantsProof(*door->integration)) return {250, "2.1.5 go on"};
    refusals_.Note(clock_.Read().wall, Refusals::Reason::kUnreadable,
                   absl::StrFormat("integration %s: a mail, but only what is signed is taken for it",
                                   door->integration->id.value()));
    return {550, "5.7.1 this integration takes only what is signed, which mails are not"};
  }
  unknown_recipients_.fetch_add(1, std::memory_order_relaxed);
  refusals_.Note(clock_.Read().wall, Refusals::Reason::kUnknownKey,
                 "a mail to an address that is no integration's key");
  return {550, "5.1.1 no integration has this address: it is KEY@this-host, or NAME+KEY@this-host"};
}

void MailDoor::Deliver(const SmtpMessage& message, absl::AnyInvocable<void(SmtpReply)> answer) {
  const Now now = clock_.Read();
  const Mail mail = ReadMail(message.data);
  const auto together = std::make_shared<Together>(message.to.size(), std::move(answer));
  for (const std::string& address : message.to) {
    const std::optional<OpenDoor> door = Find(address, message.is_loopback);
    if (!door) {  // its key was taken back since
      together->Add({451, "4.1.1 this address has just ceased to be, send it again"});
      continue;
    }
    Intake intake(inlet_.KeySeed());
    if (const absl::Status taken = TakeIn(mail, message, *door, now, intake); !taken.ok()) {
      together->Add({550, absl::StrFormat("5.6.0 not taken: %s", Message(taken))});
      continue;
    }
    if (intake.batch().empty()) {
      together->Add({250, "2.0.0 taken: it says nothing about an alert"});
      continue;
    }
    const Admission admission =
        inlet_.Submit(intake.batch(), /*want_outcomes=*/false, [this, together](const Receipt&) {
          accepted_.fetch_add(1, std::memory_order_relaxed);
          together->Add({250, "2.0.0 taken"});
        });
    if (admission == Admission::kAccepted) continue;
    refused_.fetch_add(1, std::memory_order_relaxed);
    refusals_.Note(now.wall, Refusals::Reason::kComeAgain, "a mail");
    together->Add(Refusal(admission));
  }
}

// An error: not even the alert that stands in for what cannot be read.
absl::Status MailDoor::TakeIn(
    const Mail& mail, const SmtpMessage& message, const OpenDoor& door, const Now& now, Intake& intake) {
  const Integration& integration = *door.integration;
  const SourceRequest request{.body = message.data};
  const auto note = [&](Refusals::Reason reason, std::string_view why) {
    refusals_.Note(now.wall, reason,
                   absl::StrFormat("integration %s: a mail from %s: %s", integration.id.value(),
                                   ReplaceInvalidUtf8(message.from), why));
  };
  const auto add = [&](const Readings& readings) {
    intake.Begin(door.index, &integration.labels, now.wall, Intake::Manner::kLenient);
    for (const Reading& reading : readings) {
      if (reading.event) intake.Add(*reading.event);
      if (reading.stands_in && intake.refused().empty()) {
        unreadable_.fetch_add(1, std::memory_order_relaxed);
        note(Refusals::Reason::kUnreadable, reading.reason);
      }
      if (reading.event) continue;
      ignored_.fetch_add(1, std::memory_order_relaxed);
      note(Refusals::Reason::kIgnored, reading.reason);
    }
  };
  add(WithStandIns(kMail, request, ReadMailEvents(mail, message.from, integration.mail_rules, now), now));
  if (intake.refused().empty()) return absl::OkStatus();
  add(WithStandIns(kMail, request, Invalid("%s", intake.refused().front().reason), now));
  if (intake.refused().empty()) return absl::OkStatus();
  const std::string why = intake.refused().front().reason;
  rejected_.fetch_add(1, std::memory_order_relaxed);
  note(Refusals::Reason::kRejected, why);
  return Invalid("%s", why);
}

MailDoor::Statistics MailDoor::ReadStatistics() const {
  const auto read = [](const std::atomic<std::uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
  return {read(accepted_),   read(ignored_),  read(unknown_recipients_),
          read(unreadable_), read(rejected_), read(refused_)};
}

}  // namespace tocsin
