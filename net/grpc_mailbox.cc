#include "net/grpc_mailbox.h"

#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace tocsin {

void OpenCall::Write(std::string message) {
  mailbox_->Post({shared_from_this(), std::move(message), absl::OkStatus(), true, false});
}

void OpenCall::Finish(absl::Status status) {
  mailbox_->Post({shared_from_this(), "", std::move(status), false, true});
}

void OpenCall::Answer(absl::StatusOr<std::string> message) {
  if (!message.ok()) return Finish(message.status());
  mailbox_->Post({shared_from_this(), *std::move(message), absl::OkStatus(), true, true});
}

GrpcMailbox::GrpcMailbox() : bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

GrpcMailbox::~GrpcMailbox() {
  close(bell_);
}

void GrpcMailbox::Post(Letter letter) {
  {
    const MutexLock lock(mutex_);
    if (is_closed_) return;
    letters_.push_back(std::move(letter));
    if (!std::exchange(sleeps_, false)) return;
  }
  Ring();
}

void GrpcMailbox::Ring() {
  eventfd_write(bell_, 1);  // fails only where it rings already
}

void GrpcMailbox::Silence() {
  eventfd_t rung = 0;
  eventfd_read(bell_, &rung);
}

void GrpcMailbox::Take(std::vector<Letter>& letters) {
  const MutexLock lock(mutex_);
  letters.swap(letters_);
}

bool GrpcMailbox::GoToSleep() {
  const MutexLock lock(mutex_);
  sleeps_ = letters_.empty();
  return sleeps_;
}

void GrpcMailbox::WakeUp() {
  const MutexLock lock(mutex_);
  sleeps_ = false;
}

void GrpcMailbox::Close() {
  std::vector<Letter> dropped;  // goes after the lock: what a letter holds may be anything
  const MutexLock lock(mutex_);
  is_closed_ = true;
  dropped.swap(letters_);
}

}  // namespace tocsin
