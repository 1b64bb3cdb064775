// events: what happens in the whole organisation, as it becomes durable.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <thread>

#include "absl/strings/str_cat.h"
#include <google/protobuf/util/json_util.h>

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"

namespace tocsin {
namespace {

using v1::TimelineService;

constexpr auto kPoll = std::chrono::milliseconds(500);
constexpr auto kRetry = std::chrono::seconds(2);

std::string About(const v1::Subject& subject, const std::string& text) {
  if (subject.kind() == v1::Subject::KIND_GROUP) return absl::StrCat("G", subject.id());
  if (subject.kind() == v1::Subject::KIND_INCIDENT) return absl::StrCat("I", subject.id());
  if (subject.kind() != v1::Subject::KIND_SILENCE) return "-";
  // A maintenance window is one, but has a letter of its own.
  const std::string window = absl::StrCat("M", subject.id());
  const std::size_t at = text.find(window);
  const bool is_window =
      at != std::string::npos &&
      (at + window.size() == text.size() || std::isdigit(static_cast<unsigned char>(text[at + window.size()])) == 0);
  return is_window ? window : absl::StrCat("S", subject.id());
}

struct Colour {
  v1::TimelineEntry::Kind kind;
  Tone tone;
};
constexpr Colour kColours[] = {
    {v1::TimelineEntry::KIND_PAGED,                Tone::kBad  },
    {v1::TimelineEntry::KIND_UNREACHABLE,          Tone::kBad  },
    {v1::TimelineEntry::KIND_NOTIFICATION_FAILED,  Tone::kBad  },
    {v1::TimelineEntry::KIND_ESCALATION_EXHAUSTED, Tone::kBad  },
    {v1::TimelineEntry::KIND_INCIDENT_OPENED,      Tone::kBad  },
    {v1::TimelineEntry::KIND_RESOLVED,             Tone::kGood },
    {v1::TimelineEntry::KIND_ACKNOWLEDGED,         Tone::kWatch},
    {v1::TimelineEntry::KIND_SNOOZED,              Tone::kWatch},
    {v1::TimelineEntry::KIND_SUPPRESSED,           Tone::kWatch},
};

Tone ToneOf(v1::TimelineEntry::Kind kind) {
  const auto* const found = std::ranges::find(kColours, kind, &Colour::kind);
  return found == std::end(kColours) ? Tone::kPlain : found->tone;
}

std::string Word(v1::TimelineEntry::Kind kind) {
  return EnumWord(v1::TimelineEntry::Kind_Name(kind), "KIND_");
}

void PrintLine(const v1::ListRecentResponse::Entry& shown) {
  const v1::TimelineEntry& entry = shown.entry();
  const std::string word = Word(entry.kind());
  const std::string padded = word + std::string(22 - std::min<std::size_t>(22, word.size()), ' ');
  const std::string service = shown.service().empty() ? "" : Printable(shown.service()) + ": ";
  std::printf("%s %-6s %s %s%s%s\n", Paint(Show(entry.at()), Tone::kFaint, StandardOutput()).c_str(),
              About(entry.subject(), entry.text()).c_str(),
              Paint(padded, ToneOf(entry.kind()), StandardOutput()).c_str(), service.c_str(),
              Printable(entry.text()).c_str(),
              entry.actor().empty() ? "" : (" [" + Printable(entry.actor()) + "]").c_str());
}

// One object a line: fit for a pipe that never ends.
void PrintJsonLine(const v1::ListRecentResponse::Entry& entry) {
  std::string json;
  if (google::protobuf::util::MessageToJsonString(entry, &json).ok()) std::printf("%s\n", json.c_str());
}

void Print(const v1::ListRecentResponse& response, bool as_json) {
  if (response.restarted())
    std::fprintf(stderr, "-- the server was started again; what happened meanwhile is in `tocsin explain` --\n");
  if (response.missed() > 0) {
    std::fprintf(stderr, "-- %llu entries went by unread: this reader is too slow; `tocsin explain G17` has them --\n",
                 static_cast<unsigned long long>(response.missed()));
  }
  for (const auto& entry : response.entries())
    as_json ? PrintJsonLine(entry) : PrintLine(entry);
  std::fflush(stdout);
}

absl::StatusOr<v1::TimelineEntry::Kind> ParseKind(const std::string& word) {
  std::string name = "KIND_";
  for (const char c : word)
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  v1::TimelineEntry::Kind kind{};
  if (v1::TimelineEntry::Kind_Parse(name, &kind) && kind != 0) return kind;
  std::string all;
  for (int i = 1; i <= v1::TimelineEntry::Kind_MAX; ++i) {
    if (v1::TimelineEntry::Kind_IsValid(i))
      all += (all.empty() ? "" : ", ") + Word(static_cast<v1::TimelineEntry::Kind>(i));
  }
  return Invalid("--kind: %s is none of %s", JsonQuote(word), all);
}

absl::StatusOr<v1::ListRecentRequest> ToRequest(const Arguments& arguments) {
  v1::ListRecentRequest request;
  if (!arguments.positional().empty()) {
    TOCSIN_ASSIGN(const Reference reference, ParseReference(arguments.positional()[0], "GI"));
    if (reference.letter == 'G') request.set_group(reference.id);
    if (reference.letter == 'I') request.set_incident(reference.id);
  }
  request.set_service(arguments.get("service"));
  request.set_user(arguments.get("user"));
  for (const std::string& word : arguments.all("kind")) {
    TOCSIN_ASSIGN(const auto kind, ParseKind(word));
    request.add_kinds(kind);
  }
  TOCSIN_ASSIGN(const std::uint32_t limit, NumberOf(arguments, "limit", 100, 1, 1000));
  request.set_page_size(limit);
  request.set_cursor(arguments.get("cursor"));
  return request;
}

// Until interrupted, over restarts of the server. The cursor goes on where the last answer ended, so nothing is told twice and
// what cannot be told any more is said.
absl::Status Follow(const Client& client, v1::ListRecentRequest request, bool as_json) {
  bool is_away = false;
  for (;;) {
    const auto response = client.Call<TimelineService>(&TimelineService::Stub::ListRecent, request);
    if (absl::IsUnavailable(response.status()) && !request.cursor().empty()) {
      if (!is_away) std::fprintf(stderr, "-- %s; trying again --\n", Message(response.status()).c_str());
      is_away = true;
      std::this_thread::sleep_for(kRetry);
      continue;
    }
    TOCSIN_TRY(response.status());
    is_away = false;
    Print(*response, as_json);
    if (std::ferror(stdout) != 0) return absl::OkStatus();
    request.set_cursor(response->next_cursor());
    request.set_page_size(1000);
    if (!response->more()) std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace

int RunEvents(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"follow",  'f', false, "",       "go on as things happen, until interrupted"                   },
      {"service", 0,   true,  "NAME",   "only of this service"                                        },
      {"user",    0,   true,  "NAME",   "only what this person was told or has done"                  },
      {"kind",    0,   true,  "KIND",   "only such entries, e.g. paged, acknowledged; may be repeated"},
      {"limit",   0,   true,  "N",      "at most so many (default 100)"                               },
      {"cursor",  0,   true,  "CURSOR", "go on from here: nextCursor of -o json"                      }
  };
  return WithClient("events", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    TOCSIN_ASSIGN(v1::ListRecentRequest request, ToRequest(parsed));
    if (parsed.has("follow")) return Follow(client, std::move(request), WantsJson(parsed));
    TOCSIN_ASSIGN(const auto response, client.Call<TimelineService>(&TimelineService::Stub::ListRecent, request));
    if (WantsJson(parsed)) {
      PrintJson(response);
      return absl::OkStatus();
    }
    Print(response, /*as_json=*/false);
    if (response.entries().empty()) {
      const std::string user = parsed.get("user");
      const std::string service = parsed.get("service");
      std::printf("nothing of the kind%s%s since the server started; `tocsin groups --all` lists what was before\n",
                  user.empty() ? "" : (" about a person " + JsonQuote(user)).c_str(),
                  service.empty() ? "" : (" about a service " + JsonQuote(service)).c_str());
    }
    return absl::OkStatus();
  });
}

}  // namespace tocsin
