// A small SMTP server (RFC 5321) for mail that ends here: it relays nothing, and keeps nothing. Who may be written to and what becomes
// of a message is the caller's to say; a message is answered when the caller does, so that a yes can mean that it is on the disk.
//
// EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, VRFY, QUIT; PIPELINING, 8BITMIME, SMTPUTF8, SIZE, ENHANCEDSTATUSCODES. No TLS and no
// authentication: it belongs on loopback or behind a relay. A message ends with CRLF . CRLF alone: bare line feeds in that
// place are how mails are smuggled past a relay.
//
// Where all places are taken, or all of a peer's, the client that has been silent for longest makes room for the newcomer (421).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/limits.h"

namespace tocsin {

struct SmtpReply {
  int code = 250;
  std::string text;  // one line: "2.0.0 taken"
};

struct SmtpMessage {
  std::string from;             // of MAIL; empty: a report about another mail
  std::vector<std::string> to;  // those whom CheckRecipient has accepted
  std::string data;             // with CRLF, dots unstuffed
  std::string peer;             // the address of whoever connected
  bool is_loopback = false;
};

class SmtpServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    std::string name = "tocsin";  // in the greeting
    std::size_t max_message_bytes = limits::kBodyBytes;
    std::size_t max_recipients = 100;
    std::size_t max_connections = 64;
    std::size_t max_connections_per_peer = 16;          // an IPv4 address, or an IPv6 network of 64 bits
    std::size_t max_connections_loopback = 48;          // of all of this machine's programs together
    absl::Duration command_timeout = absl::Minutes(5);  // RFC 5321, 4.5.3.2; of a client that has begun a mail
    absl::Duration idle_timeout = absl::Seconds(30);    // of one that has not
    absl::Duration grace = absl::Seconds(1);            // who has just spoken does not make room for a newcomer
    absl::Duration answer_timeout = absl::Minutes(1);   // for the caller; then 451
  };
  // On the server's thread: must not block. 250 accepts.
  using CheckRecipient = std::function<SmtpReply(std::string_view address, bool is_loopback)>;
  // On the server's thread. `answer` is called once, on any thread, also after the server has gone.
  using Deliver = std::function<void(SmtpMessage message, absl::AnyInvocable<void(SmtpReply)> answer)>;

  struct Statistics {
    std::uint64_t connections = 0;
    std::uint64_t refused_connections = 0;  // there was no room for them, or they had to make it
    std::uint64_t messages = 0;
  };

  // Both functions outlive the server.
  static absl::StatusOr<std::unique_ptr<SmtpServer>> Start(Options options, CheckRecipient check, Deliver deliver);
  ~SmtpServer();  // cuts connections off; what was answered 250 has been delivered

  std::uint16_t port() const;
  Statistics ReadStatistics() const;

 private:
  class Impl;
  explicit SmtpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
