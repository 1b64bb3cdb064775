// What reading one payload costs, for every source: alerts and bytes a second, beside simdjson's own parse of the same bytes in the same run.
//
//   ./dev bench sources [SOURCE...]
//
// The payloads are the sources' own examples, or, where there is a folder TOCSIN_PAYLOADS of the form SOURCE/FILE, all of the files
// in it. The ratio is our time over simdjson's: it walks the same bytes and makes nothing of them, so it is the floor. A body that is no
// JSON (forms, NAME=value) has no such floor. Medians of alternating rounds on one core.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/strings.h"
#include "ingest/intake.h"
#include "ingest/source.h"
#include "simdjson.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 11;
constexpr auto kRound = std::chrono::milliseconds(10);

const Now kNow{.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)};

std::vector<std::string> PayloadsOf(const Source& source) {
  std::vector<std::string> payloads;
  const char* folder = std::getenv("TOCSIN_PAYLOADS");
  if (folder != nullptr && fs::is_directory(fs::path(folder) / source.name)) {
    for (const auto& entry : fs::directory_iterator(fs::path(folder) / source.name)) {
      if (entry.path().extension() == ".http") continue;  // a head stands before the body
      std::ifstream in(entry.path(), std::ios::binary);
      std::stringstream bytes;
      bytes << in.rdbuf();
      payloads.push_back(std::move(bytes).str());
    }
  }
  if (payloads.empty()) payloads.emplace_back(source.example);
  return payloads;
}

// Calls work() again and again for one round; nanoseconds a call.
template <typename Work>
double Measure(const Work& work) {
  std::size_t calls = 0;
  const Clock::time_point begin = Clock::now();
  Clock::duration spent{};
  do {
    for (int i = 0; i < 16; ++i)
      work();
    calls += 16;
    spent = Clock::now() - begin;
  } while (spent < kRound);
  return std::chrono::duration<double, std::nano>(spent).count() / static_cast<double>(calls);
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// From the request to a record in a batch: all that a door does with a payload before it is handed over.
std::size_t Read(const Source& source, const std::string& body, Intake& intake) {
  intake.Begin(0, nullptr, kNow.wall, Intake::Manner::kLenient);
  for (const Reading& reading : ReadPayload(source, {.body = body}, kNow)) {
    if (reading.event) intake.Add(*reading.event);
  }
  return intake.batch().count();
}

struct Line {
  std::size_t payloads = 0;
  double bytes = 0;
  double alerts = 0;
  double ours_ns = 0;      // all payloads once
  double simdjson_ns = 0;  // those that are JSON, once
  double ours_of_json_ns = 0;
};

Line Bench(const Source& source) {
  Line line;
  Intake intake(1);
  simdjson::dom::parser parser;
  for (const std::string& body : PayloadsOf(source)) {
    const simdjson::padded_string padded(body);
    simdjson::dom::element element;
    const bool is_json = parser.parse(padded).get(element) == simdjson::SUCCESS;
    std::vector<double> ours;
    std::vector<double> floor;
    for (int round = 0; round < kRounds; ++round) {
      ours.push_back(Measure([&] { (void)Read(source, body, intake); }));
      if (!is_json) continue;
      floor.push_back(Measure([&] {
        if (parser.parse(padded).get(element) != simdjson::SUCCESS) std::abort();
      }));
    }
    const double median = Median(ours);
    ++line.payloads;
    line.bytes += static_cast<double>(body.size());
    line.alerts += static_cast<double>(Read(source, body, intake));
    line.ours_ns += median;
    if (!is_json) continue;
    line.simdjson_ns += Median(floor);
    line.ours_of_json_ns += median;
  }
  return line;
}

int Run(std::vector<std::string> wanted) {
  std::printf("%-20s %8s %8s %10s %12s %10s %14s %8s\n", "source", "payloads", "bytes", "us/alert", "alerts/s", "MB/s",
              "simdjson MB/s", "ratio");
  for (const Source* source : SourceTable()) {
    if (!wanted.empty() && std::ranges::find(wanted, source->name) == wanted.end()) continue;
    const Line line = Bench(*source);
    const double alerts = std::max(line.alerts, 1.0);
    std::printf("%-20s %8zu %8.0f %10.2f %12.0f %10.1f", std::string(source->name).c_str(), line.payloads,
                line.bytes / static_cast<double>(line.payloads), line.ours_ns / alerts / 1e3,
                alerts / line.ours_ns * 1e9, line.bytes / line.ours_ns * 1e3);
    if (line.simdjson_ns > 0) {
      std::printf(" %14.1f %8.1f\n", line.bytes / line.simdjson_ns * 1e3, line.ours_of_json_ns / line.simdjson_ns);
    } else {
      std::printf(" %14s %8s\n", "-", "-");
    }
  }
  return 0;
}

}  // namespace
}  // namespace tocsin

int main(int argc, char** argv) {
  return tocsin::Run(std::vector<std::string>(argv + 1, argv + argc));
}
