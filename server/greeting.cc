#include "server/greeting.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace tocsin {

std::string Reachable(const std::string& address) {
  constexpr std::string_view kAny[] = {"0.0.0.0:", "[::]:", ":::"};
  for (const std::string_view any : kAny)
    if (address.starts_with(any)) return "127.0.0.1:" + address.substr(any.size());
  return address;
}

void Greet(const ServeOptions& options, bool has_sample) {
  const char* scheme = options.tls.certificate.empty() ? "http" : "https";
  std::printf(
      "\n"
      "tocsin is up.\n"
      "  webhooks, API, metrics   %s://%s\n"
      "  gRPC stream and API      %s%s\n"
      "  store                    %s  (its API token: %s/admin.token)\n",
      scheme, options.http.c_str(), options.tls.certificate.empty() ? "" : "https://", options.grpc.c_str(),
      options.data.c_str(), options.data.c_str());
  if (!options.smtp.empty()) std::printf("  mails that are alerts    %s\n", options.smtp.c_str());
  if (has_sample) {
    // What the commands assume needs no saying.
    const std::string grpc = options.grpc == "127.0.0.1:8912" ? "" : " --server " + Reachable(options.grpc);
    const std::string demo = options.http == "127.0.0.1:8911" ? "" : " --http http://" + Reachable(options.http);
    const std::string token = options.data == "./data" ? "" : " --token-file " + options.data + "/admin.token";
    std::printf("\nThis is a sample organisation. Pages to its people appear here. In a second terminal:\n");
    const std::pair<std::string, std::string_view> lines[] = {
        {"./dev demo" + demo + grpc + token,                "play an outage of about a minute"},
        {"build/release/tocsin oncall" + grpc + token,      "who is on call"                  },
        {"build/release/tocsin groups" + grpc + token,      "what is open"                    },
        {"build/release/tocsin explain G14" + grpc + token,
         "why was I paged, and what happens next; numbers: see groups"                        },
        {"build/release/tocsin ack G14" + grpc + token,     "take it: nobody else is paged"   },
        {"build/release/tocsin help",                       "everything else"                 },
    };
    std::size_t widest = 0;
    for (const auto& [command, what] : lines)
      widest = std::max(widest, command.size());
    for (const auto& [command, what] : lines) {
      std::printf("  %-*s  %.*s\n", static_cast<int>(widest), command.c_str(), static_cast<int>(what.size()),
                  what.data());
    }
    std::printf("Kill it (also with kill -9) and start it again: nothing is forgotten.\n");
  }
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace tocsin
