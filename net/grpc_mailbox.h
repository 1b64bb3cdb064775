// Private to net: where the answers of calls wait until their I/O thread takes them. Outlives the thread: whoever answers late finds it closed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "base/mutex.h"
#include "net/grpc_router.h"

namespace tocsin {

class GrpcStream;
class GrpcMailbox;

// The handler's end of a call.
class OpenCall final : public GrpcCall, public std::enable_shared_from_this<OpenCall> {
 public:
  OpenCall(std::shared_ptr<GrpcMailbox> mailbox, GrpcStream* stream) : mailbox_(std::move(mailbox)), stream_(stream) {}

  void Write(std::string message) override;
  void Finish(absl::Status status) override;
  void Answer(absl::StatusOr<std::string> message) override;

  // The I/O thread. Null: the call is over.
  GrpcStream* stream() const { return stream_; }
  void Forget() { stream_ = nullptr; }

 private:
  const std::shared_ptr<GrpcMailbox> mailbox_;
  GrpcStream* stream_;
};

class GrpcMailbox {
 public:
  struct Letter {
    std::shared_ptr<OpenCall> call;
    std::string message;
    absl::Status status;
    bool has_message = false;
    bool is_last = false;
  };

  GrpcMailbox();
  ~GrpcMailbox();
  GrpcMailbox(const GrpcMailbox&) = delete;
  GrpcMailbox& operator=(const GrpcMailbox&) = delete;

  // Any thread.
  void Post(Letter letter);
  // Wakes the I/O thread, for what is not a letter.
  void Ring();

  // The rest is the I/O thread's.
  // All that has come, in the order in which it came. `letters` is empty.
  void Take(std::vector<Letter>& letters);
  // Says that nobody looks any more, so that what comes next must ring. False: something has come meanwhile.
  bool GoToSleep();
  void WakeUp();
  // Readable once it was rung.
  int bell() const { return bell_; }
  void Silence();
  void Close();

 private:
  Mutex mutex_;
  std::vector<Letter> letters_ ABSL_GUARDED_BY(mutex_);
  bool is_closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool sleeps_ ABSL_GUARDED_BY(mutex_) = false;
  const int bell_;
};

}  // namespace tocsin
