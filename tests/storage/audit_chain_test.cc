// The audit log's chain: whatever somebody who can write the store does to it is found; what the store does itself is not taken for it.
#include "storage/audit_chain.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <rocksdb/write_batch.h>

#include "model/codec/response_codec.h"
#include "storage/audit_verify.h"
#include "storage/keys.h"
#include "storage/view_rows.h"
#include "storage/views.h"
#include "tests/storage/store_world.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Kind = AuditFault::Kind;

constexpr std::uint64_t kEntries = 300;
const absl::Time kBegin = absl::FromUnixSeconds(1'700'000'000);

// Ids have gaps, as they have where other things are numbered in between.
AuditEntry EntryNumber(std::uint64_t number) {
  AuditEntry entry;
  entry.id = AuditId(number * 3 + 7);
  entry.at = kBegin + absl::Minutes(static_cast<std::int64_t>(number));
  entry.actor = "user:alice";
  entry.action = "AcknowledgeGroup";
  entry.object = "G" + std::to_string(number);
  entry.text = number % 7 == 0 ? "" : "because of " + std::to_string(number * number);
  return entry;
}
RowKey KeyOfEntry(std::uint64_t number) {
  return KeyOf(Row(EntryNumber(number)));
}
std::string RowOf(std::uint64_t number) {
  return keys::Row(keys::Home::kHistory, KeyOfEntry(number));
}

class AuditChainTest : public ::testing::Test {
 protected:
  std::unique_ptr<Store> OpenOrDie() {
    Store::Options options;
    options.journal = SmallOptions();
    options.low_water_bytes = 1 << 20;
    options.reserve_bytes = 1 << 16;
    options.views_env = env_.get();
    options.key_seed = 4711;
    absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(*disk_, options);
    TOCSIN_CHECK(store.ok(), store.status().ToString());
    return *std::move(store);
  }
  // Another machine, with nothing on it.
  void BeginAnew() {
    store_.reset();
    env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    disk_ = std::make_unique<SimulatedDisk>();
    store_ = OpenOrDie();
  }
  static void Apply(Store& store, const Change& change) {
    const PendingEntry entry{EntryKind::kResponder, 0, std::string_view("change")};
    const absl::StatusOr<Sequence> sequence = store.journal().Append({&entry, 1}, At(0));
    TOCSIN_CHECK(sequence.ok() && store.ApplyChange(change, *sequence).ok(), "apply");
  }
  void Write(std::uint64_t from, std::uint64_t to) {
    if (!store_) store_ = OpenOrDie();
    for (std::uint64_t number = from; number <= to; ++number) {
      Change change;
      change.rows = {EntryNumber(number)};
      Apply(*store_, change);
    }
  }
  std::unique_ptr<Views> Stopped() {
    TOCSIN_CHECK(store_ == nullptr || store_->Flush().ok(), "flush");
    store_.reset();
    absl::StatusOr<std::unique_ptr<Views>> views = Views::Open(env_.get(), "data", /*read_only=*/false);
    TOCSIN_CHECK(views.ok(), views.status().ToString());
    return *std::move(views);
  }
  AuditQuestion Question() const {
    return {.heads = heads_, .now = kBegin + absl::Hours(24), .kept = absl::Hours(24 * 365)};
  }
  AuditReport Verify(rocksdb::DB& db) const {
    absl::StatusOr<AuditCheck> check = CheckFolded(db, Question());
    TOCSIN_CHECK(check.ok(), check.status().ToString());
    return std::move(*check).Finish();
  }
  // Heads as the witness would have been told at each of these entries.
  void NoteHeads() {
    const AuditHead head = *store_->ReadAuditHead();
    heads_.push_back(
        {.store = head.store, .entry = head.entry, .id = head.id, .at = kBegin + absl::Hours(6), .hash = head.hash});
  }

  std::unique_ptr<rocksdb::Env> env_{rocksdb::NewMemEnv(rocksdb::Env::Default())};
  std::unique_ptr<SimulatedDisk> disk_ = std::make_unique<SimulatedDisk>();
  std::unique_ptr<Store> store_;
  std::vector<AuditHead> heads_;
};

// Changes a database, asks, and puts everything back.
class Tamper {
 public:
  explicit Tamper(rocksdb::DB& db) : db_(db) {}
  void Put(const std::string& key, const std::string& value) {
    Remember(key);
    TOCSIN_CHECK(db_.Put({}, key, value).ok(), "put");
  }
  void Delete(const std::string& key) {
    Remember(key);
    TOCSIN_CHECK(db_.Delete({}, key).ok(), "delete");
  }
  std::string Get(const std::string& key) {
    std::string value;
    TOCSIN_CHECK(db_.Get({}, key, &value).ok(), "get");
    return value;
  }
  void Undo() {
    for (const auto& [key, value] : before_)
      TOCSIN_CHECK((value ? db_.Put({}, key, *value) : db_.Delete({}, key)).ok(), "undo");
    before_.clear();
  }

 private:
  void Remember(const std::string& key) {
    std::string value;
    const bool there = db_.Get({}, key, &value).ok();
    before_.try_emplace(key, there ? std::optional(value) : std::nullopt);
  }
  rocksdb::DB& db_;
  std::map<std::string, std::optional<std::string>> before_;
};

TEST_F(AuditChainTest, AWholeLogHasNoFault) {
  Write(1, kEntries / 2);
  NoteHeads();
  Write(kEntries / 2 + 1, kEntries);
  NoteHeads();
  const AuditReport live = *store_->VerifyAudit(Question());
  EXPECT_THAT(live.faults, IsEmpty());
  EXPECT_EQ(live.entries, kEntries);
  EXPECT_EQ(live.last, kEntries);
  EXPECT_EQ(live.heads, 2U);
  const std::unique_ptr<Views> views = Stopped();
  EXPECT_THAT(Verify(views->db()).faults, IsEmpty());
}

TEST_F(AuditChainTest, EveryFlippedBitIsFoundAndNamesItsEntry) {
  Write(1, kEntries);
  const std::unique_ptr<Views> views = Stopped();
  Tamper tamper(views->db());
  for (std::uint64_t number = 1; number <= kEntries; ++number) {
    const std::string value = tamper.Get(RowOf(number));
    const std::string link = tamper.Get(keys::AuditLink(number));
    for (const auto& [key, bytes] : {std::pair(RowOf(number), value), std::pair(keys::AuditLink(number), link)}) {
      // Every byte of some entries, one of each.
      const std::size_t first = key == RowOf(number) ? keys::kHistoryTimeBytes : 0;
      const std::size_t step = number % 50 == 1 ? 1 : bytes.size() - first;
      for (std::size_t at = first + number % step; at < bytes.size(); at += step) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ (1 << (number % 8)));
        tamper.Put(key, changed);
        const AuditReport report = Verify(views->db());
        ASSERT_THAT(report.faults, Not(IsEmpty())) << number << " byte " << at;
        ASSERT_THAT(std::ranges::count(report.faults, number, &AuditFault::number), ::testing::Gt(0))
            << number << " byte " << at;
        tamper.Undo();
      }
    }
  }
  EXPECT_THAT(Verify(views->db()).faults, IsEmpty());
}

