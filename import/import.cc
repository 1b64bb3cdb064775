#include "import/import.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "import/document.h"
#include "import/layers.h"
#include "import/sources.h"

namespace tocsin::import {
namespace {

enum class Format : std::uint8_t {
  kJson,
  kYaml,
  kCalendar
};
struct Reader {
  Source source;
  void (*read)(std::span<const Document> documents, Draft& draft);
  Format format = Format::kJson;
};
constexpr Reader kReaders[] = {
    {{"pagerduty", "REST API objects: v2 schedules and policies, v3 schedules"}, &ReadPagerDuty, Format::kJson},
    {{"opsgenie", "API answers, or the folder of the configuration backup"}, &ReadOpsgenie, Format::kJson},
    {{"grafana-oncall", "pages of the API, or Terraform's state"}, &ReadGrafanaOnCall, Format::kJson},
    {{"goalert", "what the GraphQL API answers"}, &ReadGoAlert, Format::kJson},
    {{"icinga-notifications", "its tables as JSON"}, &ReadIcinga, Format::kJson},
    {{"linkedin-oncall", "teams with rosters, and events"}, &ReadLinkedInOnCall, Format::kJson},
    {{"alertmanager", "alertmanager.yml"}, &ReadAlertmanager, Format::kYaml},
    {{"ical", "calendars, a schedule each"}, &ReadCalendars, Format::kCalendar},
};

absl::StatusOr<Value> Parse(const File& file, Format format, std::size_t& values) {
  switch (format) {
    case Format::kYaml: return ParseYamlText(file.name, file.text);
    case Format::kCalendar:
      if (!file.only_rendered) return Value{Value::Kind::kText, file.text, {}, {}};
      break;
    case Format::kJson: break;
  }
  return ParseJson(file.text, values);
}

// A rendered schedule in no source's own words: {schedule, since, until, entries: [{start, end, users: [...]}]}. Schedules and
// users by what the source calls them, or by their ids here.
void ReadRendering(const Item& root, Draft& draft) {
  root.Expect("rendered schedules", {"schedule", "since", "until", "entries"});
  const std::string name = root.Text("schedule");
  const auto& schedules = draft.organisation().schedules;
  const std::string* key = draft.schedules.Find(name);
  const auto found = std::ranges::find_if(schedules, [&](const Schedule& schedule) {
    return (key != nullptr && schedule.id.value() == *key) || schedule.id.value() == name || schedule.name == name;
  });
  if (found == schedules.end()) {
    root["schedule"].Problem(
        absl::StrFormat("there is no schedule %s in the export", JsonQuote(TruncateUtf8(name, 80))));
    return;
  }
  Rendering rendering{found->id, root.path().substr(0, root.path().find(':')), {}, {}, {}};
  for (const Item& item : root.Items("entries")) {
    const auto stretch = StretchOf(item, "start", "end");
    if (!stretch) continue;
    Entry entry{stretch->start, stretch->end, {}};
    for (const Item& user : item.Items("users")) {
      const auto known = draft.FindUser(user.Text());
      if (!known) user.Problem(absl::StrFormat("there is no user %s in the export", JsonQuote(user.Text())));
      if (known) entry.users.push_back(*known);
    }
    rendering.entries.push_back(std::move(entry));
  }
  const auto since = root.NeedInstant("since");
  const auto until = root.NeedInstant("until");
  if (!since || !until) return;
  rendering.since = WholeMinute(*since);
  rendering.until = WholeMinute(*until);
  draft.renderings.push_back(std::move(rendering));
}

}  // namespace

std::span<const Source> Sources() {
  static const std::vector<Source>* const sources = [] {
    auto* all = new std::vector<Source>();
    for (const Reader& reader : kReaders)
      all->push_back(reader.source);
    return all;
  }();
  return *sources;
}

absl::StatusOr<Imported> Import(std::string_view source, std::span<const File> files, const Options& options) {
  const auto* reader = std::ranges::find(kReaders, source, [](const Reader& each) { return each.source.name; });
  if (reader == std::end(kReaders)) {
    std::string names;
    for (const Source& each : Sources())
      absl::StrAppendFormat(&names, "%s%s", names.empty() ? "" : ", ", each.name);
    return Invalid("%s is none of %s", JsonQuote(source), names);
  }
  Report report;
  std::vector<Document> documents;
  std::vector<Document> plain;
  std::size_t bytes = 0;
  std::size_t values = kValues;
  for (const File& file : files) {
    bytes += file.text.size();
    if (bytes > kBytes || documents.size() >= kFiles) {
      report.Problem(file.name, absl::StrFormat("with it there are more than %d bytes or %d files: import it in parts",
                                                kBytes, kFiles));
      break;
    }
    absl::StatusOr<Value> root = Parse(file, reader->format, values);
    if (!root.ok()) {
      report.Problem(file.name, Message(root.status()));
      continue;
    }
    if (file.only_rendered && root->Find("entries") != nullptr) {
      plain.push_back({file.name, *std::move(root), true});
    } else {
      documents.push_back({file.name, *std::move(root), file.only_rendered});
    }
  }
  if (files.empty()) report.Problem("the export", "there are no files in it");
  Draft draft(options, report);
  if (reader->format != Format::kYaml) {
    // Everywhere but in Alertmanager each alert is paged for by itself, and at once.
    draft.organisation().route.group_by_all = true;
    draft.organisation().route.group_wait = absl::ZeroDuration();
  }
  if (report.problems().empty()) reader->read(documents, draft);
  for (const Document& document : plain)
    ReadRendering(Item(&document.root, document.file + ":", &report), draft);
  return draft.Finish();
}

}  // namespace tocsin::import
