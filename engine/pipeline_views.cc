// The views stage: what is durable becomes what lists and timelines show.
#include <utility>

#include "engine/pipeline_stages.h"

namespace tocsin {

void ViewsStage::Push(std::unique_ptr<Decided> decided) {
  backlog_.fetch_add(1, std::memory_order_acq_rel);
  {
    MutexLock lock(mutex_);
    waiting_.push_back(std::move(decided));
  }
  wakeup_.Notify();
}

bool ViewsStage::Step(Wakeup* responder) {
  std::vector<std::unique_ptr<Decided>> taken;
  {
    MutexLock lock(mutex_);
    taken.swap(waiting_);
  }
  // Views that cannot be written stand still; the keeper says so, and lets them catch up with the journal.
  std::vector<DurableChange> changes;
  for (const std::unique_ptr<Decided>& decided : taken) {
    if (decided->kind == EntryKind::kIntegrations) {
      store_.ApplyChanges(std::exchange(changes, {})).IgnoreError();
      store_.ApplyIntegrations(decided->integrations, decided->sequence).IgnoreError();
    } else if (!decided->change.empty()) {
      changes.push_back({.change = &decided->change, .encoded = decided->encoded, .sequence = decided->sequence});
    }
  }
  store_.ApplyChanges(changes).IgnoreError();
  for (std::unique_ptr<Decided>& decided : taken) {
    if (decided->done) decided->done(decided->result);
    decided.reset();
    const std::size_t before = backlog_.fetch_sub(1, std::memory_order_acq_rel);
    if (responder != nullptr && before == kViewsBacklog) responder->Notify();
  }
  return !taken.empty();
}

}  // namespace tocsin
