// The link in a page: looking changes nothing, pressing the button acknowledges, and nothing else does.
#include "engine/link.h"

#include <map>

#include "absl/strings/str_replace.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/api/world.h"

namespace tocsin {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class LinkTest : public ApiTest {};

TEST_F(LinkTest, ShowsOnGetAndActsOnPost) {
  const std::uint64_t id = FireGroup("<b>Down & out</b>");
  const std::string path = "/ack/" + LinkOf(id);
  for (const std::string_view method : {"GET", "HEAD", "GET"}) {
    const HttpResponse shown = Http(method, path);
    EXPECT_EQ(shown.status, 200);
    EXPECT_EQ(GroupNow(id).state(), v1::Group::STATE_OPEN) << method << " must not change anything";
  }
  const HttpResponse shown = Http("GET", path);
  EXPECT_THAT(shown.body, HasSubstr("I, ann, take it"));
  EXPECT_THAT(shown.body, HasSubstr("&lt;b&gt;Down &amp; out&lt;/b&gt;"));
  EXPECT_THAT(shown.body, Not(HasSubstr("<b>")));
  EXPECT_EQ(FindHeader(shown.headers, "cache-control"), "no-store");
  EXPECT_EQ(FindHeader(shown.headers, "referrer-policy"), "no-referrer");
  EXPECT_THAT(std::string(FindHeader(shown.headers, "content-security-policy")), HasSubstr("default-src 'none'"));

  const HttpResponse acted = Http("POST", path);
  EXPECT_EQ(acted.status, 200);
  EXPECT_THAT(acted.body, HasSubstr("It is yours, ann"));
  const v1::Group group = GroupNow(id);
  EXPECT_EQ(group.state(), v1::Group::STATE_ACKNOWLEDGED);
  EXPECT_EQ(group.acknowledged_by(), "link:ann");
  EXPECT_THAT(Http("POST", path).body, HasSubstr("It is yours, ann")) << "a second press does no harm";
  EXPECT_THAT(Http("GET", path).body, HasSubstr("Already acknowledged by link:ann"));
}

TEST_F(LinkTest, TellsWhoPressedSecondThatSomebodyWasFirst) {
  const std::uint64_t id = FireGroup("Disk");
  const auto link = [&](std::string_view user) {
    const AcknowledgeLink theirs = {SubjectOf(GroupId(id)), UserId(user), absl::Now() + absl::Hours(1)};
    return "/ack/" + SignLink(theirs, kLinkKey);
  };
  EXPECT_THAT(Http("POST", link("bob")).body, HasSubstr("It is yours, bob"));
  const HttpResponse second = Http("POST", link("ann"));
  EXPECT_THAT(second.body, HasSubstr("Already acknowledged by link:bob"));
  EXPECT_THAT(second.body, Not(HasSubstr("yours")));
  EXPECT_EQ(GroupNow(id).acknowledged_by(), "link:bob");
}

TEST_F(LinkTest, TakesNoTokenThatItDidNotSignAndNoneThatHasEnded) {
  const std::uint64_t id = FireGroup("Disk");
  const AcknowledgeLink link = {SubjectOf(GroupId(id)), UserId("ann"), absl::Now() + absl::Hours(1)};
  const std::string good = SignLink(link, kLinkKey);
  AcknowledgeLink ended = link;
  ended.expires_at = absl::Now() - absl::Seconds(2);
  std::string flipped = good;
  flipped[3] = flipped[3] == 'A' ? 'B' : 'A';
  std::map<std::string_view, std::string> bad;
  bad["another key"] = SignLink(link, "another key");
  bad["ended"] = SignLink(ended, kLinkKey);
  bad["a changed payload"] = flipped;
  bad["a cut mac"] = good.substr(0, good.size() - 1);
  bad["no mac"] = good.substr(0, good.find('.'));
  bad["more behind it"] = good + "A";
  bad["nothing"] = "";
  bad["nonsense"] = "%00%FF..%2F";
  bad["very long"] = std::string(8000, 'A');
  for (const auto& [name, token] : bad) {
    for (const std::string_view method : {"GET", "POST"}) {
      const HttpResponse response = Http(method, "/ack/" + token);
      EXPECT_THAT(response.status, AnyOf(400, 404)) << name;
      EXPECT_THAT(response.body, Not(HasSubstr("<button"))) << name;
    }
  }
  EXPECT_EQ(GroupNow(id).state(), v1::Group::STATE_OPEN);
}

TEST_F(LinkTest, OfABundleAcknowledgesAllThatItNames) {
  ApplySample(absl::StrReplaceAll(OrganisationYaml(), {
                                                          {"bundle_window: 0s", "bundle_window: 300ms"}
  }));
  std::vector<std::uint64_t> groups;
  for (const char* name : {"First", "<Second>", "Third"})
    groups.push_back(FireGroup(name));
  Notification bundle;
  ASSERT_TRUE(Eventually([&] {
    const MutexLock lock(mutex_);
    for (const Notification& each : attempts_) {
      if (!each.members.empty()) bundle = each;
    }
    return !bundle.members.empty();
  }));
  ASSERT_EQ(bundle.members.size(), 2U);
  const std::string path = "/ack/" + bundle.acknowledge_url.substr(bundle.acknowledge_url.rfind('/') + 1);
  const HttpResponse shown = Http("GET", path);
  EXPECT_EQ(shown.status, 200);
  EXPECT_THAT(shown.body, HasSubstr("names 2 things, of which 2 wait for somebody"));
  EXPECT_THAT(shown.body, HasSubstr("&lt;Second&gt;"));
  EXPECT_THAT(shown.body, HasSubstr("I, ann, take it"));
  EXPECT_EQ(GroupNow(groups[1]).state(), v1::Group::STATE_OPEN) << "looking changes nothing";
  EXPECT_THAT(Http("POST", path).body, HasSubstr("is yours, ann"));
  EXPECT_EQ(GroupNow(groups[0]).state(), v1::Group::STATE_OPEN) << "the bundle does not name the first";
  for (const std::uint64_t id : {groups[1], groups[2]}) {
    EXPECT_EQ(GroupNow(id).state(), v1::Group::STATE_ACKNOWLEDGED);
    EXPECT_EQ(GroupNow(id).acknowledged_by(), "link:ann");
  }
  EXPECT_THAT(Http("GET", path).body, HasSubstr("Already acknowledged by link:ann"));

  v1::AcknowledgeBundleRequest request;
  request.set_id(bundle.id.value());
  v1::CommandResponse response;
  EXPECT_TRUE(Call("PageService/AcknowledgeBundle", request, response).ok());
  request.set_id(1);
  EXPECT_THAT(std::string(Call("PageService/AcknowledgeBundle", request, response).message()), HasSubstr("not_found"));
}

// A restored store gives out anew the numbers of what came after its backup.
TEST_F(LinkTest, TakesNothingThatOnlyBearsTheSameNumber) {
  const std::uint64_t id = FireGroup("Disk");
  AcknowledgeLink link = {SubjectOf(GroupId(id)), UserId("ann"), absl::Now() + absl::Hours(1)};
  link.began = absl::ToUnixSeconds(absl::Now()) - 3600;
  for (const std::string_view method : {"GET", "POST"}) {
    const HttpResponse response = Http(method, "/ack/" + SignLink(link, kLinkKey));
    EXPECT_EQ(response.status, 404);
    EXPECT_THAT(response.body, HasSubstr("restored from an older backup"));
  }
  EXPECT_EQ(GroupNow(id).state(), v1::Group::STATE_OPEN);
}

TEST_F(LinkTest, OfWhoIsLockedOrHasLeftAcknowledgesNothingAndSaysSo) {
  const std::uint64_t id = FireGroup("Disk");
  const AcknowledgeLink theirs = {SubjectOf(GroupId(id)), UserId("ann"), absl::Now() + absl::Hours(1)};
  const std::string path = "/ack/" + SignLink(theirs, kLinkKey);
  const auto lock = [&](bool unlock) {
    v1::LockUserRequest request;
    request.set_user("ann");
    request.set_unlock(unlock);
    v1::CommandResponse done;
    ASSERT_TRUE(Call("SignInService/LockUser", request, done).ok());
  };
  lock(false);
  for (const std::string_view method : {"GET", "POST"}) {
    const HttpResponse refused = Http(method, path);
    EXPECT_EQ(refused.status, 403);
    EXPECT_THAT(refused.body, HasSubstr("ann, to whom this link was sent, is locked"));
    EXPECT_THAT(refused.body, HasSubstr("others are paged as before"));
  }
  EXPECT_EQ(GroupNow(id).state(), v1::Group::STATE_OPEN);
  const AcknowledgeLink gone = {SubjectOf(GroupId(id)), UserId("zoe"), absl::Now() + absl::Hours(1)};
  EXPECT_THAT(Http("POST", "/ack/" + SignLink(gone, kLinkKey)).body, HasSubstr("is not in the organisation any more"));
  EXPECT_EQ(GroupNow(id).state(), v1::Group::STATE_OPEN);
  lock(true);
  EXPECT_THAT(Http("POST", path).body, HasSubstr("It is yours, ann"));
}

TEST_F(LinkTest, NamesAGroupThatIsGone) {
  const AcknowledgeLink link = {SubjectOf(GroupId(4711)), UserId("ann"), absl::Now() + absl::Hours(1)};
  const HttpResponse response = Http("POST", "/ack/" + SignLink(link, kLinkKey));
  EXPECT_EQ(response.status, 404);
  EXPECT_THAT(response.body, HasSubstr("G4711"));
}

}  // namespace
}  // namespace tocsin
