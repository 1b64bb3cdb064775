#include "net/grpc_message_reader.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin {
namespace {

using ::testing::ElementsAre;

constexpr std::size_t kLarge = 40'000;  // is not copied

// A message of kLarge bytes with its head, in a block of its own.
struct Block {
  Block() {
    std::string bytes("\0\0\0\x9c\x40", 5);
    for (std::size_t i = 0; i < kLarge; ++i)
      bytes += static_cast<char>('a' + i % 26);
    memory = std::make_shared<const std::string>(std::move(bytes));
  }
  std::string_view Part(std::size_t from, std::size_t size) const {
    return std::string_view(*memory).substr(from, size);
  }
  std::string_view message() const { return Part(5, kLarge); }

  std::shared_ptr<const std::string> memory;
};

class GrpcMessageReaderTest : public testing::Test {
 protected:
  void Read(std::string_view bytes, const GrpcMessage::Owner& owner) {
    EXPECT_TRUE(reader_
                    .Read(bytes, owner,
                          [this](const GrpcMessage& message) {
                            text_ = message.Copy();
                            for (const std::string_view piece : message.pieces())
                              pieces_.emplace_back(piece);
                            owners_ = message.Keep();
                            return true;
                          })
                    .ok());
    reader_.EndOfBlock();
  }

  GrpcMessageReader reader_{1U << 20U, true};
  std::string text_;
  std::vector<std::string_view> pieces_;
  std::vector<GrpcMessage::Owner> owners_;
};

TEST_F(GrpcMessageReaderTest, WhatIsReadRightBehindAPieceBelongsToIt) {
  const Block block;
  Read(block.Part(0, 20'005), block.memory);
  Read(block.Part(20'005, 20'000), block.memory);
  EXPECT_EQ(text_, block.message());
  ASSERT_EQ(pieces_.size(), 1U);
  EXPECT_EQ(pieces_.front().data(), block.message().data()) << "nothing is copied";
  EXPECT_THAT(owners_, ElementsAre(GrpcMessage::Owner(block.memory)));
}

TEST_F(GrpcMessageReaderTest, WhatLiesElsewhereIsAPieceOfItsOwn) {
  const Block block;
  const Block other;
  Read(block.Part(0, 20'005), block.memory);
  Read(other.Part(20'005, 20'000), other.memory);
  EXPECT_EQ(text_, block.message());
  EXPECT_THAT(pieces_, ElementsAre(block.Part(5, 20'000), other.Part(20'005, 20'000)));
  EXPECT_THAT(owners_, ElementsAre(GrpcMessage::Owner(block.memory), GrpcMessage::Owner(other.memory)));
}

TEST_F(GrpcMessageReaderTest, BytesOfAnotherOwnerAreAPieceOfTheirOwnWhereverTheyLie) {
  const Block block;
  const auto other = std::make_shared<const int>(1);
  Read(block.Part(0, 20'005), block.memory);
  Read(block.Part(20'005, 20'000), other);
  EXPECT_EQ(text_, block.message());
  EXPECT_EQ(pieces_.size(), 2U);
  EXPECT_THAT(owners_, ElementsAre(GrpcMessage::Owner(block.memory), GrpcMessage::Owner(other)));
}

TEST_F(GrpcMessageReaderTest, WhatHasAFramesHeadBetweenIsNotJoined) {
  const Block block;
  std::string spread(block.Part(0, 20'005));
  spread += "FRAMEHEAD";
  spread += block.Part(20'005, 20'000);
  const auto memory = std::make_shared<const std::string>(std::move(spread));
  const std::string_view bytes(*memory);
  Read(bytes.substr(0, 20'005), memory);
  Read(bytes.substr(20'014), memory);
  EXPECT_EQ(text_, block.message());
  EXPECT_EQ(pieces_.size(), 2U);
  EXPECT_THAT(owners_, ElementsAre(GrpcMessage::Owner(memory)));
}

}  // namespace
}  // namespace tocsin
