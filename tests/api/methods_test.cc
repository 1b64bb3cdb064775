// Lists page by page, refusals in words, and commands that may be sent twice.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/api/world.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class MethodsTest : public ApiTest {
 protected:
  // Walks a list to its end. `ids` tells the ids of a page.
  template <typename Request, typename Response, typename Ids>
  std::vector<std::string> Walk(std::string_view method, Request request, std::uint32_t page_size, Ids ids) {
    std::vector<std::string> all;
    request.set_page_size(page_size);
    for (int pages = 0; pages < 1000; ++pages) {
      Response response;
      const absl::Status status = Call(method, request, response);
      EXPECT_TRUE(status.ok()) << status;
      const std::vector<std::string> some = ids(response);
      EXPECT_LE(some.size(), page_size) << method;
      all.insert(all.end(), some.begin(), some.end());
      if (response.next_cursor().empty()) return all;
      request.set_cursor(response.next_cursor());
    }
    ADD_FAILURE() << method << ": the cursor never ends";
    return all;
  }
  std::uint64_t OpenIncident(const std::string& title, const std::string& request_id = "") {
    v1::OpenIncidentRequest request;
    request.set_title(title);
    request.set_request_id(request_id);
    v1::CommandResponse made;
    const absl::Status status = Call("IncidentService/OpenIncident", request, made);
    EXPECT_TRUE(status.ok()) << status;
    return made.id();
  }
};

TEST_F(MethodsTest, ListsEveryAlertOnceWhateverThePageSize) {
  constexpr std::size_t kAlerts = 40;
  for (std::size_t i = 0; i < kAlerts; ++i) {
    Send({
        {"alertname", "A"              },
        {"n",         std::to_string(i)}
    });
  }
  for (std::uint32_t page = 1; page <= kAlerts + 1; ++page) {
    SCOPED_TRACE(page);
    const auto keys = Walk<v1::ListAlertsRequest, v1::ListAlertsResponse>(
        "AlertService/ListAlerts", {}, page, [](const v1::ListAlertsResponse& response) {
          std::vector<std::string> out;
          for (const v1::AlertDetails& alert : response.alerts())
            out.push_back(alert.summary().key());
          return out;
        });
    EXPECT_EQ(keys.size(), kAlerts);
    EXPECT_THAT(std::set<std::string>(keys.begin(), keys.end()), SizeIs(kAlerts));
  }
  v1::ListAlertsRequest some;
  some.add_matchers("n=~\"1.\"");
  some.add_matchers("alertname=A");
  v1::ListAlertsResponse response;
  ASSERT_TRUE(Call("AlertService/ListAlerts", some, response).ok());
  EXPECT_EQ(response.alerts_size(), 10);
}

TEST_F(MethodsTest, ListsGroupsIncidentsAndNotificationsNewestFirstPageByPage) {
  for (int i = 0; i < 7; ++i) {
    FireGroup("Group" + std::to_string(i));
    OpenIncident("Incident " + std::to_string(i));
  }
  const auto descending_ids = [](const auto& rows) {
    std::vector<std::string> out;
    for (const auto& row : rows)
      out.push_back(absl::StrFormat("%020d", row.id()));
    return out;
  };
  const auto check = [](const std::vector<std::string>& ids, std::size_t count) {
    EXPECT_EQ(ids.size(), count);
    EXPECT_TRUE(std::ranges::is_sorted(ids, std::greater<>()));
    EXPECT_THAT(std::set<std::string>(ids.begin(), ids.end()), SizeIs(count));
  };
  v1::GroupCommand resolve;
  resolve.set_id(Groups().front().id());
  v1::CommandResponse done;
  ASSERT_TRUE(Call("GroupService/ResolveGroup", resolve, done).ok());
  for (const std::uint32_t page : {1U, 2U, 3U, 7U, 8U}) {
    SCOPED_TRACE(page);
    for (const bool resolved : {false, true}) {
      v1::ListGroupsRequest groups;
      groups.set_include_resolved(resolved);
      check(Walk<v1::ListGroupsRequest, v1::ListGroupsResponse>(
                "GroupService/ListGroups", groups, page,
                [&](const v1::ListGroupsResponse& response) { return descending_ids(response.groups()); }),
            resolved ? 7 : 6);
    }
    check(Walk<v1::ListIncidentsRequest, v1::ListIncidentsResponse>(
              "IncidentService/ListIncidents", {}, page,
              [&](const v1::ListIncidentsResponse& response) { return descending_ids(response.incidents()); }),
          7);
  }
  v1::ListNotificationsRequest of_ann;
  of_ann.set_user("ann");
  check(Walk<v1::ListNotificationsRequest, v1::ListNotificationsResponse>(
            "PageService/ListNotifications", of_ann, 2,
            [&](const v1::ListNotificationsResponse& response) { return descending_ids(response.notifications()); }),
        7);
}

