#include "cli/notify.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <unistd.h>

#include "base/small_file.h"
#include "base/status.h"
#include "base/strings.h"
#include "cli/own_certificate.h"
#include "cli/session.h"
#include "client/client.h"
#include "net/http_client.h"

namespace tocsin {
namespace {

constexpr std::size_t kValueBytes = 8 * 1024;
constexpr std::size_t kKeyFileBytes = 64 * 1024;
constexpr absl::Duration kRound = absl::Minutes(1);

constexpr OptionSpec kCommon[] = {
    {"url",      0, true, "URL",  "the server's HTTP address (default: $TOCSIN_URL or http://127.0.0.1:8911)"},
    {"key",      0, true, "KEY",  "the integration's key (default: $TOCSIN_INTEGRATION_KEY)"                 },
    {"key-file", 0, true, "FILE", "reads the key from a file; other users cannot see it in the process list" },
    {"spool",    0, true, "DIR",  "where events wait (default /var/spool/tocsin)"                            },
    {"timeout",  0, true, "SPAN", "how long to try before leaving the rest to the next call (default 5s)"    },
};
constexpr OptionSpec kDrain[] = {
    {"drain",  0, false, "", "only sends what waits in the spool, as `tocsin drain-spool` does"},
    {"follow", 0, false, "", "with --drain: goes on for ever"                                  },
};

absl::StatusOr<std::string> ReadKey(const Arguments& arguments, const NotifyCommand& command) {
  std::string key = arguments.get("key");
  if (const std::string path = arguments.get("key-file"); key.empty() && !path.empty()) {
    TOCSIN_ASSIGN(const std::string text, ReadSmallFile(path, kKeyFileBytes));
    const std::string_view all = text;
    key = std::string(Trim(all.substr(0, all.find('\n'))));
    if (key.empty()) return Unavailable("%s: there is no key in its first line", path);
  }
  if (key.empty()) key = EnvironmentValue("TOCSIN_INTEGRATION_KEY");
  if (key.empty() && command.first_of_three_is_key && arguments.positional().size() == 3)
    key = arguments.positional().front();
  if (key.empty() && !command.key_variable.empty()) key = EnvironmentValue(std::string(command.key_variable));
  key = std::string(Trim(key));
  const bool plain = std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '~';
  });
  if (key.empty() || !plain) return Invalid("no integration key: give --key, --key-file or $TOCSIN_INTEGRATION_KEY");
  return key;
}

std::string ReadUrl(const Arguments& arguments) {
  std::string url = arguments.get("url", EnvironmentValue("TOCSIN_URL"));
  if (url.empty()) url = "http://127.0.0.1:8911";
  while (url.ends_with('/'))
    url.pop_back();
  return url;
}

// Time as it passes, whatever the wall clock does.
class Patience {
 public:
  explicit Patience(absl::Duration patience)
      : ends_(std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(std::min(patience, absl::Hours(24)))) {}
  absl::Duration left() const { return absl::FromChrono(ends_ - std::chrono::steady_clock::now()); }

 private:
  std::chrono::steady_clock::time_point ends_;
};

SendResult Post(const SpooledEvent& event, absl::Duration patience) {
  constexpr int kPermanent[] = {400, 401, 403, 404, 405, 410, 413, 415, 422};
  HttpCall call;
  call.method = "POST";
  call.url = absl::StrCat(event.url, "/v1/integrations/", event.key);
  call.headers.push_back({"Content-Type", "application/json"});
  call.body = event.body;
  call.timeout = std::clamp(patience, absl::Milliseconds(100), absl::Seconds(10));
  call.connect_timeout = std::min(call.timeout, absl::Seconds(2));
  const absl::StatusOr<HttpResponse> response = Perform(call);
  if (!response.ok()) {
    // Its words begin with the URL, which ends in the key; monitoring systems log what we print.
    std::string reason = Message(response.status());
    if (reason.starts_with(call.url)) reason.replace(0, call.url.size(), event.url);
    return {SendResult::Kind::kLater, reason};
  }
  if (response->status / 100 == 2) return {SendResult::Kind::kSent, ""};
  const bool permanent = std::ranges::find(kPermanent, response->status) != std::end(kPermanent);
  return {permanent ? SendResult::Kind::kRejected : SendResult::Kind::kLater,
          absl::StrCat("the server answered with status ", response->status, ": ",
                       GoQuote(TruncateUtf8(Trim(response->body), 200)))};
}

