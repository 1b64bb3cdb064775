// Mail as a source of alerts, for tools that can do nothing else. Pure: bytes of a message in, events out.
//
// What a mail means is decided by the integration's `mail_rules` (model/field_mapping.h): the first that fits. One that none fits is an
// alert, known by its subject without what changes between its beginning and its end: "[FIRING:1] Disk full", "RESOLVED: Disk full",
// "** RECOVERY Service Alert: db1/Disk is OK **" and "Re: Disk full" are told apart by the words of state that they begin with, and
// only by these.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/source.h"
#include "model/field_mapping.h"
#include "net/http.h"

namespace tocsin {

struct Mail {
  std::string from;     // the address alone
  std::string subject;  // decoded, UTF-8
  std::string text;     // the first plain part, else the HTML without its tags; UTF-8, bounded
  std::string message_id;
  HttpHeaders headers;  // decoded; the first hundred
  std::optional<absl::Time> date;
  bool is_automatic_reply = false;  // vacations and bounces: nobody's alert
};

// Never fails: what is no proper message is all text.
Mail ReadMail(std::string_view message);

// One reading. `envelope_from` is used where the message names no sender.
Readings ReadMailEvents(const Mail& mail,
                        std::string_view envelope_from,
                        std::span<const MailRule> rules,
                        const Now& received);

}  // namespace tocsin
