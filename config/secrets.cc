#include "config/secrets.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/mutex.h"
#include "base/small_file.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kShortestKey = 16;
constexpr std::size_t kLongestKey = 256;
constexpr std::size_t kLongestSecret = 4096;

// A secret may have been written where the name of its variable belongs: only what is plainly a name is shown.
bool IsPlainlyAName(std::string_view name) {
  return name.size() <= 64 &&
         std::ranges::all_of(name, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

absl::StatusOr<std::string> ReadEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value != nullptr) return std::string(value);
  if (IsPlainlyAName(name)) return NotFound("the environment has no %s", JsonQuote(name));
  return NotFound("the environment has no variable of the name that stands here");
}

absl::StatusOr<std::string> TakeFromEnvironment(const std::string& name) {
  TOCSIN_ASSIGN(std::string taken, ReadEnvironment(name));
  std::fill_n(std::getenv(name.c_str()), taken.size(), '*');
  return taken;
}

// A secret may have been written where the name of its file belongs: only what is plainly a path is shown.
absl::Status WithoutSecret(const absl::Status& status, const std::string& path) {
  if (path.find('/') != std::string::npos) return status;
  std::string message = Message(status);
  if (message.starts_with(path)) message.replace(0, path.size(), "the file that is named here");
  return absl::Status(status.code(), message);
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  absl::StatusOr<std::string> read = ReadSmallFile(path, kLongestSecret);
  if (!read.ok()) return WithoutSecret(read.status(), path);
  std::string text = *std::move(read);
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

// What a secret was given for: where it is sent, as whom, and how that is kept from others on the way.
struct Purpose {
  std::string_view fields;  // for people
  std::string values;
};

Purpose PurposeOf(const ContactMethod& method) {
  return {"kind or address", absl::StrCat(ToAbsl(Name(method.kind)), "\n", method.address)};
}

// Calls visit(path, secret, purpose) for each secret there may be. Contact methods are known by their owner's id and their own, so
// that order does not matter.
template <typename O, typename Visit>
void VisitSecrets(O& organisation, const Visit& visit) {
  for (auto& user : organisation.users) {
    for (auto& method : user.contact_methods) {
      visit(absl::StrFormat("users[%s].contact_methods[%s].secret", user.id.value(), method.id.value()), method.secret,
            PurposeOf(method));
    }
  }
  for (auto& receiver : organisation.receivers) {
    for (auto& target : receiver.targets) {
      visit(absl::StrFormat("receivers[%s].targets[%s].secret", receiver.id.value(), target.id.value()), target.secret,
            PurposeOf(target));
    }
  }
  for (auto& integration : organisation.integrations)
    visit(absl::StrFormat("integrations[%s].signing_secret", integration.id.value()), integration.signing_secret,
          Purpose{"source", integration.source});
  const auto visit_smtp = [&](const std::string& section, auto& smtp) {
    visit(section + ".password", smtp.password,
          Purpose{"url, username, require_tls or ca_file",
                  absl::StrCat(smtp.url, "\n", smtp.username, "\n", smtp.require_tls, "\n", smtp.ca_file)});
  };
  const auto visit_twilio = [&](const std::string& section, auto& twilio) {
    visit(section + ".auth_token", twilio.auth_token,
          Purpose{"url or account_sid", absl::StrCat(twilio.url, "\n", twilio.account_sid)});
  };
  visit_smtp("smtp", organisation.smtp);
  visit_twilio("twilio", organisation.twilio);
  visit_smtp("second_smtp", organisation.second_smtp);
  visit_twilio("second_twilio", organisation.second_twilio);
  visit("slack.token", organisation.slack.token, Purpose{"url", organisation.slack.url});
}

}  // namespace

Secrets ProcessSecrets() {
  return {ReadEnvironment, ReadFile};
}

Secrets WipingSecrets() {
  struct Taken {
    Mutex mutex;
    std::map<std::string, std::string> by_name ABSL_GUARDED_BY(mutex);
  };
  const auto taken = std::make_shared<Taken>();
  return {[taken](const std::string& name) -> absl::StatusOr<std::string> {
            MutexLock lock(taken->mutex);
            if (const auto found = taken->by_name.find(name); found != taken->by_name.end()) return found->second;
            TOCSIN_ASSIGN(std::string value, TakeFromEnvironment(name));
            taken->by_name.emplace(name, value);
            return value;
          },
          ReadFile};
}

void ForEachSecret(Organisation& organisation,
                   const std::function<void(const std::string& place, std::string& secret)>& visit) {
  VisitSecrets(organisation,
               [&](const std::string& path, std::string& secret, const Purpose& /*purpose*/) { visit(path, secret); });
}

absl::Status CheckKey(std::string_view key) {
  const auto permitted = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
  };
  if (key.size() < kShortestKey || key.size() > kLongestKey) {
    return Invalid("the key has %d characters, must have %d to %d", key.size(), kShortestKey, kLongestKey);
  }
  if (!std::ranges::all_of(key, permitted)) return Invalid("the key may hold letters, digits and - . _ ~ only");
  return absl::OkStatus();
}

Organisation Redacted(const Organisation& organisation) {
  Organisation redacted = organisation;
  VisitSecrets(redacted, [](const std::string& /*path*/, std::string& secret, const Purpose& /*purpose*/) {
    if (!secret.empty()) secret = kUnchanged;
  });
  return redacted;
}

// Whoever applies an export has not seen the secrets, and must not learn them by having them sent elsewhere: one that would be sent to
// another address or account than the one that it was given for is a problem, too.
std::vector<Problem> KeepSecrets(const Organisation& present, Organisation& organisation) {
  struct Known {
    std::string secret;
    std::string purpose;
  };
  std::unordered_map<std::string, Known> known;  // by path
  VisitSecrets(present, [&](const std::string& path, const std::string& secret, const Purpose& purpose) {
    if (!secret.empty()) known.try_emplace(path, Known{secret, purpose.values});
  });
  std::vector<Problem> problems;
  VisitSecrets(organisation, [&](const std::string& path, std::string& secret, const Purpose& purpose) {
    if (secret != kUnchanged) return;
    const auto found = known.find(path);
    if (found == known.end()) {
      problems.push_back({"", 0, 0, path, absl::StrFormat("says %s, but there is none yet", kUnchanged)});
    } else if (found->second.purpose != purpose.values) {
      problems.push_back(
          {"", 0, 0, path,
           absl::StrFormat(
               "says %s, but the %s beside it changes, and the secret is not sent there unseen: give it anew",
               kUnchanged, purpose.fields)});
    } else {
      secret = found->second.secret;
    }
  });
  return problems;
}

}  // namespace tocsin
