// Who may try how often to be let in, and how many such attempts may be under way: so that guessing is slow, that whoever guesses keeps
// nobody else out, and that passwords, which are dear to hash, do not wait behind attempts that are worth nothing. Any thread.
//
// What is counted are failures: of a name from one network, of a network, and of a name from all networks. The last alone would let any
// stranger keep a person out by their name, so it counts late; and where a name has logged in from before, its network is known for
// that name: there nothing counts but that name's own failures from there.
//
// Names and networks are kept as buckets of a keyed hash: however many are tried, the memory is the same, none pushes another out, and
// a name that nobody has is treated as one that somebody has. Two that fall together wait for each other. Only a login makes a network
// known, and only a login takes that place from another.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "base/clock.h"
#include "base/mutex.h"

namespace tocsin {

class AttemptGuard {
 public:
  struct Policy {
    std::uint32_t free = 0;  // so many failures cost nothing
    absl::Duration longest;  // the delay doubles from a second to this
  };
  static constexpr Policy kNameHere = {5, absl::Minutes(1)};
  static constexpr Policy kNetwork = {20, absl::Minutes(15)};
  // NIST SP 800-63B, 5.2.2: no more than 100 failures in a row. One network comes to a score in the first minutes, and then to four an
  // hour: to keep this closed takes many.
  static constexpr Policy kNameAnywhere = {100, absl::Minutes(1)};
  static constexpr absl::Duration kForget = absl::Hours(1);  // without a failure

  // Of attempts under way, of one network and of one name from a known network: the next one is told to come again.
  static constexpr std::uint8_t kUnderWay = 4;
  static constexpr std::uint8_t kUnderWayKnown = 2;

  AttemptGuard();

  // Of the attempts that are under way, one. Ends with its owner; the guard outlives it.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept { *this = std::move(other); }
    Place& operator=(Place&& other) noexcept {
      std::swap(guard_, other.guard_);
      std::swap(is_known_, other.is_known_);
      std::swap(slot_, other.slot_);
      return *this;
    }
    ~Place();
    // The name has logged in from there before.
    bool is_known() const { return is_known_; }

   private:
    friend class AttemptGuard;
    AttemptGuard* guard_ = nullptr;
    bool is_known_ = false;
    std::size_t slot_ = 0;
  };
  // Before an attempt waits for its turn: ResourceExhausted says for how long nothing of it is looked at, or that as many of its kind
  // wait as may. Counts no failure. No account (""): it is not known yet whose it is.
  absl::StatusOr<Place> Enter(std::string_view account, std::string_view address, EngineTime now);

  // Counts an attempt, as one that fails. ResourceExhausted as above, and then it is not counted.
  absl::Status Begin(std::string_view account, std::string_view address, EngineTime now);
  // The attempt did not fail after all: the account's failures are forgotten, the network has one less and is known for the account.
  void Succeed(std::string_view account, std::string_view address);
  // They have logged in from there once: a start says so of what the audit log remembers.
  void Remember(std::string_view account, std::string_view address);

 private:
  struct Bucket {
    std::uint32_t failures = 0;
    EngineTime last;
    EngineTime open;  // looked at again
  };
  // A name in a network from which it has logged in.
  struct Known {
    std::uint64_t tag = 0;  // which; 0: none
    Bucket bucket;
  };
  // Of one attempt, by its name, its network, and both.
  struct Hashes {
    std::uint64_t account = 0;
    std::uint64_t network = 0;
    std::uint64_t pair = 0;
  };
  static constexpr std::size_t kBuckets = std::size_t{1} << 16U;
  static constexpr std::size_t kKnown = std::size_t{1} << 14U;

  std::uint64_t Hash(std::string_view text) const;
  Hashes HashesOf(std::string_view account, std::string_view address) const;
  Known* FindKnown(const Hashes& hashes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What is closed to it now.
  absl::Status Check(std::string_view account, const Hashes& hashes, EngineTime now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void Count(Bucket& bucket, const Policy& policy, EngineTime now);
  void Leave(bool is_known, std::size_t slot);

  std::array<unsigned char, 16> key_{};
  Mutex mutex_;
  std::vector<Bucket> anywhere_ ABSL_GUARDED_BY(mutex_);  // by account
  std::vector<Bucket> here_ ABSL_GUARDED_BY(mutex_);      // by account and network
  std::vector<Bucket> networks_ ABSL_GUARDED_BY(mutex_);
  std::vector<Known> known_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::uint8_t> under_way_ ABSL_GUARDED_BY(mutex_);        // by network
  std::vector<std::uint8_t> under_way_known_ ABSL_GUARDED_BY(mutex_);  // as known_
};

}  // namespace tocsin
