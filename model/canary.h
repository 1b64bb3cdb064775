// The canary: a message of our own that goes the whole way of a page every now and then, to a provider inside the server, so that its
// arrival proves the way. It is nobody's: no list, no number and no timeline tells of it.
#pragma once

#include <string_view>

#include "model/response.h"

namespace tocsin {

// No id of an organisation's has a slash.
inline constexpr std::string_view kCanaryMethod = "/canary";
// One row, written anew by each: numbers of messages and groups do not jump because of it.
inline constexpr NotificationId kCanaryNotification{1ULL << 62U};

inline bool IsCanary(const Notification& notification) {
  return notification.id == kCanaryNotification;
}

}  // namespace tocsin
