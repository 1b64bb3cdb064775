// What must hold, by the numbers of the plan (I1 to I18), and where it is looked at:
//
//   I1   every acknowledged event is in the table after each recovery           senders.cc, at each start and at the end
//   I2   what fires has reached somebody or says why not                        checker.cc, when all is quiet again
//   I3   no attempt begins after an acknowledgement has answered OK             checker.cc, at each attempt
//   I4   each step when it is due, not before and not after                     oracle.cc, at each attempt and all the time
//   I5   one key for each message; taken at most once more than is unknown      providers.cc, checker.cc
//   I6   what recovery reads is what was in memory                              simulation_faults.cc, at each orderly kill
//   I7   the journal has what was acknowledged and what has begun, no gaps      simulation_faults.cc, checker.cc, at each start
//   I8   nothing is forgotten: whatever is open has something ahead             checker.cc, at each look
//   I9   once providers are well, nothing stays behind                          checker.cc, when all is quiet again
//   I10  (one sender's storm and another's page: tests/sim/storm_test.cc)
//   I11  a run goes by the policy with which it began, whatever is applied      checker.cc, at each look
//   I12  queues and disk within their bounds                                    simulation.cc, at each look
//   I13  no silence holds beyond its end                                        checker.cc and oracle.cc
//   I14  who is on call is who naive arithmetic says                            checker.cc, at each look
//   I15  timelines and audit log keep what they have said, in their chain       history.cc, at each start and at the end
//   I16  a beat goes out when a canary has come the whole way, and only then   simulation_canary.cc
//   I17  a page that was taken is confirmed, or goes on by the next method    checker.cc, at each look
//   I18  what failed with one of two providers goes by the other               providers.cc, at each attempt
//
// Violations are sentences that begin with the number.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/responder.h"
#include "model/command.h"
#include "tests/sim/providers.h"

namespace tocsin::sim {

class Checker {
 public:
  explicit Checker(std::function<void(std::string)> violate) : violate_(std::move(violate)) {}

  // People. An answer after which no page may start before `until`: the first half when it is asked for, the second when it is
  // answered. What happens in between is nobody's fault.
  struct Owned {
    std::uint32_t episode = 1;
    EngineTime until = EngineTime::Infinite();
    Severity peak = Severity::kUnknown;  // the highest severity that was acknowledged
    EngineTime asked;
    bool snoozed = false;
  };
  void AskToOwn(GroupId id);
  void Own(GroupId id, const Owned& owned);  // OK
  void NotOwned(GroupId id);                 // refused
  bool IsAskedOnce(GroupId id) const;        // nobody else waits for an answer about it
  // It may be asked about again from here on, whoever has it.
  void GiveUp(GroupId id);
  void Crash();

  // I3.
  void AttemptBegins(const Notification& notification, const Responder& responder, const Now& now);
  void Judged(const Notification& notification, AttemptResult::Kind kind, const Responder& responder, EngineTime now);
  // I17: what a timeline says of a receipt, or of one that did not come.
  void ReceiptTold(const TimelineEntry& entry);
  // I8, I11, I13, I14, I17: whenever nothing is half done. `written`: the journal's last entry; while it stays, so does what is in memory, and
  // only what time alone can make wrong is looked at again.
  void Look(const Responder& responder, const Now& now, Sequence written);
  // I2, I5, I9: when everything is well and has been for long.
  void LookAtTheEnd(const Responder& responder, const Now& now, const Providers& providers);
  // After a recovery: acknowledgements that answered OK hold, attempts that have begun are known. I3, I7.
  void LookAfterRecovery(const Responder& responder, const Now& now);
  void CheckSends(const Providers& providers);

 private:
  bool IsOwned(const Group& group, EngineTime now) const;
  void CheckBegun(const ResponderState& state, EngineTime now);
  void CheckGroup(const Responder& responder, const Group& group);
  void CheckOutbox(const ResponderState& state);
  void CheckPolicies(const ResponderState& state);
  void CheckSilences(const ResponderState& state, const Now& now);
  void CheckRoster(const Responder& responder, const Now& now);
  void CheckFate(const Responder& responder, const Group& group);
  void CheckReceipts(const ResponderState& state, EngineTime now);
  void CheckNextMethod(const ResponderState& state, NotificationId id);

  const std::function<void(std::string)> violate_;
  std::map<GroupId, Owned> owned_;
  std::map<GroupId, int> asked_;
  std::map<EscalationId, EscalationPolicy> policies_;
  struct Begun {
    NotificationId id;
    Subject subject;
    std::string key;
    std::int32_t attempt = 0;
    EngineTime at;
  };
  std::optional<Sequence> looked_;  // at what memory was then, in this life
  std::vector<Begun> begun_;        // since the last start
  // Messages that are to be confirmed: since when providers are asked to, and have done so; when each was taken.
  EngineTime receipts_since_ = EngineTime::Infinite();
  EngineTime confirmed_since_ = EngineTime::Infinite();
  std::map<NotificationId, EngineTime> taken_;
  std::set<NotificationId> confirmed_;
  std::set<NotificationId> overdue_;                           // all that ever were
  std::set<NotificationId> go_on_;                             // of these, what is to be looked at
  std::set<std::pair<std::uint64_t, std::uint32_t>> reached_;  // groups and episodes for which a provider has said yes
};

// Whom the hourly rotation has on call, by counting hours.
UserId OnCallByCounting(const Organisation& organisation, absl::Time at);

}  // namespace tocsin::sim
