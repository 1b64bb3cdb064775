#include "tests/sim/senders.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

namespace tocsin::sim {
namespace {

std::uint64_t NumberIn(const AlertSummary& summary) {
  const std::string text(Find(std::span<const Label>(summary.annotations), "number"));
  return text.empty() ? 0 : std::stoull(text);
}

}  // namespace

void Senders::Want(std::int64_t first, std::int64_t count, bool firing, Severity severity, EngineTime now) {
  for (std::int64_t i = 0; i < std::clamp<std::int64_t>(count, 1, kInstances); ++i) {
    const std::int64_t number = (first + i * kServices) % kAlerts;
    Alert& alert = alerts_[static_cast<std::size_t>(number)];
    // A repeat says exactly the same, or there is something new to it.
    const bool same = alert.firing == firing && alert.severity == severity && serials_ % 2 == 0;
    if (!same) alert.number = ++numbers_;
    // What changes twice at one instant changes.
    if (alert.firing != firing || alert.severity != severity)
      alert.since = std::max(now, alert.since + absl::Nanoseconds(1));
    alert.firing = firing;
    alert.severity = severity;
    unsaid_.insert(number);
  }
}

void Senders::Send(Engine& engine) {
  const std::optional<IntegrationIndex> integration = engine.IndexOf(IntegrationId("stream"));
  if (!integration || unsaid_.empty()) return;
  EventBatch batch(engine.KeySeed(), *integration);
  std::vector<std::pair<std::int64_t, std::uint64_t>> sent;  // alert, serial
  for (const std::int64_t number : unsaid_) {
    Alert& alert = alerts_[static_cast<std::size_t>(number)];
    if (!batch.Append(EventOf(number, alert.firing, alert.severity, alert.number)).ok()) {
      hooks_.violate("I12: a well-formed event was refused");
    }
    alert.events.push_back({++serials_, alert.firing, alert.number, alert.severity});
    ++alert.under_way;
    sent.emplace_back(number, serials_);
    hooks_.said(number, alert.severity);
    ++counters_.said;
  }
  const auto done = [this, sent, life = life_](const Receipt& receipt) {
    if (life != life_) return;
    if (receipt.sequence < sequence_) hooks_.violate("I7: a later receipt names an earlier entry");
    sequence_ = std::max(sequence_, receipt.sequence);
    for (const auto& [number, serial] : sent)
      Acknowledge(number, serial);
  };
  if (engine.Submit(batch, false, done) == Admission::kAccepted) {
    unsaid_.clear();
    return;
  }
  ++counters_.refused;
  for (const auto& [number, serial] : sent) {
    Alert& alert = alerts_[static_cast<std::size_t>(number)];
    alert.events.pop_back();
    --alert.under_way;
  }
}

void Senders::Acknowledge(std::int64_t number, std::uint64_t serial) {
  Alert& alert = alerts_[static_cast<std::size_t>(number)];
  ++counters_.acknowledged;
  --alert.under_way;
  while (alert.events.front().serial < serial)
    alert.events.pop_front();
  const bool current = alert.under_way == 0 && !unsaid_.contains(number) && alert.events.size() == 1;
  const Event& known = alert.events.front();
  if (!current && known.firing) alert.passed = std::max(alert.passed.value_or(known.severity), known.severity);
  if (current) {
    hooks_.known({number, alert.firing, alert.severity, alert.since, std::exchange(alert.passed, std::nullopt)});
  }
}

void Senders::Crash() {
  ++life_;
  for (std::int64_t number = 0; number < kAlerts; ++number) {
    Alert& alert = alerts_[static_cast<std::size_t>(number)];
    if (alert.under_way > 0) unsaid_.insert(number);
    alert.under_way = 0;
    alert.passed.reset();  // the oracle has lost it
  }
}

std::optional<AlertRecord> Senders::Look(Engine& engine, IntegrationIndex integration, std::int64_t alert) {
  auto& known = alerts_[static_cast<std::size_t>(alert)].key;
  if (!known || known->first != integration) {
    EventBatch probe(engine.KeySeed(), integration);
    if (!probe.Append(EventOf(alert, true, Severity::kUnknown, 0)).ok()) return std::nullopt;
    known = {integration, probe.at(0).header().key};
  }
  const AlertKey key = known->second;
  std::optional<AlertRecord> found;
  engine.ReadShardAndWait(engine.ShardOf(key), [&](const Shard& shard) { found = shard.Find(key); });
  return found;
}

void Senders::CheckOne(Engine& engine, IntegrationIndex integration, std::int64_t number, bool settled) {
  Alert& alert = alerts_[static_cast<std::size_t>(number)];
  const std::optional<AlertRecord> found = Look(engine, integration, number);
  const bool firing = found && found->summary.firing;
  const std::uint64_t shown = found ? NumberIn(found->summary) : 0;
  const auto explains = [&](const Event& event) {
    // What is resolved keeps the words of the last trigger.
    return event.firing == firing && (!firing || event.number == shown);
  };
  const bool explained = std::ranges::any_of(alert.events, explains);
  if (!explained) {
    hooks_.violate(
        absl::StrFormat("I1: alert %d is %s with number %d, which no event at or after the last acknowledged "
                        "one (number %d, %s) explains",
                        number, firing ? "firing" : "not firing", shown, alert.events.front().number,
                        alert.events.front().firing ? "firing" : "not firing"));
  }
  if (settled && firing != alert.firing) {
    hooks_.violate(absl::StrFormat("I1: alert %d is %s in the end", number, firing ? "firing" : "not firing"));
  }
  alert.events = {
      {0, firing, shown}
  };
}

void Senders::Check(Engine& engine, bool settled) {
  const std::optional<IntegrationIndex> integration = engine.IndexOf(IntegrationId("stream"));
  if (!integration) return;
  for (std::int64_t number = 0; number < kAlerts; ++number)
    CheckOne(engine, *integration, number, settled);
}

}  // namespace tocsin::sim
