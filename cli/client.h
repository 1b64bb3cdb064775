// A command's connection to a server: address and token from the options, the environment or the data folder here.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <grpcpp/grpcpp.h>

#include "cli/arguments.h"
#include "tocsin/v1/api.grpc.pb.h"

namespace tocsin {

// Options that every command which talks to a server has.
inline constexpr OptionSpec kServerOption = {
    "server", 0, true, "HOST:PORT",
    "gRPC address, https://HOST:PORT for TLS; else $TOCSIN_SERVER, else 127.0.0.1:8912"};
inline constexpr OptionSpec kTokenOption = {"token", 0, true, "TOKEN",
                                            "API token; others on this machine can see it: better one of the next two"};
inline constexpr OptionSpec kTokenFileOption = {
    "token-file", 0, true, "FILE",
    "API token; else $TOCSIN_TOKEN, else ~/.config/tocsin/token, else ./data/admin.token"};
inline constexpr OptionSpec kOutputOption = {"output", 'o', true, "FORMAT", "table (default) or json"};
// How tables look: of every command that prints one.
inline constexpr OptionSpec kColourOption = {"color", 0, true, "WHEN",
                                             "auto (default: on a terminal), always or never"};
inline constexpr OptionSpec kAbsoluteOption = {"absolute", 0, false, "", "times as they are, instead of \"3m ago\""};
inline constexpr OptionSpec kWideOption = {"wide", 'w', false, "", "cut nothing to the terminal's width"};

// A channel to HOST:PORT; with TLS to https://HOST:PORT, whose certificate must be trusted by the system or by the PEM file that
// $TOCSIN_CA names.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address);
// Of that file, or "".
std::string TrustedCertificates();

class Client {
 public:
  static absl::StatusOr<Client> Make(const Arguments& arguments);
  // One that shows nothing: for logging in.
  static Client MakeNobody(const Arguments& arguments);
  // One that shows an integration's key instead of a token: for sending alerts.
  static Client MakeSender(const Arguments& arguments, std::string key);

  // Calls one unary method: `Call<v1::GroupService>(&v1::GroupService::Stub::ListGroups, request)`. Errors say what to do
  // when the server cannot be reached within a second or the token is wrong.
  template <typename Service, typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request) const {
    const auto stub = Service::NewStub(channel_);
    grpc::ClientContext context;
    Prepare(context);
    Response response;
    const grpc::Status status = (static_cast<Stub*>(stub.get())->*method)(&context, request, &response);
    if (!status.ok()) return Explain(status);
    return response;
  }

  const std::string& address() const { return address_; }
  const std::string& token_from() const { return token_from_; }
  // What a call's failure means, and what to do about it.
  absl::Status Explain(const grpc::Status& status) const;
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // How long a call may take.
  void set_patience(absl::Duration patience) { patience_ = patience; }

 private:
  Client(const Arguments& arguments, std::string token);
  void Prepare(grpc::ClientContext& context) const;

  std::string address_;
  std::string named_by_;  // who said so
  absl::Duration patience_ = absl::Seconds(30);
  std::string token_;
  std::string token_from_;  // who said so
  bool is_key_ = false;     // token_ is an integration's key
  std::shared_ptr<grpc::Channel> channel_;
};

// A fresh id for a mutation, so that a retry of the same command line's call is harmless.
std::string NewRequestId();

}  // namespace tocsin
