// Power cuts at random operations, with what was not synced lost, kept or torn. The oracle is a ledger of what was
// acknowledged and what was being written.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/status.h"
#include "storage/journal.h"
#include "storage/simulated_disk.h"
#include "tests/storage/journal_world.h"

namespace tocsin {
namespace {

enum class Mutant : std::uint8_t {
  kNone,
  kAcknowledgesBeforeAppendReturns
};

// Uses a journal until the power fails, again and again, and remembers what it was promised.
class Witness {
 public:
  Witness(std::uint64_t seed, Mutant mutant) : random_(seed), mutant_(mutant) {}

  // One life: ends with the power cut at some operation. Returns what is wrong, or "".
  std::string Live(SimulatedDisk& disk) {
    disk.StopAfter(random_.Below(random_.OneIn(4) ? 12 : 90));
    if (std::string wrong = OpenAndUse(disk); !wrong.empty()) return wrong;
    disk.CutPower(random_);
    return "";
  }

  // The power stays on: what is there must be exactly what was promised, and perhaps the commit that was under way.
  std::string Check(SimulatedDisk& disk) {
    const absl::StatusOr<std::unique_ptr<Journal>> journal = Journal::Open(disk, kFolder, SmallOptions());
    if (!journal.ok()) return journal.status().ToString();
    return Compare(**journal);
  }

 private:
  std::string OpenAndUse(SimulatedDisk& disk) {
    absl::StatusOr<std::unique_ptr<Journal>> journal = Journal::Open(disk, kFolder, SmallOptions());
    if (!journal.ok()) return disk.stopped() ? "" : journal.status().ToString();
    if (std::string wrong = Compare(**journal); !wrong.empty()) return disk.stopped() ? "" : wrong;
    std::int64_t ms = 0;
    while (AppendSomething(**journal, ms)) {
      ms += random_.Between(0, 60);
      if (random_.OneIn(6)) (*journal)->TouchMark(At(ms)).IgnoreError();
      if (random_.OneIn(8)) Trim(**journal);
      if (random_.OneIn(4)) (*journal)->TendSpare().IgnoreError();
      if (random_.OneIn(30)) break;  // a clean end
    }
    return "";
  }

  bool AppendSomething(Journal& journal, std::int64_t ms) {
    attempted_.clear();
    std::vector<std::string> bodies;
    for (std::uint64_t i = random_.Below(4) + 1; i > 0; --i) {
      bodies.emplace_back(random_.Below(random_.OneIn(3) ? 7000 : 300), static_cast<char>('a' + random_.Below(26)));
    }
    const std::uint64_t next = journal.last().value() + 1;
    for (const std::string& body : bodies) {
      attempted_.push_back({next + attempted_.size(), journal.epoch().value(), EntryKind::kShard, 3, body});
    }
    if (mutant_ == Mutant::kAcknowledgesBeforeAppendReturns) Acknowledge();
    if (!AppendBodies(journal, bodies, At(ms)).ok()) return false;
    Acknowledge();
    return true;
  }

  void Acknowledge() {
    acknowledged_.insert(acknowledged_.end(), attempted_.begin(), attempted_.end());
    attempted_.clear();
  }

  void Trim(Journal& journal) {
    const std::uint64_t before = 1 + random_.Below(journal.last().value());
    trimmed_before_ = std::max(trimmed_before_, before);
    journal.Trim(Sequence(before)).IgnoreError();
  }

  std::string Compare(const Journal& journal) {
    const Sequence first = journal.recovery().first;
    if (first.set() && first.value() > std::max<std::uint64_t>(trimmed_before_, 1))
      return "more was trimmed than asked";
    std::vector<Copied> found = ReadAll(journal);
    std::erase_if(acknowledged_, [&](const Copied& entry) { return entry.sequence < first.value(); });
    // Leads of runs that ended before Open returned were never promised to anybody.
    std::vector<Copied> shards = found;
    std::erase_if(shards, [](const Copied& entry) { return entry.kind == EntryKind::kLead; });
    std::vector<Copied> with_attempt = acknowledged_;
    with_attempt.insert(with_attempt.end(), attempted_.begin(), attempted_.end());
    for (std::size_t i = 1; i < found.size(); ++i) {
      if (found[i].sequence != found[i - 1].sequence + 1) return "a hole";
      if (found[i].epoch < found[i - 1].epoch) return "an epoch went back";
    }
    if (shards != acknowledged_ && shards != with_attempt) {
      return absl::StrFormat("promised %d entries (and %d under way), found %d", acknowledged_.size(),
                             attempted_.size(), shards.size());
    }
    attempted_.clear();
    acknowledged_ = std::move(shards);
    return "";
  }