TEST_F(AuditChainTest, EveryDeletedEntryIsFound) {
  Write(1, kEntries);
  const std::unique_ptr<Views> views = Stopped();
  Tamper tamper(views->db());
  for (std::uint64_t number = 1; number <= kEntries; ++number) {
    tamper.Delete(RowOf(number));
    AuditReport report = Verify(views->db());
    ASSERT_EQ(report.faults.size(), 1U) << number;
    ASSERT_EQ(report.faults[0].kind, Kind::kMissing);
    ASSERT_EQ(report.faults[0].number, number);
    // With its link, as somebody would who knows of the chain.
    tamper.Delete(keys::AuditLink(number));
    report = Verify(views->db());
    ASSERT_THAT(report.faults, Not(IsEmpty())) << number;
    ASSERT_EQ(report.faults[0].kind, number == kEntries ? Kind::kCutOff : Kind::kMissing) << number;
    tamper.Undo();
  }
}

TEST_F(AuditChainTest, EveryTwoNeighboursThatChangePlacesAreFound) {
  Write(1, kEntries);
  const std::unique_ptr<Views> views = Stopped();
  Tamper tamper(views->db());
  for (std::uint64_t number = 1; number < kEntries; ++number) {
    const std::uint64_t other = number % 3 == 0 ? kEntries : number + 1;
    const std::string one = tamper.Get(RowOf(number));
    const std::string two = tamper.Get(RowOf(other));
    tamper.Put(RowOf(number), two);
    tamper.Put(RowOf(other), one);
    AuditReport report = Verify(views->db());
    ASSERT_EQ(report.faults.size(), 2U) << number;
    ASSERT_EQ(report.faults[0].kind, Kind::kOutOfOrder);
    ASSERT_EQ(report.faults[0].number, number);
    ASSERT_EQ(report.faults[1].number, other);
    tamper.Undo();
    // Their links instead.
    const std::string link = tamper.Get(keys::AuditLink(number));
    tamper.Put(keys::AuditLink(number), tamper.Get(keys::AuditLink(other)));
    tamper.Put(keys::AuditLink(other), link);
    report = Verify(views->db());
    ASSERT_THAT(report.faults, Not(IsEmpty())) << number;
    tamper.Undo();
  }
}

