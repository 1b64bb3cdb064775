// What benchmarks of the running server share: processes, ports, a folder of their own, and a server with an organisation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <sys/types.h>

namespace tocsin {

std::uint16_t FreePort();
// A connected socket on loopback with TCP_NODELAY, or -1.
int Connect(std::uint16_t port);

// Of the programs and folders that a benchmark needs.
struct Rig {
  std::filesystem::path self;          // this program
  std::filesystem::path tocsin;        // the server's
  std::filesystem::path programs;      // build/programs
  std::filesystem::path alertmanager;  // bench/alertmanager.sh
  std::filesystem::path scratch;       // this run's; on the disk that TMPDIR names
  // Found from where this program lies: build/<preset>/bench.
  static Rig Find();
};

// A process that is stopped with the object: SIGTERM, and SIGKILL when that has not helped after ten seconds.
class Child {
 public:
  Child(std::vector<std::string> arguments, const std::filesystem::path& log);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Until something listens there; false: not within half a minute, or the process has ended.
  bool WaitFor(std::uint16_t port) const;
  // As a power cut does, for the process.
  void Kill();
  std::uint64_t ResidentBytes() const;
  // Processor time so far, user and system.
  absl::Duration Used() const;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
  bool killed_ = false;
};

// What a bench organisation's integrations are called and opened with.
inline constexpr char kStreamKey[] = "bench-stream-key-0123456789";

// An organisation with one person, one policy, and the two integrations that take bench alerts in: `default` for POST
// /api/v2/alerts, `stream` for gRPC.
std::string PlainOrganisation();

// `tocsin serve`, with its data in a folder of the scratch.
class BenchServer {
 public:
  struct Options {
    std::string name;                     // of its folder and its log
    std::string organisation;             // YAML
    std::vector<std::string> flags = {};  // beyond those that every run has
    bool gateway = false;                 // the network side is a `tocsin gateway`
  };
  static absl::StatusOr<std::unique_ptr<BenchServer>> Start(const Rig& rig, Options options);

  // Where alerts go: the gateway's, if there is one.
  std::uint16_t http() const { return http_; }
  std::string grpc_address() const;
  const Child& process() const { return *child_; }
  std::filesystem::path data() const { return data_; }
  // kill -9; Again starts it on the same data.
  void Kill();
  absl::Status Again();
  // Stops it and has `tocsin verify` read all of its data. An error tells what that found.
  absl::Status StopAndVerify();
  // The sum of a counter's or gauge's series in /metrics whose line begins with `prefix`; 0 when there are none.
  double Metric(const std::string& prefix) const;

 private:
  BenchServer() = default;
  absl::Status StartGateway();
  std::filesystem::path socket() const { return rig_->scratch / (options_.name + ".socket"); }

  const Rig* rig_ = nullptr;
  Options options_;
  std::filesystem::path data_;
  std::uint16_t http_ = 0;
  std::uint16_t grpc_ = 0;
  std::unique_ptr<Child> child_;
  std::unique_ptr<Child> gateway_;
};

// Debian's Alertmanager with one receiver that nobody hears.
class Alertmanager {
 public:
  // Null, with a word on the terminal, when it is not under build/programs or does not start.
  static std::unique_ptr<Alertmanager> Start(const Rig& rig);
  std::uint16_t port() const { return port_; }
  const Child& process() const { return *child_; }

 private:
  Alertmanager() = default;
  std::uint16_t port_ = 0;
  std::unique_ptr<Child> child_;
};

// What GET answers with, without its head; empty when it is not 200.
std::string Get(std::uint16_t port, const std::string& target);

}  // namespace tocsin
