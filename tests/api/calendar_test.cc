// Calendar feeds: what they show, and who gets to see them.
#include "api/calendar.h"

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"

#include "ical/content_lines.h"
#include "ical/document.h"
#include "ical/values.h"
#include "tests/api/world.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class CalendarTest : public ApiTest {
 protected:
  // The path of a new address; empty when it was refused.
  std::string Link(const std::string& schedule, const std::string& user, const std::string& name = "") {
    v1::CreateCalendarLinkRequest request;
    request.set_schedule(schedule);
    request.set_user(user);
    request.set_name(name);
    status_ = Call("OnCallService/CreateCalendarLink", request, response_);
    constexpr std::string_view kBase = "http://127.0.0.1:8911";
    if (!status_.ok() || !response_.url().starts_with(kBase)) return "";
    return response_.url().substr(kBase.size());
  }
  std::string TokenOf(v1::Role role, const std::string& user) {
    v1::CreateTokenRequest request;
    request.set_user(user);
    request.set_role(role);
    v1::CreateTokenResponse response;
    EXPECT_TRUE(Call("AccessService/CreateToken", request, response).ok());
    return response.token();
  }

  static std::string FirstOf(const std::string& feed, std::string_view property) {
    const ical::Document document = ical::Parse(feed);
    const ical::Property* found = document.calendars.at(0).components.at(0).Find(property);
    return found == nullptr ? "" : found->value;
  }
  static std::int64_t SequenceOf(const std::string& feed) { return std::stoll(FirstOf(feed, "SEQUENCE")); }

  absl::Status status_;
  v1::CreateCalendarLinkResponse response_;
};

TEST_F(CalendarTest, ShowsTheShiftsOfAScheduleAndOfAPerson) {
  const HttpResponse schedule = Http("GET", Link("primary", ""));
  EXPECT_EQ(schedule.status, 200);
  EXPECT_EQ(FindHeader(schedule.headers, "Content-Type"), "text/calendar; charset=utf-8");
  EXPECT_EQ(FindHeader(schedule.headers, "Content-Disposition"), "inline; filename=\"primary.ics\"");
  EXPECT_THAT(schedule.body, HasSubstr("SUMMARY:Ann on call: primary"));
  EXPECT_THAT(schedule.body, HasSubstr("layer always"));
  const HttpResponse person = Http("GET", Link("", "ann"));
  EXPECT_THAT(person.body, HasSubstr("SUMMARY:On call: primary"));
  const HttpResponse nothing = Http("GET", Link("", "bob"));
  EXPECT_EQ(nothing.status, 200);
  const ical::Document document = ical::Parse(nothing.body);
  ASSERT_EQ(document.calendars.size(), 1U);
  EXPECT_THAT(nothing.body, Not(HasSubstr("VEVENT")));
}

TEST_F(CalendarTest, AnswersHeadAndWhatHasNotChanged) {
  const std::string path = Link("primary", "");
  const HttpResponse first = Http("GET", path);
  const std::string tag(FindHeader(first.headers, "ETag"));
  const std::string modified(FindHeader(first.headers, "Last-Modified"));
  ASSERT_FALSE(tag.empty());
  EXPECT_EQ(Http("GET", path).body, first.body) << "the same question has the same answer";
  EXPECT_EQ(Http("HEAD", path).body, "");
  EXPECT_EQ(FindHeader(Http("HEAD", path).headers, "ETag"), tag);
  EXPECT_EQ(Http("GET", path,
                 {
                     {"If-None-Match", tag}
  })
                .status,
            304);
  EXPECT_EQ(Http("GET", path,
                 {
                     {"If-None-Match", "\"other\", W/" + tag}
  })
                .status,
            304);
  EXPECT_EQ(Http("GET", path,
                 {
                     {"If-None-Match", "\"other\""}
  })
                .status,
            200);
  EXPECT_EQ(Http("GET", path,
                 {
                     {"If-Modified-Since", modified}
  })
                .status,
            304);
  EXPECT_EQ(Http("GET", path,
                 {
                     {"If-Modified-Since", "Mon, 01 Jan 2024 00:00:00 GMT"}
  })
                .status,
            200);
  EXPECT_EQ(Http("POST", path).status, 405);
}

