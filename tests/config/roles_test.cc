// What people may do, as the organisation says it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/dump.h"
#include "config/ownership.h"
#include "model/access.h"
#include "tests/config/organisation_yaml.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Organisation Loaded(const std::string& text) {
  LoadResult loaded = Load(WithBase(text));
  EXPECT_THAT(Lines(loaded.problems), IsEmpty());
  return std::move(loaded.organisation);
}

TEST(RolesTest, AreReadWrittenAndReadAgain) {
  const Organisation organisation = Loaded(
      "users:\n- {id: c, role: admin}\n- {id: d, role: viewer}\n"
      "teams:\n- {id: t, members: [ann, bob], managers: [c, ann], viewers: [bob]}\n");
  EXPECT_EQ(organisation.Find(UserId("c"))->role, Role::kAdmin);
  EXPECT_EQ(organisation.Find(UserId("ann"))->role, std::nullopt);
  const LoadResult again = Load(std::vector<SourceFile>{
      {"dumped.yaml", Dump(organisation)}
  });
  EXPECT_THAT(Lines(again.problems), IsEmpty());
  EXPECT_EQ(again.organisation, organisation);
}

TEST(RolesTest, SayWhatIsWrongWithThemAndWhere) {
  const struct {
    std::string text;
    const char* problem;
  } cases[] = {
      {"users:\n- {id: c, role: boss}\n",                                                     R"(users[2].role: "boss" is none of viewer, responder, manager, admin)"},
      {"users:\n- {id: c, role: integration}\n",                                              R"("integration" is none of viewer)"                                   },
      {"teams:\n- {id: t, managers: [zoe]}\n",                                                R"(teams[1].managers[0]: user "zoe" is unknown)"                       },
      {"teams:\n- {id: t, managers: [ann, ann]}\n",                                           "teams[1].managers[1]: is there twice"                                 },
      {"teams:\n- {id: t, viewers: [ann]}\n",                                                 "teams[1].viewers[0]: is no member"                                    },
      {"teams:\n- {id: t, members: [ann], managers: [ann], viewers: [ann]}\n",
       "teams[1].viewers[0]: is among the managers, too"                                                                                                             },
      {"users:\n- {id: c, role: responder}\nteams:\n- {id: t, members: [c], viewers: [c]}\n",
       "teams[1].viewers[0]: may do more in everything (role: responder)"                                                                                            },
  };
  for (const auto& [text, problem] : cases)
    EXPECT_THAT(Lines(Load(WithBase(text)).problems), ElementsAre(HasSubstr(problem))) << text;
}

TEST(RolesTest, AddUpToTheMostThatIsSaid) {
  const Organisation organisation = Loaded(
      "users:\n- {id: c, role: responder}\n- {id: d, role: admin}\n- {id: e}\n"
      "teams:\n- {id: t, members: [c, d, e], viewers: [e]}\n- {id: u, members: [e], managers: [c, d]}\n");
  using InTeam = Rights::InTeam;
  EXPECT_EQ(RightsOf(organisation, UserId("c")), (Rights{Role::kResponder, {InTeam{TeamId("u"), Role::kManager}}}));
  EXPECT_EQ(RightsOf(organisation, UserId("d")), (Rights{Role::kAdmin, {}}));
  EXPECT_EQ(RightsOf(organisation, UserId("e")), (Rights{Role::kViewer, {InTeam{TeamId("u"), Role::kResponder}}}));
  EXPECT_EQ(RightsOf(organisation, UserId("nobody")), Rights());
}

TEST(RolesTest, ChangesNameWhoeverGetsOrLosesOne) {
  const Organisation before = Loaded("users:\n- {id: c, role: responder}\n- {id: d, role: admin}\n- {id: e}\n");
  const Organisation after =
      Loaded("users:\n- {id: c, role: viewer}\n- {id: e, role: viewer}\n- {id: f, role: manager}\n");
  std::vector<std::pair<std::string, Role>> changes;
  for (const RoleChange& change : RoleChanges(before, after))
    changes.emplace_back(change.user.value(), change.higher);
  EXPECT_THAT(changes, ElementsAre(std::pair("c", Role::kResponder), std::pair("f", Role::kManager),
                                   std::pair("d", Role::kAdmin)));
  EXPECT_THAT(RoleChanges(before, before), IsEmpty());
}

}  // namespace
}  // namespace tocsin
