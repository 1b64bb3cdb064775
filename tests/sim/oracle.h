// A second opinion on who must be told what and when (I4, I13), written from docs/configuration.md and docs/decisions.md and not
// from the engine: naive, in memory, without persistence. It hears what senders and people were answered, and sees which
// messages begin. For each service it keeps what is due, as a stretch of engine time: earlier is a violation, and so is later,
// with slack only for faults that it was told of.
//
// Where it cannot know, it says so: a service is lost to it (merged groups, messages that no provider takes, two things in the
// same moment ...) until it has been quiet again. The share of messages that it has foretold is counted.
//
// Of the eight services it follows six: thresholds and flapping are not modelled; nor is anything while messages are limited.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/organisation.h"
#include "model/response.h"
#include "tests/sim/senders.h"
#include "tests/sim/society.h"

namespace tocsin::sim {

class Oracle {
 public:
  explicit Oracle(std::function<void(std::string)> violate) : violate_(std::move(violate)) {}

  // What was asked for since `from` has been answered OK now.
  void Applied(OrganisationPtr organisation, bool limited, EngineTime from, const Now& now);
  void Said(std::int64_t alert);
  void Known(const Senders::Known& known, const Now& now);
  void Acknowledged(std::int64_t service, const UserId& user, EngineTime from, const Now& now);
  void Snoozed(std::int64_t service, const UserId& user, absl::Duration asked, EngineTime from, const Now& now);
  void GivenBack(std::int64_t service, EngineTime from, const Now& now);
  // Asked for, until OK: both may be true. Returns a number for ExpireSilence.
  struct SilenceOf {
    SilenceId id;
    std::int64_t service = 0;
    bool maintenance = false;
    absl::Time starts;
    absl::Time ends;
  };
  void Silenced(const SilenceOf& silence, const Now& now);
  void Expired(SilenceId id, const Now& now);

  // Somebody asks for something about it, and is answered, whatever the answer is. Who was not when the server died does not know what
  // became of it; a silence, or its end, may be there for as long as it likes.
  void Ask(std::int64_t service, bool silence = false) { Change(service, silence, +1); }
  void Answer(std::int64_t service, bool silence = false) { Change(service, silence, -1); }

  // An attempt begins.
  void Began(const Notification& notification, std::int64_t service, const Now& now);
  // It cannot be known what happens to this service until it has been quiet, nor to those that it was mixed with.
  void Lose(std::int64_t service);
  void LoseTogether(std::int64_t service, std::int64_t other);
  void LoseAll();
  void Jumped();  // the wall clock: what is silenced, and what will be, is not followed any more
  void Crash(EngineTime now);
  // It serves again: whether what waited for group_wait had been seen by then is not known; if not, it waits from now on.
  void Restarted(const Now& now);
  // The engine could not act, up to now.
  void Disturbed(EngineTime now) { disturbed_ = std::max(disturbed_, now); }
  // What has come true, and what should have by now.
  void Look(const Now& now);

  std::uint64_t foretold() const { return foretold_; }
  std::uint64_t unforetold() const { return unforetold_; }

 private:
  // What the engine takes to see what it was told, where nothing disturbs it.
  static constexpr absl::Duration kSlack = absl::Seconds(2);

  struct Window {
    EngineTime from;
    EngineTime to;
    Window After(absl::Duration d) const { return {from + d, to + d}; }
  };
  struct Rule {
    ContactMethodId method;
    Window due;
    bool done = false;
  };
  struct Page {
    UserId user;
    std::vector<Rule> rules;
  };
  enum class Phase : std::uint8_t {
    kNothing,
    kStep,     // `step` is due
    kPassEnd,  // the pass ends then
  };
  struct Service {
    struct Firing {
      EngineTime since;  // when it was first said as it is
      Severity severity = Severity::kUnknown;
      std::uint64_t burst = 0;  // in which it was known first
    };
    std::map<std::int64_t, Firing> firing;  // alerts, as far as it is known
    std::uint64_t burst = 0;                // how often something was said after all was known
    std::set<std::int64_t> said;            // alerts of which something is said that is not known yet
    int asked = 0;                          // not answered as yet
    int asked_to_silence = 0;
    bool lost = false;
    std::set<std::int64_t> lost_with;
    bool open = false;
    bool held = false;
    bool begun = true;  // false: all of it has been held back since it fires
    bool owned = false;
    bool low = false;
    bool exhausted = false;
    UserId owner;
    std::optional<Window> owned_until;
    EngineTime grace;      // up to here a message may begin that is not wanted any more
    bool closing = false;  // it has ended, and not everybody may have seen that
    Severity peak = Severity::kUnknown;
    OrganisationPtr organisation;  // by which it opened
    EngineTime opened;
    EngineTime known;  // that it is open
    Window flush;
    Phase phase = Phase::kNothing;
    std::int32_t step = 0;
    std::int32_t last = -1;
    std::int32_t pass = 0;
    Window due;
    std::vector<UserId> also;
    std::set<UserId> paged;  // in this pass
    std::vector<Page> pages;
  };

  Service& At(std::int64_t service) { return services_[static_cast<std::size_t>(service)]; }
  bool Follows(std::int64_t service) const;
  bool IsHeld(std::int64_t service, absl::Time wall, bool by_maintenance = true) const;
  const EscalationPolicy& PolicyOf(std::int64_t service) const;
  absl::Duration WaitOf(std::int64_t service) const;
  std::vector<UserId> People(std::int64_t service, absl::Time wall) const;
  bool IsFuzzy(const Service& state, EngineTime now) const;
  bool MayHaveEnded(std::int64_t service, EngineTime now) const;
  EngineTime EarliestEnd(std::int64_t service) const;
  static bool IsWaiting(const Service& state);
  static std::string Shown(EngineTime time);
  EngineTime Limit(const Window& due) const;

  void Change(std::int64_t service, bool silence, int by);
  void Open(std::int64_t service, const Senders::Known& known, const Now& at);
  void Close(std::int64_t service, EngineTime now);
  void Worse(std::int64_t service, const Window& when);
  void StartRun(Service& state, const Window& due, std::vector<UserId> also = {});
  void Resume(std::int64_t service, const Window& when);
  void Own(std::int64_t service, const UserId& user, std::optional<Window> until, EngineTime now);
  void Execute(std::int64_t service, EngineTime now, absl::Time wall);
  void EndPass(std::int64_t service, EngineTime now);
  bool Matches(std::int64_t service, const Notification& notification, EngineTime now, absl::Time wall);
  void BeginNow(std::int64_t service, EngineTime now);
  void FollowHolds(const Now& now);
  void FollowOne(std::int64_t service, const Now& now);
  void FollowLost(EngineTime now);

  const std::function<void(std::string)> violate_;
  std::array<Service, kServices> services_;
  std::vector<SilenceOf> silences_;
  std::set<std::int64_t> blind_;  // services that are lost for good
  std::set<NotificationId> seen_;
  OrganisationPtr organisation_;
  bool limited_ = true;
  EngineTime disturbed_;
  std::uint64_t foretold_ = 0;
  std::uint64_t unforetold_ = 0;
};

}  // namespace tocsin::sim
