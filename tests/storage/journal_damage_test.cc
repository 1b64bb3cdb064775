// Bits that flip, files that vanish, tails that are torn: damage is refused in words, a torn tail is cut and noted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/status.h"
#include "storage/journal.h"
#include "storage/journal_format.h"
#include "storage/simulated_disk.h"
#include "tests/storage/journal_world.h"

namespace tocsin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kBlock = journal::kBlock;

// Commits that nearly fill their blocks, in two segments. With `close` the mark is exact; without, it stays at the lead.
std::unique_ptr<SimulatedDisk> WrittenDisk(bool close, int commits = 5) {
  SimulatedDisk disk;
  Journal::Options options = SmallOptions();
  options.mark_interval = absl::InfiniteDuration();
  const auto journal = Journal::Open(disk, kFolder, options);
  TOCSIN_CHECK(journal.ok(), journal.status().ToString());
  for (int i = 0; i < commits; ++i) {
    TOCSIN_CHECK(AppendBodies(**journal, {std::string(1904, 'a'), std::string(1952, 'b')}, At(i)).ok(), "append");
  }
  if (close) TOCSIN_CHECK((*journal)->TouchMark({absl::UnixEpoch(), EngineTime(-1)}).ok(), "mark");
  return disk.Clone();
}

absl::StatusOr<std::vector<Copied>> OpenAndRead(SimulatedDisk& disk, Journal::Options options = SmallOptions()) {
  TOCSIN_ASSIGN(const std::unique_ptr<Journal> journal, Journal::Open(disk, kFolder, options));
  std::vector<Copied> entries = ReadAll(*journal);
  entries.pop_back();  // the lead of this run
  return entries;
}

TEST(JournalDamageTest, AFlippedBitAnywhereIsRefusedOrHarmless) {
  const std::unique_ptr<SimulatedDisk> original = WrittenDisk(true);
  const std::vector<Copied> expected = *OpenAndRead(*original->Clone());
  ASSERT_EQ(expected.size(), 11);
  Random random(3);
  int refused = 0;
  for (const std::string& path : original->Paths()) {
    const std::size_t size = original->Contents(path).size();
    for (std::size_t at = 0; at < size; ++at) {
      const auto bit = static_cast<unsigned>(random.Below(8));
      original->FlipBit(path, at, bit);
      const absl::StatusOr<Journal::Recovery> verified = Journal::Verify(*original, kFolder);
      if (!verified.ok()) {
        ++refused;
        ASSERT_TRUE(absl::IsDataLoss(verified.status())) << verified.status();
        ASSERT_THAT(std::string(verified.status().message()), HasSubstr("recover --accept-loss"));
      } else {
        ASSERT_EQ(verified->last.value(), expected.back().sequence) << path << " offset " << at << " bit " << bit;
        // What Verify passes, Open serves: looked at where bytes mean something, and here and there in the padding.
        if (at % 16 == 0) {
          ASSERT_EQ(*OpenAndRead(*original->Clone()), expected) << path << " offset " << at;
        }
      }
      original->FlipBit(path, at, bit);
    }
  }
  EXPECT_GT(refused, 5 * 3900);
}

TEST(JournalDamageTest, RotPastTheMarkIsRefusedWhenLaterCommitsAreWhole) {
  const std::unique_ptr<SimulatedDisk> original = WrittenDisk(false, 2);
  ASSERT_EQ(Journal::Verify(*original, kFolder)->mark, Sequence(1));
  // The first of two commits: blocks two and three of the segment, its entries fill 4032 bytes.
  for (std::uint64_t at = 2 * kBlock; at < 2 * kBlock + 4032; at += 5) {
    original->FlipBit(Segment(1), at, 2);
    const absl::Status status = Journal::Verify(*original, kFolder).status();
    ASSERT_TRUE(absl::IsDataLoss(status)) << at << " " << status;
    ASSERT_THAT(std::string(status.message()),
                AllOf(HasSubstr(Segment(1)), HasSubstr("offset 8192"), HasSubstr("entries from 2 on are damaged"),
                      HasSubstr("entry 4 at offset 12288")));
    original->FlipBit(Segment(1), at, 2);
  }
}

