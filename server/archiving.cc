#include "server/archiving.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mutex.h"
#include "base/status.h"
#include "storage/archiver.h"
#include "storage/labelled_lines.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kPerMegabyte = absl::Milliseconds(15);  // some 64 MiB a second at most
constexpr absl::Duration kLastRound = absl::Seconds(5);          // at a stop
constexpr absl::Duration kStandsStill = absl::Minutes(10);
constexpr absl::Duration kTellAgain = absl::Minutes(10);

// Where that is forbidden the priority stays as it was.
void LowerPriority() {
  constexpr int kNice = 10;
  constexpr int kOwnThread = 1;                // IOPRIO_WHO_PROCESS, of this thread
  constexpr int kLowestShare = (2 << 13) | 7;  // the best-effort class' last
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  setpriority(PRIO_PROCESS, thread, kNice);
  syscall(SYS_ioprio_set, kOwnThread, 0, kLowestShare);
}

bool AreOnOneDisk(const std::string& a, const std::string& b) {
  struct stat first {};
  struct stat second {};
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev;
}

absl::Status CheckInside(const fs::path& archive, const fs::path& data) {
  const fs::path inside = archive.lexically_relative(data);
  if (inside.empty() || *inside.begin() == "..") return absl::OkStatus();
  return Invalid("--archive: %s is in the store's folder: what takes the store would take the archive",
                 archive.string());
}

// By their names alone: at a start nobody waits for the archive's disk, which may not answer.
absl::Status CheckNames(const std::string& archive, const std::string& data) {
  return CheckInside(fs::absolute(archive).lexically_normal(), fs::absolute(data).lexically_normal());
}

// The archive's thread, which may wait for its disk.
absl::Status CheckPlace(const std::string& archive, const std::string& data) {
  if (AreOnOneDisk(archive, data)) {
    LogWarning(
        "the archive is on the store's own disk: it helps against mistakes, and not when the disk is lost; it leaves "
        "free what alerts need",
        {
            {"archive", archive}
    });
  }
  std::error_code error;
  return CheckInside(fs::weakly_canonical(archive, error), fs::weakly_canonical(data, error));
}

}  // namespace

struct Archiving::Shared {
  std::string archive;
  absl::Duration interval;
  absl::Time started;

  mutable Mutex mutex;
  ConditionVariable changed;
  bool stop ABSL_GUARDED_BY(mutex) = false;
  bool ended ABSL_GUARDED_BY(mutex) = false;
  const Journal* journal ABSL_GUARDED_BY(mutex) = nullptr;           // null: gone
  absl::Time caught_up ABSL_GUARDED_BY(mutex);                       // when the last round that came to its end began
  absl::Time round ABSL_GUARDED_BY(mutex) = absl::InfiniteFuture();  // when the one that is under way began
  Sequence archived ABSL_GUARDED_BY(mutex);
  std::uint64_t failures ABSL_GUARDED_BY(mutex) = 0;
  std::uint64_t breaks ABSL_GUARDED_BY(mutex) = 0;
  std::uint64_t bytes ABSL_GUARDED_BY(mutex) = 0;
  bool told_of_standing_still ABSL_GUARDED_BY(mutex) = false;

  absl::StatusOr<Journal::Standing> Stand() const {
    MutexLock lock(mutex);
    if (journal == nullptr) return absl::CancelledError("the server has stopped");
    return journal->Stand();
  }
  // After each megabyte. At a stop it goes as fast as it can, until nobody waits any more.
  absl::Status Pace() {
    MutexLock lock(mutex);
    changed.WaitFor(mutex, kPerMegabyte, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return stop; });
    return journal == nullptr ? absl::CancelledError("the server has stopped") : absl::OkStatus();
  }

  // The thread's.
  void Run(Archiver archiver, const std::string& data);
  void Tell(const absl::Status& done, Archiver& archiver, absl::Time& told);
};

void Archiving::Shared::Run(Archiver archiver, const std::string& data) {
  LowerPriority();
  absl::Time told = absl::InfinitePast();
  std::optional<absl::Status> place;
  for (bool last = false; !last;) {
    const absl::Time begun = absl::Now();
    {
      MutexLock lock(mutex);
      round = begun;
      last = stop;
    }
    if (!place) place = CheckPlace(archive, data);
    const absl::Status done = place->ok() ? archiver.Round(begun) : *place;
    Tell(done, archiver, told);
    MutexLock lock(mutex);
    round = absl::InfiniteFuture();
    told_of_standing_still = false;
    archived = archiver.archived();
    breaks = archiver.lines_begun();
    bytes = archiver.bytes();
    if (done.ok()) caught_up = begun;
    if (!done.ok() && !absl::IsCancelled(done)) ++failures;
    if (!last) changed.WaitFor(mutex, interval, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return stop; });
  }
  MutexLock lock(mutex);
  ended = true;
  changed.NotifyAll();
}

