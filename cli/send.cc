// send, parse.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "absl/strings/str_format.h"
#include <grpcpp/grpcpp.h>

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
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

absl::Status Send(const Arguments& arguments) {
  if (!arguments.has("key")) return Invalid("--key KEY is missing: the key of an integration with `source: stream`");
  v1::IngestRequest request;
  request.set_want_outcomes(true);
  v1::Alert& alert = *request.add_alerts();
  if (arguments.has("resolve")) alert.set_kind(v1::Alert::KIND_RESOLVE);
  if (arguments.has("acknowledge")) alert.set_kind(v1::Alert::KIND_ACKNOWLEDGE);
  TOCSIN_TRY(AddPairs(arguments.positional(), *alert.mutable_labels()));
  TOCSIN_TRY(AddPairs(arguments.all("annotation"), *alert.mutable_annotations()));
  if (alert.labels().empty() && !arguments.has("dedup-key"))
    return Invalid("an alert needs labels, e.g. alertname=DiskFull");
  alert.set_severity(arguments.get("severity"));
  alert.set_dedup_key(arguments.get("dedup-key"));

  const char* environment = std::getenv("TOCSIN_SERVER");
  const std::string address = arguments.get("server", environment != nullptr ? environment : "127.0.0.1:8912");
  const auto stub = v1::IngestService::NewStub(MakeChannel(address));
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + arguments.get("key"));
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::IngestResponse response;
  const grpc::Status status = stub->Ingest(&context, request, &response);
  if (!status.ok()) return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  for (const auto& rejection : response.rejections())
    return Invalid("%s", rejection.reason());
  if (response.has_retry_after()) return Exhausted("the server is at a limit; try again");
  std::printf("%s, durable as journal entry %llu\n",
              response.outcomes().empty()
                  ? "accepted"
                  : EnumWord(v1::IngestResponse::Outcome_Name(response.outcomes(0)), "OUTCOME_").c_str(),
              static_cast<unsigned long long>(response.sequence()));
  return absl::OkStatus();
}

}  // namespace

int RunSend(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"key",         'k', true,  "KEY",        "the key of a `stream` integration"                     },
      {"annotation",  'a', true,  "NAME=VALUE", "what people read, e.g. summary=...; repeatable"        },
      {"severity",    's', true,  "WORD",       "critical, high, warning, low, info"                    },
      {"dedup-key",   0,   true,  "TEXT",       "identity, where the labels are not it"                 },
      {"resolve",     0,   false, "",           "it is over"                                            },
      {"acknowledge", 0,   false, "",           "somebody has it"                                       },
      {"server",      0,   true,  "HOST:PORT",  "gRPC address; else $TOCSIN_SERVER, else 127.0.0.1:8912"}
  };
  return WithArguments("send", arguments, kOwn, Send);
}

}  // namespace tocsin