TEST(JournalDamageTest, ATornLastCommitIsCutWholeWhateverIsLeftOfIt) {
  const std::unique_ptr<SimulatedDisk> original = WrittenDisk(false, 2);
  const std::vector<Copied> all = *OpenAndRead(*original->Clone());
  const std::vector<Copied> without_last(all.begin(), all.end() - 2);
  struct Case {
    const char* name;
    std::uint64_t offset;  // in the last commit's block
    std::string bytes;
  };
  const std::uint64_t commit = 3 * kBlock;
  const Case cases[] = {
      {"zeros from its start",          commit,        std::string(4096, '\0')  },
      {"first sector lost, rest there", commit,        std::string(512,  '\0')  },
      {"a sector lost in the middle",   commit + 1536, std::string(512,  '\0')  },
      {"last sector lost",              commit + 3584, std::string(512,  '\0')  },
      {"second half lost",              commit + 2048, std::string(2048, '\0')  },
      {"garbage",                       commit,        std::string(4096, '\xA5')},
      {"garbage in the second entry",   commit + 2000, std::string(100,  '\xFF')},
      {"header only",                   commit + 88,   std::string(4008, '\0')  },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::unique_ptr<SimulatedDisk> disk = original->Clone();
    disk->Overwrite(Segment(1), c.offset, c.bytes);
    const absl::StatusOr<std::vector<Copied>> found = OpenAndRead(*disk);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, without_last);
    EXPECT_EQ(Journal::Verify(*disk, kFolder)->torn_bytes, 0) << "it was cut off for good";
  }
}

TEST(JournalDamageTest, ATailTruncatedAtAnyByteOpensWithTheWholeCommits) {
  const std::unique_ptr<SimulatedDisk> original = WrittenDisk(false, 2);
  const std::uint64_t commit = 3 * kBlock;
  const std::uint64_t whole = commit + 88 + 1904 + 88 + 1952;  // without the last padding
  for (std::uint64_t size = commit; size < commit + kBlock; size += 3) {
    const std::unique_ptr<SimulatedDisk> disk = original->Clone();
    ASSERT_TRUE((*disk->Open(Segment(1)))->Truncate(size).ok());
    const absl::StatusOr<std::vector<Copied>> found = OpenAndRead(*disk);
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_EQ(found->size(), size < whole ? 3 : 5) << size;
  }
}

TEST(JournalDamageTest, GarbageAfterTheEndIsCutAndNoted) {
  const std::unique_ptr<SimulatedDisk> disk = WrittenDisk(true, 1);
  disk->Overwrite(Segment(1), 3 * kBlock + 100, "garbage");
  const absl::StatusOr<std::unique_ptr<Journal>> journal = Journal::Open(*disk, kFolder, SmallOptions());
  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_EQ((*journal)->recovery().torn_bytes, 107);
  EXPECT_THAT((*journal)->recovery().notes[0], AllOf(HasSubstr(Segment(1)), HasSubstr("offset 12288")));
  EXPECT_EQ((*journal)->recovery().last, Sequence(3));
}

// A sender who knows the format puts an entry into an annotation. Torn at the wrong sector it would stand where recovery looks for
// later entries; without the store's key it is no entry.
TEST(JournalDamageTest, AnEntryForgedInsideABodyIsNotTakenForOne) {
  std::string forged;
  journal::RawEntry raw;
  raw.entry.sequence = Sequence(1'000'000);
  raw.entry.epoch = Epoch(1);
  raw.commit = Sequence(1'000'000);
  raw.ends_commit = true;
  journal::AppendEntry(forged, /*key=*/0, raw);
  SimulatedDisk disk;
  {
    const auto journal = Journal::Open(disk, kFolder, SmallOptions());
    ASSERT_TRUE(AppendBodies(**journal, {"x" + forged + forged.substr(3)}).ok());
    ASSERT_TRUE(AppendBodies(**journal, {forged}).ok());
  }
  const auto cut = disk.Clone();
  ASSERT_EQ(OpenAndRead(*disk.Clone())->size(), 3);
  // Its commit's first sector is lost, and the mark with it.
  Journal::Options options = SmallOptions();
  options.mark_interval = absl::InfiniteDuration();
  SimulatedDisk unmarked;
  const auto journal = Journal::Open(unmarked, kFolder, options);
  ASSERT_TRUE(AppendBodies(**journal, {std::string(1000, 'x') + std::string(5, ' ') + forged}).ok());
  const auto torn = unmarked.Clone();
  torn->Overwrite(Segment(1), 2 * kBlock, std::string(512, '\0'));
  EXPECT_EQ(OpenAndRead(*torn)->size(), 1);
}

