// A small world around a responder: a simulated clock, a journal of its Changes, providers that answer as they are told,
// and an organisation of five people. Stories are told with it.
//
// Each decision is checked as it is taken: nothing is sent about what is acknowledged or resolved, no two attempts of one
// notification are under way, and what the journal holds is what the responder has.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/responder.h"

namespace tocsin {

// Monday 2024-01-01 12:00 UTC.
absl::Time Noon();

// alice: sms at once, voice after 5 min when urgent; e-mail otherwise. bob, carol: e-mail. dave: e-mail, the fallback user.
// mute: no contact method. Teams: db (carol). Schedules: primary (alice), nobody (empty).
// Policies: db: alice by schedule, 10 min, bob, 10 min; everything: see SamplePolicy.
// Routes: root -> policy db, group_wait 30 s.
Organisation SampleOrganisation();
User SampleUser(std::string_view name);
Schedule SampleSchedule(std::string_view name, std::vector<UserId> people);
PolicyStep StepOf(absl::Duration delay, std::vector<Target> targets);
inline Target To(std::string_view user) {
  return UserTarget{UserId(user)};
}
inline Target OnCall(std::string_view schedule) {
  return ScheduleTarget{ScheduleId(schedule)};
}

// What a shard says of a group, in the few words that stories need.
struct Say {
  std::string_view name = "DatabaseDown";
  std::uint32_t firing = 1;
  std::uint32_t suppressed = 0;
  Severity severity = Severity::kCritical;
  std::uint32_t acknowledged = 0;
  std::optional<std::uint64_t> fired_total = std::nullopt;  // default: as many as fire more than before
  std::string_view route = "root";
  std::uint32_t shard = 0;
  absl::Duration age = absl::ZeroDuration();  // of the oldest alert
  std::uint64_t silence = 5;
  std::optional<std::uint64_t> events = std::nullopt;  // counted for a threshold, in all
  std::vector<std::string> values = {};                // of labels that break through
  std::string last_end = {};
};

class World {
 public:
  using Provider = std::function<std::optional<AttemptResult::Kind>(const Notification&)>;

  explicit World(Organisation organisation = SampleOrganisation(), Responder::Options options = Options());
  static Responder::Options Options();

  // Inputs. Each advances nothing.
  void Observe(const Say& say) { ObserveAll({say}); }
  void ObserveAll(const std::vector<Say>& all);
  CommandResult Do(Command::Body body, std::string_view actor = "user:alice", std::string_view request_id = "");
  absl::Status Acknowledge(GroupId group, std::string_view actor = "user:alice") {
    return Do(AcknowledgeGroup{group, std::nullopt}, actor).status;
  }
  void Apply(Organisation organisation);
  void Answer(const Notification& attempt, AttemptResult::Kind kind, absl::Duration retry_after = {});
  // Time passes; every timer fires when it is due.
  void Pass(absl::Duration duration);
  // Time passes while nobody is there; then everything that is overdue fires.
  void Sleep(absl::Duration duration);
  void FireDue();
  // The process dies: a new responder from the rows and the journal, which then starts.
  void Crash(bool report_all = true, absl::Duration down = absl::ZeroDuration());
  void ReportAll();
  std::vector<std::string> Audit();

  // What was done.
  std::vector<std::string> Sent() const;     // "sms alice", in order, since the last call of Forget
  std::vector<std::string> Notices() const;  // "bob: You are on call ...", which Sent leaves out
  void Forget() { started_.clear(); }
  const std::vector<Notification>& started() const { return started_; }
  const std::set<NotificationId>& closed() const { return closed_; }
  const std::vector<TimelineEntry>& timeline() const { return timeline_; }
  // The first entry of this kind whose text holds `part`; empty text when there is none.
  std::string Told(TimelineEntry::Kind kind, std::string_view part = "") const;
  int Count(TimelineEntry::Kind kind) const;
  const std::vector<Change>& journal() const { return journal_; }
  RulesPtr rules() const { return rules_; }

  const Group* Current(std::string_view name = "DatabaseDown") const;
  const Escalation* EscalationOf(std::string_view name = "DatabaseDown") const;
  const ResponderState& state() const { return responder_->state(); }
  Responder& responder() { return *responder_; }
  const Now& now() const { return now_; }
  std::uint64_t responder_hash() const { return responder_->StateHash(); }
  // Alerts of its own that the responder has raised: "trigger nightly", in order, since the last call.
  std::vector<std::string> TakeRaised() { return std::exchange(raised_, {}); }
  // Until then what it raises is refused, as by a full ring.
  void RefuseRaised(bool refuse) { refuses_raised_ = refuse; }
  void SetProvider(Provider provider) { provider_ = std::move(provider); }
  // A change that no responder would make: damage for the auditor.
  void Damage(const Change& change);
  Decision Take(Decision decision);

 private:
  void Perform(const Decision& decision);
  void CheckDecision(const Decision& decision);
  void CheckOpen(const Subject& subject, const std::string& title) const;

  Responder::Options options_;
  Now now_;
  std::unique_ptr<Responder> responder_;
  Provider provider_;
  std::vector<Change> journal_;
  std::vector<Notification> started_;
  std::map<NotificationId, std::int32_t> under_way_;
  std::set<NotificationId> closed_;
  std::vector<TimelineEntry> timeline_;
  RulesPtr rules_;
  std::vector<std::string> raised_;
  bool refuses_raised_ = false;
  std::map<std::pair<std::string, std::uint32_t>, GroupReport> shards_;
};

GroupKey KeyOf(std::string_view name);

}  // namespace tocsin
