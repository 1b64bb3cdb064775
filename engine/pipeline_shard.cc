// The shard stage: ring to table to sealed bodies.
#include <algorithm>
#include <cstring>
#include <new>

#include "absl/strings/str_cat.h"

#include "base/limits.h"
#include "base/log.h"
#include "engine/pipeline_stages.h"

namespace tocsin {
namespace {

// How much a shard applies before it looks whether the committer could take what it has. Small enough that an
// acknowledgement does not wait long behind others, large enough that a seal costs little per event.
constexpr std::size_t kEventsPerRound = 8192;
constexpr std::size_t kWorkPerRound = 4096;

// Counts of groups that change all the time go to the responder this often; what cannot wait goes at once.
constexpr absl::Duration kReportInterval = absl::Milliseconds(100);
// A report costs some ten microseconds. Where more of them change each time, all go the less often, up to once a second.
constexpr std::size_t kReportsAnInterval = 100;
constexpr std::size_t kMostIntervals = 10;
// While senders were refused within this time, leases stand still: whoever was refused comes again after its own period.
constexpr absl::Duration kRefusalGrace = absl::Minutes(2);

struct RecordHead {
  std::uint32_t submission = 0;
  std::uint32_t count = 0;
  std::uint32_t with_index = 0;  // positions in the batch follow, one u32 for each event, padded to 8
  std::uint32_t unused = 0;
};

std::size_t IndexBytes(std::size_t count) {
  return (count * sizeof(std::uint32_t) + 7) & ~std::size_t{7};
}

template <typename T>
T ReadAs(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace

void Sealed::Clear() {
  bytes.clear();
  ends.clear();
  acks.clear();
  gateway_acks.clear();
  gateway_outcomes.clear();
  durable.clear();
  reports.clear();
  sources.reset();
  reported_all = false;
  point.reset();
}

void TakenIn::Advance(const Now& now) {
  const std::int64_t ns = now.engine.ns();
  const std::int64_t since = last_advance_ < 0 ? 0 : ns - last_advance_;
  last_advance_ = ns;
  const bool refusing = ns - last_refusal_.load(std::memory_order_relaxed) < absl::ToInt64Nanoseconds(kRefusalGrace);
  if (since > 0 && (refusing || ns < pause_until_.load(std::memory_order_relaxed))) {
    paused_.fetch_add(since, std::memory_order_relaxed);
  }
}

RingMemory::RingMemory(std::size_t bytes)
    : bytes_(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{RingLayout::kUnitBytes})), bytes) {}

RingMemory::~RingMemory() {
  ::operator delete (bytes_.data(), std::align_val_t{RingLayout::kUnitBytes});
}

ShardStage::ShardStage(
    std::uint32_t index, Shard shard, Submissions& submissions, const Clock& clock, TakenIn& taken_in)
    : index_(index),
      shard_(std::move(shard)),
      submissions_(submissions),
      clock_(clock),
      taken_in_(taken_in),
      quick_memory_(RingLayout::BytesNeeded(limits::kQuickRingSlots, limits::kQuickRingBytes)),
      bulk_memory_(RingLayout::BytesNeeded(limits::kShardRingSlots, limits::kShardRingBytes)),
      quick_(Ring::Create(quick_memory_.bytes(), limits::kQuickRingSlots, limits::kQuickRingBytes)),
      bulk_(Ring::Create(bulk_memory_.bytes(), limits::kShardRingSlots, limits::kShardRingBytes)),
      out_(kSealedPerShard),
      recycled_(kSealedPerShard) {
  for (std::size_t i = 0; i < kSealedPerShard; ++i) {
    pool_.push_back(std::make_unique<Sealed>());
    pool_.back()->shard = index;
    recycled_.TryPush(pool_.back().get());
  }
}

bool ShardStage::Push(const Submissions::Taken& submission, const EventBatch& batch) {
  Ring& ring = RingOf(submission.queue);
  std::optional<Ring::Reservation> reservation = ring.TryReserve(sizeof(RecordHead) + batch.bytes().size());
  if (!reservation) return false;
  const RecordHead head{submission.slot, static_cast<std::uint32_t>(batch.count()), 0, 0};
  std::memcpy(reservation->bytes.data(), &head, sizeof head);
  if (!batch.empty()) std::memcpy(reservation->bytes.data() + sizeof head, batch.bytes().data(), batch.bytes().size());
  ring.Publish(*reservation);
  wakeup_.Notify();
  return true;
}

bool ShardStage::Push(const Submissions::Taken& submission,
                      const EventBatch& batch,
                      std::span<const std::uint32_t> mine,
                      bool with_index) {
  if (mine.size() == batch.count()) return Push(submission, batch);
  std::size_t size = sizeof(RecordHead) + (with_index ? IndexBytes(mine.size()) : 0);
  for (const std::uint32_t i : mine)
    size += batch.at(i).header().size;
  Ring& ring = RingOf(submission.queue);
  std::optional<Ring::Reservation> reservation = ring.TryReserve(size);
  if (!reservation) return false;

  std::byte* to = reservation->bytes.data();
  const RecordHead head{submission.slot, static_cast<std::uint32_t>(mine.size()), with_index ? 1U : 0U, 0};
  std::memcpy(to, &head, sizeof head);
  to += sizeof head;
  if (with_index) {
    if (!mine.empty()) std::memcpy(to, mine.data(), mine.size() * sizeof(std::uint32_t));
    to += IndexBytes(mine.size());
  }
  for (const std::uint32_t i : mine) {
    const EventHeader& header = batch.at(i).header();
    std::memcpy(to, &header, header.size);
    to += header.size;
  }
  ring.Publish(*reservation);
  wakeup_.Notify();
  return true;
}

void ShardStage::Post(absl::AnyInvocable<void(Shard&, const Now&)> task) {
  {
    MutexLock lock(tasks_mutex_);
    tasks_.push_back(std::move(task));
  }
  has_tasks_.store(true, std::memory_order_release);
  wakeup_.Notify();
}

void ShardStage::Post(std::shared_ptr<StatePoint> point) {
  {
    MutexLock lock(tasks_mutex_);
    asked_point_ = std::move(point);
  }
  has_tasks_.store(true, std::memory_order_release);
  wakeup_.Notify();
}

bool ShardStage::RunTasks(const Now& now) {
  if (!has_tasks_.load(std::memory_order_relaxed)) return false;  // mostly, and then nothing is written
  if (!has_tasks_.exchange(false, std::memory_order_acq_rel)) return false;
  std::vector<absl::AnyInvocable<void(Shard&, const Now&)>> tasks;
  {
    MutexLock lock(tasks_mutex_);
    tasks.swap(tasks_);
    if (asked_point_) point_ = std::move(asked_point_);
  }
  for (auto& task : tasks)
    task(shard_, now);
  dirty_ = true;
  return true;
}

std::optional<Outcome> ShardStage::ApplyBytes(const EventHeader& header, const CameBytes& came, const Now& now) {
  const std::optional<EventView> whole = read_again_ ? read_again_(header, came, now.wall) : std::nullopt;
  if (!whole || whole->header().key != header.key) return std::nullopt;
  return shard_.Apply(*whole, now);
}

// Its events; how many.
std::size_t ShardStage::ApplyRecord(std::span<const std::byte> record, const Now& now) {
  const auto head = ReadAs<RecordHead>(record.data());
  const std::byte* at = record.data() + sizeof head;
  const std::byte* positions = at;
  if (head.with_index != 0) at += IndexBytes(head.count);
  const std::span<Outcome> outcomes = submissions_.OutcomesOf(head.submission);
  shard_.ApplyAll(
      at, head.count, now,
      [&](EventView event) -> std::optional<Outcome> {
        if (const std::optional<Outcome> outcome = ApplyBytes(event.header(), event.came(), now)) return outcome;
        LogError(
            "an alert that came again cannot be read any more and is rejected: this is a defect of tocsin, report it",
            {
                {"integration", absl::StrCat(event.header().integration)}
        });
        return Outcome::kRejected;
      },
      [&](std::uint32_t i, Outcome outcome) {
        if (outcomes.empty()) return;
        outcomes[head.with_index != 0 ? ReadAs<std::uint32_t>(positions + i * sizeof(std::uint32_t)) : i] = outcome;
      });
  acks_.push_back(head.submission);
  return head.count;
}

// Ends: what is under way by the quick queue is bounded, and is so until it has been sealed and is durable.
bool ShardStage::DrainQuick(const Now& now) {
  bool any = false;
  for (; !quick_.Front().empty(); any = true) {
    ApplyRecord(quick_.Front(), now);
    quick_.Pop();
  }
  return any;
}

bool ShardStage::DrainRings(const Now& now) {
  std::size_t applied = 0;
  bool any = false;
  while (applied < kEventsPerRound) {
    // The bulk queue's next record is looked at before the quick queue is emptied: what its sender had sent by the quick one before is seen
    // then. It may wait there behind a record that is reserved and not yet published; then the bulk queue waits, too.
    const std::span<const std::byte> record = bulk_.Front();
    any = DrainQuick(now) || any;
    if (record.empty() || quick_.HasReserved()) break;
    applied += ApplyRecord(record, now);
    bulk_.Pop();
    any = true;
  }
  return any;
}

bool ShardStage::SealInto(const Now& now, Wakeup& committer) {
  const bool is_idle =
      !dirty_ && !point_ && acks_.empty() && gateway_acks_.empty() && durable_.empty() && !reported_all_;
  if (is_idle && !reports_wait_) return false;
  const bool report_all = now.engine - last_reports_ >= report_interval_;
  if (is_idle && !report_all) return false;
  if (spare_ == nullptr) spare_ = recycled_.TryPop().value_or(nullptr);
  if (spare_ == nullptr) return false;  // the committer has all of them: go on applying, the changes coalesce
  Sealed& sealed = *spare_;
  sealed.Clear();
  shard_.Seal([&sealed](std::string_view body) {
    sealed.bytes += body;
    sealed.ends.push_back(sealed.bytes.size());
  });
  // The first reports after a quiet time go whole; under load only what cannot wait goes with every seal.
  const bool whole = report_all || reported_all_;
  shard_.TakeReports(sealed.reports, whole ? Shard::Reports::kAll : Shard::Reports::kUrgent);
  reports_wait_ = !whole;
  sealed.sources = shard_.TakeSources();
  if (whole) {
    last_reports_ = now.engine;
    const std::size_t intervals = sealed.reports.size() / kReportsAnInterval;
    report_interval_ = kReportInterval * static_cast<double>(std::clamp<std::size_t>(intervals, 1, kMostIntervals));
  }
  sealed.acks.swap(acks_);
  sealed.gateway_acks.swap(gateway_acks_);
  sealed.gateway_outcomes.swap(gateway_outcomes_);
  sealed.durable.swap(durable_);
  sealed.reported_all = std::exchange(reported_all_, false);
  dirty_ = false;
  if (!point_ && sealed.ends.empty() && sealed.acks.empty() && sealed.gateway_acks.empty() && sealed.durable.empty() &&
      sealed.reports.empty() && !sealed.sources && !sealed.reported_all) {
    return false;  // kept for the next time: only the committer pushes to recycled_
  }
  const std::shared_ptr<StatePoint> point = std::exchange(point_, nullptr);
  sealed.point = point;
  TOCSIN_CHECK(out_.TryPush(std::exchange(spare_, nullptr)), "as many places as sealed blobs");
  committer.Notify();
  if (point) point->AddShard(shard_.StateHash());
  return true;
}

bool ShardStage::Step(Wakeup& committer) {
  const Now now = clock_.Read();
  if (index_ == 0) taken_in_.Advance(now);
  bool busy = RunTasks(now);
  if (DrainRings(now)) {
    busy = true;
    dirty_ = true;
  }
  if (!gateways_.empty() && DrainGateways(now)) {
    busy = true;
    dirty_ = true;
  }
  const EngineTime lease_time = taken_in_.At(now);
  if (more_work_ || shard_.NextExpiry() <= lease_time) {
    more_work_ = shard_.Work(now, lease_time, kWorkPerRound);
    dirty_ = true;
    busy = busy || more_work_;
  }
  return SealInto(now, committer) || busy;
}

absl::Duration ShardStage::IdleFor() const {
  if (more_work_) return absl::ZeroDuration();
  if (reports_wait_) return report_interval_;
  const EngineTime next = shard_.NextExpiry();
  if (next == EngineTime::Infinite()) return absl::Seconds(1);
  return std::clamp(next - taken_in_.At(clock_.Read()), absl::Milliseconds(1), absl::Seconds(1));
}

}  // namespace tocsin
