#include "notify/notifier.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <spdlog/spdlog.h>

#include "base/mutex.h"
#include "base/status.h"
#include "base/strings.h"
#include "notify/channel.h"
#include "notify/console.h"
#include "notify/http_transfer.h"
#include "notify/lanes.h"
#include "notify/mailer.h"
#include "notify/text.h"

namespace tocsin {
namespace {

using Instant = std::chrono::steady_clock::time_point;
using Ticket = Lanes::Ticket;

constexpr absl::Duration kBeatDeadline = absl::Seconds(10);
constexpr absl::Duration kLoudInterval = absl::Minutes(1);
constexpr std::size_t kLoudKinds = 256;

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

class Notifier::Impl {
 public:
  Impl(const Options& options, Report report);
  ~Impl();

  void SetOrganisation(OrganisationPtr organisation);
  void Start(const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate);
  void Beat(const std::string& url);
  Statistics Read() const;

 private:
  struct Attempt {
    Notification notification;
    std::shared_ptr<Gate> gate;
    Instant deadline;
    std::string destination = {};
    bool waiting = true;
    std::unique_ptr<HttpTransfer> http = {};  // one of these three while under way
    std::shared_ptr<MailJob> mail = {};
    bool printing = false;
  };
  struct Heartbeat {
    std::string url;
    Instant deadline;
    std::unique_ptr<HttpTransfer> http = {};
  };
  // What other threads hand over.
  struct Inbox {
    std::vector<Attempt> attempts;
    std::vector<AttemptResult> refused;
    std::vector<std::string> beats;
    std::vector<std::pair<Ticket, Reply>> mail;
    bool stopping = false;
  };

  void Run();
  void TakeInbox();
  void Enter(Attempt attempt);
  void StartWhatMay();
  void Begin(Ticket ticket, Attempt& attempt);
  void BeginHttp(Ticket ticket, Attempt& attempt, HttpRequest request);
  void BeginMail(Ticket ticket, Attempt& attempt, MailRequest request);
  void BeginPrint(Ticket ticket, Attempt& attempt, ConsolePage page);
  void BeginBeat(std::string url);
  void ReapTransfers();
  void ReapConsole();
  void ExpireDue();
  void GiveUp(Ticket ticket, std::string_view why);
  void GiveUpWaiting();
  void GiveUpAll(std::string_view why);
  void Judge(Ticket ticket, const Reply& reply);
  void Finish(Ticket ticket, const Verdict& verdict);
  void FinishBeat(CURL* handle, bool arrived, std::string_view detail);
  void Wait();
  void LogLoudly(const Attempt& attempt, const Verdict& verdict);
  void Count(const AttemptResult& result, ContactMethod::Kind kind);

  // Constant.
  const Options options_;
  const Report report_;
  const TransportOptions transport_;
  CURLM* const multi_;

  // Shared.
  mutable Mutex mutex_;
  Inbox inbox_ ABSL_GUARDED_BY(mutex_);
  OrganisationPtr next_organisation_ ABSL_GUARDED_BY(mutex_) = std::make_shared<const Organisation>();
  Statistics statistics_ ABSL_GUARDED_BY(mutex_);
  std::size_t held_ ABSL_GUARDED_BY(mutex_) = 0;  // attempts that were taken in and are not yet reported

  // The notifier's thread only.
  bool stopping_ = false;
  Instant stop_at_;
  OrganisationPtr organisation_;
  Lanes lanes_;
  Console console_;
  Ticket last_ticket_ = 0;
  std::map<Ticket, Attempt> attempts_;
  std::set<std::pair<Instant, Ticket>> deadlines_;  // of all attempts
  std::map<CURL*, Ticket> transfers_;
  std::map<CURL*, Heartbeat> beats_;
  std::map<std::string, bool> beat_arrived_;  // by URL: how the last one went
  std::map<std::string, absl::Time> loud_;    // when this was last said