TEST_F(AuditChainTest, ALogThatIsCutOffAnywhereIsFound) {
  Write(1, kEntries);
  NoteHeads();
  const std::unique_ptr<Views> views = Stopped();
  Tamper tamper(views->db());
  for (std::uint64_t keep = kEntries; keep-- > 0;) {
    tamper.Delete(RowOf(keep + 1));
    tamper.Delete(keys::AuditLink(keep + 1));
    heads_.clear();
    const AuditReport report = Verify(views->db());
    ASSERT_THAT(report.faults, Not(IsEmpty())) << keep;
    ASSERT_EQ(report.faults[0].kind, Kind::kCutOff);
    ASSERT_EQ(report.faults[0].number, keep);
    ASSERT_THAT(report.faults[0].text, HasSubstr("entry " + std::to_string(kEntries)));
  }
}

// Somebody who knows all of this page, and has no more than the store: the chain is right in itself.
TEST_F(AuditChainTest, AChainThatIsWrittenAnewContradictsWhatWasToldOutside) {
  Write(1, kEntries);
  NoteHeads();
  for (std::uint64_t changed = 1; changed <= kEntries; changed += 23) {
    BeginAnew();
    for (std::uint64_t number = 1; number <= kEntries; ++number) {
      Change change;
      AuditEntry entry = EntryNumber(number);
      if (number == changed) entry.actor = "user:mallory";
      change.rows = {entry};
      Apply(*store_, change);
    }
    AuditQuestion question = Question();
    question.heads.clear();
    EXPECT_THAT(store_->VerifyAudit(question)->faults, IsEmpty()) << "nothing in it tells";
    question.heads = heads_;
    const AuditReport report = *store_->VerifyAudit(question);
    ASSERT_EQ(report.faults.size(), 1U) << changed;
    EXPECT_EQ(report.faults[0].kind, Kind::kRewritten);
  }
}

TEST_F(AuditChainTest, AShorterLogThatIsRightInItselfContradictsWhatWasToldOutside) {
  Write(1, 40);
  NoteHeads();
  const AuditHead told = heads_.front();
  BeginAnew();
  Write(1, 30);
  const AuditReport report = *store_->VerifyAudit(Question());
  ASSERT_EQ(report.faults.size(), 1U);
  EXPECT_EQ(report.faults[0].kind, Kind::kCutOff);
  EXPECT_EQ(report.faults[0].number, 30U);
  EXPECT_THAT(report.faults[0].text, HasSubstr("of entry 40"));
}

