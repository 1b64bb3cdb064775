// The notification command against a real socket: the server up, down, refusing, hanging; the command killed.
#include <atomic>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <simdjson.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/commands.h"
#include "client/spool.h"
#include "tests/support/fake_http.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;

class NotifyNagiosTest : public ::testing::Test {
 protected:
  NotifyNagiosTest() : folder_(::testing::TempDir() + absl::StrCat("tocsin-nagios-", getpid())) {
    std::filesystem::remove_all(folder_);
  }
  ~NotifyNagiosTest() override {
    for (const std::string& name : set_)
      unsetenv(name.c_str());
    std::filesystem::remove_all(folder_);
  }

  void SetMacro(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
    set_.push_back(name);
  }
  std::vector<std::string> Common(const std::string& url) const {
    return {"--url", url, "--key", "key1", "--spool", folder_ + "/spool", "--timeout", "60s"};
  }
  int Run(const std::string& url, const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = Common(url);
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunNotifyNagios(arguments);
  }
  int Problem(const std::string& url, const std::string& output) const {
    return Run(url, {"-t", "PROBLEM", "-H", "db-1", "-s", "Disk /var", "-S", "CRITICAL", "-o", output});
  }
  std::size_t Waiting() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/spool/queue"))
      count += entry.exists() ? 1U : 0U;
    return count;
  }

  const std::string folder_;
  std::vector<std::string> set_;
};

std::map<std::string, std::string> Macros(const FakeRequest& request) {
  std::map<std::string, std::string> macros;
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  EXPECT_EQ(parser.parse(request.body).get(object), simdjson::SUCCESS) << request.body;
  for (const auto& [name, value] : object)
    macros[std::string(name)] = std::string(std::string_view(value));
  return macros;
}

std::vector<std::string> Outputs(const FakeHttp& server) {
  std::vector<std::string> outputs;
  for (const FakeRequest& request : server.requests())
    outputs.push_back(Macros(request)["SERVICEOUTPUT"]);
  return outputs;
}

FakeAnswer Accepted(const FakeRequest&) {
  FakeAnswer answer;
  answer.status = 202;
  return answer;
}

TEST_F(NotifyNagiosTest, AProblemArrivesAtItsIntegrationsDoor) {
  FakeHttp server(Accepted);
  EXPECT_EQ(Run(server.url() + "/", {"-t", "PROBLEM", "-H", "db-1", "-A", "192.0.2.1", "-s", "Disk /var", "-S",
                                     "CRITICAL", "-o", "-5 \"degrees\"\n`x`", "-a", "", "-f", "_SERVICETEAM=db"}),
            0);
  const FakeRequest request = server.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/v1/integrations/key1");
  std::map<std::string, std::string> macros = Macros(request);
  EXPECT_NEAR(std::stod(macros["TIMET"]), static_cast<double>(absl::ToUnixSeconds(absl::Now())), 300);
  macros.erase("TIMET");
  const std::map<std::string, std::string> expected = {
      {"NOTIFICATIONTYPE", "PROBLEM"            },
      {"HOSTNAME",         "db-1"               },
      {"HOSTADDRESS",      "192.0.2.1"          },
      {"SERVICEDESC",      "Disk /var"          },
      {"SERVICESTATE",     "CRITICAL"           },
      {"SERVICEOUTPUT",    "-5 \"degrees\"\n`x`"},
      {"_SERVICETEAM",     "db"                 },
  };
  EXPECT_EQ(macros, expected);
  EXPECT_EQ(Waiting(), 0U);
}

TEST_F(NotifyNagiosTest, AHostsEventUsesTheHostsMacros) {
  FakeHttp server(Accepted);
  EXPECT_EQ(Run(server.url(), {"-t", "RECOVERY", "-H", "db-1", "-S", "UP", "-o", "PING OK", "-T", "1700000000"}), 0);
  const std::map<std::string, std::string> expected = {
      {"NOTIFICATIONTYPE", "RECOVERY"  },
      {"HOSTNAME",         "db-1"      },
      {"HOSTSTATE",        "UP"        },
      {"HOSTOUTPUT",       "PING OK"   },
      {"TIMET",            "1700000000"}
  };
  EXPECT_EQ(Macros(server.requests().at(0)), expected);
}

