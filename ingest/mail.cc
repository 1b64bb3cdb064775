#include "ingest/mail.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include <gmime/gmime.h>

#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/json_scan.h"
#include "re2/re2.h"

namespace tocsin {
namespace {

constexpr std::size_t kTextBytes = 12 * 1024;
constexpr std::size_t kPartBytes = 512 * 1024;  // of a part that are read: HTML's text may come after much style
constexpr std::size_t kExcerptBytes = 200;      // of the text, where there is no subject
constexpr std::size_t kHeaders = 100;
constexpr std::size_t kHeaderBytes = 2048;
constexpr int kParts = 200;
constexpr int kDepth = 16;

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
};
template <typename T>
using Object = std::unique_ptr<T, Unref>;

struct Free {
  void operator()(char* text) const { g_free(text); }
};

std::string Text(const char* text) {
  return text == nullptr ? "" : ReplaceInvalidUtf8(text);
}

// What a person would read of HTML: without tags, styles and scripts; the usual entities. Linear: no byte is searched twice.
std::string WithoutTags(std::string_view html) {
  std::string text;
  const std::string lower = ToLower(html);
  for (std::size_t i = 0; i < html.size() && text.size() < kTextBytes;) {
    const std::size_t open = std::min(html.find('<', i), html.size());
    text += html.substr(i, open - i);
    std::string_view tag = std::string_view(lower).substr(open);
    for (const std::string_view hidden : {"<style", "<script"}) {
      if (!tag.starts_with(hidden)) continue;
      tag.remove_prefix(std::min(tag.find(absl::StrCat("</", ToAbsl(hidden.substr(1)))), tag.size()));
    }
    for (const std::string_view breaks : {"<br", "<p", "<div", "<tr", "<li", "</p", "</h"}) {
      if (tag.starts_with(breaks) && !text.ends_with('\n')) text += '\n';
    }
    const std::size_t close = tag.find('>');
    if (close == std::string_view::npos) break;
    i = html.size() - tag.size() + close + 1;
  }
  text.resize(TruncateUtf8(text, kTextBytes).size());
  for (const auto& [entity, character] : {
           std::pair<std::string_view, std::string_view>{"&nbsp;", " " },
           {"&lt;",   "<" },
           {"&gt;",   ">" },
           {"&quot;", "\""},
           {"&#39;",  "'" },
           {"&amp;",  "&" },
  }) {
    for (std::size_t at = 0; (at = text.find(entity, at)) != std::string::npos; at += character.size())
      text.replace(at, entity.size(), character);
  }
  return text;
}

// Looks through the parts for what a person reads first.
class TextFinder {
 public:
  void Look(GMimeObject* part, int depth) {
    if (part == nullptr || depth > kDepth || ++parts_ > kParts || !plain_.empty()) return;
    if (GMIME_IS_MULTIPART(part)) {
      auto* multipart = GMIME_MULTIPART(part);
      for (int i = 0; i < g_mime_multipart_get_count(multipart); ++i)
        Look(g_mime_multipart_get_part(multipart, i), depth + 1);
    } else if (GMIME_IS_TEXT_PART(part)) {
      auto* text_part = GMIME_TEXT_PART(part);
      const std::unique_ptr<char, Free> text(g_mime_text_part_get_text(text_part));
      const GMimeContentType* type = g_mime_object_get_content_type(part);
      const bool is_html = g_mime_content_type_is_type(const_cast<GMimeContentType*>(type), "text", "html") != 0;
      std::string& to = is_html ? html_ : plain_;
      if (to.empty() && text) to = ReplaceInvalidUtf8(TruncateUtf8(text.get(), kPartBytes));
    }
  }
  std::string Take() { return std::string(Trim(plain_.empty() ? WithoutTags(html_) : plain_)); }

 private:
  std::string plain_;
  std::string html_;
  int parts_ = 0;
};

void ReadHeaders(GMimeMessage* message, Mail& mail) {
  GMimeHeaderList* headers = g_mime_object_get_header_list(GMIME_OBJECT(message));
  const int count = headers == nullptr ? 0 : g_mime_header_list_get_count(headers);
  for (int i = 0; i < count && mail.headers.size() < kHeaders; ++i) {
    GMimeHeader* header = g_mime_header_list_get_header_at(headers, i);
    mail.headers.push_back({Text(g_mime_header_get_name(header)),
                            std::string(TruncateUtf8(Text(g_mime_header_get_value(header)), kHeaderBytes))});
  }
}

// RFC 3834, and what was usual before it.
bool IsAutomaticReply(const Mail& mail) {
  const std::string automatic = ToLower(FindHeader(mail.headers, "Auto-Submitted"));
  if (automatic.starts_with("auto-replied")) return true;
  if (!FindHeader(mail.headers, "X-Autoreply").empty()) return true;
  return mail.is_automatic_reply;
}

}  // namespace

