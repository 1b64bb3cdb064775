#include "cli/spool.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <fcntl.h>
#include <simdjson.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRejectedKept = 1000;
constexpr std::size_t kDigits = 20;
constexpr absl::Duration kLockPatience = absl::Seconds(2);
constexpr std::string_view kSuffix = ".event";

absl::Status SystemError(std::string_view doing, const std::string& path) {
  return Unavailable("%s %s: %s", doing, path, std::strerror(errno));
}

class File {
 public:
  File(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

absl::Status SyncFolder(const std::string& path) {
  const File folder(path, O_RDONLY | O_DIRECTORY);
  if (folder.fd() < 0 || fsync(folder.fd()) != 0) return SystemError("sync", path);
  return absl::OkStatus();
}

absl::Status WriteDurably(const std::string& path, std::string_view bytes) {
  const File file(path, O_WRONLY | O_CREAT | O_EXCL);
  if (file.fd() < 0) return SystemError("create", path);
  while (!bytes.empty()) {
    const ssize_t written = write(file.fd(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fsync(file.fd()) != 0) return SystemError("sync", path);
  return absl::OkStatus();
}

std::string Encode(const SpooledEvent& event) {
  return absl::StrCat("{\"format\":1,\"url\":", JsonQuote(event.url), ",\"key\":", JsonQuote(event.key),
                      ",\"body\":", JsonQuote(event.body), "}\n");
}

std::optional<SpooledEvent> Decode(const std::string& path) {
  simdjson::dom::parser parser;
  simdjson::dom::element json;
  std::string_view url;
  std::string_view key;
  std::string_view body;
  std::int64_t format = 0;
  if (parser.load(path).get(json) != simdjson::SUCCESS || json["format"].get(format) != simdjson::SUCCESS ||
      format != 1 || json["url"].get(url) != simdjson::SUCCESS || json["key"].get(key) != simdjson::SUCCESS ||
      json["body"].get(body) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return SpooledEvent{std::string(url), std::string(key), std::string(body)};
}

// "00001700000000000000-89abcdef01234567.event": what an event's name says.
std::string NameOf(std::uint64_t number, const SpooledEvent& event) {
  return absl::StrFormat("%020d-%016x%s", number, Hash64(absl::StrCat(event.url, "\n", event.key)), kSuffix);
}
std::uint64_t NumberOf(std::string_view name) {
  std::uint64_t number = 0;
  return absl::SimpleAtoi(ToAbsl(name.substr(0, kDigits)), &number) ? number : 0;
}
std::string DestinationOf(std::string_view name) {
  return std::string(name.substr(std::min(name.size(), kDigits)));
}

std::vector<std::string> List(const std::string& folder, std::string_view suffix) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename();
    if (name.ends_with(suffix)) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

absl::StatusOr<Spool> Spool::Open(const std::string& folder, std::size_t max_events) {
  const mode_t mask = umask(0077);
  std::error_code error;
  for (const char* part : {"new", "queue", "rejected"}) {
    if (!error) fs::create_directories(absl::StrCat(folder, "/", part), error);
  }
  umask(mask);
  if (error) return Unavailable("make the spool %s: %s", folder, error.message());
  TOCSIN_TRY(SyncFolder(folder));
  return Spool(folder, max_events);
}

std::vector<std::string> Spool::Queue() const {
  return List(folder_ + "/queue", kSuffix);
}

absl::Status Spool::Put(const SpooledEvent& event, absl::Time now) const {
  const std::string fresh = absl::StrCat(folder_, "/new/", absl::ToUnixNanos(now), "-", getpid());
  TOCSIN_TRY(WriteDurably(fresh, Encode(event)));
  // Whoever holds the lock for long has been stopped; then a number that may be another's is better than a lost event.
  const File lock(folder_ + "/number.lock", O_RDWR | O_CREAT);
  const absl::Time patience_ends = absl::Now() + kLockPatience;
  while (lock.fd() >= 0 && flock(lock.fd(), LOCK_EX | LOCK_NB) != 0 && absl::Now() < patience_ends) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  const std::vector<std::string> queue = Queue();
  if (queue.size() >= max_events_) {
    unlink(fresh.c_str());
    return Exhausted("the spool %s is full: %d events wait; is the server down?", folder_, queue.size());
  }
  const std::uint64_t after = queue.empty() ? 0 : NumberOf(queue.back()) + 1;
  std::uint64_t number =
      std::max(after, static_cast<std::uint64_t>(std::max<std::int64_t>(0, absl::ToUnixMicros(now))));
  // link, not rename: it never replaces one that is there.
  while (link(fresh.c_str(), absl::StrCat(folder_, "/queue/", NameOf(number, event)).c_str()) != 0) {
    if (errno != EEXIST) return SystemError("queue", fresh);
    ++number;
  }
  TOCSIN_TRY(SyncFolder(folder_ + "/queue"));
  unlink(fresh.c_str());
  return absl::OkStatus();
}

absl::Status Spool::Remove(const std::string& name) const {
  const std::string path = absl::StrCat(folder_, "/queue/", name);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return SystemError("remove", path);
  return SyncFolder(folder_ + "/queue");  // else a power cut brings it back, to be sent after later ones
}

absl::Status Spool::Reject(const std::string& name, std::string_view reason) const {
  const std::string from = absl::StrCat(folder_, "/queue/", name);
  const std::string to = absl::StrCat(folder_, "/rejected/", name);
  unlink(absl::StrCat(to, ".reason").c_str());
  TOCSIN_TRY(WriteDurably(absl::StrCat(to, ".reason"), absl::StrCat(ToAbsl(reason), "\n")));
  if (rename(from.c_str(), to.c_str()) != 0) return SystemError("reject", from);
  TOCSIN_TRY(SyncFolder(folder_ + "/rejected"));
  return SyncFolder(folder_ + "/queue");
}

void Spool::Tidy() const {
  const absl::Time old = absl::Now() - absl::Hours(1);
  for (const std::string& name : List(folder_ + "/new", "")) {
    struct stat status {};
    const std::string path = absl::StrCat(folder_, "/new/", name);
    if (stat(path.c_str(), &status) == 0 && absl::TimeFromTimespec(status.st_mtim) < old) unlink(path.c_str());
  }
  const std::vector<std::string> rejected = List(folder_ + "/rejected", kSuffix);
  for (std::size_t i = 0; i + kRejectedKept < rejected.size(); ++i) {
    const std::string path = absl::StrCat(folder_, "/rejected/", rejected[i]);
    unlink(path.c_str());
    unlink(absl::StrCat(path, ".reason").c_str());
  }
}

absl::StatusOr<Spool::Drained> Spool::Drain(absl::FunctionRef<SendResult(const SpooledEvent&)> send,
                                            absl::FunctionRef<bool()> go_on) const {
  Drained drained;
  std::set<std::string> blocked;
  const auto may_be_sent = [&](const std::string& name) { return !blocked.contains(DestinationOf(name)); };
  // Looks again after the lock is given back: who came in meanwhile saw it taken and left.
  while (go_on() && std::ranges::any_of(Queue(), may_be_sent)) {
    const File lock(folder_ + "/drain.lock", O_RDWR | O_CREAT);
    if (lock.fd() < 0) return SystemError("open", folder_ + "/drain.lock");
    if (flock(lock.fd(), LOCK_EX | LOCK_NB) != 0) break;
    Tidy();
    for (const std::string& name : Queue()) {
      if (!may_be_sent(name)) continue;
      if (!go_on()) {
        drained.trouble = "the time was over";
        break;
      }
      const std::optional<SpooledEvent> event = Decode(absl::StrCat(folder_, "/queue/", name));
      const SendResult result = event ? send(*event) : SendResult{SendResult::Kind::kRejected, "the file is damaged"};
      switch (result.kind) {
        case SendResult::Kind::kSent:
          TOCSIN_TRY(Remove(name));
          ++drained.sent;
          break;
        case SendResult::Kind::kLater:
          blocked.insert(DestinationOf(name));
          drained.trouble = result.reason;
          break;
        case SendResult::Kind::kRejected:
          TOCSIN_TRY(Reject(name, result.reason));
          drained.rejected.push_back(result.reason);
          break;
      }
    }
  }
  drained.left = Queue().size();
  return drained;
}

}  // namespace tocsin