TEST_F(AuditChainTest, RestartsChangeNothingAndTheSameJournalMakesTheSameChain) {
  Write(1, 50);
  const AuditHead before = *store_->ReadAuditHead();
  ASSERT_TRUE(store_->Flush().ok());
  store_ = nullptr;
  store_ = OpenOrDie();
  EXPECT_EQ(*store_->ReadAuditHead(), before);
  Write(51, 100);
  const AuditHead once = *store_->ReadAuditHead();
  EXPECT_THAT(store_->VerifyAudit(Question())->faults, IsEmpty());
  BeginAnew();
  Write(1, 100);
  EXPECT_EQ(store_->ReadAuditHead()->hash, once.hash);
}

TEST_F(AuditChainTest, AStoreOfBeforeGetsAChainOfWhatItHas) {
  Write(1, 60);
  {
    const std::unique_ptr<Views> views = Stopped();
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.DeleteRange(ToSlice(keys::kAuditLinks), ToSlice(keys::kAfterAuditLinks)).ok());
    ASSERT_TRUE(batch.Delete(ToSlice(keys::kAuditEnds)).ok());
    ASSERT_TRUE(views->db().Write({}, &batch).ok());
    const AuditReport none = Verify(views->db());
    ASSERT_EQ(none.faults.size(), 1U);
    EXPECT_THAT(none.faults[0].text, HasSubstr("no chain"));
  }
  store_ = OpenOrDie();
  Write(61, 80);
  const AuditReport report = *store_->VerifyAudit(Question());
  EXPECT_THAT(report.faults, IsEmpty());
  EXPECT_EQ(report.last, 80U);
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("first 60 entries, up to A187")));
}

TEST_F(AuditChainTest, RetentionLeavesAnAnchorAndNobodyElseMay) {
  Write(1, 100);
  NoteHeads();
  Retention retention;
  retention.audit = absl::Hours(24 * 30);
  const absl::Time then = EntryNumber(41).at + retention.audit;  // 40 are older than that
  for (int i = 0; i < 12; ++i)
    ASSERT_TRUE(store_->Retain(retention, then, 7).ok());
  AuditQuestion question = Question();
  question.now = then + absl::Hours(1);
  question.kept = absl::ZeroDuration();
  AuditReport report = *store_->VerifyAudit(question);
  EXPECT_THAT(report.faults, IsEmpty());
  EXPECT_EQ(report.first, 41U);
  EXPECT_EQ(report.entries, 60U);
  EXPECT_EQ(report.heads, 1U);
  // The same, while entries were kept for longer: somebody has cut off the beginning.
  question.kept = absl::Hours(24 * 90);
  report = *store_->VerifyAudit(question);
  ASSERT_EQ(report.faults.size(), 1U);
  EXPECT_EQ(report.faults[0].kind, Kind::kCutOff);
  EXPECT_EQ(report.faults[0].number, 40U);
  // All of them may go, and the next one continues.
  ASSERT_TRUE(store_->Retain(retention, then + absl::Hours(24), 1000).ok());
  ASSERT_TRUE(store_->Retain(retention, then + absl::Hours(24), 1000).ok());
  question.kept = absl::ZeroDuration();
  question.now = then + absl::Hours(25);
  EXPECT_EQ(store_->VerifyAudit(question)->entries, 0U);
  Write(101, 101);
  report = *store_->VerifyAudit(question);
  EXPECT_THAT(report.faults, IsEmpty());
  EXPECT_EQ(report.last, 101U);
}

