// Search over both faces' one handler: what is in memory, what has left it, and both in one order by cursors.
#include <set>

#include <gmock/gmock.h>

#include "api/search_query.h"
#include "tests/api/world.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

TEST(SearchQueryTest, ReadsWhatPeopleType) {
  const absl::StatusOr<SearchQuery> query = ParseSearchQuery(
      R"(service=db label:instance=web-1 team=ops person:alice kind:group state:closed since:7d until:2026-11-01 text:"disk full" now)",
      kNow);
  ASSERT_TRUE(query.ok()) << query.status();
  std::set<Term> rows = {ServiceTerm("db"), LabelTerm("instance", "web-1"), LabelTerm("team", "ops"),
                         KindTerm(KeyOf(Row(Group())).table)};
  EXPECT_EQ(std::set<Term>(query->of_row.begin(), query->of_row.end()), rows);
  std::set<Term> timeline = {PersonTerm("alice"), WordTerm("disk"), WordTerm("full"), WordTerm("now")};
  EXPECT_EQ(std::set<Term>(query->of_timeline.begin(), query->of_timeline.end()), timeline);
  EXPECT_EQ(query->open, false);
  EXPECT_EQ(query->from, kNow - absl::Hours(7 * 24));
  EXPECT_EQ(query->until, absl::FromCivil(absl::CivilDay(2026, 11, 1), absl::UTCTimeZone()));
}

TEST(SearchQueryTest, SaysWhatIsWrong) {
  const std::pair<std::string, std::string> cases[] = {
      {"servce:db", "there is no servce:; there are service=ID"},
      {"label:instance", "is not label:NAME=VALUE"},
      {"text:\"disk", "a quotation mark is not closed"},
      {"since:yesterday", "neither a span such as 7d"},
      {"kind:page", "there are group and incident"},
      {"state:ack", "there are open and closed"},
      {"person:", "is not followed by anything"},
      {"!", "has no word"},
      {std::string(5'000, 'x'), "at most 4096"},
  };
  for (const auto& [text, said] : cases)
    EXPECT_THAT(ParseSearchQuery(text, kNow).status().ToString(), HasSubstr(said)) << text;
}

class SearchTest : public ApiTest {
 protected:
  SearchTest() { keep_closed_ = absl::ZeroDuration(); }  // what is closed leaves memory at once

  // The labels `n` of what is found, page by page.
  std::vector<std::string> Find(const std::string& query, std::uint32_t page) {
    std::vector<std::string> found;
    v1::SearchRequest request;
    request.set_query(query);
    request.set_page_size(page);
    for (int calls = 0; calls < 1'000; ++calls) {
      v1::SearchResponse response;
      const absl::Status called = Call("SearchService/Search", request, response);
      EXPECT_TRUE(called.ok()) << called;
      EXPECT_LE(response.hits_size(), static_cast<int>(page));
      for (const v1::SearchHit& hit : response.hits()) {
        for (const v1::Label& label : hit.group().labels()) {
          if (label.name() == "alertname") found.push_back(label.value());
        }
      }
      if (response.next_cursor().empty()) return found;
      request.set_cursor(response.next_cursor());
    }
    ADD_FAILURE() << "the cursor never comes to an end";
    return found;
  }
  std::size_t GroupsInMemory() {
    std::size_t groups = 0;
    engine_->ReadResponderAndWait(
        [&](const Responder& responder, const Now&) { groups = responder.state().groups.size(); });
    return groups;
  }
  void WaitForGroups(std::size_t count) {
    for (int i = 0; i < 12'000 && GroupsInMemory() != count; ++i)
      absl::SleepFor(absl::Milliseconds(10));
    ASSERT_EQ(GroupsInMemory(), count);
  }
};

TEST_F(SearchTest, FindsOpenAndClosedInOneOrderByPages) {
  std::vector<std::string> all;
  for (int i = 0; i < 12; ++i) {
    all.insert(all.begin(), absl::StrFormat("Alert%02d", i));
    Send({{"alertname", all.front()}, {"instance", i % 3 == 0 ? "web-1" : "x"}});
    WaitForGroups(static_cast<std::size_t>(i + 1));
  }
  v1::AddNoteRequest note;
  v1::CommandResponse noted;
  v1::ListGroupsRequest list;
  v1::ListGroupsResponse groups;
  ASSERT_TRUE(Call("GroupService/ListGroups", list, groups).ok());
  for (const int i : {2, 7}) {  // of the newest first: Alert09 and Alert04
    note.mutable_subject()->set_kind(v1::Subject::KIND_GROUP);
    note.mutable_subject()->set_id(groups.groups(i).id());
    note.set_text("the DISK is full");
    ASSERT_TRUE(Call("GroupService/AddNote", note, noted).ok());
  }
  EXPECT_EQ(Find("", 5), all);
  EXPECT_EQ(Find("text:\"disk full\"", 5), (std::vector<std::string>{"Alert09", "Alert04"})) << "in memory";
  // Every other one closes and leaves memory; the order is the same, across both.
  for (int i = 0; i < 12; i += 2)
    Send({{"alertname", absl::StrFormat("Alert%02d", i)}, {"instance", i % 3 == 0 ? "web-1" : "x"}},
         EventKind::kResolve);
  WaitForGroups(6);
  SearchRequest closed;
  closed.terms = {AnyTerm()};
  for (int i = 0; i < 12'000 && store_->Search(closed)->found.size() < 6; ++i)
    absl::SleepFor(absl::Milliseconds(10));
  for (const std::uint32_t page : {1U, 4U, 5U, 100U})
    EXPECT_EQ(Find("", page), all) << page;
  EXPECT_EQ(Find("label:instance=web-1", 2), (std::vector<std::string>{"Alert09", "Alert06", "Alert03", "Alert00"}));
  EXPECT_EQ(Find("state:closed instance=web-1", 2), (std::vector<std::string>{"Alert06", "Alert00"}));
  EXPECT_EQ(Find("state:open instance=web-1", 2), (std::vector<std::string>{"Alert09", "Alert03"}));
  EXPECT_EQ(Find("disk full", 1), (std::vector<std::string>{"Alert09", "Alert04"})) << "one in memory, one not";
  EXPECT_EQ(Find("person:ann", 100), all) << "everybody's alert paged ann";
  EXPECT_EQ(Find("person:nobody", 100), std::vector<std::string>());
  EXPECT_EQ(Find("kind:incident", 100), std::vector<std::string>());
  EXPECT_EQ(Find("since:1h", 100), all);
  EXPECT_EQ(Find("until:1h", 100), std::vector<std::string>());
}

TEST_F(SearchTest, RefusesCursorsThatItDidNotGive) {
  v1::SearchRequest request;
  v1::SearchResponse response;
  for (const std::string_view cursor : {"x", "1.2", "1.2.3.4", "1.2.999", "-1..", "99999999999999999999.1.1"}) {
    request.set_cursor(std::string(cursor));
    EXPECT_THAT(Call("SearchService/Search", request, response).ToString(), HasSubstr("cursor:")) << cursor;
  }
}

}  // namespace
}  // namespace tocsin
