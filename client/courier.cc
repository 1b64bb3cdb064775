#include "client/courier.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"

#include "base/status.h"
#include "base/strings.h"
#include "model/codec/alert_proto.h"

namespace tocsin {
namespace {

constexpr std::size_t kLoadedBatches = 64;  // that wait; the rest is in the spool only
constexpr std::size_t kMostCredit = 1024;
constexpr absl::Duration kLongestWait = absl::Minutes(5);  // that a server may ask for
constexpr Instant kNever = Instant::max();

Instant After(Instant now, absl::Duration wait) {
  return now + absl::ToChronoNanoseconds(std::min(wait, absl::Hours(24 * 365)));
}

absl::Status ToAbslStatus(const grpc::Status& status, const std::string& server) {
  const auto code = status.ok() ? absl::StatusCode::kUnavailable : static_cast<absl::StatusCode>(status.error_code());
  const std::string text = status.ok() ? "the server ended the stream" : status.error_message();
  return absl::Status(code, absl::StrCat(server, ": ", text));
}

// Waiting for a moment changes nothing: somebody has to mend something.
bool IsForPeople(absl::StatusCode code) {
  return code == absl::StatusCode::kUnauthenticated || code == absl::StatusCode::kPermissionDenied ||
         code == absl::StatusCode::kUnimplemented;
}

DeliveryExplanation ToExplanation(const v1::IngestResponse::Explanation& from) {
  return {
      .key = from.key(),
      .firing = from.firing(),
      .severity = from.severity(),
      .rules_version = from.rules_version(),
      .routes = {from.routes().begin(), from.routes().end()},
      .groups = {from.groups().begin(), from.groups().end()},
      .held_by = from.held_by(),
      .text = from.text()
  };
}

std::optional<Outcome> ToOutcome(int from) {
  if (from < v1::IngestResponse::OUTCOME_NEW || from > v1::IngestResponse::OUTCOME_REJECTED) return std::nullopt;
  return static_cast<Outcome>(from - 1);
}
static_assert(static_cast<int>(Outcome::kRejected) + 1 == v1::IngestResponse::OUTCOME_REJECTED);

}  // namespace

SpooledEvent Spooled(const SenderOptions& options, std::string batch) {
  return {.url = absl::StrCat(ToAbsl(kSpooledForStream), absl::StrJoin(options.servers, ",")),
          .key = options.key,
          .body = std::move(batch)};
}

Courier::Courier(const SenderOptions& options, const Spool* spool, std::uint64_t seed, std::function<void()> wake)
    : options_(options), spool_(spool), wake_(std::move(wake)), random_(seed) {
  for (const std::string& address : options.servers)
    servers_.push_back({.address = address, .pause = options.pause_least, .retry_at = Instant()});
}

void Courier::Add(std::shared_ptr<Batch> batch) {
  // What waits for long waits on disk.
  if (!batch->name.empty() && ready_.size() >= kLoadedBatches) batch->request.reset();
  const std::size_t end = batch->alerts;
  PutBack({.batch = std::move(batch), .end = end, .sent = {}});
}

void Courier::PutBack(Part part) {
  const auto key = std::pair(part.batch->number, part.begin);
  ready_.insert_or_assign(key, std::move(part));
}

void Courier::Step(Instant now) {
  if (stream_) ReadAnswers(now);
  if (stream_) {
    if (const std::optional<grpc::Status> ended = stream_->Ended(); ended) {
      ReadAnswers(now);  // what came between the two looks
      if (stream_) Failed(*ended, now);
    }
  }
  if (stream_ && !greeted_ && now >= After(connecting_since_, options_.connect_patience)) {
    Failed({grpc::StatusCode::DEADLINE_EXCEEDED, "it does not answer"}, now);
  }
  if (stream_ && !in_flight_.empty() && now >= After(in_flight_.front().sent, options_.answer_patience)) {
    Failed({grpc::StatusCode::DEADLINE_EXCEEDED, "it does not acknowledge what it was sent"}, now);
  }
  ForgetFinished();
  if (!stream_ && !ready_.empty()) Connect(now);
  SendWhatMayGo(now);
}

Instant Courier::NextDeadline() const {
  Instant next = kNever;
  const auto sooner = [&](Instant at) { next = std::min(next, at); };
  if (stream_ && !greeted_) sooner(After(connecting_since_, options_.connect_patience));
  if (!in_flight_.empty()) sooner(After(in_flight_.front().sent, options_.answer_patience));
  if (stream_ && greeted_ && !ready_.empty() && in_flight_.empty()) sooner(paused_until_);
  if (!stream_ && !ready_.empty()) {
    for (const Server& server : servers_)
      sooner(server.retry_at);
  }
  return next;
}

// --- connecting ---

// The one that worked last is tried first, then the others in their order.
void Courier::Connect(Instant now) {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const std::size_t at = (current_ + i) % servers_.size();
    if (servers_[at].retry_at > now) continue;
    current_ = at;
    greeted_ = false;
    credit_ = 0;
    paused_until_ = Instant();
    connecting_since_ = now;
    stream_ = std::make_unique<Stream>(options_, servers_[at].address, wake_);
    return;
  }
}

