#include "notify/dispatcher.h"

#include <algorithm>
#include <optional>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <pthread.h>
#include <signal.h>
#include <sodium.h>

#include "base/log.h"
#include "base/status.h"
#include "base/strings.h"
#include "model/canary.h"
#include "notify/channel.h"
#include "notify/text.h"

namespace tocsin::notify {
namespace {

using Instant = std::chrono::steady_clock::time_point;

constexpr absl::Duration kLoudInterval = absl::Minutes(1);
constexpr std::size_t kLoudKinds = 256;
constexpr long kKeptConnections = 128;  // of all hosts
constexpr std::size_t kKeptHandles = 128;

Instant InstantIn(absl::Duration duration) {
  // A year stands for ever and cannot overflow.
  return std::chrono::steady_clock::now() +
         absl::ToChronoNanoseconds(std::clamp(duration, absl::ZeroDuration(), absl::Hours(24 * 365)));
}

absl::Duration Until(Instant instant) {
  return absl::FromChrono(instant - std::chrono::steady_clock::now());
}

void BlockSignals() {
  sigset_t all;
  sigfillset(&all);  // SIGPIPE of libcurl's TLS and of our terminal; the others are for the main thread
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

AttemptResult ResultOf(const Notification& notification, const Verdict& verdict) {
  AttemptResult result;
  result.notification = notification.id;
  result.attempt = notification.attempt;
  result.kind = verdict.kind;
  result.provider_id = verdict.provider_id;
  result.detail = verdict.detail;
  result.retry_after = verdict.retry_after;
  return result;
}

struct GlobalLibraries {
  GlobalLibraries() {
    TOCSIN_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "libcurl");
    TOCSIN_CHECK(sodium_init() >= 0, "libsodium");
  }
};

}  // namespace

Dispatcher::Dispatcher(const Options& options, Report report)
    : options_(options),
      report_(std::move(report)),
      transport_{.connect_timeout = options.connect_timeout,
                 .proxy = options.proxy,
                 .ca_file = options.ca_file,
                 .webhook_peers = options.webhook_peers,
                 .mail_peers = options.webhook_peers.WithOwnNetworks()},
      multi_([] {
        static const GlobalLibraries libraries;
        CURLM* multi = curl_multi_init();
        TOCSIN_CHECK(multi != nullptr, "out of memory");
        curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kKeptConnections);
        return multi;
      }()),
      lanes_({.slots = options.max_in_flight,
              .reserved = options.reserved_critical,
              .per_destination = options.max_per_host}),
      console_(options.terminal_fd),
      heartbeats_(multi_.get(), transport_),
      mailer_(transport_, options.max_per_mail_server) {
  thread_ = std::thread([this] { Run(); });
}

Dispatcher::~Dispatcher() {
  {
    const MutexLock lock(mutex_);
    inbox_.stopping = true;
  }
  curl_multi_wakeup(multi_.get());
  thread_.join();
}

void Dispatcher::SetOrganisation(OrganisationPtr organisation) {
  const MutexLock lock(mutex_);
  next_organisation_ = std::move(organisation);
}

void Dispatcher::Start(const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate) {
  // A little earlier than asked for, so that the report is made in time.
  const absl::Duration margin = std::min(deadline / 20, absl::Milliseconds(250));
  Attempt attempt{.notification = notification, .gate = std::move(gate), .deadline = InstantIn(deadline - margin)};
  bool first = false;
  {
    const MutexLock lock(mutex_);
    first = inbox_.empty();
    if (++held_ > options_.max_waiting) {
      inbox_.refused.emplace_back(notification.method.kind,
                                  ResultOf(notification, {.detail = "too many notifications are waiting to be sent"}));
    } else {
      inbox_.attempts.push_back(std::move(attempt));
    }
  }
  // Whoever came first has rung, and nobody has come to take it yet.
  if (first) curl_multi_wakeup(multi_.get());
}

