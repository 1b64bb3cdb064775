// How bodies are read that no source knows: an integration's own mapping says where in them stands what.
//
// A template is text in which {{path}} is what stands there in the body: members and positions in lists with dots between, as
// host.name or checks.0.id; a name that holds a dot, a bar or a blank stands in double quotes. {{a|b|'none'}} is the first of them with
// something in it, {{$header.X-Origin}} a header and {{$query.host}} a parameter of the query.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "model/labels.h"

namespace tocsin {

struct FieldMapping {
  std::string
      each;  // path of the list that has an alert in each element; empty: the body is one alert, or a list of them
  // Templates; empty: absent.
  std::string key;  // identity: equal for the firing and its recovery
  std::string status;
  std::string severity;
  std::string title;
  std::string description;
  std::string link;
  std::string starts_at;
  std::string ends_at;
  Labels labels;
  Labels annotations;
  // Words that `status` may become, without regard to case, beside those that everybody uses (firing, ok, closed ...).
  std::vector<std::string> firing_when;
  std::vector<std::string> resolved_when;
  std::vector<std::string> acknowledged_when;
  std::vector<std::string> ignored_when;
  Labels severities;  // a word that `severity` may become, and what it stands for; beside the usual ones
  friend bool operator==(const FieldMapping&, const FieldMapping&) = default;
};

// What a mail means: the first rule that fits decides. Patterns are RE2, searched without regard to case; empty: fits.
struct MailRule {
  enum class Action : std::uint8_t {
    kTrigger,
    kAcknowledge,
    kResolve,
    kIgnore
  };
  std::string from;
  std::string subject;
  std::string body;
  Action action = Action::kTrigger;
  std::string
      key;  // what makes two mails one alert: text with {{NAME}} for the patterns' named groups; empty: the subject without
            // Re:, numbers of tickets and words of state
  std::string severity;
  Labels labels;  // texts with {{NAME}}, too
  friend bool operator==(const MailRule&, const MailRule&) = default;
};

struct TextTemplate {
  // Either text, or the first of `paths` with something in it.
  struct Path {
    std::vector<std::string> steps;  // names and positions
    std::string literal;             // without steps: this text
  };
  struct Part {
    std::string text;
    std::vector<Path> paths;
  };
  std::vector<Part> parts;
};
// The error says at which byte what is wrong.
absl::StatusOr<TextTemplate> ParseTemplate(std::string_view text);
// "a.0.b" alone, without braces.
absl::StatusOr<std::vector<std::string>> ParsePath(std::string_view text);

}  // namespace tocsin
