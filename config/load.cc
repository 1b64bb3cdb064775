#include "config/load.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/limits.h"
#include "base/strings.h"
#include "config/check.h"
#include "config/read.h"
#include "config/yaml.h"

namespace tocsin {
namespace {

constexpr std::size_t kMostProblems = 1000;

// Reads one document after the other into the same organisation.
class Merger {
 public:
  Merger(Reader& reader, Organisation& to) : reader_(reader), to_(to) {}

  void Read(const YamlNode& root) {
    Fields fields(reader_, root, "");
    Once(fields, "name", [&] { fields.Text("name", to_.name); });
    Once(fields, "public_url", [&] { fields.Text("public_url", to_.public_url); });
    Once(fields, "fallback_user", [&] { fields.Name("fallback_user", to_.fallback_user); });
    Each(fields, "users", to_.users, ReadUser);
    Each(fields, "teams", to_.teams, ReadTeam);
    Each(fields, "schedules", to_.schedules, ReadSchedule);
    Each(fields, "policies", to_.policies, ReadPolicy);
    Each(fields, "services", to_.services, ReadService);
    Each(fields, "integrations", to_.integrations, ReadIntegration);
    Each(fields, "receivers", to_.receivers, ReadReceiver);
    Each(fields, "incident_rules", to_.incident_rules, ReadIncidentRule);
    Each(fields, "inhibition_rules", to_.inhibition_rules, ReadInhibitionRule);
    Each(fields, "time_intervals", to_.time_intervals, ReadTimeInterval);
    Each(fields, "maintenance", to_.maintenance, ReadMaintenance);
    Single(fields, "route", to_.route, ReadRoute);
    Single(fields, "smtp", to_.smtp, ReadSmtp);
    Single(fields, "twilio", to_.twilio, ReadTwilio);
    Single(fields, "dead_man", to_.dead_man, ReadDeadMan);
  }

 private:
  // Calls read() unless an earlier document has the field.
  template <typename Do>
  void Once(Fields& fields, std::string_view name, const Do& read) {
    const YamlNode* value = fields.Take(name);
    if (value == nullptr) return;
    const auto [first, is_new] = declared_.try_emplace(name, value);
    if (is_new) {
      read();
    } else {
      reader_.Report(*value, std::string(name),
                     absl::StrFormat("is declared twice, first at %s:%d:%d", first->second->file, first->second->line,
                                     first->second->column));
    }
  }

  template <typename T>
  using ReadOne = void (*)(Reader&, const YamlNode&, const std::string&, T&);

  template <typename T>
  void Each(Fields& fields, std::string_view name, std::vector<T>& to, ReadOne<T> read) {
    fields.List(
        name, [&](const YamlNode& item, const std::string& path) { read(reader_, item, path, to.emplace_back()); },
        to.size());
  }

  template <typename T>
  void Single(Fields& fields, std::string_view name, T& to, ReadOne<T> read) {
    Once(fields, name, [&] { read(reader_, *fields.Take(name), std::string(name), to); });
  }

  Reader& reader_;
  Organisation& to_;
  std::map<std::string_view, const YamlNode*> declared_;
};

// `(first: users[0])` becomes `(first: team.yaml:3:5)`.
void ReplaceFirst(const Reader& reader, std::string& message) {
  constexpr std::string_view kFirst = "(first: ";
  const std::size_t begin = message.rfind(kFirst);
  if (begin == std::string::npos || !message.ends_with(')')) return;
  const std::size_t start = begin + kFirst.size();
  const YamlNode* node = reader.Find(message.substr(start, message.size() - 1 - start));
  if (node == nullptr) return;
  message.replace(start, message.size() - 1 - start, absl::StrFormat("%s:%d:%d", node->file, node->line, node->column));
}

void AddPositions(const Reader& reader, std::vector<Problem>& problems) {
  for (Problem& problem : problems) {
    ReplaceFirst(reader, problem.message);
    const YamlNode* node = reader.Find(problem.path);
    if (node == nullptr) continue;
    problem.file = node->file;
    problem.line = node->line;
    problem.column = node->column;
  }
}

// Adds what Check finds, unless something at that place, or around it, could not even be read.
void AddChecked(const Reader& reader, const Organisation& organisation, std::vector<Problem>& problems) {
  std::vector<Problem> found = Check(organisation);
  const auto is_at_or_below = [](const std::string& path, const std::string& above) {
    return path.starts_with(above) &&
           (path.size() == above.size() || path[above.size()] == '.' || path[above.size()] == '[');
  };
  std::erase_if(found, [&](const Problem& problem) {
    return std::ranges::any_of(
        problems, [&](const Problem& form) { return !form.path.empty() && is_at_or_below(problem.path, form.path); });
  });
  AddPositions(reader, found);
  std::ranges::move(found, std::back_inserter(problems));
}

void SortByPlace(std::span<const SourceFile> files, std::vector<Problem>& problems) {
  const auto place = [&](const Problem& problem) {
    const auto file = std::ranges::find(files, problem.file, &SourceFile::name) - files.begin();
    return std::tuple(file, problem.line, problem.column);
  };
  std::ranges::stable_sort(problems, {}, place);
  if (problems.size() <= kMostProblems) return;
  const std::size_t more = problems.size() - kMostProblems;
  problems.resize(kMostProblems);
  problems.push_back({"", 0, 0, "", absl::StrFormat("and %d more problems", more)});
}

}  // namespace

LoadResult Load(std::span<const SourceFile> files, const Secrets& secrets) {
  LoadResult result;
  std::size_t bytes = 0;
  for (const SourceFile& file : files)
    bytes += file.text.size();
  if (bytes > limits::kConfigurationBytes) {
    result.problems.push_back(
        {"", 0, 0, "",
         absl::StrFormat("the files have %d bytes in all, at most %d", bytes, limits::kConfigurationBytes)});
    return result;
  }
  std::vector<YamlPtr> roots;  // kept: the reader points into them
  Reader reader(secrets);
  Merger merger(reader, result.organisation);
  for (const SourceFile& file : files) {
    YamlDocuments documents = ParseYaml(file.name, file.text);
    std::ranges::move(documents.problems, std::back_inserter(result.problems));
    for (YamlPtr& root : documents.roots) {
      merger.Read(*root);
      roots.push_back(std::move(root));
    }
  }
  // With a part of the text missing, references into it would seem to lead nowhere.
  if (result.problems.empty()) AddChecked(reader, result.organisation, reader.problems());
  std::ranges::move(reader.problems(), std::back_inserter(result.problems));
  SortByPlace(files, result.problems);
  return result;
}

}  // namespace tocsin