  Mailer mailer_;
  std::thread thread_;  // last
};

Notifier::Impl::Impl(const Options& options, Report report)
    : options_(options),
      report_(std::move(report)),
      transport_{.connect_timeout = options.connect_timeout,
                 .proxy = options.proxy,
                 .ca_file = options.ca_file,
                 .webhook_peers = options.webhook_peers},
      multi_([] {
        static const GlobalLibraries libraries;
        return curl_multi_init();
      }()),
      lanes_({.slots = options.max_in_flight,
              .reserved = options.reserved_critical,
              .per_destination = options.max_per_host}),
      console_(options.terminal_fd),
      mailer_(transport_, options.max_per_mail_server) {
  TOCSIN_CHECK(multi_ != nullptr, "out of memory");
  thread_ = std::thread([this] { Run(); });
}

Notifier::Impl::~Impl() {
  {
    const MutexLock lock(mutex_);
    inbox_.stopping = true;
  }
  curl_multi_wakeup(multi_);
  thread_.join();
  curl_multi_cleanup(multi_);
}

void Notifier::Impl::SetOrganisation(OrganisationPtr organisation) {
  const MutexLock lock(mutex_);
  next_organisation_ = std::move(organisation);
}

void Notifier::Impl::Start(const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate) {
  // A little earlier than asked for, so that the report is made in time.
  const absl::Duration margin = std::min(deadline / 20, absl::Milliseconds(250));
  Attempt attempt{.notification = notification, .gate = std::move(gate), .deadline = InstantIn(deadline - margin)};
  {
    const MutexLock lock(mutex_);
    if (held_ >= options_.max_waiting) {
      inbox_.refused.push_back(ResultOf(notification, {.detail = "too many notifications are waiting to be sent"}));
    } else {
      ++held_;
      inbox_.attempts.push_back(std::move(attempt));
    }
  }
  curl_multi_wakeup(multi_);
}

void Notifier::Impl::Beat(const std::string& url) {
  {
    const MutexLock lock(mutex_);
    // One that has not yet left speaks for this one too.
    if (std::ranges::find(inbox_.beats, url) == inbox_.beats.end()) inbox_.beats.push_back(url);
  }
  curl_multi_wakeup(multi_);
}

Notifier::Statistics Notifier::Impl::Read() const {
  const MutexLock lock(mutex_);
  return statistics_;
}

void Notifier::Impl::Run() {
  BlockSignals();
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
    curl_multi_perform(multi_, &running);
    ReapTransfers();
    ReapConsole();
    StartWhatMay();
    Wait();
  }
  for (const auto& [handle, beat] : beats_)
    curl_multi_remove_handle(multi_, handle);
}

void Notifier::Impl::TakeInbox() {
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
  for (const AttemptResult& refused : inbox.refused)
    report_(refused);
  for (Attempt& attempt : inbox.attempts)
    Enter(std::move(attempt));
  for (const auto& [ticket, reply] : inbox.mail)
    Judge(ticket, reply);
  for (std::string& url : inbox.beats)
    BeginBeat(std::move(url));
}

void Notifier::Impl::Enter(Attempt attempt) {
  const Notification& notification = attempt.notification;
  attempt.destination = ChannelOf(notification.method.kind).destination(notification.method, *organisation_);
  if (notification.method.kind == ContactMethod::Kind::kEmail) {
    lanes_.SetShare(attempt.destination, options_.max_per_mail_server);
  }
  const Ticket ticket = ++last_ticket_;
  lanes_.Push(notification.lane, attempt.destination, ticket);
  deadlines_.emplace(attempt.deadline, ticket);
  attempts_.emplace(ticket, std::move(attempt));
}

void Notifier::Impl::StartWhatMay() {
  while (const std::optional<Ticket> ticket = lanes_.Pop()) {
    Attempt& attempt = attempts_.at(*ticket);
    attempt.waiting = false;
    Begin(*ticket, attempt);
  }
}

void Notifier::Impl::Begin(Ticket ticket, Attempt& attempt) {
  const Channel& channel = ChannelOf(attempt.notification.method.kind);
  absl::StatusOr<Exchange> exchange = channel.compose(attempt.notification, *organisation_, absl::Now());
  if (attempt.gate != nullptr && !attempt.gate->Start()) {
    return Finish(ticket, {.kind = AttemptResult::Kind::kNotStarted, .detail = "cancelled before it began"});
  }
  if (!exchange.ok()) {
    return Finish(ticket, {.kind = AttemptResult::Kind::kRejected,
                           .detail = Message(exchange.status()),
                           .loud = absl::IsFailedPrecondition(exchange.status())});
  }
  if (auto* http = std::get_if<HttpRequest>(&*exchange)) return BeginHttp(ticket, attempt, std::move(*http));
  if (auto* mail = std::get_if<MailRequest>(&*exchange)) return BeginMail(ticket, attempt, std::move(*mail));
  BeginPrint(ticket, attempt, std::get<ConsolePage>(std::move(*exchange)));
}

void Notifier::Impl::BeginHttp(Ticket ticket, Attempt& attempt, HttpRequest request) {
  attempt.http = std::make_unique<HttpTransfer>(std::move(request), transport_);
  transfers_[attempt.http->handle()] = ticket;
  const CURLMcode code = curl_multi_add_handle(multi_, attempt.http->handle());
  TOCSIN_CHECK(code == CURLM_OK, curl_multi_strerror(code));
}

void Notifier::Impl::BeginMail(Ticket ticket, Attempt& attempt, MailRequest request) {
  attempt.mail = std::make_shared<MailJob>(std::move(request), Until(attempt.deadline));
  mailer_.Start(attempt.mail, [this, ticket](Reply reply) {
    {
      const MutexLock lock(mutex_);
      inbox_.mail.emplace_back(ticket, std::move(reply));
    }
    curl_multi_wakeup(multi_);
  });
}

void Notifier::Impl::BeginPrint(Ticket ticket, Attempt& attempt, ConsolePage page) {
  if (!options_.terminal) {
    spdlog::info("page for {}: {}", CleanLine(attempt.notification.user.value(), 80),
                 CleanLine(attempt.notification.title, 200));
    return Finish(ticket, {.kind = AttemptResult::Kind::kAccepted, .detail = "logged"});
  }
  attempt.printing = true;
  console_.Print(ticket, std::move(page.text));
}

void Notifier::Impl::BeginBeat(std::string url) {
  const bool under_way = std::ranges::any_of(beats_, [&](const auto& beat) { return beat.second.url == url; });
  if (under_way || stopping_) return;
  Heartbeat beat{.url = url, .deadline = InstantIn(kBeatDeadline)};
  beat.http =
      std::make_unique<HttpTransfer>(HttpRequest{.url = std::move(url), .peers = HttpRequest::Peers::kAny}, transport_);
  CURL* handle = beat.http->handle();
  const CURLMcode code = curl_multi_add_handle(multi_, handle);
  TOCSIN_CHECK(code == CURLM_OK, curl_multi_strerror(code));
  beats_.emplace(handle, std::move(beat));
}

void Notifier::Impl::ReapTransfers() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* handle = message->easy_handle;
    const CURLcode code = message->data.result;
    if (const auto beat = beats_.find(handle); beat != beats_.end()) {
      const Reply reply = beat->second.http->Finish(code, absl::Now());
      const bool answered = reply.reached == Reply::Reached::kAnswered;
      FinishBeat(handle, answered && reply.status / 100 == 2,
                 answered ? absl::StrCat("status ", reply.status) : reply.error);
      continue;
    }
    const Ticket ticket = transfers_.at(handle);
    Judge(ticket, attempts_.at(ticket).http->Finish(code, absl::Now()));
  }
}

