// Icinga Notifications: its tables as JSON. A schedule is a list of rotations of which the lower number wins; of one number
// there may be several versions, and the one whose handoff came last counts. Within a rotation the first member with an entry
// that holds is on call. Entries recur by an RRULE in their own zone and last as long as they do, whatever the clocks show.
#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "import/icinga_rules.h"
#include "import/intervals.h"
#include "import/layers.h"
#include "import/sources.h"

namespace tocsin::import {
namespace {

std::span<const Shape> Shapes() {
  static const std::vector<Shape>* const shapes = new std::vector<Shape>{
      {"contacts",   {"contact", "contacts"}                                                       },
      {"addresses",  {"contact_address", "contact_addresses"}                                      },
      {"groups",     {"contactgroup", "contactgroups"}                                             },
      {"members",    {"contactgroup_member", "contactgroup_members"}                               },
      {"schedules",  {"schedule", "schedules"}                                                     },
      {"rotations",  {"rotation", "rotations"}                                                     },
      {"turns",      {"rotation_member", "rotation_members"}                                       },
      {"periods",    {"timeperiod", "timeperiods"}                                                 },
      {"entries",    {"timeperiod_entry", "timeperiod_entries"}                                    },
      {"rules",      {"rule", "rules"}                                                             },
      {"steps",      {"rule_entry", "rule_entries", "rule_escalation", "rule_escalations"}         },
      {"recipients", {"rule_entry_recipient", "rule_escalation_recipient", "rule_entry_recipients"}},
      {"ignored",    {"channel", "channels", "source", "sources", "available_channel_type"}        },
  };
  return *shapes;
}

// The rows of a table that are not deleted, found by the value of a column.
class Table {
 public:
  Table(const Gathering& found, std::string_view table) {
    for (const Gathered& each : found.of(table)) {
      if (!each.item.Flag("deleted")) rows_.push_back(each.item);
    }
  }
  const std::vector<Item>& rows() const { return rows_; }

  std::vector<Item> Where(const std::string& column, const std::string& value) const {
    auto [index, is_new] = indices_.try_emplace(column);
    for (std::size_t i = 0; is_new && i < rows_.size(); ++i)
      index->second.emplace(rows_[i].Text(column), i);
    std::vector<Item> found;
    const auto [begin, end] = index->second.equal_range(value);
    for (auto at = begin; at != end; ++at)
      found.push_back(rows_[at->second]);
    return found;
  }

 private:
  std::vector<Item> rows_;
  mutable std::map<std::string, std::multimap<std::string, std::size_t>>
      indices_;  // by column; equal ones in their order
};

class Reader {
 public:
  Reader(const Gathering& found, Draft& draft)
      : draft_(draft),
        rotations_(found, "rotations"),
        turns_(found, "turns"),
        periods_(found, "periods"),
        entries_(found, "entries"),
        steps_(found, "steps"),
        recipients_(found, "recipients") {}
  void Read(const Gathering& found);

 private:
  void ReadPeople(const Gathering& found);
  void ReadSchedule(const Item& item);
  void ReadRotation(const Item& rotation, std::optional<absl::Time> until, LayerIds& ids, Schedule& schedule);
  void ReadEntry(const Item& entry, const Layer& base, LayerIds& ids, Schedule& schedule);
  void ReadRule(const Item& rule);
  std::optional<TimeIntervalId> HoursOf(const Item& rule);
  void AddRoutes(const Item& rule, const PolicyId& policy);
  std::vector<Target> TargetsOf(const Item& row);