TEST(JournalDamageTest, EveryDeletedSegmentIsNoticed) {
  const std::unique_ptr<SimulatedDisk> original = WrittenDisk(false, 8);
  int segments = 0;
  for (const std::string& path : original->Paths()) {
    if (!path.ends_with(".journal")) continue;
    ++segments;
    const std::unique_ptr<SimulatedDisk> disk = original->Clone();
    disk->Delete(path);
    const absl::Status status = Journal::Open(*disk, kFolder, SmallOptions()).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << path << " " << status;
  }
  EXPECT_EQ(segments, 3);
}

TEST(JournalDamageTest, ALostMarkIsRefused) {
  const std::unique_ptr<SimulatedDisk> disk = WrittenDisk(true);
  disk->Delete(kFolder + "/mark");
  EXPECT_THAT(Journal::Open(*disk, kFolder, SmallOptions()).status().ToString(),
              AllOf(HasSubstr("DATA_LOSS"), HasSubstr("the mark is missing")));
}

TEST(JournalDamageTest, OneDamagedSlotOfTheMarkIsSurvivedBothAreNot) {
  const std::unique_ptr<SimulatedDisk> original = WrittenDisk(true);
  for (std::uint64_t slot = 0; slot < 2; ++slot) {
    const std::unique_ptr<SimulatedDisk> disk = original->Clone();
    disk->FlipBit(kFolder + "/mark", slot * kBlock + 100, 0);
    EXPECT_EQ(OpenAndRead(*disk)->size(), 11);
  }
  original->FlipBit(kFolder + "/mark", 100, 0);
  original->FlipBit(kFolder + "/mark", kBlock + 100, 0);
  EXPECT_THAT(Journal::Open(*original, kFolder, SmallOptions()).status().ToString(),
              AllOf(HasSubstr("DATA_LOSS"), HasSubstr("neither of its two slots is whole")));
}

TEST(JournalDamageTest, EitherSlotOfTheMarkWillDoAfterATrim) {
  SimulatedDisk disk;
  {
    const auto journal = Journal::Open(disk, kFolder, SmallOptions());
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(AppendBodies(**journal, {std::string(3000, 'x')}, At(i * 1000)).ok());
    ASSERT_TRUE((*journal)->Trim(Sequence(9)).ok());
    disk.StopAfter(0);  // no mark at the end
  }
  Random random(1);
  disk.CutPower(random);
  for (std::uint64_t slot = 0; slot < 2; ++slot) {
    const std::unique_ptr<SimulatedDisk> damaged = disk.Clone();
    damaged->FlipBit(kFolder + "/mark", slot * kBlock + 100, 0);
    EXPECT_TRUE(Journal::Verify(*damaged, kFolder).ok()) << Journal::Verify(*damaged, kFolder).status();
  }
}

TEST(JournalDamageTest, ADamagedSlotCostsOneMarkNotAll) {
  SimulatedDisk disk;
  Journal::Options options = SmallOptions();
  options.segment_bytes = 1 << 20;
  const auto journal = Journal::Open(disk, kFolder, options);
  for (int i = 1; i <= 7; ++i)
    ASSERT_TRUE(AppendBodies(**journal, {"x"}, At(i * 1000)).ok());
  for (std::uint64_t slot = 0; slot < 2; ++slot) {
    const std::unique_ptr<SimulatedDisk> damaged = disk.Clone();
    damaged->FlipBit(kFolder + "/mark", slot * kBlock + 100, 0);
    EXPECT_GE(Journal::Verify(*damaged, kFolder)->mark, Sequence(7)) << slot;
  }
}

