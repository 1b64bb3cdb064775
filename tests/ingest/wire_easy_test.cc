// The two ways in which an alert is read off the wire, the easy one for names that are known and the other for all the rest, say
// the same of any bytes.
#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/random.h"
#include "ingest/wire_decoder.h"
#include "tests/ingest/random_wire.h"

namespace tocsin {
namespace {

using wire::Bytes;
using wire::Entry;
using wire::Number;
using wire::Request;

const absl::Time kReceived = absl::FromUnixSeconds(1'795'289'000);

// Alerts as real senders say them, of few names, with everything that the easy way must notice here and there.
class RandomAlerts {
 public:
  explicit RandomAlerts(std::uint64_t seed) : random_(seed) {}

  std::string Alert() {
    std::string alert = random_.OneIn(8) ? Number(1, random_.Below(4)) : "";
    for (std::uint64_t labels = random_.Below(10); labels > 0; --labels)
      alert += Bytes(2, RandomEntry());
    if (random_.OneIn(8)) alert += Bytes(5, "critical");
    for (std::uint64_t annotations = random_.Below(4); annotations > 0; --annotations)
      alert += Bytes(3, RandomEntry());
    if (random_.OneIn(4)) alert += Bytes(4, Value());
    if (random_.OneIn(3)) alert += Bytes(6, Number(1, 1'795'288'000) + Number(2, random_.OneIn(20) ? 1U << 30U : 5));
    if (random_.OneIn(4)) alert += Bytes(7, Number(1, 1'795'288'000 + random_.Below(2'000)));
    if (random_.OneIn(4)) alert += Bytes(8, Value());
    if (random_.OneIn(8)) alert += Bytes(2, RandomEntry());
    if (random_.OneIn(30)) alert += Bytes(99, "unknown");
    return alert;
  }

 private:
  std::string RandomEntry() {
    const std::string entry = Entry(Name(), Value());
    if (!random_.OneIn(20)) return entry;
    switch (random_.Below(4)) {
      case 0: return Bytes(2, Value()) + Bytes(1, Name());
      case 1: return entry + Bytes(2, Value());
      case 2: return entry + Number(7, 1);
      default: return Bytes(1, Name());
    }
  }
  std::string Name() {
    // About the bounds of what is compared at once (8 and 16 bytes), of what is learned (64) and of what may be (256); and
    // most of them alike but for an end.
    constexpr std::size_t kSizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 33, 64};
    if (random_.OneIn(60)) return std::string(65 + random_.Below(194), 'n');
    if (random_.OneIn(100)) return "";
    if (random_.OneIn(100)) return std::string("pad\0", 4);
    if (random_.OneIn(100)) return "pad";
    if (random_.OneIn(100)) return "n\xFF";
    if (random_.OneIn(50)) return "gr\u00F6\u00DFe";
    std::string name(kSizes[random_.Below(std::size(kSizes))], 'a');
    if (random_.OneIn(3)) name.front() = 'b';
    if (random_.OneIn(3)) name.back() = 'c';
    return name;
  }
  std::string Value() {
    if (random_.OneIn(40)) return "";
    if (random_.OneIn(20)) return "\u00FCber " + std::string(random_.Below(40), 'v');
    if (random_.OneIn(40)) return std::string(random_.Below(40), 'v') + "\xC3";
    if (random_.OneIn(200)) return std::string(limits::kLabelValueBytes - 1 + random_.Below(3), 'v');
    if (random_.OneIn(300)) return std::string(limits::kAnnotationBytes - 1 + random_.Below(3), 'v');
    std::string value(random_.OneIn(6) ? 90 + random_.Below(60) : 1 + random_.Below(40), 'v');
    value.back() = static_cast<char>('0' + random_.Below(10));
    return value;
  }

  Random random_;
};

// Reads messages with an intake that has come to know the names, and each of their alerts alone with one that knows none.
class TwoWays {
 public:
  explicit TwoWays(const Labels* integration_labels) : integration_labels_(integration_labels) {}

  void Check(const std::vector<std::string>& alerts) {
    std::string message;
    for (const std::string& alert : alerts)
      message += Request(alert);
    known_.Begin(3, integration_labels_, kReceived, Intake::Manner::kStrict);
    ASSERT_TRUE(decoder_.Decode(message, known_).ok());
    ASSERT_EQ(known_.seen(), alerts.size());
    std::size_t record = 0;
    auto refused = known_.refused().begin();
    for (std::size_t i = 0; i < alerts.size() && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE(absl::BytesToHexString(alerts[i]));
      Intake other(42);
      other.Begin(3, integration_labels_, kReceived, Intake::Manner::kStrict);
      ASSERT_TRUE(WireDecoder().DecodeAlert(alerts[i], other).ok());
      if (other.batch().empty()) {
        ASSERT_TRUE(refused != known_.refused().end() && refused->index == i)
            << "refused: " << other.refused()[0].reason;
        EXPECT_EQ(refused++->reason, other.refused()[0].reason);
        ++refused_;
        continue;
      }
      ASSERT_LT(record, known_.batch().count());
      const std::span<const std::byte> expected = other.batch().bytes();
      const std::byte* const at = known_.batch().bytes().data() + OffsetOf(record++);
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), at));
      EXPECT_TRUE(CheckRecord({at, expected.size()}, 42).ok());
      ++events_;
    }
  }
  int events() const { return events_; }
  int refused() const { return refused_; }

 private:
  std::size_t OffsetOf(std::size_t record) const {
    std::size_t at = 0;
    for (std::size_t i = 0; i < record; ++i)
      at += known_.batch().at(i).header().size;
    return at;
  }

  const Labels* const integration_labels_;
  WireDecoder decoder_;
  Intake known_{42};
  int events_ = 0;
  int refused_ = 0;
};

class WireEasyTest : public testing::TestWithParam<Labels> {};

TEST_P(WireEasyTest, SaysTheSameAsTheOtherWay) {
  TwoWays ways(GetParam().empty() ? nullptr : &GetParam());
  RandomAlerts random(20261123);
  for (int message = 0; message < 2'000 && !HasFailure(); ++message) {
    std::vector<std::string> alerts(8);
    std::ranges::generate(alerts, [&] { return random.Alert(); });
    ways.Check(alerts);
  }
  EXPECT_GT(ways.events(), 8'000);
  EXPECT_GT(ways.refused(), 200);
}

INSTANTIATE_TEST_SUITE_P(IntegrationLabels,
                         WireEasyTest,
                         testing::Values(
                             Labels{
},
                             Labels{{"a", "one"}, {"team", "infrastructure"}},
                             Labels{{"aaaaaaaaaaaaaaaa", "\u00FCber"}, {"bc", std::string(300, 'x')}}));

// Records are in reused memory: what a long alert left there must not show in the padding of a short one.
TEST(WireEasyTest, LeavesNothingOfWhatWasInTheMemory) {
  WireDecoder decoder;
  Intake intake(42);
  for (int round = 0; round < 3; ++round) {
    for (const std::size_t size : {100U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U}) {
      const std::string message = Request(Bytes(2, Entry("a", std::string(size, 'x'))));
      intake.Begin(3, nullptr, kReceived, Intake::Manner::kStrict);
      ASSERT_TRUE(decoder.Decode(message, intake).ok());
      EXPECT_TRUE(CheckRecord(intake.batch().bytes(), 42).ok()) << size;
    }
  }
}

}  // namespace
}  // namespace tocsin
