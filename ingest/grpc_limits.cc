// What every gRPC server of ours allows its callers.
#include <string>

#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include "base/limits.h"
#include "ingest/grpc_ingest.h"

namespace tocsin {

void ConfigureGrpc(grpc::ServerBuilder& builder) {
  // An organisation's text is the longest message. Batches of alerts have a bound of their own: Message::Take.
  constexpr int kSlack = 64 * 1024;
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits::kConfigurationBytes) + kSlack);
  // gRPC unpacks a message before it looks at whose it is, to whatever length it has then: a megabyte to a gigabyte.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT,
                             0);  // or two servers share a port, and each gets half of the calls
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 100);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(limits::kHeaderBytes));
  // From the first byte to the client's settings, TLS included; two minutes by default.
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 5'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  grpc::ResourceQuota quota("tocsin");
  quota.Resize(std::size_t{512} << 20U);
  builder.SetResourceQuota(quota);
}

}  // namespace tocsin
