#include "cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr OptionSpec kSpecs[] = {
    {"comment", 'c', true, "TEXT", "why"},
    {"dry-run", 0, false, "", "change nothing"},
    {"yes", 'y', false, "", "do not ask"},
    {"label", 0, true, "NAME", "may be many"},
};

absl::StatusOr<Arguments> Parse(std::vector<std::string> arguments) {
  return Arguments::Parse(arguments, kSpecs);
}

TEST(ArgumentsTest, ReadsOptionsInEveryForm) {
  const struct {
    std::string_view name;
    std::vector<std::string> arguments;
    std::string comment;
    bool dry_run;
    bool yes;
    std::vector<std::string> positional;
  } cases[] = {
      {"nothing", {}, "", false, false, {}},
      {"a long option and its value", {"--comment", "maintenance"}, "maintenance", false, false, {}},
      {"a long option with an equals sign", {"--comment=a=b"}, "a=b", false, false, {}},
      {"an empty value", {"--comment="}, "", false, false, {}},
      {"a letter and its value", {"-c", "x"}, "x", false, false, {}},
      {"a value that looks like an option", {"-c", "--yes"}, "--yes", false, false, {}},
      {"switches", {"--dry-run", "-y"}, "", true, true, {}},
      {"options after what is positional", {"G1", "-y", "G2"}, "", false, true, {"G1", "G2"}},
      {"a dash alone is positional", {"-"}, "", false, false, {"-"}},
      {"an empty argument is positional", {""}, "", false, false, {""}},
      {"two dashes end the options", {"-y", "--", "-c", "--dry-run", "--"}, "", false, true, {"-c", "--dry-run", "--"}},
      {"the last value counts", {"-c", "a", "--comment=b"}, "b", false, false, {}},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    const absl::StatusOr<Arguments> parsed = Parse(each.arguments);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->get("comment"), each.comment);
    EXPECT_EQ(parsed->has("dry-run"), each.dry_run);
    EXPECT_EQ(parsed->has("yes"), each.yes);
    EXPECT_EQ(parsed->positional(), each.positional);
  }
}

TEST(ArgumentsTest, SaysWhichArgumentIsWrong) {
  const struct {
    std::vector<std::string> arguments;
    std::string_view message;
  } cases[] = {
      {{"--nonsense"}, "unknown option --nonsense"},
      {{"--nonsense=1"}, "unknown option --nonsense=1"},
      {{"-x"}, "unknown option -x"},
      {{"-yc"}, "unknown option -yc"},
      {{"--"
        "=x"},
       "unknown option --=x"},
      {{"---yes"}, "unknown option ---yes; did you mean --yes?"},
      {{"--comm", "x"}, "unknown option --comm; did you mean --comment?"},
      {{"--comment"}, "--comment needs a value: TEXT"},
      {{"G1", "-c"}, "-c needs a value: TEXT"},
      {{"--dry-run=no"}, "--dry-run takes no value"},
      {{"-5"}, "unknown option -5"},
  };
  for (const auto& [arguments, message] : cases) {
    const absl::Status status = Parse(arguments).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << message;
    EXPECT_EQ(Message(status), message);
  }
}

TEST(ArgumentsTest, KeepsEveryValueOfAnOptionThatMayBeGivenMoreThanOnce) {
  const absl::StatusOr<Arguments> parsed = Parse({"--label", "a", "--label=b", "--label", "a"});
  ASSERT_TRUE(parsed.ok());
  EXPECT_THAT(parsed->all("label"), ElementsAre("a", "b", "a"));
  EXPECT_THAT(parsed->all("comment"), IsEmpty());
  EXPECT_EQ(parsed->get("comment", "none given"), "none given");
}

TEST(ArgumentsTest, DescribesOptionsInAlignedColumns) {
  EXPECT_EQ(DescribeOptions(kSpecs),
            "  -c, --comment TEXT           why\n"
            "      --dry-run                change nothing\n"
            "  -y, --yes                    do not ask\n"
            "      --label NAME             may be many\n");
}

TEST(NearestTest, KnowsWhatWasMeant) {
  constexpr std::string_view kKnown[] = {"groups", "alerts", "explain", "escalate", "ack", "status"};
  const struct {
    std::string_view word;
    std::string_view nearest;
  } cases[] = {
      {"gruops", "groups"},
      {"group", "groups"},
      {"expalin", "explain"},
      {"aks", "ack"},
      {"stat", "status"},
      {"frobnicate", ""},
      {"", ""},
      {std::string_view("x\0", 2), ""},
  };
  for (const auto& [word, nearest] : cases)
    EXPECT_EQ(Nearest(word, kKnown), nearest) << word;
  EXPECT_EQ(Nearest(std::string(100'000, 'a'), kKnown), "");
}

TEST(ArgumentsTest, AnUnknownOptionNamesTheOneThatWasMeant) {
  constexpr OptionSpec kOne[] = {{"service", 0, true, "NAME", ""}};
  const std::string arguments[] = {"--servce", "web"};
  const absl::StatusOr<Arguments> parsed = Arguments::Parse(arguments, kOne);
  ASSERT_FALSE(parsed.ok());
  EXPECT_NE(std::string(parsed.status().message()).find("did you mean --service?"), std::string::npos);
}

}  // namespace
}  // namespace tocsin
