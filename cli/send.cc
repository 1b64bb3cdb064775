// send.
#include <algorithm>
#include <cstdio>

#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "model/severity.h"
#include "tocsin/v1/ingest.grpc.pb.h"

namespace tocsin {
namespace {

absl::Status AddPairs(const std::vector<std::string>& texts, google::protobuf::Map<std::string, std::string>& pairs) {
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return Invalid("%s is not NAME=VALUE", JsonQuote(text));
    pairs[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::IngestRequest> ToRequest(const Arguments& arguments) {
  v1::IngestRequest request;
  request.set_want_outcomes(true);
  request.set_want_explanations(arguments.has("explain"));
  v1::Alert& alert = *request.add_alerts();
  if (arguments.has("resolve")) alert.set_kind(v1::Alert::KIND_RESOLVE);
  if (arguments.has("acknowledge")) alert.set_kind(v1::Alert::KIND_ACKNOWLEDGE);
  TOCSIN_TRY(AddPairs(arguments.positional(), *alert.mutable_labels()));
  TOCSIN_TRY(AddPairs(arguments.all("annotation"), *alert.mutable_annotations()));
  if (alert.labels().empty() && !arguments.has("dedup-key"))
    return Invalid("an alert needs labels, e.g. alertname=DiskFull");
  const std::string severity = arguments.get("severity");
  if (!severity.empty() && ParseSeverity(severity) == Severity::kUnknown) {
    return Invalid("--severity: %s is none of critical, high, warning, low, info", JsonQuote(severity));
  }
  alert.set_severity(severity);
  alert.set_dedup_key(arguments.get("dedup-key"));
  return request;
}

void Print(const v1::IngestResponse& response) {
  const std::string what = response.outcomes().empty()
                               ? "accepted"
                               : EnumWord(v1::IngestResponse::Outcome_Name(response.outcomes(0)), "OUTCOME_");
  std::printf("%s, durable as journal entry %llu\n", what.c_str(),
              static_cast<unsigned long long>(response.sequence()));
  for (const auto& explanation : response.explanations()) {
    std::printf("%s\n`tocsin explain %s` tells the rest\n", Printable(explanation.text()).c_str(),
                Printable(explanation.key()).c_str());
  }
}

absl::Status Send(const Arguments& arguments) {
  TOCSIN_TRY(CheckOutput(arguments));
  if (!arguments.has("key")) return Invalid("--key KEY is missing: the key of an integration with `source: stream`");
  TOCSIN_ASSIGN(const v1::IngestRequest request, ToRequest(arguments));
  const Client client = Client::MakeSender(arguments, arguments.get("key"));
  TOCSIN_ASSIGN(const auto response, client.Call<v1::IngestService>(&v1::IngestService::Stub::Ingest, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
  } else if (response.rejections().empty() && !response.has_retry_after()) {
    Print(response);
  }
  for (const auto& rejection : response.rejections())
    return Invalid("%s", rejection.reason());
  if (response.has_retry_after()) {
    return Exhausted("nothing was taken: the server is at a limit; try again in %ds (`tocsin top` shows what waits)",
                     std::max<std::int64_t>(1, response.retry_after().seconds()));
  }
  return absl::OkStatus();
}

}  // namespace

int RunSend(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"key",         'k', true,  "KEY",        "the key of a `stream` integration"                                          },
      {"annotation",  'a', true,  "NAME=VALUE", "what people read, e.g. summary=...; repeatable"                             },
      {"severity",    's', true,  "WORD",       "critical, high, warning, low, info; matchers see only labels: severity=high"},
      {"dedup-key",   0,   true,  "TEXT",       "identity, where the labels are not it"                                      },
      {"resolve",     0,   false, "",           "it is over"                                                                 },
      {"acknowledge", 0,   false, "",           "somebody has it"                                                            },
      {"explain",     0,   false, "",           "say where it went, and what holds it back"                                  },
      kServerOption,
      kOutputOption,
  };
  return WithArguments("send", arguments, kOwn, Send);
}

}  // namespace tocsin
