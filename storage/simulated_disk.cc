#include "storage/simulated_disk.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/status.h"

namespace tocsin {

struct SimulatedDisk::Change {
  enum class Kind : std::uint8_t {
    kWrite,
    kGrow,
    kTruncate
  };
  Kind kind = Kind::kWrite;
  std::uint64_t offset = 0;  // kWrite
  std::string bytes;         // kWrite
  std::uint64_t size = 0;    // kGrow, kTruncate
};

struct SimulatedDisk::Node {
  std::string cache;            // what reads see
  std::string durable;          // what a power cut cannot take away
  std::vector<Change> changes;  // from durable to cache, unless a sync failed in between
  bool parted = false;          // one did
};

struct SimulatedDisk::NameChange {
  std::string folder;
  std::string from;            // removed by this; empty: none
  std::string to;              // made by this; empty: none
  std::shared_ptr<Node> node;  // of `to`
};

namespace {

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string(".") : path.substr(0, slash);
}

// Only the part [from, from + size) of `bytes`, at `offset` of the file.
void Apply(std::string& contents, std::uint64_t offset, std::string_view bytes) {
  if (contents.size() < offset + bytes.size()) contents.resize(offset + bytes.size(), '\0');
  std::memcpy(contents.data() + offset, bytes.data(), bytes.size());
}

// Each sector of the write arrives or does not.
void ApplyTorn(std::string& contents, std::uint64_t offset, std::string_view bytes, Random& random) {
  while (!bytes.empty()) {
    const std::uint64_t to_boundary = SimulatedDisk::kSectorBytes - offset % SimulatedDisk::kSectorBytes;
    const std::size_t step = std::min<std::size_t>(bytes.size(), to_boundary);
    if (random.OneIn(2)) Apply(contents, offset, bytes.substr(0, step));
    bytes.remove_prefix(step);
    offset += step;
  }
}

}  // namespace

// One open file. Dead once the power was cut.
class SimulatedDisk::Handle final : public File {
 public:
  Handle(SimulatedDisk& disk, std::shared_ptr<Node> node, std::string path, std::uint64_t generation)
      : disk_(disk), node_(std::move(node)), path_(std::move(path)), generation_(generation) {}

  absl::Status WriteAt(std::uint64_t offset, std::string_view bytes) override {
    MutexLock lock(disk_.mutex_);
    TOCSIN_TRY(CheckAlive());
    TOCSIN_TRY(disk_.Begin("write", path_));
    if (disk_.fail_write_ > 0 && --disk_.fail_write_ == 0) {
      // Half of it got there: a short write before the error.
      Write(offset, bytes.substr(0, bytes.size() / 2));
      return Unavailable("%s: write: Input/output error (simulated)", path_);
    }
    TOCSIN_TRY(disk_.Reserve(*node_, offset + bytes.size(), path_));
    disk_.counters_.writes += 1;
    disk_.counters_.written_bytes += bytes.size();
    Write(offset, bytes);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ReadAt(std::uint64_t offset, std::size_t size) const override {
    MutexLock lock(disk_.mutex_);
    TOCSIN_TRY(CheckAlive());
    if (disk_.fail_read_ > 0 && --disk_.fail_read_ == 0) {
      return Unavailable("%s: read: Input/output error (simulated)", path_);
    }
    if (offset >= node_->cache.size()) return std::string();
    return node_->cache.substr(offset, size);
  }

  absl::Status Sync() override {
    MutexLock lock(disk_.mutex_);
    TOCSIN_TRY(CheckAlive());
    TOCSIN_TRY(disk_.Begin("fdatasync", path_));
    disk_.counters_.syncs += 1;
    if (disk_.fail_sync_ > 0 && --disk_.fail_sync_ == 0) {
      node_->changes.clear();  // clean in memory, not on the disk, never to be written
      node_->parted = true;
      return Unavailable("%s: fdatasync: Input/output error (simulated)", path_);
    }
    for (const Change& change : node_->changes)
      ApplyWhole(node_->durable, change);
    node_->changes.clear();
    return absl::OkStatus();
  }

  absl::Status Allocate(std::uint64_t size) override {
    MutexLock lock(disk_.mutex_);
    TOCSIN_TRY(CheckAlive());
    TOCSIN_TRY(disk_.Begin("allocate", path_));
    TOCSIN_TRY(disk_.Reserve(*node_, size, path_));
    if (size <= node_->cache.size()) return absl::OkStatus();
    node_->cache.resize(size, '\0');
    node_->changes.push_back({.kind = Change::Kind::kGrow, .bytes = {}, .size = size});
    return absl::OkStatus();
  }

  absl::Status Truncate(std::uint64_t size) override {
    MutexLock lock(disk_.mutex_);
    TOCSIN_TRY(CheckAlive());
    TOCSIN_TRY(disk_.Begin("truncate", path_));
    TOCSIN_TRY(disk_.Reserve(*node_, size, path_));
    node_->cache.resize(size, '\0');
    node_->changes.push_back({.kind = Change::Kind::kTruncate, .bytes = {}, .size = size});
    return absl::OkStatus();
  }

  absl::StatusOr<std::uint64_t> Size() const override {
    MutexLock lock(disk_.mutex_);
    TOCSIN_TRY(CheckAlive());
    return node_->cache.size();
  }

  static void ApplyWhole(std::string& contents, const Change& change) {
    switch (change.kind) {
      case Change::Kind::kWrite: Apply(contents, change.offset, change.bytes); return;
      case Change::Kind::kGrow:
        if (contents.size() < change.size) contents.resize(change.size, '\0');
        return;
      case Change::Kind::kTruncate: contents.resize(change.size, '\0'); return;
    }
  }

 private:
  absl::Status CheckAlive() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_.mutex_) {
    if (generation_ != disk_.generation_) return Unavailable("%s: opened before the power cut (simulated)", path_);
    return disk_.CheckPower(path_);
  }

