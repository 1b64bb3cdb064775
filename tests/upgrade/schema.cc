#include "tests/upgrade/schema.h"

#include <map>
#include <vector>

#include "absl/strings/str_format.h"
#include <google/protobuf/descriptor.h>

#include "base/hash.h"
#include "base/status.h"
#include "engine/alert_body.h"
#include "engine/shard.h"
#include "model/event.h"
#include "model/rules.h"
#include "storage/format_file.h"
#include "storage/journal_format.h"
#include "storage/keys.h"
#include "tocsin/v1/disk.pb.h"

namespace tocsin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// Everything that can be reached from the messages it is given, each once, by name.
class Reached {
 public:
  void Add(const Descriptor& type) {
    if (!types_.emplace(type.full_name(), "").second) return;
    std::string text = absl::StrFormat("message %s\n", type.full_name());
    std::map<int, const FieldDescriptor*> fields;
    for (int i = 0; i < type.field_count(); ++i)
      fields.emplace(type.field(i)->number(), type.field(i));
    for (const auto& [number, field] : fields)
      text += Line(*field);
    types_[type.full_name()] = text;
  }
  std::string text() const {
    std::string all;
    for (const auto& [name, text] : types_)
      all += text;
    return all;
  }

 private:
  std::string Line(const FieldDescriptor& field) {
    std::string type = field.type_name();
    if (field.type() == FieldDescriptor::TYPE_MESSAGE) {
      type = field.message_type()->full_name();
      Add(*field.message_type());
    } else if (field.type() == FieldDescriptor::TYPE_ENUM) {
      type = field.enum_type()->full_name();
      Add(*field.enum_type());
    }
    const auto* oneof = field.real_containing_oneof();
    return absl::StrFormat("  %d %s%s %s%s\n", field.number(), field.is_repeated() ? "repeated " : "", type,
                           field.name(), oneof != nullptr ? absl::StrFormat(" (of %s)", oneof->name()) : "");
  }
  void Add(const EnumDescriptor& type) {
    std::string text = absl::StrFormat("enum %s\n", type.full_name());
    for (int i = 0; i < type.value_count(); ++i)
      text += absl::StrFormat("  %d %s\n", type.value(i)->number(), type.value(i)->name());
    types_[type.full_name()] = text;
  }
  std::map<std::string, std::string> types_;
};

std::string Bytes(std::string_view what, std::string_view bytes) {
  return absl::StrFormat("bytes of %s: %d, hash %016x\n", what, bytes.size(), Hash64(bytes));
}

std::string DescribeLayouts() {
  journal::SegmentHeader header;
  header.store = {1, 2};
  header.key = 3;
  header.first = Sequence(4);
  header.previous = {5, 6};
  header.epoch = Epoch(7);
  header.lost_from = Sequence(8);
  journal::Mark mark;
  mark.store = {1, 2};
  mark.counter = 3;
  mark.sequence = Sequence(4);
  mark.hash = {5, 6};
  mark.epoch = Epoch(7);
  mark.first = Sequence(8);
  mark.active = Sequence(9);
  journal::RawEntry raw;
  raw.entry = {
      Sequence(1), Epoch(2), {absl::FromUnixNanos(3), EngineTime(4)},
        EntryKind::kShard, 5, "body"
  };
  raw.commit = Sequence(1);
  raw.ends_commit = true;
  raw.previous = {6, 7};
  std::string entry;
  journal::AppendEntry(entry, 8, raw);
  std::string all = absl::StrFormat("journal format %d, kinds of entries 1 to %d\n", journal::kFormatVersion,
                                    static_cast<int>(journal::kLastKind));
  all += Bytes("a segment's header", journal::EncodeSegmentHeader(header));
  all += Bytes("a mark", journal::EncodeMark(mark));
  all += Bytes("an entry", entry);
  StoreFormat format = *NewFormat(11);
  format.version = 1;
  return all + Bytes("FORMAT", EncodeFormat(format));
}

