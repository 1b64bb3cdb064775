#include "net/grpc_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/net/grpc_connection_world.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::size_t kMost = kMostOfAMessage;
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

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

TEST_F(GrpcConnectionTest, ATokenThatIsMissingIsForTheHandlerToTell) {
  Http2Client client;
  const std::int32_t id = client.Call("/test/Listen", "", false,
                                      {
                                          {"authorization", "Bearer "}
  });
  Exchange(client);
  EXPECT_FALSE(client.reply(id).is_closed);
  EXPECT_EQ(heard_.size(), 1);
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
