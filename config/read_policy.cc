// Policies and their steps, and the targets that steps and schedules share.
#include "config/read.h"
#include "config/words.h"

namespace tocsin {
namespace {

void ReadMinRate(YamlFields& fields, Threshold& to) {
  fields.Part("min_rate", [&](YamlFields& of_rate) {
    of_rate.Require("alerts");
    of_rate.Integer("alerts", 1, 1'000'000'000, to.count);
    of_rate.Require("within");
    of_rate.Duration("within", to.window);
  });
}

void ReadStep(Reader& reader, const YamlNode& node, const std::string& path, PolicyStep& to) {
  YamlFields fields(reader, node, path);
  fields.Duration("delay", to.delay);
  fields.OneOf<PolicyStep::DelayFrom>("delay_from", words::kDelayFrom, to.delay_from);
  fields.OneOf<PolicyStep::Unless>("unless", words::kUnless, to.unless);
  fields.NameList("only_during", to.only_during);
  fields.OneOf<PolicyStep::Outside>("outside", words::kOutside, to.outside);
  ReadMinRate(fields, to.min_rate);
  ReadTargets(fields, "targets", to.targets);
  fields.NameList("receivers", to.receivers);
  fields.OneOf<PolicyStep::Strategy>("strategy", words::kStrategies, to.strategy);
  fields.OneOf<PolicyStep::OnEmpty>("on_empty", words::kOnEmpty, to.on_empty);
  fields.Flag("each_acknowledges", to.each_acknowledges);
  fields.Flag("page_at_handoff", to.page_at_handoff);
  fields.Flag("important", to.important);
}

}  // namespace

// A name by itself is a user.
void ReadTarget(Reader& reader, const YamlNode& node, const std::string& path, Target& to) {
  if (node.kind == YamlNode::Kind::kText) {
    reader.Remember(node, path + ".user");
    to = UserTarget{UserId(node.text)};
    return;
  }
  YamlFields fields(reader, node, path);
  UserId user;
  TeamId team;
  ScheduleTarget schedule;
  PolicyId policy;
  fields.Name("user", user);
  fields.Name("team", team);
  fields.Name("schedule", schedule.schedule);
  fields.Name("policy", policy);
  fields.OneOf<ScheduleTarget::Turn>("turn", words::kTurns, schedule.turn);
  const int given =
      int{fields.Has("user")} + int{fields.Has("team")} + int{fields.Has("schedule")} + int{fields.Has("policy")};
  if (given != 1 && node.kind == YamlNode::Kind::kMap) {
    reader.Report(node, path, "must have exactly one of user, team, schedule and policy");
  }
  if (fields.Has("turn") && !fields.Has("schedule")) reader.Report(node, path + ".turn", "only a schedule has turns");
  to = UserTarget{user};
  if (fields.Has("team")) to = TeamTarget{team};
  if (fields.Has("schedule")) to = schedule;
  if (fields.Has("policy")) to = PolicyTarget{policy};
}

void ReadTargets(YamlFields& fields, std::string_view name, std::vector<Target>& to) {
  fields.List(name, [&](const YamlNode& item, const std::string& path) {
    ReadTarget(fields.reader(), item, path, to.emplace_back());
  });
}

void ReadPolicy(Reader& reader, const YamlNode& node, const std::string& path, EscalationPolicy& to) {
  YamlFields fields(reader, node, path);
  ReadIdAndName(fields, to);
  fields.Name("team", to.team);
  fields.Require("steps");
  fields.List("steps", [&](const YamlNode& item, const std::string& item_path) {
    ReadStep(reader, item, item_path, to.steps.emplace_back());
  });
  fields.Integer("repeats", 0, 1000, to.repeats);
  fields.Duration("repeat_interval", to.repeat_interval);
  fields.Flag("repeats_page_again", to.repeats_page_again);
  fields.Flag("resolve_when_exhausted", to.resolve_when_exhausted);
  fields.Duration("acknowledge_timeout", to.acknowledge_timeout);
  fields.OneOf<EscalationPolicy::CatchUp>("catch_up", words::kCatchUp, to.catch_up);
  fields.OneOf<EscalationPolicy::LowUrgency>("low_urgency", words::kLowUrgency, to.low_urgency);
  fields.Flag("low_urgency_escalates", to.low_urgency_escalates);
}

}  // namespace tocsin
