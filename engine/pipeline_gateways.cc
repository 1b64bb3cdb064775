// What comes from gateways: the shards' side, the committer's, and who is attached. Nobody here waits for a gateway.
#include <algorithm>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/status.h"
#include "engine/pipeline_impl.h"

namespace tocsin {
namespace {

// How much a shard applies of all gateways together before it seals; as much again may come from the engine's own doors.
constexpr std::size_t kEventsPerRound = 8192;
constexpr std::size_t kMostGateways = 4;
static_assert(kMostGateways <= Wakeup::kMostBells);

}  // namespace

void ShardStage::SetRules(RulesPtr rules, const std::vector<IntegrationId>& integrations, const Now& now) {
  integrations_ = integrations;
  rules_ = rules;
  shard_.SetRules(std::move(rules), integrations, now);
}

void ShardStage::Attach(std::shared_ptr<GatewayPort> port) {
  Post([this, port = std::move(port)](Shard&, const Now&) {
    bells_.push_back(&port->bell(index_));
    gateways_.push_back(port);
  });
}

void ShardStage::Detach(std::shared_ptr<GatewayPort> port) {
  Post([this, port = std::move(port)](Shard&, const Now& now) {
    // Nobody waits for what came of it any more, but it was published whole. A ring holds no more records than it has slots.
    Drain(port, kGatewayRingSlots, now);
    std::erase(bells_, &port->bell(index_));
    std::erase(gateways_, port);
  });
}

void ShardStage::Rest() {
  wakeup_.Wait(IdleFor(), bells_);
}

// Each gateway has its turn in each round, however much another one sends.
bool ShardStage::DrainGateways(const Now& now) {
  bool any = false;
  for (const std::shared_ptr<GatewayPort>& port : gateways_)
    any = Drain(port, kEventsPerRound / gateways_.size(), now) || any;
  return any;
}

bool ShardStage::Drain(const std::shared_ptr<GatewayPort>& port, std::size_t most, const Now& now) {
  bool any = false;
  for (std::size_t applied = 0; applied < most && port->admission() != Admission::kStopping;) {
    const std::optional<GatewayRecord> record = port->Take(index_);
    if (!record) break;
    any = true;
    applied += std::max<std::size_t>(1, record->count);
    if (port->admission() != Admission::kAccepted) {  // it was told, and has published nevertheless or a moment before
      taken_in_.Refused(now);
      gateway_acks_.push_back({.port = port, .submission = record->submission, .taken = false});
      continue;
    }
    if (record->count > 0 && record->highest_integration >= integrations_.size()) {
      // The gateway may have learnt of an integration after this step began: the next one has the rules that it has.
      if (record->was_put_back) {
        port->Break("an event is of an integration that there is not");
      } else {
        port->PutBack(index_, *record);
      }
      break;
    }
    Apply(port, *record, now);
  }
  return any;
}

// What is added to the integration's alerts by the rules that the shard has.
const Labels* ShardStage::LabelsOf(IntegrationIndex integration) {
  const OrganisationPtr organisation = rules_ ? rules_->organisation : nullptr;
  if (organisation != labelled_) {
    std::unordered_map<IntegrationId, const Labels*> declared;
    for (const Integration& each : organisation->integrations)
      declared.emplace(each.id, &each.labels);
    labels_.clear();
    for (std::size_t i = 0; i < integrations_.size(); ++i) {
      const auto found = declared.find(integrations_[i]);
      if (found != declared.end()) labels_.emplace(static_cast<IntegrationIndex>(i), found->second);
    }
    labelled_ = organisation;
  }
  const auto found = labels_.find(integration);
  return found == labels_.end() ? nullptr : found->second;
}

// Nullopt: an event that is not what it says it is. Of a repeat, the gateway may have the labels of another version of the organisation, or
// lie; its sender is to come again.
std::optional<Outcome> ShardStage::ReadOfGateway(GatewayPort& port, EventView event, const Now& now) {
  const EventHeader& header = event.header();
  if (header.form == EventHeader::Form::kUnchecked) {
    if (!port.MayBeRead(event)) return std::nullopt;
    return shard_.Apply(event, now);
  }
  thread_local std::string copy;
  const std::string_view came = RepeatedBytes(event, port.blocks(), copy);
  return ApplyBytes(header, {came.data(), came.size(), LabelsOf(header.integration)}, now);
}

void ShardStage::Apply(const std::shared_ptr<GatewayPort>& port, const GatewayRecord& record, const Now& now) {
  const std::size_t outcomes_begin = gateway_outcomes_.size();
  const bool all = shard_.ApplyAll(
      record.events.data(), record.count, now, [&](EventView event) { return ReadOfGateway(*port, event, now); },
      [&](std::uint32_t, Outcome outcome) {
        if (record.wants_outcomes) gateway_outcomes_.push_back(outcome);
      });
  if (!all) {
    gateway_outcomes_.resize(outcomes_begin);
    taken_in_.Refused(now);
    gateway_acks_.push_back({.port = port, .submission = record.submission, .taken = false});
    return;
  }
  port->CountEvents(record.count);
  gateway_acks_.push_back({.port = port,
                           .submission = record.submission,
                           .taken = true,
                           .outcomes_begin = static_cast<std::uint32_t>(outcomes_begin),
                           .outcomes = record.wants_outcomes ? record.count : 0});
}

void CompleteGateways(Sealed& sealed, std::uint64_t sequence) {
  const std::span<const Outcome> outcomes(sealed.gateway_outcomes);
  for (const GatewayAck& ack : sealed.gateway_acks) {
    ack.port->Complete({.sequence = ack.taken ? sequence : 0,
                        .submission = ack.submission,
                        .shard = static_cast<std::uint16_t>(sealed.shard),
                        .outcomes = static_cast<std::uint16_t>(ack.outcomes)},
                       outcomes.subspan(ack.outcomes_begin, ack.outcomes));
  }
  for (const GatewayAck& ack : sealed.gateway_acks)
    ack.port->Flush();
  sealed.gateway_acks.clear();  // or a gateway's memory stays until the shard has something to seal again
}

void Engine::Statistics::Gateways::Add(const GatewayPort::Statistics& port) {
  batches += port.records;
  events += port.events;
  dropped_completions += port.dropped_completions;
  broken += port.broken ? 1U : 0U;
}

absl::StatusOr<std::shared_ptr<GatewayPort>> Engine::Impl::AttachGateway() {
  std::shared_ptr<GatewayPort> port;
  {
    const MutexLock lock(gateways_mutex_);
    if (!accepting_.load(std::memory_order_acquire)) return Unavailable("the engine is stopping");
    if (gateways_.here.size() >= kMostGateways) {
      return Exhausted("%d gateways are attached, as many as there may be", kMostGateways);
    }
    TOCSIN_ASSIGN(port, GatewayPort::Make(gateways_.gone.attachments + 1, options_.shard_count, store_.key_seed()));
    ++gateways_.gone.attachments;
    gateways_.here.push_back(port);
  }
  // Until now its senders were refused somewhere: nobody's alert has recovered because of that.
  taken_in_.Refused(clock_.Read());
  TendGateways();
  for (const auto& shard : shards_)
    shard->Attach(port);
  return port;
}

void Engine::Impl::DetachGateway(const std::shared_ptr<GatewayPort>& port) {
  {
    const MutexLock lock(gateways_mutex_);
    if (std::erase(gateways_.here, port) == 0) return;
    gateways_.leaving.push_back(port);
  }
  taken_in_.Refused(clock_.Read());
  for (const auto& shard : shards_)
    shard->Detach(port);
}

void Engine::Impl::TendGateways() {
  const Admission admits = Admits();
  const MutexLock lock(gateways_mutex_);
  for (const std::shared_ptr<GatewayPort>& port : gateways_.here) {
    port->SetAdmission(admits, RetryAfter());
    if (port->TakeRefused()) taken_in_.Refused(clock_.Read());
  }
  std::erase_if(gateways_.leaving, [this](const std::shared_ptr<GatewayPort>& port) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (port.use_count() > 1) return false;  // a stage still has something of it
    gateways_.gone.Add(port->ReadStatistics());
    return true;
  });
}

void Engine::Impl::AddGateways(Engine::Statistics& statistics) const {
  const MutexLock lock(gateways_mutex_);
  Engine::Statistics::Gateways& sum = statistics.gateways;
  sum = gateways_.gone;
  sum.attached = gateways_.here.size();
  for (const auto& list : {gateways_.here, gateways_.leaving}) {
    for (const std::shared_ptr<GatewayPort>& port : list)
      sum.Add(port->ReadStatistics());
  }
  for (const std::shared_ptr<GatewayPort>& port : gateways_.here)
    statistics.ring_bytes_used += port->ReadStatistics().ring_bytes_used;
  statistics.submitted_batches += sum.batches;
  statistics.submitted_events += sum.events;
}

absl::StatusOr<std::shared_ptr<GatewayPort>> Engine::AttachGateway() {
  return impl_->AttachGateway();
}
void Engine::DetachGateway(const std::shared_ptr<GatewayPort>& port) {
  impl_->DetachGateway(port);
}
void Engine::TendGateways() {
  impl_->TendGateways();
}

}  // namespace tocsin
