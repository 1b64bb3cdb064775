// Load over gRPC, and the sink beside which it is measured.
//
// Bytes are made once and never parsed by the client. It answers for its own share of the two cores: the sink's rate is the
// client's ceiling.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include <grpcpp/support/byte_buffer.h>

namespace tocsin {

// How many messages had been answered when.
struct Progress {
  std::uint64_t answered = 0;  // in `took`
  absl::Duration took;
  std::vector<std::pair<absl::Duration, std::uint64_t>> samples;  // every 20 ms
  bool complete = true;                                           // no stream or call failed

  double PerSecond() const { return static_cast<double>(answered) / absl::ToDoubleSeconds(took); }
  // Between the moments at which `from` and `to` messages had been answered.
  double PerSecond(std::uint64_t from, std::uint64_t to) const;
};

struct StreamLoad {
  std::string address;
  int streams = 2;
  int window = 16;               // messages under way on a stream: the credit that tocsin gives
  bool waits_for_credit = true;  // tocsin says how much it gives before it is sent anything; a sink says nothing
  // The n-th message of all; from each stream's thread, every number once.
  std::function<grpc::ByteBuffer(std::uint64_t n)> message;
  absl::Duration warm = absl::Seconds(1);
  absl::Duration seconds = absl::Seconds(5);  // after it; unless `messages` says how many
  std::uint64_t messages = 0;
};
// As fast as answers come.
Progress RunStreams(const StreamLoad& load);

struct PacedLoad {
  std::string address;
  int streams = 2;
  double messages_per_second = 1000;
  std::function<grpc::ByteBuffer(std::uint64_t n)> message;
  absl::Duration seconds = absl::Seconds(10);
};
// At a pace of its own, whatever the server does: each message has an instant at which it is due, and its latency, to its answer,
// counts from there.
std::vector<absl::Duration> RunPaced(const PacedLoad& load);
// The same, and how long it was on a stream from one answer to the next.
struct Answers {
  static constexpr absl::Duration kLong = absl::Milliseconds(50);

  std::vector<absl::Duration> latencies;
  std::vector<absl::Duration> gaps;
  std::vector<std::pair<absl::Time, absl::Time>> long_gaps;  // those beyond kLong: from when to when
};
Answers RunPacedForAnswers(const PacedLoad& load);

struct UnaryLoad {
  std::string address;
  int under_way = 64;
  std::function<grpc::ByteBuffer(std::uint64_t n)> message;
  absl::Duration warm = absl::Seconds(1);
  absl::Duration seconds = absl::Seconds(5);
};
Progress RunUnary(const UnaryLoad& load);

// The service without an inside: every message and every call is answered with the same few bytes, unread. Serves until the process
// is stopped.
int RunSink(const std::string& address);

}  // namespace tocsin
