// `./dev bench pages [PEOPLE]`: a hundred thousand alerts at once, each with a route, a policy and a person of its own, until all
// of these people have been told (P7).
//
//   P7           first notifications handed to a webhook on loopback, per second, from the first alert sent to the last page
//                received | a plain load generator against the same webhook: a process of its own that posts one of these
//                requests, made beforehand, again and again over 32 kept connections, each waiting for its answer and reading it
//   P7.critical  from the first alert sent until the last of the critical ones, each hundredth, has been handed over
//   P7.order     how many others had been handed over by then
//   P7.apply     from `tocsin serve --config` to serving with that organisation
//
// Every page must come exactly once: a repeat or a person who was not told fails the run.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "base/mutex.h"
#include "base/status.h"
#include "bench/grpc_load.h"
#include "bench/http_load.h"
#include "bench/results.h"
#include "bench/rig.h"
#include "tocsin/v1/ingest.pb.h"

namespace tocsin {
namespace {

using Target = Result::Target;

constexpr int kPerMessage = 500;
constexpr std::uint32_t kCriticalEach = 100;
constexpr int kStreams = 2;
constexpr int kConnections = 32;  // of the plain load generator
constexpr absl::Duration kPatience = absl::Minutes(3);

// The provider: who was told, when, and how often.
class Provider {
 public:
  explicit Provider(std::uint32_t people)
      : told_at_ns_(people), sink_(0, [this](std::string_view request) { Note(request); }) {}
  std::uint16_t port() const { return sink_.port(); }
  std::uint64_t told() const { return told_.load(std::memory_order_acquire); }
  std::uint64_t repeats() const { return repeats_.load(std::memory_order_acquire); }
  // When each was told first, in Unix nanoseconds.
  std::vector<std::int64_t> TimesOf() const {
    std::vector<std::int64_t> times;
    for (const std::atomic<std::int64_t>& at : told_at_ns_)
      times.push_back(at.load());
    return times;
  }
  // A request as it was received: what the plain load generator sends.
  std::string Sample() const {
    const MutexLock lock(mutex_);
    return sample_;
  }

 private:
  void Note(std::string_view request) {
    constexpr std::string_view kPath = "POST /p/";
    if (!request.starts_with(kPath)) return;  // the load generator's
    std::uint32_t person = 0;
    std::from_chars(request.data() + kPath.size(), request.data() + request.size(), person);
    if (person >= told_at_ns_.size()) return;
    std::int64_t never = 0;
    if (!told_at_ns_[person].compare_exchange_strong(never, absl::GetCurrentTimeNanos())) {
      repeats_.fetch_add(1);
      return;
    }
    if (told_.fetch_add(1) != 0) return;
    const MutexLock lock(mutex_);
    sample_ = request;
  }

