#include "server/watchdog.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace tocsin {

Watchdog::Watchdog(absl::Duration allowed, Parts parts, std::function<bool()> beat)
    : allowed_(allowed), parts_(std::move(parts)), beat_(std::move(beat)) {}

std::string Watchdog::WhatStands() const {
  if (!passed_->load(std::memory_order_acquire)) return parts_.name;
  return "the notifier";
}

void Watchdog::Ask(EngineTime now) {
  last_asked_ = now;
  passed_ = std::make_shared<std::atomic<bool>>(false);
  parts_.probe([passed = passed_] { passed->store(true, std::memory_order_release); });
}

void Watchdog::Tick(EngineTime now) {
  if (allowed_ <= absl::ZeroDuration() || now < next_) return;
  if (passed_ == nullptr) {
    turns_before_ = parts_.sender_turns ? parts_.sender_turns() : 0;
    asked_at_ = now;
    return Ask(now);
  }
  const bool sends = !parts_.sender_turns || parts_.sender_turns() > turns_before_;
  if (!passed_->load(std::memory_order_acquire) || !sends) {
    const bool lost = parts_.may_be_lost && now - last_asked_ >= std::max(allowed_ / 8, absl::Seconds(1));
    if (lost && !passed_->load(std::memory_order_acquire)) Ask(now);
    if (said_ || now - asked_at_ < allowed_ / 2) return;
    said_ = true;
    LogError("no proof of life for the supervisor, which will start the process again: something stands still",
             {
                 {"what", WhatStands()}
    });
    return;
  }
  if (!beat_()) return;
  ++beats_;
  passed_ = nullptr;
  said_ = false;
  next_ = asked_at_ + std::max(allowed_ / 4, absl::Seconds(1));
}

}  // namespace tocsin
