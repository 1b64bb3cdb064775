#include "config/diff.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "base/strings.h"
#include "config/text.h"
#include "model/codec/organisation_proto.h"

namespace tocsin {
namespace {

constexpr int kContents = 500;

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Where the schema and the YAML have different words.
std::string_view YamlName(const FieldDescriptor& field) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"children",          "routes"  },
      {"continue_matching", "continue"},
      {"condition",         "when"    },
      {"incident_severity", "severity"},
      {"from_user",         "from"    },
      {"to_user",           "to"      },
  };
  const auto* found = std::ranges::find(kNames, field.name(), &std::pair<std::string_view, std::string_view>::first);
  return found == std::end(kNames) ? std::string_view(field.name()) : found->second;
}

bool IsSecret(const FieldDescriptor& field) {
  return field.name() == "secret" || field.name() == "password" || field.name() == "auth_token" ||
         field.name() == "token";
}

// KIND_EMAIL is email: what all values begin with is the enumeration's name.
std::string EnumWord(const google::protobuf::EnumValueDescriptor& value) {
  const std::string& first = value.type()->value(0)->name();
  std::size_t common = first.size();
  for (int i = 1; i < value.type()->value_count(); ++i) {
    const std::string& other = value.type()->value(i)->name();
    const auto end = std::ranges::mismatch(first, other).in1 - first.begin();
    common = std::min(common, static_cast<std::size_t>(end));
  }
  const std::size_t underscore = value.name().rfind('_', common == 0 ? 0 : common - 1);
  return ToLower(underscore == std::string::npos ? value.name() : value.name().substr(underscore + 1));
}

// A message that is better read as one text.
std::string MessageText(const Message& message) {
  const std::string& type = message.GetDescriptor()->name();
  if (type == "Duration") {
    absl::Duration duration;
    if (FromProto(dynamic_cast<const google::protobuf::Duration&>(message), duration).ok())
      return DurationText(duration);
  }
  if (type == "Timestamp") {
    absl::Time time;
    if (FromProto(dynamic_cast<const google::protobuf::Timestamp&>(message), time).ok()) return InstantText(time);
  }
  if (type == "Matcher") {
    Matcher matcher;
    if (FromProto(dynamic_cast<const v1::Matcher&>(message), matcher).ok()) return Format(matcher);
  }
  return std::string(Trim(message.ShortDebugString()));
}

