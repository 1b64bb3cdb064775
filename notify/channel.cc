#include "notify/channel.h"

#include <cstddef>
#include <iterator>

#include "base/status.h"
#include "notify/channels/channels.h"

namespace tocsin::notify {
namespace {

using Kind = ContactMethod::Kind;

constexpr Channel kChannels[] = {
    {Kind::kTerminal,     TerminalDestination,     ComposeTerminal,     JudgeTerminal    },
    {Kind::kEmail,        EmailDestination,        ComposeEmail,        JudgeEmail       },
    {Kind::kSms,          TwilioDestination,       ComposeSms,          JudgeTwilio      },
    {Kind::kVoice,        TwilioDestination,       ComposeVoice,        JudgeTwilio      },
    {Kind::kWebhook,      WebhookDestination,      ComposeWebhook,      JudgeWebhook     },
    {Kind::kSlackWebhook, SlackWebhookDestination, ComposeSlackWebhook, JudgeSlackWebhook},
    {Kind::kSlack,        SlackDestination,        ComposeSlack,        JudgeSlack       },
};

}  // namespace

const Channel& ChannelOf(ContactMethod::Kind kind) {
  const auto index = static_cast<std::size_t>(kind);
  TOCSIN_CHECK(index < std::size(kChannels) && kChannels[index].kind == kind, "the table is in the order of the kinds");
  return kChannels[index];
}

}  // namespace tocsin::notify