void Courier::Greeted(const v1::IngestResponse& hello) {
  greeted_ = true;
  credit_ = std::clamp<std::size_t>(hello.credit(), 1, kMostCredit);
  ++counts_.connections;
  counts_.server = servers_[current_].address;
  counts_.trouble.clear();
}

// In [0.8, 1.2] of it: those that lost the same server do not come back at the same instant.
Instant Courier::Jittered(Instant now, absl::Duration pause) {
  return After(now, pause * (static_cast<double>(random_.Between(800, 1200)) / 1000.0));
}

void Courier::Failed(const grpc::Status& status, Instant now) {
  Server& server = servers_[current_];
  const absl::Status why = ToAbslStatus(status, server.address);
  stream_.reset();
  counts_.server.clear();
  const bool refused = status.error_code() == grpc::StatusCode::INVALID_ARGUMENT && !in_flight_.empty();
  if (refused && DivideRefused()) return;
  ++counts_.failures;
  counts_.trouble = Message(why);
  TurnBackInFlight(/*alone=*/false);
  const bool for_people = IsForPeople(why.code());
  server.retry_at = Jittered(now, for_people ? options_.pause_most : server.pause);
  server.pause = std::min(server.pause * 2, options_.pause_most);
  current_ = (current_ + 1) % servers_.size();
  Instant next_try = kNever;
  for (const Server& each : servers_)
    next_try = std::min(next_try, each.retry_at);
  GiveUpOld(why, for_people && servers_.size() == 1 ? kNever : std::max(next_try, now));
}

void Courier::TurnBackInFlight(bool alone) {
  for (Part& part : in_flight_) {
    ++counts_.batches_again;
    part.alone = part.alone || alone;
    PutBack(std::move(part));
  }
  in_flight_.clear();
}

// The server could not read a batch and has ended the stream without a word which one. What was under way goes alone from now on; what
// went alone is halved; an alert that went alone is the one. True always: each time there is less to refuse.
bool Courier::DivideRefused() {
  if (in_flight_.size() > 1) {
    TurnBackInFlight(/*alone=*/true);
    return true;
  }
  Part part = std::move(in_flight_.front());
  in_flight_.clear();
  if (part.end - part.begin == 1) {
    RejectAlert(part, 0, "the server cannot read it");
    Finish(part);
    return true;
  }
  Part second = part;
  second.begin = part.end = part.begin + (part.end - part.begin) / 2;
  part.alone = second.alone = true;
  ++part.batch->parts;
  PutBack(std::move(part));
  PutBack(std::move(second));
  return true;
}

// --- answers ---

void Courier::ReadAnswers(Instant now) {
  for (const v1::IngestResponse& answer : stream_->TakeAnswers()) {
    if (!greeted_) {
      Greeted(answer);
      continue;
    }
    if (in_flight_.empty() || in_flight_.front().id != answer.batch_id()) {
      return Failed({grpc::StatusCode::INTERNAL, "it answers what it was not asked"}, now);
    }
    if (answer.credit() != 0) credit_ = std::min<std::size_t>(answer.credit(), kMostCredit);
    Part part = std::move(in_flight_.front());
    in_flight_.pop_front();
    Answered(std::move(part), answer, now);
  }
}

