#include "tests/support/smtp_server.h"

#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <fcntl.h>
#include <signal.h>
#include <simdjson.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/status.h"

namespace tocsin {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(2);

std::string Library() {
  return absl::StrCat(TOCSIN_SOURCE_DIR, "/build/programs/usr/lib/python3/dist-packages");
}

// The next line without its end; empty at the end of the stream.
std::string ReadLine(int fd) {
  std::string line;
  char c = 0;
  while (read(fd, &c, 1) == 1 && c != '\n')
    line += c;
  return line;
}

AiosmtpServer::Mail ParseMail(const std::string& line) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  TOCSIN_CHECK(parser.parse(line).get(object) == simdjson::SUCCESS, line);
  const auto text = [&](const char* name) {
    std::string_view value;
    TOCSIN_CHECK(object[name].get(value) == simdjson::SUCCESS, line);
    return std::string(value);
  };
  AiosmtpServer::Mail mail{.sender = text("from"), .recipients = {}, .raw = {}, .user = text("user")};
  TOCSIN_CHECK(absl::Base64Unescape(text("raw"), &mail.raw), line);
  TOCSIN_CHECK(object["tls"].get(mail.tls) == simdjson::SUCCESS, line);
  simdjson::dom::array recipients;
  TOCSIN_CHECK(object["to"].get(recipients) == simdjson::SUCCESS, line);
  for (const simdjson::dom::element recipient : recipients) {
    std::string_view value;
    TOCSIN_CHECK(recipient.get(value) == simdjson::SUCCESS, line);
    mail.recipients.emplace_back(value);
  }
  return mail;
}

}  // namespace

bool AiosmtpServer::Available() {
  return std::filesystem::exists(Library() + "/aiosmtpd");
}

AiosmtpServer::AiosmtpServer(const Options& options) {
  int in[2];
  int out[2];
  TOCSIN_CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipe");
  std::vector<std::string> arguments = {"python3", absl::StrCat(TOCSIN_SOURCE_DIR, "/tests/support/smtp_server.py")};
  if (const Certificate* made = options.certificate) {
    arguments.insert(arguments.end(), {"--certificate", made->certificate_file(), "--key", made->key_file()});
  }
  if (options.authenticate) arguments.emplace_back("--authenticate");
  if (options.slow_quit) arguments.emplace_back("--slow-quit");
  std::vector<char*> argv;
  for (std::string& argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::string path = absl::StrCat("PYTHONPATH=", Library());
  std::string search = "PATH=/usr/local/bin:/usr/bin:/bin";
  char* environment[] = {path.data(), search.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  TOCSIN_CHECK(posix_spawnp(&child_, "python3", &actions, nullptr, argv.data(), environment) == 0, "python3");
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  to_child_ = in[1];
  from_child_ = out[0];
  const std::string line = ReadLine(from_child_);
  TOCSIN_CHECK(line.starts_with("PORT "), absl::StrCat("the mail server did not start: ", line));
  port_ = std::stoi(line.substr(5));
  reader_ = std::thread([this] { Read(); });
}

AiosmtpServer::~AiosmtpServer() {
  close(to_child_);
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
  reader_.join();
  close(from_child_);
}

std::string AiosmtpServer::url() const {
  return absl::StrCat("smtp://127.0.0.1:", port_);
}

void AiosmtpServer::Read() {
  while (true) {
    const std::string line = ReadLine(from_child_);
    if (line.empty()) return;
    {
      const MutexLock lock(mutex_);
      mails_.push_back(ParseMail(line));
    }
    changed_.NotifyAll();
  }
}

std::vector<AiosmtpServer::Mail> AiosmtpServer::WaitForMails(std::size_t count) const {
  const MutexLock lock(mutex_);
  changed_.WaitFor(mutex_, kPatience, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return mails_.size() >= count; });
  return mails_;
}

std::vector<AiosmtpServer::Mail> AiosmtpServer::mails() const {
  const MutexLock lock(mutex_);
  return mails_;
}

}  // namespace tocsin
