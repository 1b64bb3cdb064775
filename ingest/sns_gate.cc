#include "ingest/sns_gate.h"

#include <algorithm>

#include "base/status.h"
#include "base/strings.h"
#include "ingest/sns.h"

namespace tocsin {
namespace {

constexpr std::size_t kCertificates = 32;
constexpr std::size_t kCertificateBytes = 64 * 1024;

SourceRequest Of(const HttpRequest& request) {
  return {.body = request.body,
          .content_type = request.header("Content-Type"),
          .query = request.query,
          .headers = request.headers};
}

// A topic as it is listed may end in '*'.
bool Lists(const std::vector<std::string>& topics, std::string_view topic) {
  return std::ranges::any_of(topics, [&](std::string_view listed) {
    if (listed.ends_with('*')) return topic.starts_with(listed.substr(0, listed.size() - 1));
    return topic == listed;
  });
}

absl::Status Denied(std::string_view why) {
  return absl::PermissionDeniedError(ToAbsl(why));
}

}  // namespace

void SnsGate::Judge(std::shared_ptr<const HttpRequest> request,
                    const std::vector<std::string>& topics,
                    absl::Time received,
                    Decided decided) {
  const SourceRequest source_request = Of(*request);
  const absl::StatusOr<SnsType> type = SnsMessageType(source_request);
  if (topics.empty()) {
    if (!type.ok() || *type == SnsType::kNotification) return decided(Verdict::kRead);
    const absl::StatusOr<std::string> topic = SnsTopic(source_request);
    return decided(
        Denied("a subscription asks to be confirmed: list its topic under `topics` of this integration, then let SNS "
               "ask again: " +
               (topic.ok() ? *topic : Message(topic.status()))));
  }
  const absl::StatusOr<std::string> topic = SnsTopic(source_request);
  if (!type.ok() || !topic.ok()) {
    return decided(Denied("this integration takes signed messages of its `topics` only: " +
                          Message(type.ok() ? topic.status() : type.status())));
  }
  if (!Lists(topics, *topic)) return decided(Denied("topic " + *topic + " is not among this integration's `topics`"));
  const absl::StatusOr<std::string> url = SnsCertificateUrl(source_request);
  if (!url.ok()) return decided(Denied(Message(url.status())));
  if (const std::string known = Certificate(*url); !known.empty())
    return Verify(*request, known, received, std::move(decided));
  const auto shared = std::make_shared<Decided>(std::move(decided));
  const bool fetching = fetch_ && fetch_(*url, [self = shared_from_this(), url = *url, request, received,
                                                shared](absl::StatusOr<HttpResponse> response) {
                          if (!response.ok() || response->status != 200 || response->body.size() > kCertificateBytes) {
                            const std::string why = response.ok() ? absl::StrFormat("answer %d", response->status)
                                                                  : Message(response.status());
                            return (*shared)(Unavailable("the certificate %s could not be fetched: %s", url, why));
                          }
                          self->Keep(url, response->body);
                          self->Verify(*request, response->body, received, std::move(*shared));
                        });
  if (!fetching) (*shared)(Unavailable("the certificate could not be fetched now"));
}

void SnsGate::Verify(const HttpRequest& request, std::string_view certificate, absl::Time received, Decided decided) {
  if (const absl::Status status = VerifySns(Of(request), certificate, received); !status.ok())
    return decided(Denied(Message(status)));
  const absl::StatusOr<SnsType> type = SnsMessageType(Of(request));
  if (type.ok() && *type == SnsType::kSubscriptionConfirmation) return Confirm(request, std::move(decided));
  // That somebody has ended a subscription is not undone by itself: the source tells people.
  decided(Verdict::kRead);
}

void SnsGate::Confirm(const HttpRequest& request, Decided decided) {
  const absl::StatusOr<std::string> url = SnsSubscribeUrl(Of(request));
  if (!url.ok()) return decided(Denied(Message(url.status())));
  const auto shared = std::make_shared<Decided>(std::move(decided));
  const bool fetching = fetch_(*url, [shared](const absl::StatusOr<HttpResponse>& response) {
    if (response.ok() && response->status == 200) return (*shared)(Verdict::kConfirmed);
    (*shared)(Unavailable("the subscription could not be confirmed: %s",
                          response.ok() ? absl::StrFormat("answer %d", response->status) : Message(response.status())));
  });
  if (!fetching) (*shared)(Unavailable("the subscription could not be confirmed now"));
}

std::string SnsGate::Certificate(const std::string& url) const {
  MutexLock lock(mutex_);
  const auto found = certificates_.find(url);
  return found == certificates_.end() ? "" : found->second;
}

void SnsGate::Keep(const std::string& url, std::string certificate) {
  MutexLock lock(mutex_);
  if (certificates_.size() >= kCertificates) certificates_.clear();
  certificates_[url] = std::move(certificate);
}

}  // namespace tocsin