  void Write(std::uint64_t offset, std::string_view bytes) {
    Apply(node_->cache, offset, bytes);
    node_->changes.push_back({.kind = Change::Kind::kWrite, .offset = offset, .bytes = std::string(bytes)});
  }

  SimulatedDisk& disk_;
  std::shared_ptr<Node> node_;
  std::string path_;
  std::uint64_t generation_;
};

SimulatedDisk::SimulatedDisk() = default;
SimulatedDisk::~SimulatedDisk() = default;

absl::StatusOr<std::unique_ptr<File>> SimulatedDisk::Create(const std::string& path) {
  MutexLock lock(mutex_);
  TOCSIN_TRY(Begin("create", path));
  if (names_.contains(path)) return absl::AlreadyExistsError(absl::StrFormat("%s: create: File exists", path));
  auto node = std::make_shared<Node>();
  names_[path] = node;
  name_changes_.push_back({FolderOf(path), "", path, node});
  return std::make_unique<Handle>(*this, std::move(node), path, generation_);
}

absl::StatusOr<std::unique_ptr<File>> SimulatedDisk::Open(const std::string& path) {
  MutexLock lock(mutex_);
  TOCSIN_TRY(CheckPower(path));
  const auto found = names_.find(path);
  if (found == names_.end()) return NotFound("%s: open: No such file or directory", path);
  return std::make_unique<Handle>(*this, found->second, path, generation_);
}

absl::StatusOr<std::vector<std::string>> SimulatedDisk::List(const std::string& folder) {
  MutexLock lock(mutex_);
  TOCSIN_TRY(CheckPower(folder));
  std::vector<std::string> names;
  for (const auto& [path, node] : names_) {
    if (FolderOf(path) == folder) names.push_back(path.substr(folder.size() + 1));
  }
  for (const std::string& path : folders_) {
    if (path != folder && FolderOf(path) == folder) names.push_back(path.substr(folder.size() + 1));
  }
  if (names.empty() && std::ranges::find(folders_, folder) == folders_.end()) {
    return NotFound("%s: list: No such file or directory", folder);
  }
  std::ranges::sort(names);
  return names;
}

absl::Status SimulatedDisk::Rename(const std::string& from, const std::string& to) {
  MutexLock lock(mutex_);
  TOCSIN_TRY(Begin("rename", from));
  TOCSIN_CHECK(FolderOf(from) == FolderOf(to), "files are renamed within one folder only");
  const auto found = names_.find(from);
  if (found == names_.end()) return NotFound("%s: rename: No such file or directory", from);
  std::shared_ptr<Node> node = found->second;
  names_.erase(found);
  names_[to] = node;
  name_changes_.push_back({FolderOf(to), from, to, std::move(node)});
  return absl::OkStatus();
}

absl::Status SimulatedDisk::Remove(const std::string& path) {
  MutexLock lock(mutex_);
  TOCSIN_TRY(CheckPower(path));
  if (!names_.contains(path)) return NotFound("%s: remove: No such file or directory", path);
  TOCSIN_TRY(Begin("remove", path));
  names_.erase(path);
  name_changes_.push_back({FolderOf(path), path, "", nullptr});
  return absl::OkStatus();
}

absl::Status SimulatedDisk::MakeFolder(const std::string& path) {
  MutexLock lock(mutex_);
  TOCSIN_TRY(CheckPower(path));
  if (std::ranges::find(folders_, path) == folders_.end()) folders_.push_back(path);
  return absl::OkStatus();
}

