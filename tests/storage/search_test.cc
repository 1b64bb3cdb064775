// Search against a naive filter over random histories; that its work is bounded by what it says; that an old store's index is
// the one that it would have had.
#include <algorithm>
#include <set>

#include <gmock/gmock.h>

#include "storage/keys.h"
#include "storage/search_index.h"
#include "storage/views.h"
#include "tests/storage/search_world.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The naive filter: no terms, no hashes, no index.
struct Wanted {
  std::string service, label_name, label_value, person, word;
  int kind = -1;
  absl::Time from = absl::InfinitePast();
  absl::Time until = absl::InfiniteFuture();

  static bool HasWord(std::string_view text, std::string_view word) {
    std::string current;
    for (const char byte : std::string(text) + " ") {
      const bool in_word =
          std::isalnum(static_cast<unsigned char>(byte)) != 0 || static_cast<unsigned char>(byte) >= 0x80;
      if (in_word) {
        current += static_cast<char>(std::tolower(static_cast<unsigned char>(byte)));
        continue;
      }
      if (current == word) return true;
      current.clear();
    }
    return false;
  }

  bool Has(const Story& story) const {
    const auto* group = std::get_if<Group>(&story.row);
    const auto* incident = std::get_if<Incident>(&story.row);
    if (story.opened_at < from || story.opened_at >= until) return false;
    if (kind >= 0 && (kind == 0) != (group != nullptr)) return false;
    if (!service.empty() && (group != nullptr ? group->service : incident->service).value() != service) return false;
    std::vector<Label> labels;
    std::vector<std::string> texts;
    if (group != nullptr) {
      labels = {group->labels[0], group->exemplars[0].labels[0]};
      texts.push_back(group->exemplars[0].annotations[0].value);
    } else {
      texts.push_back(incident->title);
    }
    for (const Label& label : labels)
      texts.push_back(label.value);
    std::set<std::string> people;
    for (const TimelineEntry& entry : story.timeline) {
      if (entry.kind == TimelineEntry::Kind::kNote) texts.push_back(entry.text);
      people.insert(entry.user.value());
      if (entry.actor.starts_with("user:")) people.insert(entry.actor.substr(5));
    }
    const auto is_wanted = [&](const Label& label) { return label.name == label_name && label.value == label_value; };
    if (!label_name.empty() && std::ranges::none_of(labels, is_wanted)) return false;
    if (!person.empty() && !people.contains(person)) return false;
    return word.empty() || std::ranges::any_of(texts, [&](const std::string& text) { return HasWord(text, word); });
  }

  SearchRequest Request() const {
    SearchRequest request;
    request.terms = {AnyTerm()};
    if (!service.empty()) request.terms.push_back(ServiceTerm(service));
    if (!label_name.empty()) request.terms.push_back(LabelTerm(label_name, label_value));
    if (!person.empty()) request.terms.push_back(PersonTerm(person));
    if (!word.empty()) request.terms.push_back(WordTerm(word));
    if (kind >= 0) request.terms.push_back(KindTerm(KeyOf(kind == 0 ? Row(Group()) : Row(Incident())).table));
    request.from = from;
    request.until = until;
    return request;
  }
};

