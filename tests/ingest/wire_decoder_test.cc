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
#include "tests/ingest/random_wire.h"
#include "tocsin/v1/ingest.pb.h"

namespace tocsin {
namespace {

namespace pb = google::protobuf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using wire::Bytes;
using wire::Entry;
using wire::Groups;
using wire::Key;
using wire::Number;
using wire::RandomWire;
using wire::Request;
using wire::Varint;

const absl::Time kReceived = absl::FromUnixSeconds(1'795'289'000);

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
  bool want_explanations = false;
  std::vector<ReferenceAlert> alerts;
};

ReferenceTime TimeOf(bool present, const pb::Timestamp& time) {
  return {present, time.seconds(), time.nanos()};
}

// As the generated classes read it; nullopt: they refuse it.
std::optional<ReferenceRequest> ReadWithGeneratedClasses(const std::string& bytes) {
  v1::IngestRequest request;
  if (!request.ParseFromString(bytes)) return std::nullopt;
  ReferenceRequest read{request.batch_id(), request.want_outcomes(), request.want_explanations(), {}};
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
    read.want_explanations = request->GetReflection()->GetBool(*request, Field(*request, "want_explanations"));
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
    LabelList to;
    for (const auto& [name, value] : from)
      to.Add({name, value});
    return to;
  };
  LabelList labels = views(alert.labels);
  LabelList annotations = views(alert.annotations);
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
    CheckPieces(bytes, decoded);
    std::optional<ReferenceRequest> reference = ReadWithGeneratedClasses(bytes);
    const bool utf8 = reference.has_value();
    // The one stated difference: they refuse the whole message, we judge each alert.
    if (!utf8) reference = loose_.Read(bytes);
    ASSERT_EQ(decoded.ok(), reference.has_value()) << decoded.status() << Dump(bytes);
    if (!reference) return;
    ++accepted_;
    EXPECT_EQ(decoded->batch_id, reference->batch_id) << Dump(bytes);
    EXPECT_EQ(decoded->want_outcomes, reference->want_outcomes) << Dump(bytes);
    EXPECT_EQ(decoded->want_explanations, reference->want_explanations) << Dump(bytes);
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

  // Cut anywhere, it says the same.
  void CheckPieces(const std::string& bytes, const absl::StatusOr<WireRequest>& whole) {
    std::vector<std::string_view> pieces;
    const std::size_t most = 1 + random_.Below(bytes.size() + 1);
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = random_.Below(most + 1);
      pieces.push_back(std::string_view(bytes).substr(at, size));
      at += pieces.back().size();
    }
    of_pieces_.Begin(3, &integration_labels_, kReceived, Intake::Manner::kStrict);
    const absl::StatusOr<WireRequest> decoded = decoder_.Decode(pieces, of_pieces_);
    ASSERT_EQ(decoded.status(), whole.status()) << Dump(bytes);
    if (!whole.ok()) return;
    EXPECT_EQ(decoded->batch_id, whole->batch_id) << Dump(bytes);
    EXPECT_EQ(decoded->want_outcomes, whole->want_outcomes) << Dump(bytes);
    EXPECT_EQ(decoded->want_explanations, whole->want_explanations) << Dump(bytes);
    EXPECT_EQ(of_pieces_.seen(), ours_.seen()) << Dump(bytes);
    EXPECT_TRUE(std::ranges::equal(of_pieces_.batch().bytes(), ours_.batch().bytes())) << Dump(bytes);
  }

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
  Intake of_pieces_{42};
  Random random_{7};
  int checked_ = 0;
  int accepted_ = 0;
  int events_ = 0;
  int refused_ = 0;
  int not_utf8_ = 0;
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

// What a stream's decoder makes of messages that say what was said before.
class RepeatsTest : public testing::Test {
 protected:
  const EventBatch& Decode(const std::string& bytes, absl::Time received = kReceived) {
    intake_.Begin(3, nullptr, received, Intake::Manner::kStrict);
    message_ = bytes;
    EXPECT_TRUE(decoder_.Decode(message_, intake_).ok());
    return intake_.batch();
  }
  static std::string Alert(int key, std::string_view text, std::string_view more = "") {
    return Request(Bytes(2, Entry("key", absl::StrFormat("%d", key))) + Bytes(2, Entry("alertname", "Full")) +
                   Bytes(3, Entry("summary", text)) + std::string(more));
  }
  static std::string At(std::uint32_t field, std::int64_t seconds) {
    return Bytes(field, Number(1, static_cast<std::uint64_t>(seconds)));
  }

