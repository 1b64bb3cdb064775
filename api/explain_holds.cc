// What holds an alert or a whole group back: by whom, why it fits, until when, and what comes then if it still fires.
//
// Everything that holds is looked for, not only what the alert's record names: what ends first need not be what lets it go.
#include <algorithm>
#include <map>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "api/explain.h"
#include "api/explain_outlook.h"
#include "api/records.h"
#include "base/strings.h"
#include "engine/inhibition.h"
#include "engine/responder_holds.h"
#include "engine/responder_silences.h"
#include "model/hold_words.h"
#include "model/matcher.h"

namespace tocsin {
namespace {

constexpr std::size_t kHoldsTold = 5;      // of each kind
constexpr std::size_t kSourcesTold = 3;    // of one rule
constexpr std::size_t kValueShown = 200;   // bytes of a label's value
constexpr std::size_t kAheadLooked = 500;  // silences that are yet to begin
constexpr std::size_t kMembersLooked = 200;

std::string NameOf(const Silence& silence) {
  return absl::StrFormat("%c%d", silence.maintenance ? 'M' : 'S', silence.id.value());
}

std::string KindOf(const Silence& silence) {
  return (silence.maintenance ? "maintenance window " : "silence ") + NameOf(silence);
}

bool Fits(const Silence& silence, const Labels& labels) {
  const absl::StatusOr<CompiledMatchers> compiled = CompiledMatchers::Compile(silence.matchers);
  return compiled.ok() && !silence.matchers.empty() && compiled->Match(std::span<const Label>(labels));
}

// `alertname="Disk" fits "Disk"; team!="db" fits: there is no such label`.
std::string WhyItFits(const Silence& silence, const Labels& labels) {
  return absl::StrJoin(silence.matchers, "; ", [&](std::string* out, const Matcher& matcher) {
    const std::string_view value = Find(std::span<const Label>(labels), matcher.name);
    absl::StrAppendFormat(out, "%s fits%s", TruncateUtf8(Format(matcher), kValueShown),
                          value.empty() ? ": there is no such label" : " " + GoQuote(TruncateUtf8(value, kValueShown)));
  });
}

void AddSilence(const Silence& silence, const std::string& why_it_fits, absl::Time now, ExplainAnswer& answer) {
  const absl::Time until = EndOfHold(silence, now);
  AddFact(answer, silence.updated_at,
          absl::StrFormat("%s was made by %s%s: it holds %s%s", KindOf(silence),
                          silence.declared.set() ? "the configuration, where it is called " + silence.declared.value()
                                                 : silence.created_by,
                          silence.comment.empty() ? "" : " (\"" + silence.comment + "\")", Until(until),
                          silence.recurrence.empty() ? "" : ", and comes round again"));
  AddFact(answer, std::nullopt, NameOf(silence) + ": " + why_it_fits);
  if (silence.declared.set()) {
    AddAdvice(answer,
              absl::StrFormat("change `maintenance` in the configuration, and `tocsin apply`: %s is called %s there",
                              NameOf(silence), silence.declared.value()));
  } else {
    AddAdvice(answer, absl::StrFormat("`tocsin %s %s` ends it now",
                                      silence.maintenance ? "maintenance end" : "silence expire", NameOf(silence)));
  }
}

// A rule that holds the alert back, and one of the alerts for whose sake.
struct InhibitedBy {
  InhibitionRule rule;
  std::string example;
};

std::vector<InhibitedBy> RulesThatInhibit(Api& api, const Labels& labels) {
  std::vector<InhibitedBy> found;
  const RulesPtr rules = api.engine.rules();
  if (rules == nullptr || rules->organisation == nullptr || rules->inhibition == nullptr) return found;
  std::vector<LabelView> views;
  for (const Label& label : labels)
    views.push_back({label.name, label.value});
  for (const InhibitionRule& rule : rules->organisation->inhibition_rules) {
    if (found.size() == kHoldsTold) break;
    const Inhibitions alone({&rule, 1}, api.engine.KeySeed());
    const Inhibitions::Verdict verdict = alone.Judge(views, rules->inhibition->sources);
    if (verdict.hold.set()) found.push_back({rule, verdict.sources->example});
  }
  return found;
}

// The alerts for whose sake `rule` holds `target` back (engine/inhibition.h).
std::vector<AlertRecord> SourcesOf(Api& api, const InhibitionRule& rule, const AlertRecord& target) {
  const absl::StatusOr<CompiledMatchers> source_side = CompiledMatchers::Compile(rule.source_matchers);
  const absl::StatusOr<CompiledMatchers> target_side = CompiledMatchers::Compile(rule.target_matchers);
  if (!source_side.ok() || !target_side.ok()) return {};
  const auto value = [](const AlertRecord& alert, const std::string& name) {
    return Find(std::span<const Label>(alert.summary.labels), name);
  };
  const auto fits = [](const CompiledMatchers& side, const AlertRecord& alert) {
    return side.Match(std::span<const Label>(alert.summary.labels));
  };
  const bool target_is_source = fits(*source_side, target);
  const AlertFilter sources{.matchers = &*source_side, .standing = AlertFilter::Standing::kActive};
  return FindAlerts(api, kSourcesTold, sources, [&](const AlertRecord& alert) {
    return !(target_is_source && fits(*target_side, alert)) &&
           std::ranges::all_of(rule.equal, [&](const std::string& n) { return value(alert, n) == value(target, n); });
  });
}

// "it is part of group G12, which is open, and people are being paged ...".
std::string StandingOf(Api& api, const AlertRecord& alert) {
  std::string text;
  if (alert.hold.set()) text = "it is itself " + alert.held_by + ", so nobody is paged for it either";
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    for (const GroupKey key : alert.groups) {
      const auto found = responder.state().current_group.find(key);
      if (!text.empty() || found == responder.state().current_group.end()) continue;
      text = absl::StrFormat("it is part of group G%d, which is %s", found->second.value(),
                             DescribeState(responder.state().groups.at(found->second)));
    }
  });
  return text.empty() ? "its group is being made" : text;
}

