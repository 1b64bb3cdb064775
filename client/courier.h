// Private to client: brings batches to whichever server takes them, in order, as client.h says. Not one line of it waits: Step()
// does what can be done now, NextDeadline() says when something is due by itself.
//
// One thread. Knows no lock; Done and on_rejected are called from Step().
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include <grpcpp/grpcpp.h>

#include "base/random.h"
#include "client/client.h"
#include "client/spool.h"
#include "client/stream.h"
#include "tocsin/v1/ingest.pb.h"

namespace tocsin {

using Instant = std::chrono::steady_clock::time_point;

struct AlertKeyHash {
  std::size_t operator()(const AlertKey& key) const { return key.low; }  // it is a hash
};

struct Batch {
  std::uint64_t number = 0;   // batches are sent in this order
  std::uint64_t through = 0;  // how many alerts Send() had taken with its last one; 0: an earlier process's
  std::size_t bytes = 0;
  std::size_t alerts = 0;  // 0: not known before it is read from the spool
  bool spooled = false;
  std::string name;  // in the spool; empty: not there, or not any more
  // Null: in the spool only.
  std::shared_ptr<v1::IngestRequest> request;
  std::vector<Sender::Done> dones;  // one for each alert, or none at all
  Instant since;
  std::size_t parts = 1;       // that are not finished
  std::vector<AlertKey> keys;  // that it holds: nothing else about them is sent
};

// A batch as it waits in a spool: where to, and the serialised IngestRequest.
inline constexpr std::string_view kSpooledForStream = "grpc:";
SpooledEvent Spooled(const SenderOptions& options, std::string batch);

class Courier {
 public:
  struct Counts {
    std::uint64_t recovered = 0, durable = 0, rejected = 0, given_up = 0;
    std::uint64_t batches = 0, batches_again = 0, limits_met = 0, connections = 0, failures = 0;
    std::string server, trouble;
  };

  // All outlive this. `spool` may be null. `wake`: any thread calls it when Step() has something to do.
  Courier(const SenderOptions& options, const Spool* spool, std::uint64_t seed, std::function<void()> wake);

  void Add(std::shared_ptr<Batch> batch);
  void Step(Instant now);
  Instant NextDeadline() const;
  // Batches that are through since the last call: their files are gone.
  std::vector<std::shared_ptr<Batch>> TakeSettled() { return std::exchange(settled_, {}); }
  // Ends the connection and tells all Dones that are left.
  void GiveUpAll(const absl::Status& why);
  const Counts& counts() const { return counts_; }

 private:
  // Alerts begin to end of a batch: all of it, but for batches that a server has refused as a whole.
  struct Part {
    std::shared_ptr<Batch> batch;
    std::size_t begin = 0;
    std::size_t end = 0;   // 0: all, and how many that is is not known before it is read
    bool alone = false;    // nothing else is sent with it, so that a refusal is about it
    std::uint64_t id = 0;  // batch_id, while it is under way
    Instant sent;
  };
  struct Server {
    std::string address;
    absl::Duration pause;  // after its next failure
    Instant retry_at;
  };

  void Connect(Instant now);
  void ReadAnswers(Instant now);
  void Greeted(const v1::IngestResponse& hello);
  void Answered(Part part, const v1::IngestResponse& answer, Instant now);
  void Delivered(const Part& part, const v1::IngestResponse& answer);
  void Failed(const grpc::Status& status, Instant now);
  void TurnBackInFlight(bool alone);
  bool DivideRefused();
  void GiveUpOld(const absl::Status& why, Instant next_try);
  void SendWhatMayGo(Instant now);
  std::shared_ptr<v1::IngestRequest> ReadSpooled(const std::string& name);
  bool Load(Part& part);
  bool Hold(const Part& part);
  void RejectAlert(const Part& part, std::size_t index, std::string_view reason);
  void Tell(const Part& part, std::size_t index, const Delivery& delivery) const;
  void GiveUp(const Part& part, const absl::Status& why);
  void Finish(const Part& part);
  void ForgetFinished();
  void PutBack(Part part);
  Instant Jittered(Instant now, absl::Duration pause);

  const SenderOptions& options_;
  const Spool* spool_;
  const std::function<void()> wake_;
  Random random_;

  std::vector<Server> servers_;
  std::size_t current_ = 0;
  std::unique_ptr<Stream> stream_;
  Instant connecting_since_;
  bool greeted_ = false;
  std::size_t credit_ = 0;
  std::uint64_t next_id_ = 1;
  Instant paused_until_;

  std::map<std::pair<std::uint64_t, std::size_t>, Part> ready_;      // by batch and begin
  std::deque<Part> in_flight_;                                       // as they were written
  absl::flat_hash_map<AlertKey, std::uint64_t, AlertKeyHash> held_;  // by which batch
  EventBatch reader_{0, 0};                                          // tells what an alert is about

  std::vector<std::shared_ptr<Batch>> finished_;  // whose files are there still
  std::vector<std::shared_ptr<Batch>> settled_;
  Counts counts_;
};

}  // namespace tocsin
