#include "model/codec/response_codec.h"

#include <array>
#include <limits>
#include <span>
#include <utility>

#include <google/protobuf/arena.h>

#include "base/status.h"
#include "model/codec/access_proto.h"
#include "model/codec/decode.h"
#include "model/codec/response_proto.h"
#include "tocsin/v1/disk.pb.h"

namespace tocsin {

// Found by Decode through the model's types.
static void ToProto(const Counters& from, v1::Counters& to) {
  to.set_next_id(from.next_id);
  to.set_rules_version(from.rules.value());
  to.set_configuration(from.configuration.value());
}

static absl::Status FromProto(const v1::Counters& from, Counters& to) {
  to.next_id = from.next_id();
  to.rules = RulesVersion(from.rules_version());
  to.configuration = ConfigurationId(from.configuration());
  return absl::OkStatus();
}

static void ToProto(const OrganisationPtr& from, v1::Organisation& to) {
  TOCSIN_CHECK(from != nullptr, "a row must hold an organisation");
  ToProto(*from, to);
}

static absl::Status FromProto(const v1::Organisation& from, OrganisationPtr& to) {
  Organisation organisation;
  TOCSIN_TRY(FromProto(from, organisation));
  to = std::make_shared<const Organisation>(std::move(organisation));
  return absl::OkStatus();
}

static void ToProto(const Answer& from, v1::Answer& to) {
  to.set_id(from.id.value());
  to.set_request_id(Utf8(from.request_id));
  to.set_actor(Utf8(from.actor));
  to.set_made(from.made);
}

static absl::Status FromProto(const v1::Answer& from, Answer& to) {
  if (from.id() == 0) return Invalid("id: missing");
  to.id = AnswerId(from.id());
  to.request_id = from.request_id();
  to.actor = from.actor();
  to.made = from.made();
  return absl::OkStatus();
}

static void ToProto(const RowKey& from, v1::RowKey& to) {
  to.set_table(from.table);
  to.set_id(from.id);
}

static absl::Status FromProto(const v1::RowKey& from, RowKey& to) {
  if (from.table() >= std::variant_size_v<Row>) return Invalid("table: there is no table %d", from.table());
  to.table = static_cast<std::uint8_t>(from.table());
  to.id = from.id();
  return absl::OkStatus();
}

namespace {

// No map has a place in disk.proto, so plain serialisation is deterministic.
std::string Serialise(const google::protobuf::MessageLite& message) {
  std::string bytes;
  TOCSIN_CHECK(message.SerializeToString(&bytes), "a record is larger than protobuf's 2 GiB");
  return bytes;
}

template <typename Message>
absl::Status Parse(std::string_view what, std::string_view bytes, Message& message) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return DataLoss("%s: %d bytes that do not parse", what, bytes.size());
  }
  return absl::OkStatus();
}

// The same complaint, as one about our own disk.
absl::Status AsDataLoss(const absl::Status& status, std::string_view what) {
  return status.ok() ? status : DataLoss("%s: %s", what, Message(status));
}

// A message that lives as long as this does, with all of its parts in one piece of memory: rows by the hundred thousand are written
// in a storm and read at a start.
template <typename Message>
class OnArena {
 public:
  OnArena() : arena_(Options(first_block_)) {}
  Message& operator*() { return *message_; }

 private:
  static google::protobuf::ArenaOptions Options(std::span<char> first_block) {
    google::protobuf::ArenaOptions options;
    options.initial_block = first_block.data();
    options.initial_block_size = first_block.size();
    options.start_block_size = 16 * 1024;
    options.max_block_size = 256 * 1024;
    return options;
  }
  alignas(8) std::array<char, 4096> first_block_;
  google::protobuf::Arena arena_;
  Message* message_ = google::protobuf::Arena::CreateMessage<Message>(&arena_);
};

template <typename Message, typename T>
std::string Encode(const T& from) {
  OnArena<Message> message;
  ToProto(from, *message);
  return Serialise(*message);
}

template <typename Message, typename T>
absl::StatusOr<T> DecodeBytes(std::string_view what, std::string_view bytes) {
  OnArena<Message> message;
  TOCSIN_TRY(Parse(what, bytes, *message));
  T to;
  TOCSIN_TRY(AsDataLoss(FromProto(*message, to), what));
  return to;
}

