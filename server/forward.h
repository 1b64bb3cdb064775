// Hands HTTP requests on to the engine's server, and its answers back: method, target, headers and body as they came, and from whom.
#pragma once

#include <string>

#include "api/workers.h"
#include "base/mutex.h"
#include "net/http_router.h"

namespace tocsin {

class Forwarder {
 public:
  // `workers` wait for the engine's answers; they outlive the server that uses the router.
  explicit Forwarder(Workers& workers) : workers_(workers) {}

  // Where the engine listens; empty: it is not there, and everybody is told to come again.
  void SetEngine(std::string unix_socket);
  // Any thread. Answers later.
  void Forward(HttpRequest request, HttpResponder responder);
  // Everything that no other route takes.
  void AddRoutes(HttpRouter& router);

 private:
  std::string engine() const;

  Workers& workers_;
  mutable Mutex mutex_;
  std::string engine_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