  std::vector<std::atomic<std::int64_t>> told_at_ns_;
  std::atomic<std::uint64_t> told_{0};
  std::atomic<std::uint64_t> repeats_{0};
  mutable Mutex mutex_;
  std::string sample_ ABSL_GUARDED_BY(mutex_);
  PostSink sink_;  // last: it calls back
};

std::string Organisation(std::uint32_t people, std::uint16_t provider) {
  std::string users;
  std::string policies;
  std::string routes;
  for (std::uint32_t i = 0; i < people; ++i) {
    absl::StrAppendFormat(&users,
                          "  - {id: p%06d, contact_methods: [{kind: webhook, address: 'http://127.0.0.1:%d/p/%d'}]}\n",
                          i, provider, i);
    absl::StrAppendFormat(&policies, "  - {id: p%06d, steps: [{delay: 1h, targets: [{user: p%06d}]}]}\n", i, i);
    absl::StrAppendFormat(&routes, "    - {id: p%06d, matchers: ['person=\"%06d\"'], policy: p%06d}\n", i, i, i);
  }
  return absl::StrFormat(R"(
name: bench
fallback_user: p000000
limits: {webhook: [], bundle_window: 0s}
integrations:
  - {id: stream, source: stream, key: %s, active_alerts: 20000000, lease: 24h}
users:
%spolicies:
%sroute:
  policy: p000000
  group_by: [person]
  group_wait: 0s
  routes:
%s)",
                         kStreamKey, users, policies, routes);
}

grpc::ByteBuffer MessageOf(std::uint64_t n) {
  v1::IngestRequest request;
  request.set_batch_id(n + 1);
  for (int i = 0; i < kPerMessage; ++i) {
    const auto person = static_cast<std::uint32_t>(n * kPerMessage) + static_cast<std::uint32_t>(i);
    auto& alert = *request.add_alerts();
    auto& labels = *alert.mutable_labels();
    labels["alertname"] = "HighErrorRate";
    labels["person"] = absl::StrFormat("%06d", person);
    labels["job"] = absl::StrFormat("service-%d", person % 50);
    labels["severity"] = person % kCriticalEach == 0 ? "critical" : "warning";
    (*alert.mutable_annotations())["summary"] = absl::StrFormat("error rate of service %d is high", person);
  }
  const std::string bytes = request.SerializeAsString();
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

// The load generator: `pages_bench --load PORT FILE` posts what FILE holds and prints how often a second it was answered.
int Load(std::uint16_t port, const char* file) {
  std::ifstream in(file, std::ios::binary);
  const std::string request((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::printf("%.1f\n", RunPosts({.port = port,
                                  .connections = kConnections,
                                  .request = [&](std::uint64_t) -> const std::string& { return request; },
                                  .seconds = absl::Seconds(5)}));
  return 0;
}

// In a process of its own, as the server is: neither shares an address space with the receiver.
double PlainRate(const Rig& rig, const Provider& provider) {
  std::string request = provider.Sample();
  request.replace(0, std::string_view("POST /p/").size(), "POST /l/");
  const std::filesystem::path file = rig.scratch / "request";
  std::ofstream(file, std::ios::binary) << request;
  const std::filesystem::path said = rig.scratch / "load.log";
  std::fflush(stdout);  // the child would say it again
  const Child load({rig.self.string(), "--load", absl::StrCat(provider.port()), file.string()}, said);
  double rate = 0;
  for (const absl::Time begun = absl::Now(); rate == 0 && absl::Now() < begun + kPatience;) {
    absl::SleepFor(absl::Milliseconds(100));
    std::ifstream(said) >> rate;
  }
  return rate;
}

void Report(const Provider& provider, absl::Time begun, double plain, Results& results) {
  const std::vector<std::int64_t> times = provider.TimesOf();
  const std::int64_t last = *std::ranges::max_element(times);
  std::int64_t last_critical = 0;
  for (std::size_t person = 0; person < times.size(); person += kCriticalEach)
    last_critical = std::max(last_critical, times[person]);
  std::int64_t others = 0;
  for (std::size_t person = 0; person < times.size(); ++person)
    others += person % kCriticalEach != 0 && times[person] < last_critical ? 1 : 0;
  const auto since = [&](std::int64_t ns) { return static_cast<double>(ns - absl::ToUnixNanos(begun)); };
  results.Add({
      .id = "P7",
      .what = absl::StrFormat("pages to %d people at once", times.size()),
      .value = static_cast<double>(times.size()) / (since(last) / 1e9),
      .unit = "pages/s",
      .beside = "plain load generator",
      .beside_value = plain,
      .target = Target{Target::Is::kAtLeast, 0.5}
  });
  results.Add({
      .id = "P7.critical",
      .what = absl::StrFormat("the last of %d critical pages", times.size() / kCriticalEach),
      .value = since(last_critical) / 1e6,
      .unit = "ms",
      .beside = "",
      .target = Target{Target::Is::kAtMost, 1000}
  });
  results.Add({.id = "P7.order",
               .what = "other pages before it",
               .value = static_cast<double>(others),
               .unit = "pages",
               .beside = "",
               .target = std::nullopt});
}

absl::Status Measure(const Rig& rig, std::uint32_t people, Results& results) {
  Provider provider(people);
  const absl::Time start = absl::Now();
  TOCSIN_ASSIGN(const auto server,
                BenchServer::Start(rig, {
                                            .name = "pages",
                                            .organisation = Organisation(people, provider.port()),
                                            .flags = {"--allow_webhooks_to=127.0.0.0/8",
                                                      absl::StrCat("--max_groups=", people + 1000)}
  }));
  results.Add({.id = "P7.apply",
               .what = absl::StrFormat("--config with %d people, to serving", people),
               .value = absl::ToDoubleMilliseconds(absl::Now() - start),
               .unit = "ms",
               .beside = "",
               .target = std::nullopt});
  std::vector<grpc::ByteBuffer> messages;
  for (std::uint32_t n = 0; n < people / kPerMessage; ++n)
    messages.push_back(MessageOf(n));
  absl::SleepFor(absl::Seconds(1));  // what the start has left over is done
  const absl::Time begun = absl::Now();
  const Progress progress = RunStreams({.address = server->grpc_address(),
                                        .streams = kStreams,
                                        .message = [&](std::uint64_t n) { return messages[n]; },
                                        .messages = messages.size()});
  if (!progress.complete) return Unavailable("a stream ended early");
  std::printf("accepted after %.0f ms\n", absl::ToDoubleMilliseconds(absl::Now() - begun));
  while (provider.told() < people && absl::Now() < begun + kPatience)
    absl::SleepFor(absl::Milliseconds(10));
  if (provider.told() < people) return Unavailable("%d of %d people were told", provider.told(), people);
  std::printf("the server used %.1f s of processor time, %.0f MB\n", absl::ToDoubleSeconds(server->process().Used()),
              static_cast<double>(server->process().ResidentBytes()) / 1e6);
  absl::SleepFor(absl::Seconds(2));  // answers are taken in, and a repeat would come
  if (provider.repeats() > 0) return Unavailable("%d pages came twice", provider.repeats());
  const absl::Status verified = server->StopAndVerify();
  Report(provider, begun, PlainRate(rig, provider), results);
  return verified;
}

}  // namespace
}  // namespace tocsin

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--load")
    return tocsin::Load(static_cast<std::uint16_t>(std::stoul(argv[2])), argv[3]);
  const tocsin::Rig rig = tocsin::Rig::Find();
  tocsin::Results results;
  const std::uint32_t people = argc > 1 ? static_cast<std::uint32_t>(std::stoul(argv[1])) : 100'000;
  if (const absl::Status status = tocsin::Measure(rig, people, results); !status.ok()) {
    std::fprintf(stderr, "%s, see %s\n", tocsin::Message(status).c_str(), rig.scratch.c_str());
    return 1;
  }
  results.Write();
  std::filesystem::remove_all(rig.scratch);
  return 0;
}
