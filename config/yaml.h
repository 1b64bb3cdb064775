// YAML text as a tree with positions. Only what configuration needs: maps with text keys, lists, text, nothing. Typed tags
// are refused, duplicate keys are problems.
//
// Hostile input: text, nesting and the number of nodes are bounded (base/limits.h), and an alias counts as all that it
// stands for, so a small file cannot become a large tree. No node contains itself.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/problem.h"

namespace tocsin {

struct YamlNode {
  enum class Kind : std::uint8_t {
    kNull,
    kText,
    kList,
    kMap
  };
  Kind kind = Kind::kNull;
  std::shared_ptr<const std::string> file;  // its name; the same for all of them
  int line = 0;                             // from 1
  int column = 0;
  std::string text;
  std::vector<std::shared_ptr<const YamlNode>> items;
  struct Entry {
    std::shared_ptr<const YamlNode> key;  // kText
    std::shared_ptr<const YamlNode> value;
  };
  std::vector<Entry> entries;  // as written; keys are unique unless a problem says otherwise
  std::size_t weight = 1;      // nodes in this tree, aliases expanded
  int depth = 1;
};
using YamlPtr = std::shared_ptr<const YamlNode>;

// "text", "a list" ... for messages.
std::string_view Describe(YamlNode::Kind kind);

struct YamlDocuments {
  std::vector<YamlPtr> roots;  // one for each document of the file that is not empty
  std::vector<Problem> problems;
  bool is_cut = false;  // some of the text was not understood, and is in no root
};
YamlDocuments ParseYaml(const std::string& file, std::string_view text);

}  // namespace tocsin
