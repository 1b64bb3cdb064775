#include "net/smtp_session.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"

#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kCommandBytes = 4096;  // RFC 5321 asks for 512; extensions and long addresses want more
constexpr std::size_t kAddressBytes = 512;
constexpr int kErrors = 20;  // then it is no mail server that is talking

std::string Line(int code, std::string_view text) {
  return absl::StrFormat("%d %s\r\n", code, text);
}

// "FROM:<a@b> SIZE=17" with `keyword` "FROM:" -> "a@b", the rest in `parameters`; nullopt when it is none.
std::optional<std::string> PathOf(std::string_view argument, std::string_view keyword, std::string_view& parameters) {
  if (!absl::StartsWithIgnoreCase(ToAbsl(argument), ToAbsl(keyword))) return std::nullopt;
  argument = Trim(argument.substr(keyword.size()));
  std::string_view path;
  if (argument.starts_with('<')) {
    const std::size_t end = argument.find('>');
    if (end == std::string_view::npos) return std::nullopt;
    path = argument.substr(1, end - 1);
    parameters = Trim(argument.substr(end + 1));
  } else {  // as many scripts write it
    const std::size_t end = std::min(argument.find(' '), argument.size());
    path = argument.substr(0, end);
    parameters = Trim(argument.substr(end));
    if (path.empty()) return std::nullopt;
  }
  if (path.size() > kAddressBytes) return std::nullopt;
  if (path.starts_with('@')) {  // a source route, which nobody follows any more
    const std::size_t colon = path.find(':');
    path.remove_prefix(colon == std::string_view::npos ? path.size() : colon + 1);
  }
  return std::string(path);
}

std::optional<std::uint64_t> SizeOf(std::string_view parameters) {
  const std::string lower = ToLower(parameters);
  const std::size_t at = lower.find("size=");
  if (at == std::string::npos) return std::nullopt;
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(lower.data() + at + 5, lower.data() + lower.size(), size);
  if (error != std::errc()) return std::nullopt;
  return size;
}

}  // namespace

SmtpSession::SmtpSession(const SmtpServer::Options& options,
                         const SmtpServer::CheckRecipient& check,
                         std::string peer,
                         bool is_loopback)
    : options_(options), check_(check) {
  message_.peer = std::move(peer);
  message_.is_loopback = is_loopback;
}

std::string SmtpSession::Greeting() const {
  return Line(220, options_.name + " ESMTP");
}

SmtpSession::Step SmtpSession::Advance(std::string& buffer) {
  if (in_data_) return Data(buffer);
  const std::size_t end = buffer.find('\n');
  if (end == std::string::npos) {
    if (buffer.size() <= kCommandBytes + (buffer.ends_with('\r') ? 1 : 0)) return {};
    line_too_long_ = true;
    buffer.clear();
    return {};
  }
  std::string line = buffer.substr(0, end);
  buffer.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  if (line_too_long_ || line.size() > kCommandBytes) {
    line_too_long_ = false;
    return {.send = Error(500, "5.5.2 the line is too long")};
  }
  Step step = Command(line);
  if (errors_ > kErrors) return {.send = Line(421, "4.7.0 too many errors"), .message = {}, .close = true};
  return step;
}

SmtpSession::Step SmtpSession::Command(std::string_view line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string verb = ToLower(line.substr(0, space));
  const std::string_view argument = Trim(line.substr(space));
  if (verb == "ehlo") {
    Reset();
    greeted_ = true;
    return {.send = absl::StrFormat("250-%s\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE %d\r\n"
                                    "250 ENHANCEDSTATUSCODES\r\n",
                                    options_.name, options_.max_message_bytes)};
  }
  if (verb == "helo") {
    Reset();
    greeted_ = true;
    return {.send = Line(250, options_.name)};
  }
  if (verb == "mail") return {.send = Mail(argument)};
  if (verb == "rcpt") return {.send = Recipient(argument)};
  if (verb == "data") return BeginData();
  if (verb == "rset") {
    Reset();
    return {.send = Line(250, "2.0.0 forgotten")};
  }
  if (verb == "noop") return {.send = Line(250, "2.0.0 nothing done")};
  if (verb == "vrfy") return {.send = Line(252, "2.5.0 send it, and you will see")};
  if (verb == "quit") return {.send = Line(221, "2.0.0 bye"), .message = {}, .close = true};
  if (verb == "starttls" || verb == "auth")
    return {.send = Error(502, "5.5.1 not here: this door has no TLS and no logins")};
  return {.send = Error(500, "5.5.1 unknown command")};
}