std::string ScalarText(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: return absl::StrFormat("%d", reflection.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64: return absl::StrFormat("%d", reflection.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32: return absl::StrFormat("%d", reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64: return absl::StrFormat("%d", reflection.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL: return reflection.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_STRING: return reflection.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.GetEnumValue(message, &field) == 0 ? "" : EnumWord(*reflection.GetEnum(message, &field));
    case FieldDescriptor::CPPTYPE_MESSAGE: return MessageText(reflection.GetMessage(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT: break;
  }
  return "";
}

bool IsWhole(const FieldDescriptor& field) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return false;
  const std::string& type = field.message_type()->name();
  return type == "Duration" || type == "Timestamp" || type == "Matcher" || type == "Target" || type == "Label";
}

// Walks two messages of the same type side by side, by their descriptors: a field that the schema gains is compared from
// the day it is there.
class Comparison {
 public:
  // Up to so many lines tell what is in things that are new as a whole.
  explicit Comparison(int contents) : contents_(contents) {}

  std::vector<Difference> differences;

  void Compare(const std::string& path, const Message& before, const Message& after) {
    const auto& type = *before.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      const std::string name(YamlName(field));
      const std::string field_path = path.empty() ? name : path + "." + name;
      if (field.is_repeated()) {
        CompareList(field_path, before, after, field);
      } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !IsWhole(field)) {
        Compare(field_path, before.GetReflection()->GetMessage(before, &field),
                after.GetReflection()->GetMessage(after, &field));
      } else {
        CompareScalar(field_path, before, after, field);
      }
    }
  }

 private:
  void CompareScalar(const std::string& path,
                     const Message& before,
                     const Message& after,
                     const FieldDescriptor& field) {
    std::string old_text = ScalarText(before, field);
    std::string new_text = ScalarText(after, field);
    if (old_text == new_text) return;
    if (IsSecret(field)) {
      if (!old_text.empty()) old_text = "(secret)";
      new_text = new_text.empty() ? "" : is_new_ ? "(secret)" : "(another secret)";
    }
    if (is_new_) {  // what is assumed where nothing is said was not there before
      old_text.clear();
      if (new_text.empty()) new_text = "none";
    }
    differences.push_back({path, std::move(old_text), std::move(new_text)});
  }

  void CompareList(const std::string& path, const Message& before, const Message& after, const FieldDescriptor& field) {
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || IsWhole(field)) {
      CompareTexts(path, Texts(before, field), Texts(after, field));
    } else if (field.message_type()->FindFieldByName("id") != nullptr) {
      CompareNamed(path, before, after, field);
    } else {
      CompareNumbered(path, before, after, field);
    }
  }

  static std::vector<std::string> Texts(const Message& message, const FieldDescriptor& field) {
    std::vector<std::string> texts;
    const auto& reflection = *message.GetReflection();
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      texts.push_back(field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE
                          ? MessageText(reflection.GetRepeatedMessage(message, &field, i))
                          : reflection.GetRepeatedString(message, &field, i));
    }
    return texts;
  }

  void CompareTexts(const std::string& path,
                    const std::vector<std::string>& before,
                    const std::vector<std::string>& after) {
    if (before == after) return;
    if (is_new_) {
      differences.push_back({path, "", after.empty() ? "none" : Join(after)});
      return;
    }
    std::vector<std::string> old_sorted = before;
    std::vector<std::string> new_sorted = after;
    std::ranges::sort(old_sorted);
    std::ranges::sort(new_sorted);
    if (old_sorted == new_sorted) {
      differences.push_back({path, "in this order: " + Join(before), Join(after)});
      return;
    }
    std::vector<std::string> gone;
    std::vector<std::string> added;
    std::ranges::set_difference(old_sorted, new_sorted, std::back_inserter(gone));
    std::ranges::set_difference(new_sorted, old_sorted, std::back_inserter(added));
    for (std::string& text : gone)
      differences.push_back({path, std::move(text), ""});
    for (std::string& text : added)
      differences.push_back({path, "", std::move(text)});
  }

  static std::string Join(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts)
      all += (all.empty() ? "" : ", ") + text;
    return all;
  }

  void CompareNamed(const std::string& path,
                    const Message& before,
                    const Message& after,
                    const FieldDescriptor& field) {
    const std::map<std::string, const Message*> old_items = ById(before, field);
    const std::map<std::string, const Message*> new_items = ById(after, field);
    for (const auto& [id, item] : old_items) {
      const std::string item_path = absl::StrFormat("%s[%s]", path, id);
      if (const auto found = new_items.find(id); found != new_items.end()) {
        Compare(item_path, *item, *found->second);
      } else {
        differences.push_back({item_path, id, ""});
      }
    }
    std::unique_ptr<Message> nothing;
    for (const auto& [id, item] : new_items) {
      if (old_items.contains(id)) continue;
      if (nothing == nullptr) nothing = Nothing(after, field);
      AddNamed(absl::StrFormat("%s[%s]", path, id), id, *nothing, *item);
    }
    if (differences.empty() || OrderMatters(field)) CompareOrder(path, before, after, field);
  }

  // What a new thing in `parent`'s list is compared with: a route has what it takes over from the one above.
  static std::unique_ptr<Message> Nothing(const Message& parent, const FieldDescriptor& field) {
    std::unique_ptr<Message> nothing(
        parent.GetReflection()->GetMessageFactory()->GetPrototype(field.message_type())->New());
    if (field.name() != "children" || field.message_type() != parent.GetDescriptor()) return nothing;
    nothing->CopyFrom(parent);
    for (const char* own :
         {"matchers", "continue_matching", "children", "mute_time_intervals", "active_time_intervals"})
      nothing->GetReflection()->ClearField(nothing.get(), nothing->GetDescriptor()->FindFieldByName(own));
    return nothing;
  }

  void AddNamed(const std::string& path, const std::string& id, const Message& nothing, const Message& item) {
    differences.push_back({path, "", id});
    if (contents_ <= 0) return;
    const std::size_t begin = differences.size();
    const bool was_new = std::exchange(is_new_, true);
    Compare(path, nothing, item);
    is_new_ = was_new;
    std::erase_if(differences, [&](const Difference& line) { return line.path == path + ".id"; });
    contents_ -= static_cast<int>(differences.size() - begin);
  }

  // The first route that matches wins, and the first service.
  static bool OrderMatters(const FieldDescriptor& field) {
    return field.name() == "children" || field.name() == "services";
  }

  void CompareOrder(const std::string& path,
                    const Message& before,
                    const Message& after,
                    const FieldDescriptor& field) {
    const std::vector<std::string> old_ids = Ids(before, field);
    const std::vector<std::string> new_ids = Ids(after, field);
    if (old_ids != new_ids && std::ranges::is_permutation(old_ids, new_ids)) CompareTexts(path, old_ids, new_ids);
  }

  static std::string IdOf(const Message& item) {
    return item.GetReflection()->GetString(item, item.GetDescriptor()->FindFieldByName("id"));
  }

  static std::vector<std::string> Ids(const Message& message, const FieldDescriptor& field) {
    std::vector<std::string> ids;
    for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
      ids.push_back(IdOf(message.GetReflection()->GetRepeatedMessage(message, &field, i)));
    }
    return ids;
  }

  static std::map<std::string, const Message*> ById(const Message& message, const FieldDescriptor& field) {
    std::map<std::string, const Message*> items;
    for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
      const Message& item = message.GetReflection()->GetRepeatedMessage(message, &field, i);
      items.emplace(IdOf(item), &item);
    }
    return items;
  }

  void CompareNumbered(const std::string& path,
                       const Message& before,
                       const Message& after,
                       const FieldDescriptor& field) {
    const auto& reflection = *before.GetReflection();
    const int old_size = reflection.FieldSize(before, &field);
    const int new_size = reflection.FieldSize(after, &field);
    for (int i = 0; i < std::max(old_size, new_size); ++i) {
      const std::string item_path = absl::StrFormat("%s[%d]", path, i);
      if (i >= new_size) {
        differences.push_back({item_path, MessageText(reflection.GetRepeatedMessage(before, &field, i)), ""});
      } else if (i >= old_size) {
        differences.push_back({item_path, "", MessageText(reflection.GetRepeatedMessage(after, &field, i))});
      } else {
        Compare(item_path, reflection.GetRepeatedMessage(before, &field, i),
                reflection.GetRepeatedMessage(after, &field, i));
      }
    }
  }

  int contents_;
  bool is_new_ = false;
};

