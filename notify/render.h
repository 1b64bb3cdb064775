// A notification as the text of each medium. Pure, bounded and safe: what comes from alerts is cleaned here and nowhere
// else, so a channel can send what it gets.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/time/time.h"

#include "model/response.h"

namespace tocsin::notify {

// At most so many SMS segments; carriers bill each.
inline constexpr int kSmsSegments = 3;

// "G17", "I3": what `tocsin ack` takes; empty for other subjects.
std::string Reference(const Subject& subject);

// A framed page for the log of a terminal; ends in a line feed. `zone` is the reader's.
std::string RenderTerminal(const Notification& notification, absl::Time now, absl::TimeZone zone);

// At most kSmsSegments segments. The acknowledge link, when it fits at all, is kept whole and the rest is cut.
std::string RenderSms(const Notification& notification);

// How many segments a carrier makes of valid UTF-8 text: GSM 03.38 where all characters are in it, else UCS-2.
int CountSmsSegments(std::string_view text);

// TwiML that speaks the page twice; at most 4,000 bytes, which is Twilio's limit.
std::string RenderVoice(const Notification& notification);

// A JSON object; see notify/channels/webhook.cc for its fields.
std::string RenderWebhook(const Notification& notification);

// A Slack message as JSON. `channel` and `ts` where the Web API wants them: where it goes, and which message it takes the
// place of.
std::string RenderSlack(const Notification& notification, std::string_view channel, std::string_view ts);

// A complete message with exactly these headers: From, To, Subject, Date, Message-ID, References (only with a subject),
// Auto-Submitted, X-Tocsin-Notification, X-Tocsin-Subject (only with a subject), X-Tocsin-Purpose, X-Tocsin-Attempt,
// Importance (only in the critical lane), MIME-Version, Content-Type, Content-Transfer-Encoding. All attempts at one
// notification have the same Message-ID and Date, so that a mail server or reader can drop a repeat.
// `from`: an address, or a name with an address in angle brackets; `to`: a bare address, already checked.
std::string RenderEmail(const Notification& notification, std::string_view from, std::string_view to);

// Whether `text` may go into an envelope as it is: printable ASCII or UTF-8 without spaces, quotes, brackets, commas and
// control characters, with one "@" inside.
bool IsEnvelopeAddress(std::string_view text);
// The address in a sender's "name <address>" or bare "address"; empty when it may not go into an envelope.
std::string SenderAddress(std::string_view from);

}  // namespace tocsin::notify
