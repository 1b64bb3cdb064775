#include "server/greeting.h"

#include <cstdio>

namespace tocsin {

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
    std::printf(
        "\n"
        "This is a sample organisation. Pages to its people appear here. In a second terminal:\n"
        "  ./dev demo                                        play an outage of about a minute\n"
        "  build/release/tocsin oncall                       who is on call\n"
        "  build/release/tocsin groups                       what is open\n"
        "  build/release/tocsin explain G14                  why was I paged, and what happens next; numbers: see "
        "groups\n"
        "  build/release/tocsin ack G14                      take it: nobody else is paged\n"
        "  build/release/tocsin help                         everything else\n"
        "Kill it (also with kill -9) and start it again: nothing is forgotten.\n");
  }
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace tocsin
