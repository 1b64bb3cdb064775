#include "replay/replay.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_format.h"

#include "base/status.h"
#include "replay/actions.h"
#include "replay/limits.h"
#include "replay/told.h"
#include "replay/why.h"
#include "storage/change_parts.h"

namespace tocsin::replay {
namespace {

constexpr std::uint64_t kChecksAnAsking = 256;

// Ends a walk over the history; never leaves this file.
absl::Status Enough() {
  return absl::OutOfRangeError("enough");
}

class Runner {
 public:
  Runner(Store& store, const World::Options& options, const Request& request, Control& control)
      : store_(store),
        history_(store.history()),
        request_(request),
        control_(control),
        last_(store.journal().last()),
        shard_count_(options.shard_count),
        world_(options, [this](const Change& change) { Decided(change); }) {
    for (std::uint32_t i = 0; i < options.shard_count; ++i) {
      Shard::Options shard = options.shard;
      shard.index = i;
      shard.shard_count = options.shard_count;
      recorded_shards_.emplace_back(shard);
    }
  }

  absl::StatusOr<Result> Run() {
    TOCSIN_TRY(Prepare());
    TOCSIN_TRY(FindBase());
    TOCSIN_TRY(ReadBase());
    const absl::Status read = history_.Read(base_.begin(), [this](const Entry& entry) { return See(entry); });
    if (!read.ok() && !absl::IsOutOfRange(read)) return read;
    if (!begun_) TOCSIN_TRY(Begin({std::max(from_, before_.wall), before_.engine}));
    if (const absl::Duration rest = request_.to - world_.now().wall; rest > absl::ZeroDuration() && !down_) {
      world_.AdvanceTo({request_.to, world_.now().engine + rest});
    }
    return Finish();
  }

 private:
  absl::Status Prepare() {
    if (request_.to <= request_.from) return Invalid("the time to replay ends before it begins");
    TOCSIN_ASSIGN(matchers_, CompiledMatchers::Compile(request_.matchers));
    TOCSIN_ASSIGN(integrations_, store_.LoadIntegrations());
    if (request_.organisation == nullptr) return absl::OkStatus();
    for (const Integration& integration : request_.organisation->integrations) {
      if (std::ranges::find(integrations_, integration.id) == integrations_.end())
        integrations_.push_back(integration.id);
    }
    return absl::OkStatus();
  }

  absl::Status FindBase() {
    TOCSIN_ASSIGN(const std::vector<HistoryBase> bases, history_.Bases());
    if (bases.empty()) {
      return NotFound(
          "nothing is recorded to replay: history begins with the first checkpoint, or is switched off "
          "(--history_days)");
    }
    base_ = bases.front();
    for (const HistoryBase& base : bases) {
      if (base.at <= request_.from) base_ = base;
    }
    from_ = std::max(request_.from, base_.at);
    return absl::OkStatus();
  }

  absl::Status ReadBase() {
    std::vector<Row> rows;
    const absl::Status read = history_.ReadBase(
        base_,
        [&](std::uint32_t shard, std::string_view body) -> absl::Status {
          TOCSIN_TRY(CheckShard(shard));
          TOCSIN_TRY(CheckCancelled());
          TOCSIN_TRY(world_.Fold(shard, body, Now()));
          return recorded_shards_[shard].Fold(body);
        },
        [&](Row row) {
          rows.push_back(std::move(row));
          return absl::OkStatus();
        });
    TOCSIN_TRY(read);
    world_.Restore(rows);
    RestoreInto(recorded_, std::move(rows));
    return absl::OkStatus();
  }

  absl::Status CheckShard(std::uint32_t shard) const {
    if (shard < shard_count_) return absl::OkStatus();
    return Precondition("the history was written with %d shards or more, and there are %d now", shard + 1,
                        shard_count_);
  }
  absl::Status CheckCancelled() {
    if (control_.cancelled.load(std::memory_order_relaxed)) return absl::CancelledError("the replay was cancelled");
    if (++checks_ % kChecksAnAsking != 0 || !control_.is_over || !control_.is_over()) return absl::OkStatus();
    return absl::DeadlineExceededError(
        absl::StrFormat("the replay took too long and was ended when %d%% was done: ask for a shorter time",
                        control_.permille.load(std::memory_order_relaxed) / 10));
  }