TEST_F(NotifyNagiosTest, MacrosInTheEnvironmentArePreferredBecauseNothingIsStrippedThere) {
  FakeHttp server(Accepted);
  SetMacro("NAGIOS_HOSTNAME", "h1");
  SetMacro("NAGIOS_SERVICEDESC", "Disk /var");
  SetMacro("NAGIOS_SERVICESTATE", "CRITICAL");
  SetMacro("NAGIOS_SERVICEOUTPUT", "CRIT $(id) `x` 'q' <a>|b> 100%");
  SetMacro("NAGIOS_LONGSERVICEOUTPUT", "second line");
  SetMacro("NAGIOS_NOTIFICATIONTYPE", "PROBLEM");
  SetMacro("NAGIOS_NOTIFICATIONCOMMENT", "");
  SetMacro("NAGIOS__SERVICETEAM", "db");
  SetMacro("NAGIOS_ADMINEMAIL", "not ours to send");
  EXPECT_EQ(Run(server.url(), {"-t", "PROBLEM", "-H", "h1", "-s", "Disk /var", "-S", "CRITICAL", "-o",
                               "CRIT (id) x q ab 100%", "-c", "from the arguments"}),
            0);
  std::map<std::string, std::string> macros = Macros(server.requests().at(0));
  EXPECT_EQ(macros["SERVICEOUTPUT"], "CRIT $(id) `x` 'q' <a>|b> 100%");
  EXPECT_EQ(macros["LONGSERVICEOUTPUT"], "second line");
  EXPECT_EQ(macros["_SERVICETEAM"], "db");
  EXPECT_EQ(macros["NOTIFICATIONCOMMENT"], "from the arguments");
  EXPECT_EQ(macros.count("ADMINEMAIL"), 0U);
}

TEST_F(NotifyNagiosTest, IcingasWordsBecomeNagioss) {
  FakeHttp server(Accepted);
  EXPECT_EQ(Run(server.url(), {"-t", "FLAPPINGEND", "-H", "h1"}), 0);
  EXPECT_EQ(Macros(server.requests().at(0))["NOTIFICATIONTYPE"], "FLAPPINGSTOP");
}

TEST_F(NotifyNagiosTest, WhatWasSaidWhileTheServerWasDownArrivesInOrderWhenItIsBack) {
  const int port = ClosedPort();
  const std::string url = absl::StrCat("http://127.0.0.1:", port);
  EXPECT_EQ(Problem(url, "1"), 0) << "spooled is as good as sent";
  EXPECT_EQ(Problem(url, "2"), 0);
  EXPECT_EQ(Waiting(), 2U);
  EXPECT_EQ(Run(url, {"--drain"}), 1) << "a timer's log should say that something waits";
  FakeHttp server(Accepted, nullptr, port);
  EXPECT_EQ(Problem(url, "3"), 0);
  EXPECT_THAT(Outputs(server), ElementsAre("1", "2", "3"));
  EXPECT_EQ(Waiting(), 0U);
}

TEST_F(NotifyNagiosTest, AServerThatRefusesForNowIsAskedAgainInOrder) {
  bool overloaded = true;
  FakeHttp server([&](const FakeRequest&) {
    FakeAnswer answer;
    answer.status = overloaded ? 503 : 202;
    return answer;
  });
  EXPECT_EQ(Problem(server.url(), "1"), 0);
  EXPECT_EQ(Problem(server.url(), "2"), 0);
  EXPECT_THAT(Outputs(server), ElementsAre("1", "1")) << "2 is not tried before 1 is through";
  overloaded = false;
  EXPECT_EQ(Problem(server.url(), "3"), 0);
  EXPECT_THAT(Outputs(server), ElementsAre("1", "1", "1", "2", "3"));
}

