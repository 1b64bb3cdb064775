#include "ingest/wire_decoder.h"

#include <map>
#include <memory>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/random.h"
#include "base/status.h"
#include "base/strings.h"
#include "tocsin/v1/ingest.pb.h"

namespace tocsin {
namespace {

namespace pb = google::protobuf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const absl::Time kReceived = absl::FromUnixSeconds(1'795'289'000);

// --- writing wire bytes, in forms that no library writes ---

std::string Varint(std::uint64_t value, std::size_t least_bytes = 1) {
  std::string out;
  while (value >= 0x80 || out.size() + 1 < least_bytes) {
    out += static_cast<char>(0x80U | (value & 0x7FU));
    value >>= 7U;
  }
  return out + static_cast<char>(value);
}
std::string Key(std::uint32_t field, std::uint32_t type, std::size_t least_bytes = 1) {
  return Varint(std::uint64_t{field} << 3U | type, least_bytes);
}
std::string Number(std::uint32_t field, std::uint64_t value) {
  return Key(field, 0) + Varint(value);
}
std::string Bytes(std::uint32_t field, std::string_view bytes) {
  return Key(field, 2) + Varint(bytes.size()) + std::string(bytes);
}
std::string Entry(std::string_view name, std::string_view value) {
  return Bytes(1, name) + Bytes(2, value);
}
std::string Groups(std::uint32_t field, int depth) {
  std::string out;
  for (int i = 0; i < depth; ++i)
    out += Key(field, 3);
  for (int i = 0; i < depth; ++i)
    out += Key(field, 4);
  return out;
}
std::string Request(std::string_view alert) {
  return Bytes(2, alert);
}

// --- the reference ---

struct ReferenceTime {
  bool present = false;
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
};
struct ReferenceAlert {
  std::int32_t kind = 0;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::string dedup_key;
  std::string severity;
  std::string link;
  ReferenceTime starts_at;
  ReferenceTime ends_at;
};
struct ReferenceRequest {
  std::uint64_t batch_id = 0;
  bool want_outcomes = false;
  std::vector<ReferenceAlert> alerts;
};

ReferenceTime TimeOf(bool present, const pb::Timestamp& time) {
  return {present, time.seconds(), time.nanos()};
}

// As the generated classes read it; nullopt: they refuse it.
std::optional<ReferenceRequest> ReadWithGeneratedClasses(const std::string& bytes) {
  v1::IngestRequest request;
  if (!request.ParseFromString(bytes)) return std::nullopt;
  ReferenceRequest read{request.batch_id(), request.want_outcomes(), {}};
  for (const v1::Alert& alert : request.alerts()) {
    read.alerts.push_back({
        static_cast<std::int32_t>(alert.kind()),
        {alert.labels().begin(),      alert.labels().end()     },
        {alert.annotations().begin(), alert.annotations().end()},
        alert.dedup_key(),
        alert.severity(),
        alert.link(),
        TimeOf(alert.has_starts_at(), alert.starts_at()),
        TimeOf(alert.has_ends_at(), alert.ends_at())
    });
  }
  return read;
}

// The same schema with `bytes` for `string`, whose text nobody checks: what the message would be if it were UTF-8.
class LooseSchema {
 public:
  LooseSchema() {
    Add(*pb::Timestamp::descriptor()->file());
    Add(*pb::Duration::descriptor()->file());
    Add(*v1::IngestRequest::descriptor()->file());
    request_ = pool_.FindMessageTypeByName("tocsin.v1.IngestRequest");
  }

  std::optional<ReferenceRequest> Read(const std::string& bytes) {
    const std::unique_ptr<pb::Message> request(factory_.GetPrototype(request_)->New());
    if (!request->ParseFromString(bytes)) return std::nullopt;
    ReferenceRequest read;
    read.batch_id = request->GetReflection()->GetUInt64(*request, Field(*request, "batch_id"));
    read.want_outcomes = request->GetReflection()->GetBool(*request, Field(*request, "want_outcomes"));
    const auto* alerts = Field(*request, "alerts");
    for (int i = 0; i < request->GetReflection()->FieldSize(*request, alerts); ++i)
      read.alerts.push_back(ReadAlert(request->GetReflection()->GetRepeatedMessage(*request, alerts, i)));
    return read;
  }

 private:
  void Add(const pb::FileDescriptor& file) {
    pb::FileDescriptorProto proto;
    file.CopyTo(&proto);
    for (pb::DescriptorProto& message : *proto.mutable_message_type())
      Loosen(message);
    EXPECT_NE(pool_.BuildFile(proto), nullptr);
  }
  static void Loosen(pb::DescriptorProto& message) {
    message.mutable_options()->clear_map_entry();
    for (pb::FieldDescriptorProto& field : *message.mutable_field()) {
      if (field.type() == pb::FieldDescriptorProto::TYPE_STRING) field.set_type(pb::FieldDescriptorProto::TYPE_BYTES);
    }
    for (pb::DescriptorProto& nested : *message.mutable_nested_type())
      Loosen(nested);
  }
  static const pb::FieldDescriptor* Field(const pb::Message& message, const char* name) {
    return message.GetDescriptor()->FindFieldByName(name);
  }
  static std::string Text(const pb::Message& message, const char* name) {
    return message.GetReflection()->GetString(message, Field(message, name));
  }
  static std::map<std::string, std::string> Entries(const pb::Message& message, const char* name) {
    std::map<std::string, std::string> entries;
    const auto* field = Field(message, name);
    for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
      const pb::Message& entry = message.GetReflection()->GetRepeatedMessage(message, field, i);
      entries[Text(entry, "key")] = Text(entry, "value");
    }
    return entries;
  }
  static ReferenceTime Time(const pb::Message& message, const char* name) {
    const auto* field = Field(message, name);
    if (!message.GetReflection()->HasField(message, field)) return {};
    const pb::Message& time = message.GetReflection()->GetMessage(message, field);
    return {true, time.GetReflection()->GetInt64(time, Field(time, "seconds")),
            time.GetReflection()->GetInt32(time, Field(time, "nanos"))};
  }
  static ReferenceAlert ReadAlert(const pb::Message& alert) {
    return {alert.GetReflection()->GetEnumValue(alert, Field(alert, "kind")),
            Entries(alert, "labels"),
            Entries(alert, "annotations"),
            Text(alert, "dedup_key"),
            Text(alert, "severity"),
            Text(alert, "link"),
            Time(alert, "starts_at"),
            Time(alert, "ends_at")};
  }

  pb::DescriptorPool pool_;
  pb::DynamicMessageFactory factory_;
  const pb::Descriptor* request_ = nullptr;
};

// Nanoseconds since 1970, kAbsent, or nullopt: no such instant.
std::optional<std::int64_t> ReferenceNs(const ReferenceTime& time) {
  const absl::Time first = absl::FromCivil(absl::CivilSecond(1, 1, 1), absl::UTCTimeZone());
  const absl::Time end = absl::FromCivil(absl::CivilSecond(10000, 1, 1), absl::UTCTimeZone());
  if (!time.present || time.seconds == absl::ToUnixSeconds(first)) return EventHeader::kAbsent;
  if (time.seconds < absl::ToUnixSeconds(first) || time.seconds >= absl::ToUnixSeconds(end)) return std::nullopt;
  if (time.nanos < 0 || time.nanos > 999'999'999) return std::nullopt;
  const std::int64_t second =
      std::min(std::max(time.seconds, std::int64_t{-9'223'372'035}), std::int64_t{9'223'372'035});
  return second * 1'000'000'000 + time.nanos;
}

void AddReference(const ReferenceAlert& alert, Intake& intake) {
  const std::optional<std::int64_t> starts_at = ReferenceNs(alert.starts_at);
  const std::optional<std::int64_t> ends_at = ReferenceNs(alert.ends_at);
  if (alert.kind < 0 || alert.kind > 2) return intake.Refuse("kind: ?");
  if (!starts_at) return intake.Refuse("starts_at: ?");
  if (!ends_at) return intake.Refuse("ends_at: ?");
  EventHeader prototype;
  prototype.kind = static_cast<EventKind>(alert.kind);
  prototype.severity = ParseSeverity(alert.severity);
  prototype.starts_at_ns = *starts_at;
  prototype.ends_at_ns = *ends_at;
  const auto views = [](const std::map<std::string, std::string>& from) {
    std::vector<LabelView> to;
    for (const auto& [name, value] : from)
      to.push_back({name, value});
    return to;
  };
  std::vector<LabelView> labels = views(alert.labels);
  std::vector<LabelView> annotations = views(alert.annotations);
  intake.Add(prototype, labels, annotations, alert.dedup_key, alert.link);
}

// Reads bytes both ways and compares.
class Comparison {
 public:
  void Check(const std::string& bytes) {
    ++checked_;
    ours_.Begin(3, &integration_labels_, kReceived, Intake::Manner::kStrict);
    theirs_.Begin(3, &integration_labels_, kReceived, Intake::Manner::kStrict);
    const absl::StatusOr<WireRequest> decoded = decoder_.Decode(bytes, ours_);
    std::optional<ReferenceRequest> reference = ReadWithGeneratedClasses(bytes);
    const bool utf8 = reference.has_value();
    // The one stated difference: they refuse the whole message, we judge each alert.
    if (!utf8) reference = loose_.Read(bytes);
    ASSERT_EQ(decoded.ok(), reference.has_value()) << decoded.status() << Dump(bytes);
    if (!reference) return;
    ++accepted_;
    EXPECT_EQ(decoded->batch_id, reference->batch_id) << Dump(bytes);
    EXPECT_EQ(decoded->want_outcomes, reference->want_outcomes) << Dump(bytes);
    for (const ReferenceAlert& alert : reference->alerts)
      AddReference(alert, theirs_);
    Compare(bytes);
    if (!utf8) ++not_utf8_;
  }
  int checked() const { return checked_; }
  int accepted() const { return accepted_; }
  int events() const { return events_; }
  int refused() const { return refused_; }
  int not_utf8() const { return not_utf8_; }

 private:
  static std::string Dump(const std::string& bytes) { return "\nof bytes " + absl::BytesToHexString(bytes); }
  static std::string Field(const Refused& refused) { return refused.reason.substr(0, refused.reason.find(':')); }

  void Compare(const std::string& bytes) {
    ASSERT_EQ(ours_.seen(), theirs_.seen()) << Dump(bytes);
    ASSERT_EQ(ours_.refused().size(), theirs_.refused().size())
        << (ours_.refused().empty() ? "" : ours_.refused()[0].reason) << Dump(bytes);
    for (std::size_t i = 0; i < ours_.refused().size(); ++i) {
      EXPECT_EQ(ours_.refused()[i].index, theirs_.refused()[i].index) << Dump(bytes);
      EXPECT_EQ(Field(ours_.refused()[i]), Field(theirs_.refused()[i])) << Dump(bytes);
    }
    ASSERT_TRUE(std::ranges::equal(ours_.batch().bytes(), theirs_.batch().bytes())) << Dump(bytes);
    events_ += static_cast<int>(ours_.batch().count());
    refused_ += static_cast<int>(ours_.refused().size());
  }

  const Labels integration_labels_ = {
      {"c",    "from the integration"},
      {"team", "infra"               }
  };
  const pb::LogSilencer no_complaints_about_utf8_;
  LooseSchema loose_;
  WireDecoder decoder_;
  Intake ours_{42};
  Intake theirs_{42};
  int checked_ = 0;
  int accepted_ = 0;
  int events_ = 0;
  int refused_ = 0;
  int not_utf8_ = 0;
};

// --- random messages ---

class RandomWire {
 public:
  explicit RandomWire(std::uint64_t seed) : random_(seed) {}

  std::string Request() {
    std::string out;
    const std::uint64_t fields = random_.Below(6);
    for (std::uint64_t i = 0; i < fields; ++i) {
      switch (random_.Below(6)) {
        case 0: out += RandomKey(1, 0) + RandomVarint(); break;
        case 1: out += RandomKey(3, 0) + RandomVarint(); break;
        case 2: out += AnyField(); break;
        default: out += Delimited(2, Alert());
      }
    }
    return out;
  }

  std::string Mutated(std::string bytes) {
    const std::uint64_t times = 1 + random_.Below(3);
    for (std::uint64_t i = 0; i < times; ++i) {
      const std::size_t at = random_.Below(bytes.size() + 1);
      switch (random_.Below(5)) {
        case 0: bytes.resize(at); break;
        case 1: bytes.insert(at, 1, static_cast<char>(random_.Below(256))); break;
        case 2: bytes.erase(at, 1 + random_.Below(3)); break;
        case 3: bytes += bytes.substr(at, random_.Below(8)); break;
        default:
          if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << random_.Below(8)));
      }
    }
    return bytes;
  }

