// How far the audit log had come at some moment, signed, as one line of text to be kept outside of the store:
//
//   tocsin-audit 1 store=5f0c... entry=123 id=456 at=2026-11-23T09:00:00Z hash=91ab... key=03f7... signature=7d41...
//
// The signature is Ed25519, by a key of this store, of everything before " signature=". It says who told the head, not that the log
// is right: that says its hash, which no later change of an entry up to that one leaves as it was.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "model/ids.h"

namespace tocsin {

using AuditHash = std::array<unsigned char, 32>;
std::string HexOf(const AuditHash& hash);

struct AuditHead {
  std::string store;        // its id, 32 digits
  std::uint64_t entry = 0;  // the number of the last entry; 0: there is none
  AuditId id;
  absl::Time at;  // when this was told
  AuditHash hash = {};
  std::string key = {};  // public, 64 digits: of who signed it
  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

class AuditSigner {
 public:
  // `seed`: a secret of any length; the same one makes the same key.
  explicit AuditSigner(std::string_view seed);
  ~AuditSigner();
  AuditSigner(AuditSigner&&) noexcept;
  AuditSigner(const AuditSigner&) = delete;
  AuditSigner& operator=(const AuditSigner&) = delete;

  std::string public_key() const;  // 64 digits
  // A line, without its end. `head.key` does not count.
  std::string Sign(const AuditHead& head) const;

 private:
  unsigned char* secret_ = nullptr;  // in memory that is in no core
  std::array<unsigned char, 32> public_ = {};
};

// Reads a line that has a head somewhere in it, as logs have. NotFound: it has none. InvalidArgument: it has one that cannot be read.
// DataLoss: its signature is not of what it says.
absl::StatusOr<AuditHead> ParseHead(std::string_view line);

}  // namespace tocsin
