#include "api/paging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;

TEST(PagingTest, BoundsThePageSize) {
  EXPECT_EQ(PageSize(0), kDefaultPage);
  EXPECT_EQ(PageSize(1), 1U);
  EXPECT_EQ(PageSize(1000), 1000U);
  EXPECT_EQ(PageSize(1001), 1000U);
  EXPECT_EQ(PageSize(UINT32_MAX), 1000U);
}

TEST(PagingTest, ReadsTheCursorsThatItWrites) {
  for (const Cursor& cursor : {
           Cursor{0,          0         },
           Cursor{12,         0         },
           Cursor{1,          345       },
           Cursor{UINT64_MAX, UINT64_MAX}
  }) {
    const absl::StatusOr<Cursor> read = ParseCursor(FormatCursor(cursor));
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, cursor);
  }
  EXPECT_EQ(*ParseCursor(""), (Cursor{0, 0}));
}

TEST(PagingTest, RefusesWhatNoListHasReturned) {
  for (const std::string_view text : {"12", ".", "1.", ".1", "1.2.3", "-1.0", "1.-1", " 1.0", "1.0 ", "x", "0x1.0",
                                      "18446744073709551616.0", "1.18446744073709551616", "\xFF"}) {
    const absl::Status status = ParseCursor(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(Message(status), HasSubstr("cursor: ")) << text;
  }
}

}  // namespace
}  // namespace tocsin
