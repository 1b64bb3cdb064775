// The file of --sign_in.
#include "oidc/settings.h"

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace tocsin::oidc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kFile = R"(
providers:
  - name: company
    label: Company account
    issuer: https://sso.example.com/realms/main
    client_id: tocsin
    client_secret_env: SECRET
    scopes: [openid, email, groups]
    algorithms: [RS256, ES256]
    match: username
    groups_claim: roles
    people: [{subject: s1, user: alice}]
    allowed_domains: [example.com]
    allowed_groups: [staff]
    roles: [{group: sre, role: responder}, {group: leads, role: manager, team: payments}]
    create_people: true
    passwords: false
  - name: other
    issuer: http://127.0.0.1:8080
    client_id: x
    client_authentication: none
break_glass: [alice]
)";

ReadSignIn Read(std::string_view text) {
  Secrets secrets;
  secrets.environment = [](const std::string& name) -> absl::StatusOr<std::string> {
    if (name == "SECRET") return std::string("the-secret");
    return NotFound("%s is not set", name);
  };
  return ParseSignInFile("sign_in.yaml", text, secrets);
}

std::string ProblemsOf(std::string_view text) {
  std::string all;
  for (const Problem& problem : Read(text).problems)
    absl::StrAppend(&all, Format(problem), "\n");
  return all;
}

TEST(SignInFileTest, SaysAllThatThereIsToSay) {
  const ReadSignIn read = Read(kFile);
  ASSERT_THAT(ProblemsOf(kFile), IsEmpty());
  ASSERT_EQ(read.file.providers.size(), 2U);
  const Settings& company = *read.file.Find("company");
  EXPECT_EQ(company.client_secret, "the-secret");
  EXPECT_EQ(company.client_auth, Settings::ClientAuth::kBasic);
  EXPECT_EQ(company.algorithms, (std::vector<Algorithm>{Algorithm::kRs256, Algorithm::kEs256}));
  EXPECT_EQ(company.match, Settings::Match::kUsername);
  EXPECT_EQ(company.people, (std::vector<Settings::Known>{
                                {"s1", UserId("alice")}
  }));
  EXPECT_TRUE(company.create_people);
  EXPECT_FALSE(company.passwords);
  const Settings& other = *read.file.Find("other");
  EXPECT_EQ(other.Label(), "other");
  EXPECT_EQ(other.algorithms.size(), std::size(kAlgorithms));
  EXPECT_EQ(other.match, Settings::Match::kEmail);
  EXPECT_TRUE(other.passwords);
  EXPECT_EQ(read.file.break_glass, std::vector<UserId>{UserId("alice")});
  EXPECT_EQ(read.file.Find("third"), nullptr);
}

TEST(SignInFileTest, EachMistakeIsNamedWithItsPlace) {
  const struct {
    std::string_view from;
    std::string_view to;
    std::string_view problem;
  } cases[] = {
      {"https://sso.example.com/realms/main", "http://sso.example.com",                            "issuer: must be https"               },
      {"https://sso.example.com/realms/main", "https://sso.example.com/?x=1",                      "issuer: must have neither ? nor #"   },
      {"https://sso.example.com/realms/main", "https://me:pw@sso.example.com",                     "issuer: must have no user"           },
      {"https://sso.example.com/realms/main", "http://127.0.0.1:8080",
       "issuer \"http://127.0.0.1:8080\" is there twice"                                                                                 },
      {"    issuer: https",                   "    isuer: https",                                  "isuer"                               },
      {"name: company",                       "name: ../company",                                  "name: stands in addresses"           },
      {"name: other",                         "name: company",                                     "\"company\" is there twice"          },
      {"client_secret_env: SECRET",           "client_secret_env: OTHER",                          "OTHER is not set"                    },
      {"    client_secret_env: SECRET\n",     "",                                                  "client_secret: is missing"           },
      {"client_authentication: none",         "client_secret: x\n    client_authentication: none", "but there is a secret"               },
      {"[openid, email, groups]",             "[email]",                                           "must have openid"                    },
      {"[openid, email, groups]",             "[openid, 'a b']",                                   "each is one word"                    },
      {"[RS256, ES256]",                      "[HS256]",                                           "\"HS256\" is none of RS256"          },
      {"[RS256, ES256]",                      "[none]",                                            "\"none\" is none of RS256"           },
      {"match: username",                     "match: phone",                                      "match"                               },
      {"role: responder",                     "role: owner",                                       "roles[0].role"                       },
      {"role: responder",                     "role: integration",                                 "roles[0].role"                       },
      {"role: responder",                     "role: admin, team: web",                            "an admin is of no team"              },
      {"allowed_domains: [example.com]",      "allowed_domains: ['@example.com']",                 "allowed_domains: such as example.com"},
      {"create_people: true",                 "create_people: perhaps",                            "create_people"                       },
      {"providers:",                          "provider:",                                         "providers"                           },
  };
  for (const auto& [from, to, problem] : cases) {
    std::string text(kFile);
    const std::size_t at = text.find(from);
    ASSERT_NE(at, text.npos) << from;
    text.replace(at, from.size(), to);
    ASSERT_NE(text, kFile) << from;
    EXPECT_THAT(ProblemsOf(text), HasSubstr(std::string(problem))) << to;
  }
  EXPECT_THAT(ProblemsOf(""), HasSubstr("must be one document"));
  EXPECT_THAT(ProblemsOf("[]"), HasSubstr("sign_in.yaml"));
}

TEST(SignInFileTest, GroupsGiveRolesAndTheHighestCounts) {
  Settings settings;
  settings.roles = {
      {"sre",   Role::kResponder, TeamId()          },
      {"sre",   Role::kManager,   TeamId("payments")},
      {"leads", Role::kResponder, TeamId("payments")},
      {"seers", Role::kViewer,    TeamId("web")     },
      {"root",  Role::kAdmin,     TeamId()          },
  };
  const auto rights = [&](const std::vector<std::string>& groups) { return RightsOfGroups(settings, groups); };
  EXPECT_EQ(rights({}), Rights());
  EXPECT_EQ(rights({"SRE", "sre2", ""}), Rights()) << "letter by letter";
  EXPECT_EQ(rights({"sre", "leads"}), (Rights{Role::kResponder, {{TeamId("payments"), Role::kManager}}}));
  EXPECT_EQ(rights({"leads"}), (Rights{Role::kViewer, {{TeamId("payments"), Role::kResponder}}}));
  EXPECT_EQ(rights({"seers"}), Rights());
  EXPECT_EQ(rights({"root", "sre"}), (Rights{Role::kAdmin, {}}));
}

}  // namespace
}  // namespace tocsin::oidc