void AddInhibition(Api& api, const InhibitedBy& inhibited, const AlertRecord& target, ExplainAnswer& answer) {
  const InhibitionRule& rule = inhibited.rule;
  std::string equal;
  for (const std::string& name : rule.equal) {
    const std::string_view value = Find(std::span<const Label>(target.summary.labels), name);
    absl::StrAppendFormat(&equal, "%s%s=%s%s", equal.empty() ? ", and both have " : ", ", name,
                          GoQuote(TruncateUtf8(value, kValueShown)), value.empty() ? " (in neither)" : "");
  }
  AddFact(answer, std::nullopt,
          absl::StrFormat("rule %s: %s is held back while %s fires%s", rule.id.value(),
                          Format(std::span<const Matcher>(rule.target_matchers)),
                          Format(std::span<const Matcher>(rule.source_matchers)), equal));
  const std::vector<AlertRecord> sources = SourcesOf(api, rule, target);
  for (const AlertRecord& source : sources) {
    AddFact(answer, source.summary.fired_at,
            absl::StrFormat("its source %s fires; %s", Format(source.summary.labels), StandingOf(api, source)));
  }
  if (sources.empty()) AddFact(answer, std::nullopt, "its source was " + inhibited.example + ", which has just ended");
  AddAdvice(answer,
            absl::StrFormat("`tocsin export` shows rule %s under `inhibition_rules`; `tocsin explain` of the source "
                            "says who is paged for it",
                            rule.id.value()));
}

// All that holds an alert back one by one, and what is known to come.
struct AlertHolds {
  Now now;
  std::vector<Silence> silences;  // that hold now, the first to end first
  std::vector<Silence> ahead;     // that fit too and are yet to begin, the first to begin first
  std::vector<InhibitedBy> rules;
  absl::Time until;  // when the last of the silences ends, and of those that begin before that
};