TEST_F(MethodsTest, RefusesInWords) {
  const std::uint64_t open = FireGroup("Disk");
  const std::string group = absl::StrFormat("{\"id\": %d", open);
  const struct {
    std::string_view method;
    std::string body;
    std::string_view code;
    std::string_view words;
  } cases[] = {
      {"GroupService/GetGroup",         R"({"id": 99})",                                  "not_found",                                          "group G99"                                                 },
      {"GroupService/GetGroup",         R"({"id": "18446744073709551615"})",              "not_found",                                          "18446744073709551615"                                      },
      {"GroupService/AcknowledgeGroup", R"({"id": 99})",                                  "not_found",                                          "group G99"                                                 },
      {"GroupService/AcknowledgeGroup", group + R"(, "generation": 77})",                 "failed_precondition",                                "generation 77"                                             },
      {"GroupService/AcknowledgeGroup", group + R"(, "request_id": ")" + std::string(300, 'r') + "\"}",
       "invalid_argument",                                                                                                                                                                                    "request id has 300 bytes"},
      {"GroupService/AddNote",                               R"({"subject": {"kind": "KIND_GROUP", "id": 99}, "text": "x"})",                                                          "not_found",                 "G99"        },
      {"GroupService/AddNote",                               R"({"subject": {"kind": "KIND_GROUP", "id": 99}, "text": "  "})",                                                          "invalid_argument",
       "a note needs words"},
      {"GroupService/ListGroups",                               R"({"cursor": "x"})",                                                       "invalid_argument",                                                         "cursor"                                                    },
      {"AlertService/ListAlerts",                               R"({"cursor": "1"})",                                                       "invalid_argument",                                                         "cursor"},
      {"AlertService/ListAlerts",                               R"({"matchers": ["a=~\"(\""]})",                                                       "invalid_argument",                                              "("                                         },
      {"AlertService/ListAlerts",                               R"({"matchers": [""]})",                                                       "invalid_argument",                                                      "matcher"},
      {"AlertService/ListAlerts",                               R"({"group": 99})",                                                       "not_found",                                                           "group G99"                                                     },
      {"IncidentService/OpenIncident",                               R"({"title": "x", "severity": 9})",                                                  "invalid_argument",                                      "SEV9 does not exist"},
      {"IncidentService/OpenIncident",                               R"({"title": " "})",                                                  "invalid_argument",                                                     "title"                                                                    },
      {"IncidentService/OpenIncident",                               R"({"title": "x", "policy": "no"})",                                                  "not_found",                                     "policy \"no\""},
      {"IncidentService/OpenIncident",                               R"({"title": "x", "groups": [99]})",                                                  "not_found",                                     "group G99"                                                                    },
      {"IncidentService/GetIncident",                               R"({"id": 99})",                                                   "not_found",                                                          "incident I99"},
      {"IncidentService/ResolveIncident",                               R"({"id": 99})",                                               "not_found",                                                      "incident I99"                                                                    },
      {"IncidentService/ListIncidents",                               R"({"cursor": "1."})",                                                 "invalid_argument",                                                  "cursor"},
      {"SilenceService/CreateSilence",                               R"({"matchers": ["a=b"]})",                                                  "invalid_argument",                                              "ends_at"                                                               },
      {"SilenceService/CreateSilence",                               R"({"ends_at": "2099-01-01T00:00:00Z"})",                                                  "invalid_argument",                                "matcher"},
      {"SilenceService/CreateSilence",                               R"({"matchers": ["a=b"], "ends_at": "2001-01-01T00:00:00Z"})",
       "invalid_argument",           "end"                                                                                                                                                                                   },
      {"SilenceService/CreateSilence",                               R"({"matchers": ["a=~\"[\""], "ends_at": "2099-01-01T00:00:00Z"})",
       "invalid_argument",      "["                                                                                                                                                                                   },
      {"SilenceService/CreateSilence",                               R"({"id": 99, "matchers": ["a=b"], "ends_at": "2099-01-01T00:00:00Z"})",
       "not_found", "S99"                                                                                                                                                                                          },
      {"SilenceService/ExpireSilence",                               R"({"id": 99})",                                                  "not_found",                                                         "S99"},
      {"OnCallService/WhoIsOnCall",                               R"({"schedule": "no"})",                                                     "not_found",                                                    "schedule \"no\""                                                                                                                                                                                  },
      {"OnCallService/FinalSchedule",                               R"({"schedule": "no"})",                                                   "not_found",                                                  "schedule \"no\""},
      {"OnCallService/FinalSchedule",
       R"({"schedule": "primary", "since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"})",                                                   "invalid_argument",                                          ""                                 },
      {"OnCallService/FinalSchedule",
       R"({"schedule": "primary", "since": "2001-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"})",                                                   "invalid_argument",                                          ""                                 },
      {"PageService/TestPage",                               R"({"user": "eve"})",                                                          "not_found",                                                            "user \"eve\""                  },
      {"PageService/GetPage",                               R"({"id": 99})",                                                           "not_found",                                                                  "page P99"                                      },
      {"OrganisationService/ApplyOrganisation",                               "{}",                                         "invalid_argument",                                                           "files"                      },
  };
  for (const auto& [method, body, code, words] : cases) {
    SCOPED_TRACE(absl::StrFormat("%s %s", method, body));
    const HttpResponse response = Post(method, body);
    ASSERT_NE(response.status, 200) << response.body;
    const auto [got, message] = ErrorOf(response);
    EXPECT_EQ(got, code) << message;
    EXPECT_THAT(message, HasSubstr(words));
  }
  EXPECT_EQ(GroupNow(open).state(), v1::Group::STATE_OPEN);
}

