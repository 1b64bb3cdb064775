#include "config/yaml.h"

#include <algorithm>
#include <sstream>
#include <unordered_map>

#include "absl/strings/str_format.h"
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "base/limits.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr int kDocumentsPerFile = 100;

// Builds the tree from yaml-cpp's events. After the first offence against a bound it takes in nothing more; the parser
// then runs on over text that is bounded, too.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, YamlDocuments& out)
      : file_(std::make_shared<const std::string>(file)), out_(out) {}

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {
    open_.clear();
    anchors_.clear();
    root_.reset();
  }
  void OnDocumentEnd() override {
    if (root_ != nullptr && root_->kind != YamlNode::Kind::kNull && !refused_) out_.roots.push_back(root_);
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { AddLeaf(mark, anchor, YamlNode::Kind::kNull); }
  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& value) override {
    CheckTag(mark, tag);
    AddLeaf(mark, anchor, YamlNode::Kind::kText, value);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(mark, tag, anchor, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

  bool refused() const { return refused_; }

 private:
  struct OpenNode {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    YamlPtr key;                                         // of a map: waiting for its value
    std::unordered_map<std::string_view, int> key_line;  // of a map: keys seen; views into the keys' nodes
  };

  void Report(const YAML::Mark& mark, std::string message) {
    out_.problems.push_back({*file_, mark.line + 1, mark.column + 1, "", std::move(message)});
  }
  void Refuse(const YAML::Mark& mark, std::string message) {
    if (!refused_) Report(mark, std::move(message));
    refused_ = true;
    out_.is_cut = true;
  }
  void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    const bool plain = tag.empty() || tag == "?" || tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!plain && !refused_) Report(mark, absl::StrFormat("the tag %s has no meaning here", JsonQuote(tag)));
  }
  std::shared_ptr<YamlNode> Make(const YAML::Mark& mark, YamlNode::Kind kind) const {
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->file = file_;
    node->line = mark.line + 1;
    node->column = mark.column + 1;
    return node;
  }
  void AddLeaf(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind, std::string_view text = {});
  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind);
  void Close();
  // Puts a finished node where it belongs.
  void Place(const YamlPtr& node);
  void PlaceKey(OpenNode& map, const YamlPtr& node);
  bool Count(const YAML::Mark& mark, std::size_t weight);

  const std::shared_ptr<const std::string> file_;
  YamlDocuments& out_;
  std::vector<OpenNode> open_;
  std::unordered_map<YAML::anchor_t, YamlPtr> anchors_;  // finished ones only: no node can contain itself
  YamlPtr root_;
  std::size_t total_ = 0;
  bool refused_ = false;
};

bool TreeBuilder::Count(const YAML::Mark& mark, std::size_t weight) {
  total_ += weight;
  if (total_ > limits::kConfigurationNodes) {
    Refuse(mark, absl::StrFormat("more than %d values in all, aliases expanded", limits::kConfigurationNodes));
  }
  return !refused_;
}

void TreeBuilder::AddLeaf(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind, std::string_view text) {
  if (refused_ || !Count(mark, 1)) return;
  const std::shared_ptr<YamlNode> node = Make(mark, kind);
  node->text = text;
  if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
  Place(node);
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  if (refused_) return;
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) {
    Refuse(mark, "an alias stands for something that it is a part of");
    return;
  }
  if (static_cast<int>(open_.size()) + found->second->depth > limits::kConfigurationDepth) {
    Refuse(mark, absl::StrFormat("nested deeper than %d, aliases expanded", limits::kConfigurationDepth));
    return;
  }
  if (Count(mark, found->second->weight)) Place(found->second);
}

void TreeBuilder::Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
  if (refused_ || !Count(mark, 1)) return;
  CheckTag(mark, tag);
  if (static_cast<int>(open_.size()) >= limits::kConfigurationDepth) {
    Refuse(mark, absl::StrFormat("nested deeper than %d", limits::kConfigurationDepth));
    return;
  }
  open_.push_back({Make(mark, kind), anchor, nullptr, {}});
}

