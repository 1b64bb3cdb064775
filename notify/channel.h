// The channels: how a notification becomes an exchange with a provider, and what the provider's reply means. A new
// channel is one file under channels/ and one row of the table in channel.cc.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "model/organisation.h"
#include "model/response.h"
#include "notify/exchange.h"

namespace tocsin::notify {

// All functions are pure.
struct Channel {
  ContactMethod::Kind kind;
  // Whoever shares one provider shares this name: attempts at it are limited together.
  std::string (*destination)(const Notification& notification, const Organisation& organisation);
  // Not OK: this can never be sent as things are. kFailedPrecondition: for want of configuration; else the contact
  // method itself is at fault.
  absl::StatusOr<Exchange> (*compose)(const Notification& notification,
                                      const Organisation& organisation,
                                      absl::Time now);
  Verdict (*judge)(const Reply& reply);
};

const Channel& ChannelOf(ContactMethod::Kind kind);

}  // namespace tocsin::notify
