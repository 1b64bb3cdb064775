#include "cli/client.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <sodium.h>

#include "base/small_file.h"
#include "base/status.h"
#include "base/strings.h"
#include "cli/output.h"
#include "cli/own_certificate.h"

namespace tocsin {
namespace {

constexpr std::string_view kDefaultServer = "127.0.0.1:8912";
constexpr std::string_view kDefaultTokenFile = "./data/admin.token";
// How long a server may take to be there: one that is just being restarted, and an attempt to connect that failed for no
// reason of the server's (libgrpc 1.51 looks at errno only after it has called other things) are not worth an error.
constexpr absl::Duration kConnectPatience = absl::Seconds(1);
constexpr int kConnectAgainMs = 100;
constexpr int kLongestAnswer = 160 << 20;  // an organisation, as values and as text

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

constexpr std::size_t kCertificateBytes = 1 << 20;
constexpr std::size_t kTokenBytes = 64 * 1024;

// What stands in the file that a variable names, or "". What cannot be read is said: without it the server is not trusted, or does not
// trust us.
std::string ReadFileOf(const char* variable) {
  const std::string path = Environment(variable);
  if (path.empty()) return "";
  absl::StatusOr<std::string> text = ReadSmallFile(path, kCertificateBytes);
  const bool is_pem = text.ok() && text->find("-----BEGIN ") != std::string::npos;
  if (text.ok() && !is_pem) text = Invalid("%s holds nothing in PEM (-----BEGIN ...)", path);
  if (text.ok()) return *std::move(text);
  std::fprintf(stderr, "tocsin: $%s: %s\n", variable, Printable(Message(text.status())).c_str());
  return "";
}

std::string UsualTokenFile() {
  const std::string home = Environment("HOME");
  const std::string own = home + "/.config/tocsin/token";
  return !home.empty() && std::ifstream(own).good() ? own : std::string(kDefaultTokenFile);
}

struct Token {
  std::string text;
  std::string from;  // who said so
};

absl::StatusOr<Token> ReadToken(const Arguments& arguments) {
  if (arguments.has("token")) return Token{std::string(Trim(arguments.get("token"))), "--token"};
  if (!arguments.has("token-file")) {
    // Set to nothing, as by a command that was to make a token and failed: nobody means to act as the server's own token then.
    if (const char* token = std::getenv("TOCSIN_TOKEN"); token != nullptr) {
      if (Trim(token).empty()) return Invalid("$TOCSIN_TOKEN is set and empty: give it a token, or unset it");
      return Token{std::string(Trim(token)), "$TOCSIN_TOKEN"};
    }
  }
  const std::string path = arguments.get("token-file", UsualTokenFile());
  const absl::StatusOr<std::string> text = ReadSmallFile(path, kTokenBytes);
  // Not to be there is what most have; all else is worth its reason.
  if (!text.ok() && !absl::IsNotFound(text.status())) return Annotate(text.status(), "the API token");
  const std::string token(text.ok() ? Trim(text->substr(0, text->find('\n'))) : std::string_view());
  if (token.empty()) {
    return NotFound(
        "no API token in %s; `tocsin login` if you have a password, give --token-file or set TOCSIN_TOKEN (whoever "
        "runs the server makes one by `tocsin token "
        "create`; the server keeps its own in admin.token in its data folder)",
        path);
  }
  return Token{token, path};
}

// Where to find what there is, by how the server says that something is not there.
struct Advice {
  std::string_view about;
  std::string_view text;
};
constexpr Advice kAdvice[] = {
    {"group ",              "`tocsin groups --all` lists those in memory, `tocsin search` finds older ones"},
    {"incident ",           "`tocsin incident list --all` lists them"                                      },
    {"page ",               "`tocsin groups G17` and `tocsin events` name pages"                           },
    {"notification ",       "`tocsin explain P9` names a page's messages"                                  },
    {"silence ",            "`tocsin silence list --all` lists them"                                       },
    {"maintenance window ", "`tocsin maintenance list --all` lists them"                                   },
    {"token ",              "`tocsin token list` lists them"                                               },
    {"schedule ",           "`tocsin oncall` lists them"                                                   },
    {"user ",               "`tocsin export` shows who and what there is"                                  },
    {"service ",            "`tocsin export` shows who and what there is"                                  },
    {"policy ",             "`tocsin export` shows who and what there is"                                  },
};

std::string WithAdvice(std::string message) {
  if (message.find('`') != std::string::npos) return message;  // it says by itself what to do
  for (const Advice& advice : kAdvice) {
    if (message.starts_with(advice.about)) return message + "; " + std::string(advice.text);
  }
  return message;
}

// HOST:PORT of how people write it: with http:// before it, a slash behind it, without the port.
std::string AddressAsMeant(std::string address) {
  if (address.find(',') != std::string::npos) return address;  // several, of `send`
  constexpr std::string_view kPlain = "http://";
  constexpr std::string_view kTls = "https://";
  if (address.starts_with(kPlain)) address.erase(0, kPlain.size());
  while (address.ends_with('/'))
    address.pop_back();
  const std::size_t host = address.starts_with(kTls) ? kTls.size() : 0;
  const bool is_bare_ipv6 = std::ranges::count(address.substr(host), ':') > 1 && address.find(']') == std::string::npos;
  const bool has_port =
      address.find(':', address.find(']', host) == std::string::npos ? host : address.find(']', host)) !=
      std::string::npos;
  const bool is_name =
      !address.empty() && address.find('/', host) == std::string::npos && !address.starts_with("unix:");
  if (is_name && !is_bare_ipv6 && !has_port) address += ":8912";
  return address;
}

// What is often wrong with an address at which no server answers.
std::string AddressAdvice(std::string_view address, std::string_view error) {
  const bool tls = address.starts_with("https://");
  if (error.find("http1") != error.npos || address.ends_with(":8911")) {
    return "; that looks like the HTTP door: commands go to the gRPC port, 8912 unless `tocsin serve --grpc` says "
           "otherwise";
  }
  if (address.find('/', tls ? 8 : 0) != address.npos) {
    return "; --server is HOST:PORT of the gRPC port, or https://HOST:PORT with TLS, without a path";
  }
  // Nobody listens, or there is no such machine: nothing is known of TLS.
  if (error.find("Connection refused") != error.npos || error.find("DNS resolution") != error.npos) return "";
  if (tls) {
    return "; its certificate has to be trusted by this system or by the PEM file that $TOCSIN_CA names, and where the "
           "server asks for one of ours, $TOCSIN_CERT and $TOCSIN_CERT_KEY name it; without TLS leave https:// out";
  }
  return "; does it have TLS, say https://" + std::string(address);
}

}  // namespace

std::string TrustedCertificates() {
  return ReadFileOf("TOCSIN_CA");
}

OwnCertificate ReadOwnCertificate() {
  return {ReadFileOf("TOCSIN_CERT"), ReadFileOf("TOCSIN_CERT_KEY")};
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  constexpr std::string_view kTls = "https://";
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kConnectAgainMs);
  arguments.SetMaxReceiveMessageSize(kLongestAnswer);
  if (!address.starts_with(kTls)) {
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  }
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = TrustedCertificates();
  OwnCertificate own = ReadOwnCertificate();
  options.pem_cert_chain = std::move(own.certificate);
  options.pem_private_key = std::move(own.key);
  return grpc::CreateCustomChannel(address.substr(kTls.size()), grpc::SslCredentials(options), arguments);
}

