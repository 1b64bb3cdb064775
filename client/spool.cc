#include "client/spool.h"

#include <algorithm>
#include <atomic>
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
#include "base/small_file.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRejectedKept = 1000;
constexpr std::size_t kDigits = 20;
constexpr absl::Duration kLockPatience = absl::Seconds(2);
constexpr std::string_view kSuffix = ".event";
constexpr std::size_t kEventBytes = 64 << 20;  // more than any server takes

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

// All of it, or there is no such file.
absl::Status WriteDurably(const std::string& path, std::string_view bytes) {
  const File file(path, O_WRONLY | O_CREAT | O_EXCL);
  if (file.fd() < 0) return SystemError("create", path);
  const auto fail = [&](std::string_view doing) {
    const absl::Status error = SystemError(doing, path);
    unlink(path.c_str());
    return error;
  };
  while (!bytes.empty()) {
    const ssize_t written = write(file.fd(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail("write");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fsync(file.fd()) != 0) return fail("sync");
  return absl::OkStatus();
}

// A file that is gone when this is.
class Fleeting {
 public:
  explicit Fleeting(std::string path) : path_(std::move(path)) {}
  ~Fleeting() { unlink(path_.c_str()); }
  Fleeting(const Fleeting&) = delete;
  Fleeting& operator=(const Fleeting&) = delete;

 private:
  const std::string path_;
};

constexpr std::int64_t kFormat = 2;

std::string Encode(const SpooledEvent& event) {
  return absl::StrFormat("{\"format\":%d,\"url\":%s,\"key\":%s,\"bytes\":%d,\"hash\":\"%016x\"}\n%s", kFormat,
                         JsonQuote(event.url), JsonQuote(event.key), event.body.size(), Hash64(event.body), event.body);
}

// What `json` calls `name`; false when that is not there or no text.
bool Text(simdjson::dom::element json, const char* name, std::string& text) {
  std::string_view found;
  if (json[name].get(found) != simdjson::SUCCESS) return false;
  text = found;
  return true;
}

// The first format kept the body in the JSON: text alone.
std::optional<SpooledEvent> Decode(std::string_view bytes) {
  const std::size_t line = std::min(bytes.find('\n'), bytes.size());
  simdjson::dom::parser parser;
  simdjson::dom::element json;
  SpooledEvent event;
  std::int64_t format = 0;
  if (parser.parse(bytes.substr(0, line)).get(json) != simdjson::SUCCESS ||
      json["format"].get(format) != simdjson::SUCCESS || !Text(json, "url", event.url) ||
      !Text(json, "key", event.key)) {
    return std::nullopt;
  }
  if (format == 1 && Text(json, "body", event.body)) return event;
  std::int64_t size = 0;
  std::string hash;
  if (format != kFormat || json["bytes"].get(size) != simdjson::SUCCESS || !Text(json, "hash", hash)) {
    return std::nullopt;
  }
  event.body = bytes.substr(std::min(line + 1, bytes.size()));
  if (static_cast<std::int64_t>(event.body.size()) != size) return std::nullopt;
  if (hash != absl::StrFormat("%016x", Hash64(event.body))) return std::nullopt;
  return event;
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

std::uint64_t MicrosOf(absl::Time now) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, absl::ToUnixMicros(now)));
}

