// What `./dev bench ingest` sends: alerts with 8 labels of which two are unique to the alert, 2 annotations of which one is
// unique, about 370 bytes as JSON.
#pragma once

#include <string>

#include <grpcpp/support/byte_buffer.h>

namespace tocsin {

inline constexpr int kAlertsPerMessage = 500;
inline constexpr int kAlertsPerPost = 100;
inline constexpr int kKeys = 100'000;

// kAlertsPerMessage alerts from the key `first` on, round and round.
grpc::ByteBuffer MessageOf(int first);

// `count` alerts as JSON, and an HTTP request with them, as Prometheus posts them.
std::string BodyOf(int first, int count);
std::string PostOf(int first, int count);

}  // namespace tocsin
