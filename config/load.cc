#include "config/load.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/limits.h"
#include "base/strings.h"
#include "config/check.h"
#include "config/check_context.h"
#include "config/read.h"
#include "config/warn.h"
#include "config/yaml.h"

namespace tocsin {
namespace {

constexpr std::size_t kMostProblems = 1000;

// Reads one document after the other into the same organisation.
class Merger {
 public:
  Merger(Reader& reader, Organisation& to) : reader_(reader), to_(to) {}

  bool Has(std::string_view section) const { return sections_.contains(section); }
  bool empty() const { return sections_.empty(); }

  void Read(const YamlNode& root) {
    YamlFields fields(reader_, root, "");
    Once(fields, "name", [&] { fields.Text("name", to_.name); });
    Once(fields, "public_url", [&] { fields.Text("public_url", to_.public_url); });
    Once(fields, "fallback_user", [&] { fields.Name("fallback_user", to_.fallback_user); });
    Each(fields, "users", to_.users, ReadUser);
    Each(fields, "teams", to_.teams, ReadTeam);
    Each(fields, "holidays", to_.holidays, ReadHolidayCalendar);
    Each(fields, "schedules", to_.schedules, ReadSchedule);
    Each(fields, "policies", to_.policies, ReadPolicy);
    Each(fields, "services", to_.services, ReadService);
    Each(fields, "integrations", to_.integrations, ReadIntegration);
    Each(fields, "heartbeats", to_.heartbeats, ReadHeartbeat);
    Each(fields, "receivers", to_.receivers, ReadReceiver);
    Each(fields, "incident_rules", to_.incident_rules, ReadIncidentRule);
    Each(fields, "inhibition_rules", to_.inhibition_rules, ReadInhibitionRule);
    Each(fields, "time_intervals", to_.time_intervals, ReadTimeInterval);
    Each(fields, "maintenance", to_.maintenance, ReadMaintenance);
    Single(fields, "route", to_.route, ReadRoute);
    Single(fields, "smtp", to_.smtp, ReadSmtp);
    Single(fields, "twilio", to_.twilio, ReadTwilio);
    Single(fields, "second_smtp", to_.second_smtp, ReadSmtp);
    Single(fields, "second_twilio", to_.second_twilio, ReadTwilio);
    Single(fields, "dead_man", to_.dead_man, ReadDeadMan);
    Single(fields, "limits", to_.limits, ReadLimits);
    Single(fields, "slack", to_.slack, ReadSlack);
    Single(fields, "self_tests", to_.self_tests, ReadSelfTests);
  }

 private:
  // Calls read() unless an earlier document has the field.
  template <typename Do>
  void Once(YamlFields& fields, std::string_view name, const Do& read) {
    const YamlNode* value = fields.Take(name);
    if (value == nullptr) return;
    sections_.insert(name);
    const auto [first, is_new] = declared_.try_emplace(name, value);
    if (is_new) {
      read();
    } else {
      reader_.Report(*value, std::string(name),
                     absl::StrFormat("is declared twice, first at %s:%d:%d", *first->second->file, first->second->line,
                                     first->second->column));
    }
  }

  template <typename T>
  using ReadOne = void (*)(Reader&, const YamlNode&, const std::string&, T&);

  template <typename T>
  void Each(YamlFields& fields, std::string_view name, std::vector<T>& to, ReadOne<T> read) {
    if (fields.Has(name)) sections_.insert(name);
    fields.List(
        name, [&](const YamlNode& item, const std::string& path) { read(reader_, item, path, to.emplace_back()); },
        to.size());
  }

  template <typename T>
  void Single(YamlFields& fields, std::string_view name, T& to, ReadOne<T> read) {
    Once(fields, name, [&] { read(reader_, *fields.Take(name), std::string(name), to); });
  }

