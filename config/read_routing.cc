// Integrations, receivers, the routing tree and incident rules.
#include <utility>

#include "base/limits.h"
#include "base/strings.h"
#include "config/assumed.h"
#include "config/read.h"
#include "config/text.h"
#include "config/words.h"

namespace tocsin {
namespace {

// What a route hands down: everything but identity, matchers, time intervals and children.
Route Inherited(const Route& parent) {
  Route route = parent;
  route.id = RouteId();
  route.matchers.clear();
  route.continue_matching = false;
  route.mute_time_intervals.clear();
  route.active_time_intervals.clear();
  route.children.clear();
  return route;
}

void ReadGroupBy(YamlFields& fields, Route& to) {
  if (!fields.Has("group_by")) return;
  to.group_by.clear();
  fields.TextList("group_by", to.group_by);
  to.group_by_all = std::erase(to.group_by, std::string(words::kAllLabels)) > 0;
  if (to.group_by_all && !to.group_by.empty()) fields.Report("group_by", "'...' means every label and stands alone");
}

void ReadRouteUrgency(YamlFields& fields, Route& to) {
  static constexpr Choice<int> kChoices[] = {
      {"low",              0},
      {"high",             1},
      {words::kBySeverity, 2}
  };
  int choice = -1;
  fields.OneOf<int>("urgency", kChoices, choice);
  if (choice == 2) to.urgency.reset();
  if (choice == 0) to.urgency = Urgency::kLow;
  if (choice == 1) to.urgency = Urgency::kHigh;
}

// A duration, or the word for the policy's own, which takes back what a parent said.
void ReadAcknowledgeTimeout(YamlFields& fields, std::optional<absl::Duration>& to) {
  fields.Parsed("timeout", to, [](std::string_view text) -> absl::StatusOr<std::optional<absl::Duration>> {
    if (text == words::kOfPolicy) return std::optional<absl::Duration>();
    TOCSIN_ASSIGN(const absl::Duration timeout, ParseDuration(text));
    return std::optional(timeout);
  });
}

// What becomes of the route's groups beyond open and resolved.
void ReadGroupLife(YamlFields& fields, Route& to) {
  fields.Part("threshold", [&](YamlFields& part) {
    part.Integer("count", 0, UINT32_MAX, to.threshold.count);
    part.Duration("window", to.threshold.window);
  });
  fields.Part("flapping", [&](YamlFields& part) {
    part.Integer("changes", 0, UINT32_MAX, to.flapping.changes);
    part.Duration("window", to.flapping.window);
    part.Duration("stable_for", to.flapping.stable_for);
  });
  fields.Part("break_through", [&](YamlFields& part) {
    part.Flag("severity", to.break_through.severity);
    if (part.Has("labels")) to.break_through.labels.clear();
    part.TextList("labels", to.break_through.labels);
  });
  fields.Part("acknowledgement", [&](YamlFields& part) {
    ReadAcknowledgeTimeout(part, to.acknowledgement.timeout);
    part.OneOf<AcknowledgementRule::Then>("then", words::kAfterAcknowledgement, to.acknowledgement.then);
    part.OneOf<AcknowledgementRule::AskAgain>("ask_again", words::kAskAgain, to.acknowledgement.ask_again);
  });
  fields.Duration("reopen_window", to.reopen_window);
  fields.Duration("auto_close", to.auto_close);
}

// `to` comes with what it inherits.
void ReadRouteNode(Reader& reader, const YamlNode& node, const std::string& path, int depth, Route& to) {
  YamlFields fields(reader, node, path);
  fields.Name("id", to.id);
  ReadMatchers(fields, "matchers", to.matchers);
  fields.Flag("continue", to.continue_matching);
  ReadGroupBy(fields, to);
  fields.Duration("group_wait", to.group_wait);
  fields.Duration("group_interval", to.group_interval);
  fields.Duration("repeat_interval", to.repeat_interval);
  fields.Name("policy", to.policy);
  fields.Name("receiver", to.receiver);
  fields.Name("service", to.service);
  fields.NameList("mute_time_intervals", to.mute_time_intervals);
  fields.NameList("active_time_intervals", to.active_time_intervals);
  ReadRouteUrgency(fields, to);
  ReadGroupLife(fields, to);
  if (depth == limits::kRouteDepth && fields.Has("routes")) {
    fields.Report("routes", absl::StrFormat("routes are nested deeper than %d", limits::kRouteDepth));
  }
  const Route inherited = Inherited(to);
  const std::string default_id = to.id.value();
  fields.List("routes", [&](const YamlNode& item, const std::string& item_path) {
    if (depth == limits::kRouteDepth) return;
    Route& child = to.children.emplace_back(inherited);
    child.id = RouteId(absl::StrFormat("%s/%d", default_id, to.children.size() - 1));
    ReadRouteNode(reader, item, item_path, depth + 1, child);
  });
}

void ReadCondition(Reader& reader, const YamlNode& node, const std::string& path, int depth, IncidentCondition& to);

void ReadOperands(YamlFields& fields, std::string_view name, int depth, IncidentCondition& to) {
  if (depth == limits::kConditionDepth) {
    fields.Report(name, absl::StrFormat("conditions are nested deeper than %d", limits::kConditionDepth));
    fields.Take(name);
    return;
  }
  fields.List(name, [&](const YamlNode& item, const std::string& path) {
    ReadCondition(fields.reader(), item, path, depth + 1, to.operands.emplace_back());
  });
}

void ReadRate(YamlFields& fields, IncidentCondition& to) {
  const YamlNode* rate = fields.Take("rate");
  if (rate == nullptr) return;
  YamlFields of_rate(fields.reader(), *rate, fields.PathOf("rate"));
  of_rate.Require("count");
  of_rate.Integer("count", 1, UINT32_MAX, to.count);
  of_rate.Require("window");
  of_rate.Duration("window", to.window);
}

void ReadExhausted(YamlFields& fields) {
  bool exhausted = true;
  fields.Flag("exhausted", exhausted);
  if (!exhausted) fields.Report("exhausted", "can only be true");
}

// A map of exactly one field: its name is the kind.
void ReadCondition(Reader& reader, const YamlNode& node, const std::string& path, int depth, IncidentCondition& to) {
  using Kind = IncidentCondition::Kind;
  static constexpr Choice<Kind> kKinds[] = {
      {"all",            Kind::kAll           },
      {"any",            Kind::kAny           },
      {"group_size",     Kind::kGroupSize     },
      {"rate",           Kind::kRate          },
      {"severity",       Kind::kSeverity      },
      {"unacknowledged", Kind::kUnacknowledged},
      {"exhausted",      Kind::kExhausted     },
      {"matchers",       Kind::kMatchers      },
  };
  YamlFields fields(reader, node, path);
  int given = 0;
  for (const Choice<Kind>& kind : kKinds) {
    if (!fields.Has(kind.name)) continue;
    ++given;
    to.kind = kind.value;
  }
  if (given != 1 && node.kind == YamlNode::Kind::kMap) {
    reader.Report(
        node, path,
        "must have exactly one of all, any, group_size, rate, severity, unacknowledged, exhausted and matchers");
  }
  ReadOperands(fields, "all", depth, to);
  ReadOperands(fields, "any", depth, to);
  fields.Integer("group_size", 1, UINT32_MAX, to.count);
  ReadRate(fields, to);
  fields.Parsed("severity", to.severity, [](std::string_view name) -> absl::StatusOr<Severity> {
    if (const auto severity = SeverityFromName(name)) return *severity;
    return Invalid("%s is none of critical, high, warning, low, info and unknown", JsonQuote(name));
  });
  fields.Duration("unacknowledged", to.window);
  ReadExhausted(fields);
  ReadMatchers(fields, "matchers", to.matchers);
}

}  // namespace

void ReadMatchers(YamlFields& fields, std::string_view name, std::vector<Matcher>& to) {
  const YamlNode* value = fields.Take(name);
  if (value == nullptr) return;
  if (value->kind == YamlNode::Kind::kText) {
    absl::StatusOr<std::vector<Matcher>> matchers = ParseMatchers(value->text);
    fields.reader().Check(*value, fields.PathOf(name), matchers.status());
    if (matchers.ok()) to = *std::move(matchers);
    return;
  }
  fields.List(name, [&](const YamlNode& item, const std::string& path) {
    const YamlNode* text = AsText(fields.reader(), item, path);
    if (text == nullptr) return;
    absl::StatusOr<Matcher> matcher = ParseMatcher(text->text);
    fields.reader().Check(item, path, matcher.status());
    if (matcher.ok()) to.push_back(*std::move(matcher));
  });
}

void ReadReceiver(Reader& reader, const YamlNode& node, const std::string& path, Receiver& to) {
  YamlFields fields(reader, node, path);
  fields.Require("id");
  fields.Name("id", to.id);
  fields.Require("targets");
  fields.List("targets", [&](const YamlNode& item, const std::string& item_path) {
    ReadContactMethod(reader, item, item_path, to.targets.emplace_back());
  });
  fields.Flag("send_resolved", to.send_resolved);
  fields.Flag("drop_resolved_when_held", to.drop_resolved_when_held);  // what it was called first
  fields.Flag("as_alertmanager", to.drop_resolved_when_held);
}

void ReadRoute(Reader& reader, const YamlNode& node, const std::string& path, Route& to) {
  to = AssumedRoute();
  to.id = RouteId("root");
  ReadRouteNode(reader, node, path, 1, to);
}

void ReadIncidentRule(Reader& reader, const YamlNode& node, const std::string& path, IncidentRule& to) {
  YamlFields fields(reader, node, path);
  fields.Require("id");
  fields.Name("id", to.id);
  fields.Require("when");
  if (const YamlNode* condition = fields.Take("when")) {
    ReadCondition(reader, *condition, fields.PathOf("when"), 1, to.condition);
  }
  fields.Integer("severity", 1, 5, to.incident_severity);
  to.title = "{{service}}: {{group}}";
  fields.Text("title", to.title);
  fields.Name("policy", to.policy);
  fields.Duration("join_window", to.join_window);
  fields.TextList("join_by", to.join_by);
}

}  // namespace tocsin
