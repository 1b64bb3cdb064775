// One delivery attempt as values: what is to be said to whom (Exchange), what came of it (Reply), and what that means
// (Verdict). Channels compose exchanges and judge replies, both purely; only the transports know libcurl.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"

#include "model/command.h"

namespace tocsin::notify {

// More of a provider's reply is not read.
inline constexpr std::size_t kReplyBytes = 64 * 1024;
// The longest pause that a provider can ask for; its clock and its arithmetic are not ours.
inline constexpr absl::Duration kLongestRetryAfter = absl::Minutes(10);

struct WebRequest {
  enum class Peers : std::uint8_t {
    kAny,     // the URL is the server's own or of its own files: the canary's, those of --beats_file
    kPublic,  // the organisation has it, which managers write: only peers that the rules permit (notify/peer_rules.h)
  };
  std::string url = {};
  std::string body = {};  // POSTed; empty: a GET
  std::vector<std::string> headers = {};
  std::string username = {};  // basic authentication when not empty
  std::string password = {};
  Peers peers = Peers::kPublic;
  bool repeatable = false;  // the receiver knows a repeat by its key: connections may be kept (notify/http_transfer.h)
};

struct MailRequest {
  std::string url = {};  // smtp:// or smtps://
  std::string username = {};
  std::string password = {};
  std::string ca_file = {};
  bool require_tls = true;
  std::string sender = {};  // envelope addresses, without brackets
  std::string recipient = {};
  std::string message = {};  // complete, with CRLF line ends; dot-stuffing is the transport's
};

struct ConsolePage {
  std::string text = {};
};

using Exchange = std::variant<WebRequest, MailRequest, ConsolePage>;

struct Reply {
  // How far it came. In doubt the later one: a repeated page beats a lost one.
  enum class Reached : std::uint8_t {
    kNothing,   // certainly nothing that the provider could act on has left us
    kSent,      // the provider may have acted on it; its answer was lost
    kAnswered,  // `status` is the provider's answer
  };
  enum class Trouble : std::uint8_t {
    kNone,
    kConnect,
    kTls,
    kLogin,
    kPeerDenied,
    kDeadline,
    kBroken
  };
  Reached reached = Reached::kNothing;
  Trouble trouble = Trouble::kNone;
  int status = 0;                   // of HTTP or SMTP
  std::string stage = {};           // SMTP: the command that was answered: "RCPT"; "." for the message itself
  std::string body = {};            // HTTP: up to kReplyBytes of it; SMTP: the last line
  bool complete = true;             // false: `body` was cut off, by the limit, the deadline or a lost connection
  absl::Duration retry_after = {};  // as asked for, within [0, kLongestRetryAfter]
  std::string error = {};           // one clean line for people, when `trouble`
};

struct Verdict {
  AttemptResult::Kind kind = AttemptResult::Kind::kRetryLater;
  std::string provider_id = {};
  std::string detail = {};          // one clean line for people and logs; no secrets
  absl::Duration retry_after = {};  // zero: our own back-off decides
  bool loud = false;                // somebody has to mend our configuration or account: logged as an error
};

// What every channel says of an exchange that was not answered: nothing sent is kRetryLater, an answer lost is
// kAmbiguous, a peer that we may not talk to is kRejected. Requires reply.reached != kAnswered.
Verdict JudgeUnanswered(const Reply& reply);

// The value of a Retry-After header: seconds or an HTTP date, else zero; always within [0, kLongestRetryAfter].
absl::Duration ParseRetryAfter(std::string_view value, absl::Time now);

}  // namespace tocsin::notify
