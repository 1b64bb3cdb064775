#include "server/audit_witness.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/time/clock.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "base/status.h"
#include "base/strings.h"
#include "net/http_client.h"

namespace tocsin {
namespace {

constexpr absl::Duration kEvery = absl::Minutes(1);
constexpr absl::Duration kPatience = absl::Seconds(10);
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

}  // namespace

absl::StatusOr<std::unique_ptr<AuditWitness>> AuditWitness::Start(Read read,
                                                                  AuditSigner signer,
                                                                  const std::vector<std::string>& places,
                                                                  const std::string& data_folder) {
  std::vector<Place> all(1);
  all.front().name = kLog;
  for (const std::string& name : places) {
    if (name != kSyslog && !IsUrl(name)) {
      if (!name.starts_with('/'))
        return Invalid("--audit_heads: %s is neither `syslog`, nor a URL, nor a path that begins with /",
                       JsonQuote(name));
      std::error_code error;
      const auto folder = std::filesystem::weakly_canonical(data_folder, error);
      const auto inside = std::filesystem::weakly_canonical(name, error).lexically_relative(folder);
      if (!inside.empty() && *inside.begin() != "..")
        return Invalid("--audit_heads: %s is in the store's folder: whoever changes the store would change it, too",
                       name);
    }
    all.push_back({.name = name});
  }
  auto witness = std::unique_ptr<AuditWitness>(new AuditWitness(std::move(read), std::move(signer), std::move(all)));
  witness->thread_ = std::thread([raw = witness.get()] { raw->Run(); });
  return witness;
}

AuditWitness::AuditWitness(Read read, AuditSigner signer, std::vector<Place> places)
    : read_(std::move(read)), signer_(std::move(signer)), places_(std::move(places)) {}

AuditWitness::~AuditWitness() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  stopping_.NotifyAll();
  thread_.join();
}

void AuditWitness::Run() {
  for (bool stop = false; !stop;) {
    Tell();
    MutexLock lock(mutex_);
    stop = stopping_.WaitFor(mutex_, kEvery, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stop_; });
  }
  Tell();
}

void AuditWitness::Tell() {
  absl::StatusOr<AuditHead> head = read_();
  if (!head.ok() || head->entry == 0) return;
  head->at = absl::Now();
  const std::string line = signer_.Sign(*head);
  for (Place& place : places_) {
    if (place.told != head->hash) Tell(place, *head, line);
  }
}

void AuditWitness::Tell(Place& place, const AuditHead& head, const std::string& line) {
  absl::Status told;
  if (place.name == kLog) {
    LogInfo("the audit log has come to here; keep this line for `tocsin audit verify`", {
                                                                                            {"head", line}
    });
  } else if (place.name == kSyslog) {
    syslog(LOG_AUTHPRIV | LOG_NOTICE, "%s", line.c_str());
  } else {
    told = IsUrl(place.name) ? Post(place.name, line) : AppendTo(place.name, line);
  }
  const std::string shown = IsUrl(place.name) ? RedactUrl(place.name) : place.name;
  if (told.ok()) {
    place.told = head.hash;
    if (std::exchange(place.is_failing, false)) {
      LogInfo("the head of the audit log is told again", {
                                                             {"place", shown}
      });
    }
  } else if (!std::exchange(place.is_failing, true)) {
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