 private:
  std::uint64_t RandomNumber() {
    switch (random_.Below(5)) {
      case 0: return random_.Below(4);
      case 1: return 0 - random_.Below(3);
      case 2: return random_.Next();
      case 3: return std::uint64_t{1} << random_.Below(64);
      default: return random_.Below(1000);
    }
  }
  // Sometimes longer than need be, seldom longer than may be.
  std::string RandomVarint() { return Varint(RandomNumber(), random_.OneIn(4) ? random_.Below(13) : 1); }
  std::string RandomKey(std::uint32_t field, std::uint32_t type) {
    return Key(field, type, random_.OneIn(8) ? random_.Below(8) : 1);
  }
  std::string Delimited(std::uint32_t field, std::string_view bytes) {
    return RandomKey(field, 2) + Varint(bytes.size(), random_.OneIn(8) ? random_.Below(8) : 1) + std::string(bytes);
  }
  std::string Text() {
    constexpr const char* kTexts[] = {"", "a", "b", "c", "severity", "critical", "é", "1", "0123456789"};
    if (random_.OneIn(40)) return std::string("\xFF", 1);
    if (random_.OneIn(60)) return std::string(limits::kLabelNameBytes + random_.Below(2), 'n');
    if (random_.OneIn(400)) return std::string(limits::kLabelValueBytes + random_.Below(2), 'v');
    return kTexts[random_.Below(std::size(kTexts))];
  }
  // A field that may or may not be known, of any wire type.
  std::string AnyField() {
    const auto field = static_cast<std::uint32_t>(random_.OneIn(10) ? random_.Next() & 0x1FFFFFFFU : random_.Below(20));
    switch (random_.Below(7)) {
      case 0: return RandomKey(field, 0) + RandomVarint();
      case 1: return RandomKey(field, 1) + std::string(8, 'x');
      case 2: return RandomKey(field, 5) + std::string(4, 'x');
      case 3: return RandomKey(field, 3) + (random_.OneIn(2) ? AnyField() : "") + RandomKey(field, 4);
      case 4: return Groups(1 + field, static_cast<int>(random_.OneIn(8) ? 97 + random_.Below(6) : random_.Below(4)));
      case 5: return RandomKey(field, static_cast<std::uint32_t>(random_.Below(8)));
      default: return Delimited(field, Text());
    }
  }
  std::string MapEntry() {
    if (!random_.OneIn(3)) return Entry(Text(), Text());
    std::string out;
    const std::uint64_t fields = random_.Below(4);
    for (std::uint64_t i = 0; i < fields; ++i)
      out += random_.OneIn(6) ? AnyField() : Delimited(random_.OneIn(2) ? 1 : 2, Text());
    return out;
  }
  std::string Timestamp() {
    constexpr std::int64_t kSeconds[] = {0,
                                         1'795'289'000,
                                         1'795'289'001,
                                         -62'135'596'800,
                                         -62'135'596'801,
                                         -62'135'596'799,
                                         253'402'300'799,
                                         253'402'300'800,
                                         9'223'372'036,
                                         -9'223'372'037};
    std::string out;
    const std::uint64_t fields = random_.Below(4);
    for (std::uint64_t i = 0; i < fields; ++i) {
      switch (random_.Below(6)) {
        case 0: out += AnyField(); break;
        case 1: out += RandomKey(2, 0) + RandomVarint(); break;
        case 2: out += RandomKey(2, 0) + Varint(999'999'999 + random_.Below(2)); break;
        default:
          out += RandomKey(1, 0) + Varint(static_cast<std::uint64_t>(kSeconds[random_.Below(std::size(kSeconds))]));
      }
    }
    return out;
  }
  std::string Alert() {
    std::string out;
    const std::uint64_t fields = random_.Below(10);
    for (std::uint64_t i = 0; i < fields; ++i) {
      const auto field = static_cast<std::uint32_t>(1 + random_.Below(9));
      switch (field) {
        case 1: out += RandomKey(1, 0) + (random_.OneIn(8) ? RandomVarint() : Varint(random_.Below(3))); break;
        case 2:
        case 3: out += Delimited(field, MapEntry()); break;
        case 6:
        case 7: out += Delimited(field, Timestamp()); break;
        case 9: out += random_.OneIn(3) ? AnyField() : Delimited(2, MapEntry()); break;
        default: out += Delimited(field, Text());
      }
    }
    return out;
  }

  Random random_;
};

TEST(WireDecoderTest, AgreesWithTheGeneratedClassesOnRandomMessagesInOddForms) {
  Comparison comparison;
  RandomWire wire(20261121);
  for (int i = 0; i < 60'000 && !::testing::Test::HasFailure(); ++i)
    comparison.Check(wire.Request());
  // The comparison would be empty if nothing of the one kind or the other came.
  EXPECT_GT(comparison.accepted(), 20'000);
  EXPECT_GT(comparison.events(), 10'000);
  EXPECT_GT(comparison.refused(), 2'000);
  EXPECT_GT(comparison.not_utf8(), 1'000);
  EXPECT_GT(comparison.checked() - comparison.accepted(), 5'000);
}

TEST(WireDecoderTest, AgreesWithTheGeneratedClassesOnMutatedBytes) {
  Comparison comparison;
  RandomWire wire(4711);
  for (int i = 0; i < 20'000; ++i) {
    const std::string bytes = wire.Request();
    for (int mutation = 0; mutation < 7 && !::testing::Test::HasFailure(); ++mutation)
      comparison.Check(wire.Mutated(bytes));
  }
  EXPECT_GT(comparison.accepted(), 20'000);
  EXPECT_GT(comparison.checked() - comparison.accepted(), 20'000);
}

TEST(WireDecoderTest, AgreesOnEveryOddForm) {
  const std::string label = Bytes(2, Entry("a", "1"));
  const struct {
    std::string_view name;
    std::string bytes;
    bool accepted;
  } cases[] = {
      {"nothing at all",               "",                                               true},
      {            "an empty alert",                   Request(""),                                             true},
      {"a tag in five bytes",                             Key(1,                                                               0,5) + Varint(7), true},
      {            "a tag in six bytes",                         Key(1,                                                0,6) + Varint(7), false},
      {       "a tag of 35 bits, cut to 32",  Varint(std::uint64_t{7} << 32U | 8U) + Varint(7), true},
      {     "a size in five bytes",                         Key(2,                         2) + Varint(label.size(),5) + label, true},
      {        "a size in six bytes",          Key(2,                                            2) + Varint(label.size(),6) + label, false},
      {"a size of 2 GiB",                              Key(2,                                                              2) + Varint(std::uint64_t{1} << 31U) + label,false},
      {"a size of 2^64 - 1",                              Key(2,                                                           2) + Varint(UINT64_MAX) + label,false},
      {       "a number in ten bytes",                              Key(1,                                                        0) + Varint(7,10), true},
      {"a number in eleven bytes",                          Key(1,                                                                          0) + Varint(7,11), false},
      {                                                                        "field number 0",                           std::string("\0\0",                                                                      2),                      false},
      {"wire type 6",                            Key(9,  6),false},
      {"wire type 7",                            Key(9,                                                                      7),                                                                                          false},
      {                                                                                                                                                                   "an end of a group that none began",                            Key(9,  4),false},
      {"a group that does not end",                            Key(9,                                                                      3),                                                                                                                                                              false},
      {                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            "a group that ends as another",                            Key(9,  3) + Key(8,4), false},
      {"groups 100 deep",                    Groups(9,                                                                 100),                                                                                                                                                                                                                        true},
      {                                                                                                                                                                                                                                   "groups 101 deep",   Groups(9,101),false},
      {"groups 99 deep in an alert",                    Request(label + Groups(9,                                                                                  99)),                                                                                                                                                                                                                                                                                                                          true},
      {                                                                                                                                                                                                                                                                                                                                     "groups 100 deep in an alert",Request(label + Groups(9,100)),false},
      {"groups 98 deep in a label",                    Request(Bytes(2,                                                                                                                  Entry("a",                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             "1") + Groups(9, 98))), true},
      {                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        "groups 99 deep in a label",Request(Bytes(2,Entry("a","1") + Groups(9, 99))), false},
      {"groups 98 deep in an instant",                              Request(label + Bytes(6,                                                    Number(1,5) + Groups(9, 98))), true},
      {"groups 99 deep in an instant",                         Request(label + Bytes(6,                                                                    Number(1,5) + Groups(9, 99))), false},
      {                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "a known field of another type",                      Bytes(1,      "x") + Request(label + Number(4,1) + Bytes(1, "x")), true},
      {"a label's value before its name", Request(Bytes(2,  Bytes(2,"1") + Bytes(1, "a"))), true},
      {                                                                                                                                                                                                                                                                                                                                           "a label with its name twice",                         Request(Bytes(2,                                                                         Entry("a","1") + Bytes(1, "b"))), true},
      {"a label with its value twice",                  Request(Bytes(2,                                                             Entry("a","1") + Bytes(2, "2"))), true},
      { "a label without name",               Request(Bytes(2,                                                       Bytes(2,                                                                                                                   "1"))), true},
      {                                                                                                                        "a label without value",                              Request(Bytes(2,                                                  Bytes(1,"a"))), true},
      {"a label twice",                        Request(label + Bytes(2,                                                                    Entry("a","2"))), true},
      {                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             "a label that is taken back",                     Request(Bytes(2,Entry("c","1")) + Bytes(2, Entry("c", ""))), true},
      {"a label that was too long first",         Request(Bytes(2,                            Entry("a",std::string(5000, 'x'))) + label), true},
      {"an annotation that was too long first",
       Request(label + Bytes(3,                                                        Entry("a",std::string(20000, 'x'))) + Bytes(3, Entry("a", "short"))), true},
      {"an instant in two parts",                          Request(label + Bytes(6,                                                                          Number(1,5)) + Bytes(6, Number(2, 6))), true},
      {                                                                                                                                                                                                                                                                                                                                                                                                                               "an instant that is empty",                        Request(label + Bytes(7,                                                                    "")), true},
      {"a scalar twice",                     Number(1,                                                            1) + Number(1,                                                    2) + Request(label), true},
      {                                                          "a kind of more than 32 bits",                              Request(label + Number(1,                                              (std::uint64_t{1} << 32U) + 2)),true},
      {"a kind below zero",               Request(label + Number(1,                                                           UINT64_MAX)),true},
  };
  for (const auto& [name, bytes, accepted] : cases) {
    SCOPED_TRACE(name);
    Comparison comparison;
    comparison.Check(bytes);
    EXPECT_EQ(comparison.accepted(), accepted ? 1 : 0);
  }
}

TEST(WireDecoderTest, RefusesAnAlertWhoseTextIsNotUtf8AndTakesTheOthers) {
  Intake intake(42);
  intake.Begin(0, nullptr, kReceived, Intake::Manner::kStrict);
  WireDecoder decoder;
  const std::string bytes =
      Request(Bytes(2, Entry("a", "1"))) + Request(Bytes(2, Entry("a", "\xC3"))) + Request(Bytes(2, Entry("a", "3")));
  EXPECT_FALSE(v1::IngestRequest().ParseFromString(bytes));
  ASSERT_TRUE(decoder.Decode(bytes, intake).ok());
  EXPECT_EQ(intake.batch().count(), 2U);
  ASSERT_EQ(intake.refused().size(), 1U);
  EXPECT_EQ(intake.refused()[0].index, 1U);
  EXPECT_THAT(intake.refused()[0].reason, HasSubstr("is not UTF-8"));
}

TEST(WireDecoderTest, NamesWhereTheBytesCannotBeRead) {
  Intake intake(42);
  intake.Begin(0, nullptr, kReceived, Intake::Manner::kStrict);
  const absl::Status status = WireDecoder().Decode(Number(1, 7) + "\xFF", intake).status();
  EXPECT_EQ(Message(status), "not an IngestRequest: the bytes at offset 3 cannot be read");
}

TEST(WireDecoderTest, RefusesAMessageOfMoreAlertsThanABatchHolds) {
  Intake intake(42);
  intake.Begin(0, nullptr, kReceived, Intake::Manner::kStrict);
  std::string bytes;
  for (std::size_t i = 0; i < limits::kEventsPerBatch; ++i)
    bytes += Request("");
  WireDecoder decoder;
  EXPECT_TRUE(decoder.Decode(bytes, intake).ok());
  intake.Begin(0, nullptr, kReceived, Intake::Manner::kStrict);
  const absl::Status status = decoder.Decode(bytes + Request(""), intake).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(Message(status), StartsWith("alerts: more than 10000"));
}

}  // namespace
}  // namespace tocsin