template <typename Message, typename T>
absl::StatusOr<Row> DecodeRowBytes(std::string_view what, std::string_view bytes) {
  TOCSIN_ASSIGN(T to, (DecodeBytes<Message, T>(what, bytes)));
  return Row(std::move(to));
}

using RowDecoder = absl::StatusOr<Row> (*)(std::string_view what, std::string_view bytes);
struct Table {
  std::string_view name;
  RowDecoder decode;
};
// In the order of Row's alternatives.
constexpr Table kTables[] = {
    {"group",                 DecodeRowBytes<v1::Group,                Group>               },
    {"escalation",            DecodeRowBytes<v1::Escalation,           Escalation>          },
    {"page",                  DecodeRowBytes<v1::Page,                 Page>                },
    {"notification",          DecodeRowBytes<v1::Notification,         Notification>        },
    {"incident",              DecodeRowBytes<v1::Incident,             Incident>            },
    {"silence",               DecodeRowBytes<v1::Silence,              Silence>             },
    {"timer",                 DecodeRowBytes<v1::Timer,                Timer>               },
    {"counters",              DecodeRowBytes<v1::Counters,             Counters>            },
    {"organisation",          DecodeRowBytes<v1::Organisation,         OrganisationPtr>     },
    {"answer",                DecodeRowBytes<v1::Answer,               Answer>              },
    {"configuration version", DecodeRowBytes<v1::ConfigurationVersion, ConfigurationVersion>},
    {"access token",          DecodeRowBytes<v1::AccessToken,          AccessToken>         },
    {"audit entry",           DecodeRowBytes<v1::AuditEntry,           AuditEntry>          },
    {"throttle",              DecodeRowBytes<v1::Throttle,             Throttle>            },
    {"round",                 DecodeRowBytes<v1::Round,                Round>               },
    {"schedule edition",      DecodeRowBytes<v1::ScheduleEdition,      ScheduleEdition>     },
    {"schedule change",       DecodeRowBytes<v1::ScheduleChange,       ScheduleChange>      },
    {"schedule watch",        DecodeRowBytes<v1::ScheduleWatch,        ScheduleWatch>       },
    {"change event",          DecodeRowBytes<v1::ChangeEvent,          ChangeEvent>         },
    {"heartbeat",             DecodeRowBytes<v1::Heartbeat,            Heartbeat>           },
    {"opsgenie alert",        DecodeRowBytes<v1::OpsgenieAlert,        OpsgenieAlert>       },
    {"opsgenie request",      DecodeRowBytes<v1::OpsgenieRequest,      OpsgenieRequest>     },
};
static_assert(std::size(kTables) == std::variant_size_v<Row>);

struct RowEncoder {
  std::string operator()(const Group& row) const { return Encode<v1::Group>(row); }
  std::string operator()(const Escalation& row) const { return Encode<v1::Escalation>(row); }
  std::string operator()(const Page& row) const { return Encode<v1::Page>(row); }
  std::string operator()(const Notification& row) const { return Encode<v1::Notification>(row); }
  std::string operator()(const Incident& row) const { return Encode<v1::Incident>(row); }
  std::string operator()(const Silence& row) const { return Encode<v1::Silence>(row); }
  std::string operator()(const Timer& row) const { return Encode<v1::Timer>(row); }
  std::string operator()(const Counters& row) const { return Encode<v1::Counters>(row); }
  std::string operator()(const OrganisationPtr& row) const { return Encode<v1::Organisation>(row); }
  std::string operator()(const Answer& row) const { return Encode<v1::Answer>(row); }
  std::string operator()(const ConfigurationVersion& row) const { return Encode<v1::ConfigurationVersion>(row); }
  std::string operator()(const AccessToken& row) const { return Encode<v1::AccessToken>(row); }
  std::string operator()(const AuditEntry& row) const { return Encode<v1::AuditEntry>(row); }
  std::string operator()(const Throttle& row) const { return Encode<v1::Throttle>(row); }
  std::string operator()(const Round& row) const { return Encode<v1::Round>(row); }
  std::string operator()(const ScheduleEdition& row) const { return Encode<v1::ScheduleEdition>(row); }
  std::string operator()(const ScheduleChange& row) const { return Encode<v1::ScheduleChange>(row); }
  std::string operator()(const ScheduleWatch& row) const { return Encode<v1::ScheduleWatch>(row); }
  std::string operator()(const ChangeEvent& row) const { return Encode<v1::ChangeEvent>(row); }
  std::string operator()(const Heartbeat& row) const { return Encode<v1::Heartbeat>(row); }
  std::string operator()(const OpsgenieAlert& row) const { return Encode<v1::OpsgenieAlert>(row); }
  std::string operator()(const OpsgenieRequest& row) const { return Encode<v1::OpsgenieRequest>(row); }
};

