// explain.
#include <cstdio>

#include "base/status.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"

namespace tocsin {
namespace {

// `undated`: what stands for the time of a line that has none.
void PrintLine(const v1::ExplainResponse::Line& line, std::string_view undated) {
  const std::string when = line.has_at() ? Show(line.at()) : std::string(undated);
  std::printf(
      "  %s  %s%s\n",
      Paint(when + std::string(25 - std::min<std::size_t>(25, when.size()), ' '), Tone::kFaint, StandardOutput())
          .c_str(),
      Printable(line.text()).c_str(), line.actor().empty() ? "" : (" [" + Printable(line.actor()) + "]").c_str());
}

bool IsKey(const std::string& text) {
  return (text.size() == 16 || text.size() == 32) && text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
}

absl::StatusOr<v1::ExplainRequest> ToRequest(const std::vector<std::string>& words) {
  if (words.empty()) return Invalid("explain what? G17, I3, P9, N12, user NAME, an alert's key, or matchers");
  v1::ExplainRequest request;
  if (words[0] == "user" && words.size() == 2) {
    request.set_user(words[1]);
    return request;
  }
  if (words.size() != 1) return Invalid("one thing at a time: G17, or user NAME, or matchers in one argument");
  const std::string& text = words[0];
  if (const absl::StatusOr<Reference> reference = ParseReference(text, "GIPNB"); reference.ok()) {
    if (reference->letter == 'G') request.set_group(reference->id);
    if (reference->letter == 'I') request.set_incident(reference->id);
    if (reference->letter == 'P') request.set_page(reference->id);
    if (reference->letter == 'N') request.set_notification(reference->id);
    if (reference->letter == 'B') request.set_bundle(reference->id);
  } else if (text.find('=') != std::string::npos) {
    request.set_matchers(text);
  } else if (IsKey(text)) {
    request.set_alert(text);
  } else {
    return Invalid(
        "%s is none of: G17, I3, P9, N12, B52, user NAME, an alert's key or fingerprint (`tocsin alerts` shows it), "
        "matchers such as 'alertname=\"DiskFull\"'",
        text);
  }
  return request;
}

void Print(const v1::ExplainResponse& response) {
  for (const auto& answer : response.answers()) {
    std::printf("%s\n  %s\n\n", Paint(Printable(answer.subject()), Tone::kStrong, StandardOutput()).c_str(),
                Paint(Printable(answer.verdict()), Tone::kWatch, StandardOutput()).c_str());
    for (const auto& line : answer.facts())
      PrintLine(line, "now");
    if (answer.next_size() > 0) std::printf("\n  what happens next, unless something changes:\n");
    for (const auto& line : answer.next())
      PrintLine(line, "then");
    if (answer.advice_size() > 0) std::printf("\n  what you can do or look at:\n");
    for (const std::string& advice : answer.advice())
      std::printf("  - %s\n", Printable(advice).c_str());
    std::printf("\n");
  }
}

}  // namespace

int RunExplain(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"why-not", 0, true, "USER", "of a group or incident: was this person paged for it, and if not, why not"}
  };
  return WithClient("explain", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    TOCSIN_ASSIGN(v1::ExplainRequest request, ToRequest(parsed.positional()));
    request.set_why_not(parsed.get("why-not"));
    TOCSIN_ASSIGN(const auto response, client.Call<v1::ExplainService>(&v1::ExplainService::Stub::Explain, request));
    if (WantsJson(parsed)) {
      PrintJson(response);
    } else {
      Print(response);
    }
    if (response.nothing_matches()) return NotFound("no alert in memory matches %s", parsed.positional().front());
    return absl::OkStatus();
  });
}

}  // namespace tocsin
