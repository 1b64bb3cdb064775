// A connection of the gRPC server without a socket, methods for it to have, and nghttp2's client at the other end.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/grpc_connection.h"
#include "tests/net/http2_client.h"

namespace tocsin {

inline constexpr std::size_t kMostOfAMessage = 1U << 20U;

// Remembers what it was told; answers when it is asked to.
class Listener final : public GrpcHandler {
 public:
  struct Heard {
    std::vector<std::string> messages;
    std::vector<std::string_view> kept;  // the same, as they lie where they came
    std::vector<std::vector<GrpcMessage::Owner>> owners;
    std::shared_ptr<GrpcCall> call;
    bool is_half_closed = false;
    bool is_drained = false;
    bool is_gone = false;
  };
  explicit Listener(Heard& heard) : heard_(heard) {}
  ~Listener() override { heard_.is_gone = true; }
  void OnMessage(const GrpcMessage& message) override {
    heard_.messages.push_back(message.Copy());
    heard_.owners.push_back(message.Keep());
    if (message.pieces().size() == 1) heard_.kept.push_back(message.pieces().front());
  }
  void OnHalfClose() override { heard_.is_half_closed = true; }
  void OnDrain() override { heard_.is_drained = true; }

 private:
  Heard& heard_;
};

class GrpcConnectionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    shared_.router.Add("/test/Listen", {.begin = [this](const GrpcHead& head, std::shared_ptr<GrpcCall> call)
                                            -> absl::StatusOr<std::unique_ptr<GrpcHandler>> {
                                          if (head.value("key") == "wrong")
                                            return absl::UnauthenticatedError("wrong key");
                                          if (head.value("key") == "right") head.vouch();
                                          heard_.emplace_back().call = std::move(call);
                                          return std::make_unique<Listener>(heard_.back());
                                        },
                                        .max_message = kMostOfAMessage,
                                        .keeps = true});
    shared_.router.AddUnary("/test/Echo", kMostOfAMessage, [](const GrpcHead&) -> absl::StatusOr<GrpcRouter::Unary> {
      return [](const GrpcMessage& message, const std::shared_ptr<GrpcCall>& call) { call->Answer(message.Copy()); };
    });
    Connect();
  }
  void TearDown() override {
    connection_.reset();
    EXPECT_EQ(shared_.partial_bytes, 0);
    EXPECT_EQ(shared_.unsent_bytes, 0);
    for (const Listener::Heard& heard : heard_)
      EXPECT_TRUE(heard.is_gone);
  }

  void Connect() {
    connection_ = std::make_unique<GrpcConnection>(shared_, mailbox_,
                                                   GrpcConnection::Peer{.address = "192.0.2.1",
                                                                        .port = 4711,
                                                                        .vouch = [this] { ++vouched_; },
                                                                        .is_revoked = [this] { return is_revoked_; }},
                                                   [] {});
  }
  // Each chunk in memory of its own, which is overwritten when nobody owns it any more.
  bool Give(std::string_view bytes) {
    const std::shared_ptr<std::string> block(new std::string(bytes), [](std::string* gone) {
      std::ranges::fill(*gone, '#');
      delete gone;
    });
    return connection_->Receive(*block, block);
  }
  // What both have to say, until nobody has anything.
  void Exchange(Http2Client& client, std::size_t chunk = 1U << 20U) {
    for (bool goes_on = true; goes_on;) {
      const std::string output = client.Output();
      for (std::size_t at = 0; at < output.size(); at += chunk)
        Give(std::string_view(output).substr(at, chunk));
      Deliver();
      std::string back;
      is_alive_ = connection_->Send(back, 1U << 30U) && is_alive_;
      client.Hear(back);
      goes_on = !output.empty() || !back.empty();
    }
  }
  void Deliver() {
    std::vector<GrpcMailbox::Letter> letters;
    mailbox_->Take(letters);
    for (GrpcMailbox::Letter& letter : letters) {
      if (letter.call->stream() != nullptr) connection_->Deliver(*letter.call->stream(), letter);
    }
  }
  std::string Ended(Http2Client& client, std::int32_t id) {
    const Http2Client::Reply& reply = client.reply(id);
    const auto field = [&](const char* name) { return reply.head.contains(name) ? reply.head.at(name) : "-"; };
    return field("grpc-status") + " " + field("grpc-message");
  }

  GrpcShared shared_;
  std::shared_ptr<GrpcMailbox> mailbox_ = std::make_shared<GrpcMailbox>();
  std::deque<Listener::Heard> heard_;
  int vouched_ = 0;
  bool is_revoked_ = false;
  bool is_alive_ = true;
  std::unique_ptr<GrpcConnection> connection_;
};

}  // namespace tocsin
