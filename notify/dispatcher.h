// What a Notifier is made of: one thread that owns lanes, transfers, heartbeats and the terminal; a mail pool beside it.
// The public face is notify/notifier.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <curl/curl.h>

#include "base/mutex.h"
#include "notify/console.h"
#include "notify/heartbeats.h"
#include "notify/http_transfer.h"
#include "notify/lanes.h"
#include "notify/mailer.h"
#include "notify/notifier.h"

namespace tocsin::notify {

class Dispatcher {
 public:
  using Options = Notifier::Options;
  using Report = Notifier::Report;
  using Statistics = Notifier::Statistics;

  Dispatcher(const Options& options, Report report);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  void SetOrganisation(OrganisationPtr organisation);
  void Start(const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate);
  void Beat(const std::string& url, bool is_own);
  Statistics Read() const;

 private:
  using Instant = std::chrono::steady_clock::time_point;
  using Ticket = Lanes::Ticket;
  struct Attempt {
    Notification notification;
    std::shared_ptr<Gate> gate;
    Instant deadline;
    std::string destination = {};
    bool waiting = true;
    std::unique_ptr<HttpTransfer> http = {};  // one of these three while under way
    std::shared_ptr<MailJob> mail = {};
    bool printing = false;
    std::optional<Instant> began = {};  // past its gate
  };
  struct MultiDelete {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };
  // What other threads hand over.
  struct Inbox {
    std::vector<Attempt> attempts;
    std::vector<std::pair<ContactMethod::Kind, AttemptResult>> refused;
    std::vector<std::pair<std::string, bool>> beats;  // URL, is_own
    std::vector<std::pair<Ticket, Reply>> mail;
    bool stopping = false;
    bool empty() const { return attempts.empty() && refused.empty() && beats.empty() && mail.empty(); }
  };

  void Run();
  void TakeInbox();
  void Enter(Attempt attempt);
  void StartWhatMay();
  void Begin(Ticket ticket, Attempt& attempt);
  void BeginHttp(Ticket ticket, Attempt& attempt, WebRequest request);
  void BeginMail(Ticket ticket, Attempt& attempt, MailRequest request);
  void BeginPrint(Ticket ticket, Attempt& attempt, ConsolePage page);
  void ReapTransfers();
  void ReapConsole();
  void ExpireDue();
  void GiveUp(Ticket ticket, std::string_view why);
  void GiveUpWaiting();
  void GiveUpAll(std::string_view why);
  void Judge(Ticket ticket, const Reply& reply);
  void Finish(Ticket ticket, const Verdict& verdict);
  void Wait();
  void LogLoudly(const Attempt& attempt, const Verdict& verdict);
  void Tell(ContactMethod::Kind kind, const AttemptResult& result);

  // Constant.
  const Options options_;
  const Report report_;
  const TransportOptions transport_;
  const std::unique_ptr<CURLM, MultiDelete> multi_;

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
  std::vector<CurlHandle> kept_handles_;  // for webhooks; on no multi handle
  Heartbeats heartbeats_;
  std::map<std::string, absl::Time> loud_;  // when this was last said

  Mailer mailer_;
  std::thread thread_;  // last
};

}  // namespace tocsin::notify
