// `./dev bench ingest`: durable ingest beside what two cores can do at all and beside Alertmanager, in one run.
//
//   gRPC   the real server, acknowledging after its fsync | a sink that answers each message unread; the same client
//   HTTP   the real server | Debian's Alertmanager; the same client
//   memory resident bytes for each active alert of both
//
// Every process, the client included, shares the machine's cores; so the ratios mean something and the absolute figures
// little.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/ingest_payload.h"

namespace tocsin {
namespace {

constexpr int kStreams = 2;
constexpr char kMethod[] = "/tocsin.v1.IngestService/Stream";
constexpr char kKey[] = "bench-stream-key-0123456789";

struct Settings {
  absl::Duration seconds = absl::Seconds(5);
  std::string tocsin;
  std::string programs;      // build/programs
  std::string alertmanager;  // bench/alertmanager.sh
  std::string scratch;
};

// --- processes ---

std::uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(fd, static_cast<const sockaddr*>(static_cast<const void*>(&address)), size);
  getsockname(fd, static_cast<sockaddr*>(static_cast<void*>(&address)), &size);
  close(fd);
  return ntohs(address.sin_port);
}

int Connect(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, static_cast<const sockaddr*>(static_cast<const void*>(&address)), sizeof address) != 0) {
    close(fd);
    return -1;
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

class Child {
 public:
  Child(std::vector<std::string> arguments, const std::string& log) {
    pid_ = fork();
    if (pid_ != 0) return;
    std::FILE* out = std::freopen(log.c_str(), "w", stdout);
    if (out == nullptr || dup2(fileno(out), 2) < 0) _exit(126);
    std::vector<char*> raw;
    for (std::string& argument : arguments)
      raw.push_back(argument.data());
    raw.push_back(nullptr);
    execv(raw[0], raw.data());
    _exit(127);
  }
  ~Child() {
    kill(pid_, SIGTERM);
    int status = 0;
    for (int i = 0; i < 200 && waitpid(pid_, &status, WNOHANG) == 0; ++i)
      absl::SleepFor(absl::Milliseconds(50));
    kill(pid_, SIGKILL);
    waitpid(pid_, &status, WNOHANG);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool WaitFor(std::uint16_t port) const {
    for (int i = 0; i < 600; ++i) {
      const int fd = Connect(port);
      if (fd >= 0) {
        close(fd);
        return true;
      }
      absl::SleepFor(absl::Milliseconds(50));
    }
    return false;
  }
  std::uint64_t ResidentBytes() const {
    std::ifstream status(absl::StrFormat("/proc/%d/status", pid_));
    std::string line;
    while (std::getline(status, line)) {
      if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
    }
    return 0;
  }

 private:
  pid_t pid_;
};

// --- the sink: answers each message with one byte string, unread ---

class SinkReactor final : public grpc::ServerGenericBidiReactor {
 public:
  SinkReactor() { StartRead(&request_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    StartRead(&request_);
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer request_;
  const grpc::Slice slice_{"\x10\xf4\x03"};  // accepted: 500
  grpc::ByteBuffer response_{&slice_, 1};
};

class SinkService final : public grpc::CallbackGenericService {
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return new SinkReactor;
  }
};

int RunSink(const std::string& address) {
  SinkService service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterCallbackGenericService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  server->Wait();
  return 0;
}

// --- the gRPC client: one thread a stream, as many messages under way as the credit allows ---

// Messages per second that were answered.
double RunStreams(const std::string& address,
                  const std::vector<grpc::ByteBuffer>& messages,
                  absl::Duration seconds,
                  bool waits_for_credit) {
  constexpr int kWindow = 16;  // the credit that tocsin gives
  std::atomic<std::uint64_t> answered{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int s = 0; s < kStreams; ++s) {
    threads.emplace_back([&, s] {
      const auto channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), [s] {
        grpc::ChannelArguments arguments;
        arguments.SetInt("bench.stream", s);  // a connection of its own
        arguments.SetMaxReceiveMessageSize(-1);
        return arguments;
      }());
      grpc::GenericStub stub(channel);
      grpc::ClientContext context;
      context.AddMetadata("authorization", absl::StrFormat("Bearer %s", kKey));
      grpc::CompletionQueue queue;
      const auto stream = stub.PrepareCall(&context, kMethod, &queue);
      void* tag = nullptr;
      bool ok = false;
      stream->StartCall(nullptr);
      queue.Next(&tag, &ok);
      grpc::ByteBuffer response;
      if (waits_for_credit) {
        stream->Read(&response, nullptr);
        queue.Next(&tag, &ok);
      }
      int under_way = 0;
      bool writing = false;
      std::size_t next = static_cast<std::size_t>(s) * messages.size() / kStreams;
      stream->Read(&response, &response);
      while (ok && !stop) {
        if (!writing && under_way < kWindow) {
          stream->Write(messages[next], &under_way);
          next = (next + 1) % messages.size();
          ++under_way;
          writing = true;
        }
        if (!queue.Next(&tag, &ok) || !ok) break;
        if (tag == &under_way) {
          writing = false;
        } else {
          --under_way;
          answered.fetch_add(1, std::memory_order_relaxed);
          stream->Read(&response, &response);
        }
      }
      context.TryCancel();
      queue.Shutdown();
      while (queue.Next(&tag, &ok)) {
      }
    });
  }
  absl::SleepFor(absl::Seconds(1));  // warm: connections, tables
  const std::uint64_t before = answered;
  const absl::Time start = absl::Now();
  absl::SleepFor(seconds);
  const double rate = static_cast<double>(answered - before) / absl::ToDoubleSeconds(absl::Now() - start);
  stop = true;
  for (std::thread& thread : threads)
    thread.join();
  return rate;
}

// --- the HTTP client: keep-alive, one request at a time on each connection ---

constexpr int kConnections = 32;

bool Exchange(int fd, const std::string& request) {
  std::size_t sent = 0;
  while (sent < request.size()) {
    const ssize_t n = send(fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  std::string answer;
  char buffer[8192];
  for (;;) {
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    answer.append(buffer, static_cast<std::size_t>(n));
    const std::size_t end = answer.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    const std::size_t length = answer.find("Content-Length: ");
    const std::size_t body = length == std::string::npos ? 0 : std::stoul(answer.substr(length + 16));
    if (answer.size() >= end + 4 + body) return answer.compare(9, 1, "2") == 0;
  }
}

// Requests per second that were answered with success.
double RunPosts(std::uint16_t port, const std::vector<std::string>& posts, absl::Duration seconds) {
  std::atomic<std::uint64_t> answered{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int c = 0; c < kConnections; ++c) {
    threads.emplace_back([&, c] {
      const int fd = Connect(port);
      for (std::size_t next = static_cast<std::size_t>(c) * posts.size() / kConnections; !stop;
           next = (next + 1) % posts.size()) {
        if (fd < 0 || !Exchange(fd, posts[next])) break;
        answered.fetch_add(1, std::memory_order_relaxed);
      }
      if (fd >= 0) close(fd);
    });
  }
  absl::SleepFor(absl::Seconds(1));
  const std::uint64_t before = answered;
  const absl::Time start = absl::Now();
  absl::SleepFor(seconds);
  const double rate = static_cast<double>(answered - before) / absl::ToDoubleSeconds(absl::Now() - start);
  stop = true;
  for (std::thread& thread : threads)
    thread.join();
  return rate;
}

// Sends `count` keys from `first` on, each once, and waits for each answer.
bool Fill(std::uint16_t port, int first, int count) {
  const int fd = Connect(port);
  bool ok = fd >= 0;
  for (int at = first; ok && at < first + count; at += kAlertsPerPost)
    ok = Exchange(fd, PostOf(at, kAlertsPerPost));
  if (fd >= 0) close(fd);
  return ok;
}

// Resident bytes for each further alert, from the first 100,000 to the second: buffers that do not grow with the alerts are
// in use before the first measurement. Zero: it did not work.
double BytesPerAlert(const Child& server, std::uint16_t port) {
  if (!Fill(port, 0, kKeys) || !Fill(port, 0, kKeys)) return 0;
  absl::SleepFor(absl::Seconds(1));
  const std::uint64_t before = server.ResidentBytes();
  if (!Fill(port, kKeys, kKeys)) return 0;
  absl::SleepFor(absl::Seconds(1));
  return (static_cast<double>(server.ResidentBytes()) - static_cast<double>(before)) / kKeys;
}

// --- the run ---

struct Figures {
  double sink = 0;
  double grpc = 0;
  double http = 0;
  double alertmanager_http = 0;
  double bytes = 0;
  double alertmanager_bytes = 0;
};

std::string Organisation() {
  return absl::StrFormat(R"(
name: bench
fallback_user: ann
users: [{id: ann, contact_methods: [{kind: terminal, address: ann}]}]
teams: [{id: ops, members: [ann]}]
policies: [{id: default, team: ops, steps: [{delay: 1h, targets: [{user: ann}]}]}]
integrations:
  - {id: default, source: prometheus, active_alerts: 20000000, lease: 24h}
  - {id: stream, source: stream, key: %s, active_alerts: 20000000}
route: {policy: default, group_by: [job], group_wait: 30s}
)",
                         kKey);
}

bool MeasureSink(const Settings& settings, const std::vector<grpc::ByteBuffer>& messages, Figures& figures) {
  const std::uint16_t port = FreePort();
  const std::string address = absl::StrFormat("127.0.0.1:%d", port);
  const Child sink({std::filesystem::read_symlink("/proc/self/exe").string(), "--sink", address},
                   settings.scratch + "/sink.log");
  if (!sink.WaitFor(port)) return false;
  figures.sink = kAlertsPerMessage * RunStreams(address, messages, settings.seconds, false);
  return true;
}

bool MeasureTocsin(const Settings& settings,
                   const std::vector<grpc::ByteBuffer>& messages,
                   const std::vector<std::string>& posts,
                   Figures& figures) {
  std::ofstream(settings.scratch + "/organisation.yaml") << Organisation();
  const std::uint16_t http = FreePort();
  const std::uint16_t grpc_port = FreePort();
  const auto start = [&](const std::string& data) {
    return std::vector<std::string>{settings.tocsin,
                                    "serve",
                                    "--data=" + settings.scratch + "/" + data,
                                    absl::StrFormat("--http=127.0.0.1:%d", http),
                                    absl::StrFormat("--grpc=127.0.0.1:%d", grpc_port),
                                    "--config=" + settings.scratch + "/organisation.yaml",
                                    "--low_water_mib=0"};
  };
  {
    const Child server(start("memory"), settings.scratch + "/tocsin-memory.log");
    if (!server.WaitFor(http)) return false;
    figures.bytes = BytesPerAlert(server, http);
    if (figures.bytes <= 0) return false;
    figures.http = kAlertsPerPost * RunPosts(http, posts, settings.seconds);
  }
  const Child server(start("stream"), settings.scratch + "/tocsin-stream.log");
  if (!server.WaitFor(grpc_port)) return false;
  figures.grpc =
      kAlertsPerMessage * RunStreams(absl::StrFormat("127.0.0.1:%d", grpc_port), messages, settings.seconds, true);
  return true;
}

bool MeasureAlertmanager(const Settings& settings, const std::vector<std::string>& posts, Figures& figures) {
  std::ofstream(settings.scratch + "/alertmanager.yml")
      << "route: {receiver: none, group_by: [job], group_wait: 30s}\nreceivers: [{name: none}]\n";
  const std::uint16_t port = FreePort();
  const Child server(
      {settings.alertmanager, settings.programs, "--config.file=" + settings.scratch + "/alertmanager.yml",
       "--storage.path=" + settings.scratch + "/am", absl::StrFormat("--web.listen-address=127.0.0.1:%d", port),
       "--cluster.listen-address="},
      settings.scratch + "/alertmanager.log");
  if (!server.WaitFor(port)) return false;
  figures.alertmanager_bytes = BytesPerAlert(server, port);
  if (figures.alertmanager_bytes <= 0) return false;
  figures.alertmanager_http = kAlertsPerPost * RunPosts(port, posts, settings.seconds);
  return true;
}

double Ratio(double a, double b) {
  return b > 0 ? a / b : 0;
}

void Print(const Figures& f) {
  std::printf("\n%-34s %14s %14s %8s\n", "", "tocsin", "beside", "ratio");
  std::printf("%-34s %14.0f %14.0f %8.2f\n", "gRPC alerts/s | no-op sink", f.grpc, f.sink, Ratio(f.grpc, f.sink));
  std::printf("%-34s %14.0f %14.0f %8.1f\n", "HTTP alerts/s | Alertmanager", f.http, f.alertmanager_http,
              Ratio(f.http, f.alertmanager_http));
  std::printf("%-34s %14.0f %14.0f %8.2f\n", "bytes per active alert | Alertmanager", f.bytes, f.alertmanager_bytes,
              Ratio(f.bytes, f.alertmanager_bytes));
  std::printf(
      "\n{\"grpc_alerts_per_second\": %.0f, \"sink_alerts_per_second\": %.0f, \"http_alerts_per_second\": %.0f, "
      "\"alertmanager_alerts_per_second\": %.0f, \"bytes_per_alert\": %.0f, \"alertmanager_bytes_per_alert\": %.0f}\n",
      f.grpc, f.sink, f.http, f.alertmanager_http, f.bytes, f.alertmanager_bytes);
}

int Run(const Settings& settings) {
  std::vector<grpc::ByteBuffer> messages;
  for (int first = 0; first < kKeys; first += kAlertsPerMessage)
    messages.push_back(MessageOf(first));
  std::vector<std::string> posts;
  for (int first = 0; first < kKeys; first += kAlertsPerPost)
    posts.push_back(PostOf(first, kAlertsPerPost));
  std::printf("%d keys; %zu bytes an alert as JSON, %zu on the wire\n", kKeys, BodyOf(0, 100).size() / 100,
              messages[0].Length() / kAlertsPerMessage);
  std::fflush(stdout);
  Figures figures;
  if (!MeasureSink(settings, messages, figures)) {
    std::fprintf(stderr, "the sink did not start\n");
    return 1;
  }
  if (!MeasureTocsin(settings, messages, posts, figures)) {
    std::fprintf(stderr, "tocsin did not start, see %s\n", settings.scratch.c_str());
    return 1;
  }
  if (!std::filesystem::exists(settings.programs + "/usr/bin/prometheus-alertmanager")) {
    std::printf("Alertmanager is not under build/programs (./dev fetch-programs gets it): not compared\n");
  } else if (!MeasureAlertmanager(settings, posts, figures)) {
    std::printf("Alertmanager does not work, see %s: not compared\n", settings.scratch.c_str());
  }
  Print(figures);
  return 0;
}

}  // namespace
}  // namespace tocsin

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--sink") return tocsin::RunSink(argv[2]);
  namespace fs = std::filesystem;
  const fs::path self = fs::read_symlink("/proc/self/exe");
  const fs::path build = self.parent_path().parent_path();  // build/release
  tocsin::Settings settings;
  settings.tocsin = build / "tocsin";
  settings.programs = build.parent_path() / "programs";
  settings.alertmanager = build.parent_path().parent_path() / "bench/alertmanager.sh";
  if (argc > 1) settings.seconds = absl::Seconds(std::stoi(argv[1]));
  const fs::path scratch = fs::temp_directory_path() / absl::StrFormat("tocsin-bench-%d", getpid());
  fs::create_directories(scratch);
  settings.scratch = scratch;
  const int code = tocsin::Run(settings);
  if (code == 0) fs::remove_all(scratch);
  return code;
}
