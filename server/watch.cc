#include "server/watch.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/log.h"
#include "base/small_file.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr absl::Duration kGate = absl::Seconds(30);      // so long a start waits for its first canary
constexpr absl::Duration kRulesCome = absl::Seconds(2);  // what is in force is published a moment after the start
constexpr std::size_t kMostUrls = 16;
constexpr std::size_t kBeatsBytes = 64 * 1024;

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadBeatUrls(const std::string& file) {
  absl::StatusOr<std::string> text = ReadSmallFile(file, kBeatsBytes);
  if (!text.ok()) return Annotate(text.status(), "--beats_file");
  std::istringstream in(*std::move(text));
  std::vector<std::string> urls;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::string url(Trim(line));
    if (url.empty() || url.starts_with('#')) continue;
    const bool is_url = url.starts_with("http://") || url.starts_with("https://");
    if (!is_url || std::ranges::any_of(url, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; }))
      return Invalid("--beats_file: line %d of %s is no http or https URL", number, file);
    urls.push_back(url);
  }
  if (urls.size() > kMostUrls) return Invalid("--beats_file: %s has %d URLs, at most %d", file, urls.size(), kMostUrls);
  return urls;
}

Watch::Watch(Options options, Engine& engine, Outgoing& outgoing, const Clock& clock)
    : options_(std::move(options)),
      engine_(engine),
      outgoing_(outgoing),
      clock_(clock),
      supervisor_(Supervisor::OfProcess()),
      watchdog_(Supervisor::WatchdogOfProcess(),
                {.name = "the engine: its shards, its timers or the journal's disk",
                 .probe = [this](std::function<void()> passed) { engine_.Probe(std::move(passed)); },
                 .sender_turns = [this] { return outgoing_.Read().turns; }},
                [this] { return supervisor_.Tell("WATCHDOG=1"); }) {}

absl::StatusOr<std::unique_ptr<Watch>> Watch::Start(const Options& options,
                                                    Engine& engine,
                                                    Outgoing& outgoing,
                                                    const Clock& clock) {
  std::unique_ptr<Watch> watch(new Watch(options, engine, outgoing, clock));
  if (!options.beats_file.empty()) {
    TOCSIN_ASSIGN(watch->urls_, ReadBeatUrls(options.beats_file));
  }
  if (options.canary_interval > absl::ZeroDuration()) {
    TOCSIN_ASSIGN(watch->canary_, Canary::Start(engine, clock));
  }
  return watch;
}

void Watch::ReadAgain() {
  if (options_.beats_file.empty()) return;
  absl::StatusOr<std::vector<std::string>> urls = ReadBeatUrls(options_.beats_file);
  if (!urls.ok()) {
    LogError("the file of beats is not taken, the former URLs stay", {
                                                                         {"error", urls.status()}
    });
    return;
  }
  urls_ = *std::move(urls);
}

void Watch::Begin() {
  begun_ = clock_.Read().engine;
  supervisor_.TellStatus("serving; the first canary is under way");
  Tick();
}

absl::Duration Watch::CanaryInterval(const Organisation& organisation) const {
  const bool beats = !urls_.empty() || !organisation.dead_man.url.empty();
  return beats ? std::min(options_.canary_interval, organisation.dead_man.interval) : options_.canary_interval;
}

void Watch::Beat(const Organisation& organisation, EngineTime now, bool arrived) {
  Beats::Seen seen{.canaries = std::nullopt, .arrived = arrived, .why_not = why_not_};
  if (canary_) seen.canaries = CanaryInterval(organisation);
  const Beats::Verdict verdict = beats_.Decide(now, organisation.dead_man.interval, seen);
  if (verdict == Beats::Verdict::kNotNow || (urls_.empty() && organisation.dead_man.url.empty())) return;
  if (verdict == Beats::Verdict::kWithhold) {
    LogError("no heartbeat is sent to the dead-man service, because pages would not go out", {
                                                                                                 {"reason", why_not_}
    });
    return;
  }
  if (!organisation.dead_man.url.empty()) outgoing_.Beat(organisation.dead_man.url, /*is_own=*/false);
  for (const std::string& url : urls_)
    outgoing_.Beat(url, /*is_own=*/true);
}

void Watch::TellReady(EngineTime now, bool declared) {
  if (is_ready_) return;
  const bool late = now - begun_ >= kGate;
  if (!declared && now - begun_ < kRulesCome) return;
  const bool waits = canary_ && declared && canary_->round().arrived() == 0;
  if (waits && !late) return;
  is_ready_ = true;
  if (waits) {
    LogError("the first canary since the start has not arrived: the server is said to be ready without it",
             {
                 {"waited", absl::FormatDuration(now - begun_)}
    });
  }
  supervisor_.Tell("READY=1");
}

void Watch::Tick() {
  const EngineTime now = clock_.Read().engine;
  watchdog_.Tick(now);
  const RulesPtr rules = engine_.rules();
  const OrganisationPtr organisation = rules ? rules->organisation : nullptr;
  bool arrived = false;
  if (organisation && canary_) {
    arrived = canary_->round().Tick(CanaryInterval(*organisation));
    engine_.SetTrouble(canary_->round().why_missing());
  }
  why_not_ = engine_.WhyNotPaging();
  if (organisation) Beat(*organisation, now, arrived);
  TellReady(now, organisation != nullptr);
  if (is_ready_)
    supervisor_.TellStatus(why_not_.empty() ? "pages can go out" : absl::StrCat("pages would NOT go out: ", why_not_));
}

void Watch::Stopping() {
  supervisor_.Tell("STOPPING=1\nSTATUS=what was taken is finished");
}

void Watch::AddMetrics(MetricRegistry& registry) {
  if (!canary_) return;
  using Kind = MetricRegistry::Kind;
  registry.AddObserved(
      "tocsin_canary_seconds",
      "Canaries that arrived: from the door for alerts through journal and outbox to a provider in the "
      "server.",
      canary_->round().seconds());
  registry.AddSampled(Kind::kCounter, "tocsin_canary_missed_total",
                      "Canaries that were taken in and had not arrived 20 seconds later.",
                      [this] { return static_cast<double>(canary_->round().missed()); });
}

}  // namespace tocsin