TEST_F(CalendarTest, AChangeRaisesTheSequenceAndKeepsTheUidOfWhatStays) {
  const std::string path = Link("primary", "");
  const std::string before = Http("GET", path).body;
  std::string yaml = OrganisationYaml();
  yaml.replace(yaml.find("name: Ann,"), 10, "name: Anna,");
  ApplySample(yaml);
  const std::string after = Http("GET", path).body;
  EXPECT_GT(SequenceOf(after), SequenceOf(before));
  EXPECT_THAT(after, HasSubstr("SUMMARY:Anna on call: primary"));
  const auto uid_of = [](const std::string& text) {
    return ical::Parse(text).calendars.at(0).components.at(0).Find("UID")->value;
  };
  EXPECT_EQ(uid_of(before), uid_of(after));
}

TEST_F(CalendarTest, OverridesRaiseTheSequenceAsVersionsDo) {
  const std::string path = Link("primary", "");
  const std::string own = Link("", "bob");
  std::string tag(FindHeader(Http("GET", path).headers, "ETag"));
  std::int64_t sequence = SequenceOf(Http("GET", path).body);
  std::uint64_t id = 0;
  // Made, made again, and ended: all within a second.
  for (int i = 0; i < 3; ++i) {
    v1::ScheduleChangeResponse changed;
    if (i < 2) {
      v1::OverrideScheduleRequest request;
      request.set_schedule("primary");
      request.set_type(v1::Override::TYPE_ASSIGN);
      request.add_users("bob");
      request.mutable_end()->set_seconds(absl::ToUnixSeconds(clock_.Read().wall + absl::Hours(i + 1)));
      ASSERT_TRUE(Call("ScheduleService/OverrideSchedule", request, changed).ok());
      id = changed.change().id();
    } else {
      v1::EndOverrideRequest request;
      request.set_id(id);
      ASSERT_TRUE(Call("ScheduleService/EndOverride", request, changed).ok());
    }
    const HttpResponse answer = Http("GET", path,
                                     {
                                         {"If-None-Match", tag}
    });
    ASSERT_EQ(answer.status, 200) << "something has changed";
    EXPECT_GT(SequenceOf(answer.body), sequence);
    EXPECT_LT(SequenceOf(answer.body), std::int64_t{1} << 31);
    sequence = SequenceOf(answer.body);
    tag = FindHeader(answer.headers, "ETag");
    EXPECT_EQ(Http("GET", path,
                   {
                       {"If-None-Match", tag}
    })
                  .status,
              304);
    EXPECT_EQ(FirstOf(answer.body, "LAST-MODIFIED"), FirstOf(answer.body, "DTSTAMP"));
  }
  EXPECT_THAT(Http("GET", own).body, HasSubstr("SUMMARY:On call: primary")) << "the first one still runs";
}

