#include "storage/recovery_watch.h"

#include <array>
#include <csignal>
#include <new>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace tocsin {

// As it lies in the file. Written by a signal handler: plain words in mapped memory, which outlive the process but not a power cut.
struct RecoveryWatch::Note {
  std::uint64_t magic;
  std::uint64_t sequence;  // at which the last start has crashed
  std::uint64_t crashes;   // in a row
};

namespace {

constexpr std::uint64_t kMagic = 0x31474E4956434552;  // "RECVING1"
constexpr std::array kCrashSignals = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

thread_local std::atomic<std::uint64_t> applying{0};
std::atomic<void*> noting{nullptr};
std::array<struct sigaction, kCrashSignals.size()> before;

// No entry is at fault when memory ends: nothing is noted any more, and operator new fails as it would have.
void NoteNothing() {
  noting.store(nullptr, std::memory_order_release);
  std::set_new_handler(nullptr);
}

}  // namespace

RecoveryWatch::RecoveryWatch(const std::string& folder) {
  const int file = open((folder + "/recovering").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  if (ftruncate(file, sizeof(Note)) == 0) {
    void* const mapped = mmap(nullptr, sizeof(Note), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) note_ = static_cast<Note*>(mapped);
  }
  close(file);
  if (note_ == nullptr) return;
  if (note_->magic != kMagic) *note_ = {kMagic, 0, 0};
  noting.store(note_, std::memory_order_release);
  std::set_new_handler(NoteNothing);
  struct sigaction action {};
  // Only what is allowed in a handler; the signal is then raised again as though this had never been.
  action.sa_handler = [](int signal) {
    auto* const note = static_cast<Note*>(noting.load(std::memory_order_acquire));
    const std::uint64_t at = applying.load(std::memory_order_relaxed);
    if (note != nullptr && at != 0) {
      note->crashes = note->sequence == at ? note->crashes + 1 : 1;
      note->sequence = at;
    }
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  };
  action.sa_flags = SA_NODEFER;
  for (std::size_t i = 0; i < kCrashSignals.size(); ++i)
    sigaction(kCrashSignals[i], &action, &before[i]);
}

RecoveryWatch::~RecoveryWatch() {
  if (note_ == nullptr) return;
  for (std::size_t i = 0; i < kCrashSignals.size(); ++i)
    sigaction(kCrashSignals[i], &before[i], nullptr);
  NoteNothing();
  munmap(note_, sizeof(Note));
}

void RecoveryWatch::Applying(Sequence sequence) {
  applying.store(sequence.set() ? sequence.value() : 0, std::memory_order_relaxed);
}

std::optional<Sequence> RecoveryWatch::Poison() const {
  if (note_ == nullptr || note_->crashes < kCrashes) return std::nullopt;
  return Sequence(note_->sequence);
}

void RecoveryWatch::Finished() {
  if (note_ != nullptr) *note_ = {kMagic, 0, 0};
}

}  // namespace tocsin