Mail ReadMail(std::string_view message) {
  static std::once_flag once;
  std::call_once(once, [] { g_mime_init(); });
  Mail mail;
  const Object<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(message.data(), message.size()));
  const Object<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
  const Object<GMimeMessage> parsed(g_mime_parser_construct_message(parser.get(), nullptr));
  if (!parsed) {
    mail.text = std::string(TruncateUtf8(ReplaceInvalidUtf8(message.substr(0, kTextBytes)), kTextBytes));
    return mail;
  }
  ReadHeaders(parsed.get(), mail);
  mail.subject = Text(g_mime_message_get_subject(parsed.get()));
  mail.message_id = Text(g_mime_message_get_message_id(parsed.get()));
  if (InternetAddressList* from = g_mime_message_get_from(parsed.get());
      from != nullptr && internet_address_list_length(from) > 0) {
    InternetAddress* first = internet_address_list_get_address(from, 0);
    if (INTERNET_ADDRESS_IS_MAILBOX(first))
      mail.from = Text(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(first)));
  }
  if (GDateTime* date = g_mime_message_get_date(parsed.get()))
    mail.date = absl::FromUnixSeconds(g_date_time_to_unix(date));
  GMimeObject* body = g_mime_message_get_mime_part(parsed.get());
  if (body != nullptr)
    mail.is_automatic_reply =
        g_mime_content_type_is_type(g_mime_object_get_content_type(body), "multipart", "report") != 0;
  TextFinder finder;
  finder.Look(body, 0);
  mail.text = std::string(TruncateUtf8(finder.Take(), kTextBytes));
  mail.is_automatic_reply = IsAutomaticReply(mail);
  return mail;
}

namespace {

// Words that a subject may begin with, and what they say. `state` words count only at the beginning or in brackets there.
struct Marker {
  std::string_view word;
  std::optional<EventKind> kind;  // absent: says nothing, and is left out
};
constexpr Marker kMarkers[] = {
    {"acknowledgement", EventKind::kAcknowledge},
    {"acknowledged",    EventKind::kAcknowledge},
    {"recovery",        EventKind::kResolve    },
    {"recovered",       EventKind::kResolve    },
    {"resolved",        EventKind::kResolve    },
    {"cleared",         EventKind::kResolve    },
    {"closed",          EventKind::kResolve    },
    {"normal",          EventKind::kResolve    },
    {"ok",              EventKind::kResolve    },
    {"up",              EventKind::kResolve    },
    {"problem",         EventKind::kTrigger    },
    {"firing",          EventKind::kTrigger    },
    {"alerting",        EventKind::kTrigger    },
    {"triggered",       EventKind::kTrigger    },
    {"critical",        EventKind::kTrigger    },
    {"warning",         EventKind::kTrigger    },
    {"alarm",           EventKind::kTrigger    },
    {"alert",           EventKind::kTrigger    },
    {"down",            EventKind::kTrigger    },
    {"re",              std::nullopt           },
    {"fwd",             std::nullopt           },
    {"fw",              std::nullopt           },
    {"aw",              std::nullopt           },
    {"wg",              std::nullopt           },
};

struct Subject {
  std::string key;    // what stays the same
  std::string title;  // the same as it was written
  std::optional<EventKind> kind;
};

const Marker* FindMarker(std::string_view word) {
  const std::string lower = ToLower(word);
  const auto* found = std::ranges::find(kMarkers, std::string_view(lower), &Marker::word);
  return found == std::end(kMarkers) ? nullptr : found;
}

// "[FIRING:1] " or "RESOLVED: " or "** PROBLEM " taken off the front; false when there is nothing of the kind.
bool TakeMarker(std::string_view& rest, bool starred, Subject& subject) {
  while (rest.starts_with('*') || rest.starts_with(' ') || rest.starts_with('-'))
    rest.remove_prefix(1);
  const bool bracketed = rest.starts_with('[');
  std::string_view inside = bracketed ? rest.substr(1) : rest;
  const std::size_t end = std::min(inside.find_first_of(" :]*"), inside.size());
  const Marker* marker = FindMarker(inside.substr(0, end));
  if (marker == nullptr) return false;
  if (bracketed) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) return false;
    rest.remove_prefix(close + 1);
  } else {
    // Of a word without brackets or a colon only Nagios' stars show that it is meant as a state.
    const bool has_colon = end < inside.size() && inside[end] == ':';
    if (!has_colon && !starred) return false;
    rest.remove_prefix(end + (has_colon ? 1 : 0));
  }
  if (marker->kind) subject.kind = marker->kind;
  return true;
}

Subject ReadSubject(std::string_view text) {
  Subject subject;
  std::string_view rest = Trim(text);
  const bool starred = rest.starts_with("**");
  for (int i = 0; i < 5 && TakeMarker(rest, starred, subject); ++i) {
  }
  std::string title(rest);
  std::erase(title, '*');
  subject.title = Trim(title);
  std::string key = ToLower(title);
  // "db1/Disk is OK", "db1/Disk is CRITICAL": one alert.
  static const RE2 kState(R"(\s+is\s+(ok|warning|critical|unknown|up|down|unreachable|normal)\s*$)");
  key = std::string(Trim(key));
  RE2::Replace(&key, kState, "");
  static const RE2 kBlanks(R"(\s+)");
  RE2::GlobalReplace(&key, kBlanks, " ");
  subject.key = std::string(Trim(key));
  return subject;
}

