// The organisation: everything that is declared in YAML. A value; a checked one is immutable and shared by const pointer.
// `config` builds and checks it, `escalation` and `engine` read it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"

#include "model/field_mapping.h"
#include "model/heartbeat.h"
#include "model/ids.h"
#include "model/matcher.h"
#include "model/role.h"
#include "model/schedule.h"
#include "model/self_tests.h"
#include "model/severity.h"
#include "model/time_interval.h"

namespace tocsin {

// How loudly a page asks. High wakes people up; low may wait.
enum class Urgency : std::uint8_t {
  kLow,
  kHigh
};

// At most `messages` in any stretch of `window` on one contact method; `critical` of them only for critical ones.
struct MessageLimit {
  std::int32_t messages = 0;
  std::int32_t critical = 0;
  absl::Duration window;
  friend bool operator==(const MessageLimit&, const MessageLimit&) = default;
};

struct ContactMethod {
  enum class Kind : std::uint8_t {
    kTerminal,
    kEmail,
    kSms,
    kVoice,
    kWebhook,
    kSlackWebhook,
    kSlack
  };
  ContactMethodId id;  // unique within its user
  Kind kind = Kind::kEmail;
  std::string
      address;  // an e-mail address, an E.164 number, a URL, a Slack channel; for kTerminal a name that is printed
  std::string secret;                     // kWebhook: signs the body; kSlackWebhook: the URL; never shown again
  std::vector<MessageLimit> limits = {};  // instead of those of its kind; empty: those
  friend bool operator==(const ContactMethod&, const ContactMethod&) = default;
};
inline constexpr std::size_t kContactKinds = 7;
std::string_view Name(ContactMethod::Kind kind);

// One of a person's own rules: this long after the page began, use this method, unless somebody has acknowledged.
struct NotificationRule {
  Urgency urgency = Urgency::kHigh;
  absl::Duration delay;
  ContactMethodId method;
  bool important = false;  // for steps that are; a person without such rules is paged by those of high urgency
  // Only inside any of these, which are in the person's own zone where they name none; empty: always. Outside a rule of low
  // urgency waits and one of high urgency is passed over, unless nothing would be left: a page outranks quiet.
  std::vector<TimeIntervalId> only_during = {};
  friend bool operator==(const NotificationRule&, const NotificationRule&) = default;
};

// A person's night: minutes of the day on the wall clock of the own zone, across midnight where it ends before it begins.
struct QuietHours {
  std::int32_t start_minute = 22 * 60;
  std::int32_t end_minute = 6 * 60;  // equal to the start: there are none
  friend bool operator==(const QuietHours&, const QuietHours&) = default;
};

struct User {
  UserId id;
  std::string name;
  std::string time_zone;
  std::vector<ContactMethod> contact_methods;
  std::vector<NotificationRule> notification_rules;
  HolidaysId holidays;                                 // the person's own, for fairness
  QuietHours quiet_hours = {};                         // what may wait, waits for their end
  std::optional<HandoffNotices> handoff_notices = {};  // absent: as each schedule says
  std::optional<Role> role = {};                       // in everything, when they have logged in; absent: kViewer
  friend bool operator==(const User&, const User&) = default;
};

struct Team {
  TeamId id;
  std::string name;
  std::vector<UserId> members;        // are paged with it, and answer for what is its
  std::vector<UserId> managers = {};  // change what is its; members or not
  std::vector<UserId> viewers = {};   // members who only see
  friend bool operator==(const Team&, const Team&) = default;
};

// Nobody is told before so many events, repeats included, have come within `window`. Count 0 or 1: the first one is enough.
struct Threshold {
  std::uint32_t count = 0;
  absl::Duration window;
  friend bool operator==(const Threshold&, const Threshold&) = default;
};

// One step of a policy. Source of the model: specs oncall 4.2.
struct PolicyStep {
  enum class DelayFrom : std::uint8_t {
    kStep,       // from this step's execution until the next step
    kBeginning,  // from the beginning of the pass until the next step, however late this one was
  };
  // Until when the step is of use.
  enum class Unless : std::uint8_t {
    kAcknowledged,
    kResolved
  };
  enum class Outside : std::uint8_t {
    kSkip,
    kWait
  };
  enum class Strategy : std::uint8_t {
    kAll,
    kRoundRobin,  // one person after the other, from run to run
    kRandom       // one of them
  };
  enum class OnEmpty : std::uint8_t {
    kSkip,      // the next step at once
    kWait,      // its delay passes as though somebody had been paged
    kFallback,  // the policy's owners, or the fallback user, in place of its people
  };
  absl::Duration delay;
  std::vector<Target> targets;  // a person reached by several of them is paged once
  DelayFrom delay_from = DelayFrom::kStep;
  Unless unless = Unless::kAcknowledged;
  std::vector<TimeIntervalId> only_during = {};  // inside any of them; empty: always
  Outside outside = Outside::kSkip;
  Threshold min_rate = {};  // goes on only once so many alerts have begun to fire so lately; count 0: at once
  std::vector<ReceiverId> receivers = {};  // told as well: they are nobody who could answer
  Strategy strategy = Strategy::kAll;
  OnEmpty on_empty = OnEmpty::kSkip;
  bool each_acknowledges = false;  // whoever acknowledges ends the own page only
  bool page_at_handoff = false;    // whoever comes on call while it is open and unanswered is paged, too
  bool important = false;          // by the people's important rules
  friend bool operator==(const PolicyStep&, const PolicyStep&) = default;
};

struct EscalationPolicy {
  PolicyId id;
  std::string name;
  TeamId team;                         // owner: paged when a whole pass reaches nobody
  std::vector<PolicyStep> steps;       // at least one
  std::int32_t repeats = 0;            // further passes after the first
  absl::Duration repeat_interval;      // between passes, after the last step's delay
  absl::Duration acknowledge_timeout;  // zero: an acknowledgement does not run out
  bool repeats_page_again = true;      // whom an earlier pass has told already
  bool resolve_when_exhausted = false;
  // After the server was down for longer than steps are apart.
  enum class CatchUp : std::uint8_t {
    kRebase,  // one step now, the next after its delay
    kAtOnce   // all steps that are overdue
  };
  CatchUp catch_up = CatchUp::kRebase;
  // What low urgency waits for before anybody is paged.
  enum class LowUrgency : std::uint8_t {
    kAtOnce,
    kMorning,   // until each person's quiet hours are over
    kNextShift  // until the step's schedules hand over: for whoever comes on call then
  };
  LowUrgency low_urgency = LowUrgency::kAtOnce;
  bool low_urgency_escalates = false;  // false: only the first step that reaches somebody
  friend bool operator==(const EscalationPolicy&, const EscalationPolicy&) = default;
};

// When a service's people work: the urgency of what begins outside is another one, and is raised when they come back.
struct SupportHours {
  std::vector<TimeIntervalId> time_intervals;  // none: the service has no such hours
  std::optional<Urgency> during;               // absent: as the route says
  Urgency outside = Urgency::kLow;             // at most this
  friend bool operator==(const SupportHours&, const SupportHours&) = default;
};

struct Service {
  ServiceId id;
  std::string name;
  TeamId team;
  std::vector<Matcher> matchers;  // alerts with these labels are about this service
  std::vector<ServiceId> depends_on;
  bool hold_back = false;  // while one of depends_on is broken nobody is paged for this one
  SupportHours support_hours = {};
  friend bool operator==(const Service&, const Service&) = default;
};

// A configured door with its own key.
struct Integration {
  IntegrationId id;
  std::string
      source;  // a name from ingest's table of sources: "alertmanager", "datadog", "nagios", "generic", "stream"
  std::string key_hash;  // hex BLAKE2b-256 of the key; empty: a door without key, loopback only
  Labels labels;         // added to each event unless the event has them
  absl::Duration
      lease;  // an alert not renewed for so long has recovered; zero: 5 minutes for kinds that resend, else never
  std::uint32_t active_alerts = 1'000'000;  // guaranteed budget
  std::string signing_secret;               // what its sender signs requests with; empty: signatures are not looked at
  std::vector<std::string> topics;      // of Amazon SNS whose subscription is confirmed and whose messages are taken
  std::optional<FieldMapping> mapping;  // how its bodies are read; absent: as its source says
  std::vector<MailRule> mail_rules;     // what mails to its address mean; the last, unwritten one takes all as alerts
  friend bool operator==(const Integration&, const Integration&) = default;
};

// Where a route without a policy sends its notifications (Alertmanager's notify-only kind).
struct Receiver {
  ReceiverId id;
  std::vector<ContactMethod> targets;
  bool send_resolved = true;
  bool drop_resolved_when_held = false;  // as Alertmanager: a recovery while all is held back is not told, ever
  friend bool operator==(const Receiver&, const Receiver&) = default;
};

// A group that changes so often between firing and not firing within `window` flaps: it is paged once and then held until
// it has not changed for `stable_for`. Changes 0: never.
struct FlappingRule {
  std::uint32_t changes = 0;
  absl::Duration window;
  absl::Duration stable_for;
  friend bool operator==(const FlappingRule&, const FlappingRule&) = default;
};

// What does not wait for group_wait or group_interval.
struct BreakThrough {
  bool severity = false;            // a higher one than so far
  std::vector<std::string> labels;  // a new value of one of these
  friend bool operator==(const BreakThrough&, const BreakThrough&) = default;
};

struct AcknowledgementRule {
  // Where the escalation goes on when the acknowledgement ends and alerts still fire.
  enum class Then : std::uint8_t {
    kResume,  // with the step that was executed last
    kRestart
  };
  // What takes an acknowledgement back while alerts fire.
  enum class AskAgain : std::uint8_t {
    kOnHigherSeverity,
    kAlways,  // any alert that begins to fire
    kNothing
  };
  std::optional<absl::Duration> timeout;  // absent: the policy's; zero: it does not run out
  Then then = Then::kResume;
  AskAgain ask_again = AskAgain::kOnHigherSeverity;
  friend bool operator==(const AcknowledgementRule&, const AcknowledgementRule&) = default;
};

// A node of the routing tree, already with everything it inherits. Children are tried in order, depth first.
struct Route {
  RouteId id;
  std::vector<Matcher> matchers;  // the root has none
  bool continue_matching = false;
  std::vector<std::string> group_by;
  bool group_by_all = false;  // group_by: ['...']
  absl::Duration group_wait = absl::Seconds(30);
  absl::Duration group_interval = absl::Minutes(5);
  absl::Duration repeat_interval = absl::Hours(4);
  PolicyId policy;                 // paging
  ReceiverId receiver;             // notify-only; a route may have both
  ServiceId service;               // empty: the first service whose matchers fit
  std::optional<Urgency> urgency;  // absent: critical, high and unknown severities are high, the others low
  // Not inherited. Its groups are muted inside any of the first, and outside all of the second when there are any.
  std::vector<TimeIntervalId> mute_time_intervals;
  std::vector<TimeIntervalId> active_time_intervals;
  Threshold threshold;
  FlappingRule flapping;  // only where there is a policy: receivers are paced by group_interval
  BreakThrough break_through;
  AcknowledgementRule acknowledgement;
  absl::Duration reopen_window;  // fires again so soon after it was resolved: the same group, its next episode
  absl::Duration auto_close;     // an alert without news for so long is over; zero: only its lease counts
  std::vector<Route> children;
  friend bool operator==(const Route&, const Route&) = default;
};

// When a group becomes an incident.
struct IncidentCondition {
  enum class Kind : std::uint8_t {
    kAll,  // of `operands`
    kAny,
    kGroupSize,       // firing alerts in the group >= count
    kRate,            // alerts that began to fire in the group within `window` >= count
    kSeverity,        // the group's highest >= severity
    kUnacknowledged,  // open without acknowledgement for `window`
    kExhausted,       // the escalation ran out of steps
    kMatchers,        // the group's labels, or any of its listed alerts, match
  };
  Kind kind = Kind::kAll;
  std::vector<IncidentCondition> operands;
  std::uint32_t count = 0;
  absl::Duration window;
  Severity severity = Severity::kUnknown;
  std::vector<Matcher> matchers;
  friend bool operator==(const IncidentCondition&, const IncidentCondition&) = default;
};

struct IncidentRule {
  IncidentRuleId id;
  IncidentCondition condition;
  std::uint8_t incident_severity = 3;  // SEV1 .. SEV5
  std::string title;                   // may hold {{labels.NAME}}, {{group}}, {{service}}
  PolicyId policy;                     // who is paged for the incident itself; may be empty
  absl::Duration join_window =
      absl::Minutes(30);             // later groups of the same service (or with equal join_by labels) join
  std::vector<std::string> join_by;  // labels; empty: the service
  friend bool operator==(const IncidentRule&, const IncidentRule&) = default;
};

// Alerts that match the target side are held back while one that matches the source side fires and every label of `equal`
// has the same value in both; a missing label is the same as an empty one.
struct InhibitionRule {
  InhibitionRuleId id;
  std::vector<Matcher> source_matchers;
  std::vector<Matcher> target_matchers;
  std::vector<std::string> equal;
  friend bool operator==(const InhibitionRule&, const InhibitionRule&) = default;
};

// A planned silence, for matchers or for a service; one-off, or inside of the named time intervals.
struct MaintenanceWindow {
  MaintenanceId id;
  std::vector<Matcher> matchers;
  ServiceId service;
  std::optional<absl::Time> starts_at;  // absent: it has begun
  std::optional<absl::Time> ends_at;    // absent: it comes round for good
  std::vector<TimeIntervalId> time_intervals;
  std::string comment;
  friend bool operator==(const MaintenanceWindow&, const MaintenanceWindow&) = default;
};

// How messages leave. Secrets are kept as given here and are redacted wherever they are shown.
struct Smtp {
  std::string url;  // smtp://host:port or smtps://host:port
  std::string from;
  std::string username;
  std::string password;
  bool require_tls = true;  // STARTTLS must succeed; false only for loopback relays
  std::string ca_file;      // empty: the system's
  friend bool operator==(const Smtp&, const Smtp&) = default;
};
struct Twilio {
  std::string url = "https://api.twilio.com";
  std::string account_sid;
  std::string auth_token;
  std::string from;
  bool receipts = false;                               // it is asked to report on each message, at public_url
  absl::Duration receipt_timeout = absl::Seconds(45);  // without one for so long a page goes on by the next method
  friend bool operator==(const Twilio&, const Twilio&) = default;
};
struct Slack {
  std::string url = "https://slack.com/api";
  std::string token;
  friend bool operator==(const Slack&, const Slack&) = default;
};
struct DeadMan {
  std::string url;  // gets a GET while pages can really go out
  absl::Duration interval = absl::Seconds(30);
  friend bool operator==(const DeadMan&, const DeadMan&) = default;
};

// How much people are sent when much happens at once. What is held back is told later, together and counted.
struct KindLimits {
  ContactMethod::Kind kind = ContactMethod::Kind::kEmail;
  std::vector<MessageLimit> limits;  // all of them are kept; none: as many as there are
  friend bool operator==(const KindLimits&, const KindLimits&) = default;
};
struct MessageLimits {
  absl::Duration bundle_window = absl::Minutes(1);  // further pages about a service within it are told together
  std::vector<KindLimits> kinds;                    // at most one of each; the others have the defaults
  friend bool operator==(const MessageLimits&, const MessageLimits&) = default;
};

struct Organisation {
  std::string name;
  std::string public_url;  // where people's links lead, e.g. https://tocsin.example.com
  std::vector<User> users;
  std::vector<Team> teams;
  std::vector<HolidayCalendar> holidays;
  std::vector<Schedule> schedules;
  std::vector<EscalationPolicy> policies;
  std::vector<Service> services;
  std::vector<Integration> integrations;
  std::vector<HeartbeatRule> heartbeats;
  std::vector<Receiver> receivers;
  Route route;
  std::vector<IncidentRule> incident_rules;
  std::vector<InhibitionRule> inhibition_rules;
  std::vector<TimeInterval> time_intervals;
  std::vector<MaintenanceWindow> maintenance;
  UserId fallback_user;  // paged when nobody else can be; must be reachable
  Smtp smtp;
  Twilio twilio;
  DeadMan dead_man;
  MessageLimits limits;
  Slack slack;
  SelfTests self_tests;
  // Take the place of the first while that one fails; empty: there is none.
  Twilio second_twilio = {};
  Smtp second_smtp = {};
  friend bool operator==(const Organisation&, const Organisation&) = default;

  // Who carries messages of this kind: the first, or the second of its kind.
  const Smtp& SmtpOf(std::size_t provider) const { return provider == 0 ? smtp : second_smtp; }
  const Twilio& TwilioOf(std::size_t provider) const { return provider == 0 ? twilio : second_twilio; }
  bool HasSecond(ContactMethod::Kind kind) const;

  // Linear look-ups; nullptr when absent. For hot paths build an index.
  const User* Find(const UserId& id) const;
  const Team* Find(const TeamId& id) const;
  const Schedule* Find(const ScheduleId& id) const;
  const EscalationPolicy* Find(const PolicyId& id) const;
  const Service* Find(const ServiceId& id) const;
  const Integration* Find(const IntegrationId& id) const;
  const Receiver* Find(const ReceiverId& id) const;
  const Route* Find(const RouteId& id) const;
  const TimeInterval* Find(const TimeIntervalId& id) const;
};
using OrganisationPtr = std::shared_ptr<const Organisation>;

}  // namespace tocsin