  Draft& draft_;
  Table rotations_;
  Table turns_;
  Table periods_;
  Table entries_;
  Table steps_;
  Table recipients_;
};

void Reader::ReadPeople(const Gathering& found) {
  const Table addresses(found, "addresses");
  const Table contacts(found, "contacts");
  for (const Item& contact : contacts.rows()) {
    contact.Expect("contacts",
                   {"external_uuid", "full_name", "username", "default_channel_id", "changed_at", "deleted"});
    std::string email;
    const std::vector<Item> own = addresses.Where("contact_id", contact.Text("id"));
    for (const Item& address : own) {
      if (address.Text("type") == "email" && email.empty()) email = address.Text("address");
    }
    const UserId user =
        draft_.AddUser(contact, {contact.Text("id"), contact.FirstText({"full_name", "username"}), email, ""});
    for (const Item& address : own) {
      const std::string type = address.Text("type");
      const std::string text = address.Text("address");
      if (type == "email") {
        draft_.AddMethod(address, user, ContactMethod::Kind::kEmail, text);
      } else if (type == "sms" || type == "phone") {
        draft_.AddMethod(address, user, ContactMethod::Kind::kSms, PhoneNumber(text));
      } else {
        address.Lose(Grade::kHow, absl::StrFormat("an address of type %s", JsonQuote(TruncateUtf8(type, 60))),
                     "this person is not reached that way");
      }
    }
  }
  const Table groups(found, "groups");
  for (const Item& group : groups.rows()) {
    const TeamId id(draft_.teams.Known(group.Text("id"), group.Text("name")));
    draft_.organisation().teams.push_back({id, Line(group.Text("name"), id.value()), {}});
  }
  const Table members(found, "members");
  for (const Item& member : members.rows()) {
    const std::string* team = draft_.teams.Find(member.Text("contactgroup_id"));
    const auto user = draft_.FindUser(member.Text("contact_id"));
    if (team != nullptr && user) draft_.AddMember(TeamId(*team), *user);
  }
}

std::vector<Target> Reader::TargetsOf(const Item& row) {
  if (const std::string key = row.Text("contact_id"); !key.empty()) {
    const auto user = draft_.NeedUser(row, key);
    if (!user) return {};
    return {UserTarget{*user}};
  }
  const std::string* team = draft_.teams.Find(row.Text("contactgroup_id"));
  if (team != nullptr) return {TeamTarget{TeamId(*team)}};
  const std::string* schedule = draft_.schedules.Find(row.Text("schedule_id"));
  if (schedule != nullptr) return {ScheduleTarget{ScheduleId(*schedule)}};
  row.Lose(Grade::kWho, "a contact, group or schedule that is not in the export", "nobody is in this place");
  return {};
}

void Reader::ReadEntry(const Item& entry, const Layer& base, LayerIds& ids, Schedule& schedule) {
  entry.Expect("timeperiod_entry", {"timeperiod_id", "rotation_member_id", "start_time", "end_time", "until_time",
                                    "timezone", "rrule", "changed_at", "deleted"});
  const auto stretch = StretchOf(entry, "start_time", "end_time");
  if (!stretch) return;
  Layer layer = base;
  layer.id = ids.Claim(base.name);
  const std::string zone = entry["timezone"].present() ? draft_.Zone(entry, "timezone") : schedule.time_zone;
  if (zone != schedule.time_zone) layer.time_zone = zone;
  std::string rule = entry.Text("rrule");
  if (rule.starts_with("RRULE:")) rule = rule.substr(6);
  if (rule.empty()) {
    layer.pattern = FixedShifts{{{stretch->start, stretch->end, layer.participants.front().members}}};
    layer.participants.clear();
  } else {
    Recurrence recurrence;
    recurrence.start = LocalMinute(stretch->start, zone);
    recurrence.end = recurrence.start + (stretch->end - stretch->start) / absl::Minutes(1);
    recurrence.rule = std::move(rule);
    recurrence.count = Rotation::Count::kElapsed;
    layer.pattern = std::move(recurrence);
  }
  schedule.layers.push_back(std::move(layer));
}

void Reader::ReadRotation(const Item& rotation, std::optional<absl::Time> until, LayerIds& ids, Schedule& schedule) {
  rotation.Expect("rotations", {"schedule_id", "priority", "mode", "options", "first_handoff", "actual_handoff",
                                "changed_at", "deleted"});
  Layer base;
  base.name = Line(rotation.Text("name"), "rotation");
  base.effective_since = rotation.NeedInstant("actual_handoff");
  if (base.effective_since) base.effective_since = WholeMinute(*base.effective_since);
  if (until) base.effective_until = WholeMinute(*until);
  if (base.effective_until && base.effective_since >= base.effective_until) return;
  std::vector<Item> members = turns_.Where("rotation_id", rotation.Text("id"));
  std::ranges::stable_sort(members, {}, [](const Item& row) { return row.Number("position", 0, 100'000, 0); });
  constexpr std::int64_t kMembers = 1000;
  const std::int64_t priority = rotation.Number("priority", 0, 900, 0);
  for (const Item& period : periods_.Where("owned_by_rotation_id", rotation.Text("id"))) {
    const std::vector<Item> entries = entries_.Where("timeperiod_id", period.Text("id"));
    for (std::size_t i = 0; i < members.size() && i < kMembers; ++i) {
      Layer layer = base;
      layer.priority = static_cast<std::int32_t>(-(priority * kMembers + static_cast<std::int64_t>(i)));
      layer.participants = {{TargetsOf(members[i])}};
      const std::string member = members[i].Text("id");
      for (const Item& entry : entries) {
        if (entry.Text("rotation_member_id") == member) ReadEntry(entry, layer, ids, schedule);
      }
    }
  }
}

void Reader::ReadSchedule(const Item& item) {
  item.Expect("schedules", {"changed_at", "deleted", "timezone"});
  Schedule schedule;
  schedule.id = ScheduleId(draft_.schedules.Known(item.Text("id"), item.Text("name")));
  schedule.name = Line(item.Text("name"), schedule.id.value());
  schedule.time_zone = item["timezone"].present() ? draft_.Zone(item, "timezone") : "UTC";
  LayerIds ids;
  std::map<std::int64_t, std::vector<Item>> versions;  // by priority
  for (const Item& rotation : rotations_.Where("schedule_id", item.Text("id")))
    versions[rotation.Number("priority", 0, 900, 0)].push_back(rotation);
  for (auto& [priority, rotations] : versions) {
    const auto handoff = [](const Item& rotation) {
      return rotation.Instant("actual_handoff").value_or(absl::UnixEpoch());
    };
    std::ranges::stable_sort(rotations, {}, handoff);
    for (std::size_t i = 0; i < rotations.size(); ++i) {
      std::optional<absl::Time> until;
      if (i + 1 < rotations.size()) until = handoff(rotations[i + 1]);
      ReadRotation(rotations[i], until, ids, schedule);
    }
  }
  draft_.organisation().schedules.push_back(std::move(schedule));
}

// The seconds of "incident_age>=10m" in a condition, in whichever form it is kept; 0 without it.
std::int64_t AgeOf(std::string_view condition) {
  std::size_t at = condition.find("incident_age");
  if (at == std::string_view::npos) return 0;
  at = condition.find_first_of("0123456789", at);
  if (at == std::string_view::npos) return 0;
  const std::size_t end = std::min(condition.find_first_not_of("0123456789", at), condition.size());
  std::int64_t number = 0;
  if (end - at > 6 || !absl::SimpleAtoi(ToAbsl(condition.substr(at, end - at)), &number)) return 0;
  const char unit = end < condition.size() ? condition[end] : 's';
  return number * (unit == 'm' ? 60 : unit == 'h' ? 3600 : unit == 'd' ? 86'400 : 1);
}

// The hours of a period that its rule holds in; nullopt: none, or it does not come round, which is told.
std::optional<TimeIntervalId> Reader::HoursOf(const Item& rule) {
  const std::string key = rule.Text("timeperiod_id");
  if (key.empty()) return std::nullopt;
  std::vector<Restriction> windows;
  std::string zone;
  bool whole = true;
  for (const Item& entry : entries_.Where("timeperiod_id", key)) {
    const std::string own = entry["timezone"].present() ? draft_.Zone(entry, "timezone") : "UTC";
    whole = whole && (zone.empty() || zone == own);
    zone = own;
    const auto found = icinga::WindowsOf(entry, zone);
    whole = whole && found.has_value();
    if (found) windows.insert(windows.end(), found->begin(), found->end());
  }
  if (!whole || windows.empty()) {
    rule.Lose(Grade::kWho, "the rule holds in a time period that does not come round by days of the week in one zone",
              "at all times: say the hours by only_during in its policy's steps");
    return std::nullopt;
  }
  return import::HoursOf(rule, rule.Text("name") + " hours", windows, zone, draft_);
}

// All rules hold that an object fits: each is a route that goes on.
void Reader::AddRoutes(const Item& rule, const PolicyId& policy) {
  const std::string filter = rule.Text("object_filter");
  std::vector<std::vector<Matcher>> any = {{}};
  if (!filter.empty()) {
    const auto read = icinga::ParseFilter(filter);
    if (!read) {
      rule.Lose(Grade::kWho, absl::StrFormat("the rule holds for %s only", JsonQuote(TruncateUtf8(filter, 100))),
                "a policy without a route: say by a route with matchers which alerts go to it");
      return;
    }
    any = *read;
    rule.Lose(Grade::kHow, absl::StrFormat("the rule holds for %s", JsonQuote(TruncateUtf8(filter, 100))),
              "for alerts with these labels, as the source nagios makes them of host, service and groups");
  }
  for (std::vector<Matcher>& matchers : any) {
    Route route = draft_.RouteOf(rule.Text("name"), std::move(matchers), policy);
    route.continue_matching = true;
    draft_.organisation().route.children.push_back(std::move(route));
  }
}

void Reader::ReadRule(const Item& rule) {
  rule.Expect("rules", {"timeperiod_id", "source_id", "object_filter", "changed_at", "deleted"});
  EscalationPolicy policy;
  policy.id = PolicyId(draft_.policies.Known(rule.Text("id"), rule.Text("name")));
  policy.name = Line(rule.Text("name"), policy.id.value());
  const std::optional<TimeIntervalId> hours = HoursOf(rule);
  std::map<std::int64_t, SourceStep> steps;  // by age
  for (const Item& row : steps_.Where("rule_id", rule.Text("id"))) {
    const std::string condition = row.Text("condition");
    SourceStep& step = steps.try_emplace(AgeOf(condition), SourceStep{row, {}, {}}).first->second;
    if (condition.find("incident_severity") != std::string::npos) step.only_if = TruncateUtf8(condition, 100);
    if (hours) step.only_during = {*hours};
    const std::string column =
        !recipients_.Where("rule_entry_id", row.Text("id")).empty() ? "rule_entry_id" : "rule_escalation_id";
    for (const Item& recipient : recipients_.Where(column, row.Text("id"))) {
      const std::vector<Target> targets = TargetsOf(recipient);
      step.targets.insert(step.targets.end(), targets.begin(), targets.end());
    }
  }
  if (!steps.empty()) draft_.PutPause(policy, rule, absl::Seconds(steps.begin()->first));
  for (auto at = steps.begin(); at != steps.end(); ++at) {
    if (const auto next = std::next(at); next != steps.end()) at->second.delay = absl::Seconds(next->first - at->first);
    draft_.PutStep(policy, at->second);
  }
  AddRoutes(rule, policy.id);
  draft_.Put(std::move(policy));
}

void Reader::Read(const Gathering& found) {
  ReadPeople(found);
  const Table schedules(found, "schedules");
  for (const Item& schedule : schedules.rows())
    draft_.schedules.Known(schedule.Text("id"), schedule.Text("name"));
  for (const Item& schedule : schedules.rows())
    ReadSchedule(schedule);
  const Table rules(found, "rules");
  for (const Item& rule : rules.rows())
    ReadRule(rule);
}

}  // namespace

void ReadIcinga(std::span<const Document> documents, Draft& draft) {
  const Gathering found(documents, Shapes(), draft.report());
  Reader(found, draft).Read(found);
}

}  // namespace tocsin::import