void Courier::Answered(Part part, const v1::IngestResponse& answer, Instant now) {
  if (!answer.has_retry_after()) {
    servers_[current_].pause = options_.pause_least;
    ++counts_.batches;
    Delivered(part, answer);
    return Finish(part);
  }
  ++counts_.limits_met;
  ++counts_.batches_again;
  const absl::Duration asked =
      absl::Seconds(answer.retry_after().seconds()) + absl::Nanoseconds(answer.retry_after().nanos());
  const absl::Duration wait = std::clamp(asked, absl::Milliseconds(10), kLongestWait);
  // Never sooner than asked for.
  paused_until_ =
      std::max(paused_until_, After(now, wait * (static_cast<double>(random_.Between(1000, 1200)) / 1000.0)));
  PutBack(std::move(part));
  GiveUpOld(Exhausted("%s: at a limit, come again in %s", servers_[current_].address, absl::FormatDuration(wait)),
            paused_until_);
}

void Courier::Delivered(const Part& part, const v1::IngestResponse& answer) {
  std::vector<bool> rejected(part.end - part.begin);
  for (const auto& rejection : answer.rejections()) {
    if (rejection.index() >= rejected.size() || rejected[rejection.index()]) continue;
    rejected[rejection.index()] = true;
    RejectAlert(part, rejection.index(), rejection.reason());
  }
  absl::flat_hash_map<std::size_t, const v1::IngestResponse::Explanation*> explanations;
  for (const auto& explanation : answer.explanations())
    explanations[explanation.index()] = &explanation;
  for (std::size_t i = 0; i < rejected.size(); ++i) {
    if (rejected[i]) continue;
    ++counts_.durable;
    if (part.batch->dones.empty()) continue;
    Delivery delivery{.kind = Delivery::Kind::kDurable,
                      .status = absl::OkStatus(),
                      .sequence = answer.sequence(),
                      .outcome = std::nullopt,
                      .explanation = std::nullopt,
                      .server = servers_[current_].address};
    if (static_cast<int>(i) < answer.outcomes_size()) {
      delivery.outcome = ToOutcome(answer.outcomes(static_cast<int>(i)));
    }
    if (const auto found = explanations.find(i); found != explanations.end()) {
      delivery.explanation = ToExplanation(*found->second);
    }
    Tell(part, i, delivery);
  }
}

void Courier::Tell(const Part& part, std::size_t index, const Delivery& delivery) const {
  if (part.batch->dones.empty()) return;
  const Sender::Done& done = part.batch->dones[part.begin + index];
  if (done) done(delivery);
}

void Courier::RejectAlert(const Part& part, std::size_t index, std::string_view reason) {
  ++counts_.rejected;
  const v1::Alert& alert = part.batch->request->alerts(static_cast<int>(part.begin + index));
  if (spool_ != nullptr) {
    v1::IngestRequest aside;
    *aside.add_alerts() = alert;
    // A disk that fails here costs the copy, not the report.
    const absl::Status kept = spool_->SetAside(Spooled(options_, aside.SerializeAsString()), reason, absl::Now());
    if (!kept.ok()) counts_.trouble = Message(kept);
  }
  if (options_.on_rejected) {
    const absl::StatusOr<AlertEvent> event = FromProto(alert);
    options_.on_rejected(event.ok() ? *event : AlertEvent(), reason);
  }
  Tell(part, index,
       {.kind = Delivery::Kind::kRejected,
        .status = Invalid("%s", reason),
        .outcome = std::nullopt,
        .explanation = std::nullopt,
        .server = servers_[current_].address});
}

void Courier::Finish(const Part& part) {
  if (--part.batch->parts == 0) finished_.push_back(part.batch);
}

// One fsync for all. Only then may later words about their alerts go.
void Courier::ForgetFinished() {
  if (finished_.empty()) return;
  std::vector<std::string> names;
  for (const std::shared_ptr<Batch>& batch : finished_) {
    if (!batch->name.empty()) names.push_back(batch->name);
  }
  if (!names.empty()) {
    if (const absl::Status removed = spool_->Remove(names); !removed.ok()) counts_.trouble = Message(removed);
  }
  for (const std::shared_ptr<Batch>& batch : finished_) {
    for (const AlertKey& key : batch->keys)
      held_.erase(key);
    settled_.push_back(batch);
  }
  finished_.clear();
}

// --- giving up ---

