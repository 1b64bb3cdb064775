// Mail servers, telephone companies and webhooks of the simulated world. What they are told are the exchanges that the real
// channels compose; what they answer is judged by the real channels.
//
// They keep what they did: how often each message was begun, how often it was taken (and so has reached somebody), and how
// often we cannot know.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "model/command.h"
#include "model/gate.h"
#include "model/organisation.h"
#include "notify/exchange.h"
#include "tests/sim/society.h"

namespace tocsin::sim {

enum class Mood : std::uint8_t {
  kWell,
  kSlow,     // answers after seconds, within the deadline
  kHangs,    // takes the message or not, and never answers: the deadline passes
  kRejects,  // says never
  kBusy,     // 429 with a pause
  kLies,     // says yes and delivers nothing; a receipt says so later where there are receipts
  kForgets,  // takes it; the answer is lost
  kDown,     // cannot be connected to
  kBreaks,   // 5xx
  kMute,     // nothing comes back at all, not even a deadline: the lease has to run out
  kMixed,    // any of these, each time anew
  kSilent,   // says yes, delivers nothing, and no receipt says so
};
static_assert(static_cast<std::int64_t>(Mood::kSilent) + 1 == kMoods);

class Providers {
 public:
  // What became known of one message, by its idempotency key.
  struct Told {
    NotificationId notification;
    int begun = 0;
    int taken = 0;
    int unknown = 0;                      // outcomes that nobody on our side can know
    std::optional<std::uint32_t> failed;  // with this provider, as was said last
  };
  struct Hooks {
    std::function<void(const Notification&, bool repeat)> begun;  // an attempt has passed its gate
    std::function<void(const Notification&)> taken;
    std::function<void(const std::string& key)> canary;  // has arrived
    std::function<void(const Notification&, AttemptResult::Kind)> judged;
    std::function<void(Command)> report;
    std::function<void(std::string)> violate;
  };
  Providers(std::uint64_t seed, Hooks hooks)
      : random_(seed), receipts_random_(seed ^ 0x72656370), hooks_(std::move(hooks)) {}

  // Number `method` of the kinds of contact methods, or the canary's own provider, is in this mood until then.
  void SetMood(std::int64_t method, Mood mood, EngineTime until);
  void EndMoods() { moods_ = {}; }

  void Start(const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate, const Now& now);
  EngineTime Next() const { return due_.empty() ? EngineTime::Infinite() : due_.begin()->first.first; }
  // All that is due; whether there was anything. `organisation` is the one in force.
  bool Work(const Now& now, const Organisation& organisation);
  // The server is gone: nobody hears of what is under way.
  void Crash();
  // After a restart, of each message that the server does not know to be over: what was answered was forgotten.
  void Forgotten(const std::string& key);

  const std::map<std::string, Told>& told() const { return told_; }
  void Forget(const std::string& key) { told_.erase(key); }
  std::uint64_t begun() const { return begun_; }
  std::uint64_t taken() const { return taken_; }
  // Attempts that met a provider in a mood, by mood.
  const std::array<std::uint64_t, kMoods>& failures() const { return failures_; }

 private:
  struct Attempt {
    Notification notification;
    std::shared_ptr<Gate> gate;
    absl::Duration deadline;
    std::optional<notify::Reply> reply;  // absent: not begun
    std::string receipt;                 // set: a receipt about it is on its way
    bool delivered = false;              // says that one
    bool silent = false;                 // none comes, although it was not delivered
  };
  struct ActiveMood {
    Mood mood = Mood::kWell;
    EngineTime until;
  };

  Mood MoodOf(std::int64_t provider, EngineTime now);
  void Schedule(EngineTime at, Attempt&& attempt) { due_.emplace(std::pair(at, ++order_), std::move(attempt)); }
  void Begin(Attempt& attempt, const Now& now, const Organisation& organisation);
  void BeginCanary(const Attempt& attempt, const notify::Exchange& exchange, EngineTime now);
  void Answer(const Attempt& attempt, EngineTime now);
  notify::Reply ReplyOf(const Attempt& attempt, Mood mood, absl::Duration& after, bool& takes);
  void Take(const Notification& notification);
  void Confirm(const Attempt& attempt, EngineTime now, absl::Duration answer);
  void CheckExchange(const Notification& notification, const notify::Exchange& exchange);

  Random random_;
  Random receipts_random_;  // of its own: a world without receipts is the same as ever
  const Hooks hooks_;
  std::array<ActiveMood, kProviders> moods_;
  std::map<std::pair<EngineTime, std::uint64_t>, Attempt> due_;
  std::uint64_t order_ = 0;
  std::uint64_t ids_ = 0;
  std::map<std::string, Told> told_;
  std::uint64_t begun_ = 0;
  std::uint64_t taken_ = 0;
  std::array<std::uint64_t, kMoods> failures_ = {};
};

}  // namespace tocsin::sim
