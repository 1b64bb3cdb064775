#include "api/channels.h"

#include "engine/channel_health.h"
#include "model/codec/common_proto.h"
#include "model/codec/organisation_proto.h"

namespace tocsin {

absl::Status ListChannels(Api& api, const Caller&, const v1::ListChannelsRequest&, v1::ListChannelsResponse& response) {
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    for (const ChannelHealth& health : HealthOfChannels(responder.state())) {
      auto& channel = *response.add_channels();
      channel.set_kind(ToProto(health.kind));
      if (health.accepted_at != absl::Time()) ToProto(health.accepted_at, *channel.mutable_accepted_at());
      if (!health.is_failing()) continue;
      channel.set_failing(true);
      ToProto(health.failing_since, *channel.mutable_failing_since());
      channel.set_failed_attempts(health.attempts);
      channel.set_error(health.error);
    }
  });
  response.set_dead_letters(api.engine.store().dead_letters().Waiting());
  return absl::OkStatus();
}

}  // namespace tocsin
