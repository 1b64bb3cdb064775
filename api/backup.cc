#include "api/backup.h"

#include <array>
#include <utility>

#include <sodium.h>

#include "api/handlers.h"
#include "base/log.h"
#include "base/status.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

constexpr std::size_t kPieceBytes = 1 << 20;

std::string NewId() {
  std::array<unsigned char, 16> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, 33> text{};
  sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
  return text.data();
}

// A backup holds everything of everybody.
absl::Status OnlyForAll(const Caller& caller) {
  if (caller.everywhere()) return absl::OkStatus();
  return absl::PermissionDeniedError(caller.name + " acts for some teams only; a backup is of everything");
}

}  // namespace

absl::Status Backups::Reserve(const Now& now) {
  MutexLock lock(mutex_);
  if (reserved_) {
    const absl::Duration age = absl::Floor(now.engine - began_, absl::Seconds(1));
    return Precondition("another backup %s; try again when it has ended",
                        age <= absl::ZeroDuration() ? "has just begun" : "began " + absl::FormatDuration(age) + " ago");
  }
  reserved_ = true;
  began_ = read_ = now.engine;
  return absl::OkStatus();
}

void Backups::Release() {
  MutexLock lock(mutex_);
  reserved_ = false;
}

std::string Backups::Keep(std::unique_ptr<FrozenStore> frozen, const Now& now) {
  MutexLock lock(mutex_);
  frozen_ = std::move(frozen);
  id_ = NewId();
  why_ended_.clear();
  read_ = now.engine;
  return id_;
}

absl::StatusOr<std::string> Backups::Read(const std::string& id,
                                          std::size_t file,
                                          std::uint64_t offset,
                                          const Now& now) {
  MutexLock lock(mutex_);
  if (id != id_ || !frozen_) {
    return NotFound("there is no such backup%s%s; begin another one", id == id_ && !why_ended_.empty() ? ": " : "",
                    id == id_ ? why_ended_ : "");
  }
  read_ = now.engine;
  return frozen_->Read(file, offset, kPieceBytes);
}

absl::Status Backups::End(const std::string& id) {
  MutexLock lock(mutex_);
  if (id != id_ || !frozen_) return NotFound("there is no such backup; it has ended already");
  GiveUp("");
  return absl::OkStatus();
}

void Backups::Tick(const Now& now, bool disk_is_low) {
  MutexLock lock(mutex_);
  if (!frozen_) return;
  std::string why;
  if (now.engine - read_ > kBackupIdle) why = "nobody has read from it for a minute";
  if (now.engine - began_ > kLongestBackup) why = "it has taken an hour";
  if (disk_is_low) why = "the disk is nearly full";
  if (why.empty()) return;
  LogWarning("a backup was given up", {
                                          {"reason", why}
  });
  GiveUp("it was given up: " + why);
}

void Backups::Stop() {
  MutexLock lock(mutex_);
  GiveUp("the server stopped");
}

void Backups::GiveUp(std::string why) {
  frozen_.reset();
  reserved_ = false;
  why_ended_ = std::move(why);
}

absl::Status BeginBackup(Api& api,
                         const Caller& caller,
                         const v1::BeginBackupRequest&,
                         v1::BeginBackupResponse& response) {
  TOCSIN_TRY(OnlyForAll(caller));
  const Now now = api.engine.Read();
  if (api.engine.store().FreeSpace(now) != Store::Space::kPlenty) {
    return Exhausted("the server's disk is nearly full: a backup would hold back what is deleted; free some space");
  }
  TOCSIN_TRY(api.backups->Reserve(now));
  StateAt state;
  absl::StatusOr<std::unique_ptr<FrozenStore>> frozen =
      api.engine.store().Freeze([&]() -> absl::StatusOr<Journal::Standing> {
        TOCSIN_ASSIGN(state, api.engine.HashStateAndWait());
        return std::move(state.standing);
      });
  if (!frozen.ok()) {
    api.backups->Release();
    return Annotate(frozen.status(), "backup");
  }
  LogInfo(
      "a backup begins",
      {
          {"caller",   caller.name                           },
          {"origin",   caller.origin                         },
          {"sequence", std::to_string(state.sequence.value())}
  });
  response.set_version(api.version);
  response.set_store_id(api.engine.store().store_id());
  ToProto(now.wall, *response.mutable_taken_at());
  response.set_sequence(state.sequence.value());
  response.set_state_hash(state.hash);
  for (const FrozenStore::File& file : (*frozen)->files()) {
    v1::BeginBackupResponse::File& listed = *response.add_files();
    listed.set_name(file.name);
    listed.set_size(file.size);
  }
  response.set_id(api.backups->Keep(*std::move(frozen), now));
  return absl::OkStatus();
}

absl::Status ReadBackup(Api& api,
                        const Caller& caller,
                        const v1::ReadBackupRequest& request,
                        v1::ReadBackupResponse& response) {
  TOCSIN_TRY(OnlyForAll(caller));
  TOCSIN_ASSIGN(std::string bytes,
                api.backups->Read(request.id(), request.file(), request.offset(), api.engine.Read()));
  response.set_hash(Hash64(bytes));
  response.set_data(std::move(bytes));
  return absl::OkStatus();
}

absl::Status EndBackup(Api& api, const Caller& caller, const v1::EndBackupRequest& request, v1::EndBackupResponse&) {
  TOCSIN_TRY(OnlyForAll(caller));
  return api.backups->End(request.id());
}

absl::Status HashState(Api& api, const Caller& caller, const v1::HashStateRequest&, v1::HashStateResponse& response) {
  TOCSIN_TRY(OnlyForAll(caller));
  TOCSIN_ASSIGN(const StateAt state, api.engine.HashStateAndWait());
  response.set_sequence(state.sequence.value());
  response.set_state_hash(state.hash);
  return absl::OkStatus();
}

}  // namespace tocsin
