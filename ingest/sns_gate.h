// What stands between Amazon SNS and its source: subscriptions that ask to be confirmed, and signatures.
//
// An integration that lists `topics` believes those alone, and only with Amazon's signature; a subscription to one of them is confirmed
// when it asks. One that lists none takes whatever comes with its key, unchecked, and confirms nothing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/mutex.h"
#include "ingest/source.h"
#include "net/http.h"

namespace tocsin {

// GETs `url`; `done` is called on another thread. False: too much is being fetched, and nothing will be called. Must not block.
using FetchUrl = std::function<bool(std::string url, absl::AnyInvocable<void(absl::StatusOr<HttpResponse>)> done)>;

// Any thread. Outlives what it has begun to fetch by being shared.
class SnsGate : public std::enable_shared_from_this<SnsGate> {
 public:
  enum class Verdict {
    kRead,       // it may be read as an alert
    kConfirmed,  // it was a subscription, and is confirmed now
  };
  // PermissionDenied: not believed. Unavailable: it could not be looked at now. The text is for whoever sent it.
  using Decided = absl::AnyInvocable<void(absl::StatusOr<Verdict>)>;

  explicit SnsGate(FetchUrl fetch) : fetch_(std::move(fetch)) {}

  // `decided` is called once, before this returns or later on another thread.
  void Judge(std::shared_ptr<const HttpRequest> request,
             const std::vector<std::string>& topics,
             absl::Time received,
             Decided decided);

 private:
  void Verify(const HttpRequest& request, std::string_view certificate, absl::Time received, Decided decided);
  void Confirm(const HttpRequest& request, Decided decided);
  // "" when it is not known.
  std::string Certificate(const std::string& url) const;
  void Keep(const std::string& url, std::string certificate);

  const FetchUrl fetch_;
  mutable Mutex mutex_;
  std::map<std::string, std::string> certificates_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
