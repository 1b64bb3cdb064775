// Whatever a file holds, loading it ends with an organisation or with problems; and what is accepted once is accepted again.
#include <iterator>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "config/dump.h"
#include "config/sample.h"
#include "tests/config/organisation_yaml.h"

namespace tocsin {
namespace {

constexpr int kMutants = 10'000;

std::string Mutate(std::string text, Random& random) {
  constexpr const char* kInserts[] = {": ",           "\n",       "- ", "{", "}",    "[", "]",  "&a ", "*a",    "'",
                                      "\"",           "|",        ">",  "?", "!!x ", "#", "\t", "%",   "---\n", "\xC3",
                                      "\xEF\xBB\xBF", "<<: *a\n", "  ", ",", "0",    "-"};
  for (std::int64_t n = random.OneIn(3) ? random.Between(2, 4) : 1; n > 0; --n) {
    const std::size_t at = random.Below(text.size() + 1);
    switch (random.Below(5)) {
      case 0: text.insert(at, kInserts[random.Below(std::size(kInserts))]); break;
      case 1: text.erase(at, 1 + random.Below(20)); break;
      case 2: text.insert(at, text.substr(random.Below(text.size() + 1), random.Below(60))); break;
      case 3:
        if (at < text.size()) text[at] = static_cast<char>(random.Next());
        break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(random.Between(32, 126));
    }
  }
  return text;
}

// Small, so that most of a mutant's time is spent on what was changed.
constexpr const char* kMore = R"(
smtp: {url: "smtp://127.0.0.1:25", from: tocsin@example.com, require_tls: false}
schedules:
  - id: s
    time_zone: Europe/Berlin
    layers:
      - id: l
        rotation: {type: weekly, start: 2024-01-01T09:00}
        participants: [ann, [bob, {team: db}]]
        restrictions: [{type: weekly, day: fri, start: 18:00, end: 09:00, end_day: mon}]
    overrides:
      - {start: 2024-05-01T00:00, end: 2024-05-02T00:00, users: [{user: bob}]}
integrations:
  - {id: door, source: generic, key: 0123456789abcdef, labels: {a: b}, lease: 5m}
receivers:
  - {id: chat, targets: &t [{kind: email, address: chat@example.com}]}
  - {id: copy, targets: *t}
route:
  policy: page-ann
  group_by: [a, b]
  routes:
    - {matchers: ['a="b"', 'c=~"d|e"'], receiver: chat, continue: true}
    - {matchers: x!=y, urgency: low, group_wait: 1m30s}
incident_rules:
  - {id: r, when: {all: [{severity: high}, {any: [{group_size: 5}, {rate: {count: 5, window: 1m}}]}]}, severity: 2}
)";

TEST(MutationTest, NoFileCrashesAndWhatIsAcceptedSurvivesExport) {
  Random random(1);
  int accepted = 0;
  int refused = 0;
  for (int i = 0; i < kMutants; ++i) {
    const std::string text = Mutate(std::string(kBase) + kMore, random);
    const LoadResult loaded = Load(std::vector<SourceFile>{
        {"x.yaml", text}
    });
    for (const Problem& problem : loaded.problems)
      ASSERT_FALSE(Format(problem).empty());
    if (!loaded.ok()) {
      ++refused;
      continue;
    }
    ++accepted;
    const std::string yaml = DumpWithSecrets(loaded.organisation);
    const LoadResult again = Load(std::vector<SourceFile>{
        {"dump.yaml", yaml}
    });
    ASSERT_THAT(Lines(again.problems), testing::IsEmpty()) << text << "\n=== became ===\n" << yaml;
    ASSERT_TRUE(loaded.organisation == again.organisation) << text << "\n=== became ===\n" << yaml;
  }
  EXPECT_GT(refused, kMutants / 4);
  EXPECT_GT(accepted, kMutants / 50);
}

TEST(MutationTest, MutantsOfTheSampleDoNotCrash) {
  Random random(2);
  std::vector<SourceFile> sample = SampleOrganisation();
  for (int i = 0; i < kMutants / 10; ++i) {
    SourceFile& file = sample[random.Below(sample.size())];
    const std::string original = file.text;
    file.text = Mutate(original, random);
    for (const Problem& problem : Load(sample).problems)
      ASSERT_FALSE(Format(problem).empty());
    file.text = original;
  }
}

}  // namespace
}  // namespace tocsin
