// Messages in the form of Slack's incoming webhooks, which many tools can send when they can send nothing else.
// https://api.slack.com/reference/messaging/payload
//
// text, attachments[] and blocks[], in JSON, in the `payload` of a form or as a form's fields; any part may be absent or null.
// There is no identity in it: channel and title stand for one, without what differs between trouble and its end (emoji, "[FIRING:2]",
// "resolved", "is DOWN"). State: what the title begins or ends with, else the colour, else an emoji. Whatever is not plainly an end fires:
// a page too many is better than one that is missing.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

// ---- its text ----

bool IsEmoji(char32_t c) {
  return c >= 0x1F000 || (c >= 0x2600 && c <= 0x27BF) || (c >= 0x2B00 && c <= 0x2BFF) || c == 0xFE0F || c == 0x200D;
}

// <https://x|label> -> label, <https://x> -> https://x, <!channel> and <@U123> -> nothing.
std::string LinkText(std::string_view inside) {
  if (inside.starts_with('!') || inside.starts_with('@') || inside.starts_with('#')) return "";
  const std::size_t bar = inside.find('|');
  return std::string(bar == std::string_view::npos ? inside : inside.substr(bar + 1));
}

// The bytes of ":fire:" at the start of `text`; 0 when there is none.
std::size_t ShortcodeBytes(std::string_view text) {
  const std::size_t end = text.find(':', 1);
  if (!text.starts_with(':') || end == std::string_view::npos || end < 2) return 0;
  const auto is_name = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '+';
  };
  return std::ranges::all_of(text.substr(1, end - 1), is_name) ? end + 1 : 0;
}

// Without markup and emoji, which are put into `emoji`.
std::string PlainText(std::string_view text, std::string* emoji = nullptr) {
  std::string plain;
  while (!text.empty()) {
    std::size_t bytes = 1;
    const std::size_t close = text[0] == '<' ? text.find('>') : std::string_view::npos;
    if (close != std::string_view::npos) {
      plain += LinkText(text.substr(1, close - 1));
      bytes = close + 1;
    } else if (const std::size_t shortcode = ShortcodeBytes(text); shortcode > 0) {
      if (emoji != nullptr) *emoji += text.substr(0, shortcode);
      bytes = shortcode;
    } else if (text[0] != '*' && text[0] != '`') {
      const CodePoint point = FirstCodePoint(text);
      bytes = point.bytes;
      if (!IsEmoji(point.value)) {
        plain += text.substr(0, bytes);
      } else if (emoji != nullptr) {
        *emoji += text.substr(0, bytes);
      }
    }
    text.remove_prefix(bytes);
  }
  return std::string(Trim(plain));
}

std::string FirstLine(std::string_view text) {
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(ToAbsl(text), '\n'))) {
    if (!PlainText(line).empty()) return line;
  }
  return "";
}

// ---- what it says about the state ----

struct Word {
  std::string_view word;
  EventKind kind;
};

constexpr Word kWords[] = {
    {"acknowledged", EventKind::kAcknowledge},
    {"acked",        EventKind::kAcknowledge},
    {"cleared",      EventKind::kResolve    },
    {"closed",       EventKind::kResolve    },
    {"ended",        EventKind::kResolve    },
    {"fixed",        EventKind::kResolve    },
    {"healthy",      EventKind::kResolve    },
    {"normal",       EventKind::kResolve    },
    {"ok",           EventKind::kResolve    },
    {"passed",       EventKind::kResolve    },
    {"recovered",    EventKind::kResolve    },
    {"recovery",     EventKind::kResolve    },
    {"resolved",     EventKind::kResolve    },
    {"succeeded",    EventKind::kResolve    },
    {"success",      EventKind::kResolve    },
    {"up",           EventKind::kResolve    },
    {"active",       EventKind::kTrigger    },
    {"alarm",        EventKind::kTrigger    },
    {"alert",        EventKind::kTrigger    },
    {"alerting",     EventKind::kTrigger    },
    {"critical",     EventKind::kTrigger    },
    {"degraded",     EventKind::kTrigger    },
    {"down",         EventKind::kTrigger    },
    {"error",        EventKind::kTrigger    },
    {"failed",       EventKind::kTrigger    },
    {"failing",      EventKind::kTrigger    },
    {"failure",      EventKind::kTrigger    },
    {"fired",        EventKind::kTrigger    },
    {"firing",       EventKind::kTrigger    },
    {"open",         EventKind::kTrigger    },
    {"opened",       EventKind::kTrigger    },
    {"outage",       EventKind::kTrigger    },
    {"problem",      EventKind::kTrigger    },
    {"triggered",    EventKind::kTrigger    },
    {"unhealthy",    EventKind::kTrigger    },
    {"warning",      EventKind::kTrigger    },
};
constexpr std::string_view kPlainWords[] = {"acknowledged", "firing", "recovered", "recovery", "resolved", "triggered"};
// What stands between a subject and its state: "is back to normal", "has been resolved".
constexpr std::string_view kFillers[] = {"is", "are", "was", "has", "been", "now", "back", "to", "again"};
// What a state may follow in front of a title: "Alert resolved: ...", "Monitor is UP: ...".
constexpr std::string_view kSubjects[] = {"alert", "incident", "monitor", "problem",
                                          "check", "issue",    "alarm",   "service"};