SendResult Deliver(const SpooledEvent& event, absl::Duration patience) {
  if (!IsForStream(event)) return Post(event, patience);
  SenderOptions options;
  options.root_certificates = TrustedCertificates();
  OwnCertificate own = ReadOwnCertificate();
  options.certificate = std::move(own.certificate);
  options.private_key = std::move(own.key);
  return SendSpooled(event, std::move(options), std::clamp(patience, absl::Milliseconds(100), absl::Seconds(10)));
}

std::string Rejections(std::size_t count, const std::string& reason) {
  return absl::StrFormat("%d events will never be taken and lie in the spool's folder \"rejected\": %s", count, reason);
}

absl::Status ReportRejected(const Spool::Drained& drained) {
  if (drained.rejected.empty()) return absl::OkStatus();
  return Precondition("%s", Rejections(drained.rejected.size(), drained.rejected.front().reason));
}

void Say(std::string_view command, const std::string& text) {
  std::fprintf(stderr, "tocsin %.*s: %s\n", static_cast<int>(command.size()), command.data(), text.c_str());
}

absl::Status SpoolAndSend(const NotifyCommand& command, const SpooledEvent& event, const Arguments& arguments) {
  absl::Duration patience = absl::Seconds(5);
  if (arguments.has("timeout")) {
    TOCSIN_ASSIGN(patience, ParseSpan(arguments.get("timeout")));
  }
  TOCSIN_ASSIGN(const HandedOver handed, HandOver(arguments.get("spool", kDefaultSpool), event, patience));
  if (!handed.trouble.empty()) {
    Say(command.name, absl::StrCat(handed.waits ? "spooled, " : "sent, ", handed.trouble));
  }
  if (!handed.others_rejected.empty()) Say(command.name, "of others, " + handed.others_rejected);
  return absl::OkStatus();
}

absl::Status Notify(const NotifyCommand& command, const Arguments& arguments) {
  if (command.may_drain && arguments.has("drain")) {
    TOCSIN_ASSIGN(const Spool spool, Spool::Open(arguments.get("spool", kDefaultSpool)));
    return arguments.has("follow") ? DrainForEver(command.name, spool) : DrainAndReport(spool, absl::Hours(1));
  }
  SpooledEvent event{.url = ReadUrl(arguments), .key = {}, .body = {}};
  TOCSIN_ASSIGN(event.key, ReadKey(arguments, command));
  TOCSIN_ASSIGN(event.body, command.read(arguments));
  if (event.body.empty()) return absl::OkStatus();
  return SpoolAndSend(command, event, arguments);
}

}  // namespace

void VendorFields::Keep(std::string_view name, std::string_view value) {
  if (!value.empty()) fields_[std::string(name)] = TruncateUtf8(value, kValueBytes);
}

std::string VendorFields::Get(const std::string& name) const {
  const auto found = fields_.find(name);
  return found == fields_.end() ? "" : found->second;
}

std::string VendorFields::ToJson() const {
  std::string json = "{";
  for (const auto& [name, value] : fields_) {
    absl::StrAppend(&json, json.size() > 1 ? "," : "", JsonQuote(name), ":", JsonQuote(value));
  }
  return json + "}";
}

std::string EnvironmentValue(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

std::vector<std::pair<std::string, std::string>> EnvironmentWith(std::string_view prefix) {
  std::vector<std::pair<std::string, std::string>> found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with(prefix) || equals < prefix.size()) continue;
    found.emplace_back(text.substr(prefix.size(), equals - prefix.size()), text.substr(equals + 1));
  }
  std::ranges::sort(found);
  return found;
}

