#include "server/audit_witness.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/strings.h"
#include "net/http_client.h"

namespace tocsin {
namespace {

constexpr absl::Duration kEvery = absl::Minutes(1);
constexpr absl::Duration kPatience = absl::Seconds(10);
constexpr absl::Duration kLastHead = absl::Seconds(4);  // at a stop
constexpr std::size_t kAnswerBytes = 4096;
constexpr std::string_view kLog = "log";
constexpr std::string_view kSyslog = "syslog";

bool IsUrl(std::string_view place) {
  return place.starts_with("http://") || place.starts_with("https://");
}

absl::Status AppendTo(const std::string& path, const std::string& line) {
  // A pipe that nobody reads from is an error, and nothing to wait for.
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                        S_IRUSR | S_IWUSR | S_IRGRP);
  if (file < 0) return Unavailable("open: %s", std::strerror(errno));
  const std::string text = line + "\n";
  absl::Status done;
  if (write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    done = Unavailable("write: %s", std::strerror(errno));
  } else if (fsync(file) != 0 && errno != EINVAL) {  // a pipe or a device has nothing to sync
    done = Unavailable("sync: %s", std::strerror(errno));
  }
  close(file);
  return done;
}

absl::Status Post(const std::string& url, const std::string& line) {
  TOCSIN_ASSIGN(const HttpResponse answer, Perform({.method = "POST",
                                                    .url = url,
                                                    .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
                                                    .body = line + "\n",
                                                    .timeout = kPatience,
                                                    .max_response_bytes = kAnswerBytes}));
  if (answer.status / 100 == 2) return absl::OkStatus();
  return Unavailable("it answered %d", answer.status);
}

absl::Status CheckOutside(const std::filesystem::path& path, const std::filesystem::path& folder) {
  const auto inside = path.lexically_relative(folder);
  if (inside.empty() || *inside.begin() == "..") return absl::OkStatus();
  return Invalid("--audit_heads: %s is in the store's folder: whoever changes the store would change it, too",
                 path.string());
}

// By the names alone: at a start nobody waits for a disk that may not answer.
absl::Status CheckName(const std::string& place, const std::string& data_folder) {
  if (place == kSyslog || IsUrl(place)) return absl::OkStatus();
  if (!place.starts_with('/'))
    return Invalid("--audit_heads: %s is neither `syslog`, nor a URL, nor a path that begins with /", JsonQuote(place));
  return CheckOutside(std::filesystem::path(place).lexically_normal(),
                      std::filesystem::absolute(data_folder).lexically_normal());
}

}  // namespace

struct AuditWitness::Shared {
  Shared(AuditSigner of, std::string folder) : signer(std::move(of)), data_folder(std::move(folder)) {}

  const AuditSigner signer;
  const std::string data_folder;

  Mutex mutex;
  ConditionVariable changed;
  Read read ABSL_GUARDED_BY(mutex);  // null: the store is gone
  bool stop ABSL_GUARDED_BY(mutex) = false;
  std::size_t tellers ABSL_GUARDED_BY(mutex) = 0;

  std::optional<AuditHead> Head() {
    const MutexLock lock(mutex);
    if (read == nullptr) return std::nullopt;
    absl::StatusOr<AuditHead> head = read();
    if (!head.ok() || head->entry == 0) return std::nullopt;
    head->at = absl::Now();
    return *head;
  }
};

// One place, on its thread.
class AuditWitness::Teller {
 public:
  Teller(std::shared_ptr<Shared> shared, std::string place) : shared_(std::move(shared)), place_(std::move(place)) {}
  void Run();

 private:
  void Tell();
  absl::Status Tell(const std::string& line);

  const std::shared_ptr<Shared> shared_;
  const std::string place_;
  std::optional<absl::Status> outside_;  // of the store; a file's, once it is known
  AuditHash told_ = {};                  // what it has last been told
  bool is_failing_ = false;              // and the log says so
};

absl::StatusOr<std::unique_ptr<AuditWitness>> AuditWitness::Start(Read read,
                                                                  AuditSigner signer,
                                                                  const std::vector<std::string>& places,
                                                                  const std::string& data_folder) {
  std::vector<std::string> all{std::string(kLog)};
  for (const std::string& place : places) {
    TOCSIN_TRY(CheckName(place, data_folder));
    all.push_back(place);
  }
  auto shared = std::make_shared<Shared>(std::move(signer), data_folder);
  {
    const MutexLock lock(shared->mutex);
    shared->read = std::move(read);
    shared->tellers = all.size();
  }
  for (std::string& place : all)
    std::thread([teller = std::make_unique<Teller>(shared, std::move(place))] { teller->Run(); }).detach();
  return std::unique_ptr<AuditWitness>(new AuditWitness(std::move(shared)));
}

AuditWitness::~AuditWitness() {
  Shared& shared = *shared_;
  MutexLock lock(shared.mutex);
  shared.stop = true;
  shared.changed.NotifyAll();
  const bool all = shared.changed.WaitFor(
      shared.mutex, kLastHead, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(shared.mutex) { return shared.tellers == 0; });
  if (!all) {
    LogWarning(
        "the last head of the audit log is not told everywhere: a place does not answer; the next start tells it",
        {
            {"places", shared.tellers}
    });
  }
  shared.read = nullptr;
}

void AuditWitness::Teller::Run() {
  for (bool stop = false; !stop;) {
    Tell();
    MutexLock lock(shared_->mutex);
    stop = shared_->changed.WaitFor(shared_->mutex, kEvery,
                                    [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(shared_->mutex) { return shared_->stop; });
  }
  Tell();
  MutexLock lock(shared_->mutex);
  --shared_->tellers;
  shared_->changed.NotifyAll();
}

absl::Status AuditWitness::Teller::Tell(const std::string& line) {
  if (place_ == kLog) {
    LogInfo("the audit log has come to here; keep this line for `tocsin audit verify`", {
                                                                                            {"head", line}
    });
    return absl::OkStatus();
  }
  if (place_ == kSyslog) {
    syslog(LOG_AUTHPRIV | LOG_NOTICE, "%s", line.c_str());
    return absl::OkStatus();
  }
  if (IsUrl(place_)) return Post(place_, line);
  if (!outside_) {
    std::error_code error;
    outside_ = CheckOutside(std::filesystem::weakly_canonical(place_, error),
                            std::filesystem::weakly_canonical(shared_->data_folder, error));
  }
  return outside_->ok() ? AppendTo(place_, line) : *outside_;
}

void AuditWitness::Teller::Tell() {
  const std::optional<AuditHead> head = shared_->Head();
  if (!head || told_ == head->hash) return;
  const absl::Status told = Tell(shared_->signer.Sign(*head));
  const std::string shown = IsUrl(place_) ? RedactUrl(place_) : place_;
  if (told.ok()) {
    told_ = head->hash;
    if (std::exchange(is_failing_, false)) {
      LogInfo("the head of the audit log is told again", {
                                                             {"place", shown}
      });
    }
  } else if (!std::exchange(is_failing_, true)) {
    LogError(
        "the head of the audit log cannot be told outside; it is tried each minute. Until it works, a change of the "
        "newest entries "
        "may not be found",
        {
            {"place",  shown},
            {"reason", told }
    });
  }
}

}  // namespace tocsin
