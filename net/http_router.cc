#include "net/http_router.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_format.h"

namespace tocsin {
namespace {

bool IsBelow(std::string_view path, std::string_view prefix) {
  if (prefix == "/") return true;
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

std::string_view WithoutTrailingSlash(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.remove_suffix(1);
  return path;
}

HttpResponse DescribePlainly(const HttpProblem& problem) {
  return JsonResponse(problem.status,
                      absl::StrFormat(R"({"code":%d,"message":%s})", problem.status, JsonQuote(problem.message)));
}

}  // namespace

void HttpRouter::Add(HttpMethod method, std::string_view path, HttpHandler handler, HttpRouteOptions options) {
  Methods& methods = exact_[std::string(WithoutTrailingSlash(path))];
  methods.handlers[static_cast<std::size_t>(method)] = std::move(handler);
  methods.options[static_cast<std::size_t>(method)] = options;
}

void HttpRouter::AddPrefix(HttpMethod method, std::string_view prefix, HttpHandler handler, HttpRouteOptions options) {
  prefix = WithoutTrailingSlash(prefix);
  auto at = std::ranges::find(prefixes_, prefix, &std::pair<std::string, Methods>::first);
  if (at == prefixes_.end()) {
    at = std::ranges::find_if(prefixes_, [&](const auto& entry) { return entry.first.size() < prefix.size(); });
    at = prefixes_.insert(at, {std::string(prefix), Methods()});
  }
  at->second.handlers[static_cast<std::size_t>(method)] = std::move(handler);
  at->second.options[static_cast<std::size_t>(method)] = options;
}

void HttpRouter::AddSubtree(HttpSubtree subtree) {
  subtree.prefix = WithoutTrailingSlash(subtree.prefix);
  std::erase_if(subtrees_, [&](const HttpSubtree& s) { return s.prefix == subtree.prefix; });
  const auto at =
      std::ranges::find_if(subtrees_, [&](const HttpSubtree& s) { return s.prefix.size() < subtree.prefix.size(); });
  subtrees_.insert(at, std::move(subtree));
}

std::vector<HttpRouter::Route> HttpRouter::Routes() const {
  std::vector<Route> routes;
  const auto add = [&](const std::string& path, const Methods& methods, bool is_prefix) {
    for (std::size_t i = 0; i < kHttpMethods; ++i) {
      if (methods.handlers[i]) routes.push_back({static_cast<HttpMethod>(i), path, is_prefix});
    }
  };
  for (const auto& [path, methods] : exact_)
    add(path, methods, /*is_prefix=*/false);
  for (const auto& [path, methods] : prefixes_)
    add(path, methods, /*is_prefix=*/true);
  std::ranges::sort(routes, {}, [](const Route& route) { return std::tie(route.path, route.method); });
  return routes;
}

const HttpSubtree* HttpRouter::SubtreeOf(std::string_view path) const {
  const auto found = std::ranges::find_if(subtrees_, [&](const HttpSubtree& s) { return IsBelow(path, s.prefix); });
  return found == subtrees_.end() ? nullptr : &*found;
}

const HttpRouter::Methods* HttpRouter::MethodsOf(HttpRequest& request) const {
  request.rest.clear();
  if (const auto exact = exact_.find(request.path); exact != exact_.end()) return &exact->second;
  const auto found = std::ranges::find_if(prefixes_, [&](const auto& p) { return IsBelow(request.path, p.first); });
  if (found == prefixes_.end()) return nullptr;
  const std::size_t skip = found->first == "/" ? 1 : found->first.size() + 1;
  if (request.path.size() > skip) request.rest = request.path.substr(skip);
  return &found->second;
}

std::string HttpRouter::Allowed(const Methods& methods) {
  std::string names;
  for (std::size_t i = 0; i < kHttpMethods; ++i) {
    if (!methods.handlers[i]) continue;
    if (!names.empty()) names += ',';
    names += Name(static_cast<HttpMethod>(i));
  }
  return names;
}

HttpRouter::Match HttpRouter::Find(HttpRequest& request) const {
  const Methods* methods = MethodsOf(request);
  if (methods == nullptr) {
    return {.response = Describe(request, {404, absl::StrFormat("path %s was not found", request.path)})};
  }
  const HttpSubtree* subtree = SubtreeOf(request.path);
  auto method = static_cast<std::size_t>(request.method);
  if (request.method == HttpMethod::kHead && !methods->handlers[method] && (subtree == nullptr || subtree->head)) {
    method = static_cast<std::size_t>(HttpMethod::kGet);
  }
  if (methods->handlers[method]) return {.handler = &methods->handlers[method], .options = methods->options[method]};

  const std::string allowed = Allowed(*methods);
  if (request.method == HttpMethod::kOptions) {
    if (subtree != nullptr && subtree->options) return {.response = subtree->options(request)};
    return {
        .response = {.status = 204, .headers = {{"Allow", allowed}}}
    };
  }
  HttpResponse refusal =
      Describe(request, {405, absl::StrFormat("method %s is not allowed, but [%s] are", request.method_name, allowed)});
  refusal.headers.push_back({"Allow", allowed});
  return {.response = std::move(refusal)};
}

HttpResponse HttpRouter::Describe(const HttpRequest& request, const HttpProblem& problem) const {
  const HttpSubtree* subtree = SubtreeOf(request.path);
  return subtree != nullptr && subtree->problem ? subtree->problem(problem) : DescribePlainly(problem);
}

void HttpRouter::Finish(const HttpRequest& request, HttpResponse& response) const {
  const HttpSubtree* subtree = SubtreeOf(request.path);
  if (subtree != nullptr && subtree->finish) subtree->finish(request, response);
}

}  // namespace tocsin
