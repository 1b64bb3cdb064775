// Events that wait in a folder to be sent: for programs that are killed, run for a moment, or must not lose what they were told
// while the server is down.
//
//   DIR/new/       being written
//   DIR/queue/     <number>-<destination>.event, sent in the order of the numbers, one destination's never out of order
//   DIR/rejected/  what the server will never take, each with a .reason beside it where there was room; the newest thousand
//   DIR/*.lock     one process numbers, one process drains; locks end with their process
//
// An event that Put() returned OK for is on disk, name and all, and survives kill -9 and a power cut. It may be sent
// twice (killed between the server's answer and our noting it), never after a later one of the same destination.
// The files hold integration keys: they are the owner's alone. A file is a line of JSON that ends in the length and the checksum
// of the body, then the body as it is.
//
// Threads: a Spool is a name; any number of threads and processes may use one folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace tocsin {

struct SpooledEvent {
  std::string url;   // where to: "http://127.0.0.1:8911"; of batches for the stream "grpc:HOST:PORT,HOST:PORT"
  std::string key;   // the integration's
  std::string body;  // any bytes
  friend bool operator==(const SpooledEvent&, const SpooledEvent&) = default;
};

struct SendResult {
  enum class Kind : std::uint8_t {
    kSent,
    kLater,     // try again; nothing else of this destination is sent before it
    kRejected,  // it will never be taken
  };
  Kind kind = Kind::kLater;
  std::string reason;
};

class Spool {
 public:
  // Makes the folders when they are missing. `max_events`: more than that are refused.
  static absl::StatusOr<Spool> Open(const std::string& folder, std::size_t max_events = 10'000);

  // The name that it waits under. ResourceExhausted when the queue is full.
  absl::StatusOr<std::string> Put(const SpooledEvent& event, absl::Time now) const;

  struct Drained {
    std::size_t sent = 0;
    struct Rejected {
      std::string name;
      std::string reason;  // one line
    };
    std::vector<Rejected> rejected;
    std::string trouble;  // why something is left; empty: nothing is, or another process drains
    std::size_t left = 0;
  };
  // Sends what waits, as long as `go_on`; trouble with one event's file holds back no other destination. Returns at once when another
  // process drains.
  absl::StatusOr<Drained> Drain(absl::FunctionRef<SendResult(const SpooledEvent&)> send,
                                absl::FunctionRef<bool()> go_on) const;

  // The steps of Drain, for a process that drains for as long as it lives. As long as the lease is held, nobody else drains.
  // FailedPrecondition: another process does.
  class Lease;
  absl::StatusOr<std::shared_ptr<const Lease>> Own() const;
  std::vector<std::string> Names() const;                           // of what waits, oldest first
  std::optional<SpooledEvent> Read(const std::string& name) const;  // nullopt: the file is damaged
  std::uint64_t BytesOf(const std::string& name) const;             // 0: it is not there
  absl::Status Remove(std::span<const std::string> names) const;    // durable for all when it returns
  absl::Status Reject(const std::string& name, std::string_view reason) const;
  bool IsRejected(const std::string& name) const;  // it has been set aside
  // Puts an event that is part of another aside, with its reason.
  absl::Status SetAside(const SpooledEvent& event, std::string_view reason, absl::Time now) const;

 private:
  Spool(std::string folder, std::size_t max_events) : folder_(std::move(folder)), max_events_(max_events) {}
  absl::Status Link(const std::string& fresh,
                    std::string_view part,
                    std::uint64_t number,
                    const SpooledEvent& event,
                    std::string& name) const;
  void Tidy() const;

  std::string folder_;
  std::size_t max_events_;
};

}  // namespace tocsin