  absl::Status See(const Entry& entry) {
    if (entry.sequence > last_) return Enough();
    TOCSIN_TRY(CheckCancelled());
    if (expected_.set() && entry.sequence != expected_) {
      return DataLoss("entries %d to %d were given up by `tocsin recover --accept-loss`; a replay can begin after them",
                      expected_.value(), entry.sequence.value() - 1);
    }
    expected_ = Sequence(entry.sequence.value() + 1);
    const std::uint64_t all = last_.value() - base_.begin().value() + 1;
    const std::uint64_t done = entry.sequence.value() - base_.begin().value();
    control_.permille.store(static_cast<std::uint32_t>(done * 1000 / std::max<std::uint64_t>(1, all)),
                            std::memory_order_relaxed);
    if (entry.kind == EntryKind::kLead) {  // the server started: its time is that of the entry before
      down_ = true;
      return absl::OkStatus();
    }
    if (!first_at_) first_at_ = entry.now.wall;
    if (!begun_ && (entry.now.wall < from_ || entry.sequence <= base_.complete)) return Recover(entry);
    if (entry.now.wall > request_.to) return Enough();
    if (!begun_) TOCSIN_TRY(Begin(StartOf(entry.now)));
    return Live(entry);
  }

  absl::Status Recover(const Entry& entry) {
    if (std::exchange(down_, false) && before_.engine != EngineTime()) world_.SkipTo(entry.now);
    before_ = entry.now;
    ever_ran_ = true;
    switch (entry.kind) {
      case EntryKind::kShard:
        if (entry.sequence <= base_.position) return absl::OkStatus();
        TOCSIN_TRY(CheckShard(entry.shard));
        TOCSIN_TRY(world_.Fold(entry.shard, entry.body, entry.now));
        return recorded_shards_[entry.shard].Fold(entry.body);
      case EntryKind::kResponderPart:
      case EntryKind::kResponder: {
        if (entry.sequence <= base_.rows) return absl::OkStatus();
        TOCSIN_ASSIGN(const std::optional<Change> change, changes_.Add(entry));
        if (!change) return absl::OkStatus();
        world_.Fold(*change);
        FoldInto(recorded_, *change);
        return absl::OkStatus();
      }
      case EntryKind::kLead:
      case EntryKind::kIntegrations: return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  // Where time begins: at the wanted instant, when that lies between the entry before and the first that is replayed.
  Now StartOf(const Now& first) const {
    if (before_.engine == EngineTime() || down_) return first;
    const absl::Duration gap = first.wall - from_;
    if (gap < absl::ZeroDuration() || first.engine - before_.engine < gap) return before_;
    return {from_, first.engine - gap};
  }

  absl::Status Begin(const Now& now) {
    begun_ = true;
    first_new_ = recorded_.counters.next_id;
    then_.emplace(recorded_, first_new_);
    now_.emplace(recorded_, first_new_);
    world_.Begin(now, integrations_);
    actions_.emplace(recorded_, world_, *now_);
    if (request_.organisation != nullptr) TOCSIN_TRY(Apply(request_.organisation));
    Recognise();
    return MakeSilence();
  }

  // At the beginning; or as soon as there is an organisation, whose service it may be for.
  absl::Status MakeSilence() {
    if (!request_.silence || silenced_ || world_.responder().state().organisation == nullptr) return absl::OkStatus();
    silenced_ = true;
    Command command;
    command.actor = "replay";
    command.body = CreateSilence{*request_.silence};
    return world_.Do(std::move(command)).status;
  }

  absl::Status Apply(OrganisationPtr organisation) {
    Command command;
    command.actor = "replay";
    command.body = ApplyOrganisation{std::move(organisation), "replay", {}, {}};
    return world_.Do(std::move(command)).status;
  }

  // Which integrations there are, by number.
  void Recognise() {
    recognised_.assign(integrations_.size(), false);
    const OrganisationPtr organisation = world_.responder().state().organisation;
    for (std::size_t i = 0; i < integrations_.size(); ++i)
      recognised_[i] = organisation != nullptr && organisation->Find(integrations_[i]) != nullptr;
  }

  absl::Status Live(const Entry& entry) {
    ++result_.entries;
    if (std::exchange(down_, false) && ever_ran_) {
      ++result_.downtimes;
      world_.SkipTo(entry.now);
    } else {
      world_.AdvanceTo(entry.now);
    }
    ever_ran_ = true;
    switch (entry.kind) {
      case EntryKind::kShard: return ComeIn(entry);
      case EntryKind::kResponderPart:
      case EntryKind::kResponder: {
        TOCSIN_ASSIGN(const std::optional<Change> change, changes_.Add(entry));
        if (!change) return absl::OkStatus();
        FoldInto(recorded_, *change);
        then_->See(*change, recorded_, [this](Episode& episode) {
          episode.elsewhere = WhyNotPaging(world_.responder().state(), *now_, &world_, episode);
        });
        return DoAgain(*change);
      }
      case EntryKind::kLead:
      case EntryKind::kIntegrations: return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  absl::Status ComeIn(const Entry& entry) {
    TOCSIN_TRY(CheckShard(entry.shard));
    Shard& recorded = recorded_shards_[entry.shard];
    TOCSIN_TRY(recorded.Follow(entry.body, [&](const RecordedEvent& event) {
      world_.LeasesRunTo(entry.shard, recorded.LeaseClock());
      ComesIn(event);
    }));
    world_.LeasesRunTo(entry.shard, recorded.LeaseClock());
    return absl::OkStatus();
  }

  absl::Status DoAgain(const Change& change) {
    for (const Row& row : change.rows) {
      const auto* organisation = std::get_if<OrganisationPtr>(&row);
      if (organisation == nullptr) continue;
      ++result_.versions_applied;
      if (request_.organisation != nullptr) continue;
      TOCSIN_TRY(Apply(*organisation));
      Recognise();
      TOCSIN_TRY(MakeSilence());
    }
    actions_->Repeat(change);
    return absl::OkStatus();
  }

  void ComesIn(const RecordedEvent& event) {
    result_.events += event.events;
    if (event.begins) {
      ++result_.began;
      if (!request_.matchers.empty() && matchers_.Match(event.labels)) {
        ++result_.matched;
        if (matched_.size() < limits::kAlerts) matched_.insert(event.key);
      }
    }
    if (event.integration >= recognised_.size() || !recognised_[event.integration]) {
      ++result_.refused;
      return;
    }
    world_.Apply(event);
  }

  // A decision of the replay.
  void Decided(const Change& change) {
    if (!now_) return;
    now_->See(change, world_.responder().state(),
              [this](Episode& episode) { episode.elsewhere = WhyNotPaging(recorded_, *then_, nullptr, episode); });
  }

  Result Finish() {
    const absl::Time reaches_back_to = base_.generation == 0 ? first_at_.value_or(request_.to) : base_.at;
    result_.is_cut_short = reaches_back_to > request_.from;
    result_.from = std::max(request_.from, reaches_back_to);
    result_.to = std::min(request_.to, world_.now().wall);
    result_.actions = actions_->done();
    result_.actions_left_out = actions_->left_out();
    result_.matched_alerts = matched_.size();
    const OrganisationPtr organisation = world_.responder().state().organisation;
    result_.comparison = Compare(*then_, *now_, organisation == nullptr ? Organisation() : *organisation);
    control_.permille.store(1000, std::memory_order_relaxed);
    return std::move(result_);
  }

  Store& store_;
  const History& history_;
  const Request& request_;
  Control& control_;
  const Sequence last_;
  const std::uint32_t shard_count_;
  CompiledMatchers matchers_;
  std::vector<IntegrationId> integrations_;
  std::vector<bool> recognised_;  // by number
  HistoryBase base_;
  absl::Time from_;
  std::optional<absl::Time> first_at_;  // of the first entry that was read
  Now before_;                          // of the last entry before the beginning
  Sequence expected_;                   // the entry that must come next
  std::uint64_t checks_ = 0;
  bool begun_ = false;
  bool down_ = false;      // until the next entry
  bool silenced_ = false;  // the silence of the request is there
  bool ever_ran_ = false;  // an entry of a running server was seen
  std::uint64_t first_new_ = 0;
  std::vector<Shard> recorded_shards_;  // only folded
  ResponderState recorded_;
  ChangeReader changes_;
  std::optional<Told> then_;
  std::optional<Told> now_;
  World world_;
  std::optional<Actions> actions_;
  std::unordered_set<AlertKey, AlertKeyHash> matched_;
  Result result_;
};

}  // namespace

absl::StatusOr<Result> Run(Store& store, const World::Options& options, const Request& request, Control& control) {
  return Runner(store, options, request, control).Run();
}

}  // namespace tocsin::replay