void TreeBuilder::Close() {
  if (refused_) return;
  const OpenNode finished = std::move(open_.back());
  open_.pop_back();
  YamlNode& node = *finished.node;
  const auto count = [&node](const YamlPtr& child) {
    node.weight += child->weight;
    node.depth = std::max(node.depth, child->depth + 1);
  };
  std::ranges::for_each(node.items, count);
  for (const YamlNode::Entry& entry : node.entries) {
    count(entry.key);
    count(entry.value);
  }
  if (finished.anchor != YAML::NullAnchor) anchors_[finished.anchor] = finished.node;
  Place(finished.node);
}

void TreeBuilder::Place(const YamlPtr& node) {
  if (open_.empty()) {
    root_ = node;
    return;
  }
  OpenNode& parent = open_.back();
  if (parent.node->kind == YamlNode::Kind::kList) {
    parent.node->items.push_back(node);
  } else if (parent.key == nullptr) {
    PlaceKey(parent, node);
  } else {
    parent.node->entries.push_back({std::move(parent.key), node});
    parent.key.reset();
  }
}

void TreeBuilder::PlaceKey(OpenNode& map, const YamlPtr& node) {
  const YAML::Mark mark = [&] {
    YAML::Mark at;
    at.line = node->line - 1;
    at.column = node->column - 1;
    return at;
  }();
  if (node->kind != YamlNode::Kind::kText) {
    Refuse(mark, absl::StrFormat("a key must be text, here it is %s", Describe(node->kind)));
    return;
  }
  map.key = node;
  const auto [seen, is_new] = map.key_line.try_emplace(node->text, node->line);
  if (!is_new)
    Report(mark, absl::StrFormat("the key %s is there twice, first in line %d", JsonQuote(node->text), seen->second));
}

// Reports the first byte that makes text no configuration at all; yaml-cpp would guess at UTF-16 and the like.
bool CheckEncoding(const std::string& file, std::string_view text, std::vector<Problem>& problems) {
  int line = 1;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view row = text.substr(begin, end - begin);
    const bool has_null = row.find('\0') != std::string_view::npos;
    if (has_null || !IsValidUtf8(row)) {
      problems.push_back({file, line, 1, "", has_null ? "a zero byte in this line" : "this line is not UTF-8"});
      return false;
    }
    begin = end + 1;
    ++line;
  }
  return true;
}

// The first line up to `last` whose indentation has a TAB, which the parser calls many things; 0: none.
int LineWithTab(std::string_view text, int last) {
  int line = 1;
  for (std::size_t begin = 0; begin < text.size() && line <= last; ++line) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view row = text.substr(begin, end - begin);
    const std::string_view indentation = row.substr(0, std::min(row.find_first_not_of(" \t"), row.size()));
    if (indentation.find('\t') != std::string_view::npos && indentation.size() < row.size()) return line;
    begin = end + 1;
  }
  return 0;
}

}  // namespace

std::string_view Describe(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull: return "nothing";
    case YamlNode::Kind::kText: return "text";
    case YamlNode::Kind::kList: return "a list";
    case YamlNode::Kind::kMap: return "a map";
  }
  return "something";
}

YamlDocuments ParseYaml(const std::string& file, std::string_view text) {
  YamlDocuments out;
  if (text.size() > limits::kConfigurationBytes) {
    out.problems.push_back(
        {file, 0, 0, "", absl::StrFormat("%d bytes, at most %d", text.size(), limits::kConfigurationBytes)});
    out.is_cut = true;
    return out;
  }
  out.is_cut = true;  // until it was read to its end
  if (!CheckEncoding(file, text, out.problems)) return out;
  out.is_cut = false;
  TreeBuilder builder(file, out);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    int documents = 0;
    while (!builder.refused() && parser.HandleNextDocument(builder)) {
      if (++documents > kDocumentsPerFile) {
        out.problems.push_back({file, 0, 0, "", absl::StrFormat("more than %d documents", kDocumentsPerFile)});
        out.is_cut = true;
        break;
      }
    }
  } catch (const YAML::Exception& e) {
    out.is_cut = true;
    const bool somewhere = !e.mark.is_null();
    const int tab = somewhere ? LineWithTab(text, e.mark.line + 1) : 0;
    if (tab > 0) {
      out.problems.push_back({file, tab, 1, "", "this line is indented by a TAB; YAML takes blanks only"});
      return out;
    }
    out.problems.push_back({file, somewhere ? e.mark.line + 1 : 0, somewhere ? e.mark.column + 1 : 0, "", e.msg});
  }
  return out;
}

}  // namespace tocsin