void Dispatcher::Beat(const std::string& url, bool is_own) {
  const std::pair<std::string, bool> beat(url, is_own);
  {
    const MutexLock lock(mutex_);
    // One that has not yet left speaks for this one too.
    if (std::ranges::find(inbox_.beats, beat) == inbox_.beats.end()) inbox_.beats.push_back(beat);
  }
  curl_multi_wakeup(multi_.get());
}

Notifier::Statistics Dispatcher::Read() const {
  const MutexLock lock(mutex_);
  Statistics statistics = statistics_;
  statistics.by_known_address = transport_.addresses->used();
  return statistics;
}

void Dispatcher::Run() {
  BlockSignals();
  pthread_setname_np(pthread_self(), "notifier");
  while (true) {
    TakeInbox();
    if (stopping_) {
      GiveUpWaiting();
      if (attempts_.empty()) break;
      if (std::chrono::steady_clock::now() >= stop_at_) {
        GiveUpAll("given up because the server stops");
        break;
      }
    }
    ExpireDue();
    StartWhatMay();
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    ReapTransfers();
    ReapConsole();
    StartWhatMay();
    Wait();
  }
}

void Dispatcher::TakeInbox() {
  Inbox inbox;
  {
    const MutexLock lock(mutex_);
    std::swap(inbox, inbox_);
    inbox_.stopping = inbox.stopping;
    organisation_ = next_organisation_;
  }
  if (inbox.stopping && !stopping_) {
    stopping_ = true;
    stop_at_ = InstantIn(options_.shutdown_grace);
  }
  for (const auto& [kind, result] : inbox.refused)
    Tell(kind, result);
  for (Attempt& attempt : inbox.attempts)
    Enter(std::move(attempt));
  for (const auto& [ticket, reply] : inbox.mail)
    Judge(ticket, reply);
  for (const auto& [url, is_own] : inbox.beats)
    heartbeats_.Begin(url, is_own);
}

void Dispatcher::Enter(Attempt attempt) {
  const Notification& notification = attempt.notification;
  attempt.destination = ChannelOf(notification.method.kind).destination(notification, *organisation_);
  if (notification.method.kind == ContactMethod::Kind::kEmail) {
    lanes_.SetShare(attempt.destination, options_.max_per_mail_server);
  }
  const Ticket ticket = ++last_ticket_;
  lanes_.Push(notification.lane, attempt.destination, ticket);
  deadlines_.emplace(attempt.deadline, ticket);
  attempts_.emplace(ticket, std::move(attempt));
}

void Dispatcher::StartWhatMay() {
  while (const std::optional<Ticket> ticket = lanes_.Pop()) {
    Attempt& attempt = attempts_.at(*ticket);
    attempt.waiting = false;
    Begin(*ticket, attempt);
  }
}

void Dispatcher::Begin(Ticket ticket, Attempt& attempt) {
  const Channel& channel = ChannelOf(attempt.notification.method.kind);
  absl::StatusOr<Exchange> exchange = channel.compose(attempt.notification, *organisation_, absl::Now());
  if (attempt.gate != nullptr && !attempt.gate->Start()) {
    return Finish(ticket, {.kind = AttemptResult::Kind::kNotStarted, .detail = "cancelled before it began"});
  }
  attempt.began = std::chrono::steady_clock::now();
  if (!exchange.ok()) {
    return Finish(ticket, {.kind = AttemptResult::Kind::kRejected,
                           .detail = Message(exchange.status()),
                           .loud = absl::IsFailedPrecondition(exchange.status())});
  }
  if (auto* http = std::get_if<WebRequest>(&*exchange)) return BeginHttp(ticket, attempt, std::move(*http));
  if (auto* mail = std::get_if<MailRequest>(&*exchange)) return BeginMail(ticket, attempt, std::move(*mail));
  BeginPrint(ticket, attempt, std::get<ConsolePage>(std::move(*exchange)));
}

