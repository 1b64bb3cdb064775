// The way between the engine and the notifier, of which each would have to be built before the other.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "engine/pipeline.h"
#include "notify/notifier.h"

namespace tocsin {

// Results of attempts find the engine through this, because the notifier is built before it and dies after it.
class Reports {
 public:
  void Connect(Engine* engine) {
    std::vector<AttemptResult> early;
    {
      MutexLock lock(mutex_);
      engine_ = engine;
      early.swap(early_);
      if (engine == nullptr) return;
    }
    for (const AttemptResult& result : early)
      Forward(result);
  }
  void Forward(const AttemptResult& result) {
    MutexLock lock(mutex_);
    if (engine_ != nullptr) {
      engine_->Execute({"", "notify", result}, nullptr);
    } else {
      early_.push_back(result);
    }
  }

 private:
  Mutex mutex_;
  Engine* engine_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::vector<AttemptResult> early_ ABSL_GUARDED_BY(mutex_);
};

// Attempts find the notifier through this. The notifier stops before the engine does, so that what is under way is still
// journalled; what the engine asks for after that was not started.
class Outgoing {
 public:
  Outgoing(Notifier::Options options, Reports& reports)
      : reports_(reports),
        notifier_(std::make_unique<Notifier>(std::move(options),
                                             [&reports](const AttemptResult& result) { reports.Forward(result); })) {}
  void Start(const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate) {
    {
      MutexLock lock(mutex_);
      if (notifier_) return notifier_->Start(notification, deadline, std::move(gate));
    }
    AttemptResult result;
    result.notification = notification.id;
    result.attempt = notification.attempt;
    result.kind = AttemptResult::Kind::kNotStarted;
    reports_.Forward(result);
  }
  void SetOrganisation(OrganisationPtr organisation) {
    MutexLock lock(mutex_);
    if (notifier_) notifier_->SetOrganisation(std::move(organisation));
  }
  void Beat(const std::string& url, bool is_own) {
    MutexLock lock(mutex_);
    if (notifier_) notifier_->Beat(url, is_own);
  }
  Notifier::Statistics Read() const {
    MutexLock lock(mutex_);
    return notifier_ ? notifier_->Read() : Notifier::Statistics();
  }
  void Stop() {
    std::unique_ptr<Notifier> last;
    MutexLock lock(mutex_);
    last.swap(notifier_);
  }

 private:
  Reports& reports_;
  mutable Mutex mutex_;
  std::unique_ptr<Notifier> notifier_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
