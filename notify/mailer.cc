#include "notify/mailer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/small_file.h"
#include "base/strings.h"

namespace tocsin::notify {
namespace {

constexpr std::string_view kMessageStage = ".";
constexpr std::size_t kCertificatesBytes = 1 << 20;

bool IsLoopback(const curl_sockaddr& address) {
  if (address.family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address.addr, sizeof v4);
    return (ntohl(v4.sin_addr.s_addr) >> 24U) == 127;
  }
  if (address.family != AF_INET6) return false;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address.addr, sizeof v6);
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

// One message over one connection. Perform() gives its outcome; only then the destructor says goodbye to the server,
// without waiting for the answer.
class MailTransfer {
 public:
  MailTransfer(MailJob& job, const TransportOptions& options)
      : job_(job), addresses_(*options.addresses), peers_(options.mail_peers), handle_(curl_easy_init()) {
    TOCSIN_CHECK(handle_ != nullptr, "out of memory");
    CURL* handle = handle_.get();
    const MailRequest& mail = job.request();
    SetCommonOptions(handle, options);
    // The goodbye (QUIT) of a connection that may not be reused would come, and block, before the outcome is known.
    SetOption(handle, CURLOPT_FORBID_REUSE, 0L);
    const auto deadline_ms = std::max<std::int64_t>(1, absl::ToInt64Milliseconds(job.deadline()));
    SetTimeLeft();
    SetOption(handle, CURLOPT_SERVER_RESPONSE_TIMEOUT, static_cast<long>(deadline_ms / 1000 + 1));
    SetOption(handle, CURLOPT_ERRORBUFFER, error_.data());
    SetOption(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SetOption(handle, CURLOPT_URL, mail.url);
    SetOption(handle, CURLOPT_USE_SSL, static_cast<long>(mail.require_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (!mail.ca_file.empty()) TrustFile(mail.ca_file);
    if (!mail.username.empty()) {
      SetOption(handle, CURLOPT_USERNAME, mail.username);
      SetOption(handle, CURLOPT_PASSWORD, mail.password);
    }
    SetOption(handle, CURLOPT_MAIL_FROM, mail.sender);
    Append(recipients_, mail.recipient);
    SetOption(handle, CURLOPT_MAIL_RCPT, recipients_.get());
    SetOption(handle, CURLOPT_UPLOAD, 1L);
    SetCallbacks();
  }
  ~MailTransfer() { Hush(); }
  MailTransfer(const MailTransfer&) = delete;
  MailTransfer& operator=(const MailTransfer&) = delete;

  Reply Perform() {
    Reply reply;
    if (!trouble_.empty()) {
      reply.trouble = Reply::Trouble::kTls;
      reply.error = trouble_;
      return reply;
    }
    const CURLcode code = Exchange();
    reply.stage = stage_;
    reply.trouble = TroubleOf(code);
    if (code != CURLE_OK) reply.error = ErrorOf(code, error_.data());
    if (peer_denied_ && status_ == 0) {
      reply.trouble = Reply::Trouble::kPeerDenied;
      reply.error = "the mail server's address leads into a network that is not allowed (--allow_webhooks_to)";
    }
    const bool about_us = reply.trouble == Reply::Trouble::kTls || reply.trouble == Reply::Trouble::kLogin;
    const bool refused = status_ >= 400;
    if (stage_ == kMessageStage) {
      reply.reached = status_ != 0 ? Reply::Reached::kAnswered : Reply::Reached::kSent;
    } else if (refused && !about_us) {
      reply.reached = Reply::Reached::kAnswered;
    }
    reply.status = status_;
    reply.body = line_;
    return reply;
  }

 private:
  // Managers write its path: what stands there may be a pipe or have no end, and libcurl would wait for it.
  void TrustFile(const std::string& path) {
    const absl::StatusOr<std::string> text = ReadSmallFile(path, kCertificatesBytes);
    if (!text.ok()) {
      trouble_ = "ca_file: " + Message(text.status());
      return;
    }
    certificates_ = *text;
    curl_blob blob{certificates_.data(), certificates_.size(), CURL_BLOB_NOCOPY};
    SetOption(handle_.get(), CURLOPT_CAINFO_BLOB, &blob);
  }

  void SetTimeLeft() {
    const auto left = job_.deadline() - absl::FromChrono(KnownAddresses::Clock::now() - begun_);
    SetOption(handle_.get(), CURLOPT_TIMEOUT_MS,
              static_cast<long>(std::max<std::int64_t>(1, absl::ToInt64Milliseconds(left))));
  }

  // With the server where its name leads; while that does not resolve, where it was last reached.
  CURLcode Exchange() {
    const std::string& url = job_.request().url;
    std::optional<std::string> known = addresses_.AtOnce(url, begun_);
    CURLcode code = CURLE_COULDNT_RESOLVE_HOST;
    if (!known) {
      code = curl_easy_perform(handle_.get());
      const auto now = KnownAddresses::Clock::now();
      const bool not_resolved = code == CURLE_COULDNT_RESOLVE_HOST ||
                                (code == CURLE_OPERATION_TIMEDOUT && !address_tried_ && !job_.given_up());
      if (status_ != 0) RememberPeer(now);
      if (not_resolved) known = addresses_.Instead(url, now);
    }
    if (!known) return code;
    const CurlList place = ConnectTo(handle_.get(), *known);
    SetTimeLeft();
    code = curl_easy_perform(handle_.get());
    SetOption(handle_.get(), CURLOPT_CONNECT_TO, nullptr);
    if (code != CURLE_OK && status_ == 0) addresses_.NobodyThere(url);
    return code;
  }

  void RememberPeer(KnownAddresses::Clock::time_point now) {
    char* peer = nullptr;
    curl_easy_getinfo(handle_.get(), CURLINFO_PRIMARY_IP, &peer);
    if (peer != nullptr) addresses_.Reached(job_.request().url, peer, now);
  }

  void SetCallbacks() {
    CURL* handle = handle_.get();
    SetOption(handle, CURLOPT_READFUNCTION, OnRead);
    SetOption(handle, CURLOPT_READDATA, this);
    SetOption(handle, CURLOPT_HEADERFUNCTION, OnReplyLine);
    SetOption(handle, CURLOPT_HEADERDATA, this);
    SetOption(handle, CURLOPT_DEBUGFUNCTION, OnTrace);
    SetOption(handle, CURLOPT_DEBUGDATA, this);
    SetOption(handle, CURLOPT_VERBOSE, 1L);
    SetOption(handle, CURLOPT_XFERINFOFUNCTION, OnProgress);
    SetOption(handle, CURLOPT_XFERINFODATA, this);
    SetOption(handle, CURLOPT_NOPROGRESS, 0L);
    SetOption(handle, CURLOPT_OPENSOCKETFUNCTION, OpenSocket);
    SetOption(handle, CURLOPT_OPENSOCKETDATA, this);
    SetOption(handle, CURLOPT_CLOSESOCKETFUNCTION, CloseSocket);
    SetOption(handle, CURLOPT_CLOSESOCKETDATA, this);
  }

  static std::size_t OnRead(char* out, std::size_t size, std::size_t count, void* self) {
    auto* transfer = static_cast<MailTransfer*>(self);
    const std::string_view message = transfer->job_.request().message;
    if (transfer->job_.given_up()) return CURL_READFUNC_ABORT;
    const std::string_view piece = message.substr(transfer->read_, size * count);
    if (piece.empty()) {
      // The end: what follows is the final dot, with which the server takes the message over.
      if (!transfer->job_.Commit()) return CURL_READFUNC_ABORT;
      transfer->stage_ = kMessageStage;
      transfer->status_ = 0;
      return 0;
    }
    std::memcpy(out, piece.data(), piece.size());
    transfer->read_ += piece.size();
    return piece.size();
  }

  // "250-..." goes on, "250 ..." is the end of a reply.
  static std::size_t OnReplyLine(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto* transfer = static_cast<MailTransfer*>(self);
    const std::string_view line(bytes, size * count);
    const auto digit = [&](std::size_t i) { return line[i] >= '0' && line[i] <= '9' ? line[i] - '0' : -1; };
    if (line.size() < 3 || digit(0) < 0 || digit(1) < 0 || digit(2) < 0) return line.size();
    if (line.size() > 3 && line[3] == '-') return line.size();
    // A refusal stands until the next command: the reply to libcurl's goodbye does not take it back.
    if (transfer->status_ >= 400) return line.size();
    transfer->status_ = digit(0) * 100 + digit(1) * 10 + digit(2);
    transfer->line_ = std::string(Trim(TruncateUtf8(line, 512)));
    if (transfer->stage_ == kMessageStage) transfer->Hush();
    return line.size();
  }

  // Which command a reply belongs to. Credentials pass through here: nothing but known verbs is kept. What the socket did
  // not take at once comes here empty.
  static int OnTrace(CURL* /*handle*/, curl_infotype type, char* bytes, std::size_t size, void* self) {
    constexpr std::string_view kVerbs[] = {"EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"};
    auto* transfer = static_cast<MailTransfer*>(self);
    if (type != CURLINFO_HEADER_OUT || transfer->stage_ == kMessageStage) return 0;
    const std::string_view text(bytes, size);
    if (text == "QUIT\r\n") {  // libcurl's goodbye after an error: the reply that matters is there
      transfer->Hush();
      return 0;
    }
    for (const std::string_view verb : kVerbs) {
      if (!text.starts_with(verb)) continue;
      transfer->stage_ = verb;
      transfer->status_ = 0;
    }
    return 0;
  }

  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<MailTransfer*>(self)->job_.given_up() ? 1 : 0;
  }

  static curl_socket_t OpenSocket(void* self, curlsocktype /*purpose*/, curl_sockaddr* address) {
    auto* transfer = static_cast<MailTransfer*>(self);
    transfer->address_tried_ = true;
    const MailRequest& mail = transfer->job_.request();
    // A password in the clear never leaves this host.
    if (!mail.require_tls && !mail.username.empty() && !IsLoopback(*address)) return CURL_SOCKET_BAD;
    if (!transfer->peers_.Permits(address->addr, address->addrlen)) {
      transfer->peer_denied_ = true;
      return CURL_SOCKET_BAD;
    }
    transfer->socket_ = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    return transfer->socket_;
  }

  static int CloseSocket(void* self, curl_socket_t socket) {
    auto* transfer = static_cast<MailTransfer*>(self);
    if (transfer->socket_ == socket) transfer->socket_ = -1;
    return close(socket);
  }

  // Whatever is read from now on is the end of the stream: libcurl's QUIT goes out and waits for nothing.
  void Hush() const {
    if (socket_ >= 0) shutdown(socket_, SHUT_RD);
  }

  MailJob& job_;
  KnownAddresses& addresses_;
  const PeerRules& peers_;
  const KnownAddresses::Clock::time_point begun_ = KnownAddresses::Clock::now();
  bool address_tried_ = false;
  bool peer_denied_ = false;
  std::string certificates_;
  std::string trouble_;  // with what it was to be done with; empty: none
  CurlList recipients_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::string stage_ = "the connection";
  int status_ = 0;  // of the reply to `stage_`; 0: none yet
  std::string line_;
  std::size_t read_ = 0;
  curl_socket_t socket_ = -1;
  CurlHandle handle_;  // last: closes the connection through our callback
};

}  // namespace

Mailer::Mailer(const TransportOptions& options, std::size_t threads) : options_(options), max_threads_(threads) {}

Mailer::~Mailer() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    for (const auto& job : running_)
      job->GiveUp();
    waiting_.clear();
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_)
    thread.join();
}

void Mailer::Start(std::shared_ptr<MailJob> job, Done done) {
  bool another = false;
  {
    const MutexLock lock(mutex_);
    waiting_.push_back({std::move(job), std::move(done)});
    another = idle_ < waiting_.size() && threads_.size() < max_threads_;
  }
  if (another) {
    try {
      threads_.emplace_back([this] { Run(); });
    } catch (const std::system_error&) {
      // No thread to be had: the message waits for another one's, or for its deadline.
    }
  }
  wake_.NotifyOne();
}

std::optional<Mailer::Work> Mailer::Take() {
  const MutexLock lock(mutex_);
  ++idle_;
  wake_.Wait(mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !waiting_.empty(); });
  --idle_;
  if (stopping_) return std::nullopt;
  Work work = std::move(waiting_.front());
  waiting_.pop_front();
  running_.insert(work.job);
  return work;
}

void Mailer::Run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  while (const std::optional<Work> work = Take()) {
    if (!work->job->given_up()) {
      MailTransfer transfer(*work->job, options_);
      work->done(transfer.Perform());
    }
    const MutexLock lock(mutex_);
    running_.erase(work->job);
  }
}

}  // namespace tocsin::notify
