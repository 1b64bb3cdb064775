// What the log says when people cannot be told.
#include "engine/pipeline_trouble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"

namespace tocsin {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Kind = TimelineEntry::Kind;

TimelineEntry EntryOf(Kind kind, std::string text) {
  TimelineEntry entry;
  entry.kind = kind;
  entry.subject = {SubjectKind::kGroup, 17};
  entry.notification = NotificationId(12);
  entry.user = UserId("alice");
  entry.text = std::move(text);
  return entry;
}

std::string LoggedOf(TroubleLog& log, absl::Duration at, std::vector<TimelineEntry> entries) {
  Change change;
  change.now.engine = EngineTime() + at;
  change.entries = std::move(entries);
  const LogLevel before = CurrentLogLevel();
  SetLogLevel(LogLevel::kInfo);  // other tests of this program are quiet
  testing::internal::CaptureStderr();
  log.Tell(change);
  SetLogLevel(before);
  return testing::internal::GetCapturedStderr();
}

std::size_t Lines(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

TEST(TroubleLogTest, SaysWhichMessageFailedAndWhomNothingReached) {
  TroubleLog log;
  for (const Kind kind : {Kind::kNotificationRetry, Kind::kNotificationAmbiguous, Kind::kNotificationFailed}) {
    EXPECT_THAT(LoggedOf(log, absl::Seconds(1), {EntryOf(kind, "sms to alice: attempt 1 failed: status 500")}),
                AllOf(HasSubstr(" WARNING "), HasSubstr("message=N12"), HasSubstr("about=G17"),
                      HasSubstr("sms to alice: attempt 1 failed: status 500")));
  }
  EXPECT_THAT(LoggedOf(log, absl::Seconds(1), {EntryOf(Kind::kUnreachable, "alice cannot be reached: sms rejected")}),
              AllOf(HasSubstr(" ERROR "), HasSubstr("user=alice"), HasSubstr("about=G17"), HasSubstr("sms rejected")));
  EXPECT_THAT(LoggedOf(log, absl::Seconds(1), {EntryOf(Kind::kNotificationAccepted, "taken")}), IsEmpty());
}

TEST(TroubleLogTest, AnOutageFillsNoDiskAndHidesNobody) {
  TroubleLog log;
  const std::vector<TimelineEntry> outage(500, EntryOf(Kind::kNotificationRetry, "sms to alice: status 500"));
  EXPECT_EQ(Lines(LoggedOf(log, absl::Seconds(5), outage)), TroubleLog::kLinesPerMinute);
  EXPECT_THAT(LoggedOf(log, absl::Seconds(64), outage), IsEmpty());
  EXPECT_THAT(LoggedOf(log, absl::Seconds(64), {EntryOf(Kind::kUnreachable, "alice cannot be reached")}),
              HasSubstr("alice cannot be reached"))
      << "of people there are lines left";
  const std::string later = LoggedOf(log, absl::Seconds(65), {outage.front()});
  EXPECT_THAT(later, AllOf(HasSubstr("left_out=990"), HasSubstr("status 500")));
  EXPECT_THAT(LoggedOf(log, absl::Seconds(200), {outage.front()}), Not(HasSubstr("left_out")));
}

}  // namespace
}  // namespace tocsin