bool IsOneOf(std::string_view word, std::span<const std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

std::optional<EventKind> KindOfWord(std::string_view word) {
  const auto* found = std::ranges::find(kWords, word, &Word::word);
  return found == std::end(kWords) ? std::nullopt : std::optional(found->kind);
}

struct Token {
  std::string raw;
  std::string word;  // in lower case, without brackets, punctuation and what is counted in them: "[FIRING:2]" is firing
  bool stands_apart = false;  // "Resolved:", "OK |", "[UP]"
};

std::vector<Token> TokensOf(std::string_view title) {
  constexpr std::string_view kAround = "[](){}:,;.!-|\"'";
  std::vector<Token> tokens;
  for (const std::string& raw :
       std::vector<std::string>(absl::StrSplit(ToAbsl(title), absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty()))) {
    std::string word = ToLower(raw);
    if (word.starts_with('[')) word.resize(std::min(word.find(':'), word.size()));
    const std::size_t first = word.find_first_not_of(kAround);
    if (first == std::string::npos) {  // a lone dash
      if (!tokens.empty()) tokens.back().stands_apart = true;
      continue;
    }
    std::string bare = word.substr(first, word.find_last_not_of(kAround) - first + 1);
    const bool stands_apart = bare != ToLower(raw);
    tokens.push_back({raw, std::move(bare), stands_apart});
  }
  return tokens;
}

// A title's beginning ("Resolved: ...", "Monitor is UP: ...") or end ("... has recovered").
std::optional<EventKind> KindOfTitle(std::string_view title) {
  constexpr std::size_t kMostBefore = 4;
  const std::vector<Token> tokens = TokensOf(title);
  if (tokens.empty()) return std::nullopt;
  std::size_t first = 0;
  const auto may_go_on = [&](const std::string& word) { return IsOneOf(word, kSubjects) || IsOneOf(word, kFillers); };
  while (first + 1 < tokens.size() && first < kMostBefore && may_go_on(tokens[first].word))
    ++first;
  // "Up" and "open" begin sentences, too: they must stand apart where others are plain.
  const Token& state = tokens[first];
  const bool is_plain = state.stands_apart || first + 1 == tokens.size() || IsOneOf(state.word, kPlainWords);
  if (const auto kind = KindOfWord(state.word); kind && is_plain) return kind;
  if (tokens.size() < 2) return std::nullopt;
  const std::string& last = tokens.back().word;
  const bool is_said_of_it = IsOneOf(tokens[tokens.size() - 2].word, kFillers) || last == "recovered" ||
                             last == "resolved" || last == "succeeded" || last == "failed";
  return is_said_of_it ? KindOfWord(last) : std::nullopt;
}

std::optional<EventKind> KindOfColour(const std::string& colour) {
  if (colour == "good" || colour == "#36a64f" || colour == "#2eb886" || colour == "#2eb67d" || colour == "#00ff00")
    return EventKind::kResolve;
  if (colour == "danger" || colour == "warning") return EventKind::kTrigger;
  return std::nullopt;
}

std::optional<EventKind> KindOfEmoji(std::string_view emoji) {
  for (const std::string_view good :
       {":white_check_mark:", ":heavy_check_mark:", ":large_green_circle:", ":green_heart:", "✅", "🟢", "💚"}) {
    if (emoji.find(good) != std::string_view::npos) return EventKind::kResolve;
  }
  return std::nullopt;
}

// What of a title is the same in trouble and at its end: without its states and what leads to them ("is back to normal").
std::string SubjectOf(std::string_view title) {
  std::vector<Token> subject;
  for (Token& token : TokensOf(title)) {
    if (!KindOfWord(token.word)) {
      subject.push_back(std::move(token));
      continue;
    }
    while (!subject.empty() && IsOneOf(subject.back().word, kFillers))
      subject.pop_back();
  }
  const auto raw = [](std::string* out, const Token& token) { *out += token.raw; };
  return subject.empty() ? std::string(title) : absl::StrJoin(subject, " ", raw);
}

// ---- its parts ----

struct Message {
  std::string title;  // as sent
  std::string link;
  std::string colour;
  std::string description;
  std::vector<std::pair<std::string, std::string>> fields;
};

void AddText(Message& message, std::string_view text) {
  const std::string plain = PlainText(text);
  if (plain.empty()) return;
  absl::StrAppend(&message.description, message.description.empty() ? "" : "\n", plain);
}

void Take(std::string& where, std::string what) {
  if (where.empty()) where = std::move(what);
}

// The first https://... of "<https://x|label>".
std::string LinkIn(std::string_view text) {
  const std::size_t start = text.find("<http");
  if (start == std::string_view::npos) return "";
  text.remove_prefix(start + 1);
  return std::string(text.substr(0, text.find_first_of("|>")));
}

// Blocks nest text objects in many ways; all of them have their words in `text`.
void AddBlocks(Message& message, const JsonView& blocks, int depth, std::string& header, std::string& first_text) {
  constexpr int kMostDepth = 6;
  for (const JsonView& block : blocks.Items()) {
    const std::string text = block.First({"text.text", "text", "title.text"});
    if (block.Text("type") == "header") Take(header, FirstLine(text));
    if (block.Text("type") == "button") Take(message.link, block.Text("url"));
    if (block.Text("type") == "section") Take(first_text, FirstLine(text));
    Take(message.link, LinkIn(text));
    AddText(message, text);
    if (depth >= kMostDepth) continue;
    for (const std::string_view inner : {"fields", "elements"})
      AddBlocks(message, block.At(inner), depth + 1, header, first_text);
  }
}

void AddAttachment(Message& message, const JsonView& attachment) {
  Take(message.colour, ToLower(attachment.Text("color")));
  Take(message.link, attachment.First({"title_link", "from_url", "author_link"}));
  for (const std::string_view part : {"pretext", "title", "text"})
    AddText(message, attachment.Text(part));
  for (const JsonView& field : attachment.At("fields").Items()) {
    const std::string title = PlainText(field.Text("title"));
    const std::string value = PlainText(field.Text("value"));
    if (value.empty()) continue;
    AddText(message, title.empty() ? value : absl::StrCat(title, ": ", value));
    message.fields.emplace_back(ToLower(title), value);
  }
}

Message Collect(const JsonView& body) {
  Message message;
  std::string header;
  std::string first_text;
  const std::vector<JsonView> attachments = body.At("attachments").Items();
  AddText(message, body.Text("text"));
  AddBlocks(message, body.At("blocks"), 0, header, first_text);
  for (const JsonView& attachment : attachments) {
    AddAttachment(message, attachment);
    AddBlocks(message, attachment.At("blocks"), 0, header, first_text);
  }
  const auto offer = [&](std::string_view text) { Take(message.title, FirstLine(text)); };
  for (const JsonView& attachment : attachments)
    offer(attachment.Text("title"));
  offer(header);
  offer(body.Text("text"));
  for (const JsonView& attachment : attachments) {
    for (const std::string_view part : {"pretext", "fallback", "text"})
      offer(attachment.Text(part));
  }
  offer(first_text);
  offer(message.description);
  Take(message.link, LinkIn(body.Text("text")));
  return message;
}

// Fields that say what it is about become labels, under the names that routes know.
void AddFields(EventBuilder& builder, const Message& message) {
  constexpr std::string_view kKnown[] = {"host", "instance", "service", "environment", "env",   "cluster", "region",
                                         "team", "project",  "job",     "namespace",   "check", "monitor"};
  for (const auto& [name, value] : message.fields) {
    if (name == "severity" || name == "priority") builder.Severity(ParseSeverity(value));
    if (IsOneOf(name, kKnown)) builder.Label(name, value);
  }
}

Reading ReadOne(const JsonView& body) {
  const Message message = Collect(body);
  std::string emoji;
  const std::string title = PlainText(message.title, &emoji);
  if (title.empty()) return Reading::Rejected("neither text, attachments nor blocks has any text");
  const std::string subject = SubjectOf(title);
  std::optional<EventKind> kind = KindOfTitle(title);
  if (!kind) kind = KindOfColour(message.colour);
  if (!kind) kind = KindOfEmoji(emoji);
  const std::string channel = body.First({"channel", "channel_name", "channel_id"});
  EventBuilder builder;
  builder.Key({channel, ToLower(subject)}).Kind(kind.value_or(EventKind::kTrigger)).Link(message.link);
  AddFields(builder, message);
  builder.Label("alertname", TruncateUtf8(subject, 256))
      .Label("channel", channel)
      .Label("sender", body.First({"username", "user_name"}));
  builder.Summary(title);
  if (message.description != title) builder.Description(message.description);
  return std::move(builder).Finish("neither text, attachments nor blocks has any text");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kSlackSource = {
    .name = "slack",
    .also = "slack_incoming mattermost",
    .product = "Slack's message format",
    .parse = Parse,
    .example =
        R"({"channel":"#alerts","attachments":[{"title":"[FIRING:1] InstanceDown for api-server","title_link":"https://am.example/","color":"danger"}]})",
    .setup =
        R"(Wherever a tool asks for a Slack or Mattermost webhook URL, give it this one:

{url}

A message has no identity: one alert is made of all messages with the same channel and title, without words such as "resolved". Where the
tool can send anything else, choose that.)",
};

}  // namespace tocsin
