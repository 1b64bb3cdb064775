#include "engine/router.h"

#include <algorithm>
#include <cstring>

#include "absl/container/inlined_vector.h"

#include "base/hash.h"
#include "engine/matcher_index.h"

namespace tocsin {
namespace {

// Hashes text piece by piece, lengths included.
class KeyHash {
 public:
  explicit KeyHash(std::uint64_t seed) : hash_(seed) {}
  void Add(std::string_view text) { hash_ = Hash64(text, hash_ ^ (text.size() * 0x9E3779B97F4A7C15)); }
  std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_;
};

}  // namespace

Router::Router(const Route& root, std::uint64_t seed) : seed_(seed) {
  Add(root);
  nodes_.front().matchers = CompiledMatchers();
  nodes_.front().never = false;
}

std::uint32_t Router::Add(const Route& route) {
  const auto number = static_cast<std::uint32_t>(nodes_.size());
  Node node;
  node.id = route.id;
  absl::StatusOr<CompiledMatchers> compiled = CompiledMatchers::Compile(route.matchers);
  node.never = !compiled.ok();
  if (compiled.ok()) node.matchers = *std::move(compiled);
  node.continue_matching = route.continue_matching;
  node.leads_somewhere = route.policy.set() || route.receiver.set();
  node.group_by_all = route.group_by_all;
  node.group_by = route.group_by;
  node.watch = WatchRule(route);
  watches_ |= node.watch.any();
  std::ranges::sort(node.group_by);
  const auto repeated = std::ranges::unique(node.group_by);
  node.group_by.erase(repeated.begin(), repeated.end());
  nodes_.push_back(std::move(node));
  for (const Route& child : route.children) {
    const std::uint32_t added = Add(child);
    nodes_[number].children.push_back(added);
  }
  IndexChildren(nodes_[number]);
  return number;
}

void Router::IndexChildren(Node& node) const {
  constexpr std::size_t kWorthIt = 4;
  if (node.children.size() < kWorthIt) return;
  for (const std::uint32_t child : node.children) {
    const Matcher* key = nodes_[child].never ? nullptr : MatcherIndex::KeyOf(nodes_[child].matchers);
    if (key != nullptr) {
      node.by_label[MatcherIndex::HashOf(key->name, key->value)].push_back(child);
    } else {
      node.always_tried.push_back(child);
    }
  }
}

void Router::Match(std::span<const LabelView> labels, std::vector<std::uint32_t>& nodes) const {
  nodes.clear();
  MatchNode(0, labels, nodes);
  if (nodes.size() > kRoutesPerAlert) nodes.resize(kRoutesPerAlert);
}

bool Router::MatchNode(std::uint32_t number,
                       std::span<const LabelView> labels,
                       std::vector<std::uint32_t>& nodes) const {
  const Node& node = nodes_[number];
  if (node.never || !node.matchers.Match(labels)) return false;
  bool matched = false;
  const auto try_in_order = [&](std::span<const std::uint32_t> children) {
    for (const std::uint32_t child : children) {
      if (!MatchNode(child, labels, nodes)) continue;
      matched = true;
      if (!nodes_[child].continue_matching) return;
    }
  };
  if (node.by_label.empty()) {
    try_in_order(node.children);
  } else {
    absl::InlinedVector<std::uint32_t, 32> some(node.always_tried.begin(), node.always_tried.end());
    for (const LabelView& label : labels) {  // each child stands under one label alone
      const auto found = node.by_label.find(MatcherIndex::HashOf(label.name, label.value));
      if (found != node.by_label.end()) some.insert(some.end(), found->second.begin(), found->second.end());
    }
    std::ranges::sort(some);
    try_in_order(some);
  }
  if (!matched) nodes.push_back(number);
  return true;
}

std::span<const LabelView> Router::GroupLabels(const Node& node,
                                               std::span<const LabelView> labels,
                                               std::span<LabelView> out) const {
  if (node.group_by_all) return labels;
  std::size_t count = 0;
  std::size_t next = 0;  // both are sorted: one walk over them
  for (const LabelView& label : labels) {
    while (next < node.group_by.size() && std::string_view(node.group_by[next]) < label.name)
      ++next;
    if (next == node.group_by.size()) break;
    if (label.name == node.group_by[next]) out[count++] = label;
  }
  return out.first(count);
}

GroupKey Router::KeyOf(const Node& node, std::span<const LabelView> group_labels, Kind kind) const {
  KeyHash hash(seed_ + static_cast<std::uint64_t>(kind));
  hash.Add(node.id.value());
  for (const LabelView& label : group_labels) {
    hash.Add(label.name);
    hash.Add(label.value);
  }
  const std::uint64_t key = hash.value();
  return GroupKey(key == 0 ? 1 : key);
}

}  // namespace tocsin
