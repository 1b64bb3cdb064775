// A small valid organisation, to which tests add one file with what they are about.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace tocsin {

inline constexpr const char* kBase = R"(
fallback_user: ann
users:
  - {id: ann, contact_methods: [{kind: terminal, address: ann}]}
  - {id: bob, contact_methods: [{kind: terminal, address: bob}]}
teams:
  - {id: db, members: [ann, bob]}
policies:
  - {id: page-ann, steps: [{delay: 5m, targets: [{user: ann}]}]}
services:
  - {id: shop, matchers: 'service="shop"'}
)";
inline constexpr const char* kBaseRoute = R"(
route: {policy: page-ann}
)";

// `text` beside the base; it is file x.yaml, and the route is in it or in the base.
inline std::vector<SourceFile> WithBase(const std::string& text) {
  std::vector<SourceFile> files = {
      {"base.yaml", kBase}
  };
  if (text.find("route:") == std::string::npos) files[0].text += kBaseRoute;
  files.push_back({"x.yaml", text});
  return files;
}

inline std::vector<std::string> Lines(const std::vector<Problem>& problems) {
  std::vector<std::string> lines;
  for (const Problem& problem : problems)
    lines.push_back(Format(problem));
  return lines;
}

}  // namespace tocsin
