// E-mail by SMTP submission. Only the reply to the message itself ends in "accepted"; what the server says to the
// commands before it is certain either way, because nothing has been handed over yet.
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "notify/channels/channels.h"
#include "notify/render.h"
#include "notify/text.h"

namespace tocsin::notify {

std::string EmailDestination(const Notification& notification, const Organisation& organisation) {
  return organisation.SmtpOf(notification.provider).url;
}

absl::StatusOr<Exchange> ComposeEmail(const Notification& notification,
                                      const Organisation& organisation,
                                      absl::Time /*now*/) {
  const Smtp& smtp = organisation.SmtpOf(notification.provider);
  if (smtp.url.empty()) return Precondition("no mail server is configured (smtp.url)");
  if (!smtp.url.starts_with("smtp://") && !smtp.url.starts_with("smtps://")) {
    return Precondition("smtp.url must begin with smtp:// or smtps://");
  }
  MailRequest mail{.url = smtp.url,
                   .username = smtp.username,
                   .password = smtp.password,
                   .ca_file = smtp.ca_file,
                   .require_tls = smtp.require_tls,
                   .sender = SenderAddress(smtp.from),
                   .recipient = notification.method.address};
  if (mail.sender.empty()) return Precondition("smtp.from is not an e-mail address");
  if (!IsEnvelopeAddress(mail.recipient)) return Invalid("the contact method's address is not an e-mail address");
  mail.message = RenderEmail(notification, smtp.from, mail.recipient);
  return mail;
}

Verdict JudgeEmail(const Reply& reply) {
  using Kind = AttemptResult::Kind;
  if (reply.reached != Reply::Reached::kAnswered) return JudgeUnanswered(reply);
  if (reply.stage == "." && reply.status / 100 == 2) {
    return {.kind = Kind::kAccepted, .detail = absl::StrCat("mail server took it: ", CleanLine(reply.body, 120))};
  }
  Verdict verdict{.detail = absl::StrCat("mail server answered ", reply.stage, " with ", reply.status, ": ",
                                         CleanLine(reply.body, 120))};
  const bool permanent = reply.status / 100 == 5;
  // About this recipient or this message; anything else (greeting, AUTH, STARTTLS, the sender) is about us.
  const bool about_person = reply.stage == "RCPT" || reply.stage == "DATA" || reply.stage == ".";
  // 530 and 535 ask for a login or refuse ours, wherever they are said (RFC 4954).
  const bool about_login = reply.status == 530 || reply.status == 534 || reply.status == 535 || reply.status == 538;
  verdict.kind = permanent && about_person && !about_login ? Kind::kRejected : Kind::kRetryLater;
  verdict.loud = permanent && verdict.kind == Kind::kRetryLater;
  return verdict;
}

}  // namespace tocsin::notify
