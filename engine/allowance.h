// How much one contact method may be sent, and when. Arithmetic on what it was sent lately; pure.
//
// A limit lets so many messages through in any stretch of its window: never more, whatever the lanes. Of what a lane may
// use, one half goes out as it comes and the other half is spread over the window, so that in a long storm a person hears
// from us every few minutes instead of being told everything at once and then nothing for an hour.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "base/clock.h"
#include "model/organisation.h"
#include "model/response.h"

namespace tocsin {

// More messages than this in one window are no limit at all; config refuses them.
inline constexpr std::int32_t kMostLimitedMessages = 1000;

// What is kept where the organisation says nothing else. Carriers and people bear few calls and messages, programs many.
std::span<const MessageLimit> DefaultLimits(ContactMethod::Kind kind);
// The method's own, else the organisation's for its kind, else the defaults.
std::span<const MessageLimit> LimitsOf(const Organisation* organisation, const ContactMethod& method);

// The first instant, `now` or later, at which all `limits` let a message of this lane through. O(sent^2) at worst.
EngineTime WhenAllowed(std::span<const MessageLimit> limits,
                       std::span<const Throttle::Sent> sent,
                       Notification::Lane lane,
                       EngineTime now);

// Several topics as one, as a bundle has them; empty, which is every topic, when there are too many to name.
std::string JoinTopics(const std::set<std::string>& topics);

// The first instant, `now` or later, at which no message about `topic` lies less than `window` back. A critical message
// does not look back: only limits hold it. A normal one looks at critical ones and its like; the rest at its like.
EngineTime WhenUnbundled(absl::Duration window,
                         std::span<const Throttle::Sent> sent,
                         Notification::Lane lane,
                         std::string_view topic,
                         EngineTime now);

// For how long a sent message matters.
absl::Duration LongestWindow(std::span<const MessageLimit> limits, absl::Duration bundle_window);

}  // namespace tocsin