// The named groups of a rule's patterns, and whether all of them fit.
class RuleMatch {
 public:
  bool Match(const MailRule& rule, const Mail& mail, std::string_view from) {
    names_.clear();
    return Search(rule.from, from) && Search(rule.subject, mail.subject) && Search(rule.body, mail.text);
  }
  // {{name}} filled in; what is not there is empty.
  std::string Fill(std::string_view text) const {
    const absl::StatusOr<TextTemplate> parsed = ParseTemplate(text);
    std::string result;
    if (!parsed.ok()) return result;
    for (const TextTemplate::Part& part : parsed->parts) {
      result += part.text;
      for (const TextTemplate::Path& path : part.paths) {
        const std::string value = path.steps.empty() ? path.literal : std::string(tocsin::Find(names_, path.steps[0]));
        if (value.empty()) continue;
        result += value;
        break;
      }
    }
    return result;
  }

 private:
  bool Search(const std::string& pattern, std::string_view text) {
    if (pattern.empty()) return true;
    RE2::Options options(RE2::Quiet);
    options.set_case_sensitive(false);
    const RE2 compiled(pattern, options);
    if (!compiled.ok()) return false;
    std::vector<re2::StringPiece> groups(static_cast<std::size_t>(compiled.NumberOfCapturingGroups()) + 1);
    if (!compiled.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), RE2::UNANCHORED, groups.data(),
                        static_cast<int>(groups.size())))
      return false;
    for (const auto& [index, name] : compiled.CapturingGroupNames()) {
      const re2::StringPiece& group = groups[static_cast<std::size_t>(index)];
      names_.push_back({name, std::string(group.data() == nullptr ? "" : group.data(), group.size())});
    }
    return true;
  }

  Labels names_;
};

EventKind KindOf(MailRule::Action action) {
  if (action == MailRule::Action::kResolve) return EventKind::kResolve;
  return action == MailRule::Action::kAcknowledge ? EventKind::kAcknowledge : EventKind::kTrigger;
}

// Clocks go wrong, and who forges mails writes any date: one that no alert can have begun at says nothing.
std::optional<absl::Time> StartOf(const Mail& mail, absl::Time received) {
  constexpr absl::Duration kFastestClock = absl::Hours(24);
  static const absl::Time kEarliest = absl::FromCivil(absl::CivilYear(2000), absl::UTCTimeZone());
  if (!mail.date || *mail.date < kEarliest || *mail.date > received + kFastestClock) return std::nullopt;
  return mail.date;
}

Severity SeverityOf(const Mail& mail) {
  const std::string priority = ToLower(
      absl::StrCat(ToAbsl(FindHeader(mail.headers, "Importance")), ToAbsl(FindHeader(mail.headers, "X-Priority"))));
  if (priority.starts_with("high") || priority.starts_with('1') || priority.starts_with('2')) return Severity::kHigh;
  if (priority.starts_with("low") || priority.starts_with('4') || priority.starts_with('5')) return Severity::kLow;
  return Severity::kUnknown;
}

}  // namespace

Readings ReadMailEvents(const Mail& mail,
                        std::string_view envelope_from,
                        std::span<const MailRule> rules,
                        const Now& received) {
  if (mail.is_automatic_reply) return {Reading::Ignored("an automatic reply, or a report about another mail")};
  const std::string from = ToLower(mail.from.empty() ? ReplaceInvalidUtf8(envelope_from) : mail.from);
  const std::string_view excerpt = TruncateUtf8(mail.text, kExcerptBytes);
  const Subject subject = ReadSubject(mail.subject);
  EventBuilder event;
  event.Kind(subject.kind.value_or(EventKind::kTrigger)).Severity(SeverityOf(mail));
  std::string key;
  RuleMatch match;
  for (const MailRule& rule : rules) {
    if (!match.Match(rule, mail, from)) continue;
    if (rule.action == MailRule::Action::kIgnore) return {Reading::Ignored("a mail rule says so")};
    event.Kind(KindOf(rule.action));
    if (!rule.severity.empty()) event.Severity(ParseSeverity(rule.severity));
    for (const Label& label : rule.labels)
      event.Label(label.name, match.Fill(label.value));
    if (!rule.key.empty()) key = match.Fill(rule.key);
    break;
  }
  if (key.empty()) key = absl::StrCat("mail/", from, "/", subject.key.empty() ? ToLower(excerpt) : subject.key);
  event.Label("alertname", mail.subject.empty() ? "mail without a subject" : std::string_view(subject.title))
      .Label("from", from)
      .Summary(mail.subject.empty() ? excerpt : std::string_view(mail.subject))
      .Description(mail.text)
      .Annotation("message_id", mail.message_id)
      .StartsAt(StartOf(mail, received.wall));
  return {std::move(event).FinishAs(key, "a mail without sender, subject and text")};
}

}  // namespace tocsin