// Every byte was written by this store, at this place, with this number: only the chain tells that it is another history.
TEST(JournalDamageTest, ACommitOfAnotherHistoryBreaksTheChain) {
  const auto history = [](const std::string& second) {
    SimulatedDisk disk;
    const auto journal = Journal::Open(disk, kFolder, SmallOptions());
    EXPECT_TRUE(AppendBodies(**journal, {second}).ok());
    EXPECT_TRUE(AppendBodies(**journal, {"third"}).ok());
    return disk.Clone();
  };
  const std::unique_ptr<SimulatedDisk> disk = history("one");
  disk->Overwrite(Segment(1), 2 * kBlock, history("two")->Contents(Segment(1)).substr(2 * kBlock, kBlock));
  EXPECT_THAT(Journal::Verify(*disk, kFolder).status().ToString(),
              AllOf(HasSubstr("offset 12288"), HasSubstr("does not continue the chain")));
}

TEST(JournalDamageTest, AcceptedLossNeverReusesAnEpoch) {
  SimulatedDisk disk;
  for (int run = 0; run < 3; ++run) {
    const auto journal = Journal::Open(disk, kFolder, SmallOptions());
    ASSERT_TRUE(AppendBodies(**journal, {"x"}).ok());
  }
  disk.FlipBit(Segment(1), 2 * kBlock + 5, 1);  // in the first run
  Journal::Options options = SmallOptions();
  options.accept_loss = true;
  EXPECT_EQ((*Journal::Open(disk, kFolder, options))->epoch(), Epoch(4));
}

TEST(JournalDamageTest, AWholeJournalFromBeforeTheMarkIsRefused) {
  const std::unique_ptr<SimulatedDisk> disk = WrittenDisk(true, 1);
  const std::unique_ptr<SimulatedDisk> longer = WrittenDisk(true, 2);
  disk->Overwrite(kFolder + "/mark", 0, longer->Contents(kFolder + "/mark"));
  EXPECT_THAT(Journal::Open(*disk, kFolder, SmallOptions()).status().ToString(),
              HasSubstr("entries 4 to 5 are damaged or missing"));
}

