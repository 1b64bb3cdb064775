#include "tests/upgrade/samples.h"

#include <charconv>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

#include "base/random.h"
#include "base/status.h"
#include "model/codec/response_codec.h"
#include "tests/codec/random_message.h"
#include "tocsin/v1/disk.pb.h"

namespace tocsin {
namespace {

constexpr std::string_view kTimeline = "timeline";
constexpr std::string_view kIntegrations = "integrations";
// Lists below this depth stay empty: an organisation would be a megabyte.
constexpr int kDepth = 3;

absl::StatusOr<std::string> Again(std::string_view what, std::string_view bytes) {
  if (what == kTimeline) {
    TOCSIN_ASSIGN(const TimelineEntry entry, DecodeTimelineEntry(bytes));
    return EncodeTimelineEntry(entry);
  }
  if (what == kIntegrations) {
    TOCSIN_ASSIGN(const std::vector<IntegrationId> names, DecodeIntegrations(bytes));
    return EncodeIntegrations(names);
  }
  std::uint8_t table = 0;
  std::from_chars(what.data(), what.data() + what.size(), table);
  TOCSIN_ASSIGN(const Row row, DecodeRow(table, bytes));
  return EncodeRow(row);
}

template <typename Message>
std::string Filled(Random& random) {
  Message message;
  FillRandomly(message, random, kDepth);
  return message.SerializeAsString();
}

}  // namespace

std::string MakeSamples() {
  Random random(2026);
  std::string all;
  const auto add = [&](std::string_view what, const std::string& bytes) {
    const absl::StatusOr<std::string> written = Again(what, bytes);
    TOCSIN_CHECK(written.ok(), written.status().ToString());
    all += absl::StrFormat("%s %s\n", what, absl::BytesToHexString(*written));
  };
  for (int table = 0; table < static_cast<int>(std::variant_size_v<Row>); ++table) {
    v1::Row row;
    const auto* field = v1::Row::descriptor()->FindFieldByNumber(table + 1);
    for (int i = 0; i < 2; ++i) {
      google::protobuf::Message& message = *row.GetReflection()->MutableMessage(&row, field);
      message.Clear();
      FillRandomly(message, random, kDepth);
      add(std::to_string(table), message.SerializeAsString());
    }
  }
  add(kTimeline, Filled<v1::TimelineEntry>(random));
  add(kIntegrations, Filled<v1::IntegrationList>(random));
  return all;
}

absl::Status CheckSamples(std::string_view samples) {
  int number = 0;
  for (const absl::string_view line :
       absl::StrSplit(absl::string_view(samples.data(), samples.size()), '\n', absl::SkipEmpty())) {
    ++number;
    const std::size_t space = line.find(' ');
    const std::string what(line.substr(0, space));
    const std::string bytes = absl::HexStringToBytes(line.substr(space + 1));
    const absl::StatusOr<std::string> again = Again(what, bytes);
    if (!again.ok()) return Annotate(again.status(), absl::StrFormat("sample %d, of %s", number, what));
    if (*again != bytes) return DataLoss("sample %d, of %s: read and written again it is another one", number, what);
  }
  return number > 0 ? absl::OkStatus() : DataLoss("there are no samples");
}

}  // namespace tocsin