struct RowToProto {
  v1::Row& to;
  void operator()(const Group& row) const { ToProto(row, *to.mutable_group()); }
  void operator()(const Escalation& row) const { ToProto(row, *to.mutable_escalation()); }
  void operator()(const Page& row) const { ToProto(row, *to.mutable_page()); }
  void operator()(const Notification& row) const { ToProto(row, *to.mutable_notification()); }
  void operator()(const Incident& row) const { ToProto(row, *to.mutable_incident()); }
  void operator()(const Silence& row) const { ToProto(row, *to.mutable_silence()); }
  void operator()(const Timer& row) const { ToProto(row, *to.mutable_timer()); }
  void operator()(const Counters& row) const { ToProto(row, *to.mutable_counters()); }
  void operator()(const OrganisationPtr& row) const { ToProto(row, *to.mutable_organisation()); }
  void operator()(const Answer& row) const { ToProto(row, *to.mutable_answer()); }
  void operator()(const ConfigurationVersion& row) const { ToProto(row, *to.mutable_configuration_version()); }
  void operator()(const AccessToken& row) const { ToProto(row, *to.mutable_access_token()); }
  void operator()(const AuditEntry& row) const { ToProto(row, *to.mutable_audit_entry()); }
  void operator()(const Throttle& row) const { ToProto(row, *to.mutable_throttle()); }
  void operator()(const Round& row) const { ToProto(row, *to.mutable_round()); }
  void operator()(const ScheduleEdition& row) const { ToProto(row, *to.mutable_schedule_edition()); }
  void operator()(const ScheduleChange& row) const { ToProto(row, *to.mutable_schedule_change()); }
  void operator()(const ScheduleWatch& row) const { ToProto(row, *to.mutable_schedule_watch()); }
  void operator()(const ChangeEvent& row) const { ToProto(row, *to.mutable_change_event()); }
  void operator()(const Heartbeat& row) const { ToProto(row, *to.mutable_heartbeat()); }
  void operator()(const OpsgenieAlert& row) const { ToProto(row, *to.mutable_opsgenie_alert()); }
  void operator()(const OpsgenieRequest& row) const { ToProto(row, *to.mutable_opsgenie_request()); }
};

}  // namespace

static void ToProto(const Row& from, v1::Row& to) {
  std::visit(RowToProto{to}, from);
}

