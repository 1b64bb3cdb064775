#include "bench/rig.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

std::uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  bind(fd, static_cast<const sockaddr*>(static_cast<const void*>(&address)), size);
  getsockname(fd, static_cast<sockaddr*>(static_cast<void*>(&address)), &size);
  close(fd);
  return ntohs(address.sin_port);
}

int Connect(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = Loopback(port);
  if (connect(fd, static_cast<const sockaddr*>(static_cast<const void*>(&address)), sizeof address) != 0) {
    close(fd);
    return -1;
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

Rig Rig::Find() {
  Rig rig;
  rig.self = fs::read_symlink("/proc/self/exe");
  const fs::path build = rig.self.parent_path().parent_path();
  rig.tocsin = build / "tocsin";
  rig.programs = build.parent_path() / "programs";
  rig.alertmanager = build.parent_path().parent_path() / "bench/alertmanager.sh";
  rig.scratch = fs::temp_directory_path() / absl::StrFormat("tocsin-bench-%d", getpid());
  fs::create_directories(rig.scratch);
  return rig;
}

Child::Child(std::vector<std::string> arguments, const fs::path& log) {
  pid_ = fork();
  if (pid_ != 0) return;
  std::FILE* out = std::freopen(log.c_str(), "a", stdout);
  if (out == nullptr || dup2(fileno(out), 2) < 0) _exit(126);
  std::vector<char*> raw;
  for (std::string& argument : arguments)
    raw.push_back(argument.data());
  raw.push_back(nullptr);
  execv(raw[0], raw.data());
  _exit(127);
}

Child::~Child() {
  if (killed_) return;
  kill(pid_, SIGTERM);
  int status = 0;
  for (int i = 0; i < 200; ++i) {
    if (waitpid(pid_, &status, WNOHANG) != 0) return;
    absl::SleepFor(absl::Milliseconds(50));
  }
  Kill();
}

void Child::Kill() {
  kill(pid_, SIGKILL);
  int status = 0;
  waitpid(pid_, &status, 0);
  killed_ = true;
}

bool Child::WaitFor(std::uint16_t port) const {
  for (int i = 0; i < 6000; ++i) {
    const int fd = Connect(port);
    if (fd >= 0) {
      close(fd);
      return true;
    }
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_)
      return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return false;
}

std::uint64_t Child::ResidentBytes() const {
  std::ifstream status(absl::StrFormat("/proc/%d/status", pid_));
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

absl::Duration Child::Used() const {
  std::ifstream stat(absl::StrFormat("/proc/%d/stat", pid_));
  std::string text;
  std::getline(stat, text);
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string field;
  double ticks = 0;
  for (int i = 3; fields >> field && i <= 15; ++i) {  // fields 14 and 15 are the user's and the system's time
    if (i >= 14) ticks += std::stod(field);
  }
  return absl::Seconds(ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
}

std::string PlainOrganisation() {
  return absl::StrFormat(R"(
name: bench
fallback_user: ann
users: [{id: ann, contact_methods: [{kind: terminal, address: ann}]}]
teams: [{id: ops, members: [ann]}]
policies: [{id: default, team: ops, steps: [{delay: 1h, targets: [{user: ann}]}]}]
integrations:
  - {id: default, source: prometheus, active_alerts: 20000000, lease: 24h}
  - {id: stream, source: stream, key: %s, active_alerts: 20000000, lease: 24h}
route: {policy: default, group_by: [job], group_wait: 30s}
)",
                         kStreamKey);
}

absl::StatusOr<std::unique_ptr<BenchServer>> BenchServer::Start(const Rig& rig, Options options) {
  std::unique_ptr<BenchServer> server(new BenchServer);
  server->rig_ = &rig;
  server->options_ = std::move(options);
  server->data_ = rig.scratch / server->options_.name;
  std::ofstream(rig.scratch / (server->options_.name + ".yaml")) << server->options_.organisation;
  server->http_ = FreePort();
  server->grpc_ = FreePort();
  TOCSIN_TRY(server->Again());
  return server;
}

std::string BenchServer::grpc_address() const {
  return absl::StrFormat("127.0.0.1:%d", grpc_);
}

absl::Status BenchServer::Again() {
  const fs::path log = rig_->scratch / (options_.name + ".log");
  const std::uint16_t http = options_.gateway ? FreePort() : http_;
  const std::uint16_t grpc = options_.gateway ? FreePort() : grpc_;
  std::vector<std::string> arguments = {rig_->tocsin,
                                        "serve",
                                        "--data=" + data_.string(),
                                        absl::StrFormat("--http=127.0.0.1:%d", http),
                                        absl::StrFormat("--grpc=127.0.0.1:%d", grpc),
                                        "--config=" + (rig_->scratch / (options_.name + ".yaml")).string(),
                                        "--low_water_mib=0"};
  if (options_.gateway) arguments.push_back("--gateway_socket=" + socket().string());
  arguments.insert(arguments.end(), options_.flags.begin(), options_.flags.end());
  child_ = std::make_unique<Child>(std::move(arguments), log);
  if (!child_->WaitFor(http) || !child_->WaitFor(grpc))
    return Unavailable("tocsin did not start, see %s", log.string());
  return options_.gateway ? StartGateway() : absl::OkStatus();
}

absl::Status BenchServer::StartGateway() {
  const fs::path log = rig_->scratch / (options_.name + "-gateway.log");
  gateway_ = std::make_unique<Child>(std::vector<std::string>{rig_->tocsin, "gateway", "--engine=" + socket().string(),
                                                              absl::StrFormat("--http=127.0.0.1:%d", http_),
                                                              absl::StrFormat("--grpc=127.0.0.1:%d", grpc_)},
                                     log);
  if (!gateway_->WaitFor(http_) || !gateway_->WaitFor(grpc_))
    return Unavailable("the gateway did not start, see %s", log.string());
  return absl::OkStatus();
}

void BenchServer::Kill() {
  child_->Kill();
}

absl::Status BenchServer::StopAndVerify() {
  gateway_.reset();
  child_.reset();
  const fs::path log = rig_->scratch / (options_.name + "-verify.log");
  const std::string command =
      absl::StrFormat("'%s' verify --data='%s' > '%s' 2>&1", rig_->tocsin.string(), data_.string(), log.string());
  if (std::system(command.c_str()) != 0) return absl::DataLossError("the journal is damaged, see " + log.string());
  return absl::OkStatus();
}

double BenchServer::Metric(const std::string& prefix) const {
  std::istringstream lines(Get(http_, "/metrics"));
  std::string line;
  double sum = 0;
  while (std::getline(lines, line)) {
    double value = 0;
    if (line.starts_with(prefix) &&
        absl::SimpleAtod(ToAbsl(std::string_view(line).substr(line.rfind(' ') + 1)), &value))
      sum += value;
  }
  return sum;
}

std::unique_ptr<Alertmanager> Alertmanager::Start(const Rig& rig) {
  if (!fs::exists(rig.programs / "usr/bin/prometheus-alertmanager")) {
    std::printf("Alertmanager is not under build/programs (./dev fetch-programs gets it): not compared\n");
    return nullptr;
  }
  const fs::path configuration = rig.scratch / "alertmanager.yml";
  std::ofstream(configuration)
      << "route: {receiver: none, group_by: [job], group_wait: 30s}\nreceivers: [{name: none}]\n";
  std::unique_ptr<Alertmanager> server(new Alertmanager);
  server->port_ = FreePort();
  server->child_ = std::make_unique<Child>(
      std::vector<std::string>{rig.alertmanager, rig.programs, "--config.file=" + configuration.string(),
                               "--storage.path=" + (rig.scratch / "alertmanager").string(),
                               absl::StrFormat("--web.listen-address=127.0.0.1:%d", server->port_),
                               "--cluster.listen-address="},
      rig.scratch / "alertmanager.log");
  if (server->child_->WaitFor(server->port_)) return server;
  std::printf("Alertmanager does not start, see %s: not compared\n", (rig.scratch / "alertmanager.log").c_str());
  return nullptr;
}

std::string Get(std::uint16_t port, const std::string& target) {
  const int fd = Connect(port);
  if (fd < 0) return {};
  const std::string request = "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  std::string answer;
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    char buffer[65536];
    for (ssize_t n = 0; (n = recv(fd, buffer, sizeof buffer, 0)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(n));
  }
  close(fd);
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos || answer.compare(9, 3, "200") != 0) return {};
  return answer.substr(end + 4);
}

}  // namespace tocsin
