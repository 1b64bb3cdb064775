// Tells the head of the audit log (storage/audit_head.h) outside of the store, each minute in which it has changed, and at the start and
// the end: in the server's log, and wherever else it is told to. Whoever changes the log later contradicts what was told.
//
// On a thread of its own: a place that is slow or away holds nobody up, and is told again a minute later.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/mutex.h"
#include "storage/audit_head.h"

namespace tocsin {

class AuditWitness {
 public:
  using Read = std::function<absl::StatusOr<AuditHead>()>;
  // `places`: paths of files, to which lines are appended; "syslog"; URLs (http, https) to which each line is posted. InvalidArgument:
  // none of these, or inside of the store.
  static absl::StatusOr<std::unique_ptr<AuditWitness>> Start(Read read,
                                                             AuditSigner signer,
                                                             const std::vector<std::string>& places,
                                                             const std::string& data_folder);
  // Tells the last head.
  ~AuditWitness();
  AuditWitness(const AuditWitness&) = delete;
  AuditWitness& operator=(const AuditWitness&) = delete;

 private:
  struct Place {
    std::string name;
    AuditHash told = {};      // what it has last been told
    bool is_failing = false;  // and the log says so
  };
  AuditWitness(Read read, AuditSigner signer, std::vector<Place> places);
  void Run();
  void Tell();
  void Tell(Place& place, const AuditHead& head, const std::string& line);

  const Read read_;
  const AuditSigner signer_;
  std::vector<Place> places_;  // the thread's alone
  Mutex mutex_;
  ConditionVariable stopping_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tocsin
