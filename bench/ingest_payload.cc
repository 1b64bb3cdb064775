#include "bench/ingest_payload.h"

#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include <grpcpp/support/slice.h>

#include "tocsin/v1/ingest.pb.h"

namespace tocsin {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs LabelsOf(int key) {
  Pairs labels;
  labels.emplace_back("alertname", "HighErrorRate");
  labels.emplace_back("cluster", absl::StrFormat("prod-%d", key % 4));
  labels.emplace_back("env", "production");
  labels.emplace_back("instance", absl::StrFormat("10.%d.%d.%d:9100", key / 65'536, key / 256 % 256, key % 256));
  labels.emplace_back("job", absl::StrFormat("service-%d", key % 50));
  labels.emplace_back("pod", absl::StrFormat("pod-%08x", static_cast<unsigned>(key) * 2'654'435'761U));
  labels.emplace_back("severity", key % 100 == 0 ? "critical" : "warning");
  labels.emplace_back("team", absl::StrFormat("team-%d", key % 10));
  return labels;
}

Pairs AnnotationsOf(int key) {
  Pairs annotations;
  annotations.emplace_back("runbook_url", "https://runbooks.example.com/high-error-rate");
  annotations.emplace_back("summary", absl::StrFormat("error rate of instance %d is above 5%% for 10 minutes", key));
  return annotations;
}

}  // namespace

grpc::ByteBuffer MessageOf(int first) {
  v1::IngestRequest request;
  request.set_batch_id(static_cast<std::uint64_t>(first));
  for (int i = 0; i < kAlertsPerMessage; ++i) {
    v1::Alert& alert = *request.add_alerts();
    for (const auto& [name, value] : LabelsOf((first + i) % kKeys))
      (*alert.mutable_labels())[name] = value;
    for (const auto& [name, value] : AnnotationsOf((first + i) % kKeys))
      (*alert.mutable_annotations())[name] = value;
  }
  const std::string bytes = request.SerializeAsString();
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string BodyOf(int first, int count) {
  const auto object = [](const Pairs& pairs) {
    std::string text = "{";
    for (const auto& [name, value] : pairs) {
      absl::StrAppendFormat(&text, "%s\"%s\":\"%s\"", text.size() > 1 ? "," : "", name, value);
    }
    return text + "}";
  };
  std::string body = "[";
  for (int i = first; i < first + count; ++i) {
    absl::StrAppendFormat(&body, "%s{\"labels\":%s,\"annotations\":%s}", body.size() > 1 ? "," : "",
                          object(LabelsOf(i)), object(AnnotationsOf(i)));
  }
  return body + "]";
}

std::string PostOf(int first, int count) {
  const std::string body = BodyOf(first, count);
  return absl::StrFormat(
      "POST /api/v2/alerts HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
      "Content-Length: %d\r\n\r\n%s",
      body.size(), body);
}

}  // namespace tocsin