Wanted RandomWanted(Random& random) {
  Wanted wanted;
  if (random.Below(3) == 0) wanted.service = absl::StrFormat("svc%d", random.Below(5));
  if (random.Below(3) == 0) {
    wanted.label_name = random.Below(2) == 0 ? "alertname" : "instance";
    wanted.label_value = wanted.label_name == "alertname" ? absl::StrFormat("Alert%d", random.Below(6))
                                                          : absl::StrFormat("web-%d", random.Below(9));
  }
  if (random.Below(3) == 0) wanted.person = absl::StrFormat("u%d", random.Below(5));
  static const std::string_view kWords[] = {"disk", "full", "vendor", "Überlauf", "web", "nowhere"};
  // An upper-case letter beyond ASCII stays as it is.
  if (random.Below(3) == 0) wanted.word = kWords[random.Below(std::size(kWords))];
  if (random.Below(4) == 0) wanted.kind = static_cast<int>(random.Below(2));
  if (random.Below(2) == 0) wanted.from = kDayZero + absl::Minutes(static_cast<std::int64_t>(random.Below(10'000)));
  if (random.Below(2) == 0) wanted.until = kDayZero + absl::Minutes(static_cast<std::int64_t>(random.Below(10'000)));
  return wanted;
}

class SearchTest : public StoreTest {
 protected:
  void Live(std::uint64_t seed, std::uint64_t stories) {
    Random random(seed);
    for (std::uint64_t id = 1; id <= stories; ++id) {
      stories_.push_back(RandomStory(random, id));
      const auto [opened, gone] = ChangesOf(stories_.back(), random);
      Apply(*store_, opened);
      Apply(*store_, gone);
    }
  }
  // With pages and budgets as small as they may be, to the end.
  std::vector<DocumentPlace> All(SearchRequest request, std::size_t limit, std::size_t keys) {
    std::vector<DocumentPlace> all;
    request.limit = limit;
    request.keys = keys;
    for (int calls = 0; calls < 10'000; ++calls) {
      const absl::StatusOr<SearchResult> result = store_->Search(request);
      EXPECT_TRUE(result.ok()) << result.status();
      EXPECT_LE(result->keys_read, keys);
      EXPECT_LE(result->found.size(), limit);
      all.insert(all.end(), result->found.begin(), result->found.end());
      if (!result->next) return all;
      request.start = result->next;
    }
    ADD_FAILURE() << "the cursor never comes to an end";
    return all;
  }
  std::vector<DocumentPlace> Naive(const Wanted& wanted) const {
    std::vector<DocumentPlace> found;
    for (const Story& story : stories_) {
      if (wanted.Has(story)) found.push_back({story.opened_at, KeyOf(story.row)});
    }
    std::ranges::sort(found);
    return found;
  }
  std::size_t CheckRandomQueries(std::uint64_t seed, int queries) {
    Random random(seed);
    std::size_t found = 0;
    for (int i = 0; i < queries; ++i) {
      const Wanted wanted = RandomWanted(random);
      const std::vector<DocumentPlace> expected = Naive(wanted);
      EXPECT_EQ(All(wanted.Request(), 1 + random.Below(20), 8 + random.Below(100)), expected) << "query " << i;
      found += expected.size();
    }
    return found;
  }

  std::unique_ptr<Store> store_ = OpenOrDie();
  std::vector<Story> stories_;
};

TEST_F(SearchTest, FindsWhatANaiveFilterFindsInItsOrder) {
  EXPECT_TRUE(*store_->BuildIndex(10)) << "a new store has nothing to index";
  Live(1, 400);
  EXPECT_GT(CheckRandomQueries(2, 1'500), 3'000U) << "queries that find nothing prove nothing";
}

TEST_F(SearchTest, ReadsNoMoreThanTheListsThatItIntersectHaveInCommon) {
  constexpr std::uint64_t kDocuments = 4'000;
  Random random(3);
  for (std::uint64_t id = 1; id <= kDocuments; ++id) {
    Group group = GroupOf(id, kDayZero);
    group.opened_at = kDayZero + absl::Seconds(static_cast<std::int64_t>(id));
    group.labels = {
        {"common", "yes"                       },
        {"parity", id % 2 == 0 ? "even" : "odd"}
    };
    if (id % 1'000 == 7) group.labels.push_back({"rare", "yes"});
    Change change;
    change.rows = {group};
    change.removed = {KeyOf(Row(group))};
    Apply(*store_, change);
  }
  const auto search = [&](std::vector<Term> terms, std::size_t limit, std::size_t keys) {
    SearchRequest request;
    request.terms = std::move(terms);
    request.limit = limit;
    request.keys = keys;
    return *store_->Search(request);
  };
  const Term common = LabelTerm("common", "yes");
  const SearchResult rare = search({common, LabelTerm("rare", "yes")}, 100, 1'000'000);
  EXPECT_EQ(rare.found.size(), 4);
  EXPECT_LE(rare.keys_read, 20U) << "of 4,000 that have the other label";
  const SearchResult page = search({common}, 10, 1'000'000);
  EXPECT_EQ(page.found.size(), 10);
  EXPECT_EQ(page.keys_read, 10U);
  EXPECT_TRUE(page.next.has_value());
  // Two long lists that have nothing in common: the bound on the work holds, and the cursor leads to the end.
  const std::vector<Term> disjoint = {LabelTerm("parity", "even"), LabelTerm("parity", "odd")};
  const SearchResult bounded = search(disjoint, 100, 500);
  EXPECT_THAT(bounded.found, IsEmpty());
  EXPECT_EQ(bounded.keys_read, 500U);
  EXPECT_TRUE(bounded.next.has_value());
  SearchRequest request;
  request.terms = disjoint;
  EXPECT_THAT(All(request, 100, 500), IsEmpty());
}

TEST_F(SearchTest, AnOldStoreIsIndexedInSlicesWhileNewRowsCome) {
  Live(4, 150);
  ASSERT_TRUE(store_->Flush().ok());
  store_.reset();
  {
    // As an older program would have left it: no postings, retention in one order for all.
    const auto views = Views::Open(env_.get(), "data", /*read_only=*/false);
    ASSERT_TRUE(views.ok()) << views.status();
    rocksdb::DB& db = (*views)->db();
    ASSERT_TRUE(db.DeleteRange({}, db.DefaultColumnFamily(), "i", "j").ok());
    ASSERT_TRUE(db.DeleteRange({}, db.DefaultColumnFamily(), "y", "z").ok());
    ASSERT_TRUE(db.Delete({}, "mindex").ok() && db.Delete({}, "mhistory").ok());
    ASSERT_TRUE(db.Put({}, "x" + keys::Time(kDayZero) + std::string(9, '\1'), "").ok());
    ASSERT_TRUE(db.Flush({}).ok());
  }
  store_ = OpenOrDie();
  EXPECT_FALSE(store_->is_indexed());
  EXPECT_THAT(All(Wanted().Request(), 100, 100), IsEmpty());
  int slices = 0;
  while (!*store_->BuildIndex(7)) {
    Live(100 + static_cast<std::uint64_t>(++slices), 0);
    if (slices == 5) {  // killed in between: it goes on where it was
      ASSERT_TRUE(store_->Flush().ok());
      store_ = nullptr;
      store_ = OpenOrDie();
    }
  }
  EXPECT_GE(slices, 150 / 7);
  EXPECT_TRUE(store_->is_indexed());
  CheckRandomQueries(5, 300);
  const std::uint64_t bytes = store_->history_bytes();
  EXPECT_GT(bytes, 0U);
  ASSERT_TRUE(store_->Flush().ok());
  store_ = nullptr;
  store_ = OpenOrDie();
  EXPECT_TRUE(store_->is_indexed());
  EXPECT_EQ(store_->history_bytes(), bytes);
}

TEST(SearchTermsTest, WordsAreLettersAndDigitsInARow) {
  EXPECT_THAT(Words("Disk-full: /var is 99% FULL, web-1.example"),
              ElementsAre("disk", "full", "var", "is", "99", "full", "web", "example"));
  EXPECT_THAT(Words("Größe a"), ElementsAre("größe"));
  EXPECT_THAT(Words(""), IsEmpty());
  EXPECT_NE(LabelTerm("a", "bc"), LabelTerm("ab", "c"));
  EXPECT_NE(PersonTerm("db"), ServiceTerm("db"));
}

}  // namespace
}  // namespace tocsin
