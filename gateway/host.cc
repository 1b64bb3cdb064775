#include "gateway/host.h"

#include <utility>

#include <poll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/status.h"
#include "base/version.h"

namespace tocsin {
namespace {

constexpr std::size_t kMostGuests = 8;       // some may be about to be refused
constexpr std::size_t kMostReceived = 4096;  // a gateway says little
constexpr int kLookMs = 100;                 // at what has changed
constexpr int kLooksForHello = 50;           // and then it has had its time
constexpr int kLooksForRules = 300;          // a gateway that reads nothing for so long is not there

}  // namespace

// A connection: from hello on it has a port.
struct GatewayHost::Guest {
  explicit Guest(FileDescriptor socket) : connection(std::move(socket), kMostReceived) {}
  GatewayConnection connection;
  std::shared_ptr<GatewayPort> port;
  std::shared_ptr<const GatewayRules> told;  // what it was sent last
  int looks = 0;                             // since it last did what is expected of it
  bool gone = false;
};

GatewayHost::GatewayHost(Options options, Hooks hooks, FileDescriptor listener)
    : options_(std::move(options)), hooks_(std::move(hooks)), listener_(std::move(listener)) {}

absl::StatusOr<std::unique_ptr<GatewayHost>> GatewayHost::Start(Options options, Hooks hooks) {
  absl::StatusOr<FileDescriptor> listener = ListenLocally(options.path);
  TOCSIN_TRY(Annotate(listener.status(), "--gateway_socket"));
  std::unique_ptr<GatewayHost> host(new GatewayHost(std::move(options), std::move(hooks), *std::move(listener)));
  host->thread_ = std::thread([raw = host.get()] { raw->Run(); });
  return host;
}

GatewayHost::~GatewayHost() {
  stopping_.store(true);
  if (thread_.joinable()) thread_.join();
}

void GatewayHost::Run() {
  while (!stopping_.load()) {
    Await();
    Accept();
    hooks_.tend();
    if (std::shared_ptr<const GatewayRules> rules = hooks_.rules(); rules != rules_) {
      rules_ = std::move(rules);
      encoded_rules_ = rules_ ? Encode(*rules_) : "";
    }
    for (const auto& guest : guests_)
      Serve(*guest);
    TellRules();
    std::erase_if(guests_, [](const auto& guest) { return guest->gone; });
  }
  for (const auto& guest : guests_)
    LetGo(*guest, "the engine stops");
}

void GatewayHost::Await() {
  std::vector<pollfd> waited{
      {.fd = listener_.get(), .events = POLLIN, .revents = 0}
  };
  for (const auto& guest : guests_) {
    const int events = POLLIN | (guest->connection.wants_to_send() ? POLLOUT : 0);
    waited.push_back({.fd = guest->connection.socket(), .events = static_cast<short>(events), .revents = 0});
  }
  poll(waited.data(), waited.size(), kLookMs);
}

void GatewayHost::Accept() {
  for (;;) {
    FileDescriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket.get() < 0) return;
    if (!IsSameUser(socket.get())) {
      LogWarning("somebody who is not this user wanted to be a gateway", {});
    } else if (guests_.size() < kMostGuests) {
      guests_.push_back(std::make_unique<Guest>(std::move(socket)));
    }
  }
}

void GatewayHost::Serve(Guest& guest) {
  if (guest.gone) return;
  const absl::Status moved = guest.connection.Move();
  if (!moved.ok()) return LetGo(guest, Message(moved));
  if (guest.port && guest.port->broken()) {
    LetGo(guest, "it was cut off");
    poll(nullptr, 0, kLookMs);  // one that is cut off again and again keeps nobody busy
    return;
  }
  if (const std::optional<GatewayMessage> message = guest.connection.Take()) {
    if (guest.port || message->kind != GatewayMessageKind::kHello) return LetGo(guest, "it says what no gateway says");
    Welcome(guest, *message);
  }
  const bool is_waited_for = !guest.port || guest.connection.wants_to_send();
  guest.looks = is_waited_for ? guest.looks + 1 : 0;
  if (guest.looks > (guest.port ? kLooksForRules : kLooksForHello)) LetGo(guest, "it neither reads nor speaks");
}

void GatewayHost::Welcome(Guest& guest, const GatewayMessage& hello) {
  const auto refuse = [&](std::string_view why) {
    guest.connection.Send(GatewayMessageKind::kRefused, why);
    static_cast<void>(guest.connection.Move());
    LogWarning("a gateway was refused", {
                                            {"why", why}
    });
    guest.gone = true;
  };
  if (hello.body != kVersion) {
    return refuse(absl::StrFormat("the engine is of version %s, the gateway of another: restart it", kVersion));
  }
  absl::StatusOr<std::shared_ptr<GatewayPort>> port = hooks_.attach();
  if (!port.ok()) return refuse(Message(port.status()));
  guest.port = *std::move(port);
  guest.connection.Send(GatewayMessageKind::kWelcome, options_.http_path, guest.port->memory_fd());
  LogInfo("a gateway is attached", {
                                       {"gateway", guest.port->number()}
  });
  static_cast<void>(guest.connection.Move());  // an error is seen with the next look
}

// The latest only: a gateway that is slow to read misses what was in between.
void GatewayHost::TellRules() {
  for (const auto& guest : guests_) {
    if (guest->gone || !guest->port || !rules_ || guest->told == rules_ || guest->connection.wants_to_send()) continue;
    guest->told = rules_;
    guest->connection.Send(GatewayMessageKind::kRules, encoded_rules_);
    static_cast<void>(guest->connection.Move());
  }
}

void GatewayHost::LetGo(Guest& guest, std::string_view why) {
  guest.gone = true;
  if (!guest.port) return;
  LogWarning("a gateway is detached; what it has published is taken",
             {
                 {"gateway", guest.port->number()},
                 {"why",     why                 }
  });
  hooks_.detach(std::exchange(guest.port, nullptr));
}

}  // namespace tocsin
