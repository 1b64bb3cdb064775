#include "model/codec/response_codec.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include <google/protobuf/stubs/logging.h>

#include "base/random.h"
#include "base/status.h"
#include "model/codec/response_proto.h"
#include "tests/codec/random_message.h"
#include "tocsin/v1/disk.pb.h"

namespace tocsin {
namespace {

constexpr std::uint8_t kTables = std::variant_size_v<Row>;
constexpr int kRounds = 100;

Change RandomChange(Random& random) {
  v1::Change message;
  FillRandomly(message, random);
  absl::StatusOr<Change> change = DecodeChange(message.SerializeAsString());
  TOCSIN_CHECK(change.ok(), change.status().ToString());
  return *std::move(change);
}

template <typename Message, typename T>
std::string BytesOf(const T& from) {
  Message message;
  ToProto(from, message);
  return message.SerializeAsString();
}

// Of rows that are written without their message, what the message would give.
struct BytesOfMessage {
  std::string operator()(const Group& row) const { return BytesOf<v1::Group>(row); }
  std::string operator()(const Escalation& row) const { return BytesOf<v1::Escalation>(row); }
  std::string operator()(const Page& row) const { return BytesOf<v1::Page>(row); }
  std::string operator()(const Notification& row) const { return BytesOf<v1::Notification>(row); }
  std::string operator()(const Timer& row) const { return BytesOf<v1::Timer>(row); }
  std::string operator()(const Throttle& row) const { return BytesOf<v1::Throttle>(row); }
  template <typename T>
  std::string operator()(const T& row) const {
    return EncodeRow(Row(row));
  }
};

// Equal by value, an organisation by what it points to.
bool Same(const Row& a, const Row& b) {
  if (a.index() != b.index()) return false;
  if (const auto* organisation = std::get_if<OrganisationPtr>(&a))
    return **organisation == *std::get<OrganisationPtr>(b);
  return a == b;
}

TEST(ResponseCodecTest, ChangesSurviveWithRowsOfEveryTable) {
  Random random(1);
  std::size_t seen[kTables] = {};
  for (int round = 0; round < kRounds; ++round) {
    const Change change = RandomChange(random);
    const std::string bytes = EncodeChange(change);
    const absl::StatusOr<Change> again = DecodeChange(bytes);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->now, change.now);
    EXPECT_EQ(again->entries, change.entries);
    EXPECT_EQ(again->removed, change.removed);
    ASSERT_EQ(again->rows.size(), change.rows.size());
    for (std::size_t i = 0; i < change.rows.size(); ++i) {
      EXPECT_TRUE(Same(again->rows[i], change.rows[i]));
      ++seen[change.rows[i].index()];
    }
    EXPECT_EQ(EncodeChange(*again), bytes) << "equal values must have equal bytes";
  }
  for (std::size_t table = 0; table < kTables; ++table)
    EXPECT_GT(seen[table], 0U) << "table " << table;
}

// The generated classes are the oracle for what is written without them.
TEST(ResponseCodecTest, BytesAreThoseOfTheSchema) {
  Random random(11);
  for (int round = 0; round < 10 * kRounds; ++round) {
    const std::string bytes = EncodeChange(RandomChange(random));
    v1::Change message;
    ASSERT_TRUE(message.ParseFromString(bytes));
    EXPECT_EQ(message.SerializeAsString(), bytes) << message.ShortDebugString();
  }
}

TEST(ResponseCodecTest, NoFieldIsForgotten) {
  Random random(12);
  for (int round = 0; round < kRounds; ++round) {
    const Change change = RandomChange(random);
    for (const Row& row : change.rows)
      EXPECT_EQ(EncodeRow(row), std::visit(BytesOfMessage(), row)) << "table " << row.index();
    for (const TimelineEntry& entry : change.entries)
      EXPECT_EQ(EncodeTimelineEntry(entry), BytesOf<v1::TimelineEntry>(entry));
  }
}

TEST(ResponseCodecTest, AChangeIsTakenApartIntoWhatItsPartsAre) {
  Random random(13);
  for (int round = 0; round < kRounds; ++round) {
    const Change change = RandomChange(random);
    const std::string bytes = EncodeChange(change);
    const ChangeParts parts = PartsOf(bytes);
    ASSERT_EQ(parts.rows.size(), change.rows.size());
    ASSERT_EQ(parts.entries.size(), change.entries.size());
    for (std::size_t i = 0; i < change.rows.size(); ++i)
      EXPECT_EQ(parts.rows[i], EncodeRow(change.rows[i]));
    for (std::size_t i = 0; i < change.entries.size(); ++i)
      EXPECT_EQ(parts.entries[i], EncodeTimelineEntry(change.entries[i]));
  }
}

TEST(ResponseCodecTest, RowsSurviveUnderTheirTable) {
  Random random(2);
  for (int round = 0; round < kRounds; ++round) {
    for (const Row& row : RandomChange(random).rows) {
      const std::string bytes = EncodeRow(row);
      const absl::StatusOr<Row> again = DecodeRow(KeyOf(row).table, bytes);
      ASSERT_TRUE(again.ok()) << again.status();
      EXPECT_TRUE(Same(*again, row));
      EXPECT_EQ(EncodeRow(*again), bytes);
    }
  }
}

TEST(ResponseCodecTest, TheEmptiestRowsSurvive) {
  Group group;
  group.id = GroupId(1);
  Notification notification;
  notification.id = NotificationId(2);
  Timer timer;
  timer.id = TimerId(3);
  Escalation escalation;
  escalation.id = EscalationId(4);
  for (const Row& row : {Row(group), Row(notification), Row(timer), Row(escalation), Row(Counters()),
                         Row(std::make_shared<const Organisation>())}) {
    const absl::StatusOr<Row> again = DecodeRow(KeyOf(row).table, EncodeRow(row));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(Same(*again, row));
  }
}

TEST(ResponseCodecTest, TimelineEntriesSurvive) {
  Random random(3);
  for (int round = 0; round < kRounds; ++round) {
    for (const TimelineEntry& entry : RandomChange(random).entries) {
      const absl::StatusOr<TimelineEntry> again = DecodeTimelineEntry(EncodeTimelineEntry(entry));
      ASSERT_TRUE(again.ok()) << again.status();
      EXPECT_EQ(*again, entry);
    }
  }
}

TEST(ResponseCodecTest, IntegrationsKeepTheirNumbers) {
  const std::vector<IntegrationId> names = {IntegrationId("b"), IntegrationId("a"), IntegrationId("中")};
  const absl::StatusOr<std::vector<IntegrationId>> again = DecodeIntegrations(EncodeIntegrations(names));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, names);
  EXPECT_TRUE(DecodeIntegrations("")->empty());
  EXPECT_EQ(DecodeIntegrations("\xFF").status().code(), absl::StatusCode::kDataLoss);
}

