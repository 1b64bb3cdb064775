// For who watches the engine: a probe of its stages, and the canary's way through them.
#include <algorithm>
#include <atomic>
#include <utility>

#include "base/status.h"
#include "engine/pipeline_impl.h"

namespace tocsin {
namespace {

// Acknowledging what is not there changes nothing, and is kept nowhere.
AlertEvent CanaryEvent() {
  AlertEvent event;
  event.kind = EventKind::kAcknowledge;
  event.dedup_key = "/canary";
  event.labels = {
      {"alertname", "TocsinCanary"}
  };
  return event;
}

}  // namespace

void Engine::Impl::Probe(std::function<void()> passed) {
  struct Way {
    std::atomic<std::size_t> left;
    std::function<void()> passed;
    void Arrive() {
      if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) passed();
    }
  };
  const auto way = std::make_shared<Way>(shards_.size() + 1, std::move(passed));
  for (const auto& shard : shards_) {
    shard->Post([stage = shard.get(), way](Shard&, const Now&) { stage->WhenDurable([way] { way->Arrive(); }); });
  }
  const auto nothing = [](Responder&, const Now& now) {
    Decision decision;
    decision.change.now = now;
    return decision;
  };
  responder_->Ask(nothing, [way] { way->Arrive(); });
}

Admission Engine::Impl::SendCanary(std::string url, std::string key, std::function<void()> durable) {
  if (const Admission admits = Admits(); admits != Admission::kAccepted) return admits;
  const auto published = this->published();
  const auto send = [this, url = std::move(url), key = std::move(key), durable = std::move(durable)] {
    durable();
    responder_->Ask([url, key](Responder& responder, const Now& now) { return responder.StartCanary(url, key, now); },
                    [] {});
  };
  if (published == nullptr || published->integrations.empty()) {
    send();
    return Admission::kAccepted;
  }
  // Each by another integration's door: one that sends without end may leave no room behind its own.
  const std::uint64_t turn = canary_tries_.fetch_add(1, std::memory_order_relaxed);
  EventBatch batch(store_.key_seed(), static_cast<IntegrationIndex>(turn % published->integrations.size()));
  const absl::Status appended = batch.Append(CanaryEvent());
  TOCSIN_CHECK(appended.ok(), "the canary is an event");
  const auto parts = static_cast<std::uint32_t>(shards_.size());
  const std::optional<Submissions::Taken> taken =
      submissions_.Take(batch, parts, 0, clock_.Read().engine, [this, send](const Receipt&) {
        canaries_.fetch_add(1, std::memory_order_relaxed);
        send();
      });
  if (!taken || !PushParts(batch, *taken, false)) return Admission::kOverloaded;
  return Admission::kAccepted;
}

// They are nobody's events.
void Engine::Impl::TakeOutCanaries(Engine::Statistics& statistics) const {
  std::uint64_t left = canaries_.load(std::memory_order_relaxed);
  for (ShardStatistics& shard : statistics.shards) {
    std::uint64_t& counted = shard.outcomes[static_cast<std::size_t>(Outcome::kAlreadyResolved)];
    const std::uint64_t some = std::min(counted, left);
    counted -= some;
    left -= some;
  }
}

std::string Engine::Impl::WhyNotPaging() const {
  std::string why_not = responder_->WhyNotPaging();
  if (!why_not.empty()) return why_not;
  MutexLock lock(published_mutex_);
  return trouble_;
}

}  // namespace tocsin
