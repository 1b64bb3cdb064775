#include "storage/change_parts.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/limits.h"
#include "model/codec/response_codec.h"

namespace tocsin {
namespace {

Change LargeChange(std::size_t bytes) {
  Change change;
  change.now = {absl::FromUnixSeconds(1'800'000'000), EngineTime(7)};
  for (std::size_t i = 0; i * 1000 < bytes; ++i) {
    TimelineEntry entry;
    entry.subject = {SubjectKind::kGroup, i};
    entry.text = std::string(1000, static_cast<char>('a' + i % 26));
    change.entries.push_back(entry);
  }
  return change;
}

std::vector<Entry> EntriesOf(const std::vector<std::string_view>& bodies) {
  std::vector<Entry> entries;
  for (const std::string_view& body : bodies) {
    Entry entry;
    entry.sequence = Sequence(entries.size() + 1);
    entry.kind = &body == &bodies.back() ? EntryKind::kResponder : EntryKind::kResponderPart;
    entry.body = body;
    entries.push_back(entry);
  }
  return entries;
}

TEST(ChangePartsTest, WhatIsCutIsPutTogetherAgainWhateverItsSize) {
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{5'000}, limits::kJournalEntryBytes, 5 * limits::kJournalEntryBytes}) {
    SCOPED_TRACE(bytes);
    const Change change = LargeChange(bytes);
    const std::string encoded = EncodeChange(change);
    const std::vector<std::string_view> bodies = CutChange(encoded);
    EXPECT_EQ(bodies.size(),
              std::max<std::size_t>(1, (encoded.size() + limits::kJournalEntryBytes - 1) / limits::kJournalEntryBytes));
    ChangeReader reader;
    for (int round = 0; round < 2; ++round) {  // a reader goes on to the next change
      std::optional<Change> read;
      for (const Entry& entry : EntriesOf(bodies)) {
        EXPECT_FALSE(read);
        EXPECT_LE(entry.body.size(), limits::kJournalEntryBytes);
        absl::StatusOr<std::optional<Change>> added = reader.Add(entry);
        ASSERT_TRUE(added.ok()) << added.status();
        read = *std::move(added);
      }
      ASSERT_TRUE(read);
      EXPECT_EQ(EncodeChange(*read), encoded);
    }
  }
}

TEST(ChangePartsTest, PartsWithoutAnEndAreBounded) {
  const std::string part(limits::kJournalEntryBytes, 'x');
  ChangeReader reader;
  Entry entry;
  entry.kind = EntryKind::kResponderPart;
  entry.body = part;
  absl::Status status;
  for (std::size_t bytes = 0; bytes <= limits::kChangeBytes && status.ok(); bytes += part.size()) {
    entry.sequence = Sequence(entry.sequence.value() + 1);
    status = reader.Add(entry).status();
  }
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

TEST(ChangePartsTest, ABeginningWhoseEndIsPassedOverIsForgotten) {
  Change change;
  change.now = {absl::FromUnixSeconds(1), EngineTime(2)};
  const std::string encoded = EncodeChange(change);
  ChangeReader reader;
  Entry entry;
  entry.kind = EntryKind::kResponderPart;
  entry.sequence = Sequence(7);
  entry.body = "what nobody can read";
  ASSERT_TRUE(reader.Add(entry).ok());
  EXPECT_EQ(reader.begun(Sequence(8)), "what nobody can read");
  EXPECT_EQ(reader.begun(Sequence(9)), "");
  entry.kind = EntryKind::kResponder;
  entry.sequence = Sequence(9);
  entry.body = encoded;
  const absl::StatusOr<std::optional<Change>> read = reader.Add(entry);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_TRUE(*read);
  EXPECT_EQ(EncodeChange(**read), encoded);
}

}  // namespace
}  // namespace tocsin