void Dispatcher::BeginHttp(Ticket ticket, Attempt& attempt, WebRequest request) {
  CurlHandle kept;
  if (HttpTransfer::MayLeaveItsHandle(request) && !kept_handles_.empty()) {
    kept = std::move(kept_handles_.back());
    kept_handles_.pop_back();
  }
  attempt.http = std::make_unique<HttpTransfer>(std::move(request), transport_, std::move(kept));
  transfers_[attempt.http->handle()] = ticket;
  const CURLMcode code = curl_multi_add_handle(multi_.get(), attempt.http->handle());
  TOCSIN_CHECK(code == CURLM_OK, curl_multi_strerror(code));
}

void Dispatcher::BeginMail(Ticket ticket, Attempt& attempt, MailRequest request) {
  attempt.mail = std::make_shared<MailJob>(std::move(request), Until(attempt.deadline));
  mailer_.Start(attempt.mail, [this, ticket](Reply reply) {
    {
      const MutexLock lock(mutex_);
      inbox_.mail.emplace_back(ticket, std::move(reply));
    }
    curl_multi_wakeup(multi_.get());
  });
}

void Dispatcher::BeginPrint(Ticket ticket, Attempt& attempt, ConsolePage page) {
  if (!options_.terminal) {
    LogInfo("page", {
                        {"user",  attempt.notification.user.value()},
                        {"title", attempt.notification.title       }
    });
    return Finish(ticket, {.kind = AttemptResult::Kind::kAccepted, .detail = "logged"});
  }
  attempt.printing = true;
  console_.Print(ticket, std::move(page.text));
}

void Dispatcher::ReapTransfers() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* handle = message->easy_handle;
    const CURLcode code = message->data.result;
    const bool is_beat = heartbeats_.Owns(handle);
    HttpTransfer& http = is_beat ? heartbeats_.TransferOf(handle) : *attempts_.at(transfers_.at(handle)).http;
    if (http.GoesOnByKnownAddress(code)) {
      curl_multi_remove_handle(multi_.get(), handle);
      curl_multi_add_handle(multi_.get(), handle);
    } else if (is_beat) {
      heartbeats_.Finish(handle, code);
    } else {
      Judge(transfers_.at(handle), http.Finish(code, absl::Now()));
    }
  }
}

void Dispatcher::ReapConsole() {
  while (const std::optional<Console::Printed> printed = console_.Pump()) {
    Reply reply{.reached = Reply::Reached::kAnswered};
    if (printed->failed) {
      reply = {.trouble = Reply::Trouble::kBroken, .error = "the terminal is gone"};
    }
    Judge(printed->id, reply);
  }
}

void Dispatcher::ExpireDue() {
  const Instant now = std::chrono::steady_clock::now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    GiveUp(deadlines_.begin()->second, "no answer by the deadline");
  }
  heartbeats_.Expire(now);
}

void Dispatcher::GiveUp(Ticket ticket, std::string_view why) {
  const Attempt& attempt = attempts_.at(ticket);
  if (attempt.waiting) {
    return Finish(ticket,
                  {.kind = AttemptResult::Kind::kNotStarted, .detail = "waited for its turn until the deadline"});
  }
  if (attempt.http != nullptr) return Judge(ticket, attempt.http->Abandon(why, absl::Now()));
  Reply reply{.trouble = Reply::Trouble::kDeadline, .error = std::string(why)};
  const bool certainly_unsent = attempt.mail != nullptr ? attempt.mail->GiveUp() : !console_.Cancel(ticket);
  if (!certainly_unsent) reply.reached = Reply::Reached::kSent;
  Judge(ticket, reply);
}

void Dispatcher::GiveUpWaiting() {
  std::vector<Ticket> waiting;
  for (const auto& [ticket, attempt] : attempts_) {
    if (attempt.waiting) waiting.push_back(ticket);
  }
  for (const Ticket ticket : waiting) {
    Finish(ticket, {.kind = AttemptResult::Kind::kNotStarted, .detail = "the server stopped before it began"});
  }
}

