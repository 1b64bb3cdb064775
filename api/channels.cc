#include "api/channels.h"

#include "engine/channel_health.h"
#include "model/codec/common_proto.h"
#include "model/codec/organisation_proto.h"

namespace tocsin {
namespace {

void PutScore(const ChannelScore& score, v1::ListChannelsResponse::Score& to) {
  to.set_tried(score.tried);
  to.set_taken(score.taken);
  to.set_awaited(score.awaited);
  to.set_delivered(score.delivered);
  if (score.delivered > 0) ToProto(score.receipt_p95, *to.mutable_receipt_p95());
  if (score.delivered_at != absl::Time()) ToProto(score.delivered_at, *to.mutable_delivered_at());
  to.set_fails(score.fails());
  if (!score.delivers_nothing()) return;
  to.set_lost(score.lost);
  ToProto(score.lost_since, *to.mutable_lost_since());
}

}  // namespace

absl::Status ListChannels(Api& api, const Caller&, const v1::ListChannelsRequest&, v1::ListChannelsResponse& response) {
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    for (const ChannelHealth& health : HealthOfChannels(responder.state())) {
      auto& channel = *response.add_channels();
      channel.set_kind(ToProto(health.kind));
      if (health.accepted_at != absl::Time()) ToProto(health.accepted_at, *channel.mutable_accepted_at());
      PutScore(health.score, *channel.mutable_score());
      if (health.second.tried > 0) PutScore(health.second, *channel.mutable_second());
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