TEST_F(NotifyNagiosTest, WhatTheServerWillNeverTakeIsSaidAndSetAside) {
  FakeHttp server([](const FakeRequest&) {
    FakeAnswer answer;
    answer.status = 404;
    answer.body = "no such key";
    return answer;
  });
  EXPECT_EQ(Problem(server.url(), "1"), 1);
  EXPECT_EQ(Waiting(), 0U);
  EXPECT_EQ(Run(server.url(), {"--drain"}), 0);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(NotifyNagiosTest, WhatIsRefusedOfOthersIsARemarkOnly) {
  FakeHttp server([](const FakeRequest& request) {
    FakeAnswer answer;
    answer.status = request.target.ends_with("gone") ? 404 : 202;
    return answer;
  });
  const absl::StatusOr<Spool> spool = Spool::Open(folder_ + "/spool");
  ASSERT_TRUE(spool.ok());
  const SpooledEvent others{.url = server.url(), .key = "gone", .body = "{}"};
  ASSERT_TRUE(spool->Put(others, absl::Now()).ok());
  EXPECT_EQ(Problem(server.url(), "mine"), 0);
  EXPECT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(Waiting(), 0U);
  ASSERT_TRUE(spool->Put(others, absl::Now()).ok());
  EXPECT_EQ(RunSend(std::vector<std::string>{"--server", absl::StrCat("127.0.0.1:", ClosedPort()), "--key", "k",
                                             "--spool", folder_ + "/spool", "alertname=x"}),
            0);
  EXPECT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(Waiting(), 1U) << "its own";
}

TEST_F(NotifyNagiosTest, AServerThatHangsCostsItsTimeoutAndNoMore) {
  FakeHttp server([](const FakeRequest&) {
    FakeAnswer answer;
    answer.how = FakeAnswer::How::kHang;
    return answer;
  });
  std::vector<std::string> arguments = Common(server.url());
  arguments.back() = "1s";
  arguments.insert(arguments.end(), {"-t", "PROBLEM", "-H", "h1"});
  EXPECT_EQ(RunNotifyNagios(arguments), 0);
  EXPECT_EQ(Waiting(), 1U);
}

TEST_F(NotifyNagiosTest, WithoutADiskItSendsAtOnceAndFailsOnlyWhenThatFailsToo) {
  FakeHttp server(Accepted);
  std::vector<std::string> arguments = {"--url",         server.url(), "--key",   "key1", "--spool",
                                        "/proc/nowhere", "-t",         "PROBLEM", "-H",   "h1"};
  EXPECT_EQ(RunNotifyNagios(arguments), 0);
  EXPECT_EQ(server.requests().size(), 1U);
  arguments[1] = absl::StrCat("http://127.0.0.1:", ClosedPort());
  EXPECT_EQ(RunNotifyNagios(arguments), 1);
}

TEST_F(NotifyNagiosTest, WrongUseIsSaid) {
  const std::string url = absl::StrCat("http://127.0.0.1:", ClosedPort());
  EXPECT_EQ(Run(url, {"-t", "PROBLEM"}), 2) << "no host";
  EXPECT_EQ(Run(url, {"-H", "h1"}), 2) << "no type";
  EXPECT_EQ(Run(url, {"-H", "h1", "-t", "PROBLEM", "-f", "nothing"}), 2);
  EXPECT_EQ(Run(url, {"-H", "h1", "-t", "PROBLEM", "--nonsense"}), 2);
  EXPECT_EQ(RunNotifyNagios(std::vector<std::string>{"--spool", folder_, "-H", "h1", "-t", "PROBLEM"}), 2) << "no key";
  EXPECT_EQ(Run(url, {"-H", "h1", "-t", "PROBLEM", "--key", "a/../b"}), 2);
  EXPECT_EQ(Run(url, {"--help"}), 0);
}

// Starts the command as a process of its own.
pid_t Start(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), TOCSIN_NOTIFY_NAGIOS);
  std::vector<char*> argv;
  for (std::string& argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t child = -1;
  EXPECT_EQ(posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), environ), 0);
  return child;
}

TEST_F(NotifyNagiosTest, KilledBetweenSpoolAndSendItLosesNothing) {
  std::atomic<bool> up = false;
  FakeHttp server([&](const FakeRequest&) {
    FakeAnswer answer;
    if (!up) answer.how = FakeAnswer::How::kHang;
    return answer;
  });
  std::vector<std::string> expected;
  for (std::size_t i = 1; i <= 3; ++i) {
    std::vector<std::string> arguments = Common(server.url());
    const std::string output = absl::StrCat("output ", i);
    arguments.insert(arguments.end(), {"-t", "PROBLEM", "-H", "h1", "-s", "s", "-S", "CRITICAL", "-o", output});
    const pid_t child = Start(arguments);
    ASSERT_TRUE(server.WaitForRequests(i)) << "it has spooled and is sending";
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    expected.push_back(output);
  }
  EXPECT_EQ(Waiting(), 3U);
  up = true;
  EXPECT_EQ(Run(server.url(), {"--drain"}), 0);
  const std::vector<std::string> all = Outputs(server);
  EXPECT_EQ(std::vector<std::string>(all.end() - 3, all.end()), expected);
  EXPECT_EQ(Waiting(), 0U);
}

TEST_F(NotifyNagiosTest, FollowGoesOnDraining) {
  FakeHttp server(Accepted);
  std::vector<std::string> arguments = Common(server.url());
  arguments.insert(arguments.end(), {"--drain", "--follow"});
  const pid_t child = Start(arguments);
  const std::string down = absl::StrCat("http://127.0.0.1:", ClosedPort());
  EXPECT_EQ(Problem(down, "to nobody"), 0);
  EXPECT_EQ(Problem(server.url(), "1"), 0);
  EXPECT_TRUE(server.WaitForRequests(1)) << "by us or by it";
  // Whoever has sent it takes it out of the spool only after the answer.
  for (int i = 0; i < 10'000 && Waiting() > 1; ++i)
    absl::SleepFor(absl::Milliseconds(10));
  kill(child, SIGTERM);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(Waiting(), 1U);
}

}  // namespace
}  // namespace tocsin