Client::Client(const Arguments& arguments, std::string token) : token_(std::move(token)) {
  address_ = AddressAsMeant(arguments.get("server", Environment("TOCSIN_SERVER")));
  named_by_ = arguments.has("server") ? "--server says so" : "$TOCSIN_SERVER says so";
  if (address_.empty()) {
    address_ = kDefaultServer;
    named_by_ = "the default; --server or $TOCSIN_SERVER names another";
  }
  channel_ = MakeChannel(address_);
}

absl::StatusOr<Client> Client::Make(const Arguments& arguments) {
  TOCSIN_ASSIGN(Token token, ReadToken(arguments));
  Client client(arguments, std::move(token.text));
  client.token_from_ = std::move(token.from);
  return client;
}

Client Client::MakeNobody(const Arguments& arguments) {
  return Client(arguments, "");
}

Client Client::MakeSender(const Arguments& arguments, std::string key) {
  Client client(arguments, std::move(key));
  client.is_key_ = true;
  return client;
}

void Client::Prepare(grpc::ClientContext& context) const {
  channel_->WaitForConnected(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(kConnectPatience));
  if (!token_.empty()) context.AddMetadata("authorization", "Bearer " + token_);
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(patience_));
}

absl::Status Client::Explain(const grpc::Status& status) const {
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    return Unavailable("no server answers at %s (%s); is `tocsin serve` running there? (%s)%s", address_, named_by_,
                       status.error_message(), AddressAdvice(address_, status.error_message()));
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return Unavailable("the server at %s did not answer within %s; `tocsin status` says how it is", address_,
                       absl::FormatDuration(patience_));
  }
  if (token_.empty()) return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED && is_key_) {
    return absl::UnauthenticatedError(
        "the server at " + address_ +
        " has no integration with this key; `tocsin export` lists the integrations, and a "
        "lost key is replaced there, not found again");
  }
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
    return absl::UnauthenticatedError("the server at " + address_ + " does not let the token of " + token_from_ +
                                      " in: " + status.error_message() +
                                      "; `tocsin login` makes one, --token-file or $TOCSIN_TOKEN gives another, and an "
                                      "admin makes one by `tocsin token create`");
  }
  if (status.error_code() == grpc::StatusCode::PERMISSION_DENIED && !is_key_) {
    return absl::PermissionDeniedError(
        status.error_message() +
        "; `tocsin token show` says what yours may do, an admin makes another by `tocsin "
        "token create`");
  }
  if (status.error_code() == grpc::StatusCode::NOT_FOUND)
    return absl::NotFoundError(WithAdvice(status.error_message()));
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

std::string NewRequestId() {
  std::array<unsigned char, 16> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, 33> text{};
  sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
  return text.data();
}

}  // namespace tocsin
