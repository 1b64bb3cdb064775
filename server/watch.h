// Who watches the watcher: the canary, the beats to services outside, and the proofs of life for the supervisor. Main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "base/metrics.h"
#include "engine/pipeline.h"
#include "server/beats.h"
#include "server/canary.h"
#include "server/outgoing.h"
#include "server/supervisor.h"
#include "server/watchdog.h"

namespace tocsin {

// One URL a line; empty lines and what begins with # is passed over. An error names the line and not what is there: URLs are secrets.
absl::StatusOr<std::vector<std::string>> ReadBeatUrls(const std::string& file);

class Watch {
 public:
  struct Options {
    absl::Duration canary_interval;  // zero: none is sent
    std::string beats_file;          // empty: none
  };
  static absl::StatusOr<std::unique_ptr<Watch>> Start(const Options& options,
                                                      Engine& engine,
                                                      Outgoing& outgoing,
                                                      const Clock& clock);
  // Everything is open: from now on it is watched.
  void Begin();
  // About once a second.
  void Tick();
  // SIGHUP: the file of beats is read again; a bad one is refused, and the former URLs stay.
  void ReadAgain();
  void Stopping();
  void AddMetrics(MetricRegistry& registry);

 private:
  Watch(Options options, Engine& engine, Outgoing& outgoing, const Clock& clock);
  absl::Duration CanaryInterval(const Organisation& organisation) const;
  void Beat(const Organisation& organisation, EngineTime now, bool arrived);
  void TellReady(EngineTime now, bool declared);

  const Options options_;
  Engine& engine_;
  Outgoing& outgoing_;
  const Clock& clock_;
  std::vector<std::string> urls_;
  std::unique_ptr<Canary> canary_;  // null: none is sent
  Supervisor supervisor_;
  Watchdog watchdog_;
  EngineTime begun_;
  Beats beats_;
  bool is_ready_ = false;
  std::string why_not_;
};

}  // namespace tocsin
