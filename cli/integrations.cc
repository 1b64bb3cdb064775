// integrations: the doors, and what to paste into the senders that shall use them.
#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/deploy_files.h"
#include "cli/door_address.h"
#include "cli/output.h"
#include "cli/session.h"
#include "ingest/source.h"
#include "model/integration_key.h"

namespace tocsin {
namespace {

using v1::OrganisationService;

constexpr std::string_view kStream = "stream";
constexpr std::string_view kTokenStart = "tocsin_";  // as api/auth.cc makes them
constexpr std::string_view kStreamSetup =
    R"(Programs in C++ use the library in client/ (client/client.h); scripts `tocsin send`:

  tocsin send alertname=DiskFull instance=db-1 severity=critical --server {grpc} --key {key}

Others speak proto/tocsin/v1/ingest.proto by gRPC with {grpc}, and send the metadata
`authorization: Bearer {key}`.)";

constexpr std::string_view kOpenSetup =
    R"(What Prometheus sends is taken from this machine alone. In prometheus.yml, then reload it:

alerting:
  alertmanagers:
    - static_configs:
        - targets: ['{host}']

vmalert: -notifier.url={base}   Thanos, Mimir, Loki, Cortex: the same address as Alertmanager's.)";
constexpr std::string_view kMappedSetup =
    R"(Whatever posts JSON or a form that the integration's mapping reads, to this address:

{url}

`tocsin parse --mapping FILE PAYLOAD` shows what becomes of a body.)";

// One without a key is open to this machine only, and speaks Alertmanager's path.
std::string DoorOf(const v1::Integration& integration, const std::string& base, std::string_view key) {
  if (integration.source() == kStream) return "the gRPC stream";
  if (integration.key_hash().empty()) return base + "/api/v2/alerts";
  return absl::StrCat(base, "/v1/integrations/", ToAbsl(key));
}

std::string HostOf(const std::string& base) {
  const std::size_t scheme = base.find("://");
  const std::string rest = scheme == std::string::npos ? base : base.substr(scheme + 3);
  return rest.substr(0, rest.find('/'));
}

std::string ProductOf(const std::string& source) {
  if (source == kStream) return "programs that stream";
  const Source* found = FindSource(source);
  return found == nullptr ? "" : std::string(found->product);
}

// For a shell: in quotes, whatever it holds.
std::string ShellQuote(std::string_view text) {
  return absl::StrCat("'",
                      absl::StrReplaceAll(ToAbsl(text),
                                          {
                                              {"'", "'\\''"}
  }),
                      "'");
}

struct Snippet {
  std::string door;
  std::string setup;
  std::vector<std::pair<std::string, std::string>> files;  // to save at the sender: a name, and what is in it
  std::string example;
  std::string attempt;  // a command line that sends it
  std::string remark;   // about the attempt
};

std::string_view SetupOf(const v1::Integration& integration, const Source* source) {
  if (integration.source() == kStream) return kStreamSetup;
  if (integration.key_hash().empty()) return kOpenSetup;
  if (integration.has_mapping()) return kMappedSetup;
  return source == nullptr ? std::string_view() : source->setup;
}

// What can be sent to try it. What a mapping reads only its author knows.
void AddAttempt(const v1::Integration& integration, const Source& source, Snippet& snippet) {
  const bool is_open = integration.key_hash().empty();
  if (integration.has_mapping() && !is_open) return;
  snippet.example = std::string(is_open ? kPrometheusSource.example : source.example);
  snippet.attempt = absl::StrCat("curl -sS -H 'Content-Type: application/json' ", ShellQuote(snippet.door), " -d ",
                                 ShellQuote(snippet.example));
  if (!integration.signing_secret().empty() && source.verify != nullptr)
    snippet.remark = "It wants a signature with the signing secret, which this has not: the answer is 401.";
}

Snippet SnippetOf(const v1::Integration& integration,
                  const DoorAddress& address,
                  const std::string& key,
                  const Client& client) {
  Snippet snippet;
  snippet.door = DoorOf(integration, address.base, key);
  const Source* source = FindSource(integration.source());
  const auto fill = [&](std::string_view text) {
    return absl::StrReplaceAll(ToAbsl(text), {
                                                 {"{url}",  snippet.door        },
                                                 {"{base}", address.base        },
                                                 {"{host}", HostOf(address.base)},
                                                 {"{grpc}", client.address()    },
                                                 {"{key}",  key                 },
    });
  };
  snippet.setup = fill(SetupOf(integration, source));
  if (integration.mail_rules_size() > 0) {
    absl::StrAppend(&snippet.setup, "\n\nMails go to ", key,
                    "@ and any name, at the address that `tocsin serve --smtp` is given.");
  }
  for (const DeployFile& file : DeployFilesOf(source == nullptr ? std::string_view() : source->name)) {
    snippet.files.emplace_back(file.path, absl::StrReplaceAll(ToAbsl(file.text), {
                                                                                     {"{tocsin-url}", address.base},
                                                                                     {"{tocsin-key}", key         },
    }));
  }
  if (integration.source() == kStream) {
    snippet.attempt = absl::StrCat("tocsin send alertname=Test severity=info --explain --server ", client.address(),
                                   " --key ", ShellQuote(key));
  } else if (source != nullptr) {
    AddAttempt(integration, *source, snippet);
  }
  return snippet;
}

absl::StatusOr<v1::Organisation> Ask(const Client& client) {
  TOCSIN_ASSIGN(auto response, client.Call<OrganisationService>(&OrganisationService::Stub::GetOrganisation,
                                                                v1::GetOrganisationRequest()));
  return std::move(*response.mutable_organisation());
}