TEST(ResponseCodecTest, FieldsOfANewerVersionAreIgnored) {
  Group group;
  group.id = GroupId(7);
  const std::string newer_field = "\xA2\xF7\x04\x03new";  // field 9972, three bytes
  const absl::StatusOr<Row> row = DecodeRow(0, EncodeRow(group) + newer_field);
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(std::get<Group>(*row), group);
}

TEST(ResponseCodecTest, WhatNoWriterWroteIsDataLossAndSaysWhere) {
  Group group;
  group.id = GroupId(1);
  v1::Group unknown_state;
  ToProto(group, unknown_state);
  v1::Group no_route = unknown_state;
  v1::Group no_id = unknown_state;
  unknown_state.set_state(static_cast<v1::Group::State>(9));
  no_route.clear_route();
  no_id.clear_id();
  struct Case {
    const char* name;
    std::uint8_t table;
    std::string bytes;
    const char* message;
  };
  const Case cases[] = {
      {"unknown state", 0, unknown_state.SerializeAsString(), "group: state: unknown value 9 of State"},
      {"no route",      0, no_route.SerializeAsString(),      "group: route: missing"                 },
      {"no id",         0, no_id.SerializeAsString(),         "group: id: missing"                    },
      {"cut",           0, std::string("\x22\x7F",            2),                                       "group: 2 bytes that do not parse"},
      {"no such table",               200,  "",                  "row: there is no table 200"                                                      },
      {"empty page row",               2, "",                   "page: id: missing"  },
  };
  for (const Case& c : cases) {
    const absl::Status status = DecodeRow(c.table, c.bytes).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << c.name;
    EXPECT_EQ(Message(status), c.message) << c.name;
  }
}