AlertHolds HoldsOf(Api& api, const AlertRecord& alert) {
  AlertHolds holds;
  holds.now = api.engine.Read();
  if (const RulesPtr rules = api.engine.rules()) {
    for (const Silence& silence : rules->silences)
      if (Fits(silence, alert.summary.labels)) holds.silences.push_back(silence);
  }
  const auto end = [&](const Silence& silence) { return EndOfHold(silence, holds.now.wall); };
  std::ranges::stable_sort(holds.silences, {}, end);
  holds.until = holds.silences.empty() ? holds.now.wall : end(holds.silences.back());
  std::vector<Silence> ahead;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    for (const auto& [id, silence] : responder.state().silences) {
      const bool begins = silence.starts_at > now.wall && !silence.matchers.empty() && silence.recurrence.empty();
      if (begins && ahead.size() < kAheadLooked) ahead.push_back(silence);
    }
  });
  std::ranges::stable_sort(ahead, {}, &Silence::starts_at);
  for (Silence& silence : ahead) {
    if (silence.starts_at > holds.until || silence.ends_at <= holds.until) continue;
    if (!Fits(silence, alert.summary.labels)) continue;
    holds.until = silence.ends_at;
    holds.ahead.push_back(std::move(silence));
  }
  holds.rules = RulesThatInhibit(api, alert.summary.labels);
  return holds;
}

void AddEnds(Api& api, const AlertRecord& alert, const AlertHolds& holds, ExplainAnswer& answer) {
  const auto still = [&](absl::Time at) -> std::string {  // what else holds it when one has ended
    for (const Silence& other : holds.silences)
      if (EndOfHold(other, holds.now.wall) > at) return NameOf(other);
    for (const Silence& other : holds.ahead)
      if (other.starts_at <= at && at < other.ends_at) return NameOf(other);
    return holds.rules.empty() ? "" : "rule " + holds.rules.front().rule.id.value();
  };
  const auto ends = [&](const Silence& silence, absl::Time at) {
    if (at == absl::InfiniteFuture()) return;
    const std::string other = still(at);
    AddNext(answer, at,
            absl::StrFormat(
                "%s ends; %s", KindOf(silence),
                other.empty() ? "if it still fires then, " + Outlook(api, alert, at) : other + " still holds it back"));
  };
  for (std::size_t i = 0; i < std::min(holds.silences.size(), kHoldsTold); ++i)
    ends(holds.silences[i], EndOfHold(holds.silences[i], holds.now.wall));
  for (const Silence& silence : holds.ahead) {
    AddNext(answer, silence.starts_at, KindOf(silence) + " begins, and holds it back too");
    ends(silence, silence.ends_at);
  }
  if (holds.rules.empty()) return;
  const bool alone = holds.silences.empty();
  AddNext(answer, std::nullopt,
          absl::StrFormat("once none of its sources fires any more%s: if it still fires then, %s",
                          alone ? "" : ", and no silence holds it",
                          Outlook(api, alert, holds.until == absl::InfiniteFuture() ? holds.now.wall : holds.until)));
}

// ---- of a whole group ----

// The verdict says what holds it; this adds how long.
void AddUntil(absl::Time until, ExplainAnswer& answer) {
  absl::StrAppendFormat(answer.mutable_verdict(), ", %s", Until(until));
}

void AddWindows(Api& api, const Group& group, ExplainAnswer& answer) {
  std::vector<Silence> windows;
  Now asked;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    const ResponderState& state = responder.state();
    asked = now;
    const auto found = state.windows_of.find(group.service);
    if (found == state.windows_of.end()) return;
    for (const SilenceId id : found->second) {
      const Silence& window = state.silences.at(id);
      if (IsInEffect(state, window) && windows.size() < kHoldsTold) windows.push_back(window);
    }
  });
  absl::Time until = asked.wall;
  for (const Silence& window : windows) {
    AddSilence(window, "the group is one of service " + group.service.value(), asked.wall, answer);
    until = std::max(until, EndOfHold(window, asked.wall));
  }
  if (windows.empty()) return;
  AddUntil(until, answer);
  if (until != absl::InfiniteFuture()) {
    AddNext(answer, until, "maintenance of its service is over; what still fires then: " + Outlook(api, group, until));
  }
}

void AddMuting(Api& api, const Group& group, ExplainAnswer& answer) {
  const RulesPtr rules = api.engine.rules();
  const absl::Time now = api.engine.Read().wall;
  if (rules == nullptr || rules->organisation == nullptr) return;
  const std::optional<Muting> muting = MutedAt(*rules->organisation, group.route, now);
  if (!muting) return;
  AddUntil(muting->until, answer);
  AddFact(answer, std::nullopt,
          absl::StrFormat("route %s is muted %s, %s", group.route.id.value(), muting->why, Until(muting->until)));
  if (muting->until != absl::InfiniteFuture()) {
    AddNext(answer, muting->until,
            absl::StrFormat("route %s is no longer muted; what still fires then: %s", group.route.id.value(),
                            Outlook(api, group, muting->until)));
  }
  AddAdvice(answer, "`tocsin export` shows `mute_time_intervals` and `active_time_intervals` of route " +
                        group.route.id.value() + ", and what the intervals are under `time_intervals`");
}