std::vector<Difference> Compared(const Organisation& before, const Organisation& after, int contents) {
  v1::Organisation old_message;
  v1::Organisation new_message;
  ToProto(before, old_message);
  ToProto(after, new_message);
  Comparison comparison(contents);
  comparison.Compare("", old_message, new_message);
  return std::move(comparison.differences);
}

}  // namespace

std::vector<Difference> Differences(const Organisation& before, const Organisation& after) {
  return Compared(before, after, /*contents=*/0);
}

std::vector<std::string> Diff(const Organisation& before, const Organisation& after) {
  std::vector<std::string> lines;
  // Where there was nothing, all is new: a list of what there is says more than the files once again.
  const int contents = before.users.empty() ? 0 : kContents;
  for (const Difference& difference : Compared(before, after, contents)) {
    // A thing that is named by its path needs no second naming.
    const auto named = [&](const std::string& text) { return difference.path.ends_with("[" + text + "]"); };
    if (difference.before.empty()) {
      lines.push_back("+ " + difference.path + (named(difference.after) ? "" : ": " + difference.after));
    } else if (difference.after.empty()) {
      lines.push_back("- " + difference.path + (named(difference.before) ? "" : ": " + difference.before));
    } else {
      lines.push_back("~ " + difference.path + ": " + difference.before + " -> " + difference.after);
    }
  }
  return lines;
}

}  // namespace tocsin
