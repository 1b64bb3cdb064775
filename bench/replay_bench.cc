// A recorded day of a million events, replayed through a changed configuration: seconds, and the result as people see it.
//
//   ./dev bench replay [EVENTS]
//
// The recording is made by the engine itself in simulated time, on real files that are not synced: 500 services, 5,000
// alerts, each second a batch; people acknowledge within minutes. Target: 30 seconds.
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "base/random.h"
#include "tests/replay/recorded_life.h"
#include "tests/sim/lying_disk.h"

namespace tocsin::replay {
namespace {

constexpr std::size_t kServices = 500;
constexpr std::size_t kAlerts = 5000;
constexpr int kPeople = 8;
constexpr std::int64_t kSeconds = 24 * 60 * 60;

User Person(int number) {
  User user;
  user.id = UserId(absl::StrFormat("person-%d", number));
  user.time_zone = "Europe/Berlin";
  user.contact_methods = {
      {ContactMethodId("mail"), ContactMethod::Kind::kEmail, user.id.value() + "@example.com", ""}
  };
  user.notification_rules = {
      {Urgency::kHigh, absl::ZeroDuration(), ContactMethodId("mail")},
      {Urgency::kLow,  absl::ZeroDuration(), ContactMethodId("mail")}
  };
  return user;
}

Organisation Present() {
  Organisation organisation;
  organisation.name = "a day";
  for (int i = 0; i < kPeople; ++i)
    organisation.users.push_back(Person(i));
  organisation.teams = {
      {TeamId("all"), "Everybody", {organisation.users[0].id}}
  };
  organisation.fallback_user = organisation.users[0].id;
  Integration stream;
  stream.id = IntegrationId("stream");
  stream.source = "stream";
  stream.lease = absl::Minutes(30);
  organisation.integrations = {stream};
  Route& root = organisation.route;
  root.id = RouteId("root");
  root.group_by = {"service"};
  for (int i = 0; i < kPeople; ++i) {
    EscalationPolicy policy;
    policy.id = PolicyId(absl::StrFormat("team-%d", i));
    policy.team = TeamId("all");
    policy.steps = {
        {absl::Minutes(10), {UserTarget{organisation.users[static_cast<std::size_t>(i)].id}}                },
        {absl::Minutes(10), {UserTarget{organisation.users[static_cast<std::size_t>((i + 1) % kPeople)].id}}}
    };
    organisation.policies.push_back(policy);
    Route route = root;
    route.children.clear();
    route.id = RouteId(absl::StrFormat("team-%d", i));
    route.matchers = {
        {"team", MatchOp::kEqual, std::to_string(i)}
    };
    route.policy = policy.id;
    root.children.push_back(route);
  }
  root.policy = organisation.policies[0].id;
  return organisation;
}

// Slower to page, warnings of two teams page nobody any more, and one team pages somebody else.
Organisation Changed() {
  Organisation organisation = Present();
  for (Route& route : organisation.route.children)
    route.group_wait = absl::Minutes(2);
  for (const std::size_t team : {1U, 2U}) {
    Route quiet = organisation.route.children[team];
    quiet.id = RouteId(absl::StrFormat("quiet-%d", team));
    quiet.matchers.push_back({"severity", MatchOp::kEqual, "warning"});
    quiet.policy = PolicyId();
    organisation.route.children.insert(organisation.route.children.begin(), quiet);
  }
  organisation.policies[3].steps[0].targets = {UserTarget{organisation.users[7].id}};
  return organisation;
}

AlertEvent EventOf(std::size_t alert, bool firing) {
  const std::size_t service = alert % kServices;
  AlertEvent event;
  event.kind = firing ? EventKind::kTrigger : EventKind::kResolve;
  event.labels = {
      {"alertname",  absl::StrFormat("HighLatency%d", alert % 20)},
      {"instance",            absl::StrFormat("10.0.%d.%d:9100",                                  alert / 250, alert % 250)},
      {"service", absl::StrFormat("service-%d",service)},
      {"severity",    alert % 5 == 0 ? "critical" : "warning"      },
      {"team",            std::to_string(service % kPeople)                                 }
  };
  event.annotations = {
      {"summary", absl::StrFormat("the latency of service-%d is high", service)}
  };
  return event;
}

// Services have bad quarters of an hour, in which their alerts come again and again, and then recover.
class Day {
 public:
  Day(RecordedLife& life, std::uint64_t events) : life_(life), events_(events), random_(7) {
    life_.Apply(std::make_shared<const Organisation>(Present()));
  }
  void Run() {
    std::uint64_t sent = 0;
    for (std::int64_t second = 0; second < kSeconds; ++second) {
      const std::uint64_t until = events_ * static_cast<std::uint64_t>(second + 1) / kSeconds;
      std::vector<AlertEvent> batch;
      for (; sent < until; ++sent)
        batch.push_back(Next(second));
      if (!batch.empty()) life_.Send(batch);
      if (second % 60 == 0) Acknowledge();
      life_.Pass(absl::Seconds(1));
    }
  }

