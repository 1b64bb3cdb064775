// Texts as the journal has them, taken in and given back.
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "base/random.h"
#include "engine/body.h"
#include "engine/texts.h"

namespace tocsin {
namespace {

void Append(std::string& to, std::uint64_t number) {
  char bytes[10];
  to.append(bytes, static_cast<std::size_t>(WriteVarint(bytes, number) - bytes));
}

// Numbers of one, two and three bytes, empty strings and others between them, in texts of every size: what is passed over in blocks comes
// back as it was.
TEST(TextWalkTest, NumbersOfEverySizeArePassedOver) {
  constexpr std::uint32_t kNumbers = 9000;
  Random random(13);
  TextStore texts(20'000, 1);
  for (std::uint32_t number = 0; number < kNumbers; ++number)
    texts.Define(number, "word" + std::to_string(number));
  TextBuffer buffer;
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t labels = random.Below(20);
    const std::size_t annotations = random.Below(random.OneIn(3) ? 20 : 3);
    std::string encoded;
    Append(encoded, labels);
    Append(encoded, annotations);
    std::vector<std::string> strings(2 * (labels + annotations) + 2);
    const std::uint64_t largest = random.OneIn(3) ? 40 : random.OneIn(2) ? 1000 : kNumbers;
    const std::uint64_t others = random.Below(6);  // of ten strings
    for (std::string& string : strings) {
      if (random.Below(10) >= others) {
        const std::uint64_t number = random.Below(largest);
        string = "word" + std::to_string(number);
        Append(encoded, number << 1U | 1U);
        continue;
      }
      if (random.OneIn(2)) string = "as it is " + std::to_string(random.Next()).substr(random.Below(10));
      Append(encoded, string.size() << 1U);
      encoded += string;
    }
    const std::optional<TextStore::Stored> adopted = texts.Adopt(encoded);
    ASSERT_TRUE(adopted.has_value());
    const TextView text = texts.Read(adopted->ref, buffer);
    std::vector<std::string> read;
    for (const std::span<const LabelView> pairs : {text.labels, text.annotations}) {
      for (const LabelView& pair : pairs) {
        read.emplace_back(pair.name);
        read.emplace_back(pair.value);
      }
    }
    read.emplace_back(text.dedup_key);
    read.emplace_back(text.link);
    ASSERT_EQ(read, strings);
    std::string again(TextStore::kMostEncoded, '\0');
    again.resize(static_cast<std::size_t>(texts.Encode(adopted->ref, again.data()) - again.data()));
    ASSERT_EQ(again, encoded) << "step " << step;
    texts.DropUncounted(adopted->ref);
  }
}

}  // namespace
}  // namespace tocsin
