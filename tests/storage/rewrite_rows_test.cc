// Rows are rewritten where they lie, also those that only the journal has so far, and nothing of what they were stays in the views.
#include "storage/rewrite_rows.h"

#include <gmock/gmock.h>

#include "model/codec/response_codec.h"
#include "storage/views.h"
#include "tests/storage/store_world.h"

namespace tocsin {
namespace {

constexpr std::string_view kPlain = "canary-of-a-secret";

Notification MessageOf(std::uint64_t id) {
  Notification message;
  message.id = NotificationId(id);
  message.user = UserId("eve");
  message.method.id = ContactMethodId("hook");
  message.method.secret = kPlain;
  return message;
}

class RewriteRowsTest : public StoreTest {
 protected:
  absl::StatusOr<std::uint64_t> Rewrite() {
    return RewriteRows(
        disk_, "data", At(0).wall,
        [](Row& row) {
          auto* message = std::get_if<Notification>(&row);
          if (message == nullptr || message->method.secret != kPlain) return false;
          message->method.secret = "sealed";
          return true;
        },
        env_.get());
  }
  // In how many of the views' files it stands.
  std::size_t FilesWithPlain() {
    std::vector<std::string> names;
    TOCSIN_CHECK(env_->GetChildren("/data/views", &names).ok(), "list");
    std::size_t found = 0;
    for (const std::string& name : names) {
      std::string content;
      if (rocksdb::ReadFileToString(env_.get(), "/data/views/" + name, &content).ok() &&
          content.find(kPlain) != std::string::npos)
        ++found;
    }
    return found;
  }
};

TEST_F(RewriteRowsTest, WhatWasThereIsGoneFromTheViews) {
  std::unique_ptr<Store> store = OpenOrDie();
  Change change;
  for (std::uint64_t id = 1; id <= 5; ++id)
    change.rows.emplace_back(MessageOf(id));
  Apply(*store, change);
  Change gone;  // one of them has left memory
  gone.removed = {KeyOf(Row(MessageOf(2)))};
  Apply(*store, gone);
  ASSERT_TRUE(store->Flush().ok());
  // And one that the views have not seen: the process ended before.
  Change last;
  last.rows = {MessageOf(6)};
  const std::string encoded = EncodeChange(last);
  const PendingEntry entry{EntryKind::kResponder, 0, std::string_view(encoded)};
  ASSERT_TRUE(store->journal().Append({&entry, 1}, At(0)).ok());
  store.reset();
  EXPECT_GT(FilesWithPlain(), 0U);
  const absl::StatusOr<std::uint64_t> rewritten = Rewrite();
  ASSERT_TRUE(rewritten.ok()) << rewritten.status();
  EXPECT_EQ(*rewritten, 6U);
  EXPECT_EQ(FilesWithPlain(), 0U);
  EXPECT_EQ(*Rewrite(), 0U) << "once is enough";
  store = OpenOrDie();
  for (std::uint64_t id = 1; id <= 6; ++id) {
    const std::optional<Row> row = *store->ReadRow(KeyOf(Row(MessageOf(id))));
    ASSERT_TRUE(row.has_value()) << id;
    EXPECT_EQ(std::get<Notification>(*row).method.secret, "sealed");
  }
}

TEST_F(RewriteRowsTest, ADecisionThatNobodyCanReadIsPutAsideAndLaterOnesAreRewritten) {
  std::unique_ptr<Store> store = OpenOrDie();
  Change last;
  last.rows = {MessageOf(6)};
  const std::string encoded = EncodeChange(last);
  const PendingEntry entries[] = {
      {EntryKind::kResponderPart, 0, "the beginning of "      },
      {EntryKind::kResponder,     0, "what is no change"      },
      {EntryKind::kResponder,     0, std::string_view(encoded)}
  };
  const absl::StatusOr<Sequence> end = store->journal().Append(entries, At(0));
  ASSERT_TRUE(end.ok());
  store.reset();
  const absl::StatusOr<std::uint64_t> rewritten = Rewrite();
  ASSERT_TRUE(rewritten.ok()) << rewritten.status();
  EXPECT_EQ(*rewritten, 1U);
  const absl::StatusOr<std::vector<DeadLetter>> letters = DeadLetters(disk_, "data").Read();
  ASSERT_TRUE(letters.ok());
  ASSERT_EQ(letters->size(), 1U);
  EXPECT_EQ(letters->front().sequence.value(), end->value() - 1);
  EXPECT_EQ(letters->front().body, "the beginning of what is no change");
  EXPECT_EQ(*Rewrite(), 0U) << "it is passed over";
  store = OpenOrDie();
  EXPECT_TRUE(store->dead_letters().Holds(letters->front().sequence));
}

}  // namespace
}  // namespace tocsin