absl::Status SimulatedDisk::SyncFolder(const std::string& path) {
  MutexLock lock(mutex_);
  TOCSIN_TRY(Begin("fsync folder", path));
  counters_.folder_syncs += 1;
  if (fail_sync_ > 0 && --fail_sync_ == 0) return Unavailable("%s: fsync folder: Input/output error (simulated)", path);
  if (lies_) return absl::OkStatus();
  std::vector<NameChange> others;
  for (NameChange& change : name_changes_) {
    if (change.folder != path) {
      others.push_back(std::move(change));
      continue;
    }
    if (!change.from.empty()) durable_.erase(change.from);
    if (!change.to.empty()) durable_[change.to] = std::move(change.node);
  }
  name_changes_ = std::move(others);
  return absl::OkStatus();
}

absl::StatusOr<std::uint64_t> SimulatedDisk::FreeBytes(const std::string& path) {
  MutexLock lock(mutex_);
  TOCSIN_TRY(CheckPower(path));
  const std::uint64_t used = UsedBytes();
  return used >= capacity_ ? 0 : capacity_ - used;
}

void SimulatedDisk::Settle(Node& node, Random& random, Cut cut) {
  if (cut == Cut::kAnything) cut = static_cast<Cut>(1 + random.Below(5));
  const bool same = !node.parted && (node.changes.empty() || cut == Cut::kAll);
  // How many changes arrive for sure; the next one may be torn.
  const std::size_t prefix = cut == Cut::kPrefix ? random.Below(node.changes.size() + 1) : 0;
  for (std::size_t i = 0; i < node.changes.size(); ++i) {
    const Change& change = node.changes[i];
    bool whole = false;
    bool torn = false;
    switch (cut) {
      case Cut::kAnything:
      case Cut::kNothing: break;
      case Cut::kPrefix:
        whole = i < prefix;
        torn = i == prefix;
        break;
      case Cut::kSubset: whole = random.OneIn(2); break;
      case Cut::kTorn: torn = true; break;
      case Cut::kAll: whole = true; break;
    }
    if (torn && change.kind == Change::Kind::kWrite) {
      ApplyTorn(node.durable, change.offset, change.bytes, random);
    } else if (whole || (torn && random.OneIn(2))) {
      Handle::ApplyWhole(node.durable, change);
    }
  }
  node.changes.clear();
  node.parted = false;
  if (!same) node.cache = node.durable;
}

void SimulatedDisk::SettleNames(Random& random, Cut cut) {
  std::map<std::string, Cut> cut_of_folder;
  std::map<std::string, bool> ended;  // kPrefix: no later change of this folder arrives
  for (NameChange& change : name_changes_) {
    const auto [found, is_new] = cut_of_folder.try_emplace(change.folder, cut);
    if (is_new && cut == Cut::kAnything) found->second = static_cast<Cut>(1 + random.Below(5));
    bool arrives = false;
    switch (found->second) {
      case Cut::kAnything:
      case Cut::kNothing: break;
      case Cut::kPrefix:
        ended[change.folder] = ended[change.folder] || random.OneIn(2);
        arrives = !ended[change.folder];
        break;
      case Cut::kSubset:
      case Cut::kTorn: arrives = random.OneIn(2); break;
      case Cut::kAll: arrives = true; break;
    }
    if (!arrives) continue;
    if (!change.from.empty()) durable_.erase(change.from);
    if (!change.to.empty()) durable_[change.to] = std::move(change.node);
  }
  name_changes_.clear();
  names_ = durable_;
}

void SimulatedDisk::CutPower(Random& random, Cut cut) {
  MutexLock lock(mutex_);
  SettleNames(random, cut);
  std::vector<Node*> settled;  // a file that has two names is settled once
  for (const auto& [path, node] : names_) {
    if (std::ranges::find(settled, node.get()) != settled.end()) continue;
    Settle(*node, random, cut);
    settled.push_back(node.get());
  }
  generation_ += 1;
  counters_.power_cuts += 1;
  stopped_ = false;
  fail_write_ = fail_sync_ = fail_read_ = stop_ = 0;
}

void SimulatedDisk::Arm(std::uint64_t& countdown, std::uint64_t nth) {
  MutexLock lock(mutex_);
  countdown = nth;
}

bool SimulatedDisk::stopped() const {
  MutexLock lock(mutex_);
  return stopped_;
}

void SimulatedDisk::SetReadOnly(bool read_only) {
  MutexLock lock(mutex_);
  read_only_ = read_only;
}

void SimulatedDisk::LieAboutSyncs(bool lie) {
  MutexLock lock(mutex_);
  lies_ = lie;
}

void SimulatedDisk::SetCapacity(std::uint64_t bytes) {
  MutexLock lock(mutex_);
  capacity_ = bytes;
}

