#include "tests/notify/attempts.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"

#include "tests/support/fake_twilio.h"

namespace tocsin::notify {

Notifier::Report Reports::Taker() {
  return [this](const AttemptResult& result) {
    {
      const MutexLock lock(mutex_);
      all_.push_back(result);
    }
    changed_.NotifyAll();
  };
}

std::vector<AttemptResult> Reports::all() const {
  const MutexLock lock(mutex_);
  return all_;
}

std::vector<AttemptResult> Reports::WaitFor(std::size_t count) const {
  const MutexLock lock(mutex_);
  changed_.WaitFor(mutex_, kGenerous, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return all_.size() >= count; });
  return all_;
}

AttemptResult Reports::Of(NotificationId id) const {
  const MutexLock lock(mutex_);
  AttemptResult found;
  found.kind = static_cast<AttemptResult::Kind>(0);
  changed_.WaitFor(mutex_, kGenerous, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto match = std::ranges::find(all_, id, &AttemptResult::notification);
    if (match == all_.end()) return false;
    found = *match;
    return true;
  });
  return found;
}

absl::Duration DeadlineFor(FakeAnswer::How how) {
  using How = FakeAnswer::How;
  const bool silent = how == How::kHang || how == How::kStall || how == How::kTrickle;
  if (how == How::kStall) return absl::Seconds(5);  // the beginning of the answer shall be read
  return silent ? absl::Milliseconds(1500) : kGenerous;
}

Notification PageBy(ContactMethod::Kind kind, const std::string& address) {
  static std::atomic<std::uint64_t> last{0};
  Notification page;
  page.id = NotificationId(++last);
  page.subject = SubjectOf(GroupId(17));
  page.user = UserId("alice");
  page.method.id = ContactMethodId("method");
  page.method.kind = kind;
  page.method.address = address;
  page.attempt = 1;
  page.idempotency_key = absl::StrCat("key-", page.id.value());
  page.created_at = absl::FromUnixSeconds(1'700'000'000);
  page.title = "CRITICAL DiskFull on db-1";
  page.body = "/var is 99% full\ninstance=db-1";
  page.acknowledge_url = "https://tocsin.example.com/a/abcdef";
  return page;
}

Notifier::Options LoopbackOptions() {
  Notifier::Options options;
  options.webhook_peers = *PeerRules::Parse({"127.0.0.0/8"});
  options.shutdown_grace = absl::ZeroDuration();
  return options;
}

Organisation OrganisationWithTwilio(const std::string& url) {
  Organisation organisation;
  organisation.twilio.url = url;
  organisation.twilio.account_sid = FakeTwilio::kAccount;
  organisation.twilio.auth_token = FakeTwilio::kToken;
  organisation.twilio.from = FakeTwilio::kFrom;
  return organisation;
}

OrganisationPtr Shared(Organisation organisation) {
  return std::make_shared<const Organisation>(std::move(organisation));
}

}  // namespace tocsin::notify
