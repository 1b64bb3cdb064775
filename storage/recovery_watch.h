// Which journal entry a start was applying when the process crashed: `data/recovering`, a small file that is mapped into memory while
// recovery runs. An entry at which two starts in a row have crashed by themselves (an assertion, an exception that nobody took, a
// segmentation fault) is put aside by the third. A kill from outside is not held against an entry, nor is a want of memory: only a crash's
// signal makes the note.
//
// Best effort by design: where the file cannot be mapped nothing is noted, and recovery goes on without.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "model/ids.h"

namespace tocsin {

class RecoveryWatch {
 public:
  static constexpr std::uint64_t kCrashes = 2;

  // One at a time in a process.
  explicit RecoveryWatch(const std::string& folder);
  ~RecoveryWatch();  // recovery has come to its end, well or not: only a crash leaves what it noted
  RecoveryWatch(const RecoveryWatch&) = delete;
  RecoveryWatch& operator=(const RecoveryWatch&) = delete;

  // The calling thread applies this entry from now on; unset: none.
  static void Applying(Sequence sequence);
  // The entry that has crashed kCrashes starts.
  std::optional<Sequence> Poison() const;
  void Finished();  // the engine is recovered: what was noted before counts no more

 private:
  struct Note;
  Note* note_ = nullptr;
};

}  // namespace tocsin
