// `./dev bench decode`: what it costs to read one alert off the wire into a batch, on one core, beside what the same bytes
// cost the generated protobuf classes, and beside copying them. A batch does more than the classes: it sorts, checks the
// limits and UTF-8, and makes the alert's key.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include <google/protobuf/arena.h>

#include "base/status.h"
#include "bench/payload.h"
#include "ingest/wire_decoder.h"
#include "tocsin/v1/ingest.pb.h"

namespace tocsin {
namespace {

constexpr std::uint32_t kMessages = 40;  // more than the caches hold
constexpr int kRounds = 9;

std::vector<std::string> Messages() {
  std::vector<std::string> messages;
  const AlertBytes payload(AlertBytes::Form::kMessage, kAlertsPerMessage);
  for (std::uint32_t i = 0; i < kMessages; ++i)
    messages.push_back(payload.Text(i * kAlertsPerMessage));
  return messages;
}

// Nanoseconds an alert, of the fastest of some rounds over all messages.
double Cost(const std::vector<std::string>& messages, const std::function<void(const std::string&)>& read) {
  constexpr int kRepeats = 10;
  absl::Duration best = absl::InfiniteDuration();
  for (int round = 0; round < kRounds; ++round) {
    const absl::Time start = absl::Now();
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
      for (const std::string& message : messages)
        read(message);
    }
    best = std::min(best, absl::Now() - start);
  }
  return absl::ToDoubleNanoseconds(best) / (static_cast<double>(kRepeats) * kMessages * kAlertsPerMessage);
}

void Run() {
  const std::vector<std::string> messages = Messages();
  WireDecoder decoder;
  Intake intake(/*key_seed=*/1);
  const double ours = Cost(messages, [&](const std::string& message) {
    intake.Begin(0, nullptr, absl::UnixEpoch(), Intake::Manner::kStrict);
    TOCSIN_CHECK(decoder.Decode(message, intake).ok() && intake.batch().count() == kAlertsPerMessage, "a good message");
  });
  const double classes = Cost(messages, [](const std::string& message) {
    google::protobuf::Arena arena;
    auto* request = google::protobuf::Arena::CreateMessage<v1::IngestRequest>(&arena);
    TOCSIN_CHECK(request->ParseFromString(message), "a good message");
  });
  std::string copy;
  volatile char seen = 0;
  const double copying = Cost(messages, [&](const std::string& message) {
    copy.assign(message);
    seen = copy[copy.size() / 2];
  });
  std::printf("%-44s %8.1f ns an alert\n", "wire to batch", ours);
  std::printf("%-44s %8.1f ns an alert, %.2f times\n", "the generated classes on an arena", classes, classes / ours);
  std::printf("%-44s %8.1f ns an alert, %.2f times\n", "copying the bytes", copying, copying / ours);
}

}  // namespace
}  // namespace tocsin

int main() {
  tocsin::Run();
  return 0;
}
