#include "notify/heartbeats.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "base/log.h"
#include "base/status.h"
#include "notify/channels/channels.h"

namespace tocsin::notify {
namespace {

constexpr std::chrono::seconds kDeadline(10);
constexpr std::size_t kRemembered = 64;

}  // namespace

Heartbeats::~Heartbeats() {
  for (const auto& [handle, beat] : under_way_)
    curl_multi_remove_handle(multi_, handle);
}

void Heartbeats::Begin(const std::string& url, bool is_own) {
  if (std::ranges::any_of(under_way_,
                          [&](const auto& beat) { return beat.second.url == url && beat.second.is_own == is_own; })) {
    return;
  }
  WebRequest request;
  request.url = url;
  request.peers = is_own ? WebRequest::Peers::kAny : WebRequest::Peers::kPublic;
  auto http = std::make_unique<HttpTransfer>(std::move(request), transport_);
  CURL* handle = http->handle();
  const CURLMcode code = curl_multi_add_handle(multi_, handle);
  TOCSIN_CHECK(code == CURLM_OK, curl_multi_strerror(code));
  under_way_.emplace(handle, Beat{url, is_own, std::chrono::steady_clock::now() + kDeadline, std::move(http)});
}

void Heartbeats::Finish(CURL* handle, CURLcode code) {
  const Reply reply = under_way_.at(handle).http->Finish(code, absl::Now());
  const bool answered = reply.reached == Reply::Reached::kAnswered;
  End(handle, answered && reply.status / 100 == 2, answered ? absl::StrCat("status ", reply.status) : reply.error);
}

void Heartbeats::Expire(Instant now) {
  std::vector<CURL*> late;
  for (const auto& [handle, beat] : under_way_) {
    if (beat.deadline <= now) late.push_back(handle);
  }
  for (CURL* handle : late)
    End(handle, false, "no answer by the deadline");
}

std::optional<Heartbeats::Instant> Heartbeats::next_deadline() const {
  std::optional<Instant> next;
  for (const auto& [handle, beat] : under_way_)
    next = std::min(next.value_or(beat.deadline), beat.deadline);
  return next;
}

// Says so when it changes. The URL is a secret: of it only the host is logged.
void Heartbeats::End(CURL* handle, bool arrived, std::string_view detail) {
  curl_multi_remove_handle(multi_, handle);
  const auto found = under_way_.find(handle);
  const std::string service = Origin(found->second.url);
  const std::pair<std::string, bool> which(found->second.url, found->second.is_own);
  if (arrived_.size() >= kRemembered && !arrived_.contains(which)) arrived_.clear();
  const auto [before, is_first] = arrived_.try_emplace(which, arrived);
  const bool changed = is_first || std::exchange(before->second, arrived) != arrived;
  under_way_.erase(found);
  if (!changed) return;
  if (arrived) {
    LogInfo("the dead-man service gets our heartbeat", {
                                                           {"service", service}
    });
  } else {
    LogError("the dead-man service does not get our heartbeat", {
                                                                    {"service", service},
                                                                    {"detail",  detail }
    });
  }
}

}  // namespace tocsin::notify
