#include "client/client.h"

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include <unistd.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/strings.h"
#include "client/courier.h"
#include "client/spool.h"
#include "model/codec/alert_proto.h"

namespace tocsin {
namespace {

constexpr std::size_t kLeastBatchBytes = limits::kEventBytes + 4096;
constexpr std::size_t kMostBatchBytes = limits::kBatchBytes - 64 * 1024;
constexpr absl::Duration kLongestSleep = absl::Seconds(60);

// What is said of an alert's state. An end in the past is a recovery.
using Word = std::pair<EventKind, std::optional<absl::Time>>;

absl::Status Check(const SenderOptions& options) {
  if (options.servers.empty()) return Invalid("servers: none; give HOST:PORT of at least one");
  for (const std::string& server : options.servers) {
    if (server.find(':') == std::string::npos || server.find(',') != std::string::npos)
      return Invalid("servers: %s is not HOST:PORT or https://HOST:PORT", JsonQuote(server));
  }
  if (options.key.empty()) return Invalid("key: missing; it is that of an integration with `source: stream`");
  if (options.batch_alerts < 1 || options.batch_alerts > limits::kEventsPerBatch) {
    return Invalid("batch_alerts: %d is not from 1 to %d", options.batch_alerts, limits::kEventsPerBatch);
  }
  if (options.batch_bytes < kLeastBatchBytes || options.batch_bytes > kMostBatchBytes) {
    return Invalid("batch_bytes: %d is not from %d to %d", options.batch_bytes, kLeastBatchBytes, kMostBatchBytes);
  }
  if (options.pause_least <= absl::ZeroDuration() || options.pause_most < options.pause_least) {
    return Invalid("pause_least, pause_most: %s to %s is no span", absl::FormatDuration(options.pause_least),
                   absl::FormatDuration(options.pause_most));
  }
  if (options.give_up_after != absl::ZeroDuration() && !options.spool.empty()) {
    return Invalid("give_up_after: what lies in a spool is not given up");
  }
  return absl::OkStatus();
}

Instant Now() {
  return std::chrono::steady_clock::now();
}

// Differs between processes that lose the same server at the same instant.
std::uint64_t SeedOf(const SenderOptions& options) {
  return Hash64(absl::StrCat(getpid(), options.key, Now().time_since_epoch().count()));
}

}  // namespace

// Callers fill `open_` under the lock and seal it; the thread spools what is sealed, outside of the lock, and gives it to the courier.
class Sender::Impl {
 public:
  Impl(SenderOptions options, std::optional<Spool> spool, std::shared_ptr<const Spool::Lease> lease)
      : options_(std::move(options)),
        spool_(std::move(spool)),
        lease_(std::move(lease)),
        courier_(options_, spool_ ? &*spool_ : nullptr, SeedOf(options_), [this] { Wake(); }) {
    Recover();
    thread_ = std::thread([this] { Run(); });
  }
  ~Impl() {
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Send(const AlertEvent& alert, Done done);
  absl::Status Sync(absl::Duration patience);
  absl::Status Flush(absl::Duration patience);
  absl::Status Stop(absl::Duration patience);
  Statistics ReadStatistics() const;

 private:
  void Recover();
  void Run();
  void Wake();
  void SealIfOld(Instant now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Seal() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool SaysAnotherThing(const AlertKey& key, const Word& word) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Store(Batch& batch);
  void Publish();
  Instant SleepUntil() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const SenderOptions options_;
  const std::optional<Spool> spool_;
  const std::shared_ptr<const Spool::Lease> lease_;
  Courier courier_;  // the thread's

  mutable Mutex mutex_;
  ConditionVariable woken_condition_;
  ConditionVariable progress_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;  // takes nothing more
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  EventBatch reader_ ABSL_GUARDED_BY(mutex_){0, 0};  // checks alerts, and tells what they are about
  std::shared_ptr<Batch> open_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<AlertKey, Word, AlertKeyHash> open_says_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Batch>> sealed_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 1;
  std::uint64_t stored_through_ ABSL_GUARDED_BY(mutex_) = 0;
  std::multiset<std::uint64_t> outstanding_ ABSL_GUARDED_BY(mutex_);  // Batch::through, of those that are not settled
  std::multiset<std::uint64_t> unspooled_ ABSL_GUARDED_BY(mutex_);    // the same, of those that the disk would not take
  std::size_t memory_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string spool_trouble_ ABSL_GUARDED_BY(mutex_);
  Statistics statistics_ ABSL_GUARDED_BY(mutex_);
  Instant next_deadline_ ABSL_GUARDED_BY(mutex_);  // the courier's

  std::thread thread_;
};

// --- taking ---

absl::Status Sender::Impl::CheckRoom() const {
  if (memory_ >= options_.memory_bytes) {
    return Exhausted("%d bytes of alerts wait in memory; %s", memory_,
                     statistics_.trouble.empty() ? "they come faster than they go" : statistics_.trouble);
  }
  if (!spool_) return absl::OkStatus();
  const std::uint64_t batches = statistics_.spooled_batches + sealed_.size();
  if (batches >= options_.spool_batches || statistics_.spooled_bytes + memory_ >= options_.spool_bytes) {
    return Exhausted("the spool %s is full: %d batches of %d bytes wait; %s", options_.spool, batches,
                     statistics_.spooled_bytes,
                     statistics_.trouble.empty() ? "they come faster than they go" : statistics_.trouble);
  }
  return absl::OkStatus();
}

bool Sender::Impl::SaysAnotherThing(const AlertKey& key, const Word& word) const {
  const auto found = open_says_.find(key);
  return found != open_says_.end() && found->second != word;
}

absl::Status Sender::Impl::Send(const AlertEvent& alert, Done done) {
  const MutexLock lock(mutex_);
  if (stopping_) return Precondition("the sender has been stopped");
  reader_.Clear(0);
  absl::Status room = reader_.Append(alert);
  if (room.ok()) room = CheckRoom();
  if (!room.ok()) {
    ++statistics_.refused;
    return room;
  }
  v1::Alert message;
  ToProto(alert, message);
  const std::size_t bytes = message.ByteSizeLong() + 8;
  const AlertKey key = reader_.at(0).header().key;
  const bool too_many = open_ && open_->bytes + bytes > options_.batch_bytes;
  const Word word(alert.kind, alert.ends_at);
  if (too_many || SaysAnotherThing(key, word)) Seal();
  if (!open_) {
    open_ = std::make_shared<Batch>();
    open_->request = std::make_shared<v1::IngestRequest>();
    open_->since = Now();
  }
  *open_->request->add_alerts() = std::move(message);
  open_->dones.push_back(std::move(done));
  open_->bytes += bytes;
  open_->through = ++statistics_.taken;
  open_says_[key] = word;
  memory_ += bytes;
  const std::size_t count = open_->dones.size();
  if (count >= options_.batch_alerts) Seal();
  if (count == 1 || !open_) {  // there is a time to wait for, or something to send
    woken_ = true;
    woken_condition_.NotifyOne();
  }
  return absl::OkStatus();
}

void Sender::Impl::Seal() {
  if (!open_) return;
  open_->number = next_number_++;
  open_->alerts = open_->dones.size();
  if (std::ranges::none_of(open_->dones, [](const Done& done) { return static_cast<bool>(done); })) {
    open_->dones = {};  // nobody wants to know
  }
  outstanding_.insert(open_->through);
  sealed_.push_back(std::move(open_));
  open_ = nullptr;
  open_says_.clear();
  woken_ = true;
  woken_condition_.NotifyOne();
}

void Sender::Impl::SealIfOld(Instant now) {
  if (open_ && now >= open_->since + absl::ToChronoNanoseconds(options_.batch_age)) Seal();
}

// --- the thread ---

void Sender::Impl::Wake() {
  const MutexLock lock(mutex_);
  woken_ = true;
  woken_condition_.NotifyOne();
}

// What an earlier process has left comes first. How many alerts that are is known when they are read.
void Sender::Impl::Recover() {
  if (!spool_) return;
  const MutexLock lock(mutex_);
  for (const std::string& name : spool_->Names()) {
    auto batch = std::make_shared<Batch>();
    batch->number = next_number_++;
    batch->name = name;
    batch->spooled = true;
    batch->bytes = spool_->BytesOf(name);
    batch->since = Now();
    outstanding_.insert(batch->through);
    ++statistics_.spooled_batches;
    statistics_.spooled_bytes += batch->bytes;
    courier_.Add(std::move(batch));
  }
}

Instant Sender::Impl::SleepUntil() const {
  Instant until = std::min(next_deadline_, Now() + absl::ToChronoNanoseconds(kLongestSleep));
  if (open_) until = std::min(until, open_->since + absl::ToChronoNanoseconds(options_.batch_age));
  return until;
}

void Sender::Impl::Run() {
  while (true) {
    std::vector<std::shared_ptr<Batch>> sealed;
    bool ending = false;
    {
      const MutexLock lock(mutex_);
      const absl::Duration sleep = absl::FromChrono(SleepUntil() - Now());
      woken_condition_.WaitFor(mutex_, sleep, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return woken_; });
      woken_ = false;
      SealIfOld(Now());
      ending = ending_;
      if (ending) Seal();
      sealed.swap(sealed_);
    }
    for (std::shared_ptr<Batch>& batch : sealed) {
      Store(*batch);
      courier_.Add(std::move(batch));
    }
    if (ending) courier_.GiveUpAll(absl::DeadlineExceededError("the sender was stopped before it was acknowledged"));
    if (!ending) courier_.Step(Now());
    Publish();
    if (ending) return;
  }
}

void Sender::Impl::Store(Batch& batch) {
  absl::Status stored;
  if (spool_) {
    const absl::StatusOr<std::string> name =
        spool_->Put(Spooled(options_, batch.request->SerializeAsString()), absl::Now());
    stored = name.status();
    if (name.ok()) batch.name = *name;
  }
  batch.spooled = !batch.name.empty();
  const MutexLock lock(mutex_);
  stored_through_ = batch.through;
  if (batch.spooled) {
    memory_ -= batch.bytes;
    ++statistics_.spooled_batches;
    statistics_.spooled_bytes += batch.bytes;
  } else if (spool_) {
    ++statistics_.spool_failures;
    unspooled_.insert(batch.through);
    spool_trouble_ = Message(stored);
  }
  progress_.NotifyAll();
}

void Sender::Impl::Publish() {
  const std::vector<std::shared_ptr<Batch>> settled = courier_.TakeSettled();
  const Courier::Counts& counts = courier_.counts();
  const MutexLock lock(mutex_);
  for (const std::shared_ptr<Batch>& batch : settled) {
    outstanding_.erase(outstanding_.find(batch->through));
    if (batch->spooled) {
      --statistics_.spooled_batches;
      statistics_.spooled_bytes -= batch->bytes;
    } else {
      memory_ -= batch->bytes;
      if (const auto found = unspooled_.find(batch->through); found != unspooled_.end()) unspooled_.erase(found);
    }
  }
  statistics_.recovered = counts.recovered;
  statistics_.durable = counts.durable;
  statistics_.rejected = counts.rejected;
  statistics_.given_up = counts.given_up;
  statistics_.batches = counts.batches;
  statistics_.batches_again = counts.batches_again;
  statistics_.limits_met = counts.limits_met;
  statistics_.connections = counts.connections;
  statistics_.failures = counts.failures;
  statistics_.server = counts.server;
  statistics_.trouble = counts.trouble;
  next_deadline_ = courier_.NextDeadline();
  progress_.NotifyAll();
}

// --- waiting ---

absl::Status Sender::Impl::Flush(absl::Duration patience) {
  const MutexLock lock(mutex_);
  Seal();
  const std::uint64_t through = statistics_.taken;
  const bool done = progress_.WaitFor(mutex_, patience, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return outstanding_.empty() || *outstanding_.begin() > through;
  });
  if (done) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat(outstanding_.size(), " batches are not acknowledged",
                   statistics_.trouble.empty() ? "" : absl::StrCat(": ", statistics_.trouble)));
}

