// Whom a request is from that came through fronts.
#include "net/forwarded.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

using Values = std::vector<std::string_view>;

TrustedProxies Proxies(const std::vector<std::string>& networks) {
  const absl::StatusOr<TrustedProxies> proxies = TrustedProxies::Parse(networks);
  EXPECT_TRUE(proxies.ok()) << proxies.status();
  return *proxies;
}

TEST(ForwardedTest, TheRightmostAddressThatIsNoneOfOursIsWhoItIsFrom) {
  const TrustedProxies proxies = Proxies({"127.0.0.1", "10.0.0.0/8", "fd00::/8"});
  const struct {
    std::string_view name;
    std::string_view peer;
    Values x_forwarded_for;
    std::string_view client;
  } rows[] = {
      {"nobody's front",              "192.0.2.9",        {"203.0.113.7"},                          "192.0.2.9"  },
      {"no header",                   "127.0.0.1",        {},                                       "127.0.0.1"  },
      {"one",                         "127.0.0.1",        {"203.0.113.7"},                          "203.0.113.7"},
      {"a client's own before it",    "127.0.0.1",        {"127.0.0.1, 1.2.3.4, 203.0.113.7"},      "203.0.113.7"},
      {"two fronts",                  "127.0.0.1",        {"6.6.6.6, 203.0.113.7, 10.1.2.3"},       "203.0.113.7"},
      {"two headers",                 "127.0.0.1",        {"6.6.6.6", "203.0.113.7", " 10.1.2.3 "}, "203.0.113.7"},
      {"all are ours",                "127.0.0.1",        {"10.9.9.9, 10.1.2.3"},                   "10.9.9.9"   },
      {"a port",                      "127.0.0.1",        {"203.0.113.7:4711"},                     "203.0.113.7"},
      {"IPv6",                        "fd00::1",          {"2001:db8:0::1"},                        "2001:db8::1"},
      {"IPv6 and a port",             "fd00::1",          {"[2001:db8::1]:4711"},                   "2001:db8::1"},
      {"IPv4 in the clothes of IPv6", "::ffff:127.0.0.1", {"::ffff:203.0.113.7"},                   "203.0.113.7"},
      {"what is none",                "127.0.0.1",        {"6.6.6.6, unknown"},                     "127.0.0.1"  },
      {"what is none, behind two",    "127.0.0.1",        {"6.6.6.6, , 10.1.2.3"},                  "10.1.2.3"   },
      {"a zone",                      "127.0.0.1",        {"fe80::1%eth0"},                         "127.0.0.1"  },
      {"a port that is none",         "127.0.0.1",        {"203.0.113.7:http"},                     "127.0.0.1"  },
      {"an empty one",                "127.0.0.1",        {""},                                     "127.0.0.1"  },
      {"a unix socket",               "unix:",            {"203.0.113.7"},                          "unix:"      },
  };
  for (const auto& row : rows)
    EXPECT_EQ(proxies.ClientOf(row.peer, {row.x_forwarded_for, {}}), row.client) << row.name;
}

TEST(ForwardedTest, ReadsForwardedAsTheStandardHasIt) {
  const TrustedProxies proxies = Proxies({"127.0.0.1", "10.0.0.0/8"});
  const struct {
    std::string_view name;
    Values forwarded;
    std::string_view client;
  } rows[] = {
      {"one",                 {"for=203.0.113.7"},                                    "203.0.113.7"},
      {"with what is beside", {"proto=https; For=203.0.113.7;by=10.0.0.1"},           "203.0.113.7"},
      {"IPv6",                {R"(for="[2001:db8::1]:4711")"},                        "2001:db8::1"},
      {"two fronts",          {R"(for=6.6.6.6, for="203.0.113.7:80", for=10.1.2.3)"}, "203.0.113.7"},
      {"hidden",              {"for=_secret"},                                        "127.0.0.1"  },
      {"unknown",             {"for=unknown, for=10.1.2.3"},                          "10.1.2.3"   },
      {"no for",              {"proto=https"},                                        "127.0.0.1"  },
 // A client opens a quotation that nobody closes.
      {"a quotation mark",    {R"(for="6.6.6.6, for=203.0.113.7)"},                   "203.0.113.7"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(proxies.ClientOf("127.0.0.1", {{}, row.forwarded}), row.client) << row.name;
}

// A front knows one of the two and lets the other pass as a client wrote it.
TEST(ForwardedTest, WhereTheTwoHeadersDifferNeitherCounts) {
  const TrustedProxies proxies = Proxies({"127.0.0.1"});
  EXPECT_EQ(proxies.ClientOf("127.0.0.1", {{"203.0.113.7"}, {"for=6.6.6.6"}}), "127.0.0.1");
  EXPECT_EQ(proxies.ClientOf("127.0.0.1", {{"203.0.113.7"}, {"for=203.0.113.7"}}), "203.0.113.7");
}

TEST(ForwardedTest, HeadersOfManyHopsAndOfManyBytesEnd) {
  const TrustedProxies proxies = Proxies({"10.0.0.0/8"});
  std::string hops = "203.0.113.7";
  for (int i = 0; i < 10'000; ++i)
    hops += ",10.0.0.1";
  EXPECT_EQ(proxies.ClientOf("10.0.0.2", {{hops}, {}}), "10.0.0.1");
  const std::string commas(1 << 20, ',');
  EXPECT_EQ(proxies.ClientOf("10.0.0.2", {{commas}, {}}), "10.0.0.2");
  const std::string letters(1 << 20, 'x');
  EXPECT_EQ(proxies.ClientOf("10.0.0.2", {{letters}, {letters}}), "10.0.0.2");
}

TEST(ForwardedTest, TrustsNobodyUnlessTold) {
  EXPECT_EQ(TrustedProxies().ClientOf("127.0.0.1", {{"203.0.113.7"}, {}}), "127.0.0.1");
  for (const std::string text : {"localhost", "10.0.0.0/33", "10.0.0.1:80", "*", ""})
    EXPECT_FALSE(TrustedProxies::Parse({text}).ok()) << text;
}

}  // namespace
}  // namespace tocsin
