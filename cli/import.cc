// import: what another system exports, as an organisation; and whether the same people are on call after it. No server.
#include "import/import.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "absl/strings/str_format.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"
#include "base/strings.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "config/dump.h"
#include "config/load.h"
#include "import/compare.h"
#include "import/document.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::string> ReadOne(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return NotFound("cannot read %s", path);
  }
  std::istream& in = path == "-" ? std::cin : file;
  std::string text(import::kBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > import::kBytes) return Invalid("%s: more than %d bytes: import it in parts", path, import::kBytes);
  text.shrink_to_fit();
  return text;
}

bool IsExport(const fs::path& path) {
  const std::string suffix = ToLower(path.extension().string());
  return suffix == ".json" || suffix == ".yml" || suffix == ".yaml" || suffix == ".ics";
}

// The files below a folder, in the order of their names: two runs say the same.
absl::StatusOr<std::vector<std::string>> FilesBelow(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (!at->is_regular_file(error) || !IsExport(at->path())) continue;
    if (paths.size() == import::kFiles) return Invalid("%s: more than %d files", folder, import::kFiles);
    paths.push_back(at->path().string());
  }
  if (error) return NotFound("cannot read %s: %s", folder, error.message());
  if (paths.empty()) return NotFound("%s: there is no JSON, YAML or iCalendar in it", folder);
  std::ranges::sort(paths);
  return paths;
}

absl::Status AddFiles(const std::string& path, bool only_rendered, std::vector<import::File>& to) {
  std::vector<std::string> paths = {path};
  std::error_code error;
  if (path != "-" && fs::is_directory(path, error)) {
    TOCSIN_ASSIGN(paths, FilesBelow(path));
  }
  for (const std::string& each : paths) {
    TOCSIN_ASSIGN(std::string text, ReadOne(each));
    to.push_back({each == "-" ? "standard input" : each, std::move(text), only_rendered});
  }
  return absl::OkStatus();
}

// What the organisation is going to stand beside: senders, people who are there already.
absl::StatusOr<std::vector<SourceFile>> ReadBeside(const Arguments& arguments) {
  std::vector<SourceFile> files;
  for (const std::string& path : arguments.all("with")) {
    TOCSIN_ASSIGN(std::string text, ReadOne(path));
    files.push_back({path, std::move(text)});
  }
  return files;
}

// The owner alone may read it: contact methods and keys are in it.
absl::Status WriteFile(const std::string& path, const std::string& text) {
  const std::string part = path + ".part";
  const int file = open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return Unavailable("cannot write %s: %s", part, std::strerror(errno));
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = write(file, text.data() + done, text.size() - done);
    if (wrote <= 0) break;
    done += static_cast<std::size_t>(wrote);
  }
  const bool closed = fsync(file) == 0 && close(file) == 0;
  if (done != text.size() || !closed || std::rename(part.c_str(), path.c_str()) != 0) {
    return Unavailable("cannot write %s: %s", path, std::strerror(errno));
  }
  return absl::OkStatus();
}

// --- what is told -------------------------------------------------------------------------------------------------------

struct Told {
  import::Imported imported;
  std::vector<import::Comparison> comparisons;
  std::vector<std::string> unchecked;  // schedules of which the export does not say who is on call
  std::vector<std::string> remaining;  // what keeps it from being applied
};

std::size_t Count(const Told& told, import::Grade grade) {
  return static_cast<std::size_t>(
      std::ranges::count(told.imported.losses, grade, [](const import::Loss& loss) { return loss.grade; }));
}

std::string Instant(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", time, absl::UTCTimeZone());
}

std::string People(const std::vector<UserId>& users) {
  std::string names;
  for (const UserId& user : users)
    names += (names.empty() ? "" : ", ") + user.value();
  return names.empty() ? "nobody" : names;
}

void PrintSummary(const Organisation& organisation) {
  std::size_t layers = 0;
  std::size_t overrides = 0;
  for (const Schedule& schedule : organisation.schedules) {
    layers += schedule.layers.size();
    overrides += schedule.overrides.size();
  }
  std::printf(
      "%zu users, %zu teams, %zu schedules (%zu layers, %zu overrides), %zu policies, %zu services, %zu receivers\n",
      organisation.users.size(), organisation.teams.size(), organisation.schedules.size(), layers, overrides,
      organisation.policies.size(), organisation.services.size(), organisation.receivers.size());
}

void PrintLosses(const Told& told) {
  if (told.imported.losses.empty()) {
    std::printf("nothing is lost\n");
    return;
  }
  std::printf("\nlost: %zu change who is paged, %zu change how, %zu are cosmetic\n", Count(told, import::Grade::kWho),
              Count(told, import::Grade::kHow), Count(told, import::Grade::kCosmetic));
  Table table({"CHANGES", "AT", "LOST", "INSTEAD"});
  for (const import::Loss& loss : told.imported.losses) {
    const Tone tone = loss.grade == import::Grade::kWho   ? Tone::kBad
                      : loss.grade == import::Grade::kHow ? Tone::kWatch
                                                          : Tone::kFaint;
    table.Add({Cell(std::string(import::Name(loss.grade)), tone), Printable(loss.object), Printable(loss.lost),
               Printable(loss.instead)});
  }
  table.Print();
}

