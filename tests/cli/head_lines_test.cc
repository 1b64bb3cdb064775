// Whatever is appended to a file of heads, the newest one is among those that are compared.
#include "cli/head_lines.h"

#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::size_t kMost = 10;
const AuditSigner& Signer() {
  static const AuditSigner signer("a secret");
  return signer;
}

std::string Line(std::uint64_t entry, char store = 'a') {
  AuditHead head{.store = std::string(32, store),
                 .entry = entry,
                 .id = AuditId(entry * 3),
                 .at = absl::FromUnixSeconds(1'700'000'000) + absl::Minutes(entry),
                 .hash = {}};
  head.hash[0] = static_cast<unsigned char>(entry);
  return Signer().Sign(head);
}

struct Chosen {
  absl::Status status;
  std::vector<AuditHead> heads;
  std::string text;
};
Chosen Choose(const std::string& file) {
  HeadLines lines(kMost);
  std::istringstream in(file);
  Chosen chosen{.status = lines.Read(in), .heads = {}, .text = std::move(lines).Text()};
  std::istringstream out(chosen.text);
  for (std::string line; std::getline(out, line);) {
    if (absl::StatusOr<AuditHead> head = ParseHead(line); head.ok()) chosen.heads.push_back(*head);
  }
  return chosen;
}
std::uint64_t Newest(const Chosen& chosen) {
  std::uint64_t newest = 0;
  for (const AuditHead& head : chosen.heads)
    newest = std::max(newest, head.entry);
  return newest;
}

TEST(HeadLinesTest, LinesMayStandAmongOthersAndEachCountsOnce) {
  const Chosen chosen =
      Choose("nothing\nNov 23 host tocsin[7]: head=\"" + Line(3) + "\" more\n" + Line(3) + "\n" + Line(1));
  ASSERT_TRUE(chosen.status.ok());
  EXPECT_EQ(chosen.text, Line(1) + "\n" + Line(3) + "\n");
}

TEST(HeadLinesTest, ManyCopiesOfAnEarlyHeadHideNoLaterOne) {
  std::string file = Line(1) + "\n" + Line(900) + "\n";
  for (int i = 0; i < 5000; ++i)
    file += Line(1) + "\n";
  const Chosen chosen = Choose(file);
  EXPECT_EQ(chosen.heads.size(), 2U);
  EXPECT_EQ(Newest(chosen), 900U);
}

TEST(HeadLinesTest, OfMoreThanThereIsRoomForTheNewestStayAndOthersEvenly) {
  std::string file;
  for (std::uint64_t entry = 300; entry > 0; --entry)
    file += Line(entry) + "\n";
  const Chosen chosen = Choose(file);
  ASSERT_EQ(chosen.heads.size(), kMost);
  for (std::uint64_t i = 0; i < 5; ++i)
    EXPECT_EQ(chosen.heads[5 + i].entry, 296 + i);
  EXPECT_LT(chosen.heads[0].entry, 150U);
}

TEST(HeadLinesTest, HeadsOfOtherStoresHideNoneOfOurs) {
  std::string file = Line(7, 'a') + "\n";
  for (std::uint64_t entry = 1; entry < 300; ++entry)
    file += Line(entry, 'b') + "\n";
  const Chosen chosen = Choose(file);
  EXPECT_TRUE(std::ranges::any_of(chosen.heads, [](const AuditHead& head) { return head.store[0] == 'a'; }));
  std::string many;
  for (char store = 'a'; store <= 'z'; ++store)
    many += Line(1, store) + "\n";
  EXPECT_THAT(Message(Choose(many).status), HasSubstr("more than 10 stores"));
}

TEST(HeadLinesTest, WhatLooksLikeAHeadAndIsNoneIsNotPassedOver) {
  EXPECT_THAT(Choose("tocsin-audit 1 " + std::string(5000, 'x') + "\n").text, HasSubstr("tocsin-audit 1 xxx"));
  EXPECT_THAT(Choose(Line(1).substr(0, 200)).text, Not(IsEmpty()));
}

TEST(HeadLinesTest, ALineWithoutAnEndIsAnError) {
  EXPECT_THAT(Message(Choose(std::string(3 << 20, '\0')).status), HasSubstr("more than 1048576 bytes"));
}

}  // namespace
}  // namespace tocsin
