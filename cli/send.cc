// send.
#include <cstdio>
#include <memory>
#include <optional>
#include <span>

#include "absl/strings/str_split.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/notify.h"
#include "cli/output.h"
#include "cli/own_certificate.h"
#include "cli/session.h"
#include "client/client.h"
#include "model/severity.h"
#include "tocsin/v1/ingest.pb.h"

namespace tocsin {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(1);  // for a server to be there

absl::Status AddPairs(const std::vector<std::string>& texts, Labels& pairs) {
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return Invalid("%s is not NAME=VALUE", JsonQuote(text));
    pairs.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  return absl::OkStatus();
}

absl::StatusOr<AlertEvent> ToAlert(const Arguments& arguments) {
  AlertEvent alert;
  if (arguments.has("resolve")) alert.kind = EventKind::kResolve;
  if (arguments.has("acknowledge")) alert.kind = EventKind::kAcknowledge;
  TOCSIN_TRY(AddPairs(arguments.positional(), alert.labels));
  TOCSIN_TRY(AddPairs(arguments.all("annotation"), alert.annotations));
  if (alert.labels.empty() && !arguments.has("dedup-key"))
    return Invalid("an alert needs labels, e.g. alertname=DiskFull");
  const std::string severity = arguments.get("severity");
  alert.severity = ParseSeverity(severity);
  if (!severity.empty() && alert.severity == Severity::kUnknown) {
    return Invalid("--severity: %s is none of critical, high, warning, low, info", JsonQuote(severity));
  }
  alert.dedup_key = arguments.get("dedup-key");
  return alert;
}

SenderOptions OptionsFor(const Arguments& arguments, const Client& client) {
  SenderOptions options;
  options.servers = absl::StrSplit(client.address(), ',', absl::SkipWhitespace());
  options.key = arguments.get("key");
  options.root_certificates = TrustedCertificates();
  OwnCertificate own = ReadOwnCertificate();
  options.certificate = std::move(own.certificate);
  options.private_key = std::move(own.key);
  options.batch_age = absl::ZeroDuration();
  options.give_up_after = kPatience;
  options.want_outcomes = true;
  options.want_explanations = arguments.has("explain");
  return options;
}

// As the stream's own answer would read.
void PrintAsJson(const Delivery& delivery) {
  v1::IngestResponse response;
  if (delivery.kind == Delivery::Kind::kRejected) {
    response.add_rejections()->set_reason(Message(delivery.status));
  } else {
    response.set_accepted(1);
    response.set_sequence(delivery.sequence);
  }
  if (delivery.outcome) {
    response.add_outcomes(static_cast<v1::IngestResponse::Outcome>(static_cast<int>(*delivery.outcome) + 1));
  }
  if (delivery.explanation) {
    v1::IngestResponse::Explanation& to = *response.add_explanations();
    to.set_key(delivery.explanation->key);
    to.set_firing(delivery.explanation->firing);
    to.set_severity(delivery.explanation->severity);
    to.set_rules_version(delivery.explanation->rules_version);
    to.mutable_routes()->Assign(delivery.explanation->routes.begin(), delivery.explanation->routes.end());
    to.mutable_groups()->Assign(delivery.explanation->groups.begin(), delivery.explanation->groups.end());
    to.set_held_by(delivery.explanation->held_by);
    to.set_text(delivery.explanation->text);
  }
  PrintJson(response);
}

void Print(const Delivery& delivery) {
  const std::string what = delivery.outcome ? std::string(Name(*delivery.outcome)) : "accepted";
  std::printf("%s, durable as journal entry %llu\n", what.c_str(), static_cast<unsigned long long>(delivery.sequence));
  if (!delivery.explanation) return;
  std::printf("%s\n`tocsin explain %s` tells the rest\n", Printable(delivery.explanation->text).c_str(),
              Printable(delivery.explanation->key).c_str());
}

absl::Status SendAndWait(const Arguments& arguments, const Client& client, const AlertEvent& alert) {
  TOCSIN_ASSIGN(const std::unique_ptr<Sender> sender, Sender::Open(OptionsFor(arguments, client)));
  Delivery delivery{.kind = Delivery::Kind::kGivenUp, .outcome = std::nullopt, .explanation = std::nullopt};
  TOCSIN_TRY(sender->Send(alert, [&](const Delivery& told) { delivery = told; }));
  static_cast<void>(sender->Stop(kPatience + absl::Seconds(35)));  // more than the sender's own patience for an answer
  if (delivery.kind == Delivery::Kind::kGivenUp) {
    if (absl::IsResourceExhausted(delivery.status)) {
      return Annotate(delivery.status, "nothing was taken (`tocsin top` shows what waits)");
    }
    return client.Explain({static_cast<grpc::StatusCode>(delivery.status.code()), Message(delivery.status)});
  }
  if (WantsJson(arguments)) {
    PrintAsJson(delivery);
  } else if (delivery.kind == Delivery::Kind::kDurable) {
    Print(delivery);
  }
  return delivery.status;
}

// On disk first; what it cannot send now waits for the next call, or for drain-spool.
absl::Status SpoolAndSend(const Arguments& arguments, const Client& client, const AlertEvent& alert) {
  const SpooledEvent event = ToSpooled(OptionsFor(arguments, client), std::span(&alert, 1));
  TOCSIN_ASSIGN(const HandedOver handed, HandOver(arguments.get("spool"), event, absl::Seconds(5)));
  std::printf("%s", handed.waits ? "spooled" : "sent, durable");
  if (!handed.trouble.empty()) std::printf(handed.waits ? ", %s" : "; %s", Printable(handed.trouble).c_str());
  std::printf("\n");
  if (!handed.others_rejected.empty()) {
    std::fprintf(stderr, "tocsin send: of others, %s\n", Printable(handed.others_rejected).c_str());
  }
  return absl::OkStatus();
}

absl::Status Send(const Arguments& arguments) {
  TOCSIN_TRY(CheckOutput(arguments));
  if (!arguments.has("key")) return Invalid("--key KEY is missing: the key of an integration with `source: stream`");
  TOCSIN_ASSIGN(const AlertEvent alert, ToAlert(arguments));
  const Client client = Client::MakeSender(arguments, arguments.get("key"));
  if (arguments.has("spool")) return SpoolAndSend(arguments, client, alert);
  return SendAndWait(arguments, client, alert);
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
      {"spool",       0,   true,  "DIR",
       "write it there first; what no server takes now goes with the next call or drain-spool"                               },
      {"server",      0,   true,  "HOST:PORT",
       "gRPC address, https://HOST:PORT for TLS, several with commas between; else $TOCSIN_SERVER, else "
       "127.0.0.1:8912"                                                                                                      },
      kOutputOption,
  };
  return WithArguments("send", arguments, kOwn, Send);
}

}  // namespace tocsin
