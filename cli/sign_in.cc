// login, logout, user.
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"

namespace tocsin {
namespace {

using v1::SignInService;

constexpr std::size_t kLongestLine = 4096;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What is typed at a terminal is not shown while this lives.
class Unseen {
 public:
  Unseen() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~Unseen() {
    if (!changed_) return;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::fputc('\n', stderr);
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

// A line from the terminal, or from whatever stands in its place; there it is asked for in silence.
absl::StatusOr<std::string> ReadSecretLine(const std::string& prompt) {
  std::string line;
  if (isatty(STDIN_FILENO) != 0) {
    std::fprintf(stderr, "%s: ", prompt.c_str());
    const Unseen unseen;
    std::getline(std::cin, line);
  } else {
    std::getline(std::cin, line);
  }
  if (line.size() > kLongestLine) return Invalid("%s: is too long", prompt);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.empty()) return Invalid("%s: nothing was given", prompt);
  return line;
}

// Twice at a terminal, where nobody sees what they type.
absl::StatusOr<std::string> ReadNewPassword() {
  TOCSIN_ASSIGN(std::string password, ReadSecretLine("new password"));
  if (isatty(STDIN_FILENO) == 0) return password;
  TOCSIN_ASSIGN(const std::string again, ReadSecretLine("the same again"));
  if (again != password) return Invalid("the two are not the same: nothing is changed");
  return password;
}

// Says so when what is about to be sent can be read on its way.
void WarnOfPlainText(const std::string& address, const char* what = "the password") {
  const bool is_here = address.starts_with("127.") || address.starts_with("localhost:") ||
                       address.starts_with("[::1]") || address.starts_with("unix:");
  if (is_here || address.starts_with("https://")) return;
  std::fprintf(stderr, "tocsin: %s goes to %s as plain text; --server https://HOST:PORT hides it\n", what,
               address.c_str());
}

absl::Status Failed(std::string_view what, const std::string& path) {
  return Unavailable("%s %s: %s", what, path, std::strerror(errno));
}

absl::StatusOr<std::string> TokenFile() {
  const std::string home = Environment("HOME");
  if (home.empty()) return Precondition("$HOME is not set: there is no place for the session's token");
  return home + "/.config/tocsin/token";
}

// Readable by nobody else at any moment; what was there before stays until the new one is whole.
absl::Status WriteToken(const std::string& path, const std::string& token) {
  const std::string folder = path.substr(0, path.rfind('/'));
  std::error_code error;
  const bool made = std::filesystem::create_directories(folder, error);
  if (error) return Unavailable("create %s: %s", folder, error.message());
  if (made) chmod(folder.c_str(), S_IRWXU);
  std::array<unsigned char, 8> random{};
  randombytes_buf(random.data(), random.size());
  std::array<char, 17> suffix{};
  sodium_bin2hex(suffix.data(), suffix.size(), random.data(), random.size());
  const std::string part = path + "." + suffix.data();
  const int file = open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return Failed("create", part);
  const std::string line = token + "\n";
  const bool written = write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  const absl::Status status = written ? absl::OkStatus() : Failed("write", part);
  close(file);
  if (status.ok() && rename(part.c_str(), path.c_str()) == 0) return absl::OkStatus();
  const absl::Status failed = status.ok() ? Failed("rename", part) : status;
  unlink(part.c_str());
  return failed;
}

std::string SessionName(const Arguments& arguments) {
  std::array<char, 65> host{};
  gethostname(host.data(), host.size() - 1);
  return arguments.get("name", Printable(host.data()));
}

absl::Status TakeSession(const std::string& path, const v1::SignInResponse& response) {
  TOCSIN_TRY(WriteToken(path, response.token()));
  std::printf("%s is logged in until %s, and longer while it is used (T%llu)\n", Printable(response.user()).c_str(),
              Show(response.expires_at()).c_str(), static_cast<unsigned long long>(response.id()));
  if (!Environment("TOCSIN_TOKEN").empty()) {
    std::fprintf(stderr, "tocsin: commands still show the token of $TOCSIN_TOKEN: `unset TOCSIN_TOKEN` for this one\n");
  }
  return absl::OkStatus();
}

std::string Base64Url(std::span<const unsigned char> bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.pop_back();  // its end of string
  return text;
}

// The address of the provider that is meant: the only one, or the one that is named.
absl::StatusOr<std::string> ProviderUrl(const Client& client, const std::string& wanted) {
  TOCSIN_ASSIGN(const auto response,
                client.Call<SignInService>(&SignInService::Stub::ListProviders, v1::ListProvidersRequest()));
  std::string names;
  for (const auto& provider : response.providers()) {
    if (provider.name() == wanted || (wanted.empty() && response.providers_size() == 1)) return provider.url();
    names += (names.empty() ? "" : ", ") + Printable(provider.name());
  }
  if (names.empty()) return Precondition("the server knows no provider (--sign_in): log in by a password");
  return Invalid("--provider: which? %s", names);
}

// The verifier never leaves this process but to the server, at the end: the code alone, which the browser shows, is good for nothing.
// So it works where there is no browser: the address may be opened on any machine.
absl::Status LogInByProvider(const Arguments& arguments) {
  const Client client = Client::MakeNobody(arguments);
  TOCSIN_ASSIGN(const std::string path, TokenFile());
  TOCSIN_ASSIGN(const std::string url, ProviderUrl(client, arguments.get("provider")));
  if (!url.starts_with("http")) return Precondition("the server does not know its own address: public_url is not set");
  std::array<unsigned char, 32> random{};
  randombytes_buf(random.data(), random.size());
  v1::FinishSignInRequest request;
  request.set_verifier(Base64Url(random));
  request.set_name(SessionName(arguments));
  std::array<unsigned char, crypto_hash_sha256_BYTES> challenge{};
  crypto_hash_sha256(challenge.data(), reinterpret_cast<const unsigned char*>(request.verifier().data()),
                     request.verifier().size());
  WarnOfPlainText(client.address(), "the session");
  std::fprintf(stderr, "Open this in a browser, here or elsewhere:\n\n  %s?terminal=%s\n\n", Printable(url).c_str(),
               Base64Url(challenge).c_str());
  TOCSIN_ASSIGN(std::string code, ReadSecretLine("the code that it shows"));
  request.set_code(std::move(code));
  TOCSIN_ASSIGN(const auto response, client.Call<SignInService>(&SignInService::Stub::FinishSignIn, request));
  return TakeSession(path, response);
}

absl::Status LogIn(const Arguments& arguments) {
  if (arguments.has("oidc") || arguments.has("provider")) {
    if (arguments.positional().empty()) return LogInByProvider(arguments);
    return Invalid("%s: with --oidc the provider says who you are", arguments.positional()[0]);
  }
  const Client client = Client::MakeNobody(arguments);
  TOCSIN_ASSIGN(const std::string path, TokenFile());
  v1::SignInRequest request;
  request.set_user(arguments.positional().empty() ? Environment("USER") : arguments.positional()[0]);
  if (request.user().empty()) return Invalid("as whom? `tocsin login alice`");
  request.set_name(SessionName(arguments));
  WarnOfPlainText(client.address());
  TOCSIN_ASSIGN(std::string password, ReadSecretLine("password of " + Printable(request.user())));
  request.set_password(std::move(password));
  TOCSIN_ASSIGN(const auto response, client.Call<SignInService>(&SignInService::Stub::SignIn, request));
  return TakeSession(path, response);
}

absl::Status LogOut(const Arguments&, const Client& client) {
  TOCSIN_TRY(client.Call<SignInService>(&SignInService::Stub::SignOut, v1::SignOutRequest()).status());
  const absl::StatusOr<std::string> path = TokenFile();
  if (path.ok() && client.token_from() == *path && unlink(path->c_str()) != 0) return Failed("remove", *path);
  std::printf("logged out\n");
  return absl::OkStatus();
}

absl::Status Invite(const Arguments& arguments, const Client& client) {
  if (arguments.positional().size() != 2) return Invalid("whom? `tocsin user invite alice`");
  v1::InviteUserRequest request;
  request.set_user(arguments.positional()[1]);
  request.set_reset(arguments.has("reset"));
  if (arguments.has("expires")) {
    TOCSIN_ASSIGN(const absl::Duration span, ParseSpan(arguments.get("expires")));
    request.mutable_expires_in()->set_seconds(absl::ToInt64Seconds(span));
  }
  TOCSIN_ASSIGN(const auto response, client.Call<SignInService>(&SignInService::Stub::InviteUser, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  std::printf("%s\n", response.invitation().c_str());
  std::fprintf(stderr, "good once, until %s; %s runs `tocsin user accept` and gives it when asked\n",
               Show(response.expires_at()).c_str(), Printable(request.user()).c_str());
  return absl::OkStatus();
}

absl::Status Accept(const Arguments& arguments) {
  const Client client = Client::MakeNobody(arguments);
  WarnOfPlainText(client.address());
  v1::AcceptInvitationRequest request;
  TOCSIN_ASSIGN(std::string code, ReadSecretLine("invitation"));
  request.set_invitation(std::move(code));
  TOCSIN_ASSIGN(std::string password, ReadNewPassword());
  request.set_password(std::move(password));
  TOCSIN_ASSIGN(const auto response, client.Call<SignInService>(&SignInService::Stub::AcceptInvitation, request));
  std::printf("%s has a password; `tocsin login %s` uses it\n", Printable(response.user()).c_str(),
              Printable(response.user()).c_str());
  return absl::OkStatus();
}

absl::Status Change(const Client& client) {
  WarnOfPlainText(client.address());
  v1::ChangePasswordRequest request;
  TOCSIN_ASSIGN(std::string former, ReadSecretLine("former password"));
  request.set_former(std::move(former));
  TOCSIN_ASSIGN(std::string password, ReadNewPassword());
  request.set_password(std::move(password));
  TOCSIN_TRY(client.Call<SignInService>(&SignInService::Stub::ChangePassword, request).status());
  std::printf("the password is changed; your other sessions are ended\n");
  return absl::OkStatus();
}

absl::Status Lock(const Arguments& arguments, const Client& client, bool unlock) {
  if (arguments.positional().size() != 2) return Invalid("whom? `tocsin user lock alice`");
  v1::LockUserRequest request;
  request.set_user(arguments.positional()[1]);
  request.set_unlock(unlock);
  request.set_request_id(NewRequestId());
  TOCSIN_TRY(client.Call<SignInService>(&SignInService::Stub::LockUser, request).status());
  const std::string user = Printable(request.user());
  if (unlock) {
    std::printf("%s may log in again, and tokens and links open what they opened\n", user.c_str());
  } else {
    std::printf(
        "%s is logged out everywhere; password, tokens and links in messages open nothing until `tocsin user unlock "
        "%s`.\n"
        "Pages still go there: whoever is not to be paged any more leaves the schedules\n",
        user.c_str(), user.c_str());
  }
  return absl::OkStatus();
}

absl::Status List(const Arguments& arguments, const Client& client) {
  TOCSIN_ASSIGN(const auto response,
                client.Call<SignInService>(&SignInService::Stub::ListUsers, v1::ListUsersRequest()));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"USER", "ROLE", "IN TEAMS", "PASSWORD", "PROVIDERS", "SESSIONS"});
  for (const auto& entry : response.entries()) {
    std::string more;
    for (const auto& in : entry.team_roles()) {
      more += (more.empty() ? "" : ", ") + Printable(in.team()) + " " + EnumWord(v1::Role_Name(in.role()), "ROLE_");
    }
    const std::string password = entry.locked()              ? "LOCKED"
                                 : entry.has_invited_until() ? "invited until " + Show(entry.invited_until())
                                 : entry.has_password()      ? "set " + Show(entry.password_at())
                                                             : "none";
    std::string issuers;
    for (const std::string& issuer : entry.issuers())
      issuers += (issuers.empty() ? "" : ", ") + Printable(issuer);
    table.Add({Printable(entry.user()), EnumWord(v1::Role_Name(entry.role()), "ROLE_"), more, password, issuers,
               std::to_string(entry.sessions())});
  }
  table.Print();
  return absl::OkStatus();
}

}  // namespace

int RunLogin(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      kServerOption,
      {"name",     0, true,  "NAME", "what the session is called in lists (default: this host)" },
      {"oidc",     0, false, "",     "by a provider (OpenID Connect): prints an address to open"},
      {"provider", 0, true,  "NAME", "the same, by this one of several providers"               },
  };
  return WithArguments("login", arguments, kOwn, [](const Arguments& parsed) { return LogIn(parsed); });
}

int RunLogout(std::span<const std::string> arguments) {
  return WithClient("logout", arguments, {}, LogOut);
}

int RunUser(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"expires", 0, true,  "DURATION", "invite: how long the code is good (default 1d, at most 7d)"},
      {"reset",   0, false, "",         "invite: end the password and the sessions that there are"  }
  };
  constexpr OptionSpec kOfNobody[] = {kServerOption};
  if (!arguments.empty() && arguments[0] == "accept") {
    return WithArguments("user", arguments, kOfNobody, [](const Arguments& parsed) { return Accept(parsed); });
  }
  return WithClient("user", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    const std::string what = parsed.positional().empty() ? "" : parsed.positional()[0];
    if (what == "invite") return Invite(parsed, client);
    if (what == "password") return Change(client);
    if (what == "lock") return Lock(parsed, client, /*unlock=*/false);
    if (what == "unlock") return Lock(parsed, client, /*unlock=*/true);
    if (what == "list") return List(parsed, client);
    return Invalid(
        "%s invite alice, accept (an invitation), password (change your own), lock alice, unlock alice, or list",
        what.empty() ? "what about people?" : absl::StrCat(JsonQuote(what), " is none of:"));
  });
}

}  // namespace tocsin
