#include "cli/deploy_files.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// Whoever saves one has a place for each thing that is his own, and nothing of the example is left.
TEST(DeployFilesTest, HaveAPlaceForTheAddressAndTheKey) {
  for (const std::string_view source : {"nagios", "icinga2", "checkmk", "netdata", "zabbix"}) {
    SCOPED_TRACE(source);
    const std::vector<DeployFile> files = DeployFilesOf(source);
    ASSERT_THAT(files, Not(IsEmpty()));
    std::string all;
    for (const DeployFile& file : files)
      all += std::string(file.text);
    EXPECT_THAT(all, HasSubstr("{tocsin-url}"));
    EXPECT_THAT(all, HasSubstr("{tocsin-key}"));
    EXPECT_THAT(all, Not(HasSubstr("tocsin.example.com:8911")));
  }
  EXPECT_THAT(DeployFilesOf("zabbix"), SizeIs(2));
  EXPECT_THAT(DeployFilesOf("datadog"), IsEmpty());
}

}  // namespace
}  // namespace tocsin
