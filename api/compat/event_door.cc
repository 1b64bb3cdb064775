#include "api/compat/event_door.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <sodium.h>

#include "base/strings.h"
#include "ingest/intake.h"
#include "ingest/refusals.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

// The buffers of one I/O thread; an event is read and submitted without leaving it.
Intake& ThreadIntake(std::uint64_t key_seed) {
  thread_local std::optional<std::pair<std::uint64_t, Intake>> mine;
  if (!mine || mine->first != key_seed) mine.emplace(key_seed, Intake(key_seed));
  return mine->second;
}

}  // namespace

class EventDoor::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Inlet& to, const KeyRing& ring, const Clock& time) : inlet(to), keys(ring), clock(time) {}

  Intake& Fill(const OpenDoor& door, std::span<const AlertEvent> events) const {
    Intake& intake = ThreadIntake(inlet.KeySeed());
    const Labels* labels = door.integration != nullptr ? &door.integration->labels : nullptr;
    intake.Begin(door.index, labels, clock.Read().wall, Intake::Manner::kLenient);
    for (const AlertEvent& event : events)
      intake.Add(event);
    return intake;
  }

  void Submit(const OpenDoor& door, std::span<const AlertEvent> events, Told told) {
    if (events.empty()) return told({.outcome = Outcome::kNew});
    const Intake& intake = Fill(door, events);
    if (!intake.refused().empty()) {
      rejected_events.fetch_add(1, std::memory_order_relaxed);
      Fate fate{.reason = intake.refused().front().reason};
      Note(Refusals::Reason::kRejected, absl::StrCat("integration ", door.integration->id.value(), ": ", fate.reason));
      return told(std::move(fate));
    }
    // Shared, because a refused batch takes its callback with it and the refusal has to be told.
    const auto owed = std::make_shared<Told>(std::move(told));
    const Admission admission =
        inlet.Submit(intake.batch(), /*want_outcomes=*/true,
                     [self = shared_from_this(), owed, count = events.size()](const Receipt& receipt) {
                       if (receipt.lost) return (*owed)({.admission = Admission::kStopping});
                       self->accepted_events.fetch_add(count, std::memory_order_relaxed);
                       (*owed)({.outcome = receipt.outcomes.empty() ? Outcome::kNew : receipt.outcomes.back()});
                     });
    if (admission == Admission::kAccepted) return;
    refused_batches[static_cast<std::size_t>(admission)].fetch_add(1, std::memory_order_relaxed);
    Note(Refusals::Reason::kComeAgain,
         absl::StrCat("integration ", door.integration->id.value(), ": ", ToAbsl(Name(admission))));
    (*owed)({.admission = admission});
  }

  void Note(Refusals::Reason reason, std::string_view text) { refusals.Note(clock.Read().wall, reason, text); }

  Inlet& inlet;
  const KeyRing& keys;
  const Clock& clock;
  Refusals refusals;
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> accepted_events{0};
  std::atomic<std::uint64_t> rejected_events{0};
  std::atomic<std::uint64_t> ignored_events{0};
  std::atomic<std::uint64_t> unreadable_bodies{0};
  std::atomic<std::uint64_t> unknown_keys{0};
  std::atomic<std::uint64_t> refused_batches[5]{};
};

EventDoor::EventDoor(Inlet& inlet, const KeyRing& keys, const Clock& clock)
    : impl_(std::make_shared<Impl>(inlet, keys, clock)) {}
EventDoor::~EventDoor() = default;

bool EventDoor::ready() const {
  return impl_->keys.ready();
}

std::optional<OpenDoor> EventDoor::Find(std::initializer_list<std::string_view> sources,
                                        std::string_view key,
                                        std::string_view peer) {
  std::optional<OpenDoor> door = impl_->keys.Find(key);
  const Source* source = door && door->integration != nullptr ? FindSource(door->integration->source) : nullptr;
  if (source != nullptr && std::ranges::find(sources, source->name) != sources.end()) return door;
  impl_->unknown_keys.fetch_add(1, std::memory_order_relaxed);
  impl_->Note(Refusals::Reason::kUnknownKey,
              absl::StrFormat("a key that no integration of source %s has, from %s", *sources.begin(), peer));
  return std::nullopt;
}

void EventDoor::Submit(const OpenDoor& door, std::span<const AlertEvent> events, Told told) {
  impl_->Submit(door, events, std::move(told));
}

std::optional<OpenDoor> EventDoor::FindById(const IntegrationId& id) const {
  return impl_->keys.FindById(id);
}

absl::Duration EventDoor::RetryAfter() const {
  return impl_->inlet.RetryAfter();
}

Now EventDoor::Read() const {
  return impl_->clock.Read();
}

void EventDoor::CountRequest() {
  impl_->requests.fetch_add(1, std::memory_order_relaxed);
}

void EventDoor::NoteUnreadable(std::string_view text) {
  impl_->unreadable_bodies.fetch_add(1, std::memory_order_relaxed);
  impl_->Note(Refusals::Reason::kUnreadable, text);
}

void EventDoor::NoteIgnored(std::string_view text) {
  impl_->ignored_events.fetch_add(1, std::memory_order_relaxed);
  impl_->Note(Refusals::Reason::kIgnored, text);
}

IngestDoors::Statistics EventDoor::ReadStatistics() const {
  const auto read = [](const std::atomic<std::uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
  IngestDoors::Statistics statistics{
      .requests = read(impl_->requests),
      .accepted_events = read(impl_->accepted_events),
      .rejected_events = read(impl_->rejected_events),
      .ignored_events = read(impl_->ignored_events),
      .unreadable_bodies = read(impl_->unreadable_bodies),
      .unknown_keys = read(impl_->unknown_keys),
  };
  for (std::size_t i = 0; i < std::size(statistics.refused_batches); ++i)
    statistics.refused_batches[i] = read(impl_->refused_batches[i]);
  return statistics;
}

std::vector<Refusals::Refusal> EventDoor::ReadRefusals() const {
  return impl_->refusals.Read();
}

IngestDoors::Statistics Total(IngestDoors::Statistics all, const IngestDoors::Statistics& more) {
  all.requests += more.requests;
  all.accepted_events += more.accepted_events;
  all.rejected_events += more.rejected_events;
  all.ignored_events += more.ignored_events;
  all.unreadable_bodies += more.unreadable_bodies;
  all.unknown_keys += more.unknown_keys;
  for (std::size_t i = 0; i < std::size(all.refused_batches); ++i)
    all.refused_batches[i] += more.refused_batches[i];
  return all;
}

std::string RetryAfterSeconds(absl::Duration after) {
  return absl::StrCat(std::max<std::int64_t>(1, absl::ToInt64Seconds(absl::Ceil(after, absl::Seconds(1)))));
}

std::string RandomUuid() {
  std::array<unsigned char, 16> bytes;
  randombytes_buf(bytes.data(), bytes.size());
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fU) | 0x40U);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fU) | 0x80U);
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    absl::StrAppendFormat(&text, "%02x", bytes[i]);
  }
  return text;
}

}  // namespace tocsin