void SimulatedDisk::FlipBit(const std::string& path, std::uint64_t offset, unsigned bit) {
  MutexLock lock(mutex_);
  Node& node = Find(path);
  TOCSIN_CHECK(offset < node.cache.size() && bit < 8, "there is no such bit");
  const auto mask = static_cast<unsigned char>(1U << bit);
  for (std::string* bytes : {&node.cache, &node.durable}) {
    if (offset >= bytes->size()) continue;
    (*bytes)[offset] = static_cast<char>(static_cast<unsigned char>((*bytes)[offset]) ^ mask);
  }
}

void SimulatedDisk::Delete(const std::string& path) {
  MutexLock lock(mutex_);
  Find(path);
  names_.erase(path);
  durable_.erase(path);
}

void SimulatedDisk::Overwrite(const std::string& path, std::uint64_t offset, std::string_view bytes) {
  MutexLock lock(mutex_);
  Node& node = Find(path);
  Apply(node.cache, offset, bytes);
  Apply(node.durable, offset, bytes);
}

std::string SimulatedDisk::Contents(const std::string& path) const {
  MutexLock lock(mutex_);
  return Find(path).cache;
}

std::vector<std::string> SimulatedDisk::Paths() const {
  MutexLock lock(mutex_);
  std::vector<std::string> paths;
  for (const auto& [path, node] : names_)
    paths.push_back(path);
  return paths;
}

std::unique_ptr<SimulatedDisk> SimulatedDisk::Clone() const {
  MutexLock lock(mutex_);
  std::unique_ptr<SimulatedDisk> clone = Copy();
  MutexLock clone_lock(clone->mutex_);
  for (auto& [path, node] : clone->names_) {
    node->durable = node->cache;
    node->changes.clear();
    node->parted = false;
  }
  clone->durable_ = clone->names_;
  clone->name_changes_.clear();
  return clone;
}

std::unique_ptr<SimulatedDisk> SimulatedDisk::Copy() const {
  auto copy = std::make_unique<SimulatedDisk>();
  MutexLock copy_lock(copy->mutex_);
  std::map<const Node*, std::shared_ptr<Node>> twins;  // a file may have several names
  const auto twin_of = [&](const std::shared_ptr<Node>& node) {
    std::shared_ptr<Node>& twin = twins[node.get()];
    if (node && !twin) twin = std::make_shared<Node>(*node);
    return twin;
  };
  for (const auto& [path, node] : names_)
    copy->names_[path] = twin_of(node);
  for (const auto& [path, node] : durable_)
    copy->durable_[path] = twin_of(node);
  for (const NameChange& change : name_changes_) {
    copy->name_changes_.push_back({change.folder, change.from, change.to, twin_of(change.node)});
  }
  copy->folders_ = folders_;
  copy->capacity_ = capacity_;
  return copy;
}

bool SimulatedDisk::has_copy() const {
  MutexLock lock(mutex_);
  return kept_ != nullptr;
}

std::unique_ptr<SimulatedDisk> SimulatedDisk::TakeCopy() {
  MutexLock lock(mutex_);
  return std::move(kept_);
}

SimulatedDisk::Counters SimulatedDisk::counters() const {
  MutexLock lock(mutex_);
  return counters_;
}

absl::Status SimulatedDisk::CheckPower(const std::string& path) const {
  if (stopped_) return Unavailable("%s: the machine is off (simulated)", path);
  return absl::OkStatus();
}

absl::Status SimulatedDisk::Begin(std::string_view what, const std::string& path) {
  TOCSIN_TRY(CheckPower(path));
  if (stop_ > 0 && --stop_ == 0) stopped_ = true;
  if (copy_ > 0 && --copy_ == 0) kept_ = Copy();
  TOCSIN_TRY(CheckPower(path));
  if (read_only_) {
    return absl::PermissionDeniedError(absl::StrFormat("%s: %s: Read-only file system (simulated)", path, what));
  }
  counters_.operations += 1;
  return absl::OkStatus();
}

std::uint64_t SimulatedDisk::UsedBytes() const {
  std::uint64_t used = 0;
  for (const auto& [path, node] : names_)
    used += node->cache.size();
  return used;
}

absl::Status SimulatedDisk::Reserve(const Node& node, std::uint64_t size, const std::string& path) const {
  if (size <= node.cache.size()) return absl::OkStatus();
  if (UsedBytes() + (size - node.cache.size()) <= capacity_) return absl::OkStatus();
  return Exhausted("%s: No space left on device (simulated)", path);
}

SimulatedDisk::Node& SimulatedDisk::Find(const std::string& path) const {
  const auto found = names_.find(path);
  TOCSIN_CHECK(found != names_.end(), path);
  return *found->second;
}

}  // namespace tocsin