void PrintComparisons(const Told& told) {
  constexpr std::size_t kShown = 50;
  if (!told.comparisons.empty() || !told.unchecked.empty()) std::printf("\n");
  for (const import::Comparison& comparison : told.comparisons) {
    std::printf("schedule %s: %lld of %lld hours agree with %s, %s to %s\n", comparison.schedule.value().c_str(),
                static_cast<long long>(comparison.agreeing), static_cast<long long>(comparison.hours),
                Printable(comparison.said_by).c_str(), Instant(comparison.since).c_str(),
                Instant(comparison.until).c_str());
    if (comparison.differences.empty()) continue;
    Table table({"FROM", "UNTIL", "BEFORE", "AFTER"});
    for (std::size_t i = 0; i < comparison.differences.size() && i < kShown; ++i) {
      const import::Difference& difference = comparison.differences[i];
      table.Add(
          {Instant(difference.start), Instant(difference.end), People(difference.before), People(difference.after)});
    }
    table.Print();
    if (comparison.differences.size() > kShown) {
      std::printf("... and %zu more stretches\n", comparison.differences.size() - kShown);
    }
  }
  for (const std::string& schedule : told.unchecked)
    std::printf(
        "schedule %s: not checked: the export says nothing that could be counted out (a rotation of teams, or no "
        "rotation at \n"
        "  all); save what the source itself shows as on call (docs/migrating.md, of each source) and give it by "
        "--check FILE\n",
        schedule.c_str());
}

std::string JsonOf(const import::Comparison& comparison) {
  std::string stretches;
  for (const import::Difference& difference : comparison.differences) {
    absl::StrAppendFormat(&stretches, "%s\n   {\"start\": %s, \"end\": %s, \"before\": %s, \"after\": %s}",
                          stretches.empty() ? "" : ",", JsonQuote(Instant(difference.start)),
                          JsonQuote(Instant(difference.end)), JsonQuote(People(difference.before)),
                          JsonQuote(People(difference.after)));
  }
  return absl::StrFormat(
      "  {\"schedule\": %s, \"said_by\": %s, \"since\": %s, \"until\": %s, \"hours\": %d, \"agreeing\": %d, "
      "\"differences\": [%s]}",
      JsonQuote(comparison.schedule.value()), JsonQuote(comparison.said_by), JsonQuote(Instant(comparison.since)),
      JsonQuote(Instant(comparison.until)), comparison.hours, comparison.agreeing, stretches);
}

std::string JsonList(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts)
    list += (list.empty() ? "" : ", ") + JsonQuote(text);
  return "[" + list + "]";
}

void PrintToldAsJson(const Told& told) {
  std::string losses;
  for (const import::Loss& loss : told.imported.losses) {
    absl::StrAppendFormat(&losses, "%s\n  {\"changes\": %s, \"at\": %s, \"lost\": %s, \"instead\": %s}",
                          losses.empty() ? "" : ",", JsonQuote(import::Name(loss.grade)), JsonQuote(loss.object),
                          JsonQuote(loss.lost), JsonQuote(loss.instead));
  }
  std::string checks;
  for (const import::Comparison& comparison : told.comparisons)
    checks += (checks.empty() ? "\n" : ",\n") + JsonOf(comparison);
  std::printf(
      "{\n \"problems\": %s,\n \"losses\": [%s],\n \"checks\": [%s],\n \"unchecked\": %s,\n \"remaining\": %s\n}\n",
      JsonList(told.imported.problems).c_str(), losses.c_str(), checks.c_str(), JsonList(told.unchecked).c_str(),
      JsonList(told.remaining).c_str());
}

// --- the work -----------------------------------------------------------------------------------------------------------

// What is compared: from --since for --days.
absl::Status ReadTimes(const Arguments& arguments, import::Options& to) {
  to.now = absl::Now();
  to.check_since = to.now;
  if (arguments.has("since")) {
    TOCSIN_ASSIGN(to.check_since, ParseInstant(arguments.get("since")));
  }
  TOCSIN_ASSIGN(const std::uint32_t days, NumberOf(arguments, "days", 365, 1, 3650));
  to.check_span = absl::Hours(24) * days;
  return absl::OkStatus();
}

absl::Status CheckRenderings(const import::Options& options, Told& told) {
  auto whole = std::make_shared<Organisation>(told.imported.organisation);
  whole->users.insert(whole->users.end(), options.present.users.begin(), options.present.users.end());
  TOCSIN_ASSIGN(const Roster roster, Roster::Compile(std::move(whole)));
  std::vector<ScheduleId> checked;
  for (const import::Rendering& rendering : told.imported.renderings) {
    TOCSIN_ASSIGN(import::Comparison comparison,
                  import::Compare(roster, rendering, options.check_since, options.check_since + options.check_span));
    if (comparison.hours == 0) continue;
    checked.push_back(rendering.schedule);
    told.comparisons.push_back(std::move(comparison));
  }
  for (const Schedule& schedule : told.imported.organisation.schedules) {
    if (std::ranges::find(checked, schedule.id) == checked.end()) told.unchecked.push_back(schedule.id.value());
  }
  return absl::OkStatus();
}

