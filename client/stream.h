// Private to client: one attempt to talk to one server by proto/tocsin/v1/ingest.proto's stream.
//
// Owned and called by one thread. What gRPC's threads bring is queued; `wake` is called on them when there is something to look at.
// The destructor cancels and waits until gRPC has let go.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "client/client.h"
#include "tocsin/v1/ingest.pb.h"

namespace tocsin {

class Stream {
 public:
  Stream(const SenderOptions& options, const std::string& server, std::function<void()> wake);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // One write at a time; false: the one before is not done, or the stream is over.
  bool CanWrite() const;
  bool TryWrite(v1::IngestRequest request);
  void Cancel();

  std::vector<v1::IngestResponse> TakeAnswers();
  // How it ended; the answers before that have been queued. nullopt: it has not.
  std::optional<grpc::Status> Ended() const;

 private:
  class Reactor;
  std::unique_ptr<Reactor> reactor_;
};

}  // namespace tocsin
