// Events that wait in a folder to be sent: for commands that run for a moment, are killed when they dawdle, and must not
// lose what they were told while the server is down.
//
//   DIR/new/       being written
//   DIR/queue/     <number>-<destination>.event, sent in the order of the numbers, one destination's never out of order
//   DIR/rejected/  what the server will never take, each with a .reason beside it; the newest thousand
//   DIR/*.lock     one process numbers, one process drains; locks end with their process
//
// An event that Put() returned OK for is on disk, name and all, and survives kill -9 and a power cut. It may be sent
// twice (killed between the server's answer and our noting it), never after a later one of the same destination.
// The files hold integration keys: they are the owner's alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace tocsin {

struct SpooledEvent {
  std::string url;  // the server's: "http://127.0.0.1:8911"
  std::string key;  // the integration's
  std::string body;
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

  // ResourceExhausted when the queue is full.
  absl::Status Put(const SpooledEvent& event, absl::Time now) const;

  struct Drained {
    std::size_t sent = 0;
    std::vector<std::string> rejected;  // why, one line each
    std::string trouble;                // why something is left; empty: nothing is, or another process drains
    std::size_t left = 0;
  };
  // Sends what waits, as long as `go_on`. Returns at once when another process drains.
  absl::StatusOr<Drained> Drain(absl::FunctionRef<SendResult(const SpooledEvent&)> send,
                                absl::FunctionRef<bool()> go_on) const;

 private:
  Spool(std::string folder, std::size_t max_events) : folder_(std::move(folder)), max_events_(max_events) {}
  std::vector<std::string> Queue() const;  // names, in order
  absl::Status Reject(const std::string& name, std::string_view reason) const;
  absl::Status Remove(const std::string& name) const;
  void Tidy() const;

  std::string folder_;
  std::size_t max_events_;
};

}  // namespace tocsin