// Somebody makes all of it look as if retention had taken it long ago, and numbers what stays from there on.
TEST_F(AuditChainTest, ABeginningThatIsLaterThanWhatWasToldOutsideIsFound) {
  Write(1, 40);
  NoteHeads();
  const std::unique_ptr<Views> views = Stopped();
  Tamper tamper(views->db());
  AuditEnds ends = *DecodeEnds(tamper.Get(std::string(keys::kAuditEnds)));
  for (std::uint64_t number = 1; number <= 40; ++number) {
    tamper.Delete(keys::AuditLink(number));
    tamper.Delete(RowOf(number));
  }
  ends.anchor = {.number = 41, .id = AuditId(5), .at = kBegin - absl::Hours(24 * 400), .said = {}, .hash = {}};
  ends.anchor.hash = HashAfter(ends.before_anchor, ends.anchor);
  ends.last = ends.anchor.number;
  ends.last_id = ends.anchor.id;
  ends.hash = ends.anchor.hash;
  tamper.Put(std::string(keys::kAuditEnds), EncodeEnds(ends));
  AuditReport report = Verify(views->db());
  ASSERT_EQ(report.faults.size(), 1U);
  EXPECT_EQ(report.faults[0].kind, Kind::kRewritten);
  EXPECT_THAT(report.faults[0].text, HasSubstr("of entry 40 (A127), is younger than entry 41"));
  // One that was told before the last entry that went is of what went.
  heads_.front().at = ends.anchor.at - absl::Minutes(1);
  report = Verify(views->db());
  EXPECT_THAT(report.faults, IsEmpty());
  EXPECT_EQ(report.heads, 0U);
}

TEST_F(AuditChainTest, AnEntryThatNobodyMadeIsFound) {
  Write(1, 10);
  const std::unique_ptr<Views> views = Stopped();
  AuditEntry forged = EntryNumber(4);
  forged.id = AuditId(forged.id.value() + 1);
  Tamper tamper(views->db());
  tamper.Put(keys::Row(keys::Home::kHistory, KeyOf(Row(forged))), keys::Time(forged.at) + EncodeRow(Row(forged)));
  const AuditReport report = Verify(views->db());
  ASSERT_EQ(report.faults.size(), 1U);
  EXPECT_EQ(report.faults[0].kind, Kind::kAdded);
}

TEST(AuditHeadTest, IsOfWhoeverSignedItAndSaysWhatItSaid) {
  const AuditSigner signer("a secret");
  AuditHead head{.store = std::string(32, 'a'), .entry = 12, .id = AuditId(93), .at = kBegin, .hash = {}};
  head.hash[3] = 7;
  const std::string line = signer.Sign(head);
  const absl::StatusOr<AuditHead> read = ParseHead("Nov 23 host tocsin[7]: head=\"" + line + "\"");
  ASSERT_TRUE(read.ok()) << read.status();
  head.key = signer.public_key();
  EXPECT_EQ(*read, head);
  EXPECT_EQ(AuditSigner("a secret").public_key(), signer.public_key());
  EXPECT_NE(AuditSigner("another").public_key(), signer.public_key());
  EXPECT_TRUE(absl::IsNotFound(ParseHead("nothing of that").status()));
  for (std::size_t at = 0; at < line.size(); ++at) {
    std::string changed = line;
    changed[at] = changed[at] == '1' ? '2' : '1';
    EXPECT_FALSE(ParseHead(changed).ok()) << at;
  }
}

TEST(AuditHeadTest, HeadsOfOthersDoNotCount) {
  const AuditSigner ours("ours");
  const AuditSigner theirs("theirs");
  const std::string store(32, 'a');
  const AuditHead head{.store = store, .entry = 12, .id = AuditId(93), .at = kBegin, .hash = {}};
  AuditHead elsewhere = head;
  elsewhere.store = std::string(32, 'b');
  const std::string text = "no head\n" + ours.Sign(head) + "\n" + theirs.Sign(head) + "\n" + ours.Sign(elsewhere) +
                           "\n" + ours.Sign(head).substr(0, 300);
  const NotedHeads noted = ReadHeads(text, store, {ours.public_key()}, 100);
  EXPECT_EQ(noted.heads.size(), 1U);
  ASSERT_EQ(noted.faults.size(), 2U);
  EXPECT_THAT(noted.faults[0].text, HasSubstr("line 3 of the heads is not ours"));
  EXPECT_THAT(noted.faults[1].text, HasSubstr("line 5"));
  EXPECT_THAT(noted.notes, ElementsAre(HasSubstr("another store")));
}

}  // namespace
}  // namespace tocsin
