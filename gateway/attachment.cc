#include "gateway/attachment.h"

#include <utility>

#include <poll.h>

#include "base/log.h"
#include "base/status.h"
#include "base/version.h"

namespace tocsin {
namespace {

constexpr std::size_t kMostReceived = std::size_t{64} << 20U;  // the rules of many changes in a row
constexpr int kLookMs = 200;                                   // between attempts; at whether to stop

}  // namespace

GatewayAttachment::GatewayAttachment(std::string engine_path, Hooks hooks)
    : engine_path_(std::move(engine_path)), hooks_(std::move(hooks)), thread_([this] { Run(); }) {}

GatewayAttachment::~GatewayAttachment() {
  stopping_.store(true);
  thread_.join();
}

void GatewayAttachment::Run() {
  while (!stopping_.load()) {
    const absl::Status over = Stay();
    if (std::exchange(attached_, false)) {
      hooks_.detached();
      if (!stopping_.load()) complaint_.clear();
    }
    if (stopping_.load()) return;
    Complain(over);
    poll(nullptr, 0, kLookMs);
  }
}

void GatewayAttachment::Complain(const absl::Status& status) {
  if (complaint_ == Message(status)) return;
  complaint_ = Message(status);
  LogWarning("no engine: whoever sends is told to come again; it is tried until it is there",
             {
                 {"socket", engine_path_},
                 {"error",  status      }
  });
}

absl::Status GatewayAttachment::Stay() {
  TOCSIN_ASSIGN(FileDescriptor socket, ConnectLocally(engine_path_));
  if (!IsSameUser(socket.get())) return Precondition("socket %s: who listens is not this user", engine_path_);
  GatewayConnection connection(std::move(socket), kMostReceived);
  connection.Send(GatewayMessageKind::kHello, kVersion);
  while (!stopping_.load()) {
    const absl::Status moved = connection.Move();
    while (const std::optional<GatewayMessage> message = connection.Take())
      TOCSIN_TRY(Hear(*message, connection));
    TOCSIN_TRY(moved);
    const int events = POLLIN | (connection.wants_to_send() ? POLLOUT : 0);
    pollfd waited{.fd = connection.socket(), .events = static_cast<short>(events), .revents = 0};
    poll(&waited, 1, kLookMs);
  }
  return absl::OkStatus();
}

absl::Status GatewayAttachment::Hear(const GatewayMessage& message, GatewayConnection& connection) {
  switch (message.kind) {
    case GatewayMessageKind::kRefused: return Precondition("the engine says: %s", message.body);
    case GatewayMessageKind::kWelcome: {
      const int fd = connection.TakeDescriptor();
      if (fd < 0) return Invalid("the engine has sent no memory");
      TOCSIN_ASSIGN(GatewayMemory memory, GatewayMemory::Map(fd));
      attached_ = true;
      hooks_.attached(std::move(memory), message.body);
      LogInfo("attached to the engine", {
                                            {"socket", engine_path_}
      });
      return absl::OkStatus();
    }
    case GatewayMessageKind::kRules: {
      TOCSIN_ASSIGN(GatewayRules rules, DecodeGatewayRules(message.body));
      hooks_.rules(std::move(rules));
      return absl::OkStatus();
    }
    case GatewayMessageKind::kHello: break;
  }
  return Invalid("the engine says what no engine says");
}

}  // namespace tocsin
