// The views stage: what is durable becomes what lists and timelines show.
#include <memory>
#include <utility>
#include <vector>

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

// Those who follow along hear of it when it is durable, like everybody else. The views have been written: the entries are theirs.
void ViewsStage::Tell(Decided& decided) {
  std::vector<TimelineTail::ItemPtr> items;
  items.reserve(decided.change.entries.size());
  for (std::size_t i = 0; i < decided.change.entries.size(); ++i) {
    ServiceId service = decided.services.empty() ? ServiceId() : std::move(decided.services[i]);
    items.push_back(std::make_shared<TimelineTail::Item>(
        TimelineTail::Item{std::move(decided.change.entries[i]), std::move(service)}));
  }
  tail_.Add(std::move(items));
}

bool ViewsStage::Step(Wakeup* responder) {
  if (backlog() == 0) return false;
  std::vector<std::unique_ptr<Decided>> taken;
  {
    MutexLock lock(mutex_);
    taken.swap(waiting_);
  }
  if (taken.empty()) return false;
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
    Tell(*decided);
    if (decided->done) decided->done(decided->result);
    decided.reset();
    const std::size_t before = backlog_.fetch_sub(1, std::memory_order_acq_rel);
    if (responder != nullptr && before == kViewsBacklog) responder->Notify();
  }
  return true;
}

}  // namespace tocsin
