// Which handler answers a request. Built once, then handed to the server and never changed: no locks.
//
// Paths match exactly or by prefix (whole segments); the longest prefix wins, an exact path wins over any prefix. A trailing slash
// never matters. HEAD is answered by the GET handler, OPTIONS by a list of methods, unless somebody registered them or the
// subtree says otherwise.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/limits.h"
#include "base/strings.h"
#include "net/http.h"

namespace tocsin {

// Why the server itself, not a handler, answers.
struct HttpProblem {
  int status = 404;
  std::string message;
};

// How a part of the tree speaks: peers' APIs have their own error bodies and headers.
struct HttpSubtree {
  std::string prefix = {};
  // The answer to a problem; absent: {"code":404,"message":"path /x was not found"}.
  std::function<HttpResponse(const HttpProblem&)> problem = {};
  // A last touch on each response, also on problems; absent: none.
  std::function<void(const HttpRequest&, HttpResponse&)> finish = {};
  // Answers OPTIONS where no handler does; absent: 204.
  std::function<HttpResponse(const HttpRequest&)> options = {};
  bool head = true;  // false: HEAD is refused with 405 where no handler is registered for it
};

struct HttpRouteOptions {
  std::size_t max_body_bytes = limits::kBodyBytes;  // compressed and inflated alike
};

class HttpRouter {
 public:
  struct Route {
    HttpMethod method = HttpMethod::kGet;
    std::string path;
    bool is_prefix = false;
    friend auto operator<=>(const Route&, const Route&) = default;
  };
  void Add(HttpMethod method, std::string_view path, HttpHandler handler, HttpRouteOptions options = {});
  void AddPrefix(HttpMethod method, std::string_view prefix, HttpHandler handler, HttpRouteOptions options = {});
  // The longest prefix decides. The same prefix again replaces the earlier one.
  void AddSubtree(HttpSubtree subtree);

  // All that something answers, sorted: so that a test can ask of each who may come in.
  std::vector<Route> Routes() const;

  struct Match {
    const HttpHandler* handler = nullptr;  // nullptr: answer with `response`
    HttpRouteOptions options = {};
    HttpResponse response = {};
  };
  // Sets request.rest.
  Match Find(HttpRequest& request) const;
  // The answer to a problem in the words of the request's subtree.
  HttpResponse Describe(const HttpRequest& request, const HttpProblem& problem) const;
  // Applies the subtree's last touch.
  void Finish(const HttpRequest& request, HttpResponse& response) const;

 private:
  struct Methods {
    std::array<HttpHandler, kHttpMethods> handlers;
    std::array<HttpRouteOptions, kHttpMethods> options;
  };
  const HttpSubtree* SubtreeOf(std::string_view path) const;
  const Methods* MethodsOf(HttpRequest& request) const;
  static std::string Allowed(const Methods& methods);

  std::unordered_map<std::string, Methods, StringHash, StringEqual> exact_;
  std::vector<std::pair<std::string, Methods>> prefixes_;  // longest first
  std::vector<HttpSubtree> subtrees_;                      // longest prefix first
};

}  // namespace tocsin
