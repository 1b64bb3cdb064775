#include "notify/http_transfer.h"

#include <algorithm>
#include <utility>

#include <sys/socket.h>

#include "base/strings.h"

namespace tocsin::notify {
namespace {

constexpr long kIdleSeconds = 2;  // far below what any server keeps a connection for: it does not close as we write
constexpr long kLifetimeSeconds = 30;  // then the name is looked up again

}  // namespace

HttpTransfer::HttpTransfer(WebRequest request, const TransportOptions& options, CurlHandle kept)
    : request_(std::move(request)), options_(options), handle_(std::move(kept)) {
  if (handle_ == nullptr) {
    handle_.reset(curl_easy_init());
    TOCSIN_CHECK(handle_ != nullptr, "out of memory");
    SetWhatIsAlike();
  }
  SetWhatIsItsOwn();
}

bool HttpTransfer::MayLeaveItsHandle(const WebRequest& request) {
  return request.repeatable && request.peers == WebRequest::Peers::kPublic && request.username.empty() &&
         !request.body.empty();
}

void HttpTransfer::SetWhatIsAlike() {
  CURL* handle = handle_.get();
  SetCommonOptions(handle, options_);
  SetOption(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  // A connection to whatever the operator has named is never lent to a URL that anybody may have written.
  if (request_.repeatable && request_.peers == WebRequest::Peers::kPublic) {
    SetOption(handle, CURLOPT_FRESH_CONNECT, 0L);
    SetOption(handle, CURLOPT_FORBID_REUSE, 0L);
    SetOption(handle, CURLOPT_MAXAGE_CONN, kIdleSeconds);
    SetOption(handle, CURLOPT_MAXLIFETIME_CONN, kLifetimeSeconds);
  }
  SetOption(handle, CURLOPT_FOLLOWLOCATION, 0L);
  SetOption(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  SetOption(handle, CURLOPT_USERAGENT, "tocsin");
  if (!options_.proxy.empty()) {
    SetOption(handle, CURLOPT_PROXY, options_.proxy);
    SetOption(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  }
  if (!options_.ca_file.empty()) SetOption(handle, CURLOPT_CAINFO, options_.ca_file);
  if (!request_.username.empty()) {
    SetOption(handle, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    SetOption(handle, CURLOPT_USERNAME, request_.username);
    SetOption(handle, CURLOPT_PASSWORD, request_.password);
  }
  SetOption(handle, CURLOPT_OPENSOCKETFUNCTION, OpenSocket);
  SetOption(handle, CURLOPT_PREREQFUNCTION, BeforeRequest);
  SetOption(handle, CURLOPT_HEADERFUNCTION, OnHeader);
  SetOption(handle, CURLOPT_WRITEFUNCTION, OnBody);
}

void HttpTransfer::SetWhatIsItsOwn() {
  CURL* handle = handle_.get();
  SetOption(handle, CURLOPT_URL, request_.url);
  if (options_.proxy.empty()) {
    if (const auto address = options_.addresses->AtOnce(request_.url, KnownAddresses::Clock::now()))
      known_address_ = ConnectTo(handle, *address);
  }
  if (!request_.body.empty()) {
    SetOption(handle, CURLOPT_POST, 1L);
    SetOption(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    SetOption(handle, CURLOPT_POSTFIELDS, request_.body.data());
  }
  for (const std::string& header : request_.headers)
    Append(headers_, header);
  Append(headers_, "Expect:");  // no waiting for a 100 that may never come
  SetOption(handle, CURLOPT_HTTPHEADER, headers_.get());
  SetOption(handle, CURLOPT_ERRORBUFFER, error_.data());
  SetOption(handle, CURLOPT_OPENSOCKETDATA, this);
  SetOption(handle, CURLOPT_PREREQDATA, this);
  SetOption(handle, CURLOPT_HEADERDATA, this);
  SetOption(handle, CURLOPT_WRITEDATA, this);
}

CurlHandle HttpTransfer::LeaveHandle() {
  if (!finished_ || !MayLeaveItsHandle(request_)) return nullptr;
  CURL* handle = handle_.get();
  SetOption(handle, CURLOPT_ERRORBUFFER, nullptr);
  SetOption(handle, CURLOPT_POSTFIELDS, nullptr);
  SetOption(handle, CURLOPT_CONNECT_TO, nullptr);
  SetOption(handle, CURLOPT_HTTPHEADER, nullptr);
  return std::move(handle_);
}

curl_socket_t HttpTransfer::OpenSocket(void* self, curlsocktype /*purpose*/, curl_sockaddr* address) {
  auto* transfer = static_cast<HttpTransfer*>(self);
  transfer->address_tried_ = true;
  // Behind a proxy the peer is the proxy, the operator's own, and what it connects to is its own decision.
  const bool check = transfer->request_.peers == WebRequest::Peers::kPublic && transfer->options_.proxy.empty();
  if (check && !transfer->options_.webhook_peers.Permits(address->addr, address->addrlen)) {
    transfer->peer_denied_ = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int HttpTransfer::BeforeRequest(void* self, char* /*peer*/, char* /*local*/, int /*peer_port*/, int /*local_port*/) {
  static_cast<HttpTransfer*>(self)->request_begun_ = true;
  return CURL_PREREQFUNC_OK;
}

std::size_t HttpTransfer::OnHeader(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<HttpTransfer*>(self);
  const std::string_view line(bytes, size * count);
  transfer->header_bytes_ += line.size();
  if (transfer->header_bytes_ > kReplyBytes) return 0;
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos && ToLower(line.substr(0, colon)) == "retry-after") {
    transfer->retry_after_ = std::string(Trim(line.substr(colon + 1)));
  }
  return line.size();
}

std::size_t HttpTransfer::OnBody(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<HttpTransfer*>(self);
  const std::string_view piece(bytes, size * count);
  const std::size_t room = kReplyBytes - transfer->body_.size();
  transfer->body_.append(piece.substr(0, std::min(room, piece.size())));
  transfer->body_cut_ = piece.size() > room;
  return transfer->body_cut_ ? 0 : piece.size();
}

Reply HttpTransfer::Describe(absl::Time now) const {
  Reply reply;
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  // A 1xx is not yet an answer, and a status before our request is a proxy's.
  if (request_begun_) reply.reached = status >= 200 ? Reply::Reached::kAnswered : Reply::Reached::kSent;
  reply.status = static_cast<int>(status);
  reply.body = body_;
  reply.retry_after = ParseRetryAfter(retry_after_, now);
  return reply;
}

bool HttpTransfer::GoesOnByKnownAddress(CURLcode code) {
  const bool not_resolved =
      code == CURLE_COULDNT_RESOLVE_HOST || (code == CURLE_OPERATION_TIMEDOUT && !address_tried_ && !request_begun_);
  if (!not_resolved || known_address_ != nullptr || !options_.proxy.empty()) return false;
  const auto address = options_.addresses->Instead(request_.url, KnownAddresses::Clock::now());
  if (!address) return false;
  known_address_ = ConnectTo(handle_.get(), *address);
  return true;
}

void HttpTransfer::RememberPeer(CURLcode code) {
  if (!options_.proxy.empty()) return;
  if (known_address_ != nullptr) {
    if (code != CURLE_OK && !request_begun_) options_.addresses->NobodyThere(request_.url);
    return;
  }
  long connections = 0;
  char* peer = nullptr;
  curl_easy_getinfo(handle_.get(), CURLINFO_NUM_CONNECTS, &connections);
  curl_easy_getinfo(handle_.get(), CURLINFO_PRIMARY_IP, &peer);
  // A connection that is kept was made by another one, which has told of it.
  if (request_begun_ && connections > 0 && peer != nullptr)
    options_.addresses->Reached(request_.url, peer, KnownAddresses::Clock::now());
}

Reply HttpTransfer::Finish(CURLcode code, absl::Time now) {
  finished_ = code == CURLE_OK;
  RememberPeer(code);
  Reply reply = Describe(now);
  reply.complete = code == CURLE_OK && !body_cut_;
  if (code == CURLE_OK) return reply;
  reply.trouble = TroubleOf(code);
  reply.error = ErrorOf(code, error_.data());
  if (peer_denied_ && reply.reached == Reply::Reached::kNothing) {
    reply.trouble = Reply::Trouble::kPeerDenied;
    reply.error = "the address leads into a network that is not allowed (--allow_webhooks_to)";
  }
  return reply;
}

Reply HttpTransfer::Abandon(std::string_view why, absl::Time now) const {
  Reply reply = Describe(now);
  reply.complete = false;
  reply.trouble = Reply::Trouble::kDeadline;
  reply.error = std::string(why);
  return reply;
}

}  // namespace tocsin::notify
