// Private to net: what one SMTP client has said so far, and what it is answered. Pure: bytes in, replies out; the server does the rest.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/smtp_server.h"

namespace tocsin {

class SmtpSession {
 public:
  SmtpSession(const SmtpServer::Options& options,
              const SmtpServer::CheckRecipient& check,
              std::string peer,
              bool is_loopback);

  std::string Greeting() const;

  // A step taken with what has come: text to send, and then perhaps a message to deliver, or the end.
  struct Step {
    std::string send;
    std::optional<SmtpMessage> message;  // deliver it, then Answered()
    bool close = false;
  };
  // Takes what it can of `buffer`'s front; an empty step: more is needed, and what is left is less than a longest command. Called
  // again until then.
  Step Advance(std::string& buffer);
  bool has_mail() const { return has_sender_; }  // has been begun, and is not complete
  bool in_data() const { return in_data_; }
  // What became of the message.
  std::string Answered(const SmtpReply& reply);

 private:
  Step Command(std::string_view line);
  Step Data(std::string& buffer);
  std::string Mail(std::string_view argument);
  std::string Recipient(std::string_view argument);
  Step BeginData();
  std::string Error(int code, std::string_view text);
  void Reset();

  const SmtpServer::Options& options_;
  const SmtpServer::CheckRecipient& check_;
  SmtpMessage message_;
  bool greeted_ = false;
  bool has_sender_ = false;
  bool in_data_ = false;
  bool at_line_start_ = true;
  bool too_large_ = false;
  bool line_too_long_ = false;
  int errors_ = 0;
};

}  // namespace tocsin
