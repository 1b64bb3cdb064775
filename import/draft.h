// Private to import: the organisation that is being made of an export, and what all sources need for it: ids that are safe
// names, people matched by e-mail address, policies within what policies can say.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "import/import.h"
#include "import/item.h"
#include "import/report.h"
#include "model/organisation.h"

namespace tocsin::import {

// `name` as an id: lower-case letters, digits, - _ and dots; of an e-mail address what stands before the @. Empty when
// nothing of it is left.
std::string SafeId(std::string_view name);

// What may be shown as the name of `id`: `name`, unless it has control characters or no end.
std::string Line(std::string_view name, const std::string& id);

// One kind of thing: the ids given out, and what the source calls them by.
class IdBook {
 public:
  explicit IdBook(std::string_view otherwise) : otherwise_(otherwise) {}
  // A new id after `name`.
  std::string Claim(std::string_view name);
  void Reserve(const std::string& id) { taken_.insert(id); }
  void Call(std::string_view key, const std::string& id) {
    if (!key.empty()) by_key_.try_emplace(std::string(key), id);
  }
  // nullptr: the source has no such thing.
  const std::string* Find(std::string_view key) const {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : &found->second;
  }
  // The id of `key`, claimed now when it is new.
  std::string Known(std::string_view key, std::string_view name);

 private:
  std::string otherwise_;  // what things without a usable name are called
  std::set<std::string> taken_;
  std::map<std::string, int> next_;  // number for one more of the same name
  std::map<std::string, std::string, std::less<>> by_key_;
};

// A step as a source has it. What policies cannot say is told as a loss by Draft::PutStep, and nowhere else.
struct SourceStep {
  Item item;
  absl::Duration delay;         // until the next step
  std::vector<Target> targets;  // none, and no receivers: a pause
  PolicyStep::DelayFrom delay_from = PolicyStep::DelayFrom::kStep;
  PolicyStep::Strategy strategy = PolicyStep::Strategy::kAll;
  bool unless_resolved = false;  // goes on after an acknowledgement
  bool important = false;        // by the person's other rules
  bool each_acknowledges = false;
  std::vector<TimeIntervalId> only_during = {};
  PolicyStep::Outside outside = PolicyStep::Outside::kSkip;
  Threshold min_rate = {};
  std::vector<ReceiverId> receivers = {};
  std::string only_if = {};  // "incident_severity>=crit"
};

struct SteppedSchedule;

inline constexpr std::size_t kMostRoutes = 10'000;  // as many as an organisation may have

class Draft {
 public:
  Draft(const Options& options, Report& report);

  Organisation& organisation() { return organisation_; }
  Report& report() { return report_; }
  const Options& options() const { return options_; }

  IdBook teams{"team"};
  IdBook schedules{"schedule"};
  IdBook policies{"policy"};
  IdBook services{"service"};
  IdBook integrations{"integration"};
  IdBook receivers{"receiver"};
  IdBook intervals{"interval"};
  IdBook routes{"route"};
  IdBook maintenance{"maintenance"};

  // --- people -----------------------------------------------------------------------------------------------------------
  struct Person {
    std::string key;  // what the source refers to the person by
    std::string name;
    std::string email;
    std::string time_zone;
  };
  // Somebody with the same address is the same person.
  UserId AddUser(const Item& item, const Person& person);
  std::optional<UserId> FindUser(std::string_view key) const;
  // The same; when there is none, that is a loss of somebody who is paged.
  std::optional<UserId> NeedUser(const Item& where, std::string_view key);
  // nullptr: is declared elsewhere and keeps what is declared there.
  User* Edit(const UserId& id);
  // Unset when the address cannot be used, which is told.
  ContactMethodId AddMethod(const Item& from, const UserId& id, ContactMethod::Kind kind, const std::string& address);
  void AddRule(
      const UserId& id, Urgency urgency, absl::Duration delay, const ContactMethodId& method, bool important = false);
  // Nothing without a method, or where there are too many.
  void AddRule(const UserId& id, NotificationRule rule);
  void AddMember(const TeamId& team, const UserId& user);

  // --- schedules --------------------------------------------------------------------------------------------------------
  // The IANA zone; a problem, and UTC, when nobody knows it.
  std::string Zone(const Item& item, std::string_view field);
  // Adds to a schedule's overrides with the next sequence number.
  static void Override(Schedule& schedule, Override change);

  // --- policies ---------------------------------------------------------------------------------------------------------
  void PutStep(EscalationPolicy& policy, const SourceStep& step);
  // Nobody is paged for so long.
  void PutPause(EscalationPolicy& policy, const Item& item, absl::Duration delay);
  // `low_urgency_escalates`: most sources know one urgency, which goes through all steps.
  void Put(EscalationPolicy policy, bool low_urgency_escalates = true);

  // Whatever was left out is made whole: everybody can be reached by something, somebody is the fallback, alerts go somewhere.
  Imported Finish();

  // What the source's rules come to in the time that is compared; not used where the export says it itself.
  void Check(const ScheduleId& schedule, const std::optional<SteppedSchedule>& steps);

  // As the root, but for what is said; not in the tree yet.
  Route RouteOf(std::string_view name, std::vector<Matcher> matchers, const PolicyId& policy);
  bool has_room_for_routes() const { return routes_made_ < kMostRoutes; }
  // What is about `service` goes to `policy`; the route may be said more of, until the next is added.
  Route& AddRoute(const ServiceId& service, const std::vector<Matcher>& matchers, const PolicyId& policy);

  std::vector<Rendering> renderings;

 private:
  void CompleteSchedules();
  void DropLayers(Schedule& schedule, Organisation& without_layers);
  void CompleteUsers();
  void CompleteFallback();
  void CompletePolicies();
  bool IsBesideARoute() const;
  void CompleteRoute();

  const Options& options_;
  Report& report_;
  Organisation organisation_;
  IdBook users_{"user"};
  std::vector<Rendering> worked_out_;
  std::map<std::string, UserId, std::less<>> by_email_;
  std::set<UserId> present_;
  std::map<UserId, std::size_t> user_index_;  // places among the organisation's
  std::map<TeamId, std::size_t> team_index_;
  std::size_t routes_made_ = 0;
  std::size_t teams_seen_ = 0;  // so many of them are in it
  std::set<std::pair<TeamId, UserId>> members_;
  std::map<UserId, std::string> emails_;
  std::map<UserId, std::string> objects_;
};

// +15551234567 of "1-555 123 4567" or of 555..., with the country's code where it stands apart.
std::string PhoneNumber(std::string_view text, std::string_view country = "");

}  // namespace tocsin::import