static absl::Status FromProto(const v1::Row& from, Row& to) {
  Decode decode;
  switch (from.row_case()) {
    case v1::Row::kGroup: decode.Take("group", from.group(), to.emplace<Group>()); break;
    case v1::Row::kEscalation: decode.Take("escalation", from.escalation(), to.emplace<Escalation>()); break;
    case v1::Row::kPage: decode.Take("page", from.page(), to.emplace<Page>()); break;
    case v1::Row::kNotification: decode.Take("notification", from.notification(), to.emplace<Notification>()); break;
    case v1::Row::kIncident: decode.Take("incident", from.incident(), to.emplace<Incident>()); break;
    case v1::Row::kSilence: decode.Take("silence", from.silence(), to.emplace<Silence>()); break;
    case v1::Row::kTimer: decode.Take("timer", from.timer(), to.emplace<Timer>()); break;
    case v1::Row::kCounters: decode.Take("counters", from.counters(), to.emplace<Counters>()); break;
    case v1::Row::kOrganisation: decode.Take("organisation", from.organisation(), to.emplace<OrganisationPtr>()); break;
    case v1::Row::kAnswer: decode.Take("answer", from.answer(), to.emplace<Answer>()); break;
    case v1::Row::kConfigurationVersion:
      decode.Take("configuration_version", from.configuration_version(), to.emplace<ConfigurationVersion>());
      break;
    case v1::Row::kAccessToken: decode.Take("access_token", from.access_token(), to.emplace<AccessToken>()); break;
    case v1::Row::kAuditEntry: decode.Take("audit_entry", from.audit_entry(), to.emplace<AuditEntry>()); break;
    case v1::Row::kThrottle: decode.Take("throttle", from.throttle(), to.emplace<Throttle>()); break;
    case v1::Row::kRound: decode.Take("round", from.round(), to.emplace<Round>()); break;
    case v1::Row::kScheduleEdition:
      decode.Take("schedule_edition", from.schedule_edition(), to.emplace<ScheduleEdition>());
      break;
    case v1::Row::kScheduleChange:
      decode.Take("schedule_change", from.schedule_change(), to.emplace<ScheduleChange>());
      break;
    case v1::Row::kScheduleWatch:
      decode.Take("schedule_watch", from.schedule_watch(), to.emplace<ScheduleWatch>());
      break;
    case v1::Row::kChangeEvent: decode.Take("change_event", from.change_event(), to.emplace<ChangeEvent>()); break;
    case v1::Row::kHeartbeat: decode.Take("heartbeat", from.heartbeat(), to.emplace<Heartbeat>()); break;
    case v1::Row::kOpsgenieAlert:
      decode.Take("opsgenie_alert", from.opsgenie_alert(), to.emplace<OpsgenieAlert>());
      break;
    case v1::Row::kOpsgenieRequest:
      decode.Take("opsgenie_request", from.opsgenie_request(), to.emplace<OpsgenieRequest>());
      break;
    case v1::Row::ROW_NOT_SET: decode.Fail("row", "of no table that this version knows"); break;
  }
  return decode.status();
}

static void ToProto(const Change& from, v1::Change& to) {
  ToProto(from.now.wall, *to.mutable_wall());
  to.set_engine_ns(from.now.engine.ns());
  ToProtoList(from.entries, *to.mutable_entries());
  ToProtoList(from.rows, *to.mutable_rows());
  ToProtoList(from.removed, *to.mutable_removed());
}

static absl::Status FromProto(const v1::Change& from, Change& to) {
  Decode decode;
  decode.Require("wall", from.has_wall());
  decode.Take("wall", from.wall(), to.now.wall);
  to.now.engine = EngineTime(from.engine_ns());
  decode.List("entries", from.entries(), to.entries);
  decode.List("rows", from.rows(), to.rows);
  decode.List("removed", from.removed(), to.removed);
  return decode.status();
}

std::string EncodeRow(const Row& row) {
  return std::visit(RowEncoder{}, row);
}

absl::StatusOr<Row> DecodeRow(std::uint8_t table, std::string_view bytes) {
  if (table >= std::size(kTables)) return DataLoss("row: there is no table %d", table);
  return kTables[table].decode(kTables[table].name, bytes);
}

std::string EncodeChange(const Change& change) {
  return Encode<v1::Change>(change);
}

absl::StatusOr<Change> DecodeChange(std::string_view bytes) {
  return DecodeBytes<v1::Change, Change>("change", bytes);
}

std::string EncodeTimelineEntry(const TimelineEntry& entry) {
  return Encode<v1::TimelineEntry>(entry);
}

absl::StatusOr<TimelineEntry> DecodeTimelineEntry(std::string_view bytes) {
  return DecodeBytes<v1::TimelineEntry, TimelineEntry>("timeline entry", bytes);
}

std::string EncodeIntegrations(std::span<const IntegrationId> names) {
  v1::IntegrationList list;
  for (const IntegrationId& name : names)
    list.add_names(Utf8(name.value()));
  return Serialise(list);
}

absl::StatusOr<std::vector<IntegrationId>> DecodeIntegrations(std::string_view bytes) {
  v1::IntegrationList list;
  TOCSIN_TRY(Parse("integrations", bytes, list));
  std::vector<IntegrationId> names;
  FromProto(list.names(), names);
  return names;
}

}  // namespace tocsin
