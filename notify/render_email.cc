// A mail message that no alert text can break out of: header values are one clean line each, encoded by RFC 2047 where
// they are not plain ASCII, and the body is quoted-printable, so it holds no bare CR, no NUL, no long line and no dot at
// the start of a line.
#include <algorithm>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "notify/render.h"
#include "notify/text.h"
#include "notify/wording.h"

namespace tocsin::notify {
namespace {

bool IsPlainAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7F; });
}

// RFC 2047: encoded words of at most 75 characters, never splitting a character, folded onto lines of their own.
std::string HeaderText(std::string_view clean) {
  constexpr std::size_t kBytesPerWord = 42;  // 56 characters of base64 and 12 of frame
  if (IsPlainAscii(clean) && clean.find("=?") == std::string_view::npos) return std::string(clean);
  std::string out;
  while (!clean.empty()) {
    const std::string_view piece = TruncateUtf8(clean, kBytesPerWord);
    absl::StrAppend(&out, out.empty() ? "" : "\r\n ", "=?UTF-8?B?", absl::Base64Escape(ToAbsl(piece)), "?=");
    clean.remove_prefix(piece.size());
  }
  return out;
}

// RFC 2045, 6.7. `text` has '\n' line ends.
std::string QuotedPrintable(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::size_t kLine = 76;
  std::string out;
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      out += "\r\n";
      column = 0;
      continue;
    }
    const bool last = i + 1 == text.size() || text[i + 1] == '\n';
    const bool literal = (c > ' ' && c < 0x7F && c != '=' && !(c == '.' && column == 0)) || (c == ' ' && !last);
    // "From " at the start of a line would be changed by mailbox formats.
    const bool from = column == 0 && text.substr(i).starts_with("From ");
    const std::size_t width = literal && !from ? 1 : 3;
    if (column + width > kLine - 1) {
      out += "=\r\n";
      column = 0;
    }
    if (width == 1 && !(c == '.' && column == 0)) {
      out += c;
      column += 1;
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    out += '=';
    out += kHex[byte >> 4U];
    out += kHex[byte & 0xFU];
    column += 3;
  }
  return out;
}

// What may stand in a Message-ID's left part, from anything.
std::string IdPart(std::string_view text) {
  const bool plain = !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  return plain ? std::string(text) : absl::BytesToHexString(ToAbsl(text.substr(0, 64)));
}

// "Name <address>" with the name made safe.
std::string Mailbox(std::string_view text, std::string_view address) {
  const std::size_t bracket = text.find('<');
  if (bracket == std::string_view::npos) return std::string(address);
  std::string name = CleanLine(text.substr(0, bracket), kNameBytes);
  std::erase_if(name, [](char c) { return c == '"' || c == '\\'; });
  if (name.empty()) return std::string(address);
  const std::string encoded = HeaderText(name);
  const std::string shown = encoded == name ? absl::StrCat("\"", name, "\"") : encoded;
  return absl::StrCat(shown, " <", ToAbsl(address), ">");
}

}  // namespace

bool IsEnvelopeAddress(std::string_view text) {
  constexpr std::size_t kAddressBytes = 254;  // RFC 5321, 4.5.3.1.3
  const std::size_t at = text.find('@');
  const bool shaped = text.size() <= kAddressBytes && at != std::string_view::npos && at != 0 && at + 1 < text.size() &&
                      text.find('@', at + 1) == std::string_view::npos && text[0] != '-' && text[at + 1] != '-';
  const bool safe = std::ranges::all_of(text, [](char c) {
    return static_cast<std::uint8_t>(c) > ' ' && c != 0x7F &&
           std::string_view("\"(),:;<>[\\]").find(c) == std::string_view::npos;
  });
  // Separators and overrides beyond ASCII would be changed by cleaning.
  return shaped && safe && CleanLine(text, text.size()) == text;
}

std::string SenderAddress(std::string_view from) {
  std::string_view address = Trim(from);
  if (const std::size_t bracket = address.find('<'); bracket != std::string_view::npos) {
    if (!address.ends_with('>')) return "";
    address = address.substr(bracket + 1, address.size() - bracket - 2);
  }
  return IsEnvelopeAddress(address) ? std::string(address) : "";
}

std::string RenderEmail(const Notification& notification, std::string_view from, std::string_view to) {
  const std::string sender = SenderAddress(from);
  const std::string domain = sender.substr(std::min(sender.size(), sender.find('@') + 1));
  const std::string reference = Reference(notification.subject);
  std::string out;
  const auto header = [&](std::string_view name, std::string_view value) {
    absl::StrAppend(&out, ToAbsl(name), ": ", ToAbsl(value), "\r\n");
  };
  header("From", Mailbox(from, sender));
  header("To", to);
  header("Subject", HeaderText(absl::StrCat("[", Headline(notification), "] ", Title(notification))));
  header("Date", absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", notification.created_at, absl::UTCTimeZone()));
  header("Message-ID", absl::StrCat("<", IdPart(notification.idempotency_key), "@", domain, ">"));
  if (!reference.empty()) header("References", absl::StrCat("<", reference, "@", domain, ">"));
  header("Auto-Submitted", "auto-generated");
  header("X-Tocsin-Notification", absl::StrCat("N", notification.id.value()));
  if (!reference.empty()) header("X-Tocsin-Subject", reference);
  header("X-Tocsin-Purpose", PurposeName(notification.purpose));
  header("X-Tocsin-Attempt", absl::StrCat(notification.attempt));
  if (notification.lane == Notification::Lane::kCritical) header("Importance", "high");
  header("MIME-Version", "1.0");
  header("Content-Type", "text/plain; charset=UTF-8");
  header("Content-Transfer-Encoding", "quoted-printable");

  std::string body = absl::StrCat(Title(notification), "\n\n", Body(notification), "\n");
  const std::vector<std::string> how = HowToAcknowledge(notification);
  if (!how.empty()) body += "\n";
  for (const std::string& line : how)
    absl::StrAppend(&body, line, "\n");
  absl::StrAppend(&out, "\r\n", QuotedPrintable(body));
  return out;
}

}  // namespace tocsin::notify
