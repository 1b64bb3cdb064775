#include "net/smtp_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class SmtpSessionTest : public ::testing::Test {
 protected:
  // Everything that is sent back for `bytes`, given `piece` bytes at a time.
  std::string Say(std::string_view bytes, std::size_t piece = 1000) {
    std::string sent;
    while (!bytes.empty()) {
      buffer_ += bytes.substr(0, piece);
      bytes.remove_prefix(std::min(piece, bytes.size()));
      for (;;) {
        SmtpSession::Step step = session_.Advance(buffer_);
        if (step.message) {
          messages_.push_back(*step.message);
          sent += session_.Answered({250, "2.0.0 taken"});
          continue;
        }
        closed_ = closed_ || step.close;
        if (step.send.empty()) break;
        sent += step.send;
      }
    }
    return sent;
  }

  SmtpServer::Options options_{.max_message_bytes = 1000, .max_recipients = 2};
  SmtpServer::CheckRecipient check_ = [](std::string_view address, bool) {
    return address.starts_with("key@") ? SmtpReply{250, "2.1.5 go on"} : SmtpReply{550, "5.1.1 nobody"};
  };
  SmtpSession session_{options_, check_, "127.0.0.1", true};
  std::string buffer_;
  std::vector<SmtpMessage> messages_;
  bool closed_ = false;
};

constexpr std::string_view kMail =
    "EHLO me\r\nMAIL FROM:<a@b> SIZE=100\r\nRCPT TO:<key@x>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\n";

TEST_F(SmtpSessionTest, TakesAMailHoweverItIsCutIntoPackets) {
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
    SCOPED_TRACE(piece);
    messages_.clear();
    EXPECT_THAT(Say(kMail, piece), HasSubstr("354"));
    ASSERT_EQ(messages_.size(), 1U);
    EXPECT_EQ(messages_[0].from, "a@b");
    EXPECT_THAT(messages_[0].to, ::testing::ElementsAre("key@x"));
    EXPECT_EQ(messages_[0].data, "Subject: x\r\n\r\n.dot\r\n");
  }
}

TEST_F(SmtpSessionTest, AMailEndsWithCrlfDotCrlfAlone) {
  Say("EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<key@x>\r\nDATA\r\n");
  Say("one\n.\nMAIL FROM:<evil@x>\n\r\n.\nstill\r\n");
  EXPECT_THAT(messages_, IsEmpty()) << "nothing is smuggled in with bare line feeds";
  Say(".\r\n");
  ASSERT_EQ(messages_.size(), 1U);
  EXPECT_THAT(messages_[0].data, HasSubstr("evil"));
}

TEST_F(SmtpSessionTest, SaysWhatIsWrong) {
  EXPECT_THAT(Say("MAIL FROM:<a@b>\r\n"), StartsWith("503"));
  EXPECT_THAT(Say("EHLO me\r\nRCPT TO:<key@x>\r\n"), HasSubstr("503 5.5.1 say MAIL first"));
  EXPECT_THAT(Say("MAIL TO:<a@b>\r\n"), StartsWith("501"));
  EXPECT_THAT(Say("MAIL FROM:<a@b> SIZE=2000\r\n"), StartsWith("552"));
  EXPECT_THAT(Say("MAIL FROM:<>\r\n"), StartsWith("250")) << "reports have no sender";
  EXPECT_THAT(Say("DATA\r\n"), StartsWith("554"));
  EXPECT_THAT(Say("RCPT TO:<other@x>\r\n"), StartsWith("550"));
  EXPECT_THAT(Say("RCPT TO:<key@x>\r\nRCPT TO:<key@y>\r\nRCPT TO:<key@z>\r\n"), HasSubstr("452"));
  EXPECT_THAT(Say("STARTTLS\r\n"), StartsWith("502"));
  EXPECT_THAT(Say("XYZZY\r\n"), StartsWith("500"));
  EXPECT_THAT(Say(std::string(100'000, 'x') + "\r\n"), StartsWith("500"));
  EXPECT_THAT(Say("QUIT\r\n"), StartsWith("221"));
  EXPECT_TRUE(closed_);
}

TEST_F(SmtpSessionTest, WhatIsTooLargeIsRefusedAndTheNextMailIsTaken) {
  Say("EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<key@x>\r\nDATA\r\n");
  EXPECT_THAT(Say(std::string(5000, 'x') + "\r\n.\r\n"), StartsWith("552"));
  EXPECT_THAT(messages_, IsEmpty());
  Say(kMail);
  EXPECT_EQ(messages_.size(), 1U);
}

TEST_F(SmtpSessionTest, TheLongestCommandIsOneHoweverItIsCutIntoPackets) {
  const std::string longest(4096, 'x');
  for (const std::size_t piece : {1U, 4097U, 5000U}) {
    SCOPED_TRACE(piece);
    EXPECT_THAT(Say(longest + "\r\n", piece), HasSubstr("unknown command"));
    EXPECT_THAT(Say(longest + "x\r\n", piece), HasSubstr("too long"));
  }
}

TEST_F(SmtpSessionTest, LinesThatNeverEndTakeNoMemory) {
  Say("EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<key@x>\r\nDATA\r\n");
  for (const std::string& block : {std::string(100, '\r'), std::string(99, 'a') + "\r", std::string(".\r")}) {
    SCOPED_TRACE(block);
    for (int i = 0; i < 100; ++i)
      Say(block);
    EXPECT_LE(buffer_.size(), 2U);
  }
  EXPECT_THAT(Say("\r\n.\r\n"), StartsWith("552"));
}

TEST_F(SmtpSessionTest, AReturnAtTheEndOfAPacketIsPartOfTheText) {
  constexpr std::string_view kText = ".\r.\rx\r\r\n..\r\r\n\r\n.\r\n";
  for (const std::size_t piece : {1U, 2U, 3U, 5U, 1000U}) {
    SCOPED_TRACE(piece);
    messages_.clear();
    Say("EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<key@x>\r\nDATA\r\n");
    Say(kText, piece);
    ASSERT_EQ(messages_.size(), 1U);
    EXPECT_EQ(messages_[0].data, "\r.\rx\r\r\n.\r\r\n\r\n");
  }
}

TEST_F(SmtpSessionTest, WhoTriesOutKeysIsCutOff) {
  std::string sent = Say("EHLO me\r\nMAIL FROM:<a@b>\r\n");
  for (int i = 0; i < 30 && !closed_; ++i)
    sent = Say("RCPT TO:<guess@x>\r\n");
  EXPECT_TRUE(closed_);
  EXPECT_THAT(sent, StartsWith("421"));
}

TEST_F(SmtpSessionTest, NoBytesBreakIt) {
  Random random(9);
  for (int i = 0; i < 2000; ++i) {
    SmtpSession session(options_, check_, "", false);
    std::string buffer(kMail);
    for (int change = 0; change < 3; ++change)
      buffer[random.Below(buffer.size())] = static_cast<char>(random.Below(256));
    for (int steps = 0; steps < 200; ++steps) {
      const SmtpSession::Step step = session.Advance(buffer);
      if (step.send.empty() && !step.message) break;
    }
  }
}

}  // namespace
}  // namespace tocsin
