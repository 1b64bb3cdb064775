// What breaks, and how the engine comes back.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "storage/change_parts.h"
#include "tests/sim/simulation_impl.h"

namespace tocsin::sim {
namespace {

constexpr std::uint64_t kLowWater = 1 << 20;
constexpr std::uint64_t kReserve = 256 << 10;
// A supervisor tries again so soon.
constexpr absl::Duration kRetryStart = absl::Seconds(10);
constexpr int kStarts = 1000;
constexpr absl::Duration kLeap = absl::Hours(12);

Engine::Options EngineOptions(const Settings& settings) {
  Engine::Options options;
  options.threads = false;
  options.shard_count = static_cast<std::uint32_t>(settings.shards);
  options.checkpoint_interval = absl::Seconds(settings.checkpoint_s);
  options.audit_interval = absl::Seconds(settings.audit_s);
  options.responder.link_key = "the simulation's link key";
  options.responder.keep_closed = absl::Hours(1);
  return options;
}

// What Start decides is not in the store yet: the state is folded as recovery folds it, and hashed.
absl::StatusOr<StateHashes> HashOf(Store& store, std::uint32_t shard_count) {
  std::vector<Shard> shards;
  for (std::uint32_t i = 0; i < shard_count; ++i) {
    Shard::Options options;
    options.index = i;
    options.shard_count = shard_count;
    options.key_seed = store.key_seed();
    shards.emplace_back(options);
  }
  TOCSIN_TRY(
      store.ReadCheckpoint([&](std::uint32_t shard, std::string_view body) { return shards[shard].Fold(body); }));
  ResponderState responder;
  std::vector<Row> rows;
  std::vector<Row> timers;
  TOCSIN_TRY(
      store.ReadRows([&](Row row) { (std::holds_alternative<Timer>(row) ? timers : rows).push_back(std::move(row)); }));
  RestoreInto(responder, std::move(rows));
  RestoreInto(responder, std::move(timers));
  ChangeReader changes;
  TOCSIN_TRY(store.journal().Read(store.ReplayFrom(), [&](const Entry& entry) -> absl::Status {
    if (entry.kind == EntryKind::kShard && entry.sequence > store.shards_position())
      return shards[entry.shard].Fold(entry.body);
    const bool responders = entry.kind == EntryKind::kResponder || entry.kind == EntryKind::kResponderPart;
    if (!responders || entry.sequence <= store.responder_position()) return absl::OkStatus();
    TOCSIN_ASSIGN(const std::optional<Change> change, changes.Add(entry));
    if (change) FoldInto(responder, *change);
    return absl::OkStatus();
  }));
  ForgetHistory(responder);  // as recovery does
  StateHashes hashes{HashRows(responder), 0};
  for (const Shard& shard : shards)
    hashes.shards += shard.StateHash();
  return hashes;
}

}  // namespace

FileSystem& Simulation::files() {
  if (plan_.settings.lying_disk != 0) return liar_;
  return disk_;
}

bool Simulation::OpenStore() {
  Store::Options options;
  options.folder = "data";
  options.views_env = views_.get();
  options.key_seed = 42;
  options.low_water_bytes = kLowWater;
  options.reserve_bytes = kReserve;
  options.journal.segment_bytes = static_cast<std::uint64_t>(plan_.settings.segment_kb) << 10U;
  absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(files(), options);
  if (opened.ok()) store_ = *std::move(opened);
  if (!opened.ok()) why_not_ = absl::StrCat("I1: the store does not open: ", opened.status().message());
  return opened.ok();
}

bool Simulation::StartEngine() {
  const Now before = clock_.Read();
  clock_.ResumeAt(Engine::ResumeAt(*store_, before.wall));
  if (clock_.Read().engine - before.engine > kLeap) oracle_.LoseAll();
  auto started =
      Engine::Start(EngineOptions(plan_.settings), *store_, clock_,
                    {[this](const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate) {
                       Trace(absl::StrCat("start N", notification.id.value()));
                       providers_.Start(notification, deadline, std::move(gate), clock_.Read());
                     },
                     nullptr, [this](const absl::Status&) { dead_ = true; }});
  if (started.ok()) {
    engine_ = *std::move(started);
    engine_->ReadResponderAndWait([this](const Responder& responder, const Now&) { responder_ = &responder; });
    StartCanary();
  }
  told_ = 0;
  if (!started.ok()) why_not_ = absl::StrCat("I1: the engine does not start: ", started.status().message());
  return started.ok();
}

bool Simulation::Start() {
  int unexplained = 0;
  for (int i = 0; i < kStarts && !failed(); ++i) {
    dead_ = false;
    const bool started = OpenStore() && (CompareHashes(), CheckJournal(), StartEngine());
    if (started) {
      if (life_ > 0) ++result_.counters.restarts;
      oracle_.Disturbed(clock_.Read().engine + absl::Seconds(3));
      oracle_.Restarted(clock_.Read());
      CheckForgotten();  // before any of it begins once more, and is perhaps taken back then
      if (!engine_->rules() && organisation_ >= 0) Rest();
      if (!alive()) continue;
      senders_.Check(*engine_, /*settled=*/false);
      checker_.LookAfterRecovery(responder(), clock_.Read());
      history_.Look(*store_);
      return !failed();
    }
    Stop();
    disk_.CutPower(random_, SimulatedDisk::Cut::kAll);
    clock_.Advance(kRetryStart);
    // A fault that was armed fires once; what goes wrong again and again is no fault of the disk.
    unexplained = Heal() ? unexplained + 1 : 0;
    if (unexplained > 3) Violate(why_not_);
  }
  return false;
}

// The disk is well again when its time has come.
bool Simulation::Heal() {
  if (!ill_) return true;
  if (clock_.elapsed() >= full_until_) disk_.SetCapacity(UINT64_MAX / 2);
  if (clock_.elapsed() >= read_only_until_) disk_.SetReadOnly(false);
  ill_ = clock_.elapsed() < std::max(full_until_, read_only_until_);
  return !ill_;
}

// I7: everything that was acknowledged is there, and each entry follows the one before.
void Simulation::CheckJournal() {
  Journal& journal = store_->journal();
  if (journal.last().value() < senders_.sequence()) {
    Violate(absl::StrFormat("I7: entry %d was acknowledged, and the journal ends with %d", senders_.sequence(),
                            journal.last().value()));
  }
  if (!journal.last().set() || !random_.OneIn(4)) return;
  std::uint64_t expected = journal.first().value();
  const absl::Status status = journal.Read(journal.first(), [&](const Entry& entry) {
    if (entry.sequence.value() != expected) Violate(absl::StrFormat("I7: entry %d is missing", expected));
    expected = entry.sequence.value() + 1;
    return absl::OkStatus();
  });
  if (!status.ok() && Heal()) Violate(absl::StrCat("I7: the journal cannot be read: ", status.message()));
}

// What a provider has taken and the journal does not know of is sent again.
void Simulation::CheckForgotten() {
  for (const auto& [id, row] : responder().state().notifications) {
    const bool open = row.state == Notification::State::kPending || row.state == Notification::State::kLeased ||
                      row.state == Notification::State::kHeld;  // a limit keeps it from being repeated at once
    if (open) providers_.Forgotten(row.idempotency_key);
  }
}

StateHashes Simulation::LiveHashes() {
  StateHashes hashes{responder().StateHash(), 0};
  engine_->ReadShardsAndWait([&](const Shard& shard) { hashes.shards += shard.StateHash(); });
  return hashes;
}

// I6.
void Simulation::CompareHashes() {
  if (!expected_hash_) return;
  const absl::StatusOr<StateHashes> stored = HashOf(*store_, static_cast<std::uint32_t>(plan_.settings.shards));
  if (!stored.ok()) {
    Violate(absl::StrCat("I6: the store cannot be read: ", stored.status().message()));
  } else if (*stored != *expected_hash_) {
    Violate(absl::StrCat("I6: what recovery reads is not what was in memory of the ",
                         stored->responder != expected_hash_->responder ? "responder" : "shards"));
  }
  ++result_.counters.hashes;
  expected_hash_.reset();
}

void Simulation::Stop() {
  disk_.StopAfter(0);  // whatever destructors try to write does not arrive
  canary_.reset();
  responder_ = nullptr;
  engine_.reset();
  store_.reset();
}

// The power goes while all that was decided for some time waits to be written: nobody may have been told of it.
bool Simulation::CutWhatIsStuck() {
  if (!stuck_cut_ || clock_.elapsed() < stuck_cut_->at) return false;
  const StuckCut now = *stuck_cut_;
  Trace("the power goes");
  Crash(now.cut, now.down);
  if (alive()) Rest();
  return true;
}

void Simulation::Crash(SimulatedDisk::Cut cut, absl::Duration down) {
  ++life_;
  if (stuck_cut_) stalled_until_[0] = absl::ZeroDuration();
  stuck_cut_.reset();
  if (engine_ != nullptr && store_ != nullptr) LookAtNumbers();
  Stop();
  if (cut != SimulatedDisk::Cut::kAll) ++result_.counters.power_cuts;
  disk_.CutPower(random_, cut);
  senders_.Crash();
  checker_.Crash();
  oracle_.Crash(clock_.Read().engine);
  providers_.Crash();
  if (wanted_organisation_ != organisation_) {
    oracle_.LoseAll();
    apply_again_ = true;  // whoever was not answered tries again
  }
  clock_.Advance(down);
  Start();
}

// The engine has ended by itself, as it should when the journal cannot be written.
void Simulation::Revive() {
  if (failed()) return;
  Trace("dead");
  Crash(SimulatedDisk::Cut::kAll, std::exchange(down_, absl::ZeroDuration()) + absl::Milliseconds(100));
  if (alive()) Rest();
}

void Simulation::CutPower(const Line& line) {
  const auto& [cut, down_ms, operations, steps] = line.values;
  Wander(steps);
  if (operations >= 0) {
    disk_.StopAfter(static_cast<std::uint64_t>(operations));
    for (int i = 0; i < 100 && alive() && StepStages(); ++i) {
    }
  }
  Crash(static_cast<SimulatedDisk::Cut>(cut % 6), absl::Milliseconds(std::max<std::int64_t>(down_ms, 0)));
}

void Simulation::Stall(std::size_t stage, absl::Duration lasts) {
  if (!IsStalled(stage)) stalled_since_[stage] = clock_.elapsed();
  stalled_until_[stage] = clock_.elapsed() + lasts;
  oracle_.Disturbed(clock_.Read().engine + lasts + absl::Seconds(3));
}

void Simulation::Break(const Line& line) {
  using Kind = Line::Kind;
  const auto& values = line.values;
  const auto ms = [&](std::size_t i) { return absl::Milliseconds(std::max<std::int64_t>(values[i], 0)); };
  switch (line.kind) {
    case Kind::kCut: return CutPower(line);
    case Kind::kKill:
      Wander(values[1]);
      if (alive() && values[1] % 2 == 0) {
        Rest();
        if (alive()) engine_->HashState([](const StateAt&) {}).IgnoreError();  // every stage seals what it has
        Rest();
        if (alive() && !IsAnyStalled()) expected_hash_ = LiveHashes();
      }
      return Crash(SimulatedDisk::Cut::kAll, ms(0));
    case Kind::kFailSync:
    case Kind::kFailWrite: {
      const auto nth = static_cast<std::uint64_t>(std::max<std::int64_t>(values[0], 1));
      line.kind == Kind::kFailSync ? disk_.FailSync(nth) : disk_.FailWrite(nth);
      down_ = ms(1);
      return;
    }
    case Kind::kFull: {
      const absl::StatusOr<std::uint64_t> free = disk_.FreeBytes("data");
      if (!free.ok() || clock_.elapsed() < full_until_) return;
      disk_.SetCapacity(UINT64_MAX / 2 - *free + (static_cast<std::uint64_t>(values[0]) << 10U));
      full_until_ = clock_.elapsed() + ms(1);
      ill_ = true;
      return;
    }
    case Kind::kReadOnly:
      disk_.SetReadOnly(true);
      read_only_until_ = clock_.elapsed() + ms(0);
      ill_ = true;
      return;
    case Kind::kJump: clock_.Jump(absl::Milliseconds(values[0])); return oracle_.Jumped();
    case Kind::kSleep:
      clock_.Advance(ms(0));
      oracle_.Disturbed(clock_.Read().engine + absl::Seconds(3));
      return;
    case Kind::kProvider:
      return providers_.SetMood(values[0], static_cast<Mood>(values[1] % kMoods), clock_.Read().engine + ms(2));
    case Kind::kStall: return Stall(static_cast<std::size_t>(values[0]) % 4, ms(1));
    case Kind::kStuckCut:
      if (stuck_cut_) return;
      stuck_cut_ = {clock_.elapsed() + ms(2), static_cast<SimulatedDisk::Cut>(values[0] % 6), ms(1)};
      return Stall(0, ms(2));
    case Kind::kFire:
    case Kind::kResolve:
    case Kind::kAcknowledge:
    case Kind::kSnooze:
    case Kind::kUnacknowledge:
    case Kind::kMerge:
    case Kind::kSplit:
    case Kind::kClose:
    case Kind::kEscalate:
    case Kind::kReroute:
    case Kind::kSilence:
    case Kind::kExpire:
    case Kind::kReload:
    case Kind::kPing:
    case Kind::kTestPage:
    case Kind::kOpenIncident:
    case Kind::kOwnIncident:
    case Kind::kEndIncident: return;  // people
  }
}

}  // namespace tocsin::sim