void Dispatcher::GiveUpAll(std::string_view why) {
  while (!attempts_.empty())
    GiveUp(attempts_.begin()->first, why);
}

void Dispatcher::Judge(Ticket ticket, const Reply& reply) {
  const auto found = attempts_.find(ticket);
  if (found == attempts_.end()) return;  // a mail thread's word after its attempt was given up and reported
  Finish(ticket, ChannelOf(found->second.notification.method.kind).judge(reply));
}

void Dispatcher::Finish(Ticket ticket, const Verdict& verdict) {
  const auto found = attempts_.find(ticket);
  Attempt attempt = std::move(found->second);
  attempts_.erase(found);
  deadlines_.erase({attempt.deadline, ticket});
  const Notification& notification = attempt.notification;
  if (attempt.waiting) {
    lanes_.Remove(notification.lane, attempt.destination, ticket);
  } else {
    lanes_.Release(attempt.destination);
  }
  if (attempt.http != nullptr) {
    transfers_.erase(attempt.http->handle());
    curl_multi_remove_handle(multi_.get(), attempt.http->handle());
    CurlHandle left = attempt.http->LeaveHandle();
    if (left != nullptr && kept_handles_.size() < kKeptHandles) kept_handles_.push_back(std::move(left));
  }
  if (verdict.loud) LogLoudly(attempt, verdict);
  if (attempt.began && !IsCanary(notification)) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - *attempt.began;
    const MutexLock lock(mutex_);
    statistics_.latency[static_cast<std::size_t>(notification.method.kind)].Add(took.count());
  }
  if (IsCanary(notification)) {
    {
      const MutexLock lock(mutex_);
      --held_;
    }
    return report_(ResultOf(notification, verdict));
  }
  Tell(notification.method.kind, ResultOf(notification, verdict));
}

void Dispatcher::Wait() {
  constexpr absl::Duration kLongest = absl::Seconds(1);
  absl::Duration pause = kLongest;
  if (!deadlines_.empty()) pause = std::min(pause, Until(deadlines_.begin()->first));
  if (const std::optional<Instant> next = heartbeats_.next_deadline()) pause = std::min(pause, Until(*next));
  if (stopping_) pause = std::min(pause, Until(stop_at_));
  {
    const MutexLock lock(mutex_);
    ++statistics_.turns;
    statistics_.in_flight = lanes_.in_flight();
    for (std::size_t lane = 0; lane < 3; ++lane) {
      statistics_.queued[lane] = lanes_.waiting(static_cast<Notification::Lane>(lane));
    }
  }
  curl_waitfd terminal{.fd = console_.poll_fd(), .events = CURL_WAIT_POLLOUT, .revents = 0};
  const auto pause_ms = static_cast<int>(
      absl::ToInt64Milliseconds(absl::Ceil(std::max(pause, absl::ZeroDuration()), absl::Milliseconds(1))));
  curl_multi_poll(multi_.get(), &terminal, terminal.fd >= 0 ? 1 : 0, pause_ms, nullptr);
}

void Dispatcher::LogLoudly(const Attempt& attempt, const Verdict& verdict) {
  const std::string words = absl::StrCat(ToAbsl(Name(attempt.notification.method.kind)), ": ", verdict.detail);
  const absl::Time now = absl::Now();
  if (loud_.size() >= kLoudKinds) loud_.clear();
  absl::Time& said = loud_.try_emplace(words, absl::InfinitePast()).first->second;
  if (now - said < kLoudInterval) return;
  said = now;
  LogError("pages cannot go out as they should",
           {
               {"channel", Name(attempt.notification.method.kind)},
               {"detail",  verdict.detail                        }
  });
}

void Dispatcher::Tell(ContactMethod::Kind kind, const AttemptResult& result) {
  {
    const MutexLock lock(mutex_);
    --held_;
    ++statistics_.results[static_cast<std::size_t>(kind)][static_cast<std::size_t>(result.kind)];
  }
  report_(result);
}

}  // namespace tocsin::notify