void Notifier::Impl::ReapConsole() {
  while (const std::optional<Console::Printed> printed = console_.Pump()) {
    Reply reply{.reached = Reply::Reached::kAnswered};
    if (printed->failed) {
      reply = {.trouble = Reply::Trouble::kBroken, .error = "the terminal is gone"};
    }
    Judge(printed->id, reply);
  }
}

void Notifier::Impl::ExpireDue() {
  const Instant now = std::chrono::steady_clock::now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    GiveUp(deadlines_.begin()->second, "no answer by the deadline");
  }
  std::vector<CURL*> late;
  for (const auto& [handle, beat] : beats_) {
    if (beat.deadline <= now) late.push_back(handle);
  }
  for (CURL* handle : late)
    FinishBeat(handle, false, "no answer by the deadline");
}

void Notifier::Impl::GiveUp(Ticket ticket, std::string_view why) {
  const Attempt& attempt = attempts_.at(ticket);
  if (attempt.waiting) {
    return Finish(ticket,
                  {.kind = AttemptResult::Kind::kRetryLater, .detail = "waited for its turn until the deadline"});
  }
  if (attempt.http != nullptr) return Judge(ticket, attempt.http->Abandon(why, absl::Now()));
  Reply reply{.trouble = Reply::Trouble::kDeadline, .error = std::string(why)};
  const bool certainly_unsent = attempt.mail != nullptr ? attempt.mail->GiveUp() : !console_.Cancel(ticket);
  if (!certainly_unsent) reply.reached = Reply::Reached::kSent;
  Judge(ticket, reply);
}

