#include "net/grpc_blocks.h"

#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

constexpr std::size_t kPart = 64 * 1024;

// Gives so many blocks, and knows which of them are back.
struct Source {
  std::shared_ptr<char> Take() {
    ++asked;
    if (free.empty()) return nullptr;
    char* const block = free.back();
    free.pop_back();
    return {block, [this](char* back) { free.push_back(back); }};
  }
  explicit Source(int blocks) : memory(static_cast<std::size_t>(blocks) * GrpcServer::kBlockBytes) {
    for (int i = 0; i < blocks; ++i)
      free.push_back(memory.data() + static_cast<std::size_t>(i) * GrpcServer::kBlockBytes);
  }
  bool Has(const char* at) const { return at >= memory.data() && at < memory.data() + memory.size(); }

  std::vector<char> memory;
  std::vector<char*> free;
  int asked = 0;
};

char* Read(GrpcBlocks& blocks, std::size_t bytes) {
  const std::span<char> room = blocks.Room();
  EXPECT_GE(room.size(), std::min(bytes, std::size_t{16 * 1024}));
  std::fill_n(room.data(), bytes, 'r');
  blocks.Use(bytes);
  return room.data();
}

TEST(GrpcBlocksTest, ReadIntoWhatTheirSourceGives) {
  Source source(2);
  {
    GrpcBlocks blocks([&] { return source.Take(); });
    std::vector<GrpcMessage::Owner> kept;
    std::set<const char*> places;
    for (int i = 0; i < 8; ++i) {
      places.insert(Read(blocks, kPart));
      kept.push_back(blocks.owner());
    }
    EXPECT_EQ(places.size(), 8U) << "what somebody keeps is not written over";
    EXPECT_TRUE(std::ranges::all_of(places, [&](const char* at) { return source.Has(at); }));
    EXPECT_TRUE(source.free.empty());
    EXPECT_FALSE(source.Has(Read(blocks, kPart))) << "there is no more of it, and memory of its own is taken";
    kept.clear();
    EXPECT_TRUE(source.Has(Read(blocks, kPart))) << "there is again";
  }
  EXPECT_EQ(source.free.size(), 2U) << "all is given back";
}

TEST(GrpcBlocksTest, GiveABlockBackThatNobodyReadsAnyMoreInsteadOfWritingOverIt) {
  Source source(3);
  GrpcBlocks blocks([&] { return source.Take(); });
  const char* const first = Read(blocks, 100);
  EXPECT_EQ(Read(blocks, 100), first) << "it is the one that was given back last";
  EXPECT_EQ(source.asked, 2);
  blocks.Room();
  blocks.Room();
  EXPECT_EQ(source.asked, 3) << "into an empty one nothing has been read";
}

TEST(GrpcBlocksTest, WithoutASourceOneBlockIsReadIntoAgainAndAgain) {
  GrpcBlocks blocks(nullptr);
  const char* const first = Read(blocks, kPart);
  EXPECT_EQ(Read(blocks, kPart), first);
  const GrpcMessage::Owner kept = blocks.owner();
  EXPECT_EQ(Read(blocks, kPart), first + kPart);
}

}  // namespace
}  // namespace tocsin