 private:
  AlertEvent Next(std::int64_t second) {
    const auto window = static_cast<std::size_t>(second / 900);
    const std::size_t service = (window * 37 + random_.Below(20)) % kServices;
    const std::size_t alert = service + kServices * random_.Below(kAlerts / kServices);
    return EventOf(alert, !random_.OneIn(second % 900 > 750 ? 2 : 12));
  }
  void Acknowledge() {
    for (const Group& group : life_.OpenGroups()) {
      if (group.state == Group::State::kOpen && group.flushed && random_.OneIn(6))
        life_.Do(AcknowledgeGroup{group.id, std::nullopt}, "user:person-1");
    }
  }

  RecordedLife& life_;
  std::uint64_t events_;
  Random random_;
};

void Print(const char* name, const Result& result, absl::Duration took) {
  const Comparison& found = result.comparison;
  std::printf("\n%s: %.1f s for %llu events in %llu entries (%.0f events/s)\n", name, absl::ToDoubleSeconds(took),
              static_cast<unsigned long long>(result.events), static_cast<unsigned long long>(result.entries),
              static_cast<double>(result.events) / absl::ToDoubleSeconds(took));
  const auto row = [](const char* what, const ThenNow& count) {
    std::printf("  %-28s %9llu %9llu\n", what, static_cast<unsigned long long>(count.then),
                static_cast<unsigned long long>(count.now));
  };
  std::printf("  %-28s %9s %9s\n", "", "then", "now");
  row("groups opened", found.groups);
  row("groups that paged", found.episodes);
  row("pages", found.pages);
  row("pages at night", found.pages_at_night);
  row("messages", found.messages);
  for (const PersonRow& person : found.people)
    row(("pages of " + person.user.value()).c_str(), person.pages);
  std::printf(
      "  the same %llu, changed %llu, only now %llu, only then %llu, in other groups %llu; %llu actions done again\n",
      static_cast<unsigned long long>(found.same), static_cast<unsigned long long>(found.changed.count),
      static_cast<unsigned long long>(found.gained.count), static_cast<unsigned long long>(found.lost.count),
      static_cast<unsigned long long>(found.regrouped.count), static_cast<unsigned long long>(result.actions));
  if (!found.lost.rows.empty()) {
    std::printf("  for instance only then: %s (%s)\n", found.lost.rows[0].title.c_str(),
                found.lost.rows[0].reason.c_str());
  }
}

void RunDay(std::uint64_t events) {
  const std::string folder = (std::filesystem::temp_directory_path() / "tocsin_replay_bench").string();
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  sim::LyingDisk disk(PosixFileSystem());
  RecordedLife::Options options;
  options.files = &disk;
  options.folder = folder;
  options.segment_bytes = 64 << 20;
  options.step = absl::Seconds(1);
  RecordedLife life(options);
  const absl::Time start = life.now();
  absl::Time began = absl::Now();
  Day(life, events).Run();
  std::printf(
      "recorded %llu events of a day in %.1f s: %.0f MiB of history\n", static_cast<unsigned long long>(events),
      absl::ToDoubleSeconds(absl::Now() - began),
      static_cast<double>(*life.store().history().Bytes() + life.store().journal().bytes_on_disk()) / (1 << 20));
  Request request;
  request.from = start;
  request.to = life.now();
  request.organisation = std::make_shared<const Organisation>(Changed());
  for (const char* name : {"the day through a changed configuration", "the last hour through it"}) {
    began = absl::Now();
    const Result result = life.Replay(request);
    Print(name, result, absl::Now() - began);
    request.from = life.now() - absl::Hours(1);
  }
  request.from = start;
  request.organisation = nullptr;
  began = absl::Now();
  const Result own = life.Replay(request);
  Print("the day through its own configuration", own, absl::Now() - began);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tocsin::replay

int main(int argc, char** argv) {
  tocsin::replay::RunDay(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'050'000);
  return 0;
}
