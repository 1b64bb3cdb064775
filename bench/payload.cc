#include "bench/payload.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <grpcpp/support/slice.h>

#include "base/status.h"
#include "tocsin/v1/ingest.pb.h"

namespace tocsin {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Stand where Fill writes; as long as what it writes.
constexpr std::string_view kInstance = "10.@I@.@I@.@I@:9100";
constexpr std::string_view kPod = "@P@@P@@P";
constexpr std::string_view kNumber = "@N@@N@@N";
constexpr std::string_view kValue = "@V@@V@";

Pairs LabelsOf(int key, const Pairs& more) {
  Pairs labels;
  labels.emplace_back("alertname", "HighErrorRate");
  labels.emplace_back("cluster", absl::StrFormat("prod-%d", key % 4));
  labels.emplace_back("env", "production");
  labels.emplace_back("instance", kInstance);
  labels.emplace_back("job", absl::StrFormat("service-%d", key % 50));
  labels.emplace_back("pod", absl::StrFormat("pod-%s", absl::string_view(kPod.data(), kPod.size())));
  labels.emplace_back("severity", key % 100 == 0 ? "critical" : "warning");
  labels.emplace_back("team", absl::StrFormat("team-%d", key % 10));
  labels.insert(labels.end(), more.begin(), more.end());
  return labels;
}

Pairs Annotations() {
  return {
      {"runbook_url", "https://runbooks.example.com/high-error-rate"    },
      {"summary",     "error rate of instance @N@@N@@N is at @V@@V@ ppm"}
  };
}

std::string MessageText(int count, const Pairs& more) {
  v1::IngestRequest request;
  request.set_batch_id(1);
  for (int i = 0; i < count; ++i) {
    v1::Alert& alert = *request.add_alerts();
    for (const auto& [name, value] : LabelsOf(i, more))
      (*alert.mutable_labels())[name] = value;
    for (const auto& [name, value] : Annotations())
      (*alert.mutable_annotations())[name] = value;
  }
  return request.SerializeAsString();
}

std::string PostText(int count, const Pairs& more) {
  const auto object = [](const Pairs& pairs) {
    std::string text = "{";
    for (const auto& [name, value] : pairs)
      absl::StrAppendFormat(&text, "%s\"%s\":\"%s\"", text.size() > 1 ? "," : "", name, value);
    return text + "}";
  };
  std::string body = "[";
  for (int i = 0; i < count; ++i) {
    absl::StrAppendFormat(&body, "%s{\"labels\":%s,\"annotations\":%s}", i > 0 ? "," : "", object(LabelsOf(i, more)),
                          object(Annotations()));
  }
  body += "]";
  return absl::StrFormat(
      "POST /api/v2/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: %d\r\n\r\n%s",
      body.size(), body);
}

// `digits` digits of `number`, the last ones.
void Decimal(char* to, std::uint32_t number, int digits) {
  for (int i = digits - 1; i >= 0; --i, number /= 10)
    to[i] = static_cast<char>('0' + number % 10);
}

void Hexadecimal(char* to, std::uint32_t number) {
  for (int i = 7; i >= 0; --i, number >>= 4U)
    to[i] = "0123456789abcdef"[number & 15U];
}

}  // namespace

AlertBytes::AlertBytes(Form form, int count, const Pairs& more_labels)
    : count_(count), text_(form == Form::kMessage ? MessageText(count, more_labels) : PostText(count, more_labels)) {
  TOCSIN_CHECK(count == 1 || count % 100 == 0, "what an alert says beside its key repeats after a hundred");
  Find(kInstance, places_.instance);
  Find(kPod, places_.pod);
  Find(kNumber, places_.number);
  Find(kValue, places_.value);
}

void AlertBytes::Find(std::string_view mark, std::vector<std::size_t>& places) {
  for (std::size_t at = text_.find(mark); at != std::string::npos; at = text_.find(mark, at + mark.size()))
    places.push_back(at);
  TOCSIN_CHECK(places.size() == static_cast<std::size_t>(count_), "each alert has its own of each");
}

void AlertBytes::Fill(char* text, std::uint32_t first, std::uint32_t round) const {
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(count_); ++i) {
    const std::uint32_t key = first + i;
    char* const instance = text + places_.instance[i];
    Decimal(instance + 3, key >> 16U, 3);
    Decimal(instance + 7, key >> 8U & 255U, 3);
    Decimal(instance + 11, key & 255U, 3);
    Hexadecimal(text + places_.pod[i], key * 2'654'435'761U);
    Decimal(text + places_.number[i], key, 8);
    Decimal(text + places_.value[i], round, 6);
  }
}

std::string AlertBytes::Text(std::uint32_t first, std::uint32_t round) const {
  std::string text = text_;
  Fill(text.data(), first, round);
  return text;
}

grpc::ByteBuffer AlertBytes::Message(std::uint32_t first, std::uint32_t round) const {
  const grpc::Slice slice(text_.size());
  char* const text = static_cast<char*>(static_cast<void*>(const_cast<std::uint8_t*>(slice.begin())));
  std::memcpy(text, text_.data(), text_.size());
  Fill(text, first, round);
  return grpc::ByteBuffer(&slice, 1);
}

std::vector<grpc::ByteBuffer> AllMessages() {
  const AlertBytes payload(AlertBytes::Form::kMessage, kAlertsPerMessage);
  std::vector<grpc::ByteBuffer> messages;
  for (std::uint32_t first = 0; first < kKeys; first += kAlertsPerMessage)
    messages.push_back(payload.Message(first));
  return messages;
}

std::vector<std::string> AllPosts() {
  const AlertBytes payload(AlertBytes::Form::kPost, kAlertsPerPost);
  std::vector<std::string> posts;
  for (std::uint32_t first = 0; first < kKeys; first += kAlertsPerPost)
    posts.push_back(payload.Text(first));
  return posts;
}

}  // namespace tocsin
