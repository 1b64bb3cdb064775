// A notifier with a notebook of what it reports, and the notifications that its tests send.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "model/gate.h"
#include "notify/notifier.h"
#include "tests/support/fake_http.h"

namespace tocsin::notify {

// Keeps every report. Any thread.
class Reports {
 public:
  Notifier::Report Taker();
  std::vector<AttemptResult> all() const;
  // Waits for `count` reports, or until a generous time is over; returns all there are.
  std::vector<AttemptResult> WaitFor(std::size_t count) const;
  // Waits for the report on `id`; kind 0 when there is none in a generous time.
  AttemptResult Of(NotificationId id) const;

 private:
  mutable Mutex mutex_;
  mutable ConditionVariable changed_;
  std::vector<AttemptResult> all_ ABSL_GUARDED_BY(mutex_);
};

inline constexpr absl::Duration kGenerous = absl::Minutes(2);

// Short for those who never answer; the others have all the time they want.
absl::Duration DeadlineFor(FakeAnswer::How how);

// A page for alice on a contact method. Ids count from 1 within the process.
Notification PageBy(ContactMethod::Kind kind, const std::string& address);
// Options under which webhooks may lead to loopback.
Notifier::Options LoopbackOptions();
// An organisation whose Twilio is at `url`.
Organisation OrganisationWithTwilio(const std::string& url);
OrganisationPtr Shared(Organisation organisation);

}  // namespace tocsin::notify