TEST(ResponseCodecTest, ARowOfATableThatIsNotKnownIsDataLoss) {
  v1::Change change;
  change.mutable_wall()->set_seconds(1);
  change.add_rows();
  EXPECT_EQ(Message(DecodeChange(change.SerializeAsString()).status()),
            "change: rows[0]: row: of no table that this version knows");
}

TEST(ResponseCodecTest, ARowOfANewerProgramsTableIsRefusedAndNoNonsense) {
  v1::Change change;
  change.mutable_wall()->set_seconds(1);
  v1::Row& row = *change.add_rows();
  row.GetReflection()->MutableUnknownFields(&row)->AddLengthDelimited(99, "of tomorrow");
  const absl::Status status = DecodeChange(change.SerializeAsString()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_NE(Message(status).find("a row of table 98"), std::string::npos) << status;
  EXPECT_NE(Message(status).find("use a newer tocsin"), std::string::npos) << status;
  change.clear_rows();
  change.add_removed()->set_table(98);
  EXPECT_TRUE(absl::IsFailedPrecondition(DecodeChange(change.SerializeAsString()).status()));
}

// A provider's answer may hold any bytes; a row with them must be readable after the next start.
TEST(ResponseCodecTest, TextThatIsNotUtf8DoesNotMakeARowUnreadable) {
  Notification notification;
  notification.id = NotificationId(1);
  notification.last_error = "550 \xFF\xFE no";
  const absl::StatusOr<Row> row = DecodeRow(3, EncodeRow(notification));
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(std::get<Notification>(*row).last_error, "550 \xEF\xBF\xBD\xEF\xBF\xBD no");
}

TEST(ResponseCodecTest, DamagedBytesNeverCrash) {
  const google::protobuf::LogSilencer quiet;  // it complains of text that is not UTF-8
  Random random(5);
  int refused = 0;
  constexpr int kDamages = 20'000;
  std::string bytes;
  for (int i = 0; i < kDamages; ++i) {
    if (i % 200 == 0) bytes = EncodeChange(RandomChange(random));
    std::string damaged = bytes;
    for (std::uint64_t n = random.Below(4); n > 0; --n) {
      damaged[random.Below(damaged.size())] = static_cast<char>(random.Next());
    }
    if (random.OneIn(3)) damaged.resize(random.Below(damaged.size()));
    const absl::StatusOr<Change> change = DecodeChange(damaged);
    if (!change.ok()) {
      EXPECT_TRUE(absl::IsDataLoss(change.status()) || absl::IsFailedPrecondition(change.status())) << change.status();
      ++refused;
      continue;
    }
    // What is accepted is a value like any other.
    const absl::StatusOr<Change> again = DecodeChange(EncodeChange(*change));
    ASSERT_TRUE(again.ok()) << again.status();
  }
  EXPECT_GT(refused, kDamages / 10);
  EXPECT_LT(refused, kDamages);
}

// A tree that is too deep for protobuf's own limit must not be written and then be unreadable; config refuses it long before.
TEST(ResponseCodecTest, NestingUpToTheConfiguredDepthIsReadable) {
  auto organisation = std::make_shared<Organisation>();
  Route* route = &organisation->route;
  for (int depth = 0; depth < 32; ++depth)
    route = &route->children.emplace_back();
  const absl::StatusOr<Row> row = DecodeRow(8, EncodeRow(OrganisationPtr(organisation)));
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_TRUE(*std::get<OrganisationPtr>(*row) == *organisation);
}

}  // namespace
}  // namespace tocsin