TEST(JournalDamageTest, ANewerFormatIsRefusedInPlainWords) {
  const std::unique_ptr<SimulatedDisk> disk = WrittenDisk(true, 1);
  std::string header = disk->Contents(Segment(1)).substr(0, kBlock);
  header[8] = 2;
  const std::uint64_t checksum = Hash64(std::string_view(header).substr(0, kBlock - 8), 0x746F6373696E);
  std::memcpy(header.data() + kBlock - 8, &checksum, 8);
  disk->Overwrite(Segment(1), 0, header);
  const absl::Status status = Journal::Open(*disk, kFolder, SmallOptions()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(status.ToString(), HasSubstr("journal format 2, this program knows 1: use a newer tocsin"));
}

TEST(JournalDamageTest, ReadNoticesWhatRotsWhileTheJournalIsOpen) {
  SimulatedDisk disk;
  const auto journal = Journal::Open(disk, kFolder, SmallOptions());
  ASSERT_TRUE(AppendBodies(**journal, {"one"}).ok());
  ASSERT_TRUE(AppendBodies(**journal, {"two"}).ok());
  disk.FlipBit(Segment(1), 2 * kBlock + 89, 5);
  std::vector<std::uint64_t> seen;
  const absl::Status status = (*journal)->Read(Sequence(1), [&](const Entry& entry) {
    seen.push_back(entry.sequence.value());
    return absl::OkStatus();
  });
  EXPECT_THAT(status.ToString(), AllOf(HasSubstr("DATA_LOSS"), HasSubstr("entry 2 was durable and is damaged now")));
  EXPECT_EQ(seen, std::vector<std::uint64_t>{1});
}

Journal::Options AcceptLoss() {
  Journal::Options options = SmallOptions();
  options.accept_loss = true;
  return options;
}

TEST(JournalDamageTest, AcceptedLossKeepsWhatIsBeforeTheDamageAndNeverReusesANumber) {
  const std::unique_ptr<SimulatedDisk> disk = WrittenDisk(true, 8);  // entries 1..17
  const std::vector<Copied> all = *OpenAndRead(*disk->Clone());
  disk->FlipBit(Segment(6), kBlock + 500, 1);  // the first commit of the second segment: entries 6 and 7
  ASSERT_TRUE(absl::IsDataLoss(Journal::Open(*disk, kFolder, SmallOptions()).status()));
  {
    const auto journal = Journal::Open(*disk, kFolder, AcceptLoss());
    ASSERT_TRUE(journal.ok()) << journal.status();
    EXPECT_EQ((*journal)->epoch(), Epoch(2));
    EXPECT_THAT((*journal)->recovery().notes[0], HasSubstr("accepted the loss of entries 6 to 17"));
    EXPECT_EQ(*AppendBodies(**journal, {"after"}), Sequence(19));
    EXPECT_THAT(disk->Paths(), ::testing::Contains(Segment(12) + ".dropped"));
  }
  // From then on it opens without the flag, and remembers.
  const auto journal = Journal::Open(*disk, kFolder, SmallOptions());
  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_THAT((*journal)->recovery().notes[0], HasSubstr("entries 6 to 17 were given up"));
  const std::vector<Copied> found = ReadAll(**journal);
  ASSERT_EQ(found.size(), 5 + 3);
  EXPECT_TRUE(std::equal(found.begin(), found.begin() + 5, all.begin()));
  EXPECT_EQ(found[5], (Copied{18, 2, EntryKind::kLead, 0, ""}));
  EXPECT_EQ(found[6].body, "after");
  EXPECT_EQ(ReadAll(**journal, Sequence(9)).front().sequence, 18) << "reading from inside the gap starts after it";
}

TEST(JournalDamageTest, AcceptedLossOfTheMarkAloneLosesNothing) {
  const std::unique_ptr<SimulatedDisk> disk = WrittenDisk(true);
  const std::vector<Copied> all = *OpenAndRead(*disk->Clone());
  disk->Delete(kFolder + "/mark");
  EXPECT_EQ(*OpenAndRead(*disk, AcceptLoss()), all);
  EXPECT_TRUE(Journal::Verify(*disk, kFolder).ok());
}

TEST(JournalDamageTest, AcceptedLossOfEverythingStartsAboveWhatTheViewsKnow) {
  SimulatedDisk disk;
  Journal::Options options = AcceptLoss();
  options.must_exist = true;
  options.known = Sequence(500);
  const auto journal = Journal::Open(disk, kFolder, options);
  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_EQ((*journal)->last(), Sequence(501));
}

TEST(JournalDamageTest, AcceptedLossSurvivesACutAtEveryOperation) {
  const std::unique_ptr<SimulatedDisk> damaged = WrittenDisk(true, 8);
  damaged->FlipBit(Segment(6), kBlock + 500, 1);
  Random random(5);
  for (std::uint64_t stop = 0; stop < 30; ++stop) {
    for (int i = 0; i < 20; ++i) {
      const std::unique_ptr<SimulatedDisk> disk = damaged->Clone();
      disk->StopAfter(stop);
      Journal::Open(*disk, kFolder, AcceptLoss()).status().IgnoreError();
      disk->CutPower(random);
      const auto journal = Journal::Open(*disk, kFolder, AcceptLoss());
      ASSERT_TRUE(journal.ok()) << journal.status();
      const std::vector<Copied> found = ReadAll(**journal);
      EXPECT_GE(found.size(), 6);
      EXPECT_EQ(found[4].sequence, 5);
      EXPECT_GE(found[5].sequence, 18);
      EXPECT_EQ(found[5].kind, EntryKind::kLead);
    }
  }
}

TEST(JournalDamageTest, AReadErrorIsAnErrorAndNeverAnEnd) {
  const std::unique_ptr<SimulatedDisk> original = WrittenDisk(true);
  for (std::uint64_t nth = 1;; ++nth) {
    original->FailRead(nth);
    const absl::Status status = Journal::Verify(*original, kFolder).status();
    if (status.ok()) {
      EXPECT_GT(nth, 5);
      return;
    }
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  }
}

}  // namespace
}  // namespace tocsin