void Notifier::Impl::GiveUpWaiting() {
  std::vector<Ticket> waiting;
  for (const auto& [ticket, attempt] : attempts_) {
    if (attempt.waiting) waiting.push_back(ticket);
  }
  for (const Ticket ticket : waiting) {
    Finish(ticket, {.kind = AttemptResult::Kind::kNotStarted, .detail = "the server stopped before it began"});
  }
}

void Notifier::Impl::GiveUpAll(std::string_view why) {
  while (!attempts_.empty())
    GiveUp(attempts_.begin()->first, why);
}

void Notifier::Impl::Judge(Ticket ticket, const Reply& reply) {
  const auto found = attempts_.find(ticket);
  if (found == attempts_.end()) return;  // a mail thread's word after its attempt was given up and reported
  Finish(ticket, ChannelOf(found->second.notification.method.kind).judge(reply));
}

void Notifier::Impl::Finish(Ticket ticket, const Verdict& verdict) {
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
    curl_multi_remove_handle(multi_, attempt.http->handle());
  }
  if (verdict.loud) LogLoudly(attempt, verdict);
  const AttemptResult result = ResultOf(notification, verdict);
  Count(result, notification.method.kind);
  report_(result);
}

void Notifier::Impl::FinishBeat(CURL* handle, bool arrived, std::string_view detail) {
  const auto found = beats_.find(handle);
  curl_multi_remove_handle(multi_, handle);
  const std::string url = found->second.url;
  beats_.erase(found);
  const auto last = beat_arrived_.find(url);
  if (last != beat_arrived_.end() && last->second == arrived) return;
  // Only the present URL's state is kept; a dead-man URL is a secret and is not logged.
  beat_arrived_ = {
      {url, arrived}
  };
  if (arrived) {
    spdlog::info("the dead-man service gets our heartbeat");
  } else {
    spdlog::error("the dead-man service does not get our heartbeat: {}", detail);
  }
}

void Notifier::Impl::Wait() {
  constexpr absl::Duration kLongest = absl::Seconds(1);
  absl::Duration pause = kLongest;
  if (!deadlines_.empty()) pause = std::min(pause, Until(deadlines_.begin()->first));
  for (const auto& [handle, beat] : beats_)
    pause = std::min(pause, Until(beat.deadline));
  if (stopping_) pause = std::min(pause, Until(stop_at_));
  {
    const MutexLock lock(mutex_);
    statistics_.in_flight = lanes_.in_flight();
    for (std::size_t lane = 0; lane < 3; ++lane) {
      statistics_.queued[lane] = lanes_.waiting(static_cast<Notification::Lane>(lane));
    }
  }
  curl_waitfd terminal{.fd = console_.poll_fd(), .events = CURL_WAIT_POLLOUT, .revents = 0};
  const auto pause_ms = static_cast<int>(
      absl::ToInt64Milliseconds(absl::Ceil(std::max(pause, absl::ZeroDuration()), absl::Milliseconds(1))));
  curl_multi_poll(multi_, &terminal, terminal.fd >= 0 ? 1 : 0, pause_ms, nullptr);
}

void Notifier::Impl::LogLoudly(const Attempt& attempt, const Verdict& verdict) {
  const std::string words = absl::StrCat(ToAbsl(Name(attempt.notification.method.kind)), ": ", verdict.detail);
  const absl::Time now = absl::Now();
  if (loud_.size() >= kLoudKinds) loud_.clear();
  absl::Time& said = loud_.try_emplace(words, absl::InfinitePast()).first->second;
  if (now - said < kLoudInterval) return;
  said = now;
  spdlog::error("pages cannot go out as they should: {}", words);
}

void Notifier::Impl::Count(const AttemptResult& result, ContactMethod::Kind kind) {
  const MutexLock lock(mutex_);
  --held_;
  ++statistics_.results[static_cast<std::size_t>(kind)][static_cast<std::size_t>(result.kind)];
}

Notifier::Notifier(Options options, Report report) : impl_(std::make_unique<Impl>(options, std::move(report))) {}
Notifier::~Notifier() = default;

void Notifier::SetOrganisation(OrganisationPtr organisation) {
  impl_->SetOrganisation(std::move(organisation));
}

void Notifier::Start(const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate) {
  impl_->Start(notification, deadline, std::move(gate));
}

void Notifier::Beat(const std::string& url) {
  impl_->Beat(url);
}

Notifier::Statistics Notifier::Read() const {
  return impl_->Read();
}

}  // namespace tocsin