// Nobody else's: threads of one process may write at the same instant.
std::string FreshPath(const std::string& folder, absl::Time now) {
  static std::atomic<std::uint64_t> counter{0};
  return absl::StrCat(folder, "/new/", absl::ToUnixNanos(now), "-", getpid(), "-",
                      counter.fetch_add(1, std::memory_order_relaxed));
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

// Holds drain.lock.
class Spool::Lease {
 public:
  explicit Lease(const std::string& path) : file_(path, O_RDWR | O_CREAT) {}
  bool opened() const { return file_.fd() >= 0; }
  bool Take() const { return flock(file_.fd(), LOCK_EX | LOCK_NB) == 0; }

 private:
  const File file_;
};

absl::StatusOr<std::shared_ptr<const Spool::Lease>> Spool::Own() const {
  const auto lease = std::make_shared<const Lease>(folder_ + "/drain.lock");
  if (!lease->opened()) return SystemError("open", folder_ + "/drain.lock");
  if (!lease->Take()) return Precondition("another process sends what waits in %s; give each its own folder", folder_);
  Tidy();
  return lease;
}

std::vector<std::string> Spool::Names() const {
  return List(folder_ + "/queue", kSuffix);
}

std::optional<SpooledEvent> Spool::Read(const std::string& name) const {
  const absl::StatusOr<std::string> bytes = ReadSmallFile(absl::StrCat(folder_, "/queue/", name), kEventBytes);
  if (!bytes.ok()) return std::nullopt;
  return Decode(*bytes);
}

std::uint64_t Spool::BytesOf(const std::string& name) const {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(absl::StrCat(folder_, "/queue/", name), error);
  return error ? 0 : bytes;
}

// link, not rename: it never replaces one that is there. What is not known to be on disk is not there.
absl::Status Spool::Link(const std::string& fresh,
                         std::string_view part,
                         std::uint64_t number,
                         const SpooledEvent& event,
                         std::string& name) const {
  const std::string to = absl::StrCat(folder_, "/", ToAbsl(part));
  while (true) {
    name = NameOf(number++, event);
    if (link(fresh.c_str(), absl::StrCat(to, "/", name).c_str()) == 0) break;
    if (errno != EEXIST) return SystemError("queue", fresh);
  }
  absl::Status synced = SyncFolder(to);
  if (!synced.ok()) unlink(absl::StrCat(to, "/", name).c_str());
  return synced;
}

absl::StatusOr<std::string> Spool::Put(const SpooledEvent& event, absl::Time now) const {
  const std::string fresh = FreshPath(folder_, now);
  TOCSIN_TRY(WriteDurably(fresh, Encode(event)));
  const Fleeting until_linked(fresh);
  // Whoever holds the lock for long has been stopped; then a number that may be another's is better than a lost event.
  const File lock(folder_ + "/number.lock", O_RDWR | O_CREAT);
  const absl::Time patience_ends = absl::Now() + kLockPatience;
  while (lock.fd() >= 0 && flock(lock.fd(), LOCK_EX | LOCK_NB) != 0 && absl::Now() < patience_ends) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  const std::vector<std::string> queue = Names();
  if (queue.size() >= max_events_) {
    return Exhausted("the spool %s is full: %d events wait; is the server down?", folder_, queue.size());
  }
  const std::uint64_t after = queue.empty() ? 0 : NumberOf(queue.back()) + 1;
  std::string name;
  TOCSIN_TRY(Link(fresh, "queue", std::max(after, MicrosOf(now)), event, name));
  return name;
}

absl::Status Spool::Remove(std::span<const std::string> names) const {
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(folder_, "/queue/", name);
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return SystemError("remove", path);
  }
  return SyncFolder(folder_ + "/queue");  // else a power cut brings them back, to be sent after later ones
}

// On a full disk it goes without its reason, which Drained tells: what is set aside holds nothing back.
absl::Status Spool::Reject(const std::string& name, std::string_view reason) const {
  const std::string from = absl::StrCat(folder_, "/queue/", name);
  const std::string to = absl::StrCat(folder_, "/rejected/", name);
  unlink(absl::StrCat(to, ".reason").c_str());
  static_cast<void>(WriteDurably(absl::StrCat(to, ".reason"), absl::StrCat(ToAbsl(reason), "\n")));
  if (rename(from.c_str(), to.c_str()) != 0) return SystemError("reject", from);
  TOCSIN_TRY(SyncFolder(folder_ + "/rejected"));
  return SyncFolder(folder_ + "/queue");
}

absl::Status Spool::SetAside(const SpooledEvent& event, std::string_view reason, absl::Time now) const {
  const std::string fresh = FreshPath(folder_, now);
  TOCSIN_TRY(WriteDurably(fresh, Encode(event)));
  const Fleeting until_linked(fresh);
  std::string name;
  TOCSIN_TRY(Link(fresh, "rejected", MicrosOf(now), event, name));
  const std::string path = absl::StrCat(folder_, "/rejected/", name, ".reason");
  unlink(path.c_str());
  return WriteDurably(path, absl::StrCat(ToAbsl(reason), "\n"));
}

bool Spool::IsRejected(const std::string& name) const {
  return access(absl::StrCat(folder_, "/rejected/", name).c_str(), F_OK) == 0;
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
  std::set<std::string> immovable;
  const auto may_be_sent = [&](const std::string& name) {
    return !blocked.contains(DestinationOf(name)) && !immovable.contains(name);
  };
  // Looks again after the lock is given back: who came in meanwhile saw it taken and left.
  while (go_on() && std::ranges::any_of(Names(), may_be_sent)) {
    const absl::StatusOr<std::shared_ptr<const Lease>> lease = Own();
    if (absl::IsFailedPrecondition(lease.status())) break;
    TOCSIN_TRY(lease.status());
    for (const std::string& name : Names()) {
      if (!may_be_sent(name)) continue;
      if (!go_on()) {
        drained.trouble = "the time was over";
        break;
      }
      const std::optional<SpooledEvent> event = Read(name);
      const SendResult result = event ? send(*event) : SendResult{SendResult::Kind::kRejected, "the file is damaged"};
      switch (result.kind) {
        case SendResult::Kind::kSent:
          ++drained.sent;
          // It will be sent again, and so nothing later of its destination goes before that.
          if (const absl::Status removed = Remove(std::span(&name, 1)); !removed.ok()) {
            blocked.insert(DestinationOf(name));
            drained.trouble = Message(removed);
          }
          break;
        case SendResult::Kind::kLater:
          blocked.insert(DestinationOf(name));
          drained.trouble = result.reason;
          break;
        case SendResult::Kind::kRejected:
          drained.rejected.push_back({name, result.reason});
          if (const absl::Status moved = Reject(name, result.reason); !moved.ok()) {
            immovable.insert(name);
            drained.trouble = Message(moved);
          }
          break;
      }
    }
  }
  drained.left = Names().size();
  return drained;
}

}  // namespace tocsin
