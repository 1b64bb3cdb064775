// A small HTTP server on a real loopback socket, for tests: it answers by script, and can misbehave in all the ways in
// which providers do. One thread for each connection; each connection carries one request.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include <openssl/ssl.h>

#include "base/mutex.h"
#include "tests/support/certificate.h"

namespace tocsin {

struct FakeRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct FakeAnswer {
  enum class How : std::uint8_t {
    kAnswer,   // as it should be
    kHang,     // says nothing, for ever
    kDrop,     // closes the connection
    kReset,    // resets it
    kStall,    // sends the head and half of the body, then nothing more
    kTrickle,  // sends a byte each 100 ms
    kRaw,      // sends `body` and nothing else
  };
  How how = How::kAnswer;
  int status = 200;
  std::vector<std::string> headers = {};
  std::string body = {};
};

class FakeHttp {
 public:
  using Script = std::function<FakeAnswer(const FakeRequest&)>;  // called on connections' threads, one at a time
  // `port` 0: one that the system chooses.
  explicit FakeHttp(Script script, const Certificate* tls = nullptr, int port = 0);
  ~FakeHttp();
  FakeHttp(const FakeHttp&) = delete;
  FakeHttp& operator=(const FakeHttp&) = delete;

  int port() const { return port_; }
  std::string url() const;  // "http://127.0.0.1:12345"
  // Complete requests in the order of their arrival.
  std::vector<FakeRequest> requests() const;
  int connections() const;
  // Waits until `count` complete requests have come; false: they have not, within a generous time.
  bool WaitForRequests(std::size_t count) const;

 private:
  class Connection;
  void Accept();
  void Serve(int socket);
  FakeAnswer Answer(const FakeRequest& request);

  const Script script_;
  SSL_CTX* tls_ = nullptr;
  int listener_ = -1;
  int port_ = 0;
  mutable Mutex mutex_;
  mutable ConditionVariable changed_;
  Mutex script_mutex_;
  std::vector<FakeRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::set<int> open_ ABSL_GUARDED_BY(mutex_);
  int connections_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  std::thread acceptor_;
};

// A loopback port on which nobody listens.
int ClosedPort();

}  // namespace tocsin
