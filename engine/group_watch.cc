#include "engine/group_watch.h"

#include <algorithm>

#include "engine/event_counts.h"

namespace tocsin {
namespace {

constexpr std::size_t kValues = 256;

}  // namespace

WatchRule::WatchRule(const Route& route)
    : labels(route.break_through.labels), auto_close_ns(absl::ToInt64Nanoseconds(route.auto_close)) {
  if (route.threshold.count > 1) threshold = route.threshold;
}

const GroupWatch* GroupWatches::Find(std::uint32_t group) const {
  if (watches_.empty()) return nullptr;
  const auto found = watches_.find(group);
  return found == watches_.end() ? nullptr : &found->second;
}

void GroupWatches::Begin(std::uint32_t group, const WatchRule& rule) {
  if (!watches_.empty()) watches_.erase(group);  // of an earlier group with this number
  if (rule.any()) watches_[group].rule = rule;
}

bool GroupWatches::Change(std::uint32_t group, const WatchRule& rule) {
  const GroupWatch* before = Find(group);
  if (before == nullptr ? !rule.any() : before->rule == rule) return false;
  if (!rule.any()) {
    watches_.erase(group);
  } else {
    watches_[group].rule = rule;
  }
  return true;
}

void GroupWatches::AddValues(std::uint32_t group, std::span<const LabelView> labels) {
  const auto found = watches_.find(group);
  if (found == watches_.end()) return;
  GroupWatch& watch = found->second;
  for (const std::string& name : watch.rule.labels) {
    const std::string_view value = tocsin::Find(labels, name);
    if (!value.empty() && watch.values.size() < kValues) watch.values.insert(name + "=" + std::string(value));
  }
}

void GroupWatches::ForgetValues(std::uint32_t group) {
  if (const auto found = watches_.find(group); found != watches_.end()) found->second.values.clear();
}

bool GroupWatches::Count(std::uint32_t group, EngineTime now) {
  const auto found = watches_.find(group);
  if (found == watches_.end() || found->second.rule.threshold.count == 0) return false;
  GroupWatch& watch = found->second;
  const Threshold& threshold = watch.rule.threshold;
  ++watch.events;
  RecordEvents(watch.lately, threshold, now, 1);
  return EventsWithin(watch.lately, threshold.window, now) <= 2 * std::uint64_t{threshold.count};
}

std::size_t GroupWatches::bytes() const {
  return watches_.size() * (sizeof(GroupWatch) + 64);  // about
}

}  // namespace tocsin