TEST_F(MethodsTest, AnswersARequestIdAsItDidTheFirstTimeAndDoesNothingTwice) {
  const std::uint64_t first = OpenIncident("Down", "request-1");
  EXPECT_EQ(OpenIncident("Down", "request-1"), first);
  EXPECT_NE(OpenIncident("Down", "request-2"), first);
  EXPECT_NE(OpenIncident("Down"), OpenIncident("Down")) << "without an id each is a new one";
  EXPECT_NE(OpenIncident("Slow", "request-1"), first) << "another request under the same id is another request";
  v1::ListIncidentsResponse incidents;
  ASSERT_TRUE(Call("IncidentService/ListIncidents", v1::ListIncidentsRequest(), incidents).ok());
  EXPECT_EQ(incidents.incidents_size(), 5);

  v1::CreateSilenceRequest silence;
  silence.add_matchers("a=b");
  silence.mutable_ends_at()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 3600);
  silence.set_request_id("silence-1");
  v1::CommandResponse made;
  v1::CommandResponse again;
  ASSERT_TRUE(Call("SilenceService/CreateSilence", silence, made).ok());
  ASSERT_TRUE(Call("SilenceService/CreateSilence", silence, again).ok());
  EXPECT_EQ(made.id(), again.id());
  v1::ListSilencesResponse silences;
  ASSERT_TRUE(Call("SilenceService/ListSilences", v1::ListSilencesRequest(), silences).ok());
  ASSERT_EQ(silences.silences_size(), 1);
  EXPECT_EQ(silences.silences(0).created_by(), "user:admin");
}

TEST_F(MethodsTest, ShowsWhatACommandDidAsSoonAsItIsAnswered) {
  const std::uint64_t id = FireGroup("Disk");
  v1::AddNoteRequest note;
  note.mutable_subject()->set_kind(v1::Subject::KIND_GROUP);
  note.mutable_subject()->set_id(id);
  for (int i = 0; i < 20; ++i) {
    note.set_text("note " + std::to_string(i));
    v1::CommandResponse done;
    ASSERT_TRUE(Call("GroupService/AddNote", note, done).ok());
    EXPECT_GT(done.sequence(), 0U);
    v1::GetGroupRequest get;
    get.set_id(id);
    v1::GetGroupResponse group;
    ASSERT_TRUE(Call("GroupService/GetGroup", get, group).ok());
    ASSERT_GT(group.timeline_size(), 0);
    EXPECT_EQ(group.timeline().rbegin()->text(), note.text());
    EXPECT_EQ(group.timeline().rbegin()->actor(), "user:admin");
  }
}

TEST_F(MethodsTest, TellsWhoIsOnCall) {
  v1::WhoIsOnCallResponse now;
  ASSERT_TRUE(Call("OnCallService/WhoIsOnCall", v1::WhoIsOnCallRequest(), now).ok());
  ASSERT_EQ(now.entries_size(), 1);
  ASSERT_EQ(now.entries(0).people_size(), 1);
  EXPECT_EQ(now.entries(0).people(0).user(), "ann");
  EXPECT_EQ(now.entries(0).people(0).name(), "Ann");
  v1::FinalScheduleRequest request;
  request.set_schedule("primary");
  v1::FinalScheduleResponse shifts;
  ASSERT_TRUE(Call("OnCallService/FinalSchedule", request, shifts).ok());
  EXPECT_GT(shifts.shifts_size(), 0);
}

TEST_F(MethodsTest, CountsInItsStatusWhatIsThere) {
  FireGroup("Disk");
  OpenIncident("Down");
  v1::GetStatusResponse status;
  ASSERT_TRUE(Call("StatusService/GetStatus", v1::GetStatusRequest(), status).ok());
  EXPECT_EQ(status.version(), "test");
  EXPECT_EQ(status.organisation(), "api-test");
  EXPECT_EQ(status.firing(), 1U);
  EXPECT_EQ(status.open_groups(), 1U);
  EXPECT_EQ(status.open_incidents(), 1U);
  EXPECT_GT(status.journal_sequence(), 0U);
}

}  // namespace
}  // namespace tocsin
