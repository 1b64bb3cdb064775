// What `--help` says: every command has examples, and they name files that are there.
#include "cli/help.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands.h"

namespace tocsin {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(HelpTest, EveryCommandHasExamplesOfItsOwn) {
  for (const CommandSpec& command : Commands()) {
    const std::string help = CommandHelp(command.name, {});
    const std::size_t at = help.find("\nFor example\n");
    ASSERT_NE(at, std::string::npos) << command.name;
    EXPECT_THAT(help.substr(at), testing::AnyOf(HasSubstr("tocsin " + std::string(command.name)),
                                                HasSubstr("tocsin integrations show NAME")));
    EXPECT_THAT(GeneralHelp(), HasSubstr("\n  " + std::string(command.name) + " "));
  }
}

TEST(HelpTest, NamesTheSampleWhereItLies) {
  for (const CommandSpec& command : Commands())
    EXPECT_THAT(CommandHelp(command.name, {}), Not(HasSubstr("deploy/*.yaml"))) << command.name;
}

}  // namespace
}  // namespace tocsin
