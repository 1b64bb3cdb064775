#include "net/grpc_connection.h"

#include <algorithm>
#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/net/http2_client.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::size_t kMost = 1U << 20U;
constexpr std::string_view kGoAway("\0\0\x08\x07\0", 5);  // as its frame begins
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

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
                                        .max_message = kMost,
                                        .keeps = true});
    shared_.router.AddUnary("/test/Echo", kMost, [](const GrpcHead&) -> absl::StatusOr<GrpcRouter::Unary> {
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

TEST_F(GrpcConnectionTest, AnswersWhateverTheChunksInWhichACallComes) {
  for (const std::size_t chunk :
       {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{100}, kMost}) {
    Connect();
    Http2Client client;
    const std::int32_t first = client.Call("/test/Echo", Framed("hello"));
    const std::int32_t second = client.Call("/test/Echo", Framed(std::string(50'000, 'x')));
    const std::int32_t empty = client.Call("/test/Echo", Framed(""));
    Exchange(client, chunk);
    EXPECT_EQ(client.reply(first).data, Framed("hello"));
    EXPECT_EQ(client.reply(second).data, Framed(std::string(50'000, 'x')));
    EXPECT_EQ(client.reply(empty).data, Framed(""));
    for (const std::int32_t id : {first, second, empty}) {
      EXPECT_EQ(Ended(client, id), "0 -") << chunk;
      EXPECT_EQ(client.reply(id).head.at(":status"), "200");
      EXPECT_EQ(client.reply(id).head.at("content-type"), "application/grpc");
      EXPECT_TRUE(client.reply(id).is_closed);
    }
  }
}

TEST_F(GrpcConnectionTest, MessagesAreTheSameInWhateverPiecesTheyCame) {
  Random random(5);
  for (int round = 0; round < 40; ++round) {
    heard_.clear();
    Connect();
    Http2Client client;
    std::vector<std::string> said;
    std::string body;
    for (int i = 0; i < 12; ++i) {
      const std::uint64_t size = random.Below(3) == 0 ? random.Below(200'000) : random.Below(300);
      said.emplace_back(size, static_cast<char>('a' + i));
      body += Framed(said.back());
    }
    client.Call("/test/Listen", body);
    Exchange(client, 1 + random.Below(round % 2 == 0 ? 200 : 100'000));
    ASSERT_EQ(heard_.size(), 1);
    EXPECT_EQ(heard_[0].messages, said);
    EXPECT_TRUE(heard_[0].is_half_closed);
  }
}

TEST_F(GrpcConnectionTest, KeptMessagesStayAndSmallOnesKeepNoBlock) {
  Http2Client client;
  const std::string small(1000, 's');
  const std::string large(100'000, 'l');
  client.Call("/test/Listen", Framed(small) + Framed(large) + Framed(small), false);
  Exchange(client);
  ASSERT_EQ(heard_.size(), 1);
  ASSERT_EQ(heard_[0].messages.size(), 3);
  ASSERT_EQ(heard_[0].kept.size(), 2);  // the large one lies in many frames
  EXPECT_EQ(heard_[0].kept[0], small);
  EXPECT_EQ(heard_[0].kept[1], small);
  ASSERT_EQ(heard_[0].owners[0].size(), 1);
  EXPECT_EQ(heard_[0].owners[0][0].use_count(), 1);  // nobody else is in it
}

TEST_F(GrpcConnectionTest, AMessageInVeryManyFramesIsGathered) {
  Http2Client client;
  const std::int32_t id = client.Call("/test/Echo", "", false);
  Exchange(client);
  const std::string message = Framed(std::string(20'000, 'x'));
  std::string frames;
  for (const char c : message)
    frames += Frame(NGHTTP2_DATA, 0, static_cast<std::uint32_t>(id), std::string(1, c));
  EXPECT_TRUE(Give(frames));
  Exchange(client);
  EXPECT_EQ(client.reply(id).data, message);
}

TEST_F(GrpcConnectionTest, RefusesWhatIsNoMessageOfIt) {
  Http2Client client;
  const std::int32_t compressed = client.Call("/test/Echo", Framed("x", 1));
  const std::int32_t odd = client.Call("/test/Echo", Framed("x", 7));
  const std::int32_t cut = client.Call("/test/Echo", Framed("hello").substr(0, 8));
  const std::int32_t none = client.Call("/test/Echo", "");
  const std::int32_t two = client.Call("/test/Echo", Framed("a") + Framed("b"));
  const std::int32_t longer = client.Call("/test/Echo", Framed(std::string(kMost + 1, 'x')).substr(0, 100), false);
  const std::int32_t unknown = client.Call("/test/Unknown", Framed("a"));
  const std::int32_t good = client.Call("/test/Echo", Framed("a"));
  Exchange(client);
  EXPECT_THAT(Ended(client, compressed), HasSubstr("12 messages must not be compressed"));
  EXPECT_EQ(client.reply(compressed).head.at("grpc-accept-encoding"), "identity");
  EXPECT_THAT(Ended(client, odd), HasSubstr("13 "));
  EXPECT_THAT(Ended(client, cut), HasSubstr("13 the call's last message ends before its length"));
  EXPECT_THAT(Ended(client, none), HasSubstr("3 a call without a message"));
  // Of two, the first may have been answered before the second came.
  EXPECT_THAT(Ended(client, two), ::testing::AnyOf("0 -", HasSubstr("3 a second message")));
  EXPECT_THAT(Ended(client, longer), HasSubstr("8 a message of 1048577 bytes, at most 1048576"));
  EXPECT_EQ(client.reply(longer).error, NGHTTP2_NO_ERROR);  // it need not say the rest
  EXPECT_TRUE(client.reply(longer).is_closed);
  EXPECT_EQ(Ended(client, unknown), "12 no method /test/Unknown");
  EXPECT_EQ(Ended(client, good), "0 -");
}

TEST_F(GrpcConnectionTest, WhoDoesNotSpeakGrpcIsToldByHttp) {
  Http2Client client;
  const std::int32_t get = client.Call("/test/Echo", "", true, {}, false);
  const std::int32_t json = client.Call("/test/Echo", "{}", true,
                                        {
                                            {"content-type", "application/json"}
  });
  Exchange(client);
  EXPECT_EQ(client.reply(get).head.at(":status"), "415");
  EXPECT_EQ(client.reply(json).head.at(":status"), "200");  // of two, the first counts
}

TEST_F(GrpcConnectionTest, AStrangerIsRefusedByHisHeadersAndCostsNothing) {
  Http2Client client;
  const std::int32_t id = client.Call("/test/Listen", Framed(std::string(500'000, 'x')).substr(0, 400'000), false,
                                      {
                                          {"key", "wrong"}
  });
  Exchange(client);
  EXPECT_EQ(Ended(client, id), "16 wrong key");
  EXPECT_EQ(shared_.partial_bytes, 0);
  EXPECT_THAT(heard_, IsEmpty());
  EXPECT_EQ(vouched_, 0);
  for (int i = 0; i < 3; ++i) {
    client.Call("/test/Listen", "", true,
                {
                    {"key", "right"}
    });
  }
  Exchange(client);
  EXPECT_EQ(vouched_, 1);
  is_revoked_ = true;
  const std::int32_t revoked = client.Call("/test/Echo", Framed("x"));
  Exchange(client);
  EXPECT_EQ(Ended(client, revoked), "16 the certificate of this client was revoked");
}

TEST_F(GrpcConnectionTest, HeadersHaveABound) {
  Http2Client client;
  const std::int32_t id = client.Call("/test/Echo", Framed("x"), true,
                                      {
                                          {"padding", std::string(shared_.options.max_header_bytes, 'x')}
  });
  const std::int32_t next = client.Call("/test/Echo", Framed("x"));
  Exchange(client);
  EXPECT_THAT(Ended(client, id), HasSubstr("8 headers of more than 16384 bytes"));
  EXPECT_EQ(Ended(client, next), "0 -");
}

TEST_F(GrpcConnectionTest, HeadersWithoutEndEndTheConnection) {
  Http2Client client;
  ASSERT_TRUE(Give(client.Output()));
  bool is_alive = Give(Frame(NGHTTP2_HEADERS, 0, 1, "\x82"));
  int frames = 0;
  for (; frames < 100 && is_alive && !connection_->is_over(); ++frames)
    is_alive = Give(Frame(NGHTTP2_CONTINUATION, 0, 1, std::string(1000, '\x82')));
  EXPECT_LT(frames, 100);
}

// One byte of HPACK stands for four kilobytes that were said once.
TEST_F(GrpcConnectionTest, HeadersThatUnpackToMuchMoreEndTheConnection) {
  Http2Client client;
  ASSERT_TRUE(Give(client.Output()));
  const std::string value(4000, 'x');
  // A new name and a value, both in the table from now on; 4000 - 127 as an integer of seven bits and more.
  std::string block = std::string(
                          "\x40\x01"
                          "a\x7f",
                          4) +
                      '\xa1' + '\x1e' + value;
  block += std::string(8000, '\xbe');
  EXPECT_FALSE(Give(Frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block)) && !connection_->is_over());
}

TEST_F(GrpcConnectionTest, GreetsOnlyWhoKnowsItsSettings) {
  Http2Client client;
  ASSERT_TRUE(Give(client.Output()));
  EXPECT_FALSE(connection_->has_greeted());
  Exchange(client);
  EXPECT_TRUE(connection_->has_greeted());
}

TEST_F(GrpcConnectionTest, TellsTheBeginningOfAVeryLongReason) {
  Http2Client client;
  const std::int32_t id = client.Call("/test/Listen", Framed("x"), false);
  const std::int32_t path = client.Call("/" + std::string(12'000, 'p'), Framed("x"));
  Exchange(client);
  heard_[0].call->Finish(absl::NotFoundError(std::string(200'000, 'x')));
  Exchange(client);
  EXPECT_TRUE(client.reply(id).is_closed);
  EXPECT_EQ(Ended(client, id), "5 " + std::string(4000, 'x') + "...");
  EXPECT_EQ(Ended(client, path).size(), 3 + 4000 + 3);
  EXPECT_FALSE(connection_->has_calls());
}

TEST_F(GrpcConnectionTest, RefusalsThatNobodyReadsHaveABound) {
  Http2Client client;
  ASSERT_TRUE(Give(client.Output()));
  const std::string head(
      "\x83\x86\x84\x41\x01"
      "a",
      6);  // POST, http, /, an authority
  bool is_alive = true;
  std::uint32_t streams = 0;
  for (; streams < 50'000 && is_alive; ++streams)
    is_alive = Give(Frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 2 * streams + 1, head));
  EXPECT_LT(streams, 50'000);
}

TEST_F(GrpcConnectionTest, PingsBesideCallsAreWelcome) {
  Http2Client client;
  Exchange(client);
  for (int i = 0; i < 6000; ++i) {
    client.Ping();
    const std::int32_t id = client.Call("/test/Echo", Framed("x"));
    Exchange(client);
    ASSERT_EQ(Ended(client, id), "0 -") << i;
  }
}

TEST_F(GrpcConnectionTest, AMessageThatDoesNotGoOnEndsItsCall) {
  Http2Client client;
  const std::int32_t slow = client.Call("/test/Echo", Framed(std::string(1000, 'x')).substr(0, 100), false);
  const std::int32_t idle = client.Call("/test/Listen", Framed("x"), false);
  Exchange(client);
  for (int second = 0; second < 100; ++second) {
    client.Say(slow, "x", false);
    connection_->Tick();
    Exchange(client);
  }
  EXPECT_THAT(Ended(client, slow), HasSubstr("4 a message did not come whole within 60 seconds"));
  EXPECT_FALSE(client.reply(idle).is_closed);
}

TEST_F(GrpcConnectionTest, FramesThatMeanNothingHaveABound) {
  const std::string floods[] = {Frame(NGHTTP2_PING, 0, 0, "12345678"), Frame(NGHTTP2_SETTINGS, 0, 0, ""),
                                Frame(NGHTTP2_PRIORITY, 0, 3, std::string("\0\0\0\0\x01", 5))};
  for (const std::string& frame : floods) {
    Connect();
    Http2Client client;
    Exchange(client);
    int sent = 0;
    std::string answers;  // it reads them
    for (; sent < 20'000 && Give(frame) && !connection_->is_over(); ++sent) {
      answers.clear();
      if (!connection_->Send(answers, 1U << 20U)) break;
      EXPECT_TRUE(sent >= 4000 || answers.find(kGoAway) == std::string::npos);
    }
    connection_->Send(answers, 1U << 20U);
    EXPECT_LT(sent, 20'000) << static_cast<int>(frame[3]);
    EXPECT_TRUE(answers.ends_with(std::string("\0\0\0\x0b", 4))) << "ENHANCE_YOUR_CALM";
  }
}

TEST_F(GrpcConnectionTest, ResetsHaveABoundAndLeaveNothing) {
  Http2Client client;
  Exchange(client);
  int calls = 0;
  for (; calls < 5000 && client.went_away() < 0; ++calls) {
    const std::int32_t id = client.Call("/test/Listen", "", false);
    Give(client.Output());
    client.Reset(id);
    Exchange(client);
    EXPECT_LE(static_cast<int>(connection_->has_calls()), 1);
  }
  EXPECT_LT(calls, 5000);
  EXPECT_GT(calls, 500);
}

TEST_F(GrpcConnectionTest, StreamsHaveABoundAlsoForWhoNeverAcknowledgesIt) {
  Http2Client client;
  ASSERT_TRUE(Give(client.Output()));  // its SETTINGS; of ours it never hears
  std::string out;
  for (int i = 0; i < 1000; ++i) {
    client.Call("/test/Listen", "", false);
    Give(client.Output());
    connection_->Send(out, 1U << 30U);
  }
  EXPECT_LE(heard_.size() - static_cast<std::size_t>(std::ranges::count_if(heard_, &Listener::Heard::is_gone)), 100);
}

TEST_F(GrpcConnectionTest, UnfinishedMessagesHaveABoundTogether) {
  shared_.options.max_partial_bytes = 1'000'000;
  Http2Client client;
  const std::int32_t first = client.Call("/test/Echo", Framed(std::string(200'000, 'x')).substr(0, 190'000), false);
  Exchange(client);
  const std::int32_t second = client.Call("/test/Echo", Framed(std::string(200'000, 'x')).substr(0, 190'000), false);
  Exchange(client);
  EXPECT_THAT(Ended(client, second),
              HasSubstr("8 too many messages are on their way"));  // a quarter is one connection's
  client.Say(first, std::string(10'005, 'x'), true);
  Exchange(client);
  EXPECT_EQ(Ended(client, first), "0 -");
  EXPECT_EQ(shared_.partial_bytes, 0);
}

TEST_F(GrpcConnectionTest, WhoHasLittleIsTakenWhileOthersHaveFilledWhatThereIs) {
  shared_.options.max_partial_bytes = 8'000'000;
  shared_.partial_bytes = 16'000'000;
  Http2Client client;
  const std::int32_t small = client.Call("/test/Echo", Framed(std::string(10'000, 'x')).substr(0, 5000), false);
  const std::int32_t large = client.Call("/test/Echo", Framed(std::string(400'000, 'x')).substr(0, 300'000), false);
  Exchange(client);
  EXPECT_FALSE(client.reply(small).is_closed);
  EXPECT_THAT(Ended(client, large), HasSubstr("8 too many"));
  client.Say(small, std::string(5005, 'x'), true);
  Exchange(client);
  EXPECT_EQ(Ended(client, small), "0 -");
  shared_.partial_bytes -= 16'000'000;
}

TEST_F(GrpcConnectionTest, WhoTakesNoAnswersIsCutOff) {
  shared_.options.max_unsent_bytes = 4'000'000;
  const auto answers_until_cut_off = [&](bool has_key) {
    Connect();
    is_alive_ = true;
    Http2Client client(/*window=*/0);
    const Http2Client::Fields key = {
        {"key", "right"}
    };
    if (has_key) client.Call("/test/Listen", "", true, key);
    int calls = 0;
    for (; calls < 90 && is_alive_; ++calls) {
      client.Call("/test/Echo", Framed(std::string(100'000, 'x')));
      Exchange(client);
    }
    EXPECT_FALSE(is_alive_);
    return calls;
  };
  EXPECT_LT(answers_until_cut_off(/*has_key=*/false), 15);
  EXPECT_GT(answers_until_cut_off(/*has_key=*/true), 35);
  EXPECT_EQ(shared_.timeouts, 2);
}

TEST_F(GrpcConnectionTest, OneAnswerMayBeAsLongAsItIs) {
  shared_.options.max_unsent_bytes = 1000;
  Http2Client client(1U << 30U);
  const std::int32_t id = client.Call("/test/Echo", Framed(std::string(60'000, 'x')));
  Exchange(client);
  EXPECT_EQ(Ended(client, id), "0 -");
}

TEST_F(GrpcConnectionTest, TakesNoNewCallsWhenItGoesAway) {
  Http2Client client;
  const std::int32_t before = client.Call("/test/Listen", Framed("x"), false);
  Exchange(client);
  connection_->GoAway();
  Exchange(client);
  EXPECT_EQ(client.went_away(), NGHTTP2_NO_ERROR);
  EXPECT_TRUE(connection_->has_calls());
  EXPECT_TRUE(heard_[0].is_drained);
  heard_[0].call->Write("still");
  heard_[0].call->Finish(absl::OkStatus());
  Exchange(client);
  EXPECT_EQ(client.reply(before).data, Framed("still"));
  EXPECT_EQ(Ended(client, before), "0 -");
  EXPECT_FALSE(connection_->has_calls());
}

TEST_F(GrpcConnectionTest, AnswersInTheOrderInWhichTheyWereGiven) {
  Http2Client client;
  const std::int32_t id = client.Call("/test/Listen", Framed("x"), false);
  Exchange(client);
  std::string all;
  for (int i = 0; i < 100; ++i) {
    heard_[0].call->Write(std::to_string(i));
    all += Framed(std::to_string(i));
    if (i % 7 == 0) Exchange(client);
  }
  heard_[0].call->Finish(absl::AbortedError("enough: 100 %\n"));
  heard_[0].call->Write("too late");
  Exchange(client);
  EXPECT_EQ(client.reply(id).data, all);
  EXPECT_EQ(Ended(client, id), "10 enough: 100 %25%0A");
}

TEST_F(GrpcConnectionTest, SurvivesWhatIsNoHttp2) {
  Random random(9);
  for (int round = 0; round < 300; ++round) {
    Connect();
    Http2Client client;
    client.Call("/test/Echo", Framed(std::string(random.Below(3000), 'x')));
    client.Call("/test/Listen", Framed("x"), false);
    std::string bytes = client.Output();
    for (std::uint64_t change = 0; change <= random.Below(5); ++change) {
      const std::size_t at = kPreface.size() + random.Below(bytes.size() - kPreface.size());
      switch (random.Below(3)) {
        case 0: bytes[at] = static_cast<char>(random.Below(256)); break;
        case 1: bytes.erase(at, 1 + random.Below(20)); break;
        default: bytes.insert(at, bytes.substr(random.Below(bytes.size()), random.Below(64)));
      }
    }
    const std::size_t chunk = 1 + random.Below(500);
    for (std::size_t at = 0; at < bytes.size() && Give(std::string_view(bytes).substr(at, chunk)); at += chunk) {
      Deliver();
      std::string out;
      if (!connection_->Send(out, 1U << 20U) || connection_->is_over()) break;
    }
  }
}

}  // namespace
}  // namespace tocsin