void Archiving::Shared::Tell(const absl::Status& done, Archiver& archiver, absl::Time& told) {
  for (const std::string& news : archiver.TakeNews()) {
    if (archiver.lines_begun() == 0) {
      LogInfo("the journal is archived", {
                                             {"line", news}
      });
      continue;
    }
    LogWarning(
        "the journal's archive has a new line: no restore goes from the one before into it, so take a backup soon; "
        "what is in the one before stays",
        {
            {"line", news}
    });
  }
  if (absl::IsCancelled(done)) return;
  const bool was_failing = told != absl::InfinitePast();
  if (done.ok()) {
    if (was_failing) {
      LogInfo("the journal is archived again", {
                                                   {"archive", archive                    },
                                                   {"entry",   archiver.archived().value()}
      });
    }
    told = absl::InfinitePast();
    return;
  }
  if (was_failing && absl::Now() - told < kTellAgain) return;
  told = absl::Now();
  LogError(
      "the journal is not archived: a restore reaches no further than what was archived before. Alerts are taken in "
      "and people are paged as "
      "ever; what is not archived is kept as long as --history_mib and --history_days let it be, then there is a gap",
      {
          {"archive", archive                    },
          {"error",   done                       },
          {"entry",   archiver.archived().value()}
  });
}

absl::StatusOr<std::unique_ptr<Archiving>> Archiving::Start(const ServeOptions& options, Store& store) {
  if (options.archive.empty()) return nullptr;
  TOCSIN_TRY(CheckNames(options.archive, options.data));
  auto shared = std::make_shared<Shared>();
  shared->archive = options.archive;
  shared->interval = absl::Seconds(options.archive_seconds);
  shared->started = absl::Now();
  {
    MutexLock lock(shared->mutex);
    shared->journal = &store.journal();
    shared->caught_up = shared->started;
  }
  Archiver::Options archiver{
      .data = options.data, .archive = options.archive, .store = ParseHash(store.store_id()).value_or(Hash128())};
  // Asked each time: it may be mounted later.
  archiver.keep_free = [archive = options.archive, data = options.data, low_water = options.low_water_mib << 20U] {
    return AreOnOneDisk(archive, data) ? low_water + low_water / 4 : 0;
  };
  std::thread([shared, archiver = std::move(archiver)] {
    shared->Run(Archiver(
                    PosixFileSystem(), PosixFileSystem(), archiver, [shared] { return shared->Stand(); },
                    [shared](std::uint64_t) { return shared->Pace(); }),
                archiver.data);
  }).detach();
  return std::unique_ptr<Archiving>(new Archiving(std::move(shared)));
}

Archiving::~Archiving() {
  Shared& shared = *shared_;
  MutexLock lock(shared.mutex);
  shared.stop = true;
  shared.changed.NotifyAll();
  const bool ended = shared.changed.WaitFor(shared.mutex, kLastRound,
                                            [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(shared.mutex) { return shared.ended; });
  if (!ended) {
    LogWarning("the last entries are not archived yet: the archive's disk is slow; the next start goes on",
               {
                   {"archive", shared.archive}
    });
  }
  shared.journal = nullptr;
}

void Archiving::Tick(absl::Time now) {
  MutexLock lock(shared_->mutex);
  if (now - shared_->round < kStandsStill || shared_->told_of_standing_still) return;
  shared_->told_of_standing_still = true;
  LogError(
      "the archive's disk does not answer or is very slow: a round has been under way for long. Alerts and pages do "
      "not "
      "wait for it",
      {
          {"archive", shared_->archive         },
          {"since",   shared_->round           },
          {"entry",   shared_->archived.value()}
  });
}

void Archiving::AddMetrics(MetricRegistry& registry) const {
  using Kind = MetricRegistry::Kind;
  const std::shared_ptr<Shared> shared = shared_;
  registry.AddSampled(
      Kind::kGauge, "tocsin_archive_lag_seconds",
      "What was written before so many seconds is in the archive; what came since would be lost with the disk.",
      [shared] {
        MutexLock lock(shared->mutex);
        return std::max(0.0, absl::ToDoubleSeconds(absl::Now() - shared->caught_up));
      });
  registry.AddSampled(Kind::kGauge, "tocsin_archive_lag_entries", "Journal entries that are not in the archive yet.",
                      [shared] {
                        MutexLock lock(shared->mutex);
                        if (shared->journal == nullptr) return 0.0;
                        const std::uint64_t last = shared->journal->last().value();
                        return static_cast<double>(last - std::min(last, shared->archived.value()));
                      });
  registry.AddSampled(Kind::kCounter, "tocsin_archive_failures_total", "Rounds of archiving that failed.", [shared] {
    MutexLock lock(shared->mutex);
    return static_cast<double>(shared->failures);
  });
  registry.AddSampled(Kind::kCounter, "tocsin_archive_breaks_total",
                      "Lines that the archive had to begin: gaps, or another history of the store; the log says which.",
                      [shared] {
                        MutexLock lock(shared->mutex);
                        return static_cast<double>(shared->breaks);
                      });
  registry.AddSampled(Kind::kCounter, "tocsin_archive_bytes_total", "Bytes written to the archive.", [shared] {
    MutexLock lock(shared->mutex);
    return static_cast<double>(shared->bytes);
  });
}

}  // namespace tocsin
