#include "notify/receipts.h"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include "base/status.h"
#include "base/strings.h"
#include "net/http.h"
#include "notify/text.h"

namespace tocsin::notify {
namespace {

constexpr std::size_t kMostFields = 100;
constexpr std::size_t kIdBytes = 64;

enum class Word : std::uint8_t {
  kNothing,
  kDelivered,
  kNot
};
struct Status {
  std::string_view name;
  Word word;
};
// Of messages and of calls; what is not here is a state on the way. A call is delivered when somebody, or something, has picked up.
constexpr Status kStatuses[] = {
    {"delivered",   Word::kDelivered},
    {"read",        Word::kDelivered},
    {"in-progress", Word::kDelivered},
    {"completed",   Word::kDelivered},
    {"undelivered", Word::kNot      },
    {"failed",      Word::kNot      },
    {"canceled",    Word::kNot      },
    {"busy",        Word::kNot      },
    {"no-answer",   Word::kNot      },
};

Word Meaning(std::string_view status) {
  const auto* found = std::ranges::find(kStatuses, status, &Status::name);
  return found == std::end(kStatuses) ? Word::kNothing : found->word;
}

std::string HmacSha1(std::string_view key, std::string_view text) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const auto* bytes = static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
  HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), bytes, text.size(), mac, &size);
  return {mac, mac + size};
}

bool IsSame(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string ValueOf(const std::vector<FormField>& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &FormField::name);
  return found == fields.end() ? std::string() : found->value;
}

// The address without its port: some sign it so.
std::string WithoutPort(const std::string& url) {
  const std::size_t host = url.find("://");
  const std::size_t end = host == std::string::npos ? host : url.find('/', host + 3);
  const std::size_t colon = end == std::string::npos ? end : url.rfind(':', end);
  if (colon == std::string::npos || colon <= host) return url;
  return url.substr(0, colon) + url.substr(end);
}

std::string AddressOf(const Organisation& organisation, std::string_view rest) {
  std::string_view base = organisation.public_url;
  while (base.ends_with('/'))
    base.remove_suffix(1);
  return absl::StrCat(ToAbsl(base), "/receipts/", ToAbsl(rest));
}

// "N17/KEY".
bool ReadName(std::string_view rest, ProviderReceipt& to) {
  std::uint64_t id = 0;
  if (!rest.starts_with('N')) return false;
  const auto read = std::from_chars(rest.data() + 1, rest.data() + rest.size(), id);
  if (read.ec != std::errc() || read.ptr == rest.data() + rest.size() || *read.ptr != '/' || id == 0) return false;
  to.notification = NotificationId(id);
  to.key = std::string(read.ptr + 1, rest.data() + rest.size());
  return !to.key.empty();
}

}  // namespace

std::string ReceiptUrl(const Organisation& organisation, const Notification& notification) {
  return AddressOf(organisation, absl::StrCat("N", notification.id.value(), "/", notification.idempotency_key));
}

std::string SignTwilio(std::string_view auth_token, std::string_view url, std::string_view form) {
  std::vector<FormField> fields = ParseForm(form, kMostFields);
  std::ranges::sort(fields, {}, [](const FormField& field) { return std::tie(field.name, field.value); });
  std::string signed_text(url);
  for (const FormField& field : fields)
    absl::StrAppend(&signed_text, field.name, field.value);
  return absl::Base64Escape(HmacSha1(auth_token, signed_text));
}

absl::StatusOr<std::optional<ProviderReceipt>> ReadReceipt(const Organisation& organisation,
                                                           std::string_view rest,
                                                           std::string_view body,
                                                           std::string_view signature) {
  const std::string url = AddressOf(organisation, rest);
  const auto has_signed = [&](const Twilio& account) {
    const std::string& token = account.auth_token;
    return account.receipts && !token.empty() &&
           (IsSame(signature, SignTwilio(token, url, body)) ||
            IsSame(signature, SignTwilio(token, WithoutPort(url), body)));
  };
  if (!has_signed(organisation.twilio) && !has_signed(organisation.second_twilio))
    return absl::PermissionDeniedError("not signed by an account that is asked for receipts");
  ProviderReceipt receipt;
  if (!ReadName(rest, receipt)) return Invalid("the address does not name a message");
  const std::vector<FormField> fields = ParseForm(body, kMostFields);
  std::string status = ValueOf(fields, "MessageStatus");
  receipt.provider_id = CleanLine(ValueOf(fields, "MessageSid"), kIdBytes);
  if (const std::string call = ValueOf(fields, "CallStatus"); !call.empty()) {
    status = call;
    receipt.provider_id = CleanLine(ValueOf(fields, "CallSid"), kIdBytes);
  }
  if (status.empty()) return Invalid("the report has neither a MessageStatus nor a CallStatus");
  const Word word = Meaning(status);
  if (word == Word::kNothing) return std::nullopt;
  receipt.delivered = word == Word::kDelivered;
  receipt.detail = status;
  if (const std::string code = ValueOf(fields, "ErrorCode"); !code.empty())
    absl::StrAppend(&receipt.detail, ", code ", CleanLine(code, kIdBytes));
  return receipt;
}

}  // namespace tocsin::notify
