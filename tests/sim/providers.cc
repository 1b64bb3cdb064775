#include "tests/sim/providers.h"

#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"

#include "model/canary.h"
#include "notify/channel.h"

namespace tocsin::sim {
namespace {

using notify::Reply;

constexpr ContactMethod::Kind kKinds[kMethods] = {ContactMethod::Kind::kEmail, ContactMethod::Kind::kSms,
                                                  ContactMethod::Kind::kWebhook};

std::int64_t NumberOf(ContactMethod::Kind kind) {
  for (std::size_t i = 0; i < std::size(kKinds); ++i)
    if (kKinds[i] == kind) return static_cast<std::int64_t>(i);
  return 0;
}

Reply Answered(ContactMethod::Kind kind, int status, const std::string& id) {
  Reply reply;
  reply.reached = Reply::Reached::kAnswered;
  reply.status = status;
  if (kind == ContactMethod::Kind::kEmail) reply.stage = status == 250 ? "." : "RCPT";
  if (kind == ContactMethod::Kind::kSms) {
    reply.body = status < 300 ? absl::StrFormat("{\"sid\":\"%s\",\"status\":\"queued\"}", id)
                              : absl::StrFormat("{\"code\":%d,\"message\":\"no\"}", status == 429   ? 20429
                                                                                    : status == 503 ? 20503
                                                                                                    : 21211);
  }
  return reply;
}

int StatusOf(ContactMethod::Kind kind, Mood mood) {
  const bool mail = kind == ContactMethod::Kind::kEmail;
  if (mood == Mood::kRejects) return mail ? 550 : 400;
  if (mood == Mood::kBusy) return mail ? 451 : 429;
  if (mood == Mood::kBreaks) return mail ? 421 : 503;
  return mail ? 250 : kind == ContactMethod::Kind::kSms ? 201 : 200;
}

Reply Lost(Reply::Trouble trouble) {
  Reply reply;
  reply.reached = trouble == Reply::Trouble::kConnect ? Reply::Reached::kNothing : Reply::Reached::kSent;
  reply.trouble = trouble;
  reply.error = "simulated";
  return reply;
}

}  // namespace

void Providers::SetMood(std::int64_t method, Mood mood, EngineTime until) {
  moods_[static_cast<std::size_t>(method % kProviders)] = {mood, until};
}

Mood Providers::MoodOf(std::int64_t provider, EngineTime now) {
  const ActiveMood& active = moods_[static_cast<std::size_t>(provider)];
  if (now >= active.until) return Mood::kWell;
  if (active.mood != Mood::kMixed) return active.mood;
  return static_cast<Mood>(random_.Below(static_cast<std::uint64_t>(Mood::kMixed)));
}

void Providers::Start(const Notification& notification,
                      absl::Duration deadline,
                      std::shared_ptr<Gate> gate,
                      const Now& now) {
  // It was decided on when it was due or later; what was decided on before its time is not looked at.
  if (notification.due <= now.engine && notification.lease_until - notification.due < deadline) {
    hooks_.violate(absl::StrFormat("I5: the lease of N%d is over before its attempt", notification.id.value()));
  }
  Schedule(now.engine + absl::Milliseconds(random_.Below(50)),
           {notification, std::move(gate), deadline, std::nullopt, ""});
}

bool Providers::Work(const Now& now, const Organisation& organisation) {
  bool any = false;
  while (!due_.empty() && due_.begin()->first.first <= now.engine) {
    const auto taken = due_.extract(due_.begin());
    Attempt& attempt = taken.mapped();
    any = true;
    if (!attempt.receipt.empty()) {
      ProviderReceipt receipt{attempt.receipt, attempt.delivered, attempt.delivered ? "delivered" : "undelivered"};
      if (attempt.delivered) {  // it names the message, too
        receipt.notification = attempt.notification.id;
        receipt.key = attempt.notification.idempotency_key;
      }
      hooks_.report({"", "notify", std::move(receipt)});
    } else if (attempt.reply) {
      Answer(attempt, now.engine);
    } else {
      Begin(attempt, now, organisation);
    }
  }
  return any;
}

void Providers::Take(const Notification& notification) {
  ++taken_;
  ++told_[notification.idempotency_key].taken;
  hooks_.taken(notification);
}

// That it has arrived is said after the answer, and now and then before it.
void Providers::Confirm(const Attempt& attempt, EngineTime now, absl::Duration answer) {
  Attempt receipt{attempt.notification, nullptr, attempt.deadline, std::nullopt, absl::StrFormat("SM%d", ids_)};
  receipt.delivered = true;
  const bool early = receipts_random_.OneIn(8);
  const absl::Duration later = absl::Milliseconds(receipts_random_.Between(500, 10'000));
  Schedule(now + (early ? answer / 2 : answer + later), std::move(receipt));
}

// The same message has the same name whichever attempt it is, where the channel has a place for one.
void Providers::CheckExchange(const Notification& notification, const notify::Exchange& exchange) {
  std::string text;
  if (const auto* mail = std::get_if<notify::MailRequest>(&exchange)) text = mail->message;
  if (const auto* web = std::get_if<notify::WebRequest>(&exchange)) {
    for (const std::string& header : web->headers)
      text += header + "\n";
    if (notification.method.kind == ContactMethod::Kind::kSms) return;
  }
  if (absl::StrContains(text, notification.idempotency_key)) return;
  hooks_.violate(absl::StrFormat("I5: N%d does not carry its idempotency key", notification.id.value()));
}

void Providers::Begin(Attempt& attempt, const Now& now, const Organisation& organisation) {
  const Notification& notification = attempt.notification;
  const notify::Channel& channel = notify::ChannelOf(notification.method.kind);
  const absl::StatusOr<notify::Exchange> exchange = channel.compose(notification, organisation, now.wall);
  if (!attempt.gate->Start()) {
    hooks_.report({
        "", "notify",
        AttemptResult{notification.id, notification.attempt, AttemptResult::Kind::kNotStarted, "", "cancelled", {}}
    });
    return;
  }
  if (IsCanary(notification)) return BeginCanary(attempt, *exchange, now.engine);
  ++begun_;
  Told& told = told_[notification.idempotency_key];
  if (told.notification.set() && told.notification != notification.id) {
    hooks_.violate(absl::StrFormat("I5: N%d and N%d have one idempotency key", told.notification.value(),
                                   notification.id.value()));
  }
  told.notification = notification.id;
  if (organisation.HasSecond(notification.method.kind) && told.failed == notification.provider) {
    hooks_.violate(
        absl::StrFormat("I18: N%d goes again by the provider with which it has just failed", notification.id.value()));
  }
  told.failed.reset();
  hooks_.begun(notification, told.begun++ > 0);
  if (!exchange.ok()) {
    hooks_.violate("a message cannot be composed: " + std::string(exchange.status().message()));
    return;
  }
  CheckExchange(notification, *exchange);
  const Mood mood = notification.provider == 0 ? MoodOf(NumberOf(notification.method.kind), now.engine) : Mood::kWell;
  if (mood != Mood::kWell) ++failures_[static_cast<std::size_t>(mood)];
  absl::Duration after = absl::Milliseconds(random_.Between(1, 800));
  bool takes = false;
  attempt.reply = ReplyOf(attempt, mood, after, takes);
  attempt.silent = mood == Mood::kSilent;
  if (takes) Take(notification);
  if (takes && notification.method.kind == ContactMethod::Kind::kSms && organisation.twilio.receipts)
    Confirm(attempt, now.engine, after);
  if (mood == Mood::kMute) {
    ++told_[notification.idempotency_key].unknown;
    return;
  }
  Schedule(now.engine + std::min(after, attempt.deadline), std::move(attempt));
}

// Its provider is the server's own, and tells nobody. When it is not well, the canary is lost: some say so, one says nothing at all.
void Providers::BeginCanary(const Attempt& attempt, const notify::Exchange& exchange, EngineTime now) {
  using Kind = AttemptResult::Kind;
  const Notification& notification = attempt.notification;
  CheckExchange(notification, exchange);
  const Mood mood = MoodOf(kCanarysProvider, now);
  if (mood != Mood::kWell) ++failures_[static_cast<std::size_t>(mood)];
  if (mood == Mood::kMute) return;
  const bool arrives = mood == Mood::kWell || mood == Mood::kSlow || mood == Mood::kForgets;
  if (arrives) hooks_.canary(notification.idempotency_key);
  const bool yes = arrives || mood == Mood::kLies || mood == Mood::kSilent;
  const Kind kind = mood == Mood::kForgets ? Kind::kAmbiguous : yes ? Kind::kAccepted : Kind::kRetryLater;
  hooks_.report({
      "", "notify", AttemptResult{notification.id, notification.attempt, kind, "", "", {}}
  });
}

Reply Providers::ReplyOf(const Attempt& attempt, Mood mood, absl::Duration& after, bool& takes) {
  const ContactMethod::Kind kind = attempt.notification.method.kind;
  Reply reply = Answered(kind, StatusOf(kind, mood), absl::StrFormat("SM%d", ++ids_));
  switch (mood) {
    case Mood::kWell: takes = true; return reply;
    case Mood::kSlow:
      takes = true;
      after = absl::Milliseconds(random_.Between(1'000, 19'000));
      return reply;
    case Mood::kMute:
    case Mood::kHangs:
      takes = random_.OneIn(2);
      after = attempt.deadline;
      return Lost(Reply::Trouble::kDeadline);
    case Mood::kRejects: return reply;
    case Mood::kBusy: reply.retry_after = absl::Seconds(random_.Between(0, 120)); return reply;
    case Mood::kLies:
    case Mood::kSilent: return reply;
    case Mood::kForgets: takes = true; return Lost(Reply::Trouble::kBroken);
    case Mood::kDown: return Lost(Reply::Trouble::kConnect);
    case Mood::kBreaks:
    case Mood::kMixed: return reply;
  }
  return reply;
}

void Providers::Answer(const Attempt& attempt, EngineTime now) {
  const Notification& notification = attempt.notification;
  const notify::Verdict verdict = notify::ChannelOf(notification.method.kind).judge(*attempt.reply);
  AttemptResult result;
  result.notification = notification.id;
  result.attempt = notification.attempt;
  result.kind = verdict.kind;
  result.provider_id = verdict.provider_id;
  result.detail = verdict.detail;
  result.retry_after = verdict.retry_after;
  // Nobody waits for an answer longer than for the lease: the machine has slept meanwhile, and what comes now comes too late to be known.
  const bool late = now >= notification.lease_until;
  if (verdict.kind == AttemptResult::Kind::kAmbiguous || late) ++told_[notification.idempotency_key].unknown;
  const bool yes = attempt.reply->reached == Reply::Reached::kAnswered && attempt.reply->status / 100 == 2;
  if (yes != (verdict.kind == AttemptResult::Kind::kAccepted)) {
    hooks_.violate(absl::StrFormat("I2: what the provider said of N%d (%d) is taken for something else",
                                   notification.id.value(), attempt.reply->status));
  }
  hooks_.judged(notification, verdict.kind);
  const bool failed =
      verdict.kind == AttemptResult::Kind::kRetryLater || verdict.kind == AttemptResult::Kind::kAmbiguous;
  if (failed && !late) told_[notification.idempotency_key].failed = notification.provider;
  const bool lied = verdict.kind == AttemptResult::Kind::kAccepted && told_[notification.idempotency_key].taken == 0;
  if (lied && !attempt.silent && !verdict.provider_id.empty()) {
    Attempt receipt = attempt;
    receipt.receipt = verdict.provider_id;
    Schedule(now + absl::Seconds(10), std::move(receipt));
  }
  hooks_.report({"", "notify", result});
}

void Providers::Crash() {
  for (const auto& [at, attempt] : due_) {
    if (attempt.reply && attempt.receipt.empty()) ++told_[attempt.notification.idempotency_key].unknown;
  }
  due_.clear();
  for (auto& [key, told] : told_)
    told.failed.reset();  // nor may anybody have heard of what was said
}

void Providers::Forgotten(const std::string& key) {
  const auto found = told_.find(key);
  if (found != told_.end()) ++found->second.unknown;
}

}  // namespace tocsin::sim