absl::Status ListThem(const Arguments& arguments, const Client& client) {
  TOCSIN_ASSIGN(const v1::Organisation organisation, Ask(client));
  if (WantsJson(arguments)) {
    v1::Organisation doors;
    *doors.mutable_integrations() = organisation.integrations();
    PrintJson(doors);
    return absl::OkStatus();
  }
  const DoorAddress address = DoorAddressOf(arguments, organisation, client);
  Table table({"INTEGRATION", "SOURCE", "PRODUCT", "DOOR"});
  for (const v1::Integration& integration : organisation.integrations()) {
    table.Add({Printable(integration.id()), Printable(integration.source()), ProductOf(integration.source()),
               Printable(DoorOf(integration, address.base, "KEY"))});
  }
  table.Print();
  return absl::OkStatus();
}

absl::Status CheckKey(const v1::Integration& integration, const Arguments& arguments) {
  if (!arguments.has("key")) return absl::OkStatus();
  const std::string key = arguments.get("key");
  if (integration.key_hash().empty()) return Invalid("--key: integration %s has no key", integration.id());
  // A token of the integration does as well; whose it is, the door looks.
  if (key.starts_with(kTokenStart) || HashKey(key) == integration.key_hash()) return absl::OkStatus();
  return Invalid("--key: it is not that of integration %s; a lost key is replaced, not found again", integration.id());
}

void PrintLines(std::string_view text, const char* indent) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string line = Printable(text.substr(0, end));
    std::printf("%s%s\n", line.empty() ? "" : indent, line.c_str());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

absl::Status ShowOne(const Arguments& arguments, const Client& client) {
  if (arguments.positional().size() != 2) return Invalid("which one? `tocsin integrations list` names them");
  const std::string& name = arguments.positional()[1];
  TOCSIN_ASSIGN(const v1::Organisation organisation, Ask(client));
  const auto found = std::ranges::find(organisation.integrations(), name, &v1::Integration::id);
  if (found == organisation.integrations().end()) {
    return NotFound("integration %s does not exist; `tocsin integrations list` names those that do", JsonQuote(name));
  }
  TOCSIN_TRY(CheckKey(*found, arguments));
  const DoorAddress address = DoorAddressOf(arguments, organisation, client);
  const Snippet snippet = SnippetOf(*found, address, arguments.get("key", "KEY"), client);
  if (WantsJson(arguments)) {
    std::vector<std::pair<std::string_view, std::string>> fields = {
        {"integration", found->id()               },
        {"source",      found->source()           },
        {"product",     ProductOf(found->source())},
        {"door",        snippet.door              },
        {"setup",       snippet.setup             },
        {"example",     snippet.example           },
        {"try",         snippet.attempt           },
    };
    for (const auto& [path, text] : snippet.files)
      fields.emplace_back(path, text);
    PrintJson(fields);
    return absl::OkStatus();
  }
  std::printf("%s: %s (source %s)\n", Printable(found->id()).c_str(), ProductOf(found->source()).c_str(),
              Printable(found->source()).c_str());
  std::printf("door: %s (the address is %s)\n", Printable(snippet.door).c_str(), address.from.c_str());
  if (found->key_hash().empty() && found->source() != kStream) {
    std::printf("It has no key: it takes alerts of this machine only.\n");
  } else if (!arguments.has("key")) {
    std::printf("Only a hash of its key is kept: put the key where KEY stands, or give it with --key.\n");
  }
  std::printf("\nAt the sender:\n\n");
  PrintLines(snippet.setup, "  ");
  for (const auto& [path, text] : snippet.files) {
    std::printf("\n---- %s ----\n", path.c_str());
    PrintLines(text, "");
  }
  if (!snippet.example.empty()) {
    std::printf("\nThe least that it can send:\n\n");
    PrintLines(snippet.example, "  ");
  }
  if (!snippet.attempt.empty()) {
    std::printf("\nTry it:%s%s\n\n", snippet.remark.empty() ? "" : " ", snippet.remark.c_str());
    PrintLines(snippet.attempt, "  ");
  }
  return absl::OkStatus();
}

// Of this program, not of the server: what `source:` may say.
absl::Status ListSources(const Arguments& arguments) {
  if (WantsJson(arguments)) {
    std::vector<std::pair<std::string_view, std::string>> fields = {
        {kStream, ProductOf(std::string(kStream))}
    };
    for (const Source* source : SourceTable())
      fields.emplace_back(source->name, std::string(source->product));
    PrintJson(fields);
    return absl::OkStatus();
  }
  Table table({"SOURCE", "PRODUCT", "ALSO"});
  for (const Source* source : SourceTable())
    table.Add({source->name, source->product, source->also});
  table.Add({kStream, ProductOf(std::string(kStream)), ""});
  table.Print();
  return absl::OkStatus();
}

absl::Status Integrations(const Arguments& arguments, const Client& client) {
  const std::string verb = arguments.positional().empty() ? "list" : arguments.positional().front();
  if (verb == "list") return ListThem(arguments, client);
  if (verb == "show") return ShowOne(arguments, client);
  return Invalid("%s is none of list, show, sources", JsonQuote(verb));
}

}  // namespace

int RunIntegrations(std::span<const std::string> arguments) {
  constexpr OptionSpec kKey = {"key", 'k', true, "KEY", "its key, to be put into what is shown"};
  if (!arguments.empty() && arguments.front() == "sources") {
    constexpr OptionSpec kOwn[] = {kOutputOption, kColourOption, kWideOption};
    return WithArguments("integrations", arguments, kOwn, [](const Arguments& parsed) -> absl::Status {
      TOCSIN_TRY(CheckOutput(parsed));
      return ListSources(parsed);
    });
  }
  constexpr OptionSpec kOwn[] = {kKey, kBaseOption};
  return WithClient("integrations", arguments, kOwn, Integrations);
}

}  // namespace tocsin
