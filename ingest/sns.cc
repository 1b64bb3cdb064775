#include "ingest/sns.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/json.h"
#include "ingest/signature.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMostRecords = 100;
constexpr std::size_t kUrlBytes = 2048;
constexpr absl::Duration kOldest = absl::Hours(24);
constexpr absl::Duration kEarliest = absl::Hours(1);

bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsLetterOrDigit(char c) {
  return IsLower(c) || (c >= 'A' && c <= 'Z') || IsDigit(c);
}

// eu-west-1, us-gov-east-1. Not s3, nor s3-us-west-2: sns.s3.amazonaws.com is whoever has taken the bucket of that name.
bool IsRegion(std::string_view region) {
  if (region.size() > 32 || std::ranges::count(region, '-') < 2) return false;
  std::size_t part = 0;
  while (true) {
    const std::size_t dash = region.find('-');
    const std::string_view word = region.substr(0, dash);
    const bool is_last = dash == std::string_view::npos;
    if (word.empty() || !std::ranges::all_of(word, is_last ? IsDigit : IsLower)) return false;
    if (part++ == 0 && word.size() != 2) return false;
    if (is_last) return true;
    region.remove_prefix(dash + 1);
  }
}

// What follows the host of an address at https://sns.REGION.amazonaws.com[.cn]; an error when it is any other.
absl::StatusOr<std::string_view> PathAtSns(std::string_view field, std::string_view url) {
  constexpr std::string_view kScheme = "https://sns.";
  const auto refuse = [&] {
    return Invalid("%s: %s is no address at https://sns.REGION.amazonaws.com", field,
                   JsonQuote(TruncateUtf8(url, 100)));
  };
  if (url.size() > kUrlBytes || !url.starts_with(kScheme)) return refuse();
  // Visible ASCII only, and nothing that some client might take for another host.
  if (!std::ranges::all_of(url, [](char c) { return c > ' ' && c <= '~' && c != '@' && c != '\\' && c != '#'; }))
    return refuse();
  const std::string_view rest = url.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return refuse();
  std::string_view host = rest.substr(0, slash);
  for (const std::string_view domain : {".amazonaws.com", ".amazonaws.com.cn"}) {
    if (host.ends_with(domain) && IsRegion(host.substr(0, host.size() - domain.size()))) return rest.substr(slash);
  }
  return refuse();
}

struct Envelope {
  dom::object fields;
  std::string type;

  std::string Text(std::string_view name) const { return MemberText(fields, name); }
  // SigningCertURL; in what a Lambda function gets, SigningCertUrl.
  std::string Url(std::string_view stem) const {
    std::string url = Text(absl::StrCat(ToAbsl(stem), "URL"));
    return url.empty() ? Text(absl::StrCat(ToAbsl(stem), "Url")) : url;
  }
};

