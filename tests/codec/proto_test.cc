// Every pair of ToProto and FromProto: nothing is forgotten, nothing is accepted that no writer wrote.
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include <google/protobuf/util/message_differencer.h>

#include "base/status.h"
#include "base/strings.h"
#include "model/codec/organisation_proto.h"
#include "model/codec/response_proto.h"
#include "tests/codec/fields.h"
#include "tests/codec/random_message.h"

namespace tocsin {
namespace {

constexpr int kRounds = 200;

template <typename Model, typename Message>
struct Pair {
  using model = Model;
  using message = Message;
};

template <typename P>
class ProtoPairTest : public ::testing::Test {};

using Pairs = ::testing::Types<Pair<Label, v1::Label>,
                               Pair<Matcher, v1::Matcher>,
                               Pair<Subject, v1::Subject>,
                               Pair<Rotation, v1::Rotation>,
                               Pair<Participant, v1::Participant>,
                               Pair<Restriction, v1::Restriction>,
                               Pair<Layer, v1::Layer>,
                               Pair<Override, v1::Override>,
                               Pair<FixedShift, v1::FixedShift>,
                               Pair<TemporarySchedule, v1::TemporarySchedule>,
                               Pair<Schedule, v1::Schedule>,
                               Pair<ContactMethod, v1::ContactMethod>,
                               Pair<NotificationRule, v1::NotificationRule>,
                               Pair<User, v1::User>,
                               Pair<Team, v1::Team>,
                               Pair<PolicyStep, v1::PolicyStep>,
                               Pair<EscalationPolicy, v1::EscalationPolicy>,
                               Pair<Service, v1::Service>,
                               Pair<Integration, v1::Integration>,
                               Pair<Receiver, v1::Receiver>,
                               Pair<Route, v1::Route>,
                               Pair<IncidentCondition, v1::IncidentCondition>,
                               Pair<IncidentRule, v1::IncidentRule>,
                               Pair<InhibitionRule, v1::InhibitionRule>,
                               Pair<RecurringTime, v1::RecurringTime>,
                               Pair<TimeInterval, v1::TimeInterval>,
                               Pair<MaintenanceWindow, v1::MaintenanceWindow>,
                               Pair<Smtp, v1::Smtp>,
                               Pair<Twilio, v1::Twilio>,
                               Pair<DeadMan, v1::DeadMan>,
                               Pair<Organisation, v1::Organisation>,
                               Pair<AlertSummary, v1::AlertSummary>,
                               Pair<Group, v1::Group>,
                               Pair<Escalation, v1::Escalation>,
                               Pair<Page, v1::Page>,
                               Pair<Notification, v1::Notification>,
                               Pair<Incident, v1::Incident>,
                               Pair<Silence, v1::Silence>,
                               Pair<Timer, v1::Timer>,
                               Pair<Throttle, v1::Throttle>,
                               Pair<Round, v1::Round>,
                               Pair<SupportHours, v1::SupportHours>,
                               Pair<ScheduleEdition, v1::ScheduleEdition>,
                               Pair<ScheduleChange, v1::ScheduleChange>,
                               Pair<ScheduleWatch, v1::ScheduleWatch>,
                               Pair<ChangeEvent, v1::ChangeEvent>,
                               Pair<Heartbeat, v1::Heartbeat>,
                               Pair<OpsgenieAlert, v1::OpsgenieAlert>,
                               Pair<OpsgenieRequest, v1::OpsgenieRequest>,
                               Pair<HandoffNotices, v1::HandoffNotices>,
                               Pair<MessageLimits, v1::MessageLimits>,
                               Pair<Slack, v1::Slack>,
                               Pair<SelfTests, v1::SelfTests>,
                               Pair<ContactReach, v1::ContactReach>,
                               Pair<TimelineEntry, v1::TimelineEntry>>;
TYPED_TEST_SUITE(ProtoPairTest, Pairs);

// A choice of several is one field of the model.
int FieldsOf(const google::protobuf::Descriptor& type) {
  int fields = type.field_count();
  for (int i = 0; i < type.oneof_decl_count(); ++i)
    fields -= type.oneof_decl(i)->field_count() - 1;
  return fields;
}

TYPED_TEST(ProtoPairTest, EveryFieldOfTheModelHasOneInTheSchema) {
  EXPECT_EQ(static_cast<int>(kFieldCount<typename TypeParam::model>), FieldsOf(*TypeParam::message::descriptor()));
}

TYPED_TEST(ProtoPairTest, EveryFieldSurvivesTheWayThroughTheModel) {
  Random random(1);
  for (int round = 0; round < kRounds; ++round) {
    typename TypeParam::message written;
    FillRandomly(written, random);
    typename TypeParam::model model;
    const absl::Status status = FromProto(written, model);
    ASSERT_TRUE(status.ok()) << status << written.DebugString();
    typename TypeParam::message again;
    ToProto(model, again);
    ASSERT_TRUE(google::protobuf::util::MessageDifferencer::Equals(written, again))
        << written.DebugString() << "became\n"
        << again.DebugString();
    typename TypeParam::model model_again;
    ASSERT_TRUE(FromProto(again, model_again).ok());
    ASSERT_TRUE(model == model_again);
  }
}

TEST(ProtoTest, EnumerationsHaveTheSameNamesOnBothSides) {
  const auto expect_same = [](const google::protobuf::EnumDescriptor& type, std::string_view prefix, auto first) {
    for (int i = 0; i < type.value_count(); ++i) {
      const auto& value = *type.value(i);
      decltype(first) ours = first;
      const auto as_proto = static_cast<decltype(ToProto(first))>(value.number());
      if (!FromProto(as_proto, ours).ok()) {
        EXPECT_EQ(value.number(), 0) << value.full_name();
        continue;
      }
      EXPECT_EQ(ToLower(value.name()), std::string(prefix) + std::string(Name(ours)));
    }
  };
  expect_same(*v1::Severity_descriptor(), "severity_", Severity::kUnknown);
  expect_same(*v1::ContactMethod::Kind_descriptor(), "kind_", ContactMethod::Kind::kEmail);
  expect_same(*v1::TimelineEntry::Kind_descriptor(), "kind_", TimelineEntry::Kind::kNote);
}

TEST(ProtoTest, EveryTargetSurvives) {
  for (const Target& target :
       {Target(UserTarget{UserId("ann")}), Target(TeamTarget{TeamId("db")}), Target(ScheduleTarget{ScheduleId("s")}),
        Target(PolicyTarget{PolicyId("p")}), Target(ScheduleTarget{ScheduleId("s"), ScheduleTarget::Turn::kNext})}) {
    v1::Target message;
    ToProto(target, message);
    Target again;
    ASSERT_TRUE(FromProto(message, again).ok());
    EXPECT_TRUE(target == again);
  }
}

TEST(ProtoTest, TimesOutsideOfACalendarAreInfinite) {
  struct Case {
    const char* name;
    absl::Time time;
    absl::Time expected;
  };
  const absl::Time last = absl::FromUnixSeconds(253'402'300'799);
  const Case cases[] = {
      {"epoch",              absl::UnixEpoch(),                            absl::UnixEpoch()                       },
      {"before the epoch",   absl::UnixEpoch() - absl::Nanoseconds(1),     absl::UnixEpoch() - absl::Nanoseconds(1)},
      {"finer than a ns",    absl::UnixEpoch() + absl::Nanoseconds(1) / 4, absl::UnixEpoch()                       },
      {"last whole second",  last,                                         last                                    },
      {"past the last year", last + absl::Hours(24),                       absl::InfiniteFuture()                  },
      {"never",              absl::InfiniteFuture(),                       absl::InfiniteFuture()                  },
      {"always",             absl::InfinitePast(),                         absl::InfinitePast()                    },
  };
  for (const Case& c : cases) {
    google::protobuf::Timestamp message;
    ToProto(c.time, message);
    absl::Time again;
    ASSERT_TRUE(FromProto(message, again).ok()) << c.name;
    EXPECT_EQ(again, c.expected) << c.name;
  }
}

TEST(ProtoTest, DurationsSurviveIncludingInfiniteOnes) {
  for (const absl::Duration duration : {absl::ZeroDuration(), absl::Seconds(5), -absl::Milliseconds(1500),
                                        absl::Nanoseconds(-1), absl::InfiniteDuration(), -absl::InfiniteDuration()}) {
    google::protobuf::Duration message;
    ToProto(duration, message);
    absl::Duration again = absl::Hours(1);
    ASSERT_TRUE(FromProto(message, again).ok());
    EXPECT_EQ(again, duration);
  }
}

TEST(ProtoTest, MalformedTimesAreRefused) {
  google::protobuf::Timestamp timestamp;
  absl::Time time;
  timestamp.set_nanos(-1);
  EXPECT_FALSE(FromProto(timestamp, time).ok());
  timestamp.set_nanos(0);
  timestamp.set_seconds(INT64_MAX);
  EXPECT_FALSE(FromProto(timestamp, time).ok());
  google::protobuf::Duration message;
  absl::Duration duration;
  message.set_seconds(1);
  message.set_nanos(-1);
  EXPECT_FALSE(FromProto(message, duration).ok());
  message.set_seconds(INT64_MIN);
  EXPECT_FALSE(FromProto(message, duration).ok());
}

TEST(ProtoTest, AlertKeysAreThirtyTwoHexDigits) {
  const AlertKey key{0x0123456789abcdef, 0xfedcba9876543210};
  EXPECT_EQ(ToHex(key), "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(AlertKeyFromHex(ToHex(key)), key);
  for (const char* wrong : {"", "0123", "0123456789abcdeffedcba987654321x", "0123456789abcdeffedcba98765432100",
                            "-123456789abcdeffedcba9876543210"}) {
    EXPECT_EQ(AlertKeyFromHex(wrong), std::nullopt) << wrong;
  }
}

TEST(ProtoTest, ErrorsSayWhichField) {
  v1::Organisation message;
  Random random(3);
  FillRandomly(message, random);
  message.mutable_policies(0)->mutable_steps(0)->mutable_targets(0)->Clear();
  Organisation organisation;
  EXPECT_EQ(Message(FromProto(message, organisation)),
            "policies[0]: steps[0]: targets[0]: neither user nor team nor schedule nor policy");
}

TEST(ProtoTest, ValuesOfANewerVersionAreRefused) {
  v1::Matcher matcher;
  matcher.set_op(static_cast<v1::Matcher::Op>(77));
  Matcher ours;
  EXPECT_EQ(Message(FromProto(matcher, ours)), "op: unknown value 77 of Op");
  matcher.set_op(v1::Matcher::OP_UNSPECIFIED);
  EXPECT_EQ(Message(FromProto(matcher, ours)), "op: missing");
}

TEST(ProtoTest, TextThatIsNotUtf8IsRepaired) {
  EXPECT_EQ(Utf8("plain"), "plain");
  EXPECT_EQ(Utf8("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(Utf8("ä\xE4\xB8中\xC3"), "ä\xEF\xBF\xBD\xEF\xBF\xBD中\xEF\xBF\xBD");
}

TEST(ProtoTest, RedactingTakesOutWhatWouldLetAReaderAct) {
  v1::Notification notification;
  Random random(4);
  FillRandomly(notification, random);
  Redact(notification);
  EXPECT_EQ(notification.method().secret(), "");
  EXPECT_EQ(notification.acknowledge_url(), "");
  EXPECT_NE(notification.method().address(), "");
}

}  // namespace
}  // namespace tocsin
