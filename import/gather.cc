#include "import/gather.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

#include "base/strings.h"

namespace tocsin::import {
namespace {

// What an API says beside its objects.
constexpr std::string_view kWrapping[] = {
    "limit",        "offset",     "more",       "total",  "count",       "next",     "previous",
    "page_size",    "took",       "requestId",  "paging", "type",        "warnings", "current_page_number",
    "pages",        "totalCount", "apiVersion", "meta",   "total_pages", "version",  "exported_at",
    "organisation",
};
// Fields that hold objects of a kind that only the file's name tells, or that are a level to go through.
constexpr std::string_view kInside[] = {"data", "results", "nodes", "values"};

}  // namespace

std::string StemOf(std::string_view file) {
  const std::size_t slash = file.rfind('/');
  if (slash != std::string_view::npos) file.remove_prefix(slash + 1);
  return std::string(file.substr(0, file.rfind('.')));
}

std::string FolderOf(std::string_view file) {
  const std::size_t slash = file.rfind('/');
  if (slash == std::string_view::npos) return "";
  return StemOf(std::string(file.substr(0, slash)) + ".");
}

Gathering::Gathering(std::span<const Document> documents, std::span<const Shape> shapes, Report& report)
    : shapes_(shapes) {
  std::string known;
  for (const Shape& shape : shapes)
    absl::StrAppendFormat(&known, "%s%s", known.empty() ? "" : ", ", shape.names.front());
  for (const Document& document : documents) {
    const Item root(&document.root, document.file + ":", &report);
    only_rendered_ = document.only_rendered;
    if (Add(root, document.file, 0)) continue;
    report.Problem(document.file, absl::StrFormat("holds nothing that is known here; looked for %s, as a field, a type "
                                                  "or the file's name",
                                                  known));
  }
}

const std::vector<Gathered>& Gathering::of(std::string_view kind) const {
  static const std::vector<Gathered>* const none = new std::vector<Gathered>();
  const auto found = found_.find(kind);
  return found == found_.end() ? *none : found->second;
}

const Shape* Gathering::ShapeOf(std::string_view name) const {
  const auto found = std::ranges::find_if(
      shapes_, [&](const Shape& shape) { return std::ranges::find(shape.names, name) != shape.names.end(); });
  return found == shapes_.end() ? nullptr : &*found;
}

const Shape* Gathering::ShapeOfFile(const std::string& file) const {
  const std::string stem = StemOf(file);
  const Shape* best = ShapeOf(stem);
  std::size_t length = 0;
  if (best != nullptr) return best;
  for (const Shape& shape : shapes_) {
    for (const std::string_view name : shape.names) {
      const bool begins = stem.starts_with(name) && !absl::ascii_isalpha(static_cast<unsigned char>(stem[name.size()]));
      if (begins && name.size() > length) {
        best = &shape;
        length = name.size();
      }
    }
  }
  return best != nullptr ? best : ShapeOf(FolderOf(file));
}

void Gathering::AddOne(const Shape& shape, const Item& item, const std::string& file) {
  if (!item.is_map()) return item.Problem("is no object; export it again, and do not edit it by hand");
  std::vector<Gathered>& all = found_[std::string(shape.kind)];
  if (all.size() == kMostOfAKind) {
    if (too_many_.insert(std::string(shape.kind)).second) {
      item.Problem(absl::StrFormat("with it there are more than %d %s: import it in parts", kMostOfAKind, shape.kind));
    }
    return;
  }
  const std::string id = item.Text("id");
  const auto [place, is_new] = places_.try_emplace({std::string(shape.kind), id, only_rendered_}, all.size());
  if (id.empty() || is_new) {
    all.push_back({item, StemOf(file), only_rendered_});
  } else if (item.Fields().size() > all[place->second].item.Fields().size()) {
    // The same object from a list and on its own: whichever says more.
    all[place->second] = {item, StemOf(file), only_rendered_};
  }
}

bool Gathering::AddList(const Shape* shape, const Item& list, const std::string& file) {
  bool any = list.Items().empty();
  for (const Item& item : list.Items()) {
    const Shape* of_item = shape != nullptr ? shape : ShapeOf(item.Text("type"));
    if (of_item == nullptr) of_item = ShapeOfFile(file);
    if (of_item == nullptr) {
      const std::string type = item.Text("type");
      item.report().Unknown("the list", type.empty() ? "(objects without a type)" : type, item.path());
      continue;
    }
    AddOne(*of_item, item, file);
    any = true;
  }
  return any;
}

bool Gathering::AddField(
    const Item& root, const std::string& name, const Item& field, const std::string& file, int depth) {
  if (const Shape* shape = ShapeOf(name)) {
    if (field.is_list()) return AddList(shape, field, file);
    if (field["nodes"].is_list()) return AddList(shape, field["nodes"], file);
    if (field.present()) AddOne(*shape, field, file);
    return true;
  }
  if (std::ranges::find(kInside, std::string_view(name)) != std::end(kInside)) {
    if (field.is_list()) return AddList(nullptr, field, file);
    if (field.is_map() && Add(field, file, depth + 1)) return true;
  }
  if (std::ranges::find(kWrapping, std::string_view(name)) == std::end(kWrapping)) {
    root.report().Unknown("the file", name, root.path());
  }
  return false;
}

bool Gathering::Add(const Item& root, const std::string& file, int depth) {
  constexpr int kWrappings = 3;
  if (depth > kWrappings) return false;
  if (root.is_list()) return AddList(nullptr, root, file);
  if (!root.is_map()) return false;
  // One object of a backup's folder; or one that says what it is.
  const Shape* of_type = ShapeOf(root.Text("type"));
  if (of_type == nullptr && !root["data"].present() && !root["results"].present()) {
    const bool named =
        std::ranges::any_of(root.Fields(), [&](const auto& field) { return ShapeOf(field.first) != nullptr; });
    if (!named || root["id"].present()) of_type = ShapeOfFile(file);
    // A backup's {schedule: {...}, scheduleOverrideList: [...]} in the folder schedules: both belong together.
    const Shape* of_folder = ShapeOf(FolderOf(file));
    const bool wraps =
        of_folder != nullptr && root.Fields().size() > 1 && std::ranges::any_of(root.Fields(), [&](const auto& field) {
          return field.second.is_map() && ShapeOf(field.first) == of_folder;
        });
    if (wraps) of_type = of_folder;
  }
  if (of_type != nullptr) {
    AddOne(*of_type, root, file);
    return true;
  }
  bool any = false;
  for (const auto& [name, field] : root.Fields())
    any = AddField(root, name, field, file, depth) || any;
  return any;
}

ByParent::ByParent(const std::vector<Gathered>& all, const std::function<std::string(const Item&)>& parent_of)
    : left_(all.size()) {
  for (const Gathered& each : all) {
    const std::string parent = parent_of(each.item);
    (parent.empty() ? by_stem_[each.stem] : said_[parent]).push_back(each.item);
  }
}

std::vector<Item> ByParent::Of(const std::string& parent) {
  std::vector<Item> found;
  const auto take = [&](std::map<std::string, std::vector<Item>>& from,
                        std::map<std::string, std::vector<Item>>::iterator at) {
    found.insert(found.end(), at->second.begin(), at->second.end());
    left_ -= at->second.size();
    from.erase(at);
  };
  if (const auto said = said_.find(parent); said != said_.end()) take(said_, said);
  for (auto at = by_stem_.begin(); at != by_stem_.end();) {
    const auto next = std::next(at);
    if (at->first.ends_with(parent)) take(by_stem_, at);
    at = next;
  }
  return found;
}

}  // namespace tocsin::import