// What is verified must be what is read. Sources find members in any spelling, the last of equal ones; so a message with two spellings
// of one name, of which only one is signed, is nobody's.
absl::Status CheckSpelling(dom::object object) {
  constexpr std::string_view kNames[] = {"Records", "Sns",       "Type",  "Message",      "MessageId",    "TopicArn",
                                         "Subject", "Timestamp", "Token", "SubscribeURL", "SubscribeUrl", "Signature"};
  const auto simplified = [](std::string_view name) {
    std::string simple = ToLower(name);
    std::erase_if(simple, [](char c) { return c == '_' || c == '-' || c == ' '; });
    return simple;
  };
  for (const dom::key_value_pair& member : object) {
    const std::string simple = simplified(member.key);
    for (const std::string_view name : kNames) {
      if (simple == ToLower(name) && std::ranges::find(kNames, member.key) == std::end(kNames))
        return Invalid("%s: Amazon writes it otherwise", JsonQuote(TruncateUtf8(member.key, 64)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Envelope>> ReadMessages(const SourceRequest& request) {
  TOCSIN_ASSIGN(const dom::element document, ThreadJsonReader().Read(request.body, JsonReader::Manner::kStrict));
  if (!document.is_object()) return Invalid("expected an object, found %s", JsonTypeName(document));
  const dom::object body(document);
  TOCSIN_TRY(CheckSpelling(body));
  std::vector<Envelope> messages;
  const std::optional<dom::element> records = Member(body, "Records");
  if (records && records->is_array()) {
    for (const dom::element& record : dom::array(*records)) {
      std::optional<dom::element> sns;
      if (record.is_object()) {
        TOCSIN_TRY(CheckSpelling(dom::object(record)));
        sns = Member(dom::object(record), "Sns");
      }
      if (!sns || !sns->is_object()) return Invalid("Records[%d].Sns: missing", messages.size());
      if (messages.size() == kMostRecords) return Invalid("Records: more than %d", kMostRecords);
      TOCSIN_TRY(CheckSpelling(dom::object(*sns)));
      messages.push_back({dom::object(*sns), ""});
    }
  } else {
    messages.push_back({body, ""});
  }
  if (messages.empty()) return Invalid("Records: empty");
  for (Envelope& message : messages) {
    message.type = message.Text("Type");
    if (!message.type.empty() && !message.Text("TopicArn").empty()) continue;
    return Invalid(
        "Type or TopicArn: missing; with raw message delivery nothing is signed: turn it off for this subscription");
  }
  return messages;
}

// The field that all messages of a request must agree on.
template <typename Get>
absl::StatusOr<std::string> TheOne(const SourceRequest& request, std::string_view name, Get get) {
  TOCSIN_ASSIGN(const std::vector<Envelope> messages, ReadMessages(request));
  const std::string first = get(messages.front());
  if (!std::ranges::all_of(messages, [&](const Envelope& message) { return get(message) == first; })) {
    return Invalid("%s: not the same in all records", name);
  }
  return first;
}

absl::StatusOr<SnsType> ParseType(std::string_view type) {
  if (type == "Notification") return SnsType::kNotification;
  if (type == "SubscriptionConfirmation") return SnsType::kSubscriptionConfirmation;
  if (type == "UnsubscribeConfirmation") return SnsType::kUnsubscribeConfirmation;
  return Invalid("Type: %s is none of Notification, SubscriptionConfirmation, UnsubscribeConfirmation",
                 JsonQuote(TruncateUtf8(type, 64)));
}

// Name and value of each field that is signed, a line each, in Amazon's order.
std::string SignedText(const Envelope& message) {
  const bool is_notification = message.type == "Notification";
  std::string text;
  const auto add = [&](std::string_view name, const std::string& value) {
    absl::StrAppend(&text, ToAbsl(name), "\n", value, "\n");
  };
  add("Message", message.Text("Message"));
  add("MessageId", message.Text("MessageId"));
  if (is_notification) {
    if (Member(message.fields, "Subject")) add("Subject", message.Text("Subject"));
  } else {
    add("SubscribeURL", message.Url("Subscribe"));
  }
  add("Timestamp", message.Text("Timestamp"));
  if (!is_notification) add("Token", message.Text("Token"));
  add("TopicArn", message.Text("TopicArn"));
  add("Type", message.type);
  return text;
}

// Amazon tries for some hours; what is older is an old message that somebody sends again.
absl::Status CheckAge(std::string_view timestamp, absl::Time received) {
  const std::optional<absl::Time> sent = ParseAnyTime(timestamp);
  if (!sent) return Invalid("Timestamp: %s is no time", JsonQuote(TruncateUtf8(timestamp, 40)));
  if (received - *sent > kOldest || *sent - received > kEarliest)
    return Invalid("Timestamp: %s is too far from now", JsonQuote(TruncateUtf8(timestamp, 40)));
  return absl::OkStatus();
}

absl::Status VerifyOne(const Envelope& message, std::string_view certificate, absl::Time received) {
  const std::string version = message.Text("SignatureVersion");
  if (version != "1" && version != "2") {
    return Invalid("SignatureVersion: %s is neither 1 nor 2", JsonQuote(TruncateUtf8(version, 16)));
  }
  std::string signature;
  if (!absl::Base64Unescape(message.Text("Signature"), &signature) || signature.empty()) {
    return Invalid("Signature: missing, or not base64");
  }
  TOCSIN_ASSIGN(const SnsType type, ParseType(message.type));
  if (type == SnsType::kNotification) TOCSIN_TRY(CheckAge(message.Text("Timestamp"), received));
  const RsaDigest digest = version == "1" ? RsaDigest::kSha1 : RsaDigest::kSha256;
  return Annotate(CheckRsa(SignedText(message), signature, digest, certificate, received), "Signature");
}

}  // namespace

absl::StatusOr<SnsType> SnsMessageType(const SourceRequest& request) {
  TOCSIN_ASSIGN(const std::string type, TheOne(request, "Type", [](const Envelope& m) { return m.type; }));
  return ParseType(type);
}

absl::StatusOr<std::string> SnsTopic(const SourceRequest& request) {
  TOCSIN_ASSIGN(std::string topic, TheOne(request, "TopicArn", [](const Envelope& m) { return m.Text("TopicArn"); }));
  if (!topic.starts_with("arn:")) {
    return Invalid("TopicArn: %s is no topic such as arn:aws:sns:eu-west-1:123456789012:alarms",
                   JsonQuote(TruncateUtf8(topic, 100)));
  }
  return topic;
}

absl::StatusOr<std::string> SnsCertificateUrl(const SourceRequest& request) {
  TOCSIN_ASSIGN(std::string url,
                TheOne(request, "SigningCertURL", [](const Envelope& m) { return m.Url("SigningCert"); }));
  if (url.empty()) return Invalid("SigningCertURL: missing");
  TOCSIN_ASSIGN(std::string_view path, PathAtSns("SigningCertURL", url));
  constexpr std::string_view kPrefix = "/SimpleNotificationService-";
  constexpr std::string_view kSuffix = ".pem";
  const bool is_certificate = path.size() > kPrefix.size() + kSuffix.size() && path.starts_with(kPrefix) &&
                              path.ends_with(kSuffix) &&
                              std::ranges::all_of(path.substr(kPrefix.size(), path.size() - kPrefix.size() - 4),
                                                  [](char c) { return IsLetterOrDigit(c) || c == '-'; });
  if (!is_certificate) {
    return Invalid("SigningCertURL: %s is not where SNS keeps its certificates", JsonQuote(TruncateUtf8(path, 100)));
  }
  return url;
}

absl::StatusOr<std::string> SnsSubscribeUrl(const SourceRequest& request) {
  TOCSIN_ASSIGN(const SnsType type, SnsMessageType(request));
  if (type == SnsType::kNotification) return Invalid("Type: a Notification confirms nothing");
  TOCSIN_ASSIGN(const std::string topic, SnsTopic(request));
  TOCSIN_ASSIGN(std::string url, TheOne(request, "SubscribeURL", [](const Envelope& m) { return m.Url("Subscribe"); }));
  if (url.empty()) return Invalid("SubscribeURL: missing");
  TOCSIN_ASSIGN(const std::string_view path, PathAtSns("SubscribeURL", url));
  const std::string_view query = path.starts_with("/?") ? path.substr(2) : std::string_view();
  int actions = 0;
  int topics = 0;
  for (const FormField& field : ParseForm(query, 16)) {
    if (field.name == "Action") actions += field.value == "ConfirmSubscription" ? 1 : 100;
    if (field.name == "TopicArn") topics += field.value == topic ? 1 : 100;
  }
  if (actions == 1 && topics == 1) return url;
  return Invalid("SubscribeURL: does not confirm the subscription to %s", topic);
}

absl::Status VerifySns(const SourceRequest& request, std::string_view certificate, absl::Time received) {
  if (certificate.empty()) return Precondition("there is no certificate to check the signature with");
  TOCSIN_ASSIGN(const std::vector<Envelope> messages, ReadMessages(request));
  for (const Envelope& message : messages) {
    TOCSIN_TRY(VerifyOne(message, certificate, received));
  }
  return absl::OkStatus();
}

}  // namespace tocsin
