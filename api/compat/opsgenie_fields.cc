#include "api/compat/opsgenie_fields.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"

#include "base/strings.h"
#include "ingest/timestamps.h"

namespace tocsin::opsgenie_query {
namespace {

bool IsWordChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80 || c == '_';
}

// The words of `lower` are views into it.
void AddWords(std::string_view lower, std::vector<std::string_view>& words) {
  for (std::size_t at = 0; at < lower.size(); ++at) {
    const std::size_t first = at;
    while (at < lower.size() && IsWordChar(lower[at]))
      ++at;
    if (at > first) words.push_back(lower.substr(first, at - first));
  }
}

using ReadTexts = void (*)(const OpsgenieAlert&, Texts&);
using ReadNumber = std::int64_t (*)(const OpsgenieAlert&);
using ReadTime = absl::Time (*)(const OpsgenieAlert&);
using ReadFlag = bool (*)(const OpsgenieAlert&);

std::string_view IntegrationType(const OpsgenieAlert&) {
  return "API";
}

void AddResponders(const OpsgenieAlert& alert, bool only_teams, Texts& out) {
  for (const OpsgenieResponder& each : alert.responders) {
    if (only_teams && each.type != "team") continue;
    out.push_back(each.id);
    out.push_back(each.name);
  }
  out.push_back(alert.owner_team);
}

constexpr Field Text(std::string_view name, ReadTexts read) {
  return {.name = name, .kind = Kind::kText, .texts = read};
}
constexpr Field Whole(std::string_view name, ReadTexts read) {
  return {.name = name, .kind = Kind::kWhole, .texts = read};
}
constexpr Field Number(std::string_view name, ReadNumber read) {
  return {.name = name, .kind = Kind::kNumber, .number = read};
}
constexpr Field Instant(std::string_view name, ReadTime read) {
  return {.name = name, .kind = Kind::kTime, .time = read};
}
constexpr Field Flag(std::string_view name, ReadFlag read) {
  return {.name = name, .kind = Kind::kFlag, .flag = read};
}

constexpr std::string_view kPriorities[] = {"P1", "P2", "P3", "P4", "P5"};

std::string_view PriorityOf(const OpsgenieAlert& alert) {
  return kPriorities[std::clamp<int>(alert.priority, 1, 5) - 1];
}

void ReadTags(const OpsgenieAlert& alert, Texts& out) {
  out.insert(out.end(), alert.tags.begin(), alert.tags.end());
}
void ReadDetailKeys(const OpsgenieAlert& alert, Texts& out) {
  for (const Label& detail : alert.details)
    out.push_back(detail.name);
}
void ReadDetailValues(const OpsgenieAlert& alert, Texts& out) {
  for (const Label& detail : alert.details)
    out.push_back(detail.value);
}

constexpr Field kFields[] = {
    Instant("createdat", [](const OpsgenieAlert& a) { return a.created_at; }),
    Instant("lastoccurredat", [](const OpsgenieAlert& a) { return a.last_occurred_at; }),
    Instant("lastoccuredat", [](const OpsgenieAlert& a) { return a.last_occurred_at; }),
    Instant("updatedat", [](const OpsgenieAlert& a) { return a.updated_at; }),
    Instant("snoozeduntil", [](const OpsgenieAlert& a) { return a.snoozed_until; }),
    Number("tinyid", [](const OpsgenieAlert& a) { return static_cast<std::int64_t>(a.id.value()); }),
    Number("count", [](const OpsgenieAlert& a) { return static_cast<std::int64_t>(a.count); }),
    Flag("isseen", [](const OpsgenieAlert& a) { return a.seen; }),
    Flag("acknowledged", [](const OpsgenieAlert& a) { return a.acknowledged; }),
    Flag("snoozed", [](const OpsgenieAlert& a) { return a.snoozed; }),
    Text("message", [](const OpsgenieAlert& a, Texts& out) { out.push_back(a.message); }),
    Text("description", [](const OpsgenieAlert& a, Texts& out) { out.push_back(a.description); }),
    Text("entity", [](const OpsgenieAlert& a, Texts& out) { out.push_back(a.entity); }),
    Text("details.value", ReadDetailValues),
    Whole("details.key", ReadDetailKeys),
    Whole("alertid", [](const OpsgenieAlert& a, Texts& out) { out.push_back(a.uuid); }),
    Whole("id", [](const OpsgenieAlert& a, Texts& out) { out.push_back(a.uuid); }),
    // Only the open alert is known by its alias.
    Whole("alias",
          [](const OpsgenieAlert& a, Texts& out) {
            if (!a.closed) out.push_back(a.alias);
          }),
    Whole("source", [](const OpsgenieAlert& a, Texts& out) { out.push_back(a.source); }),
    Whole("status", [](const OpsgenieAlert& a, Texts& out) { out.push_back(a.closed ? "closed" : "open"); }),
    Whole("owner", [](const OpsgenieAlert& a, Texts& out) { out.push_back(a.owner); }),
    Whole("acknowledgedby", [](const OpsgenieAlert& a, Texts& out) { out.push_back(a.acknowledged_by); }),
    Whole("closedby", [](const OpsgenieAlert& a, Texts& out) { out.push_back(a.closed_by); }),
    Whole("recipients", [](const OpsgenieAlert& a, Texts& out) { AddResponders(a, false, out); }),
    Whole("responders", [](const OpsgenieAlert& a, Texts& out) { AddResponders(a, false, out); }),
    Whole("teams", [](const OpsgenieAlert& a, Texts& out) { AddResponders(a, true, out); }),
    Whole("integration.name", [](const OpsgenieAlert& a, Texts& out) { out.push_back(a.integration.value()); }),
    Whole("integration.type", [](const OpsgenieAlert& a, Texts& out) { out.push_back(IntegrationType(a)); }),
    Whole("tag", ReadTags),
    Whole("tags", ReadTags),
    Whole("actions",
          [](const OpsgenieAlert& a, Texts& out) { out.insert(out.end(), a.actions.begin(), a.actions.end()); }),
    Whole("priority", [](const OpsgenieAlert& a, Texts& out) { out.push_back(PriorityOf(a)); }),
};

std::optional<Span> ReadDay(std::string_view text) {
  int day = 0;
  int month = 0;
  int year = 0;
  if (text.size() != 10 || text[2] != '-' || text[5] != '-') return std::nullopt;
  const auto read = [](std::string_view digits, int& to) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), to);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  if (!read(text.substr(0, 2), day) || !read(text.substr(3, 2), month) || !read(text.substr(6), year))
    return std::nullopt;
  const absl::CivilDay civil(year, month, day);
  if (civil.day() != day || civil.month() != month) return std::nullopt;
  return Span{absl::FromCivil(civil, absl::UTCTimeZone()), absl::FromCivil(civil + 1, absl::UTCTimeZone())};
}

}  // namespace