void FindRemaining(const std::string& yaml, std::vector<SourceFile> beside, Told& told) {
  beside.push_back({"the import", yaml});
  const LoadResult loaded = Load(beside, ProcessSecrets());
  for (const Problem& problem : loaded.problems)
    told.remaining.push_back(problem.path + ": " + problem.message);
  for (const std::string& problem : Roster::Problems(loaded.organisation))
    told.remaining.push_back(problem);
}

void PrintRemaining(const Told& told) {
  constexpr std::size_t kShown = 10;
  if (told.remaining.empty()) return;
  std::printf(
      "\nbefore it can be applied (what no export holds goes into a file of its own; --with FILE checks both):\n");
  for (std::size_t i = 0; i < told.remaining.size() && i < kShown; ++i)
    std::printf("  %s\n", Printable(told.remaining[i]).c_str());
  if (told.remaining.size() > kShown) std::printf("  ... and %zu more\n", told.remaining.size() - kShown);
}

absl::Status Finish(const Arguments& arguments, const Told& told, const std::string& yaml) {
  const std::size_t who = Count(told, import::Grade::kWho);
  std::size_t stretches = 0;
  for (const import::Comparison& comparison : told.comparisons)
    stretches += comparison.differences.size();
  if (arguments.has("strict") && who + stretches > 0) {
    return Precondition("--strict: %d losses change who is paged, and %d stretches differ; nothing was written", who,
                        stretches);
  }
  const std::string out = arguments.get("out");
  if (out.empty()) {
    if (!WantsJson(arguments))
      std::printf(
          "\nnothing was written; --out org.yaml writes the organisation as YAML, for `tocsin apply org.yaml`\n");
    return absl::OkStatus();
  }
  TOCSIN_TRY(WriteFile(out, yaml));
  std::string beside;
  for (const std::string& path : arguments.all("with"))
    absl::StrAppend(&beside, path, " ");
  if (!WantsJson(arguments)) {
    std::printf("\nwritten: %s; apply it with `tocsin apply %s%s`\n", out.c_str(), beside.c_str(), out.c_str());
  }
  return absl::OkStatus();
}

absl::Status RunOne(const Arguments& arguments) {
  TOCSIN_TRY(CheckOutput(arguments));
  if (arguments.positional().size() < 2) {
    std::string names;
    for (const import::Source& source : import::Sources())
      absl::StrAppendFormat(&names, "%s%s", names.empty() ? "" : ", ", source.name);
    return Invalid("import what? a source (%s) and its files or folder", names);
  }
  std::vector<import::File> files;
  for (std::size_t i = 1; i < arguments.positional().size(); ++i)
    TOCSIN_TRY(AddFiles(arguments.positional()[i], false, files));
  for (const std::string& path : arguments.all("check"))
    TOCSIN_TRY(AddFiles(path, true, files));
  TOCSIN_ASSIGN(const std::vector<SourceFile> beside, ReadBeside(arguments));
  import::Options options;
  TOCSIN_TRY(ReadTimes(arguments, options));
  options.present = Load(beside, ProcessSecrets()).organisation;
  Told told;
  TOCSIN_ASSIGN(told.imported, import::Import(arguments.positional()[0], files, options));
  std::string yaml;
  if (told.imported.ok()) {
    yaml = DumpWithSecrets(told.imported.organisation);
    FindRemaining(yaml, beside, told);
    if (Roster::Problems(told.imported.organisation).empty() || !options.present.users.empty()) {
      TOCSIN_TRY(CheckRenderings(options, told));
    }
  }
  if (WantsJson(arguments)) {
    PrintToldAsJson(told);
  } else {
    for (const std::string& problem : told.imported.problems)
      std::fprintf(stderr, "%s\n", Printable(problem).c_str());
    if (told.imported.ok()) {
      PrintSummary(told.imported.organisation);
      PrintLosses(told);
      PrintComparisons(told);
      PrintRemaining(told);
    }
  }
  if (!told.imported.ok())
    return Precondition("%d problem(s) in the export; nothing was imported", told.imported.problems.size());
  return Finish(arguments, told, yaml);
}

}  // namespace

int RunImport(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"out",    0, true,  "FILE", "write the organisation there as YAML; without it only what would be lost is told"},
      {"strict", 0, false, "",     "refuse when anything that changes who is paged was lost, or differs"             },
      {"check",  0, true,  "FILE", "who is on call, rendered by the source: compared, not imported; repeatable"      },
      {"since",  0, true,  "TIME", "compare from then on (default: now)"                                             },
      {"days",   0, true,  "N",    "compare so many days (default: 365)"                                             },
      {"with",   0, true,  "FILE", "YAML that it will be applied with: senders, people who are there; repeatable"    },
      kOutputOption,
      kColourOption,
      kWideOption
  };
  return WithArguments("import", arguments, kOwn, RunOne);
}

}  // namespace tocsin
