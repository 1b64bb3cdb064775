// The address at which each host was last reached: with it pages go out while its name does not resolve.
//
// Bounded in number and in age. A peer that has to show a certificate may be long known, since another one that has got the address
// meanwhile is found out; what is spoken in the clear goes to an address of the last hour only. Rules about networks are not judged here:
// an address from here is looked at when it is connected to, as one from a name server is.
//
// Any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"

#include "base/mutex.h"

namespace tocsin::notify {

class KnownAddresses {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::hours kSecuredAge{24};
  static constexpr std::chrono::hours kClearAge{1};
  static constexpr std::chrono::seconds kNotAskedAgain{45};  // after a look-up that failed
  static constexpr std::size_t kMostHosts = 1024;

  // `url` was reached at `address` by its name.
  void Reached(const std::string& url, std::string_view address, Clock::time_point now);
  // Its name has just not been resolved: the address to go on with, if there is one. The log tells.
  std::optional<std::string> Instead(const std::string& url, Clock::time_point now);
  // The same for whoever begins while the last look-up of that name has just failed: it would cost a page ten seconds to try again.
  std::optional<std::string> AtOnce(const std::string& url, Clock::time_point now);
  // Nobody was there: the next one asks the name server.
  void NobodyThere(const std::string& url);

  std::uint64_t used() const;  // how many exchanges went by an address from here

 private:
  struct Known {
    std::string address;
    Clock::time_point at;
    std::optional<Clock::time_point> failed_at;  // a look-up
  };
  std::optional<std::string> Use(Known& known, bool is_secured, Clock::time_point now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MakeRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  absl::flat_hash_map<std::string, Known> hosts_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t used_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace tocsin::notify
