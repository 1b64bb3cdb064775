// The routing tree, compiled: which routes an alert goes to, and what its group there is. As Alertmanager's
// (specs/wire-compat.md 1.9): depth first; a child that matches ends the scan of its siblings unless it says `continue`; a
// node that matches and has no matching child is itself the match. The root matches everything.
//
// Of many siblings only those are tried that may match: one with an equality matcher is found by the alert's own labels, so a route
// for each of a hundred thousand people costs an alert no more than one for each of ten.
//
// Immutable after construction; pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/group_watch.h"
#include "model/ids.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/organisation.h"

namespace tocsin {

class Router {
 public:
  // At most so many routes of one alert are followed, in tree order.
  static constexpr std::size_t kRoutesPerAlert = 256;

  struct Node {
    RouteId id;
    CompiledMatchers matchers;
    bool never = false;  // its matchers do not compile: a checked organisation has none such
    bool continue_matching = false;
    bool leads_somewhere = false;  // it has a policy or a receiver
    bool group_by_all = false;
    std::vector<std::string> group_by;  // sorted, unique
    WatchRule watch;
    std::vector<std::uint32_t> children;
    // Of many children; empty of few. Numbers ascend in the order of the tree.
    std::vector<std::uint32_t> always_tried;
    std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> by_label;  // MatcherIndex::HashOf
  };

  // `seed` makes group keys unguessable; it is the store's, so that all shards and all times agree.
  Router(const Route& root, std::uint64_t seed);

  // The matching routes in tree order, at least one. `labels` are normalised.
  void Match(std::span<const LabelView> labels, std::vector<std::uint32_t>& nodes) const;
  const Node& node(std::uint32_t number) const { return nodes_[number]; }
  const Node& root() const { return nodes_.front(); }
  // In tree order.
  const std::vector<Node>& nodes() const { return nodes_; }
  // Any route asks for more than counts.
  bool watches() const { return watches_; }

  // The labels that make the alert's group at `node`: a part of `labels`, in order. `out` holds at least as many.
  std::span<const LabelView> GroupLabels(const Node& node,
                                         std::span<const LabelView> labels,
                                         std::span<LabelView> out) const;
  // Never zero. Groups of `kind` kOwn are the shard's own: no alert's labels can make their key.
  enum class Kind : std::uint8_t {
    kAlerts = 0,
    kOwn = 1
  };
  GroupKey KeyOf(const Node& node, std::span<const LabelView> group_labels, Kind kind = Kind::kAlerts) const;

 private:
  std::uint32_t Add(const Route& route);
  void IndexChildren(Node& node) const;
  bool MatchNode(std::uint32_t number, std::span<const LabelView> labels, std::vector<std::uint32_t>& nodes) const;

  std::uint64_t seed_;
  std::vector<Node> nodes_;  // the root first, in tree order
  bool watches_ = false;
};

}  // namespace tocsin
