// Healthchecks' webhook: for each of "down" and "up" a body that its user wrote with $CODE, $STATUS, $NAME, $TAGS, $NOW or $JSON, as JSON, a
// form, a query, or a sentence.
// https://healthchecks.io/docs/configuring_notifications/
//
// Identity: the check's code (its UUID), else its unique_key or slug, else its name. In a sentence: the UUID in it, else what comes
// before "is down". State: down fires, up resolves; grace, new and started are neither. $NAME is not escaped in JSON.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

constexpr std::size_t kUuidBytes = 36;

bool IsUuid(std::string_view text) {
  if (text.size() != kUuidBytes) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? text[i] != '-' : !absl::ascii_isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

// ParseStatusWord, and what only Healthchecks says. The error is why it is ignored.
struct Status {
  EventKind kind = EventKind::kTrigger;
  std::string ignored;  // why, if it says nothing
};

Status ReadStatus(std::string_view raw) {
  const std::string word = ToLower(raw);
  for (const std::string_view neither : {"new", "grace", "started", "paused"}) {
    if (word == neither)
      return {.kind = {}, .ignored = absl::StrFormat("status %s: the check is neither down nor up", word)};
  }
  return {.kind = ParseStatusWord(word).value_or(EventKind::kTrigger), .ignored = {}};
}

// https://healthchecks.io/api/v3/checks/UUID -> https://healthchecks.io/checks/UUID/details/
std::string DetailsLink(std::string_view update_url, std::string_view uuid) {
  const std::size_t api = update_url.find("/api/");
  if (api == std::string_view::npos || !IsUuid(uuid)) return "";
  return absl::StrCat(ToAbsl(update_url.substr(0, api)), "/checks/", ToAbsl(uuid), "/details/");
}

Reading ReadOne(const Fields& fields) {
  const std::string_view code = fields.Get({"uuid", "code", "uniquekey", "slug", "id", "checkid", "alias", "dedupkey"});
  const std::string_view name = fields.Get({"name", "checkname", "check", "title"});
  const std::string_view raw = fields.Get({"status", "state"});
  if (raw.empty()) return Reading::Rejected("status: missing; write \"$STATUS\" there");
  const Status status = ReadStatus(raw);
  if (!status.ignored.empty()) return Reading::Ignored(status.ignored);
  EventBuilder event;
  event.Key({code.empty() ? name : code});
  event.Kind(status.kind).StartsAt(fields.Get({"now", "time", "timestamp"}));
  event.Label("alertname", name.empty() ? code : name);
  AddTags(event, fields.Get({"tags"}), " ,");
  event.Summary(absl::StrCat(ToAbsl(name.empty() ? code : name), " is ", ToAbsl(raw)));
  event.Description(fields.Get({"desc", "description", "message", "body"}));
  event.Annotation("last_ping", fields.Get({"lastping"})).Annotation("exit_status", fields.Get({"exitstatus"}));
  event.Annotation("status", raw).Annotation("schedule", fields.Get({"schedule"}));
  event.Link(DetailsLink(fields.Get({"updateurl"}), code));
  event.Link(fields.Get({"url", "link", "detailsurl"}));
  return std::move(event).Finish("none of uuid, code, slug and name has a value");
}

constexpr std::string_view kBetweenWords = " \t\r\n(),;\"'";

std::string_view WithoutPunctuation(std::string_view word) {
  while (!word.empty() && absl::ascii_ispunct(static_cast<unsigned char>(word.back())))
    word.remove_suffix(1);
  return word;
}

// What a sentence says of a check; "" and nullopt where it does not.
struct Sentence {
  std::string_view uuid, time, name;
  std::optional<EventKind> kind;
};

// "nightly backup is down at 2024-09-12T02:00:13+00:00 (code 0000..., tags: prod db)"
Sentence ReadWords(std::string_view text) {
  Sentence sentence;
  for (std::size_t at = 0; (at = text.find_first_not_of(kBetweenWords, at)) != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBetweenWords, at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (sentence.uuid.empty() && IsUuid(word.substr(0, kUuidBytes))) sentence.uuid = word.substr(0, kUuidBytes);
    if (sentence.time.empty() && word.size() > 18 && word[4] == '-' && ParseAnyTime(word)) sentence.time = word;
    const std::string lower = ToLower(WithoutPunctuation(word));
    if (!sentence.kind && (lower == "down" || lower == "up")) {
      sentence.kind = lower == "up" ? EventKind::kResolve : EventKind::kTrigger;
      sentence.name = Trim(text.substr(0, at));
      if (sentence.name.ends_with(" is")) sentence.name.remove_suffix(3);
      sentence.name = WithoutPunctuation(sentence.name);
    }
    at = end;
  }
  return sentence;
}

absl::StatusOr<Readings> ReadSentence(std::string_view text) {
  const auto [uuid, time, name, kind] = ReadWords(text);
  if (!kind) return Invalid("status: there is neither \"down\" nor \"up\" in the text; write $STATUS into it");
  EventBuilder event;
  event.Key({uuid.empty() ? name : uuid});
  event.Kind(*kind).StartsAt(time).Label("alertname", name.empty() ? uuid : name);
  if (const std::size_t tags = text.find("tags: "); tags != std::string_view::npos) {
    std::string_view list = text.substr(tags + 6);
    AddTags(event, list.substr(0, list.find_first_of(")\n")), " ,");
  }
  event.Summary(text.substr(0, text.find('\n')))
      .Description(text.find('\n') == std::string_view::npos ? std::string_view() : text);
  return Readings{std::move(event).Finish("there is neither a code nor a name in the text; write $CODE into it")};
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  const std::string_view body = Trim(request.body);
  const absl::StatusOr<std::vector<Fields>> all = ReadFields(request, /*with_lines=*/true);
  const bool is_sentence = !body.empty() && !LooksLikeJson(body);
  const auto has_status = [](const Fields& fields) { return fields.Has({"status", "state"}); };
  if (is_sentence && (!all.ok() || !std::ranges::any_of(*all, has_status)))
    return ReadSentence(ReplaceInvalidUtf8(body));
  if (!all.ok()) return all.status();
  Readings readings;
  for (const Fields& fields : *all)
    readings.push_back(ReadOne(fields));
  return readings;
}

}  // namespace

const Source kHealthchecksSource = {
    .name = "healthchecks",
    .also = "healthchecks.io",
    .product = "Healthchecks",
    .parse = Parse,
    .example =
        R"({"code":"00000000-0000-0000-0000-000000000000","name":"nightly backup","status":"down","tags":"prod db"})",
    .setup = R"(Integrations > Add > Webhook: method POST, for both "down" and "up" this URL, this body and the header
Content-Type: application/json.

URL   {url}
Body  $JSON)",
};

}  // namespace tocsin
