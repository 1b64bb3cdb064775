// What carriers make of a text: GSM 03.38 where all characters are in it (160 septets, 153 in each part of several), else
// UCS-2 (70 units, 67 in each part). One letter outside the alphabet more than halves the room, so common punctuation is
// written in ASCII.
#include <array>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "base/strings.h"
#include "notify/render.h"
#include "notify/text.h"
#include "notify/wording.h"

namespace tocsin::notify {
namespace {

constexpr std::string_view kGsmBeyondAscii = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà";
constexpr std::string_view kNotGsmAscii = "`\t\f";
constexpr std::string_view kTwoSeptets = "^{}\\[~]|";

// Of each ASCII character; a text is counted a dozen times until it fits.
constexpr std::array<std::uint8_t, 128> kAsciiSeptets = [] {
  std::array<std::uint8_t, 128> septets = {};
  septets.fill(1);
  for (const char c : kNotGsmAscii)
    septets[static_cast<std::size_t>(c)] = 0;
  for (const char c : kTwoSeptets)
    septets[static_cast<std::size_t>(c)] = 2;
  return septets;
}();

// Of what is not ASCII. 0: not in the alphabet.
int Septets(std::string_view character) {
  if (character == "€") return 2;
  return kGsmBeyondAscii.find(character) != std::string_view::npos ? 1 : 0;
}

int Segments(int units, int alone, int in_part) {
  return units <= alone ? 1 : (units + in_part - 1) / in_part;
}

std::string InPlainPunctuation(std::string_view text) {
  if (IsAscii(text) && text.find('`') == std::string_view::npos) return std::string(text);
  return absl::StrReplaceAll(ToAbsl(text), {
                                               {"‘", "'"  },
                                               {"’", "'"  },
                                               {"`",   "'"  },
                                               {"“", "\"" },
                                               {"”", "\"" },
                                               {"–", "-"  },
                                               {"—", "-"  },
                                               {"…", "..."},
                                               {"•", "*"  },
                                               {"→", "->" },
                                               {"≥", ">=" },
                                               {"≤", "<=" }
  });
}

}  // namespace

int CountSmsSegments(std::string_view text) {
  int septets = 0;
  int units = 0;  // of UTF-16
  bool gsm = true;
  while (!text.empty()) {
    std::size_t ascii = 0;
    int in_gsm = 1;
    for (const char letter : text) {
      const auto code = static_cast<unsigned char>(letter);
      if (code >= kAsciiSeptets.size()) break;
      const int each = kAsciiSeptets[code];
      in_gsm &= each > 0 ? 1 : 0;
      septets += each;
      ++ascii;
    }
    gsm = gsm && in_gsm != 0;
    units += static_cast<int>(ascii);
    text.remove_prefix(ascii);
    if (text.empty()) break;
    const std::size_t length = FirstCodePoint(text).bytes;
    const int each = Septets(text.substr(0, length));
    gsm = gsm && each > 0;
    septets += each;
    units += length == 4 ? 2 : 1;
    text.remove_prefix(length);
  }
  return gsm ? Segments(septets, 160, 153) : Segments(units, 70, 67);
}

std::string RenderSms(const Notification& notification) {
  const std::string reference = Reference(notification.subject);
  std::string head =
      absl::StrCat(Headline(notification), reference.empty() ? "" : " ", reference, ": ", Title(notification));
  const std::string body = Body(notification);
  if (!body.empty()) absl::StrAppend(&head, "\n", body);
  head = InPlainPunctuation(head);
  std::string tail;
  const std::string_view link = CleanLink(notification.acknowledge_url);
  if (Acknowledgeable(notification) && !link.empty()) tail = absl::StrCat("\nAck: ", ToAbsl(link));
  // A link that leaves no room for the words is of no use.
  if (CountSmsSegments(tail) >= kSmsSegments) tail.clear();
  if (CountSmsSegments(absl::StrCat(head, tail)) <= kSmsSegments) return absl::StrCat(head, tail);

  const auto cut_to = [&](std::size_t bytes) { return absl::StrCat(ToAbsl(TruncateUtf8(head, bytes)), "...", tail); };
  std::size_t fits = 0;
  std::size_t too_long = head.size();
  while (fits + 1 < too_long) {
    const std::size_t middle = fits + (too_long - fits) / 2;
    (CountSmsSegments(cut_to(middle)) <= kSmsSegments ? fits : too_long) = middle;
  }
  return cut_to(fits);
}

}  // namespace tocsin::notify