TEST_F(CalendarTest, TheSequenceRisesWithEachMomentWhateverSecondItIsIn) {
  const absl::Time moment = absl::FromUnixSeconds(1'790'000'000);
  const ConfigurationId version(7);
  std::vector<absl::Time> moments = {moment};
  std::uint64_t last = CalendarSequence(version, moments);
  EXPECT_EQ(CalendarSequence(version, {moment, moment - absl::Hours(1)}), last) << "an older one is no news";
  EXPECT_GT(CalendarSequence(ConfigurationId(8), moments), last) << "applied within the same second";
  for (const absl::Duration after : {absl::ZeroDuration(), absl::Milliseconds(3), absl::ZeroDuration(),
                                     absl::Seconds(1), absl::Milliseconds(1), absl::Hours(1)}) {
    moments.push_back(moments.back() + after);
    EXPECT_GT(CalendarSequence(version, moments), last);
    last = CalendarSequence(version, moments);
  }
}

TEST_F(CalendarTest, WhatWasRevokedHasGoneOrWasNeverThereIsNotFound) {
  const std::string path = Link("primary", "");
  EXPECT_EQ(Http("GET", path).status, 200);
  v1::RevokeTokenRequest request;
  request.set_id(response_.id());
  v1::CommandResponse done;
  ASSERT_TRUE(Call("AccessService/RevokeToken", request, done).ok());
  const HttpResponse revoked = Http("GET", path);
  EXPECT_EQ(revoked.status, 404);
  EXPECT_THAT(revoked.body, HasSubstr("revoked"));
  EXPECT_THAT(revoked.body, Not(HasSubstr("VCALENDAR"))) << "an empty calendar would say that nobody is on call";
  for (const char* wrong : {"/calendar", "/calendar/.ics", "/calendar/tocsin_nonsense.ics", "/calendar/a/b.ics"})
    EXPECT_EQ(Http("GET", wrong).status, 404) << wrong;
  EXPECT_EQ(Http("GET", "/calendar/" + token_ + ".ics").status, 404) << "the administrator's token is no address";
  EXPECT_EQ(Http("GET", "/calendar/" + TokenOf(v1::ROLE_ADMIN, "ann") + ".ics").status, 404);
}

TEST_F(CalendarTest, AnAddressOfAScheduleEndsWithThePersonWhoMadeIt) {
  const std::string admin = token_;
  const std::string of_server = Link("primary", "");
  token_ = TokenOf(v1::ROLE_RESPONDER, "bob");
  const std::string of_bob = Link("primary", "");
  ASSERT_NE(of_bob, "");
  token_ = admin;
  const auto lock = [&](bool unlock) {
    v1::LockUserRequest request;
    request.set_user("bob");
    request.set_unlock(unlock);
    v1::CommandResponse done;
    ASSERT_TRUE(Call("SignInService/LockUser", request, done).ok());
  };
  EXPECT_EQ(Http("GET", of_bob).status, 200);
  lock(false);
  EXPECT_EQ(Http("GET", of_bob).status, 404) << "as long as bob is locked";
  lock(true);
  EXPECT_EQ(Http("GET", of_bob).status, 200);
  ApplySample(absl::StrReplaceAll(
      OrganisationYaml(), {
                              {"id: bob",    "id: zoe"   },
                              {"[ann, bob]", "[ann, zoe]"},
                              {"user: bob",  "user: zoe" }
  }));
  EXPECT_EQ(Http("GET", of_bob).status, 404) << "bob has left";
  EXPECT_EQ(Http("GET", of_server).status, 200) << "the server's own token is nobody's";
}

TEST_F(CalendarTest, AnAddressOpensNothingElse) {
  const std::string path = Link("primary", "");
  const std::string secret = path.substr(10, path.size() - 14);
  token_ = secret;
  EXPECT_EQ(Post("OnCallService/WhoIsOnCall", "{}").status, 403);
  EXPECT_EQ(Post("AccessService/WhoAmI", "{}").status, 403);
}

TEST_F(CalendarTest, PeopleShareTheirOwnShiftsRespondersASchedule) {
  const std::string admin = token_;
  const std::string viewer = TokenOf(v1::ROLE_VIEWER, "ann");
  const std::string responder = TokenOf(v1::ROLE_RESPONDER, "bob");
  token_ = viewer;
  EXPECT_NE(Link("", ""), "") << "one's own";
  EXPECT_EQ(Link("", "bob"), "");
  EXPECT_EQ(Link("primary", ""), "");
  token_ = responder;
  EXPECT_NE(Link("primary", ""), "");
  EXPECT_THAT(std::string(status_.message()), Not(HasSubstr("already")));
  EXPECT_EQ(Link("primary", ""), "") << "the same again";
  EXPECT_THAT(std::string(status_.message()), HasSubstr("there is a token"));
  EXPECT_NE(Link("primary", "", "the screen in the hall"), "");
  EXPECT_EQ(Link("nothing", ""), "");
  const HttpResponse listed = Post("AccessService/ListTokens", "{}");
  EXPECT_THAT(listed.body, HasSubstr("the screen in the hall")) << "who made it sees it, and may revoke it";
  EXPECT_THAT(listed.body, HasSubstr("calendar/schedule/primary"));
  token_ = admin;
  EXPECT_EQ(Link("primary", "ann"), "") << "whose?";
}

}  // namespace
}  // namespace tocsin
