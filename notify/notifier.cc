#include "notify/notifier.h"

#include <utility>

#include "notify/dispatcher.h"

namespace tocsin {

Notifier::Notifier(Options options, Report report)
    : dispatcher_(std::make_unique<notify::Dispatcher>(options, std::move(report))) {}
Notifier::~Notifier() = default;

void Notifier::SetOrganisation(OrganisationPtr organisation) {
  dispatcher_->SetOrganisation(std::move(organisation));
}

void Notifier::Start(const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate) {
  dispatcher_->Start(notification, deadline, std::move(gate));
}

void Notifier::Beat(const std::string& url) {
  dispatcher_->Beat(url);
}

Notifier::Statistics Notifier::Read() const {
  return dispatcher_->Read();
}

}  // namespace tocsin
