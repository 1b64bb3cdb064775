// The canary and the beats to outside services, as the server's main thread has them (server/watch.cc). I16.
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "tests/sim/simulation_impl.h"

namespace tocsin::sim {
namespace {

constexpr absl::Duration kTicks = absl::Seconds(1);
constexpr absl::Duration kStoodStill = absl::Seconds(10);  // nobody has watched meanwhile
constexpr absl::Duration kSaidBy = absl::Seconds(90);      // so long none comes before it has to be said

}  // namespace

void Simulation::StartCanary() {
  if (plan_.settings.canary_s <= 0) return;
  watched_ = Watched();
  watched_.looked = clock_.Read().engine;
  canary_ = std::make_unique<CanaryRound>(*engine_, clock_, [this] {
    watched_.key = absl::StrFormat("canary-%d", ++canaries_);
    watched_.committed = store_->journal().last();
    watched_.sent = clock_.elapsed();
    if (!watched_.waits) watched_.waits = clock_.Read().engine;
    return watched_.key;
  });
  canary_->SetUrl("http://127.0.0.1:1/canary");
}

void Simulation::CanaryArrives(const std::string& key) {
  Trace(absl::StrCat("arrives ", key));
  if (canary_ == nullptr) return;
  if (key == watched_.key) {
    watched_.came = true;
    watched_.waits.reset();
    // The message that is sent about it.
    if (store_->journal().last() <= watched_.committed)
      Violate("I16: a canary has arrived that has not been in the journal");
    for (const std::size_t stage : {0U, 1U, 3U}) {  // committer, responder, shards
      if (IsStalled(stage) && stalled_since_[stage] < watched_.sent)
        Violate("I16: a canary has arrived past a stage that stands still");
    }
  }
  canary_->arrival()(key);
}

void Simulation::Watch() {
  const Now now = clock_.Read();
  if (canary_ == nullptr || !alive() || now.engine - watched_.looked < kTicks) return;
  if (now.engine - std::exchange(watched_.looked, now.engine) > kStoodStill && watched_.waits)
    watched_.waits = now.engine;
  if (engine_->rules() == nullptr) return;  // as the server: nothing comes in as yet
  const absl::Duration interval = absl::Seconds(plan_.settings.canary_s);
  const bool came = std::exchange(watched_.came, false);
  Beats::Seen seen{.canaries = interval, .arrived = canary_->Tick(interval), .why_not = ""};
  engine_->SetTrouble(canary_->why_missing());
  seen.why_not = engine_->WhyNotPaging();
  if (seen.why_not.empty() && watched_.waits && now.engine - *watched_.waits > kSaidBy)
    Violate("I16: no canary has come, and nobody says so");
  if (watched_.beats.Decide(now.engine, interval, seen) != Beats::Verdict::kSend) return;
  Trace("beats");
  if (!came) Violate("I16: a beat goes out, and no canary has come since the last look");
  if (!seen.why_not.empty()) Violate("I16: a beat goes out, although pages would not: " + seen.why_not);
  watched_.beat = now.engine;
}

// All has been well for hours.
void Simulation::LookAtBeats() {
  if (canary_ == nullptr) return;
  const absl::Duration longest = absl::Seconds(3 * plan_.settings.canary_s + 60);
  if (!watched_.beat || clock_.Read().engine - *watched_.beat > longest)
    Violate("I16: no beat goes out although all is well: " + engine_->WhyNotPaging());
}

}  // namespace tocsin::sim
