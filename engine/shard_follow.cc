// Replay: what must have come in for an alert's record to become what a body says.
#include <algorithm>
#include <utility>

#include "engine/shard_impl.h"

namespace tocsin {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;

// Which of these, in this order, explain the difference. Between two seals an alert may have ended and begun again.
struct Story {
  bool ended_before = false;  // the firing that was there before
  bool triggered = false;
  bool begins = false;
  bool acknowledged = false;
  bool ended = false;
};

Story StoryOf(const AlertImage& then, const ConstAlertRef& now, std::uint64_t events) {
  const StoredAlert& before = then.hot;
  const StoredAlert& after = now.hot;
  const bool was_firing = before.firing;
  const bool another = after.fired && (!before.fired || then.cold.fired_at() != now.cold.fired_at());
  Story story;
  story.begins = another;
  story.ended_before = was_firing && another;
  story.acknowledged = after.firing && after.acknowledged && (another || !before.acknowledged);
  const bool ends = !after.firing && (was_firing || another);
  story.ended = ends && (after.resolved_by == ResolvedBy::kEvent || after.resolved_by == ResolvedBy::kEndsAt);
  // A lone acknowledgement renews the lease by itself; a lone end does not trigger.
  const std::uint64_t others = events - std::min<std::uint64_t>(events, story.acknowledged ? 1 : 0);
  const bool changed = before.content != after.content;
  story.triggered = another || (after.firing && (others > 0 || changed));
  return story;
}

}  // namespace

absl::Status Shard::Impl::Follow(std::string_view body, absl::FunctionRef<void(const RecordedEvent&)> tell) {
  return Fold(body, [&](std::uint32_t slot, const AlertImage& in_slot) {
    const StoredAlert& after = alerts_.at(slot);
    const AlertImage before = in_slot.hot.live && in_slot.hot.key == after.key ? in_slot : AlertImage();
    TextBuffer buffer;
    const TextView text = texts_.Read(alerts_.cold(slot).text(), buffer);
    RecordedEvent event;
    event.integration = after.integration;
    event.key = after.key;
    event.labels = text.labels;
    event.annotations = text.annotations;
    event.dedup_key = text.dedup_key;
    event.link = text.link;
    const std::string_view word = tocsin::Find(text.labels, "severity");
    if (word.empty() || ParseSeverity(word) != after.severity) event.severity = after.severity;
    if (after.starts_given) event.starts_at_ns = after.starts_at() * kNsPerMs;
    // An end that was over when the event came would end the alert again.
    const bool lasts = after.explicit_end && after.ends_at() > after.last_seen_at();
    if (lasts) event.ends_at_ns = after.ends_at() * kNsPerMs;

    const std::uint64_t events = after.received - std::min(before.hot.received, after.received);
    const Story story = StoryOf(before, alerts_.ref(slot), events);
    // One for each part of the story; what is left are repeats of the trigger.
    const std::uint64_t others =
        (story.ended_before ? 1U : 0U) + (story.acknowledged ? 1U : 0U) + (story.ended ? 1U : 0U);
    const auto say = [&](EventKind kind, bool begins) {
      event.kind = kind;
      event.begins = begins;
      event.events = kind == EventKind::kTrigger ? std::max(events, others + 1) - others : 1;
      tell(event);
    };
    if (story.ended_before) say(EventKind::kResolve, false);
    if (story.triggered) say(EventKind::kTrigger, story.begins);
    if (story.acknowledged) say(EventKind::kAcknowledge, false);
    if (story.ended) say(EventKind::kResolve, false);
  });
}

}  // namespace tocsin
