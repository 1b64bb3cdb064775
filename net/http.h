// HTTP as our rooms see it: requests, responses, and the promise of an answer. No Boost in here; that stays in
// http_server.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin {

enum class HttpMethod : std::uint8_t {
  kGet,
  kHead,
  kPost,
  kPut,
  kPatch,
  kDelete,
  kOptions,
  kOther
};
inline constexpr std::size_t kHttpMethods = 8;
std::string_view Name(HttpMethod method);
HttpMethod ParseHttpMethod(std::string_view name);

struct HttpHeader {
  std::string name;
  std::string value;
  friend bool operator==(const HttpHeader&, const HttpHeader&) = default;
};
using HttpHeaders = std::vector<HttpHeader>;

// The value of the first header called `name`, without regard to case; "" when absent.
std::string_view FindHeader(std::span<const HttpHeader> headers, std::string_view name);

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string method_name;  // as sent; says more than kOther
  std::string path;         // percent-decoded, without trailing slashes; the root is "/"
  std::string raw_path;     // as sent, for paths whose segments may hold an escaped '/'
  std::string rest;         // what a prefix route left over, without its leading slash
  std::string query;        // raw, without '?'
  HttpHeaders headers;
  std::string body;  // whole, and inflated when it came as gzip
  std::string peer;  // the address of whoever connected to us, without port
  bool is_loopback = false;

  std::string_view header(std::string_view name) const { return FindHeader(headers, name); }
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers = {};  // Content-Length, Date and Connection are added when it is sent
  std::string body = {};
};
HttpResponse JsonResponse(int status, std::string body);
std::string_view HttpReason(int status);

// For a part of a path or a query: letters, digits and -._~ stay.
std::string PercentEncode(std::string_view text);
// %41 and, in queries and forms, '+'. Broken escapes stay as they are.
std::string PercentDecode(std::string_view text, bool plus_is_space);
struct FormField {
  std::string name;
  std::string value;
};
// The fields of a query or of an application/x-www-form-urlencoded body, in order; at most `most`, the rest is ignored.
std::vector<FormField> ParseForm(std::string_view text, std::size_t most = 1000);
// The first query parameter called `name`.
std::optional<std::string> QueryValue(std::string_view query, std::string_view name);

// The sending end of a response whose body comes in pieces (chunked). Any thread; one at a time.
class HttpStream {
 public:
  explicit HttpStream(std::shared_ptr<class HttpExchange> exchange) : exchange_(std::move(exchange)) {}
  HttpStream(HttpStream&&) = default;
  HttpStream& operator=(HttpStream&&) = delete;
  ~HttpStream();  // ends the body properly
  // False when the peer has gone or reads too slowly (more than 1 MiB waits): give up then.
  bool Write(std::string bytes);

 private:
  std::shared_ptr<class HttpExchange> exchange_;
};

// Who owes an answer holds one of these. It may be kept and used later, on any thread, also after the server has gone.
// Exactly one answer: Send and Stream use it up; dropped without either it answers 500.
class HttpResponder {
 public:
  explicit HttpResponder(std::shared_ptr<class HttpExchange> exchange) : exchange_(std::move(exchange)) {}
  HttpResponder(HttpResponder&&) = default;
  HttpResponder& operator=(HttpResponder&&) = delete;
  ~HttpResponder();
  void Send(HttpResponse response) &&;
  // `head.body` is the first piece.
  HttpStream Stream(HttpResponse head) &&;

 private:
  std::shared_ptr<class HttpExchange> exchange_;
};

// Runs on an I/O thread: never blocks.
using HttpHandler = std::function<void(HttpRequest, HttpResponder)>;

}  // namespace tocsin