Wanted Wanted::Of(std::string_view text, bool quoted) {
  Wanted wanted;
  if (!quoted && text.ends_with('*')) {
    wanted.open_end = true;
    text.remove_suffix(1);
  }
  wanted.text = text;
  wanted.lower = ToLower(text);
  std::vector<std::string_view> words;
  AddWords(wanted.lower, words);
  wanted.words.assign(words.begin(), words.end());
  return wanted;
}

bool Wanted::IsWhole(std::string_view value) const {
  return open_end ? absl::StartsWithIgnoreCase(ToAbsl(value), lower) : absl::EqualsIgnoreCase(ToAbsl(value), lower);
}

const Field* FindField(std::string_view name) {
  const std::string lower = ToLower(name);
  const auto* found = std::ranges::find(kFields, std::string_view(lower), &Field::name);
  return found == std::end(kFields) ? nullptr : found;
}

const Reading::Split& Reading::SplitOf(const Field* field) {
  const auto [at, is_new] = splits_.try_emplace(field);
  Split& split = at->second;
  if (!is_new) return split;
  if (field != nullptr) {
    field->texts(alert_, split.texts);
  } else {
    split.texts = {alert_.message, alert_.description, alert_.entity, alert_.source, alert_.alias};
    ReadDetailValues(alert_, split.texts);
  }
  std::size_t bytes = 0;
  for (const std::string_view text : split.texts)
    bytes += text.size();
  split.lower.reserve(bytes);  // its words are views into it
  for (const std::string_view text : split.texts) {
    const std::size_t first = split.lower.size();
    split.lower += ToLower(text);
    AddWords(std::string_view(split.lower).substr(first), split.words);
    split.words.emplace_back();
  }
  return split;
}

const Texts& Reading::Names() {
  if (!names_.empty()) return names_;
  tiny_ = absl::StrCat(alert_.id.value());
  names_ = {alert_.uuid, alert_.owner, tiny_};
  ReadTags(alert_, names_);
  ReadDetailKeys(alert_, names_);
  return names_;
}

bool Reading::IsWithin(const Wanted& wanted, const Field* field) {
  const Split& split = SplitOf(field);
  if (wanted.words.empty()) {  // so it has no letters, which would have a case
    if (wanted.open_end) return wanted.text.empty() && !split.texts.empty();
    return std::ranges::any_of(split.texts,
                               [&](std::string_view text) { return text.find(wanted.text) != std::string_view::npos; });
  }
  const auto same = [&](const std::string_view& has, const std::string& wants) {
    return has == wants || (wanted.open_end && &wants == &wanted.words.back() && has.starts_with(wants));
  };
  return std::search(split.words.begin(), split.words.end(), wanted.words.begin(), wanted.words.end(), same) !=
         split.words.end();
}

bool Reading::IsAnywhere(const Wanted& wanted) {
  return IsWithin(wanted, nullptr) ||
         std::ranges::any_of(Names(), [&](std::string_view name) { return wanted.IsWhole(name); });
}

std::optional<Span> ReadSpan(std::string_view text) {
  if (const std::optional<Span> day = ReadDay(text)) return day;
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error == std::errc() && end == text.data() + text.size())
    return Span{absl::FromUnixMillis(ms), absl::FromUnixMillis(ms) + absl::Milliseconds(1)};
  const std::optional<absl::Time> time = ParseAnyTime(text);
  if (!time) return std::nullopt;
  return Span{*time, *time + absl::Milliseconds(1)};
}

}  // namespace tocsin::opsgenie_query