void AddDependencies(Api& api, const Group& group, ExplainAnswer& answer) {
  std::vector<std::pair<ServiceId, Group>> broken;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    const Service* service = state.organisation ? state.organisation->Find(group.service) : nullptr;
    if (service == nullptr || !service->hold_back) return;
    for (const ServiceId& dependency : service->depends_on) {
      const auto open = state.open_of.find(dependency);
      if (open == state.open_of.end()) continue;
      for (const GroupId id : open->second)
        if (Breaks(state.groups.at(id)) && broken.size() < kHoldsTold)
          broken.emplace_back(dependency, state.groups.at(id));
    }
  });
  for (const auto& [service, cause] : broken) {
    AddFact(answer, cause.opened_at,
            absl::StrFormat("service %s is broken: group G%d %s is critical; it is %s", service.value(),
                            cause.id.value(), Format(cause.labels), DescribeState(cause)));
  }
  if (broken.empty()) return;
  AddNext(answer, std::nullopt,
          "once no service that it depends on is broken: what still fires then: " +
              Outlook(api, group, api.engine.Read().wall));
  AddAdvice(answer, "`tocsin explain` of the group that breaks it says who is paged for that");
}

}  // namespace

absl::Time EndOfHold(const Silence& silence, absl::Time now) {
  if (silence.recurrence.empty()) return silence.ends_at;
  const absl::StatusOr<TimeIntervals> intervals = TimeIntervals::Compile(silence.recurrence);
  if (!intervals.ok()) return silence.ends_at;
  return std::min(silence.ends_at,
                  FirstAfter(now, {&*intervals, 1}, [&](absl::Time at) { return !intervals->Contains(at); }));
}

std::string Until(absl::Time at) {
  return at == absl::InfiniteFuture() ? "with no end in sight" : "until " + ShowUtc(at);
}

void ExplainHolds(Api& api, const AlertRecord& alert, ExplainAnswer& answer) {
  const AlertHolds holds = HoldsOf(api, alert);
  for (std::size_t i = 0; i < std::min(holds.silences.size(), kHoldsTold); ++i)
    AddSilence(holds.silences[i], WhyItFits(holds.silences[i], alert.summary.labels), holds.now.wall, answer);
  if (holds.silences.size() > kHoldsTold)
    AddFact(answer, std::nullopt, absl::StrFormat("%d more silences fit", holds.silences.size() - kHoldsTold));
  for (const InhibitedBy& inhibited : holds.rules)
    AddInhibition(api, inhibited, alert, answer);
  AddEnds(api, alert, holds, answer);
}

std::string HeldClause(Api& api, const AlertRecord& alert) {
  const SilenceId silence = alert.hold.silence();
  const RulesPtr rules = api.engine.rules();
  if (!silence.set() || rules == nullptr) return alert.held_by;
  const auto found = std::ranges::find(rules->silences, silence, &Silence::id);
  if (found == rules->silences.end()) return alert.held_by;
  return alert.held_by + ", " + Until(EndOfHold(*found, api.engine.Read().wall));
}

void ExplainHolds(Api& api, const Group& group, bool with_alerts, ExplainAnswer& answer) {
  if (group.held_by.starts_with(kInMaintenance)) AddWindows(api, group, answer);
  if (group.held_by.starts_with(kMutedBy)) AddMuting(api, group, answer);
  if (group.held_by.starts_with(kHeldBack)) AddDependencies(api, group, answer);
  if (!with_alerts || !IsSuppressed(group) || group.state == Group::State::kResolved) return;
  // Its alerts are held one by one: each way in which they are is told once.
  std::map<Hold, AlertRecord> by_hold;
  for (AlertRecord& alert : AlertsOf(api, group.key, kMembersLooked))
    if (alert.hold.set()) by_hold.try_emplace(alert.hold, std::move(alert));
  std::size_t told = 0;
  for (const auto& [hold, alert] : by_hold)
    if (told++ < kHoldsTold) ExplainHolds(api, alert, answer);
}

}  // namespace tocsin