  Random random_;
  Mutant mutant_;
  std::vector<Copied> acknowledged_;  // from the oldest that was not trimmed
  std::vector<Copied> attempted_;     // the commit under way
  std::uint64_t trimmed_before_ = 1;
};

std::string RunWitness(std::uint64_t seed, Mutant mutant, bool lying_disk) {
  SimulatedDisk disk;
  disk.LieAboutSyncs(lying_disk);
  Witness witness(seed, mutant);
  for (int life = 0; life < 4; ++life) {
    if (std::string wrong = witness.Live(disk); !wrong.empty()) return wrong;
  }
  return witness.Check(disk);
}

TEST(JournalPowerTest, KeepsWhatWasAcknowledgedAndNothingElseThroughThousandsOfPowerCuts) {
  for (std::uint64_t seed = 1; seed <= 5000; ++seed) {
    ASSERT_EQ(RunWitness(seed, Mutant::kNone, false), "") << "seed " << seed;
  }
}

TEST(JournalPowerTest, TheWitnessCatchesAnAcknowledgementBeforeTheSync) {
  int caught = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    if (!RunWitness(seed, Mutant::kAcknowledgesBeforeAppendReturns, false).empty()) ++caught;
  }
  EXPECT_GT(caught, 20);
}

TEST(JournalPowerTest, TheWitnessCatchesADiskThatDoesNotSync) {
  int caught = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    if (!RunWitness(seed, Mutant::kNone, true).empty()) ++caught;
  }
  EXPECT_GT(caught, 100);
}

// Every operation of one run in turn, each with every kind of cut.
TEST(JournalPowerTest, SurvivesACutAtEveryOperationOfARun) {
  const auto run = [](SimulatedDisk& disk, std::uint64_t& acknowledged) {
    const absl::StatusOr<std::unique_ptr<Journal>> journal = Journal::Open(disk, kFolder, SmallOptions());
    if (!journal.ok()) return;
    for (std::int64_t i = 0; i < 12; ++i) {
      const absl::StatusOr<Sequence> last = AppendBodies(**journal, {std::string(2500, 'x'), "y"}, At(i * 40));
      if (!last.ok()) return;
      acknowledged = last->value();
      if (i == 3 || i == 4) (*journal)->TendSpare().IgnoreError();
      if (i == 9) (*journal)->Trim(Sequence(8)).IgnoreError();
    }
  };
  SimulatedDisk whole;
  std::uint64_t all = 0;
  run(whole, all);
  ASSERT_EQ(all, 25);
  const std::uint64_t operations = whole.counters().operations;
  Random random(7);
  for (std::uint64_t stop = 0; stop <= operations; ++stop) {
    for (int cut = 0; cut <= 5; ++cut) {
      SCOPED_TRACE(absl::StrFormat("stopped after %d operations, cut %d", stop, cut));
      SimulatedDisk disk;
      disk.StopAfter(stop);
      std::uint64_t acknowledged = 0;
      run(disk, acknowledged);
      disk.CutPower(random, static_cast<SimulatedDisk::Cut>(cut));
      const absl::StatusOr<std::unique_ptr<Journal>> journal = Journal::Open(disk, kFolder, SmallOptions());
      ASSERT_TRUE(journal.ok()) << journal.status();
      EXPECT_GE((*journal)->recovery().last.value(), acknowledged);
      const std::vector<Copied> found = ReadAll(**journal);
      EXPECT_EQ(found.back().sequence, (*journal)->last().value());
    }
  }
}

}  // namespace
}  // namespace tocsin
