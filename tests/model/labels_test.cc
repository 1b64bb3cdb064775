#include "model/labels.h"

#include <algorithm>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "base/random.h"

namespace tocsin {
namespace {

using namespace std::string_literals;

std::vector<LabelView> Views(const Labels& labels) {
  std::vector<LabelView> views;
  for (const Label& label : labels)
    views.push_back({label.name, label.value});
  return views;
}

// Alertmanager's fingerprints, from a real 0.25 (the labels of the second column were posted to it).
TEST(FingerprintTest, AgreesWithAlertmanager) {
  struct Case {
    std::uint64_t fingerprint;
    Labels labels;
  };
  const Case cases[] = {
      {0xcbf29ce484222325, {}                                                                                 },
      {0x5e5773ce6868c6de, {{"alertname", "good1"}}                                                           },
      {0x0868e46e4de6352c,
       {{"severity", "critical"}, {"alertname", "DiskFull"}, {"cluster", "c1"}, {"instance", "h1:9100"}}      },
      {0x7d27d7471774c251, {{"a", "1"}, {"A", "4"}, {"aa", "5"}, {"B", "2"}, {"_x", "3"}, {"b", ""}}          },
      {0xfb3200e1d287a7a5, {{"alertname", "Fünf"}, {"emoji", "🔥"}, {"zone", "eu-west-1"}}                 },
      {0x5900a62c48e89311, {{"alertname", "nl"}, {"v", "line1\nline2\t\"q\""}}                                },
      {0xd701cfd65d383ec4, {{"job", "only"}, {"alertname", ""}}                                               },
      {0x9ea477110c87933f, {{"alertname", "x"}, {"v", "a\0b"s}}                                               },
      {0x82d7b2f671fa982a,
       {{"alertname", "AlwaysFiring"}, {"cluster", "test-1"}, {"severity", "critical"}, {"team", "ops ünï"}}},
  };
  for (const Case& c : cases) {
    Labels labels = c.labels;
    Normalise(labels);
    EXPECT_EQ(Fingerprint(Views(labels)), c.fingerprint) << Format(labels);
  }
}

TEST(LabelsTest, NormaliseSortsByBytesKeepsTheLastAndDropsEmptyOnes) {
  Labels labels = {
      {"b",  "1"},
      {"a",  "1"},
      {"ü", "x"},
      {"B",  "2"},
      {"a",  "2"},
      {"c",  "3"},
      {"c",  "" },
      {"d",  "" }
  };
  Normalise(labels);
  EXPECT_EQ(labels, (Labels{
                        {"B",  "2"},
                        {"a",  "2"},
                        {"b",  "1"},
                        {"ü", "x"}
  }));
}

TEST(LabelsTest, NormaliseAgreesWithAMap) {
  Random random(21);
  for (int round = 0; round < 2'000; ++round) {
    Labels labels;
    std::map<std::string, std::string> model;
    for (std::uint64_t i = random.Below(12); i > 0; --i) {
      const std::string name(1 + random.Below(2), static_cast<char>('a' + random.Below(4)));
      const std::string value = random.OneIn(4) ? "" : std::to_string(random.Below(9));
      labels.push_back({name, value});
      model[name] = value;
    }
    std::erase_if(model, [](const auto& entry) { return entry.second.empty(); });
    Normalise(labels);
    ASSERT_TRUE(std::ranges::equal(labels, model, [](const Label& label, const auto& entry) {
      return label.name == entry.first && label.value == entry.second;
    }));
  }
}

TEST(LabelsTest, FindsAValueOrTheEmptyString) {
  const Labels labels = {
      {"a", "1"},
      {"b", "2"}
  };
  EXPECT_EQ(Find(labels, "b"), "2");
  EXPECT_EQ(Find(labels, "c"), "");
  EXPECT_EQ(Find(Views(labels), "a"), "1");
  EXPECT_EQ(Find(std::span<const Label>(), "a"), "");
}

TEST(LabelsTest, FormatsAsAlertmanagerPrintsGroupLabels) {
  EXPECT_EQ(Format(std::span<const Label>()), "{}");
  EXPECT_EQ(Format(Labels{
                {"a", "1"        },
                {"b", "two words"}
  }),
            R"({a="1", b="two words"})");
  EXPECT_EQ(Format(Labels{
                {"v", "q\"b\\n\nt\te\x1B[31m"}
  }),
            R"({v="q\"b\\n\nt\te\x1b[31m"})");
}

}  // namespace
}  // namespace tocsin
