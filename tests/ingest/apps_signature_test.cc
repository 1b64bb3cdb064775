// Who may say that a request of an application, a code host or another on-call product is theirs.
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>

#include "base/strings.h"
#include "ingest/signature.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

const Now kNow{.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)};

// ---- signatures ----

std::string Hex(std::string_view bytes) {
  return absl::BytesToHexString(ToAbsl(bytes));
}

TEST(AppsSignatureTest, OnlyWhoHasTheSecretIsBelieved) {
  const std::string body = R"({"a":1})";
  const std::string mac = Hex(HmacSha256("secret", body));
  struct Case {
    std::string_view source;
    std::string header;
    std::string right;
  };
  const Case cases[] = {
      {"sentry",             "Sentry-Hook-Signature", mac                   },
      {"github",             "X-Hub-Signature-256",   "sha256=" + mac       },
      {"jira",               "X-Hub-Signature",       "sha256=" + mac       },
      {"gitlab",             "X-Gitlab-Token",        "secret"              },
      {"pagerduty_webhooks", "X-PagerDuty-Signature", "v1=" + std::string(64, '0') + ",v1=" + mac},
      {"grafana",                    "X-Grafana-Alerting-Signature",                                   mac       },
      {"grafana",                    "X-My-Own-Name",                                   mac               },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.source);
    const auto verified = [&](const std::string& value, std::string_view sent) {
      const HttpHeaders headers = {
          {c.header, value}
      };
      return FindSource(c.source)->verify({.body = sent, .headers = headers}, "secret", kNow.wall).ok();
    };
    EXPECT_TRUE(verified(c.right, body));
    EXPECT_FALSE(verified(c.right, R"({"a":2})") && c.source != "gitlab");
    EXPECT_FALSE(verified("sha256=" + std::string(64, '0'), body));
    EXPECT_FALSE(FindSource(c.source)->verify({.body = body}, "secret", kNow.wall).ok()) << "unsigned";
  }
}

TEST(AppsSignatureTest, GrafanasMaySignTheTimeAndThenMustBeFresh) {
  const std::string body = R"({"a":1})";
  const auto verify = [&](absl::Time signed_at) {
    const std::string time = absl::StrCat(absl::ToUnixSeconds(signed_at));
    const HttpHeaders headers = {
        {"X-Grafana-Alerting-Signature", Hex(HmacSha256("secret", time + ":" + body))},
        {"X-Sent-At",                              time                                          }
    };
    return FindSource("grafana")->verify({.body = body, .headers = headers}, "secret", kNow.wall).ok();
  };
  EXPECT_TRUE(verify(kNow.wall - absl::Minutes(4)));
  EXPECT_FALSE(verify(kNow.wall - absl::Minutes(6))) << "somebody else's request, made again";
}

}  // namespace
}  // namespace tocsin
