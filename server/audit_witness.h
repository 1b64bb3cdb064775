// Tells the head of the audit log (storage/audit_head.h) outside of the store, each minute in which it has changed, and at the start and
// the end: in the server's log, and wherever else it is told to. Whoever changes the log later contradicts what was told.
//
// Each place has a thread of its own: one that is slow or away holds nobody up, and is told again a minute later. One that never answers, such
// as a file on a disk that hangs, keeps its thread, which may outlive the witness.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "storage/audit_head.h"

namespace tocsin {

class AuditWitness {
 public:
  using Read = std::function<absl::StatusOr<AuditHead>()>;
  // `read` is called by any of the threads, one at a time, and not after the end of this. `places`: paths of files, to which lines are appended;
  // "syslog"; URLs (http, https) to which each line is posted. InvalidArgument: none of these, or inside of the store, by its name.
  static absl::StatusOr<std::unique_ptr<AuditWitness>> Start(Read read,
                                                             AuditSigner signer,
                                                             const std::vector<std::string>& places,
                                                             const std::string& data_folder);
  // Tells the last head, for some seconds at most.
  ~AuditWitness();
  AuditWitness(const AuditWitness&) = delete;
  AuditWitness& operator=(const AuditWitness&) = delete;

 private:
  struct Shared;
  class Teller;
  explicit AuditWitness(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  const std::shared_ptr<Shared> shared_;  // with the threads
};

}  // namespace tocsin
