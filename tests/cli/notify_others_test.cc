// The commands of Icinga 2, Checkmk, Zabbix and Netdata: what they make of what those hand over. That spool and retries work is
// notify_nagios_test.cc's matter: they share them.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <unistd.h>

#include "cli/commands.h"
#include "tests/support/fake_http.h"

namespace tocsin {
namespace {

using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Pair;

using Texts = std::map<std::string, std::string>;
using Command = int (*)(std::span<const std::string>);

Texts Fields(std::string_view body) {
  Texts fields;
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  EXPECT_EQ(parser.parse(body.data(), body.size()).get(object), simdjson::SUCCESS) << body;
  for (const auto& [name, value] : object)
    fields[std::string(name)] = value.is_string() ? std::string(std::string_view(value)) : simdjson::minify(value);
  return fields;
}

class NotifyTest : public ::testing::Test {
 protected:
  NotifyTest() : folder_(::testing::TempDir() + absl::StrCat("tocsin-notify-", getpid())) {
    std::filesystem::remove_all(folder_);
  }
  ~NotifyTest() override {
    for (const std::string& name : set_)
      unsetenv(name.c_str());
    std::filesystem::remove_all(folder_);
  }
  void SetVariables(const Texts& variables) {
    for (const auto& [name, value] : variables) {
      setenv(name.c_str(), value.c_str(), 1);
      set_.push_back(name);
    }
  }
  int Run(Command command, std::vector<std::string> arguments) const {
    std::vector<std::string> all = {"--url", server_.url(), "--spool", folder_ + "/spool"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return command(all);
  }
  // What arrived last.
  Texts Arrived() const {
    const std::vector<FakeRequest> requests = server_.requests();
    return requests.empty() ? Texts() : Fields(requests.back().body);
  }
  std::size_t Requests() const { return server_.requests().size(); }

  const std::string folder_;
  std::vector<std::string> set_;
  FakeHttp server_{[](const FakeRequest&) { return FakeAnswer{}; }};
};

// --- Icinga 2 ---

TEST_F(NotifyTest, IcingasVariablesAreSentByItsNames) {
  SetVariables({
      {"NOTIFICATIONTYPE",       "PROBLEM"                        },
      {"HOSTNAME",               "the-monitoring-host-itself"     },
      {"HOSTDISPLAYNAME",        "App 11"                         },
      {"HOSTADDRESS",            "192.0.2.111"                    },
      {"SERVICEDESC",            "http"                           },
      {"SERVICESTATE",           "CRITICAL"                       },
      {"SERVICEOUTPUT",          "line 1\nline 2 \"quoted\" $(id)"},
      {"NOTIFICATIONAUTHORNAME", ""                               },
      {"TIMET",                  "1726142400"                     },
      {"USERPAGER",              "icinga-key"                     },
  });
  EXPECT_EQ(Run(RunNotifyIcinga2, {"-H", "app-11"}), 0);
  EXPECT_EQ(Arrived(), (Texts{
                           {"NOTIFICATIONTYPE", "PROBLEM"                        },
                           {"HOSTNAME",         "app-11"                         },
                           {"HOSTDISPLAYNAME",  "App 11"                         },
                           {"HOSTADDRESS",      "192.0.2.111"                    },
                           {"SERVICEDESC",      "http"                           },
                           {"SERVICESTATE",     "CRITICAL"                       },
                           {"SERVICEOUTPUT",    "line 1\nline 2 \"quoted\" $(id)"},
                           {"TIMET",            "1726142400"                     },
  }));
  EXPECT_EQ(server_.requests().back().target, "/v1/integrations/icinga-key");
}

TEST_F(NotifyTest, IcingasArgumentsDoAsWell) {
  EXPECT_EQ(Run(RunNotifyIcinga2, {"--key", "k", "-t", "RECOVERY", "-H", "app-12", "-S", "UP", "-o", "PING OK", "-T",
                                   "1726142400", "-f", "_HOSTSITE=vienna"}),
            0);
  EXPECT_EQ(Arrived(), (Texts{
                           {"NOTIFICATIONTYPE", "RECOVERY"  },
                           {"HOSTNAME",         "app-12"    },
                           {"HOSTSTATE",        "UP"        },
                           {"HOSTOUTPUT",       "PING OK"   },
                           {"TIMET",            "1726142400"},
                           {"_HOSTSITE",        "vienna"    },
  }));
  EXPECT_EQ(Run(RunNotifyIcinga2, {"--key", "k", "-H", "app-12"}), 2) << "no type";
}

// --- Checkmk ---

TEST_F(NotifyTest, CheckmksVariablesGoWithoutSecretsAndPlaceholders) {
  SetVariables({
      {"NOTIFY_WHAT",                      "HOST"         },
      {"NOTIFY_NOTIFICATIONTYPE",          "PROBLEM"      },
      {"NOTIFY_OMD_SITE",                  "prod"         },
      {"NOTIFY_HOSTNAME",                  "kprintr"      },
      {"NOTIFY_HOSTSTATE",                 "DOWN"         },
      {"NOTIFY_HOSTOUTPUT",                "unreachable"  },
      {"NOTIFY_SERVICEDESC",               "$SERVICEDESC$"},
      {"NOTIFY_HOSTLABEL_cmk/os_family",   "linux"        },
      {"NOTIFY_PARAMETER_1",               "checkmk-key"  },
      {"NOTIFY_PARAMETER_PASSWORD",        "secret"       },
      {"NOTIFY_CONTACTEMAIL",              "a@example.com"},
      {"NOTIFY_SOMETHING_ELSE_ALTOGETHER", "x"            },
  });
  EXPECT_EQ(Run(RunNotifyCheckmk, {}), 0);
  EXPECT_EQ(Arrived(), (Texts{
                           {"NOTIFY_WHAT",                    "HOST"       },
                           {"NOTIFY_NOTIFICATIONTYPE",        "PROBLEM"    },
                           {"NOTIFY_OMD_SITE",                "prod"       },
                           {"NOTIFY_HOSTNAME",                "kprintr"    },
                           {"NOTIFY_HOSTSTATE",               "DOWN"       },
                           {"NOTIFY_HOSTOUTPUT",              "unreachable"},
                           {"NOTIFY_HOSTLABEL_cmk/os_family", "linux"      },
  }));
  EXPECT_EQ(server_.requests().back().target, "/v1/integrations/checkmk-key");
}

TEST_F(NotifyTest, OutsideOfCheckmkItSaysWhereItBelongs) {
  EXPECT_EQ(Run(RunNotifyCheckmk, {"--key", "k"}), 2) << "Checkmk does not try again after 2";
  EXPECT_EQ(Requests(), 0U);
}

// --- Zabbix ---

TEST_F(NotifyTest, ZabbixLinesBecomeFieldsAndADescriptionCannotContradictThem) {
  const std::string message =
      "event_id: 10528\r\nevent_value: 1\r\nevent_nseverity: 4\r\nevent_name: disk: \"full\"\r\n"
      "event_recovery_id: {EVENT.RECOVERY.ID}\r\nhost_name: app-7\r\n"
      "trigger_description: see the wiki\nand call nobody\nevent_value: 0\nevent_id: 1\n";
  EXPECT_EQ(Run(RunNotifyZabbix, {"--", "zabbix-key", "disk: \"full\"", message}), 0);
  const Texts fields = Arrived();
  EXPECT_THAT(fields, IsSupersetOf(Texts{
                          {"event_id",            "10528"                        },
                          {"event_value",         "1"                            },
                          {"event_nseverity",     "4"                            },
                          {"event_name",          "disk: \"full\""               },
                          {"event_recovery_id",   "{EVENT.RECOVERY.ID}"          },
                          {"host_name",           "app-7"                        },
                          {"trigger_description", "see the wiki\nand call nobody"},
                          {"title",               "disk: \"full\""               },
  }));
  EXPECT_EQ(server_.requests().back().target, "/v1/integrations/zabbix-key");
}

TEST_F(NotifyTest, ZabbixOwnTemplatesAreUnderstood) {
  const std::string problem =
      "Problem started at 12:51:50 on 2021.08.27\r\nProblem name: Load is high (over 1.5 for 5m)\r\nHost: web-1\r\n"
      "Severity: Average\r\nOperational data: 1.69\r\nOriginal problem ID: 7467\r\n";
  EXPECT_EQ(Run(RunNotifyZabbix, {"--key", "k", "--", "Problem: Load is high", problem}), 0);
  EXPECT_THAT(Arrived(), IsSupersetOf(Texts{
                             {"event_id",       "7467"                          },
                             {"event_value",    "1"                             },
                             {"event_name",     "Load is high (over 1.5 for 5m)"},
                             {"host_name",      "web-1"                         },
                             {"event_severity", "Average"                       },
  }));
  EXPECT_EQ(Run(RunNotifyZabbix, {"--key", "k", "--", "Resolved in 5m: Load is high",
                                  "Problem name: Load is high\nHost: web-1\nOriginal problem ID: 7467"}),
            0);
  EXPECT_THAT(Arrived(), IsSupersetOf(Texts{
                             {"event_id",    "7467"},
                             {"event_value", "0"   }
  }));
}

TEST_F(NotifyTest, PagerDutysZabbixMessagesAreUnderstood) {
  const std::string lines =
      "name: just restarted\nid: 13502\nstatus: PROBLEM\nhostname: Zabbix server\nseverity: High\n";
  EXPECT_EQ(Run(RunNotifyZabbix, {"--key", "k", "--", "trigger", lines}), 0);
  EXPECT_THAT(Arrived(), IsSupersetOf(Texts{
                             {"event_type",   "trigger"            },
                             {"incident_key", "13502-Zabbix server"}
  }));
  EXPECT_THAT(Fields(Arrived()["details"]), IsSupersetOf(Texts{
                                                {"hostname", "Zabbix server"},
                                                {"status",   "PROBLEM"      }
  }));
  EXPECT_EQ(Run(RunNotifyZabbix, {"--key", "k", "--", "trigger", lines + "NOTE: Escalation cancelled"}), 0);
  EXPECT_EQ(Arrived()["event_type"], "resolve") << "nobody will say that it is over";
}

TEST_F(NotifyTest, ZabbixMessagesThatAreJsonGoAsTheyAre) {
  EXPECT_EQ(Run(RunNotifyZabbix, {"--key", "k", "--", "s", R"({"event_id":"1","n":2})"}), 0);
  EXPECT_EQ(server_.requests().back().body, R"({"event_id":"1","n":2})");
  EXPECT_EQ(Run(RunNotifyZabbix, {"--key", "k", "--", "s", R"({"event_id":"1)"}), 0) << "whatever it is, it is sent";
  EXPECT_THAT(Arrived(), IsSupersetOf(Texts{
                             {"title",   "s"                },
                             {"message", R"({"event_id":"1)"}
  }));
  EXPECT_EQ(Run(RunNotifyZabbix, {"--key", "k", "--", "alone"}), 2);
}

TEST_F(NotifyTest, ZabbixIsToldToTryAgainOnlyWhenNeitherSentNorSpooled) {
  const std::string down = absl::StrCat("http://127.0.0.1:", ClosedPort());
  const std::vector<std::string> message = {"k", "Problem: x", "Original problem ID: 1"};
  std::vector<std::string> arguments = {"--url", down, "--spool", folder_ + "/spool", "--timeout", "1s", "--"};
  arguments.insert(arguments.end(), message.begin(), message.end());
  EXPECT_EQ(RunNotifyZabbix(arguments), 0) << "spooled";
  arguments[3] = "/proc/nowhere";
  EXPECT_EQ(RunNotifyZabbix(arguments), 1);
}

// --- Netdata ---

std::vector<std::string> Alarm(bool with_family, const std::string& status, const std::string& family = "var") {
  std::vector<std::string> vector = {"sysadmin", "nd1", "1001", "77", "1", "1795289900", "disk_space", "disk.var"};
  if (with_family) vector.push_back(family);
  for (const char* rest : {"CLEAR", "95", "10", "10@health.d/disks.conf", "60", "120", "%", "disk \"full\" <x> & more",
                           "95%", "10%", "$avail < 10", "[ $avail = 5 ]", "1", "0"}) {
    vector.emplace_back(rest);
  }
  vector.insert(vector.begin() + (with_family ? 9 : 8), status);
  return vector;
}

TEST_F(NotifyTest, NetdatasArgumentsAreReadWithAndWithoutTheFamily) {
  for (const bool with_family : {true, false}) {
    std::vector<std::string> arguments = Alarm(with_family, "CRITICAL");
    arguments.insert(arguments.begin(), {"--key", "k", "--"});
    EXPECT_EQ(Run(RunNotifyNetdata, arguments), 0);
    Texts fields = Arrived();
    EXPECT_EQ(fields["family"], with_family ? "var" : "");
    EXPECT_THAT(fields, IsSupersetOf(Texts{
                            {"host",           "nd1"                      },
                            {"alarmId",        "77"                       },
                            {"name",           "disk_space"               },
                            {"alert",          "disk_space"               },
                            {"chart",          "disk.var"                 },
                            {"status",         "CRITICAL"                 },
                            {"severity",       "critical"                 },
                            {"old_status",     "CLEAR"                    },
                            {"value",          "95"                       },
                            {"units",          "%"                        },
                            {"info",           "disk \"full\" <x> & more" },
                            {"total_warnings", "1"                        },
                            {"date",           "2026-11-21T19:38:20+00:00"},
    }));
  }
}

TEST_F(NotifyTest, ANetdataFamilyMayBeEmptyOrNamedLikeAStatus) {
  for (const std::string family : {"", "WARNING"}) {
    std::vector<std::string> arguments = Alarm(true, "CRITICAL", family);
    arguments.insert(arguments.begin(), {"--key", "k", "--"});
    EXPECT_EQ(Run(RunNotifyNetdata, arguments), 0);
    EXPECT_EQ(Arrived()["status"], "CRITICAL");
    EXPECT_EQ(Arrived()["family"], family);
  }
}

TEST_F(NotifyTest, NetdatasOtherStatusesSayNothingAndNonsenseIsRefused) {
  std::vector<std::string> arguments = Alarm(true, "REMOVED");
  arguments.insert(arguments.begin(), {"--key", "k", "--"});
  EXPECT_EQ(Run(RunNotifyNetdata, arguments), 0);
  EXPECT_EQ(Requests(), 0U);
  EXPECT_EQ(Run(RunNotifyNetdata, {"--key", "k", "--", "sysadmin", "test"}), 2);
}

// --- the spool ---

TEST_F(NotifyTest, DrainSpoolSendsWhatAllOfThemHaveLeft) {
  const std::string spool = folder_ + "/spool";
  const int port = ClosedPort();
  const std::string url = absl::StrCat("http://127.0.0.1:", port);
  EXPECT_EQ(RunNotifyIcinga2(std::vector<std::string>{"--url", url, "--spool", spool, "--timeout", "1s", "--key", "a",
                                                      "-t", "PROBLEM", "-H", "h"}),
            0);
  EXPECT_EQ(RunNotifyZabbix(std::vector<std::string>{"--url", url, "--spool", spool, "--timeout", "1s", "--", "b",
                                                     "Problem: x", "Original problem ID: 1"}),
            0);
  EXPECT_EQ(RunDrainSpool(std::vector<std::string>{spool}), 1) << "both wait, and the timer's log says why";
  FakeHttp back([](const FakeRequest&) { return FakeAnswer{}; }, nullptr, port);
  EXPECT_EQ(RunDrainSpool(std::vector<std::string>{spool}), 0);
  ASSERT_EQ(back.requests().size(), 2U);
  EXPECT_EQ(back.requests()[0].target, "/v1/integrations/a");
  EXPECT_EQ(back.requests()[1].target, "/v1/integrations/b");
  EXPECT_EQ(RunDrainSpool(std::vector<std::string>{spool, "another"}), 2);
}

}  // namespace
}  // namespace tocsin
