#include "notify/notifier.h"

#include <utility>

#include "notify/dispatcher.h"

namespace tocsin {

void Notifier::Latency::Add(double took) {
  for (std::size_t i = 0; i < std::size(kBoundsSeconds); ++i)
    within[i] += took <= kBoundsSeconds[i] ? 1U : 0U;
  ++count;
  seconds += took;
}

Notifier::Notifier(Options options, Report report)
    : dispatcher_(std::make_unique<notify::Dispatcher>(options, std::move(report))) {}
Notifier::~Notifier() = default;

void Notifier::SetOrganisation(OrganisationPtr organisation) {
  dispatcher_->SetOrganisation(std::move(organisation));
}

void Notifier::Start(const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate) {
  dispatcher_->Start(notification, deadline, std::move(gate));
}

void Notifier::Beat(const std::string& url, bool is_own) {
  dispatcher_->Beat(url, is_own);
}

Notifier::Statistics Notifier::Read() const {
  return dispatcher_->Read();
}

}  // namespace tocsin
