// Mail, one thread for each message under way.
//
// libcurl 7.88's SMTP blocks its caller while it waits for the answer to the final dot and to QUIT, also on a multi handle
// (measured: a server that takes five seconds there holds curl_multi_perform for five seconds). So mail does not share
// the notifier's thread; what a slow mail server can hold up is this pool and nothing else.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "notify/curl_options.h"
#include "notify/exchange.h"

namespace tocsin::notify {

// A message on its way. Its state decides the race between the deadline and the last byte: either the message is given
// up and its end never sent, or its end is sent and giving up can only say "ambiguous".
class MailJob {
 public:
  MailJob(MailRequest request, absl::Duration deadline) : request_(std::move(request)), deadline_(deadline) {}

  // By the mail thread, before it hands over the end of the message. False: given up.
  bool Commit() { return Move(kCommitted); }
  // By the owner. True: the message is certainly not sent and never will be.
  bool GiveUp() {
    gone_ = true;
    return Move(kGivenUp);
  }
  bool given_up() const { return gone_; }
  const MailRequest& request() const { return request_; }
  absl::Duration deadline() const { return deadline_; }

 private:
  enum : std::uint8_t {
    kPreparing,
    kCommitted,
    kGivenUp
  };
  bool Move(std::uint8_t to) {
    std::uint8_t expected = kPreparing;
    return state_.compare_exchange_strong(expected, to) || (to == kCommitted && expected == kCommitted);
  }
  const MailRequest request_;
  const absl::Duration deadline_;
  std::atomic<std::uint8_t> state_{kPreparing};
  std::atomic<bool> gone_{false};
};

class Mailer {
 public:
  using Done = std::function<void(Reply)>;  // on a mail thread, once; must not block
  Mailer(const TransportOptions& options, std::size_t threads);
  // Gives up what is under way; waits for the threads, which notice within a second or two.
  ~Mailer();
  Mailer(const Mailer&) = delete;
  Mailer& operator=(const Mailer&) = delete;

  // The owner's thread; never blocks. The caller keeps to `threads` messages at a time: a further one waits.
  void Start(std::shared_ptr<MailJob> job, Done done);

 private:
  struct Work {
    std::shared_ptr<MailJob> job;
    Done done;
  };
  void Run();
  std::optional<Work> Take();  // waits for work; nothing when it is time to stop

  const TransportOptions& options_;
  const std::size_t max_threads_;
  Mutex mutex_;
  ConditionVariable wake_;
  std::deque<Work> waiting_ ABSL_GUARDED_BY(mutex_);
  std::set<std::shared_ptr<MailJob>> running_ ABSL_GUARDED_BY(mutex_);
  std::size_t idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;  // the owner's; Start() and the destructor are not concurrent with themselves
};

}  // namespace tocsin::notify