void Courier::GiveUp(const Part& part, const absl::Status& why) {
  counts_.given_up += part.end - part.begin;
  for (std::size_t i = part.begin; i < part.end; ++i) {
    Tell(part, i - part.begin,
         {.kind = Delivery::Kind::kGivenUp,
          .status = why,
          .outcome = std::nullopt,
          .explanation = std::nullopt,
          .server = servers_[current_].address});
  }
}

void Courier::GiveUpOld(const absl::Status& why, Instant next_try) {
  if (options_.give_up_after == absl::ZeroDuration()) return;
  for (auto it = ready_.begin(); it != ready_.end();) {
    const Part& part = it->second;
    if (next_try <= After(part.batch->since, options_.give_up_after)) {
      ++it;
      continue;
    }
    GiveUp(part, why);
    Finish(part);
    it = ready_.erase(it);
  }
}

void Courier::GiveUpAll(const absl::Status& why) {
  stream_.reset();
  TurnBackInFlight(/*alone=*/false);
  for (const auto& [key, part] : ready_)
    GiveUp(part, why);
  ready_.clear();
}

// --- sending ---

// Null: there is nothing for us in it, and `trouble` says why.
std::shared_ptr<v1::IngestRequest> Courier::ReadSpooled(const std::string& name) {
  const std::optional<SpooledEvent> event = spool_->Read(name);
  if (event && !event->url.starts_with(kSpooledForStream)) {
    counts_.trouble = absl::StrCat("the spool holds what other commands have left there, which they send: ", name);
    return nullptr;
  }
  auto request = std::make_shared<v1::IngestRequest>();
  if (event && request->ParseFromString(event->body) && !request->alerts().empty()) return request;
  const absl::Status aside = spool_->Reject(name, "the file is damaged");
  counts_.trouble = aside.ok() ? absl::StrCat("a damaged file of the spool is put aside: ", name) : Message(aside);
  return nullptr;
}

// False: nothing in it can be sent, and it is out of the way.
bool Courier::Load(Part& part) {
  Batch& batch = *part.batch;
  if (!batch.request) {
    batch.request = ReadSpooled(batch.name);
    if (!batch.request) {
      batch.name.clear();
      Finish(part);
      return false;
    }
  }
  if (part.end == 0) {
    part.end = static_cast<std::size_t>(batch.request->alerts_size());
    counts_.recovered += part.end;
  }
  return true;
}

// False: an alert of it is under way in another batch.
bool Courier::Hold(const Part& part) {
  std::vector<AlertKey> keys;
  for (std::size_t i = part.begin; i < part.end; ++i) {
    const absl::StatusOr<AlertEvent> event = FromProto(part.batch->request->alerts(static_cast<int>(i)));
    reader_.Clear(0);
    if (!event.ok() || !reader_.Append(*event).ok()) continue;  // the server will say what is wrong with it
    const AlertKey key = reader_.at(0).header().key;
    const auto found = held_.find(key);
    if (found == held_.end()) {
      keys.push_back(key);
    } else if (found->second != part.batch->number) {
      return false;
    }
  }
  for (const AlertKey& key : keys)
    held_.emplace(key, part.batch->number);
  part.batch->keys.insert(part.batch->keys.end(), keys.begin(), keys.end());
  return true;
}

void Courier::SendWhatMayGo(Instant now) {
  while (stream_ && greeted_ && !ready_.empty() && in_flight_.size() < credit_ && now >= paused_until_) {
    Part& part = ready_.begin()->second;
    const bool one_goes_alone = !in_flight_.empty() && (part.alone || in_flight_.front().alone);
    if (one_goes_alone || !stream_->CanWrite()) return;
    if (!Load(part)) {
      ready_.erase(ready_.begin());
      ForgetFinished();
      continue;
    }
    if (!Hold(part)) return;
    v1::IngestRequest request;
    request.set_batch_id(next_id_);
    request.set_want_outcomes(options_.want_outcomes);
    request.set_want_explanations(options_.want_explanations);
    for (std::size_t i = part.begin; i < part.end; ++i)
      *request.add_alerts() = part.batch->request->alerts(static_cast<int>(i));
    if (!stream_->TryWrite(std::move(request))) return;
    part.id = next_id_++;
    part.sent = now;
    in_flight_.push_back(std::move(part));
    ready_.erase(ready_.begin());
  }
}

}  // namespace tocsin
