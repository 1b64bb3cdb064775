// What hostile peers may say to a connection of the gRPC server, and how much of it.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/net/grpc_connection_world.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kGoAway("\0\0\x08\x07\0", 5);  // as its frame begins

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
  shared_.options.max_partial_bytes = 4'000'000;  // half is one connection's
  Http2Client client;
  const std::string most_of_it = Framed(std::string(200'000, 'x')).substr(0, 190'000);
  const std::int32_t first = client.Call("/test/Echo", most_of_it, false);
  Exchange(client);
  std::int32_t last = first;
  int calls = 1;
  for (; calls < 20 && !client.reply(last).is_closed; ++calls) {
    last = client.Call("/test/Echo", most_of_it, false);
    Exchange(client);
  }
  EXPECT_GT(calls, 3);
  EXPECT_THAT(Ended(client, last), HasSubstr("8 too many messages are on their way"));
  client.Say(first, std::string(10'005, 'x'), true);
  Exchange(client);
  EXPECT_EQ(Ended(client, first), "0 -");
}

TEST_F(GrpcConnectionTest, WhoHasLittleIsTakenWhileOthersHaveFilledWhatThereIs) {
  shared_.options.max_partial_bytes = 32'000'000;
  shared_.partial_bytes = 64'000'000;
  Http2Client client;
  const std::int32_t small = client.Call("/test/Echo", Framed(std::string(10'000, 'x')).substr(0, 5000), false);
  const std::int32_t large = client.Call("/test/Echo", Framed(std::string(400'000, 'x')).substr(0, 300'000), false);
  Exchange(client);
  EXPECT_FALSE(client.reply(small).is_closed);
  EXPECT_THAT(Ended(client, large), HasSubstr("8 too many"));
  client.Say(small, std::string(5005, 'x'), true);
  Exchange(client);
  EXPECT_EQ(Ended(client, small), "0 -");
  shared_.partial_bytes -= 64'000'000;
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

}  // namespace
}  // namespace tocsin