  Reader& reader_;
  Organisation& to_;
  std::map<std::string_view, const YamlNode*> declared_;
  std::set<std::string_view> sections_;
};

// All files are one organisation: what is left out would be gone. Says so where that is the likely mistake, instead of what
// follows from it.
void ExplainWhatIsMissing(const Merger& merger, std::vector<Problem>& problems) {
  if (problems.empty()) return;
  if (!merger.Has("route")) {
    std::erase_if(problems,
                  [](const Problem& problem) { return problem.path == "route" || problem.path == "route.id"; });
    problems.push_back({"", 0, 0, "route", "is missing: the root of the tree that every alert goes down"});
  }
  const bool is_part =
      !merger.Has("users") || !merger.Has("policies") || !merger.Has("route") || !merger.Has("fallback_user");
  if (!is_part) return;
  const struct {
    std::string_view section;
    std::string_view what;  // as it is called where it is unknown
    bool is_needed;
  } sections[] = {
      {"users",          "user",          true },
      {"teams",          "team",          false},
      {"schedules",      "schedule",      false},
      {"policies",       "policy",        true },
      {"receivers",      "receiver",      false},
      {"time_intervals", "time interval", false},
      {"services",       "service",       false},
      {"route",          "",              true },
      {"fallback_user",  "",              true },
  };
  std::string missing;
  for (const auto& [section, what, is_needed] : sections) {
    if (merger.Has(section)) continue;
    const std::string name = std::string(what) + " \"";
    const std::size_t followed = std::erase_if(problems, [&](const Problem& problem) {
      return !what.empty() && problem.message.starts_with(name) &&
             problem.message.find("\" is unknown") != std::string::npos;
    });
    if (is_needed || followed > 0) missing += (missing.empty() ? "" : ", ") + std::string(section);
  }
  if (!merger.Has("users")) {
    std::erase_if(problems, [](const Problem& problem) {
      return problem.message.find("reaches nobody") != std::string::npos ||
             problem.message.find("cannot be reached") != std::string::npos;
    });
  }
  problems.push_back(
      {"", 0, 0, "",
       absl::StrFormat("there is nothing under %s: is a file missing? All files together are one organisation, "
                       "and what they leave out would be gone",
                       missing)});
}

// `(first: users[0])` becomes `(first: team.yaml:3:5)`.
void ReplaceFirst(const Reader& reader, std::string& message) {
  constexpr std::string_view kFirst = "(first: ";
  const std::size_t begin = message.rfind(kFirst);
  if (begin == std::string::npos || !message.ends_with(')')) return;
  const std::size_t start = begin + kFirst.size();
  const YamlNode* node = reader.Find(message.substr(start, message.size() - 1 - start));
  if (node == nullptr) return;
  message.replace(start, message.size() - 1 - start,
                  absl::StrFormat("%s:%d:%d", *node->file, node->line, node->column));
}

void AddPositions(const Reader& reader, std::vector<Problem>& problems) {
  for (Problem& problem : problems) {
    ReplaceFirst(reader, problem.message);
    const YamlNode* node = reader.Find(problem.path);
    if (node == nullptr) continue;
    problem.file = *node->file;
    problem.line = node->line;
    problem.column = node->column;
  }
}

// Adds what Check finds, unless something at that place, or around it, could not even be read.
void AddChecked(const Reader& reader,
                const Organisation& organisation,
                const MoreProblems& more,
                std::vector<Problem>& problems) {
  std::vector<Problem> found = Check(organisation);
  if (more) std::ranges::move(more(organisation), std::back_inserter(found));
  const auto is_at_or_below = [](const std::string& path, const std::string& above) {
    return path.starts_with(above) &&
           (path.size() == above.size() || path[above.size()] == '.' || path[above.size()] == '[');
  };
  // Whatever else is said of a thing depends on its kind.
  const auto around = [](std::string path) { return path.ends_with(".kind") ? path.substr(0, path.rfind('.')) : path; };
  std::erase_if(found, [&](const Problem& problem) {
    return std::ranges::any_of(problems, [&](const Problem& form) {
      return !form.path.empty() && is_at_or_below(problem.path, around(form.path));
    });
  });
  AddPositions(reader, found);
  std::ranges::move(found, std::back_inserter(problems));
}

// What is missing stands nowhere. Of one file it is said of its beginning.
void PlaceWhatIsMissing(std::span<const SourceFile> files, std::vector<Problem>& problems) {
  if (files.size() != 1) return;
  for (Problem& problem : problems) {
    if (!problem.file.empty() || problem.path.empty()) continue;
    problem.file = files.front().name;
    problem.line = problem.column = 1;
  }
}

void SortByPlace(std::span<const SourceFile> files, std::vector<Problem>& problems) {
  const auto place = [&](const Problem& problem) {
    const auto file = std::ranges::find(files, problem.file, &SourceFile::name) - files.begin();
    const bool is_of_all = problem.file.empty() && problem.path.empty();  // such as files that are not there: first
    return std::tuple(!is_of_all, file, problem.line, problem.column);
  };
  std::ranges::stable_sort(problems, {}, place);
  if (problems.size() <= kMostProblems) return;
  const std::size_t more = problems.size() - kMostProblems;
  problems.resize(kMostProblems);
  problems.push_back({"", 0, 0, "", absl::StrFormat("and %d more problems", more)});
}

}  // namespace

LoadResult Load(std::span<const SourceFile> files, const Secrets& secrets, const MoreProblems& more) {
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
  bool is_cut = false;
  for (const SourceFile& file : files) {
    YamlDocuments documents = ParseYaml(file.name, file.text);
    is_cut |= documents.is_cut;
    std::ranges::move(documents.problems, std::back_inserter(result.problems));
    for (YamlPtr& root : documents.roots) {
      merger.Read(*root);
      roots.push_back(std::move(root));
    }
  }
  // With a part of the text missing, references into it would seem to lead nowhere.
  if (!is_cut) {
    if (!merger.empty()) {
      if (reader.problems().size() <= kMostProblems) AddChecked(reader, result.organisation, more, reader.problems());
      ExplainWhatIsMissing(merger, reader.problems());
    } else if (reader.problems().empty()) {
      reader.problems().push_back({"", 0, 0, "",
                                   "nothing is declared: an organisation has at least users, policies, a route and a "
                                   "fallback_user (deploy/sample "
                                   "is an example, `tocsin export` prints what is in force)"});
    }
  }
  if (result.problems.empty() && reader.problems().empty()) {
    result.warnings = Warnings(result.organisation);
    AddPositions(reader, result.warnings);
    SortByPlace(files, result.warnings);
  }
  std::ranges::move(reader.problems(), std::back_inserter(result.problems));
  PlaceWhatIsMissing(files, result.problems);
  SortByPlace(files, result.problems);
  return result;
}

absl::StatusOr<FieldMapping> LoadFieldMapping(const SourceFile& file) {
  if (file.text.size() > limits::kConfigurationBytes) return Invalid("%s is larger than any mapping", file.name);
  YamlDocuments documents = ParseYaml(file.name, file.text);
  std::vector<Problem> problems = std::move(documents.problems);
  FieldMapping mapping;
  const Secrets secrets;
  Reader reader(secrets);
  if (problems.empty() && documents.roots.size() != 1)
    problems.push_back({file.name, 1, 1, "", "one mapping is expected"});
  if (problems.empty()) {
    const YamlNode& root = *documents.roots[0];
    const bool is_wrapped = root.entries.size() == 1 && root.entries[0].key->text == "mapping";
    ReadFieldMapping(reader, is_wrapped ? *root.entries[0].value : root, "mapping", mapping);
    const Organisation nobody;
    CheckContext context(nobody);
    CheckMapping(context, "mapping", mapping);
    std::ranges::move(context.problems(), std::back_inserter(reader.problems()));
    AddPositions(reader, reader.problems());
    problems = reader.problems();
  }
  if (problems.empty()) return mapping;
  std::string all;
  for (const Problem& problem : problems)
    all += (all.empty() ? "" : "\n") + Format(problem);
  return Invalid("%s", all);
}

}  // namespace tocsin