  Repeats repeats_;
  WireDecoder decoder_{&repeats_};
  Intake intake_{42};
  std::string message_;
};

TEST_F(RepeatsTest, AreKnownByTheirBytesAndReadAgainAsTheyWereRead) {
  std::string message;
  for (int key = 0; key < 300; ++key)
    message += Alert(key, "text");
  for (int round = 0; round < 6; ++round)  // the table is made anew as it grows
    Decode(message);
  const EventBatch& batch = Decode(message);
  ASSERT_EQ(batch.count(), 300U);
  Intake reference(42);
  reference.Begin(3, nullptr, kReceived, Intake::Manner::kStrict);
  ASSERT_TRUE(WireDecoder().Decode(message, reference).ok());
  const auto read_again = ReadRepeatsAgain(42);
  int repeats = 0;
  for (std::size_t i = 0; i < batch.count(); ++i) {
    const EventHeader& whole = reference.batch().at(i).header();
    EXPECT_EQ(batch.at(i).header().key, whole.key) << "in order";
    EXPECT_EQ(batch.at(i).header().content, whole.content);
    if (batch.at(i).header().form != EventHeader::Form::kRepeat) continue;
    ++repeats;
    const std::optional<EventView> again = read_again(batch.at(i).header(), batch.at(i).came(), kReceived);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->ToEvent(), reference.batch().at(i).ToEvent());
  }
  EXPECT_GT(repeats, 250);
}

TEST_F(RepeatsTest, SayTheirTimesAndNothingElseThatIsNew) {
  const std::int64_t now = absl::ToUnixSeconds(kReceived);
  Decode(Alert(1, "text", At(6, now - 60) + At(7, now + 60)));
  const EventBatch& later = Decode(Alert(1, "text", At(6, now - 50) + At(7, now + 90)));
  ASSERT_EQ(later.count(), 1U);
  EXPECT_EQ(later.at(0).header().form, EventHeader::Form::kRepeat);
  EXPECT_EQ(later.at(0).header().starts_at_ns, (now - 50) * 1'000'000'000);
  EXPECT_EQ(later.at(0).header().ends_at_ns, (now + 90) * 1'000'000'000);

  const EventBatch& other = Decode(Alert(1, "another text", At(6, now - 60) + At(7, now + 60)));
  EXPECT_EQ(other.at(0).header().form, EventHeader::Form::kWhole);
}

TEST_F(RepeatsTest, AreNoLongerThanAnEventMayBeAlsoByTheirTimes) {
  std::string filled;
  for (int i = 0; filled.size() < limits::kEventBytes - 6000; ++i)
    filled += Bytes(3, Entry(absl::StrFormat("a%d", i), std::string(3000, 'a')));
  const std::string times = At(6, 1);
  const std::size_t without = Alert(1, "", filled + times).size() - 4;  // tag and length of the alert in its request
  const std::string alert = std::string(limits::kEventBytes - without - 2, 's');
  const auto whole = [&](const std::string& at) { return Alert(1, alert, filled + at); };
  ASSERT_LE(whole(times).size(), limits::kEventBytes + 4);
  Decode(whole(times));
  EXPECT_EQ(Decode(whole(times)).at(0).header().form, EventHeader::Form::kRepeat);
  EXPECT_EQ(Decode(whole(At(6, 1'700'000'000))).at(0).header().form, EventHeader::Form::kWhole);
}

TEST_F(RepeatsTest, ThatAreOverAreReadWhole) {
  const std::int64_t now = absl::ToUnixSeconds(kReceived);
  Decode(Alert(1, "text", At(7, now + 60)));
  const EventBatch& over = Decode(Alert(1, "text", At(7, now - 1)));
  ASSERT_EQ(over.count(), 1U);
  EXPECT_EQ(over.at(0).header().form, EventHeader::Form::kWhole);
  EXPECT_EQ(over.at(0).header().kind, EventKind::kResolve);
}

TEST_F(RepeatsTest, OfOtherKindsThanTriggersAreReadWhole) {
  for (int round = 0; round < 2; ++round) {
    const EventBatch& batch = Decode(Request(Number(1, 2) + Bytes(2, Entry("key", "1"))));
    ASSERT_EQ(batch.count(), 1U);
    EXPECT_EQ(batch.at(0).header().form, EventHeader::Form::kWhole);
  }
}

}  // namespace
}  // namespace tocsin
