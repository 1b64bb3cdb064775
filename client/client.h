// Sends alerts to tocsin, for programs written in C++: over the gRPC stream, in batches, with a spool on disk until the server has
// them in its fsynced journal.
//
//   SenderOptions options;
//   options.servers = {"tocsin-a.example.com:8912", "tocsin-b.example.com:8912"};
//   options.key = "the key of an integration with `source: stream`";
//   options.spool = "/var/lib/my-program/tocsin";
//   absl::StatusOr<std::unique_ptr<Sender>> sender = Sender::Open(options);
//   ...
//   absl::Status taken = (*sender)->Send({.labels = {{"alertname", "DiskFull"}, {"instance", "db-1"}}});
//   ...
//   absl::Status all = (*sender)->Stop(absl::Seconds(5));
//
// Batches. An alert waits until `batch_alerts` of them or `batch_bytes` are there, or the first is `batch_age` old. A batch that is
// full or old is written to the spool (one file: fsync, link, fsync of the folder) and then sent, so what a killed program loses
// is the last `batch_age` at most. Sync() says when what was sent so far is on disk, Flush() when the server has it.
//
// Order. Batches go out oldest first, as many at a time as the server's credit allows. Two words about one alert are never under
// way at the same time unless they lie in one batch and say the same: the later one waits until the earlier one is acknowledged
// and its file is gone, durably. Therefore sending again, after a crash or a broken connection, repeats only what
// was said last about an alert, which the server takes as a renewal: no recovered alert fires again, nobody is paged twice.
//
// What happens on each kind of refusal:
//   cannot connect, the stream breaks, no      the next server, this one after a pause that doubles (`pause_least` to `pause_most`,
//   answer within `answer_patience`            with jitter); what was unanswered is sent again, in order
//   retry_after (the server is at a limit)     the same server after that time; nothing is sent to it before
//   the key or its integration is wrong        the other servers, this one after `pause_most`; Statistics::trouble says so; the
//                                              alerts are kept, for the key may be mended there
//   an alert is rejected                       it is reported with the server's reason (Done, on_rejected), put aside in the spool's
//                                              folder `rejected`, and not sent again; the rest of its batch was taken
//   a batch is refused as a whole              it is halved until the alert is found that the server cannot read; that one is
//                                              rejected as above
//   the spool or the memory is full            Send() returns ResourceExhausted: the caller decides what to leave out
//   the spool's disk fails                     it is sent without the spool; Statistics::trouble and Sync() say so
//   `give_up_after` is over (off by default)   the alert's Done says so; the alert is gone
//
// Threads: Send, Sync, Flush and ReadStatistics from any thread, Stop from one. Callbacks come from the sender's own thread, one at a
// time; they must not block, nor call Sync, Flush or Stop; Send is all right. One Sender has one thread besides gRPC's.
// One process at a time may use a spool's folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/spool.h"
#include "model/event.h"
#include "model/inlet.h"

namespace tocsin {

struct SenderOptions {
  std::vector<std::string>
      servers;      // HOST:PORT, https://HOST:PORT for TLS; tried in this order, the one that works is kept
  std::string key;  // of an integration with `source: stream`
  std::string root_certificates;  // PEM, of whom to trust with TLS; empty: whom the system trusts
  std::string certificate;        // PEM, when a front asks clients for theirs
  std::string private_key;        // PEM

  std::size_t batch_alerts = 500;                      // 1 to limits::kEventsPerBatch
  std::size_t batch_bytes = 512 * 1024;                // 64 KiB to 4 MiB less the slack of a message
  absl::Duration batch_age = absl::Milliseconds(100);  // what a crash may cost, and what an alert waits at most
  std::size_t memory_bytes = 16 * 1024 * 1024;         // of alerts that are not in the spool

  std::string spool;                   // folder; empty: none, and a crash loses what was not acknowledged
  std::size_t spool_batches = 10'000;  // and at most
  std::uint64_t spool_bytes = 1024ULL * 1024 * 1024;  // so much; together a bound on how long an outage may be

  absl::Duration connect_patience = absl::Seconds(5);  // until a server grants its first credit
  absl::Duration answer_patience = absl::Seconds(30);  // until it acknowledges a batch: an fsync and the way
  absl::Duration pause_least = absl::Milliseconds(250);
  absl::Duration pause_most = absl::Seconds(30);
  // Zero: what was taken is sent until it is acknowledged. Not together with a spool.
  absl::Duration give_up_after = absl::ZeroDuration();