int RunNotify(const NotifyCommand& command, std::span<const std::string> arguments) {
  std::vector<OptionSpec> options(std::begin(kCommon), std::end(kCommon));
  options.insert(options.end(), command.own.begin(), command.own.end());
  if (command.may_drain) options.insert(options.end(), std::begin(kDrain), std::end(kDrain));
  return WithArguments(command.name, arguments, options,
                       [&](const Arguments& parsed) { return Notify(command, parsed); });
}

absl::StatusOr<HandedOver> HandOver(const std::string& folder, const SpooledEvent& event, absl::Duration patience) {
  const absl::StatusOr<Spool> spool = Spool::Open(folder);
  const absl::StatusOr<std::string> name = spool.ok() ? spool->Put(event, absl::Now()) : spool.status();
  if (!name.ok()) {
    // No disk: all that is left is to send it now.
    const SendResult result = Deliver(event, patience);
    if (result.kind == SendResult::Kind::kSent) {
      return HandedOver{.waits = false, .trouble = "not spooled: " + Message(name.status()), .others_rejected = {}};
    }
    return Annotate(name.status(), absl::StrCat("the event is lost: neither sent (", result.reason, ") nor spooled"));
  }
  const absl::StatusOr<Spool::Drained> drained = DrainOnce(*spool, patience);
  HandedOver handed{.waits = std::ranges::count(spool->Names(), *name) > 0, .trouble = {}, .others_rejected = {}};
  if (!drained.ok()) {
    handed.trouble = absl::StrCat(handed.waits ? "not sent: " : "not others: ", Message(drained.status()));
    return handed;
  }
  const auto ours = std::ranges::find(drained->rejected, *name, &Spool::Drained::Rejected::name);
  const bool is_refused = ours != drained->rejected.end();
  if (is_refused || spool->IsRejected(*name)) {  // by us, or by whoever else drained meanwhile
    return Precondition("it will never be taken and lies in the spool's folder \"rejected\": %s",
                        is_refused ? ours->reason : "the reason is beside it");
  }
  if (!drained->rejected.empty()) {
    handed.others_rejected = Rejections(drained->rejected.size(), drained->rejected.front().reason);
  }
  if (!drained->trouble.empty()) {
    handed.trouble = absl::StrFormat("%d %swait: %s", drained->left, handed.waits ? "" : "others ", drained->trouble);
  }
  return handed;
}

absl::StatusOr<Spool::Drained> DrainOnce(const Spool& spool, absl::Duration patience) {
  const Patience time(patience);
  return spool.Drain([&](const SpooledEvent& event) { return Deliver(event, time.left()); },
                     [&] { return time.left() > absl::ZeroDuration(); });
}

absl::Status DrainAndReport(const Spool& spool, absl::Duration patience) {
  TOCSIN_ASSIGN(const Spool::Drained drained, DrainOnce(spool, patience));
  std::printf("sent %zu, rejected %zu, waiting %zu\n", drained.sent, drained.rejected.size(), drained.left);
  TOCSIN_TRY(ReportRejected(drained));
  if (!drained.trouble.empty()) return Unavailable("%d events wait: %s", drained.left, drained.trouble);
  return absl::OkStatus();
}

absl::Status DrainForEver(std::string_view command, const Spool& spool) {
  constexpr absl::Duration kPoll = absl::Seconds(1);
  constexpr absl::Duration kLongest = absl::Minutes(1);
  absl::Duration pause = kPoll;
  std::string said;
  while (true) {
    TOCSIN_ASSIGN(const Spool::Drained drained, DrainOnce(spool, kRound));
    if (const absl::Status rejected = ReportRejected(drained); !rejected.ok()) Say(command, Message(rejected));
    if (!drained.trouble.empty() && drained.trouble != said) {
      Say(command, absl::StrFormat("%d events wait: %s", drained.left, drained.trouble));
    }
    said = drained.trouble;
    pause = drained.trouble.empty() ? kPoll : std::min(pause * 2, kLongest);
    absl::SleepFor(pause);
  }
}

}  // namespace tocsin