absl::Status Sender::Impl::Sync(absl::Duration patience) {
  if (!spool_) return Flush(patience);
  const MutexLock lock(mutex_);
  Seal();
  const std::uint64_t through = statistics_.taken;
  const bool done = progress_.WaitFor(
      mutex_, patience, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stored_through_ >= through; });
  if (!done) return absl::DeadlineExceededError("the disk is slow: not everything is in the spool yet");
  if (unspooled_.empty() || *unspooled_.begin() > through) return absl::OkStatus();
  return Unavailable("%d batches are in memory alone: %s", unspooled_.size(), spool_trouble_);
}

absl::Status Sender::Impl::Stop(absl::Duration patience) {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  const absl::Status flushed = Flush(patience);
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    woken_ = true;
    woken_condition_.NotifyOne();
  }
  if (thread_.joinable()) thread_.join();
  return flushed;
}

Sender::Statistics Sender::Impl::ReadStatistics() const {
  const MutexLock lock(mutex_);
  Statistics statistics = statistics_;
  const std::uint64_t through = statistics.durable + statistics.rejected + statistics.given_up;
  statistics.waiting = statistics.taken + statistics.recovered - through;
  if (statistics.trouble.empty() && !unspooled_.empty()) statistics.trouble = spool_trouble_;
  return statistics;
}

