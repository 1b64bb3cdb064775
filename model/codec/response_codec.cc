#include "model/codec/response_codec.h"

#include <array>
#include <limits>
#include <ranges>
#include <span>
#include <utility>

#include <google/protobuf/arena.h>
#include <google/protobuf/unknown_field_set.h>

#include "base/status.h"
#include "model/codec/access_proto.h"
#include "model/codec/decode.h"
#include "model/codec/response_proto.h"
#include "model/codec/response_wire.h"
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
    {"account",               DecodeRowBytes<v1::Account,              Account>             },
    {"contact reach",         DecodeRowBytes<v1::ContactReach,         ContactReach>        },
};
static_assert(std::size(kTables) == std::variant_size_v<Row>);

// What a storm seldom writes, by way of its message.
template <typename Message, typename T>
void WriteBy(WireWriter& to, const T& from) {
  OnArena<Message> message;
  ToProto(from, *message);
  const std::size_t bytes = (*message).ByteSizeLong();
  TOCSIN_CHECK(bytes <= static_cast<std::size_t>(std::numeric_limits<int>::max()), "a record is larger than 2 GiB");
  (*message).SerializeWithCachedSizesToArray(static_cast<std::uint8_t*>(static_cast<void*>(to.Prepend(bytes))));
}

struct RowWriter {
  WireWriter& to;
  void operator()(const Group& row) const { Write(to, row); }
  void operator()(const Escalation& row) const { Write(to, row); }
  void operator()(const Page& row) const { Write(to, row); }
  void operator()(const Notification& row) const { Write(to, row); }
  void operator()(const Incident& row) const { WriteBy<v1::Incident>(to, row); }
  void operator()(const Silence& row) const { WriteBy<v1::Silence>(to, row); }
  void operator()(const Timer& row) const { Write(to, row); }
  void operator()(const Counters& row) const { WriteBy<v1::Counters>(to, row); }
  void operator()(const OrganisationPtr& row) const { WriteBy<v1::Organisation>(to, row); }
  void operator()(const Answer& row) const { WriteBy<v1::Answer>(to, row); }
  void operator()(const ConfigurationVersion& row) const { WriteBy<v1::ConfigurationVersion>(to, row); }
  void operator()(const AccessToken& row) const { WriteBy<v1::AccessToken>(to, row); }
  void operator()(const AuditEntry& row) const { WriteBy<v1::AuditEntry>(to, row); }
  void operator()(const Throttle& row) const { Write(to, row); }
  void operator()(const Round& row) const { WriteBy<v1::Round>(to, row); }
  void operator()(const ScheduleEdition& row) const { WriteBy<v1::ScheduleEdition>(to, row); }
  void operator()(const ScheduleChange& row) const { WriteBy<v1::ScheduleChange>(to, row); }
  void operator()(const ScheduleWatch& row) const { WriteBy<v1::ScheduleWatch>(to, row); }
  void operator()(const ChangeEvent& row) const { WriteBy<v1::ChangeEvent>(to, row); }
  void operator()(const Heartbeat& row) const { WriteBy<v1::Heartbeat>(to, row); }
  void operator()(const OpsgenieAlert& row) const { WriteBy<v1::OpsgenieAlert>(to, row); }
  void operator()(const OpsgenieRequest& row) const { WriteBy<v1::OpsgenieRequest>(to, row); }
  void operator()(const Account& row) const { WriteBy<v1::Account>(to, row); }
  void operator()(const ContactReach& row) const { WriteBy<v1::ContactReach>(to, row); }
};

// A Row's field is the table's number and one.
void Write(WireWriter& to, const Row& from) {
  const std::size_t end = to.size();
  std::visit(RowWriter{to}, from);
  to.Close(static_cast<int>(from.index()) + 1, end);
}
static_assert(v1::Row::kGroupFieldNumber == 1 && v1::Row::kContactReachFieldNumber == std::variant_size_v<Row>);

void Write(WireWriter& to, const RowKey& from) {
  to.Number(v1::RowKey::kIdFieldNumber, from.id);
  to.Number(v1::RowKey::kTableFieldNumber, from.table);
}

