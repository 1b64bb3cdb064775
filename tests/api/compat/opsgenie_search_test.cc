#include "api/compat/opsgenie_search.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"

namespace tocsin {
namespace {

using Rows = std::map<OpsgenieAlertId, OpsgenieAlert>;

std::string TextOf(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes)
    text += "lorem ipsum ";
  text.resize(bytes);
  return text;
}

// As large as a row may be, what is never searched included.
OpsgenieAlert Largest(OpsgenieAlertId id) {
  OpsgenieAlert row;
  row.id = id;
  row.alias = absl::StrCat("alias-", id.value());
  row.message = TextOf(limits::kOpsgenieMessageBytes);
  row.description = TextOf(limits::kOpsgenieDescriptionBytes);
  row.entity = TextOf(limits::kOpsgenieEntityBytes);
  for (std::size_t i = 0; i < limits::kOpsgenieDetailBytes / 4; ++i)
    row.details.push_back({absl::StrCat("k", i % 10), "v1"});
  for (std::size_t i = 0; i < limits::kOpsgenieTags; ++i)
    row.tags.push_back(TextOf(limits::kOpsgenieTagBytes));
  const std::string name = TextOf(limits::kOpsgenieNameBytes);
  row.responders.assign(limits::kOpsgenieResponders, {"user", name, name});
  row.notes.assign(4, {.text = TextOf(limits::kOpsgenieNoteBytes)});
  return row;
}

OpsgenieQuery Parsed(std::string_view text) {
  return *OpsgenieQuery::Parse(text);
}

TEST(OpsgenieSearchTest, AVisitCopiesFewBytesHoweverLargeRowsAre) {
  Rows rows;
  for (std::uint64_t i = 1; i <= 500; ++i) {
    rows[OpsgenieAlertId(i)] = i % 3 == 0 ? Largest(OpsgenieAlertId(i)) : OpsgenieAlert{.id = OpsgenieAlertId(i)};
  }
  std::size_t visits = 0;
  std::size_t most = 0;
  std::uint64_t seen = 0;
  const auto copy = [&](OpsgenieAlertId from) {
    OpsgenieSlice slice = CopyOpsgenieSlice(rows, from);
    ++visits;
    most = std::max(most, slice.bytes);
    for (const OpsgenieAlert& row : slice.rows) {
      EXPECT_EQ(row.id, OpsgenieAlertId(++seen));
      EXPECT_TRUE(row.notes.empty());
      EXPECT_EQ(row.details.size(), rows.at(row.id).details.size());
    }
    return slice;
  };
  std::size_t found = 0;
  EXPECT_TRUE(EachOpsgenieMatch(
      Parsed("ipsum"), copy, [] { return true; }, [&](const OpsgenieAlert&) { ++found; }));
  EXPECT_EQ(seen, rows.size());
  EXPECT_EQ(found, rows.size() / 3);
  EXPECT_LE(most, OpsgenieSlice::kMostBytes);
  EXPECT_GT(visits, rows.size() / 3 * limits::kOpsgenieDescriptionBytes / OpsgenieSlice::kMostBytes);
}

TEST(OpsgenieSearchTest, EndsBetweenRowsWhenItTakesTooLong) {
  Rows rows;
  for (std::uint64_t i = 1; i <= 100; ++i)
    rows[OpsgenieAlertId(i)] = Largest(OpsgenieAlertId(i));
  std::size_t visits = 0;
  std::size_t asked = 0;
  std::size_t found = 0;
  const auto copy = [&](OpsgenieAlertId from) {
    ++visits;
    return CopyOpsgenieSlice(rows, from);
  };
  const auto goes_on = [&] { return ++asked <= 2; };
  EXPECT_FALSE(EachOpsgenieMatch(Parsed(""), copy, goes_on, [&](const OpsgenieAlert&) { ++found; }));
  EXPECT_EQ(found, 2U);
  EXPECT_LE(visits, 3U);
}

TEST(OpsgenieSearchTest, NothingIsFoundInNothing) {
  const auto copy = [](OpsgenieAlertId from) { return CopyOpsgenieSlice({}, from); };
  EXPECT_TRUE(EachOpsgenieMatch(
      Parsed(""), copy, [] { return true; }, [](const OpsgenieAlert&) { FAIL(); }));
}

}  // namespace
}  // namespace tocsin