// --- the door ---

absl::StatusOr<std::unique_ptr<Sender>> Sender::Open(SenderOptions options) {
  TOCSIN_TRY(Check(options));
  std::optional<Spool> spool;
  std::shared_ptr<const Spool::Lease> lease;
  if (!options.spool.empty()) {
    // The bound is ours: we know how many there are without looking.
    TOCSIN_ASSIGN(spool, Spool::Open(options.spool, SIZE_MAX));
    TOCSIN_ASSIGN(lease, spool->Own());
  }
  return std::unique_ptr<Sender>(
      new Sender(std::make_unique<Impl>(std::move(options), std::move(spool), std::move(lease))));
}

Sender::Sender(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sender::~Sender() {
  static_cast<void>(impl_->Stop(absl::ZeroDuration()));
}

absl::Status Sender::Send(const AlertEvent& alert, Done done) {
  return impl_->Send(alert, std::move(done));
}
absl::Status Sender::Sync(absl::Duration patience) {
  return impl_->Sync(patience);
}
absl::Status Sender::Flush(absl::Duration patience) {
  return impl_->Flush(patience);
}
absl::Status Sender::Stop(absl::Duration patience) {
  return impl_->Stop(patience);
}
Sender::Statistics Sender::ReadStatistics() const {
  return impl_->ReadStatistics();
}

SpooledEvent ToSpooled(const SenderOptions& options, std::span<const AlertEvent> alerts) {
  v1::IngestRequest request;
  for (const AlertEvent& alert : alerts)
    ToProto(alert, *request.add_alerts());
  return Spooled(options, request.SerializeAsString());
}

bool IsForStream(const SpooledEvent& event) {
  return event.url.starts_with(kSpooledForStream);
}

SendResult SendSpooled(const SpooledEvent& event, SenderOptions options, absl::Duration patience) {
  v1::IngestRequest request;
  if (!IsForStream(event) || !request.ParseFromString(event.body) || request.alerts().empty()) {
    return {SendResult::Kind::kRejected, "it is no batch for the stream"};
  }
  options.servers = absl::StrSplit(event.url.substr(kSpooledForStream.size()), ',');
  options.key = event.key;
  options.batch_age = absl::ZeroDuration();
  options.give_up_after = std::max(patience, absl::Milliseconds(100));
  options.answer_patience = options.connect_patience = options.give_up_after;
  auto sender = Sender::Open(std::move(options));
  if (!sender.ok()) return {SendResult::Kind::kRejected, Message(sender.status())};
  absl::Status refused;
  absl::Status given_up;
  for (const v1::Alert& alert : request.alerts()) {
    const absl::StatusOr<AlertEvent> read = FromProto(alert);
    const absl::Status taken = !read.ok() ? read.status() : (*sender)->Send(*read, [&](const Delivery& delivery) {
      if (delivery.kind == Delivery::Kind::kRejected) refused = delivery.status;
      if (delivery.kind == Delivery::Kind::kGivenUp) given_up = delivery.status;
    });
    if (!taken.ok()) refused = taken;
  }
  static_cast<void>((*sender)->Stop(patience + absl::Seconds(1)));
  sender->reset();  // the callbacks write into this frame
  const bool key_is_wrong = absl::IsUnauthenticated(given_up) || absl::IsPermissionDenied(given_up);
  if (!given_up.ok() && !key_is_wrong) return {SendResult::Kind::kLater, Message(given_up)};
  const absl::Status& why = given_up.ok() ? refused : given_up;
  if (why.ok()) return {SendResult::Kind::kSent, ""};
  return {SendResult::Kind::kRejected, Message(why)};
}

}  // namespace tocsin
