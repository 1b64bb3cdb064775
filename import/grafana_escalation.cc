#include "import/grafana_escalation.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "config/text.h"
#include "import/intervals.h"

namespace tocsin::import::grafana {
namespace {

// What stands before a step and holds it up.
struct Condition {
  std::vector<TimeIntervalId> hours;
  Threshold rate;
  bool any() const { return !hours.empty() || rate.count > 0; }
};

class Reader {
 public:
  Reader(const Gathering& found, Draft& draft) : found_(found), draft_(draft) {
    for (const Gathered& step : found.of("steps"))
      steps_[step.item.Text("escalation_chain_id")].push_back(step.item);
  }

  void ReadChain(const Item& chain) {
    EscalationPolicy policy;
    policy.id = PolicyId(draft_.policies.Known(chain.Text("id"), chain.Text("name")));
    policy.name = Line(chain.Text("name"), policy.id.value());
    if (const std::string* team = draft_.teams.Find(chain.Text("team_id"))) policy.team = TeamId(*team);
    std::vector<Item> steps = steps_[chain.Text("id")];
    std::ranges::stable_sort(steps, {}, [](const Item& step) { return step.Number("position", 0, 10'000, 0); });
    held_ = {};
    resolving_ = nullptr;
    for (const Item& step : steps)
      ReadStep(step, policy);
    draft_.Put(std::move(policy));
  }

 private:
  // Waits belong to the step before them; what Grafana does at once is done at once.
  void ReadStep(const Item& item, EscalationPolicy& policy) {
    const std::string type = item.Text("type");
    if (resolving_ != nullptr && type != "repeat_escalation") {
      policy.resolve_when_exhausted = false;
      item.Lose(Grade::kHow, "a step after one that resolves", "it is taken, and nothing is resolved by the chain");
      resolving_ = nullptr;
    }
    if (type == "wait") return ReadWait(item, policy);
    if (type == "repeat_escalation") {
      policy.repeats = 5;  // the most that Grafana does
    } else if (type == "notify_if_time_from_to") {
      ReadHours(item);
    } else if (type == "notify_if_num_alerts_in_window") {
      // Goes on once there are more than so many.
      const std::int64_t than = item.Number("num_alerts_in_window", 0, 1'000'000, 0);
      const std::int64_t minutes = item.Number("num_minutes_in_window", 1, 100'000, 1);
      if (minutes > 24 * 60) {
        item.Lose(Grade::kHow, absl::StrFormat("what follows waits for alerts in %d minutes", minutes),
                  "in a day, the longest there is");
      }
      held_.rate = {static_cast<std::uint32_t>(than + 1), absl::Minutes(minutes)};
    } else if (type == "resolve") {
      policy.resolve_when_exhausted = true;
      resolving_ = item.value();
    } else if (type == "trigger_webhook" || type == "trigger_action") {
      ReadWebhook(item, policy);
    } else if (type == "declare_incident") {
      item.Lose(Grade::kHow, "an incident is declared",
                "left out: an incident rule (exhausted: true, or by severity) does it");
    } else if (type == "notify_whole_channel" || type == "notify_user_group") {
      item.Lose(Grade::kWho,
                absl::StrFormat("a step of type %s: who is in it is known to the chat alone", JsonQuote(type)),
                "left out: name a team, or a receiver with the channel, in a step");
    } else {
      SourceStep step{item, absl::ZeroDuration(), TargetsOf(item, type)};
      if (step.targets.empty()) return;
      if (type == "notify_person_next_each_time") step.strategy = PolicyStep::Strategy::kRoundRobin;
      step.important = item.Flag("important");
      Put(std::move(step), policy);
    }
  }

  void Put(SourceStep step, EscalationPolicy& policy) {
    step.only_during = held_.hours;
    step.outside = PolicyStep::Outside::kWait;
    step.min_rate = held_.rate;
    held_ = {};
    draft_.PutStep(policy, step);
  }

  void ReadWait(const Item& item, EscalationPolicy& policy) {
    const absl::Duration wait = absl::Seconds(item.Number("duration", 0, 1'000'000, 300));
    if (held_.any()) {
      Put({item, wait, {}}, policy);
    } else if (policy.steps.empty()) {
      draft_.PutPause(policy, item, wait);
    } else {
      policy.steps.back().delay = std::min(policy.steps.back().delay + wait, absl::Hours(24 * 7));
    }
  }

  // 07:00:00Z, in UTC whatever the people's zones are.
  void ReadHours(const Item& item) {
    std::int32_t at[2] = {0, 0};
    const std::string_view names[2] = {"notify_if_time_from", "notify_if_time_to"};
    for (int i = 0; i < 2; ++i) {
      const auto minutes = ParseTimeOfDay(TruncateUtf8(item.Text(names[i]), 5));
      if (!minutes.ok()) return item[names[i]].Problem("is no time of day such as 07:00:00Z");
      at[i] = *minutes;
    }
    Restriction window;
    window.start_minute = at[0];
    window.duration_minutes = (at[1] - at[0] + 1440 - 1) % 1440 + 1;
    if (const auto hours = HoursOf(item, "hours of a step", {&window, 1}, "UTC", draft_)) held_.hours = {*hours};
  }

  void ReadWebhook(const Item& item, EscalationPolicy& policy) {
    const std::string key = item.FirstText({"action_to_trigger", "webhook_to_trigger"});
    for (const Gathered& each : found_.of("webhooks")) {
      if (each.item.Text("id") != key) continue;
      const std::string* known = draft_.receivers.Find(key);
      if (known == nullptr && !CheckHttpUrl(each.item.Text("url")).ok()) break;
      if (known == nullptr) {
        Receiver receiver;
        receiver.id = ReceiverId(draft_.receivers.Known(key, each.item.Text("name")));
        receiver.targets = {
            {ContactMethodId("webhook"), ContactMethod::Kind::kWebhook, each.item.Text("url"), "", {}}
        };
        draft_.organisation().receivers.push_back(std::move(receiver));
        known = draft_.receivers.Find(key);
        each.item.Lose(Grade::kHow, "the headers and the body of a webhook", "those of tocsin (docs/configuration.md)");
      }
      SourceStep step{item, absl::ZeroDuration(), {}};
      step.receivers = {ReceiverId(*known)};
      return Put(std::move(step), policy);
    }
    item.Lose(Grade::kWho, "a webhook whose address is not in the export, or has a template in it",
              "left out: export webhooks, or name a receiver in the step");
  }

  std::vector<Target> TargetsOf(const Item& item, const std::string& type) {
    std::vector<Target> targets;
    for (const std::string_view list : {"persons_to_notify", "persons_to_notify_next_each_time"}) {
      for (const Item& person : item.Items(list)) {
        if (const auto user = draft_.NeedUser(person, person.Text())) targets.emplace_back(UserTarget{*user});
      }
    }
    if (const std::string key = item.Text("notify_on_call_from_schedule"); !key.empty()) {
      if (const std::string* id = draft_.schedules.Find(key))
        targets.emplace_back(ScheduleTarget{ScheduleId(*id)});
      else
        item.Lose(Grade::kWho, absl::StrFormat("the schedule %s, which is not in the export", JsonQuote(key)),
                  "left out");
    }
    if (const std::string key = item.FirstText({"team_to_notify", "notify_to_team_members"}); !key.empty()) {
      if (const std::string* id = draft_.teams.Find(key)) targets.emplace_back(TeamTarget{TeamId(*id)});
    }
    if (targets.empty()) {
      item.Lose(Grade::kWho,
                absl::StrFormat("a step of type %s: nobody of it is in the export", JsonQuote(TruncateUtf8(type, 60))),
                "left out");
    }
    return targets;
  }

  const Gathering& found_;
  Draft& draft_;
  std::map<std::string, std::vector<Item>> steps_;  // by chain
  Condition held_;
  const Value* resolving_ = nullptr;  // the step that ended the chain, as it seems
};

}  // namespace

void ReadChains(const Gathering& found, Draft& draft) {
  for (const Gathered& chain : found.of("chains"))
    draft.policies.Known(chain.item.Text("id"), chain.item.Text("name"));
  Reader reader(found, draft);
  for (const Gathered& chain : found.of("chains"))
    reader.ReadChain(chain.item);
}

}  // namespace tocsin::import::grafana
