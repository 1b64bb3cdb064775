// A Slack message: a text, which is also what telephones show, and an attachment whose colour says how bad it is. Slack gives
// "<", ">" and "&" a meaning (links, mentions of everybody), so they are written as entities and nothing of an alert can call
// anybody. Limits: https://docs.slack.dev/reference/block-kit/blocks/section-block
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "notify/render.h"
#include "notify/text.h"
#include "notify/wording.h"

namespace tocsin::notify {
namespace {

constexpr std::size_t kTextBytes = 3000;     // Slack recommends 4,000 characters at most
constexpr std::size_t kSectionBytes = 2900;  // Slack refuses more than 3,000 characters
constexpr std::size_t kButtonLinkBytes = 3000;

// Escaped, and cut so that the result has at most `bytes` bytes and no entity or character is split.
std::string Escape(std::string_view text, std::size_t bytes) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = FirstCodePoint(text).bytes;
    const std::string_view c = text.substr(0, length);
    const std::string_view written = c == "&" ? "&amp;" : c == "<" ? "&lt;" : c == ">" ? "&gt;" : c;
    if (out.size() + written.size() + 3 > bytes) return out + "...";
    out += written;
    text.remove_prefix(length);
  }
  return out;
}

std::string_view Colour(const Notification& notification) {
  if (notification.purpose == Notification::Purpose::kResolved) return "#2eb67d";
  if (notification.purpose == Notification::Purpose::kTest) return "#36c5f0";
  return notification.lane == Notification::Lane::kCritical ? "#e01e5a" : "#ecb22e";
}

std::string Section(std::string_view text) {
  return absl::StrCat(R"({"type":"section","text":{"type":"mrkdwn","text":)", JsonQuote(text), "}}");
}

}  // namespace

std::string RenderSlack(const Notification& notification, std::string_view channel, std::string_view ts) {
  const std::string reference = Reference(notification.subject);
  const std::string text =
      absl::StrCat("*", Headline(notification), reference.empty() ? "" : " ", reference, "*: ", Title(notification));
  std::string blocks;
  if (const std::string body = Body(notification); !body.empty()) blocks = Section(Escape(body, kSectionBytes));
  if (Acknowledgeable(notification) || !notification.rewrites.empty()) {
    const std::string_view link = CleanLink(notification.acknowledge_url);
    const std::string hint = reference.empty() ? "" : absl::StrCat("`tocsin ack ", reference, "`");
    if (!link.empty() && link.size() <= kButtonLinkBytes) {
      absl::StrAppend(
          &blocks, blocks.empty() ? "" : ",",
          R"({"type":"actions","elements":[{"type":"button","style":"primary","text":{"type":"plain_text",)",
          R"("text":"Acknowledge"},"url":)", JsonQuote(link), "}]}");
    } else if (!hint.empty()) {
      absl::StrAppend(&blocks, blocks.empty() ? "" : ",", Section(hint));
    }
  }
  std::string out = "{";
  if (!channel.empty()) absl::StrAppend(&out, "\"channel\":", JsonQuote(channel), ",");
  if (!ts.empty()) absl::StrAppend(&out, "\"ts\":", JsonQuote(ts), ",");
  absl::StrAppend(&out, "\"text\":", JsonQuote(Escape(text, kTextBytes)),
                  ",\"unfurl_links\":false,\"unfurl_media\":false");
  // Always there: chat.update keeps the old attachments otherwise.
  absl::StrAppend(&out, ",\"attachments\":[");
  if (!blocks.empty()) {
    absl::StrAppend(&out, "{\"color\":\"", ToAbsl(Colour(notification)),
                    "\",\"fallback\":", JsonQuote(Escape(Title(notification), kTextBytes)), ",\"blocks\":[", blocks,
                    "]}");
  }
  return out + "]}";
}

}  // namespace tocsin::notify
