// A disk in memory that can be hurt: the file system of the simulation and of the storage tests.
//
// Deterministic: no clock, no threads of its own; what a power cut spares comes from the Random passed in. It promises
// what file.h promises and not a bit more:
//   - Until a file is synced each of its writes may survive, vanish or be torn at a 512-byte sector, in any combination.
//   - Until its folder is synced a name that was created, renamed or removed may be as before.
//   - After a failed sync the pages are clean but not on the disk: reads still show them, no later sync saves them, and a
//     power cut loses them. (That is what Linux does.)
//
//   SimulatedDisk disk;
//   ... use it as a FileSystem ...
//   disk.StopAfter(17);       // the 18th operation and all later ones fail: the machine is off
//   ...
//   disk.CutPower(random);    // what was not synced may be gone; every open File is dead; the disk can be used again
//
// Thread-safe, so that an engine with real threads can run on it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "base/mutex.h"
#include "base/random.h"
#include "storage/file.h"

namespace tocsin {

class SimulatedDisk final : public FileSystem {
 public:
  static constexpr std::uint64_t kSectorBytes = 512;

  SimulatedDisk();
  ~SimulatedDisk() override;

  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status MakeFolder(const std::string& path) override;  // durable at once
  absl::Status SyncFolder(const std::string& path) override;
  absl::StatusOr<std::uint64_t> FreeBytes(const std::string& path) override;

  // What a cut leaves of that which was not synced.
  enum class Cut : std::uint8_t {
    kAnything,  // one of those below, drawn anew for every file and folder
    kNothing,   // all is lost
    kPrefix,    // the first so many, the next perhaps torn
    kSubset,    // any of them, in any combination
    kTorn,      // any sectors of any of them
    kAll,       // everything had reached the disk: as after kill -9
  };
  void CutPower(Random& random, Cut cut = Cut::kAnything);

  // Faults. `nth` counts from the next such operation: 1 is the next. Each fires once.
  void FailWrite(std::uint64_t nth) { Arm(fail_write_, nth); }
  void FailSync(std::uint64_t nth) { Arm(fail_sync_, nth); }  // of a file or a folder
  void FailRead(std::uint64_t nth) { Arm(fail_read_, nth); }
  void StopAfter(std::uint64_t operations) { Arm(stop_, operations + 1); }  // reads do not count
  bool stopped() const;
  // Keeps a copy of the disk, with all that is not synced, as it is after so many more operations: a power cut of the copy is
  // a power cut at that moment, and whoever uses this disk goes on undisturbed.
  void KeepCopyAfter(std::uint64_t operations) { Arm(copy_, operations + 1); }
  bool has_copy() const;
  std::unique_ptr<SimulatedDisk> TakeCopy();  // null: it has not come to that
  void SetReadOnly(bool read_only);
  // Every sync says yes and does nothing: a negative control for whoever checks power cuts.
  void LieAboutSyncs(bool lie);
  // Bytes that fit; preallocated space counts as used and stays usable.
  void SetCapacity(std::uint64_t bytes);
  // Damage, at once and durable. TOCSIN_CHECK that the place is there.
  void FlipBit(const std::string& path, std::uint64_t offset, unsigned bit);
  void Delete(const std::string& path);
  void Overwrite(const std::string& path, std::uint64_t offset, std::string_view bytes);

  // What reads would see.
  std::string Contents(const std::string& path) const;
  std::vector<std::string> Paths() const;
  // A disk with the same contents, everything durable, no faults armed.
  std::unique_ptr<SimulatedDisk> Clone() const;

  struct Counters {
    std::uint64_t operations = 0;  // all that change something, syncs included
    std::uint64_t writes = 0;
    std::uint64_t written_bytes = 0;
    std::uint64_t syncs = 0;
    std::uint64_t folder_syncs = 0;
    std::uint64_t power_cuts = 0;
  };
  Counters counters() const;

 private:
  class Handle;
  struct Change;  // an unsynced write, truncation or allocation of a file
  struct Node;    // a file's bytes, whatever its names
  struct NameChange;
  using Names = std::map<std::string, std::shared_ptr<Node>>;

  void Arm(std::uint64_t& countdown, std::uint64_t nth);
  // Counts an operation that changes something; an error when the machine is off, read-only, or a fault fires.
  absl::Status Begin(std::string_view what, const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckPower(const std::string& path) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::unique_ptr<SimulatedDisk> Copy() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::uint64_t UsedBytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Reserve(const Node& node, std::uint64_t size, const std::string& path) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void Settle(Node& node, Random& random, Cut cut);
  void SettleNames(Random& random, Cut cut) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Node& Find(const std::string& path) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  Names names_ ABSL_GUARDED_BY(mutex_);                           // what programs see
  Names durable_ ABSL_GUARDED_BY(mutex_);                         // what a power cut cannot take away
  std::vector<NameChange> name_changes_ ABSL_GUARDED_BY(mutex_);  // between the two, in order
  std::vector<std::string> folders_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t capacity_ ABSL_GUARDED_BY(mutex_) = UINT64_MAX / 2;
  bool read_only_ ABSL_GUARDED_BY(mutex_) = false;
  bool lies_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;  // handles of an older one are dead
  std::uint64_t fail_write_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: not armed
  std::uint64_t fail_sync_ ABSL_GUARDED_BY(mutex_) = 0;
  mutable std::uint64_t fail_read_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t stop_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t copy_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<SimulatedDisk> kept_ ABSL_GUARDED_BY(mutex_);
  Counters counters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
