// Private to import: which objects an export's files hold. One kind of object comes in many wrappings: a list under its own
// name, one object under its name, a page of an API's answer, a file or a folder that is called like the kind.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "import/document.h"
#include "import/item.h"

namespace tocsin::import {

struct Document {
  std::string file;
  Value root;
  bool only_rendered = false;
};

struct Shape {
  std::string_view kind;                // as Gathered calls it
  std::vector<std::string_view> names;  // fields, types, files and folders of that name hold it
};

struct Gathered {
  Item item;
  std::string stem;  // of the file: "overrides-PXYZ"
  bool only_rendered = false;
};

// No organisation that can be applied has more: it is one row of a megabyte. What is looked for among them is looked for often.
inline constexpr std::size_t kMostOfAKind = 20'000;

class Gathering {
 public:
  // What belongs to none of the shapes is told; a file that holds nothing of them is a problem.
  Gathering(std::span<const Document> documents, std::span<const Shape> shapes, Report& report);

  const std::vector<Gathered>& of(std::string_view kind) const;

 private:
  bool Add(const Item& root, const std::string& file, int depth);
  bool AddField(const Item& root, const std::string& name, const Item& field, const std::string& file, int depth);
  bool AddList(const Shape* shape, const Item& list, const std::string& file);
  void AddOne(const Shape& shape, const Item& item, const std::string& file);
  const Shape* ShapeOf(std::string_view name) const;
  const Shape* ShapeOfFile(const std::string& file) const;

  std::span<const Shape> shapes_;
  bool only_rendered_ = false;  // of the file that is being read
  std::map<std::string, std::vector<Gathered>, std::less<>> found_;
  std::set<std::string> too_many_;                                            // kinds of which there are
  std::map<std::tuple<std::string, std::string, bool>, std::size_t> places_;  // by kind, id and only_rendered
};

// Objects by what they belong to: as they say themselves, or by the name of their file, which ends with it.
class ByParent {
 public:
  ByParent(const std::vector<Gathered>& all, const std::function<std::string(const Item&)>& parent_of);
  std::vector<Item> Of(const std::string& parent);
  std::size_t left() const { return left_; }  // nobody has asked for

 private:
  std::map<std::string, std::vector<Item>> said_;
  std::map<std::string, std::vector<Item>> by_stem_;
  std::size_t left_ = 0;
};

// "backup/schedules/a-1.json": "a-1", and "schedules".
std::string StemOf(std::string_view file);
std::string FolderOf(std::string_view file);

}  // namespace tocsin::import
