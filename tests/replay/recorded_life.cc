#include "tests/replay/recorded_life.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/status.h"

namespace tocsin::replay {
namespace {

constexpr absl::Duration kDelivery = absl::Seconds(1);
constexpr const char* kLinkKey = "the recorded life's link key";

}  // namespace

RecordedLife::RecordedLife(Options options)
    : options_(std::move(options)), views_(rocksdb::NewMemEnv(rocksdb::Env::Default())) {
  SetLogLevel(LogLevel::kWarning);  // checkpoints are no news here
  Start();
}

RecordedLife::~RecordedLife() {
  engine_.reset();
  store_.reset();
}

void RecordedLife::Start() {
  Store::Options store;
  store.folder = options_.folder;
  store.views_env = views_.get();
  store.key_seed = 42;
  store.low_water_bytes = 0;
  store.reserve_bytes = 0;
  store.journal.segment_bytes = options_.segment_bytes;
  store.history = options_.history;
  FileSystem& files = options_.files != nullptr ? *options_.files : disk_;
  absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(files, store);
  TOCSIN_CHECK(opened.ok(), opened.status().ToString());
  store_ = *std::move(opened);
  clock_.engine = std::max(clock_.engine, Engine::ResumeAt(*store_, clock_.wall));
  Engine::Options engine;
  engine.threads = false;
  engine.shard_count = options_.shards;
  engine.checkpoint_interval = options_.checkpoint_interval;
  engine.responder.link_key = kLinkKey;
  auto started = Engine::Start(engine, *store_, clock_,
                               {[this](const Notification& notification, absl::Duration, std::shared_ptr<Gate> gate) {
                                  attempts_.push_back({clock_.engine + kDelivery, notification, std::move(gate)});
                                },
                                nullptr, nullptr});
  TOCSIN_CHECK(started.ok(), started.status().ToString());
  engine_ = *std::move(started);
  Drain();
}

World::Options RecordedLife::ReplayOptions() const {
  World::Options options;
  options.shard_count = options_.shards;
  options.shard.key_seed = store_->key_seed();
  options.responder.link_key = kLinkKey;
  options.delivery = kDelivery;
  return options;
}

Result RecordedLife::Replay(Request request) {
  Control control;
  absl::StatusOr<Result> result = replay::Run(*store_, ReplayOptions(), request, control);
  TOCSIN_CHECK(result.ok(), result.status().ToString());
  return *std::move(result);
}

void RecordedLife::Drain() {
  for (bool busy = true; busy;) {
    busy = false;
    for (std::uint32_t i = 0; i < options_.shards; ++i)
      busy = engine_->Step(Engine::Stage::kShard, i) || busy;
    busy = engine_->Step(Engine::Stage::kCommitter) || busy;
    busy = engine_->Step(Engine::Stage::kResponder) || busy;
    busy = engine_->Step(Engine::Stage::kKeeper) || busy;
  }
}

void RecordedLife::Provide() {
  while (!attempts_.empty() && attempts_.front().due <= clock_.engine) {
    const Attempt attempt = std::move(attempts_.front());
    attempts_.pop_front();
    AttemptResult result;
    result.notification = attempt.notification.id;
    result.attempt = attempt.notification.attempt;
    if (attempt.gate->Start()) {
      ++pages_started_;
    } else {
      result.kind = AttemptResult::Kind::kNotStarted;
    }
    engine_->Execute({"", "notify", result}, nullptr);
  }
}

void RecordedLife::Apply(OrganisationPtr organisation) {
  const CommandResult result = Do(ApplyOrganisation{std::move(organisation), "test"}, "user:admin");
  TOCSIN_CHECK(result.status.ok(), result.status.ToString());
}

CommandResult RecordedLife::Do(Command::Body body, std::string_view actor) {
  CommandResult answer;
  engine_->Execute({"", std::string(actor), std::move(body)}, [&](const CommandResult& result) { answer = result; });
  Drain();
  return answer;
}

void RecordedLife::Send(const std::vector<AlertEvent>& events) {
  const std::optional<IntegrationIndex> integration = engine_->IndexOf(IntegrationId("stream"));
  TOCSIN_CHECK(integration.has_value(), "the organisation has an integration \"stream\"");
  EventBatch batch(engine_->KeySeed(), *integration);
  for (const AlertEvent& event : events) {
    const absl::Status appended = batch.Append(event);
    TOCSIN_CHECK(appended.ok(), appended.ToString());
  }
  const Admission admission = engine_->Submit(batch, false, [](const Receipt&) {});
  TOCSIN_CHECK(admission == Admission::kAccepted, "an event is taken in");
  Drain();
}

void RecordedLife::Pass(absl::Duration duration) {
  const EngineTime end = clock_.engine + duration;
  while (clock_.engine < end) {
    EngineTime next = std::min(end, clock_.engine + options_.step);
    engine_->ReadResponderAndWait(
        [&](const Responder& responder, const Now&) { next = std::min(next, responder.NextTimer()); });
    if (!attempts_.empty()) next = std::min(next, attempts_.front().due);
    next = std::max(next, clock_.engine + absl::Milliseconds(1));
    clock_.wall += next - clock_.engine;
    clock_.engine = next;
    Provide();
    Drain();
  }
}

void RecordedLife::Restart(absl::Duration down) {
  engine_.reset();
  store_.reset();
  attempts_.clear();
  clock_.wall += down;
  Start();
}

std::vector<Group> RecordedLife::OpenGroups() {
  std::vector<Group> groups;
  engine_->ReadResponderAndWait([&](const Responder& responder, const Now&) {
    for (const GroupId id : responder.state().open_groups)
      groups.push_back(responder.state().groups.at(id));
  });
  return groups;
}

}  // namespace tocsin::replay