std::string SmtpSession::Mail(std::string_view argument) {
  if (!greeted_) return Error(503, "5.5.1 say EHLO first");
  if (has_sender_) return Error(503, "5.5.1 a mail has been begun already");
  std::string_view parameters;
  std::optional<std::string> path = PathOf(argument, "FROM:", parameters);
  if (!path) return Error(501, "5.5.4 expected MAIL FROM:<address>");
  if (const auto size = SizeOf(parameters); size && *size > options_.max_message_bytes)
    return Line(552, absl::StrFormat("5.3.4 too large: at most %d bytes", options_.max_message_bytes));
  message_.from = *std::move(path);
  has_sender_ = true;
  return Line(250, "2.1.0 go on");
}

std::string SmtpSession::Recipient(std::string_view argument) {
  if (!has_sender_) return Error(503, "5.5.1 say MAIL first");
  std::string_view parameters;
  std::optional<std::string> path = PathOf(argument, "TO:", parameters);
  if (!path || path->empty()) return Error(501, "5.5.4 expected RCPT TO:<address>");
  if (message_.to.size() >= options_.max_recipients) return Line(452, "4.5.3 too many recipients");
  const SmtpReply reply = check_(*path, message_.is_loopback);
  if (reply.code == 250) {
    message_.to.push_back(*std::move(path));
  } else if (reply.code >= 500) {
    ++errors_;  // who tries out keys is not let go on for long
  }
  return Line(reply.code, reply.text);
}

SmtpSession::Step SmtpSession::BeginData() {
  if (!has_sender_) return {.send = Error(503, "5.5.1 say MAIL first")};
  if (message_.to.empty()) return {.send = Error(554, "5.5.1 there is no valid recipient")};
  in_data_ = true;
  at_line_start_ = true;
  too_large_ = false;
  return {.send = Line(354, "go on, end with a dot on a line of its own")};
}

// Leaves at most ".\r" behind, so that each byte is looked at once, however the lines end.
SmtpSession::Step SmtpSession::Data(std::string& buffer) {
  std::size_t used = 0;
  bool complete = false;
  while (used < buffer.size()) {
    const std::size_t end = buffer.find("\r\n", used);
    // Of a line that has not ended all but a possible CR can be taken; at its start a dot may still be the end of it all.
    const bool has_end = end != std::string::npos;
    const std::size_t stop = has_end ? end + 2 : buffer.size() - (buffer.ends_with('\r') ? 1 : 0);
    std::string_view piece(buffer.data() + used, stop - used);
    if (piece.empty() || (!has_end && at_line_start_ && piece == ".")) break;
    if (at_line_start_ && piece == ".\r\n") {
      used = stop;
      complete = true;
      break;
    }
    if (at_line_start_ && piece.starts_with('.')) piece.remove_prefix(1);
    if (message_.data.size() + piece.size() > options_.max_message_bytes) {
      too_large_ = true;
    } else {
      message_.data += piece;
    }
    at_line_start_ = has_end;
    used = stop;
  }
  buffer.erase(0, used);
  if (!complete) return {};
  in_data_ = false;
  if (too_large_) {
    Reset();
    return {.send = Line(552, absl::StrFormat("5.3.4 too large: at most %d bytes", options_.max_message_bytes))};
  }
  Step step;
  step.message = message_;
  Reset();
  return step;
}

std::string SmtpSession::Answered(const SmtpReply& reply) {
  return Line(reply.code, reply.text);
}

std::string SmtpSession::Error(int code, std::string_view text) {
  ++errors_;
  return Line(code, text);
}

void SmtpSession::Reset() {
  has_sender_ = false;
  message_.from.clear();
  message_.to.clear();
  message_.data.clear();
}

}  // namespace tocsin
