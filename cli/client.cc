#include "cli/client.h"

#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <sodium.h>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::string_view kDefaultServer = "127.0.0.1:8912";
constexpr std::string_view kDefaultTokenFile = "./data/admin.token";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string UsualTokenFile() {
  const std::string home = Environment("HOME");
  const std::string own = home + "/.config/tocsin/token";
  return !home.empty() && std::ifstream(own).good() ? own : std::string(kDefaultTokenFile);
}

absl::StatusOr<std::string> ReadToken(const Arguments& arguments) {
  if (arguments.has("token")) return std::string(Trim(arguments.get("token")));
  if (!arguments.has("token-file")) {
    if (std::string token = Environment("TOCSIN_TOKEN"); !token.empty()) return token;
  }
  const std::string path = arguments.get("token-file", UsualTokenFile());
  std::ifstream in(path);
  std::string token;
  if (!std::getline(in, token) || Trim(token).empty()) {
    return NotFound(
        "no API token in %s; give --token-file or set TOCSIN_TOKEN (whoever runs the server makes one by `tocsin token "
        "create`; the server keeps its own in admin.token in its data folder)",
        path);
  }
  return std::string(Trim(token));
}

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  constexpr std::string_view kTls = "https://";
  if (!address.starts_with(kTls)) return grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  grpc::SslCredentialsOptions options;
  if (const std::string path = Environment("TOCSIN_CA"); !path.empty()) {
    std::ifstream in(path);
    options.pem_root_certs.assign(std::istreambuf_iterator<char>(in), {});
  }
  return grpc::CreateChannel(address.substr(kTls.size()), grpc::SslCredentials(options));
}

absl::StatusOr<Client> Client::Make(const Arguments& arguments) {
  Client client;
  client.address_ = arguments.get("server", Environment("TOCSIN_SERVER"));
  client.named_by_ = arguments.has("server") ? "--server says so" : "$TOCSIN_SERVER says so";
  if (client.address_.empty()) {
    client.address_ = kDefaultServer;
    client.named_by_ = "the default; --server or $TOCSIN_SERVER names another";
  }
  TOCSIN_ASSIGN(client.token_, ReadToken(arguments));
  client.channel_ = MakeChannel(client.address_);
  return client;
}

void Client::Prepare(grpc::ClientContext& context) const {
  context.AddMetadata("authorization", "Bearer " + token_);
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(patience_));
}

absl::Status Client::ToStatus(const grpc::Status& status) const {
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    return Unavailable("no server answers at %s (%s); is `tocsin serve` running there?", address_, named_by_);
  }
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
    return absl::UnauthenticatedError("the server at " + address_ + " does not let this token in: " +
                                      status.error_message() + " (--token-file, TOCSIN_TOKEN)");
  }
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