void Write(WireWriter& to, const Change& from) {
  using F = v1::Change;
  const auto list = [&to](int field, const auto& parts) {
    for (const auto& part : std::views::reverse(parts)) {
      const std::size_t end = to.size();
      Write(to, part);
      to.Close(field, end);
    }
  };
  list(F::kRemovedFieldNumber, from.removed);
  list(F::kRowsFieldNumber, from.rows);
  list(F::kEntriesFieldNumber, from.entries);
  to.Number(F::kEngineNsFieldNumber, from.now.engine.ns());
  to.PresentTime(F::kWallFieldNumber, from.now.wall);
}

// A thread's buffer outlives the call: a large one that comes and goes makes malloc tidy up each time.
template <typename Put>
std::string Written(Put put) {
  thread_local WireWriter writer;
  writer.Clear();
  put(writer);
  return std::string(writer.bytes());
}

}  // namespace

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
    case v1::Row::kAccount: decode.Take("account", from.account(), to.emplace<Account>()); break;
    case v1::Row::kContactReach: decode.Take("contact_reach", from.contact_reach(), to.emplace<ContactReach>()); break;
    case v1::Row::ROW_NOT_SET: decode.Fail("row", "of no table that this version knows"); break;
  }
  return decode.status();
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

// A row of a table that we do not know is no nonsense: a newer program wrote it, and it must not be taken for a mistake.
static absl::Status RefuseNewerTables(const v1::Change& change) {
  constexpr auto kTables = static_cast<std::uint32_t>(std::variant_size_v<Row>);
  for (const v1::Row& row : change.rows()) {
    const auto& unknown = row.GetReflection()->GetUnknownFields(row);
    if (row.row_case() != v1::Row::ROW_NOT_SET || unknown.empty()) continue;
    return Precondition("change: a row of table %d, this program knows %d: use a newer tocsin",
                        unknown.field(0).number() - 1, kTables);
  }
  for (const v1::RowKey& key : change.removed()) {
    if (key.table() >= kTables)
      return Precondition("change: removes a row of table %d, this program knows %d: use a newer tocsin", key.table(),
                          kTables);
  }
  return absl::OkStatus();
}

std::string EncodeRow(const Row& row) {
  return Written([&](WireWriter& to) { std::visit(RowWriter{to}, row); });
}

absl::StatusOr<Row> DecodeRow(std::uint8_t table, std::string_view bytes) {
  if (table >= std::size(kTables)) return DataLoss("row: there is no table %d", table);
  return kTables[table].decode(kTables[table].name, bytes);
}

std::string EncodeChange(const Change& change) {
  return Written([&](WireWriter& to) { Write(to, change); });
}

absl::StatusOr<Change> DecodeChange(std::string_view bytes) {
  OnArena<v1::Change> message;
  TOCSIN_TRY(Parse("change", bytes, *message));
  TOCSIN_TRY(RefuseNewerTables(*message));
  Change to;
  TOCSIN_TRY(AsDataLoss(FromProto(*message, to), "change"));
  return to;
}

namespace {

std::uint64_t ReadVarint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

struct WireField {
  std::uint64_t number = 0;
  std::string_view content;  // of one with a length
};

// Of what we have just written ourselves: fields are numbers or have a length.
WireField ReadField(std::string_view& bytes) {
  const std::uint64_t tag = ReadVarint(bytes);
  const std::uint64_t value = ReadVarint(bytes);
  if ((tag & 7U) != 2) return {tag >> 3U, {}};
  TOCSIN_CHECK(value <= bytes.size(), "a part lies within the whole");
  const std::string_view content = bytes.substr(0, value);
  bytes.remove_prefix(value);
  return {tag >> 3U, content};
}

}  // namespace

ChangeParts PartsOf(std::string_view encoded) {
  ChangeParts parts;
  while (!encoded.empty()) {
    const WireField field = ReadField(encoded);
    if (field.number == v1::Change::kEntriesFieldNumber) parts.entries.push_back(field.content);
    if (field.number != v1::Change::kRowsFieldNumber) continue;
    std::string_view row = field.content;
    parts.rows.push_back(ReadField(row).content);
  }
  return parts;
}

std::string EncodeTimelineEntry(const TimelineEntry& entry) {
  return Written([&](WireWriter& to) { Write(to, entry); });
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
