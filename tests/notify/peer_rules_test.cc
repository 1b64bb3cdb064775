#include "notify/peer_rules.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace tocsin::notify {
namespace {

TEST(PeerRulesTest, OnlyTheOpenInternetIsPermitted) {
  for (const char* address : {"0.0.0.0",
                              "10.0.0.1",
                              "10.255.255.255",
                              "100.64.0.1",
                              "100.100.100.200",
                              "127.0.0.1",
                              "127.255.255.254",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.1",
                              "192.0.2.1",
                              "192.168.0.1",
                              "198.18.0.1",
                              "198.51.100.1",
                              "203.0.113.1",
                              "224.0.0.1",
                              "239.1.1.1",
                              "240.0.0.1",
                              "255.255.255.255",
                              "168.63.129.16",
                              "::",
                              "::1",
                              "::127.0.0.1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "::ffff:169.254.169.254",
                              "64:ff9b::7f00:1",
                              "64:ff9b::a9fe:a9fe",
                              "64:ff9b:1::1",
                              "100::1",
                              "2001::1",
                              "2001:db8::1",
                              "2002:7f00:1::",
                              "2002:a00:1::",
                              "fc00::1",
                              "fd00:ec2::254",
                              "fe80::1",
                              "febf::1",
                              "fec0::1",
                              "ff02::1"}) {
    EXPECT_FALSE(PeerRules().Permits(address)) << address;
  }
  for (const char* address :
       {"1.1.1.1", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.0.0.1", "128.0.0.1",
        "169.253.0.1", "172.15.0.1", "172.32.0.1", "192.167.0.1", "192.169.0.1", "223.255.255.255", "2606:4700::1111",
        "2a00:1450:4001::1", "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"}) {
    EXPECT_TRUE(PeerRules().Permits(address)) << address;
  }
}

TEST(PeerRulesTest, WhatIsAllowedIsAllowedAndNothingBeside) {
  const absl::StatusOr<PeerRules> rules = PeerRules::Parse({"10.1.0.0/16", "127.0.0.1", "fd12::/32"});
  ASSERT_TRUE(rules.ok());
  for (const char* address : {"10.1.2.3", "127.0.0.1", "fd12:0:1::1", "::ffff:10.1.2.3", "8.8.8.8"}) {
    EXPECT_TRUE(rules->Permits(address)) << address;
  }
  for (const char* address : {"10.2.0.1", "127.0.0.2", "fd13::1", "::1", "169.254.169.254"}) {
    EXPECT_FALSE(rules->Permits(address)) << address;
  }
}

TEST(PeerRulesTest, MailReachesOurOwnNetworksAndNoMetadata) {
  const PeerRules mail = PeerRules().WithOwnNetworks();
  for (const char* address : {"127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1",
                              "100.64.0.1", "fd12::1", "8.8.8.8"}) {
    EXPECT_TRUE(mail.Permits(address)) << address;
  }
  for (const char* address : {"169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254",
                              "100.100.100.200", "168.63.129.16", "0.0.0.0", "224.0.0.1", "64:ff9b::a9fe:a9fe"}) {
    EXPECT_FALSE(mail.Permits(address)) << address;
  }
  EXPECT_TRUE(PeerRules::Parse({"169.254.169.254"})->WithOwnNetworks().Permits("169.254.169.254"));
}

TEST(PeerRulesTest, AMistakeInTheListIsAnError) {
  for (const char* text :
       {"", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "localhost", "::/129", "10.0.0.0/8x"}) {
    EXPECT_FALSE(PeerRules::Parse({text}).ok()) << text;
  }
  EXPECT_TRUE(PeerRules::Parse({"0.0.0.0/0", "::/0"})->Permits("127.0.0.1"));
}

TEST(PeerRulesTest, OtherFamiliesAndShortAddressesAreNotPermitted) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x08080808);
  const auto& generic = reinterpret_cast<const sockaddr&>(address);
  EXPECT_TRUE(PeerRules().Permits(generic, sizeof address));
  EXPECT_FALSE(PeerRules().Permits(generic, 4));
  address.sin_family = AF_UNIX;
  EXPECT_FALSE(PeerRules().Permits(generic, sizeof address));
}

}  // namespace
}  // namespace tocsin::notify