std::string DescribeKeys() {
  const RowKey row{7, 8};
  const DocumentPlace place{absl::FromUnixSeconds(9), row};
  std::string all;
  for (const std::string& key :
       {keys::Row(keys::Home::kMemory, row), keys::Row(keys::Home::kHistory, row),
        keys::Retention(keys::Number(3), row), keys::Posting(5, keys::Place(place)),
        keys::Timeline({SubjectKind::kGroup, 4}, keys::TimelineOrdinal(Sequence(5), 6)), keys::CheckpointBody(1, 2, 3),
        keys::BaseRow(1, keys::Row(keys::Home::kMemory, row)), std::string(keys::kApplied),
        std::string(keys::kCheckpoint), std::string(keys::kBases), std::string(keys::kIndexVersion),
        std::string(keys::kIndexedUpTo), std::string(keys::kHistoryBytes), std::string(keys::kIntegrations),
        std::string(keys::kAuditEnds), keys::AuditLink(6)}) {
    all += Bytes(absl::StrFormat("a key of %c", key[0]), key);
  }
  return all;
}

// A shard that has seen a little of everything, and what it seals and copies.
std::string DescribeBodies() {
  Organisation organisation;
  organisation.route.id = RouteId("root");
  organisation.route.group_by = {"alertname"};
  organisation.route.policy = PolicyId("policy");
  organisation.integrations.resize(1);
  organisation.integrations[0].id = IntegrationId("door");
  organisation.integrations[0].source = "prometheus";
  organisation.integrations[0].active_alerts = 8;
  Shard::Options options;
  options.key_seed = 7;
  Shard shard(options);
  Now now{absl::FromUnixSeconds(1'800'000'000), EngineTime(1'000'000'000)};
  const auto rules =
      std::make_shared<const Rules>(Rules{RulesVersion(1), std::make_shared<const Organisation>(organisation), {}});
  shard.SetRules(rules, {IntegrationId("door")}, now);
  std::string bodies;
  const auto keep = [&](std::string_view body) { bodies += absl::StrFormat("%d:", body.size()) + std::string(body); };
  EventBatch batch(options.key_seed, 0);
  for (int i = 0; i < 12; ++i) {
    AlertEvent event;
    event.labels = {
        {"alertname", absl::StrFormat("A%d", i % 3)},
        {"instance",  absl::StrFormat("i%d", i)    }
    };
    event.annotations = {
        {"summary", "it is so"}
    };
    event.severity = Severity::kCritical;
    event.starts_at = now.wall - absl::Minutes(1);
    event.link = "https://example.com";
    if (i == 5) event.ends_at = now.wall + absl::Hours(1);
    if (i == 6) event.dedup_key = "of its own";
    TOCSIN_CHECK(batch.Append(event).ok(), "an event of the story");
  }
  for (std::uint32_t i = 0; i < batch.count(); ++i)
    shard.Apply(batch.at(i), now);
  shard.Seal(keep);
  now = {now.wall + absl::Minutes(6), now.engine + absl::Minutes(6)};
  for (std::uint32_t i = 0; i < 3; ++i)
    shard.Apply(batch.at(i), now);
  while (shard.Work(now, now.engine, 1000)) {
  }
  shard.Seal(keep);
  shard.BeginCheckpoint();
  while (shard.CheckpointSlice(1000, keep)) {
  }
  return absl::StrFormat("bodies of the alert table, version %d, runs 1 to %d, flags %d\n", kAlertBodyVersion,
                         kLastBodyRun, StateFlag::kAll) +
         Bytes("a shard's story", bodies);
}

}  // namespace

std::string DescribeDiskSchema() {
  Reached reached;
  for (const Descriptor* root : {v1::Change::descriptor(), v1::IntegrationList::descriptor()})
    reached.Add(*root);
  return DescribeLayouts() + DescribeKeys() + DescribeBodies() + reached.text();
}

std::string DescribeTables() {
  std::string all;
  const Descriptor& row = *v1::Row::descriptor();
  for (int i = 0; i < row.field_count(); ++i)
    all += absl::StrFormat("%d %s\n", row.field(i)->number() - 1, row.field(i)->name());
  return all;
}

}  // namespace tocsin
