// Grafana OnCall: pages of its public API, or the same objects from Terraform's state. Levels are priorities; within one level
// everybody is on; overrides beat them all. Schedules that come from a calendar's URL are not in the export: only the URL is.
#include <algorithm>
#include <map>

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "import/grafana_escalation.h"
#include "import/grafana_shifts.h"
#include "import/layers.h"
#include "import/sources.h"

namespace tocsin::import {
namespace {

std::span<const Shape> Shapes() {
  static const std::vector<Shape>* const shapes = new std::vector<Shape>{
      {"users",        {"users", "user"}                                            },
      {"teams",        {"teams", "team"}                                            },
      {"schedules",    {"schedules", "schedule"}                                    },
      {"shifts",       {"on_call_shifts", "shifts", "on_call_shift", "overrides"}   },
      {"swaps",        {"shift_swaps", "shift_swap"}                                },
      {"chains",       {"escalation_chains", "escalation_chain"}                    },
      {"steps",        {"escalation_policies", "escalation_policy"}                 },
      {"rules",        {"personal_notification_rules", "personal_notification_rule"}},
      {"final",        {"final_shifts"}                                             },
      {"routes",       {"routes", "route"}                                          },
      {"webhooks",     {"webhooks", "webhook", "outgoing_webhook", "custom_actions"}},
      {"integrations", {"integrations", "integration"}                              },
  };
  return *shapes;
}

void ReadUser(const Item& item, Draft& draft) {
  item.Expect("users", {"email", "slack", "username", "role", "is_phone_number_verified", "timezone", "teams",
                        "phone_number", "verified_phone_number", "grafana_id", "avatar", "avatar_url"});
  const UserId user = draft.AddUser(item, {item.FirstText({"id", "pk"}), item.FirstText({"name", "username"}),
                                           item.Text("email"), item.Text("timezone")});
  if (!item.Text("email").empty()) draft.AddMethod(item, user, ContactMethod::Kind::kEmail, item.Text("email"));
  const std::string phone = item.FirstText({"verified_phone_number", "phone_number"});
  if (!phone.empty()) draft.AddMethod(item, user, ContactMethod::Kind::kSms, PhoneNumber(phone));
  // A message to a person's id in Slack is a direct one.
  for (const Item& slack : item["slack"].is_list() ? item.Items("slack") : std::vector<Item>{item["slack"]}) {
    const std::string id = slack.Text("user_id");
    if (!id.empty()) draft.AddMethod(slack, user, ContactMethod::Kind::kSlack, id);
  }
  for (const Item& team : item.Items("teams")) {
    if (const std::string* id = draft.teams.Find(team.Text())) draft.AddMember(TeamId(*id), user);
  }
}

// A person's list of waits and messages, in the order of their positions.
void ReadRules(std::vector<Item> rules, Draft& draft) {
  std::ranges::stable_sort(rules, {}, [](const Item& rule) { return rule.Number("position", 0, 10'000, 0); });
  std::map<std::pair<std::string, bool>, absl::Duration> waited;  // by person, and whether it is for important pages
  for (const Item& rule : rules) {
    const auto user = draft.FindUser(rule.FirstText({"user_id", "user"}));
    if (!user) continue;
    const std::string type = rule.Text("type");
    const bool important = rule.Flag("important");
    if (type == "wait") {
      waited[{user->value(), important}] += absl::Seconds(rule.Number("duration", 0, 1'000'000, 0));
      continue;
    }
    const User* person = draft.Edit(*user);
    const bool text = type == "notify_by_sms";
    const bool call = type == "notify_by_phone_call";
    ContactMethodId method;
    for (const ContactMethod& each : person == nullptr ? std::vector<ContactMethod>() : person->contact_methods) {
      if (type == "notify_by_email" && each.kind == ContactMethod::Kind::kEmail) method = each.id;
      if (type == "notify_by_slack" && each.kind == ContactMethod::Kind::kSlack) method = each.id;
      if (text && each.kind == ContactMethod::Kind::kSms) method = each.id;
      if (call && each.kind == ContactMethod::Kind::kSms) {
        method = draft.AddMethod(rule, *user, ContactMethod::Kind::kVoice, std::string(each.address));
        break;
      }
    }
    if (!method.set() && person != nullptr) {
      rule.Lose(Grade::kHow, absl::StrFormat("%s: the address is not in the export", JsonQuote(TruncateUtf8(type, 60))),
                absl::StrFormat("%s is not reached that way", JsonQuote(user->value())));
    }
    const absl::Duration delay = waited[{user->value(), important}];
    draft.AddRule(*user, Urgency::kHigh, delay, method, important);
    if (!important) draft.AddRule(*user, Urgency::kLow, delay, method);
  }
}

class Reader {
 public:
  Reader(const Gathering& found, Draft& draft) : found_(found), draft_(draft) {
    for (const Gathered& each : found.of("shifts"))
      shifts_.try_emplace(each.item.Text("id"), each.item);
    for (const Gathered& each : found.of("swaps"))
      swaps_[each.item.FirstText({"schedule", "schedule_id"})].push_back(each.item);
  }
  void Read();

 private:
  void ReadSchedule(const Item& item);
  void ReadSwaps(const std::string& key, Schedule& schedule);
  void ReadFinal();

  const Gathering& found_;
  Draft& draft_;
  std::map<std::string, Item> shifts_;              // by id
  std::map<std::string, std::vector<Item>> swaps_;  // by schedule
};

void Reader::ReadSwaps(const std::string& key, Schedule& schedule) {
  const auto swaps = swaps_.find(key);
  if (swaps == swaps_.end()) return;
  for (const Item& item : swaps->second) {
    const bool taken =
        item.Text("status") == "taken" || (item["status"].Text().empty() && item["benefactor"].present());
    const auto stretch = StretchOf(item, "swap_start", "swap_end");
    if (!taken || !stretch) {
      if (!taken) item.Lose(Grade::kCosmetic, "a swap that nobody has taken", "left out");
      continue;
    }
    const auto from = draft_.NeedUser(item, item.FirstText({"beneficiary", "beneficiary_id"}));
    const auto to = draft_.NeedUser(item, item.FirstText({"benefactor", "benefactor_id"}));
    if (!from || !to || *from == *to) continue;
    Override change;
    change.start = stretch->start;
    change.end = stretch->end;
    change.type = Override::Type::kSwap;
    change.from_user = *from;
    change.to_user = *to;
    change.reason = "imported from Grafana OnCall";
    Draft::Override(schedule, std::move(change));
  }
}

void Reader::ReadSchedule(const Item& item) {
  item.Expect("schedules", {"team_id", "time_zone", "on_call_now", "slack", "shifts", "ical_url_primary",
                            "ical_url_overrides", "enable_web_overrides", "overrides"});
  const std::string key = item.Text("id");
  Schedule schedule;
  schedule.id = ScheduleId(draft_.schedules.Known(key, item.Text("name")));
  schedule.name = Line(item.Text("name"), schedule.id.value());
  schedule.time_zone = item["time_zone"].present() ? draft_.Zone(item, "time_zone") : "UTC";
  if (const std::string* team = draft_.teams.Find(item.Text("team_id"))) schedule.team = TeamId(*team);
  for (const std::string_view calendar : {"ical_url_primary", "ical_url_overrides"}) {
    const std::string url = item.Text(calendar);
    if (url.empty()) continue;
    item.Lose(Grade::kWho, absl::StrFormat("the calendar %s", TruncateUtf8(url, 300)),
              "nobody is on call by it; fetch the calendar, and import it with `tocsin import ical`");
  }
  LayerIds ids;
  std::vector<Item> overrides;
  for (const Item& reference : item.Items("shifts")) {
    std::vector<Item> shifts;
    if (reference.is_map()) shifts.push_back(reference);
    const auto known = reference.is_map() ? shifts_.end() : shifts_.find(reference.Text());
    if (known != shifts_.end()) shifts.push_back(known->second);
    if (shifts.empty()) {
      reference.Lose(Grade::kWho,
                     absl::StrFormat("the shift %s, which is not in the export", JsonQuote(reference.Text())),
                     "left out: export on_call_shifts, too");
    }
    for (const Item& shift : shifts) {
      if (shift.Text("type") == "override") {
        overrides.push_back(shift);
      } else {
        AddShift(shift, ids, draft_, schedule);
      }
    }
  }
  AddOverrides(overrides, draft_, schedule);
  ReadSwaps(key, schedule);
  draft_.organisation().schedules.push_back(std::move(schedule));
}

void Reader::ReadFinal() {
  std::map<std::string, std::vector<Entry>> said;  // by schedule
  std::map<std::string, std::string> of_file;
  const auto schedule_of = [&](const std::string& stem) {
    for (const Gathered& schedule : found_.of("schedules")) {
      if (stem.ends_with(schedule.item.Text("id"))) return schedule.item.Text("id");
    }
    return std::string();
  };
  for (const Gathered& each : found_.of("final")) {
    const Item& item = each.item;
    std::string key = item.Text("schedule_id");
    if (key.empty()) {
      const auto [known, is_new] = of_file.try_emplace(each.stem);
      if (is_new) known->second = schedule_of(each.stem);
      key = known->second;
    }
    const auto stretch = StretchOf(item, "shift_start", "shift_end");
    auto user = draft_.FindUser(item.Text("user_pk"));
    if (!user) user = draft_.FindUser(item.Text("user_email"));
    if (stretch && user) said[key].push_back({stretch->start, stretch->end, {*user}});
  }
  for (auto& [key, entries] : said) {
    const std::string* id = draft_.schedules.Find(key);
    if (id == nullptr) {
      draft_.report().Problem("final_shifts",
                              "of which schedule is not said: call the file final_shifts-<the schedule's id>.json");
      continue;
    }
    Render(draft_, ScheduleId(*id), "final_shifts", std::move(entries));
  }
}

void Reader::Read() {
  for (const Gathered& team : found_.of("teams")) {
    const TeamId id(draft_.teams.Known(team.item.Text("id"), team.item.Text("name")));
    draft_.organisation().teams.push_back({id, Line(team.item.Text("name"), id.value()), {}});
  }
  for (const Gathered& user : found_.of("users"))
    ReadUser(user.item, draft_);
  std::vector<Item> rules;
  for (const Gathered& rule : found_.of("rules"))
    rules.push_back(rule.item);
  ReadRules(std::move(rules), draft_);
  for (const Gathered& schedule : found_.of("schedules"))
    draft_.schedules.Known(schedule.item.Text("id"), schedule.item.Text("name"));
  for (const Gathered& schedule : found_.of("schedules")) {
    if (!schedule.only_rendered) ReadSchedule(schedule.item);
  }
  ReadFinal();
  grafana::ReadChains(found_, draft_);
  grafana::ReadRoutes(found_, draft_);
}

}  // namespace

namespace {

// Terraform's state: {resources: [{type: grafana_oncall_on_call_shift, instances: [{attributes: {...}}]}]}. The attributes are
// the API's fields.
Value FromTerraform(const Value& state) {
  constexpr std::string_view kPrefix = "grafana_oncall_";
  Value to{Value::Kind::kMap, "", {}, {}};
  for (const Value& resource : state.Find("resources")->items) {
    const Value* type = resource.Find("type");
    const Value* instances = resource.Find("instances");
    if (type == nullptr || instances == nullptr || !type->text.starts_with(kPrefix)) continue;
    std::string kind = type->text.substr(kPrefix.size());
    if (kind == "escalation") kind = "escalation_policy";
    Value list{Value::Kind::kList, "", {}, {}};
    for (const Value& instance : instances->items) {
      if (const Value* attributes = instance.Find("attributes")) list.items.push_back(*attributes);
    }
    // Several resources of one type are one list.
    const auto same = std::ranges::find(to.fields, kind, &Field::name);
    if (same == to.fields.end()) {
      to.fields.push_back({std::string(kind), std::move(list)});
    } else {
      same->value.items.insert(same->value.items.end(), list.items.begin(), list.items.end());
    }
  }
  return to;
}

}  // namespace

void ReadGrafanaOnCall(std::span<const Document> given, Draft& draft) {
  std::vector<Document> documents(given.begin(), given.end());
  for (Document& document : documents) {
    const Value* resources = document.root.Find("resources");
    if (resources != nullptr && resources->kind == Value::Kind::kList) document.root = FromTerraform(document.root);
  }
  const Gathering found(documents, Shapes(), draft.report());
  Reader(found, draft).Read();
}

}  // namespace tocsin::import