  bool want_outcomes = false;      // Delivery::outcome
  bool want_explanations = false;  // Delivery::explanation; for trying out, and alerts that come one by one

  // An alert that the server will never take; also of batches that an earlier process has left in the spool.
  std::function<void(const AlertEvent& alert, std::string_view reason)> on_rejected = {};
};

// Where an alert went and what holds it back, as it was right after it became durable.
struct DeliveryExplanation {
  std::string key;  // `tocsin explain KEY`
  bool firing = false;
  std::string severity;
  std::uint64_t rules_version = 0;
  std::vector<std::string> routes;
  std::vector<std::string> groups;
  std::string held_by;
  std::string text;
};

// What became of one alert.
struct Delivery {
  enum class Kind : std::uint8_t {
    kDurable,   // in the server's fsynced journal
    kRejected,  // the server will never take it; `status` says why
    kGivenUp,   // give_up_after is over, or Stop() came before it was acknowledged (then a spool still holds it)
  };
  Kind kind = Kind::kGivenUp;
  absl::Status status;  // of kDurable: OK
  std::uint64_t sequence = 0;
  std::optional<Outcome> outcome;
  std::optional<DeliveryExplanation> explanation;
  std::string server;
};

class Sender {
 public:
  struct Statistics {
    std::uint64_t taken = 0;      // alerts that Send() returned OK for
    std::uint64_t recovered = 0;  // alerts that an earlier process had left in the spool
    // taken + recovered = durable + rejected + given_up + waiting
    std::uint64_t durable = 0;
    std::uint64_t rejected = 0;
    std::uint64_t given_up = 0;
    std::uint64_t waiting = 0;
    std::uint64_t refused = 0;  // by Send(), because the spool or the memory was full, or the alert was not well formed

    std::uint64_t batches = 0;          // acknowledged
    std::uint64_t batches_again = 0;    // sent once more: a connection broke, or the server was at a limit
    std::uint64_t limits_met = 0;       // answers with retry_after
    std::uint64_t connections = 0;      // streams that granted credit
    std::uint64_t failures = 0;         // tries and streams that ended badly
    std::uint64_t spooled_batches = 0;  // in the spool now
    std::uint64_t spooled_bytes = 0;
    std::uint64_t spool_failures = 0;  // batches that went without, because the disk failed
    std::string server;                // that it talks to; empty: none
    std::string trouble;               // why nothing goes through; empty: it does
  };
  using Done = std::function<void(const Delivery& delivery)>;

  // Reads what an earlier process has left in the spool, and begins to send it. Invalid: an option; FailedPrecondition: another
  // process uses the spool; Unavailable: its folder cannot be made.
  static absl::StatusOr<std::unique_ptr<Sender>> Open(SenderOptions options);
  // As Stop() without patience.
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // Takes the alert. `done`, if there is one, is called once, unless an error is returned: Invalid names the field that is not well formed;
  // ResourceExhausted: full; FailedPrecondition: it has been stopped. Never waits for disk or network.
  absl::Status Send(const AlertEvent& alert, Done done = {});

  // Waits until all that was taken before is on disk (with a spool) or acknowledged. DeadlineExceeded: not yet.
  absl::Status Sync(absl::Duration patience);
  // Waits until all that was taken before is acknowledged, rejected or given up. DeadlineExceeded: not yet.
  absl::Status Flush(absl::Duration patience);

  // Takes nothing more, flushes for at most `patience`, then writes what is left to the spool and ends. What has not been acknowledged
  // is told to its Done as kGivenUp; with a spool, the next Sender sends it. DeadlineExceeded: something is left.
  absl::Status Stop(absl::Duration patience);

  Statistics ReadStatistics() const;

 private:
  class Impl;
  explicit Sender(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// For commands that are over in a moment and share one spool (client/spool.h), each of them draining what it finds: alerts as they
// wait there, and one attempt to send them, which takes `patience` at most. Of `options` ToSpooled reads servers and key, SendSpooled
// the rest. A wrong key is a rejection here: nobody would try again.
SpooledEvent ToSpooled(const SenderOptions& options, std::span<const AlertEvent> alerts);
bool IsForStream(const SpooledEvent& event);
SendResult SendSpooled(const SpooledEvent& event, SenderOptions options, absl::Duration patience);

}  // namespace tocsin
