#include "api/search_query.h"

#include <algorithm>
#include <string>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kLongestQuery = 4096;
constexpr std::size_t kMostTerms = 32;

constexpr std::string_view kParts =
    "service=ID, label:NAME=VALUE, NAME=VALUE, person:USER, kind:group or kind:incident, state:open or state:closed, "
    "since:7d or since:2026-11-01T00:00:00Z, until:..., text:\"words\", or just words";

// One part: what stands before its : or =, and what after; `key` empty: a word.
struct Part {
  std::string key;
  char separator = 0;
  std::string value;
};

// Cuts at spaces outside of quotation marks; a backslash in them takes the next character as it is.
class Parts {
 public:
  explicit Parts(std::string_view text) : text_(text) {}

  absl::StatusOr<std::optional<Part>> Next() {
    while (at_ < text_.size() && IsSpace(text_[at_]))
      ++at_;
    if (at_ == text_.size()) return std::nullopt;
    Part part;
    bool quoted = false;
    std::string* to = &part.value;
    for (; at_ < text_.size() && (quoted || !IsSpace(text_[at_])); ++at_) {
      const char byte = text_[at_];
      if (byte == '"') {
        quoted = !quoted;
      } else if (quoted && byte == '\\' && at_ + 1 < text_.size()) {
        *to += text_[++at_];
      } else if (!quoted && part.separator == 0 && (byte == ':' || byte == '=')) {
        part.separator = byte;
        part.key.swap(part.value);
      } else {
        *to += byte;
      }
    }
    if (quoted) return Invalid("query: a quotation mark is not closed");
    return part;
  }

 private:
  static bool IsSpace(char byte) { return byte == ' ' || byte == '\t' || byte == '\n'; }
  std::string_view text_;
  std::size_t at_ = 0;
};

// "90s", "2h", "7d", "1d12h".
std::optional<absl::Duration> ParseSpan(std::string_view text) {
  absl::Duration whole;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    std::size_t digits = 0;
    std::int64_t number = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9' && digits < 9; ++digits)
      number = number * 10 + (text[digits] - '0');
    if (digits == 0 || digits == text.size()) return std::nullopt;
    switch (text[digits]) {
      case 's': whole += absl::Seconds(number); break;
      case 'm': whole += absl::Minutes(number); break;
      case 'h': whole += absl::Hours(number); break;
      case 'd': whole += absl::Hours(24 * number); break;
      case 'w': whole += absl::Hours(168 * number); break;
      default: return std::nullopt;
    }
    text.remove_prefix(digits + 1);
  }
  return whole;
}

absl::StatusOr<absl::Time> ParseWhen(const Part& part, absl::Time now) {
  if (const std::optional<absl::Duration> span = ParseSpan(part.value)) return now - *span;
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, part.value, &time, &error)) return time;
  if (absl::ParseTime("%Y-%m-%d", part.value, absl::UTCTimeZone(), &time, &error)) return time;
  return Invalid(
      "query: %s:%s is neither a span such as 7d or 90m nor a time such as 2026-11-01 or 2026-11-01T09:00:00Z",
      part.key, part.value);
}

absl::Status AddWords(const std::string& text, SearchQuery& query) {
  const std::vector<std::string> words = Words(text);
  if (words.empty()) return Invalid("query: \"%s\" has no word of two letters or digits", text);
  for (const std::string& word : words)
    query.of_timeline.push_back(WordTerm(word));
  return absl::OkStatus();
}

absl::Status AddLabel(const std::string& text, SearchQuery& query) {
  const std::size_t equal = text.find('=');
  if (equal == std::string::npos || equal == 0) return Invalid("query: label:%s is not label:NAME=VALUE", text);
  query.of_row.push_back(LabelTerm(text.substr(0, equal), text.substr(equal + 1)));
  return absl::OkStatus();
}

absl::Status AddKind(const std::string& word, SearchQuery& query) {
  if (word == "group") {
    query.of_row.push_back(KindTerm(KeyOf(Row(Group())).table));
  } else if (word == "incident") {
    query.of_row.push_back(KindTerm(KeyOf(Row(Incident())).table));
  } else {
    return Invalid("query: kind:%s: there are group and incident", word);
  }
  return absl::OkStatus();
}

absl::Status Add(const Part& part, absl::Time now, SearchQuery& query) {
  const auto& [key, separator, value] = part;
  if (separator == 0) return AddWords(value, query);
  if (value.empty()) return Invalid("query: %s%c is not followed by anything", key, separator);
  if (key == "service") {
    query.of_row.push_back(ServiceTerm(value));
  } else if (separator == '=') {
    query.of_row.push_back(LabelTerm(key, value));
  } else if (key == "label") {
    return AddLabel(value, query);
  } else if (key == "person") {
    query.of_timeline.push_back(PersonTerm(value));
  } else if (key == "kind") {
    return AddKind(value, query);
  } else if (key == "state") {
    if (value != "open" && value != "closed") return Invalid("query: state:%s: there are open and closed", value);
    query.open = value == "open";
  } else if (key == "since" || key == "until") {
    TOCSIN_ASSIGN((key == "since" ? query.from : query.until), ParseWhen(part, now));
  } else if (key == "text") {
    return AddWords(value, query);
  } else {
    return Invalid("query: there is no %s:; there are %s", key, kParts);
  }
  return absl::OkStatus();
}

void Settle(std::vector<Term>& terms) {
  std::ranges::sort(terms);
  const auto repeats = std::ranges::unique(terms);
  terms.erase(repeats.begin(), repeats.end());
}

}  // namespace

absl::StatusOr<SearchQuery> ParseSearchQuery(std::string_view text, absl::Time now) {
  if (text.size() > kLongestQuery) return Invalid("query: has %d bytes, at most %d", text.size(), kLongestQuery);
  SearchQuery query;
  Parts parts(text);
  for (;;) {
    TOCSIN_ASSIGN(const std::optional<Part> part, parts.Next());
    if (!part) break;
    TOCSIN_TRY(Add(*part, now, query));
  }
  Settle(query.of_row);
  Settle(query.of_timeline);
  if (query.of_row.size() + query.of_timeline.size() > kMostTerms) {
    return Invalid("query: asks for %d things at once, at most %d", query.of_row.size() + query.of_timeline.size(),
                   kMostTerms);
  }
  return query;
}

}  // namespace tocsin
