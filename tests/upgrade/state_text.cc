#include "tests/upgrade/state_text.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include "base/status.h"
#include "engine/shard.h"
#include "model/codec/response_codec.h"
#include "storage/change_parts.h"
#include "storage/store.h"
#include "tocsin/v1/disk.pb.h"

namespace tocsin {
namespace {

constexpr std::size_t kAll = 1'000'000;

std::string OneLine(const google::protobuf::Message& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  printer.PrintToString(message, &text);
  return text;
}

std::string Describe(const Row& row) {
  v1::Row message;
  const auto* field = v1::Row::descriptor()->FindFieldByNumber(static_cast<int>(row.index()) + 1);
  message.GetReflection()->MutableMessage(&message, field)->ParseFromString(EncodeRow(row));
  return OneLine(message);
}

std::string Describe(const TimelineEntry& entry) {
  v1::TimelineEntry message;
  message.ParseFromString(EncodeTimelineEntry(entry));
  return OneLine(message);
}

std::string Describe(const Labels& labels) {
  return absl::StrJoin(labels, ", ", [](std::string* out, const Label& label) {
    absl::StrAppendFormat(out, "%s=\"%s\"", label.name, label.value);
  });
}

std::string Describe(const AlertRecord& alert) {
  const auto at = [](absl::Time time) { return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone()); };
  const AlertSummary& summary = alert.summary;
  std::string text = absl::StrFormat("alert %016x%016x {%s} {%s}", summary.key.high, summary.key.low,
                                     Describe(summary.labels), Describe(summary.annotations));
  absl::StrAppendFormat(&text, " severity %d, %s%s, link %s, starts %s, fired %s, seen %s, received %d",
                        static_cast<int>(summary.severity), summary.firing ? "fires" : "is over",
                        alert.acknowledged ? ", acknowledged" : "", summary.link, at(summary.starts_at),
                        at(summary.fired_at), at(alert.last_seen_at), alert.received);
  if (!summary.firing)
    absl::StrAppendFormat(&text, ", resolved %s by %s", at(alert.resolved_at), alert.resolved_reason);
  absl::StrAppendFormat(&text, ", held %x, groups", alert.hold.value());
  for (const GroupKey& group : alert.groups)
    absl::StrAppendFormat(&text, " %016x", group.value());
  return text;
}

class State {
 public:
  explicit State(Store& store) : store_(store) {}

  absl::StatusOr<std::string> Describe() {
    TOCSIN_TRY(store_.ReadCheckpoint([&](std::uint32_t shard, std::string_view body) { return At(shard).Fold(body); }));
    TOCSIN_ASSIGN(integrations_, store_.LoadIntegrations());
    TOCSIN_TRY(store_.journal().Read(store_.ReplayFrom(), [&](const Entry& entry) { return Fold(entry); }));
    for (const Shard& shard : shards_) {
      for (std::uint64_t cursor = 0;;) {
        cursor = shard.List(cursor, kReadSlice, [&](const AlertRecord& alert) {
          lines_.push_back(tocsin::Describe(alert));
          return true;
        });
        if (cursor == 0) break;
      }
    }
    for (std::size_t i = 0; i < integrations_.size(); ++i)
      lines_.push_back(absl::StrFormat("integration %d %s", i, integrations_[i].value()));
    TOCSIN_TRY(AddRows());
    std::ranges::sort(lines_);
    return absl::StrJoin(lines_, "\n") + "\n";
  }

 private:
  Shard& At(std::uint32_t index) {
    while (shards_.size() <= index) {
      Shard::Options options;
      options.index = static_cast<std::uint32_t>(shards_.size());
      options.key_seed = store_.key_seed();
      shards_.emplace_back(options);
    }
    return shards_[index];
  }

  absl::Status Fold(const Entry& entry) {
    const bool is_new = entry.sequence > store_.responder_position();
    switch (entry.kind) {
      case EntryKind::kLead: return absl::OkStatus();
      case EntryKind::kShard:
        return entry.sequence > store_.shards_position() ? At(entry.shard).Fold(entry.body) : absl::OkStatus();
      case EntryKind::kResponderPart:
      case EntryKind::kResponder: {
        if (!is_new) return absl::OkStatus();
        TOCSIN_ASSIGN(const std::optional<Change> change, changes_.Add(entry));
        return change ? store_.ApplyChange(*change, entry.sequence) : absl::OkStatus();
      }
      case EntryKind::kIntegrations: {
        TOCSIN_ASSIGN(integrations_, DecodeIntegrations(entry.body));
        return is_new ? store_.ApplyIntegrations(integrations_, entry.sequence) : absl::OkStatus();
      }
    }
    return DataLoss("entry %d: of an unknown kind", entry.sequence.value());
  }

  absl::Status AddTimeline(Subject subject) {
    for (std::uint64_t cursor = 0;;) {
      std::uint64_t next = 0;
      TOCSIN_ASSIGN(const std::vector<TimelineEntry> entries, store_.ReadTimeline(subject, cursor, 1000, &next));
      for (std::size_t i = 0; i < entries.size(); ++i) {
        lines_.push_back(absl::StrFormat("timeline %d/%08d %08d+%04d %s", static_cast<int>(subject.kind), subject.id,
                                         cursor, i, tocsin::Describe(entries[i])));
      }
      if (next == 0) return absl::OkStatus();
      cursor = next;
    }
  }

  absl::Status AddRows() {
    TOCSIN_ASSIGN(const std::vector<Row> in_memory, store_.LoadRows());
    std::set<std::pair<std::uint8_t, std::uint64_t>> memory;
    for (const Row& row : in_memory)
      memory.emplace(KeyOf(row).table, KeyOf(row).id);
    for (std::uint8_t table = 0; table < std::variant_size_v<Row>; ++table) {
      TOCSIN_ASSIGN(const std::vector<Row> rows, store_.ListRows(table, 0, kAll));
      for (const Row& row : rows) {
        const RowKey key = KeyOf(row);
        lines_.push_back(absl::StrFormat("row %02d/%08d %s %s", table, key.id,
                                         memory.contains({table, key.id}) ? "in memory" : "kept",
                                         tocsin::Describe(row)));
        if (const auto* group = std::get_if<Group>(&row)) TOCSIN_TRY(AddTimeline(SubjectOf(group->id)));
        if (const auto* incident = std::get_if<Incident>(&row)) TOCSIN_TRY(AddTimeline(SubjectOf(incident->id)));
      }
    }
    return absl::OkStatus();
  }

  Store& store_;
  std::vector<Shard> shards_;
  ChangeReader changes_;
  std::vector<IntegrationId> integrations_;
  std::vector<std::string> lines_;
};

}  // namespace

absl::StatusOr<std::string> DescribeState(const std::string& folder) {
  Store::Options options;
  options.folder = folder;
  options.low_water_bytes = 0;
  options.reserve_bytes = 0;
  TOCSIN_ASSIGN(const std::unique_ptr<Store> store, Store::Open(PosixFileSystem(), options));
  return State(*store).Describe();
}

}  // namespace tocsin
